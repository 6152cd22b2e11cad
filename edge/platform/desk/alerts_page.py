"""What stands above its action level at each node, and who takes care of it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from flask import g, redirect, render_template, request, session, url_for

from edge.languages.tasks import taken_words
from edge.languages.units import threshold_unit_words
from edge.platform.alerts.standing_alerts import (
    Named,
    Standing,
    Step,
    acknowledge_each,
    counted,
    histories,
    named,
    standing,
)
from edge.platform.areas.area_names import each_called
from edge.platform.desk.entry import Answer, desk, logged_in, refuse
from edge.platform.desk.paging import one_page, start_asked
from edge.platform.sentences import code_words, level_words, place_words, taxon_words, when
from edge.platform.words import figure_words, gettext, ngettext, number

TOWNSHIP = 9  # digits of its code
MOST_AT_ONCE = 200  # in one form, which may be as long as MOST_FORM_BYTES
MOST_OF_NODE = 20  # an honest one has a threshold or two for each of a few taxa


@desk.get("/alerts")
@logged_in
def alerts_page() -> Answer:
    """What stands above its action level, and who takes care of it."""
    told = standing(g.database)
    page = one_page(_groups([one for one in told if one.nth <= MOST_OF_NODE]))
    keys = counted(g.database, [alerts[0] for alerts in page.lines])
    names = each_called(g.database, [_place(alerts[0]) for alerts in page.lines])
    shown = [one for alerts in page.lines for one in alerts]
    steps = dict(zip(map(named, shown), histories(g.database, shown), strict=True))
    groups = [_group(*group, steps) for group in zip(page.lines, keys, names, strict=True)]
    return render_template("alerts.html", groups=groups, page=page, left_out=_left_out(told))


def _groups(told: Sequence[Standing]) -> list[list[Standing]]:
    """What nodes of one township tell of one taxon, and one person has in hand or has done, in order."""
    groups = defaultdict[tuple[object, ...], list[Standing]](list)
    for one in told:
        groups[one.told.label, _place(one), one.who, one.carried_out, one.is_silent].append(one)
    return list(groups.values())


def _place(one: Standing) -> str:
    """The township, or the village of who sees no more."""
    return one.area_code[: max(TOWNSHIP, len(g.area))]


def _left_out(told: Sequence[Standing]) -> list[str]:
    """Of which nodes more stands than the page shows."""
    shown = number(MOST_OF_NODE)
    return [
        gettext("%(node)s: the %(shown)s first of %(every)s alerts.", node=node, shown=shown, every=number(many))
        for node, many in Counter(f"{one.site}/{one.node}" for one in told).items()
        if many > MOST_OF_NODE
    ]


@desk.post("/alerts/<int:node_id>")
@logged_in
def acknowledge_alert(node_id: int) -> Answer:
    """Somebody takes care of it or no longer; the leading worker tells the node."""
    form = request.form
    try:
        since = datetime.fromisoformat(form.get("since", ""))
    except ValueError:
        refuse(400, gettext("This alert is over."))
    label, unit, level = (form.get(name, "") for name in ("label", "unit", "level"))
    return _said([(node_id, label, unit, level, since)])


@desk.post("/alerts")
@logged_in
def acknowledge_alerts() -> Answer:
    """The same of all that stood together on the page."""
    try:
        return _said([msgspec.json.decode(one, type=Named) for one in request.form.getlist("alert")])
    except ValueError:
        refuse(400, gettext("This alert is over."))


def _said(alerts: Sequence[Named]) -> Answer:
    was, gives_back = request.form.get("was", ""), "give_back" in request.form
    if not acknowledge_each(g.database, alerts, session["name"], was=was, gives_back=gives_back):
        refuse(404, gettext("This alert is over."))
    return redirect(url_for("desk.alerts_page", start=start_asked()))


def _group(
    alerts: Sequence[Standing], key: str, called: str | None, steps: Mapping[Named, Sequence[Step]]
) -> dict[str, Any]:
    """`key`: of their taxon on the map."""
    place, nodes = _place(alerts[0]), {one.node_id for one in alerts}
    levels = defaultdict[str, set[int]](set)
    for one in alerts:
        levels[one.told.level].add(one.node_id)
    return {
        "taxon": taxon_words(alerts[0].told.label, ""),
        "place": place,
        "key": key or None,
        "called": place_words(place, called),
        "nodes": _nodes_words(nodes),
        "levels": [(level, level_words(level), _nodes_words(at)) for level, at in sorted(levels.items())],
        "names": [msgspec.json.encode(named(one)).decode() for one in alerts[:MOST_AT_ONCE]],
        "who": alerts[0].who,
        "done": _taken_words(max(alerts, key=lambda one: one.at or one.told.since)) if alerts[0].who else "",
        "alerts": [_alert(one, steps[named(one)]) for one in alerts],
    }


def _nodes_words(nodes: Collection[int]) -> str:
    return ngettext("%(nodes)s node", "%(nodes)s nodes", len(nodes), nodes=number(len(nodes)))


def _alert(one: Standing, steps: Sequence[Step]) -> dict[str, Any]:
    told = one.told
    return {
        "node_id": one.node_id,
        "told": told,
        "level_says": level_words(told.level),
        "says": gettext(
            "%(node)s, since %(since)s: %(value)s %(unit)s; the action level is %(start)s.",
            node=f"{one.site}/{one.node}",
            since=when(told.since, one.zone),
            value=figure_words(told.value, told.start_at),
            unit=threshold_unit_words(told.unit),
            start=number(told.start_at, 3),
        ),
        "area": code_words(one.area_code, one.called),
        "silent": gettext("silent for a day") if one.is_silent else "",
        "heard": when(one.heard, one.zone) if one.heard else "",
        "who": one.who,
        "done": _care_words(one),
        "steps": [_step_words(step, one.zone) for step in steps] if len(steps) > 1 else [],
    }


def _care_words(one: Standing) -> str:
    """Who takes care, has done it or gave it back, and whether the node knows; empty for nobody."""
    if not (one.who or one.giver):
        return ""
    who = _taken_words(one)
    if one.outcome is None:
        then = gettext("On its way to the node.")
    elif one.outcome == "done":
        then = gettext("The node shows it too.")
    else:
        then = gettext("The node did not take it: %(code)s.", code=one.outcome)
    return f"{who} {then}"


def _taken_words(one: Standing) -> str:
    """Who takes care, has done it or gave it back."""
    at = when(one.at, one.zone) if one.at else ""
    if one.carried_out:
        return _done_words(one.who, at)
    if one.who:
        return taken_words(one.who, at)
    return gettext("%(who)s gave it back, %(at)s.", who=one.giver, at=at)


def _step_words(step: Step, zone: str) -> str:
    """One of an alert's history."""
    at = when(step.at, zone)
    if not step.who:
        return gettext("Open again at the node, %(at)s.", at=at)
    if step.given_back:
        return gettext("%(who)s gave it back, %(at)s.", who=step.who, at=at)
    if step.carried_out:
        return _done_words(step.who, at)
    return gettext("%(who)s took it on, %(at)s.", who=step.who, at=at)


def _done_words(who: str, at: str) -> str:
    """The field's own word: who has done what the alert asks for."""
    return gettext("%(who)s has done it, %(at)s.", who=who, at=at)
