"""What stands above its action level at each node, and who takes care of it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import g, redirect, render_template, request, session, url_for

from edge.languages.units import threshold_unit_words
from edge.platform.acknowledged import Standing, acknowledge, standing
from edge.platform.desk.entry import Answer, desk, logged_in, refuse
from edge.platform.desk.paging import one_page, start_asked
from edge.platform.sentences import level_words, taxon_words, when
from edge.platform.words import figure_words, gettext, number

MOST_OF_NODE = 20  # an honest one has a threshold or two for each of a few taxa


@desk.get("/alerts")
@logged_in
def alerts_page() -> Answer:
    """What stands above its action level, and who takes care of it."""
    told = standing(g.database)
    page = one_page([one for one in told if one.nth <= MOST_OF_NODE])
    alerts = [_alert(one) for one in page.lines]
    return render_template("alerts.html", alerts=alerts, page=page, left_out=_left_out(told))


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
    """Somebody takes care of it; the leading worker tells the node."""
    form = request.form
    try:
        since = datetime.fromisoformat(form.get("since", ""))
    except ValueError:
        refuse(400, gettext("This alert is over."))
    label, unit, level = (form.get(name, "") for name in ("label", "unit", "level"))
    if not acknowledge(g.database, node_id, label=label, unit=unit, level=level, since=since, who=session["name"]):
        refuse(404, gettext("This alert is over."))
    return redirect(url_for("desk.alerts_page", start=start_asked()))


def _alert(one: Standing) -> dict[str, Any]:
    told = one.told
    return {
        "node_id": one.node_id,
        "taxon": taxon_words(told.label, ""),
        "told": told,
        "level_says": level_words(told.level),
        "says": gettext(
            "%(node)s, since %(since)s UTC: %(value)s %(unit)s; the action level is %(start)s.",
            node=f"{one.site}/{one.node}",
            since=when(told.since),
            value=figure_words(told.value, told.start_at),
            unit=threshold_unit_words(told.unit),
            start=number(told.start_at, 3),
        ),
        "area": one.area_code,
        "silent": gettext("silent for a day") if one.is_silent else "",
        "heard": when(one.heard) if one.heard else "",
        "done": _care_words(one),
    }


def _care_words(one: Standing) -> str:
    """Who takes care, and whether the node knows; empty for nobody."""
    if not one.who or one.at is None:
        return ""
    who = gettext("%(who)s takes care of it, %(at)s UTC.", who=one.who, at=when(one.at))
    if one.outcome is None:
        then = gettext("On its way to the node.")
    elif one.outcome == "done":
        then = gettext("The node shows it too.")
    else:
        then = gettext("The node did not take it: %(code)s.", code=one.outcome)
    return f"{who} {then}"
