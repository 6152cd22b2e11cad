"""How each node is, those that need somebody first."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import g, render_template

from edge.platform.desk.entry import Answer, desk, logged_in
from edge.platform.desk.paging import one_page
from edge.platform.former_names import IS_LEFT_BEHIND
from edge.platform.intake.registry import NOWHERE
from edge.platform.sentences import left_behind_words, place_words, when
from edge.platform.words import gettext, number

# `health.last_update` is a sentence and no code. So end those after which nobody has to do anything; any other,
# also one that is unknown here, calls for somebody.
ENDS_OF_GOOD_UPDATES = ("runs well", "from the next start on", "is installed already", "the rest is tried again")
BLIND_NIGHTS = 3  # that are over and brought no frame: a few of rain or of a station's work call for nobody yet
_ROWS = f"""
    SELECT site, node, area_code, area_called(area_code), time_zone, heard, since IS NULL,
           status->>'state', health->>'problem', health->'camera'->>'state',
           (health->'store'->>'waiting')::bigint, (health->>'battery_share')::float8, (health->>'battery_v')::float8,
           health->>'last_update', health->>'clock', info->>'software', info->>'version', info->>'software_number',
           info->'models',
           CASE WHEN area_code = '{NOWHERE}' AND rtrim(info->>'area_code', '0') <> '' THEN info->>'area_code' END,
           card_back BETWEEN now() - interval '1 day' AND now(),
           CASE WHEN last_look < night_of(now(), time_zone) - 1 - {BLIND_NIGHTS} THEN last_look END, {IS_LEFT_BEHIND}
    FROM node, LATERAL (  -- of one that never saw anything its first night; one to come is of a clock that was off
        SELECT coalesce(max(night), since) AS last_look FROM night_effort
        WHERE node_id = node.node_id AND frames > 0 AND night <= night_of(now(), time_zone)
    ) AS looked  -- who is heard, each minute anew, stands by name: none moves to a page that was read
    ORDER BY least(coalesce(heard, '-infinity'), now() - interval '1 day'), site, node
"""  # noqa: S608  our own words


@desk.get("/nodes")
@logged_in
def nodes_page() -> Answer:
    """How each node is, those that need somebody first; names that were left behind stand folded below."""
    now = datetime.now(UTC)
    rows = g.database.execute(_ROWS, {"first": now.date(), "last": now.date()}).fetchall()
    nodes = [_node(row, now) for *row, is_left in rows if not is_left]
    left = [_node(row, now) for *row, is_left in rows if is_left]
    nodes.sort(key=lambda node: not node["faults"])
    return render_template("nodes.html", page=one_page(nodes), left=left, left_says=left_behind_words(len(left)))


def _node(row: Sequence[Any], now: datetime) -> dict[str, Any]:
    site, node, area, called, zone, heard, is_new, state, problem, camera, waiting, share, volts, *others = row
    update, clock, *runs, refused, is_back, blind_since = others
    is_silent = heard is None or now - heard > timedelta(days=1)
    silent = gettext("silent for a day") if is_silent else gettext("offline") if state == "offline" else ""
    says = silent or _camera_words(camera)
    faults = [(says, None)] if says else []
    if clock == "unsynced" and not silent:
        faults.append((gettext("the clock is not set: nobody knows the night of what it counts"), None))
    elif blind_since and not is_silent:
        faults.append((gettext("no data since the night of %(night)s", night=str(blind_since)), None))
    if is_back:
        two = gettext("in the last 24 hours two devices used this name, or an earlier card was put back")
        faults.append((two, None))
    if problem:
        faults.append((gettext("It says:"), problem))
    if update and not update.endswith(ENDS_OF_GOOD_UPDATES):
        faults.append((gettext("Last update:"), update))
    if refused:
        faults.append((gettext("Counts in no area; its area code:"), refused))
    return {
        "site": site,
        "node": node,
        "area": place_words(area, called),
        "heard": when(heard, zone) if heard else "",
        "faults": faults,  # each in our words and, in English, in the node's
        "well": gettext("no night reported yet") if is_new else gettext("well"),
        "runs": _versions(*runs),
        "waiting": "" if waiting is None else number(waiting),
        "battery": _battery(share, volts),
    }


def _battery(share: float | None, volts: float | None) -> str:
    """As the node's own page: 64%, where the gauge reckons it, else volts."""
    if share is not None:
        return f"{share:.0%}"
    return "" if volts is None else f"{number(volts, 1)} V"


def _versions(
    software: str | None, version: str | None, update: str | None, models: list[dict[str, str]] | None
) -> list[str]:
    """Of the software and the models that run; empty of a node that has not told them."""
    told = [f"{software} {version}"] if software and version else []
    if told and update not in {None, "0"}:
        told = [gettext("%(software)s, number %(number)s", software=told[0], number=update)]
    return told + [f"{model['name']} {model['version']}" for model in models or []]


def _camera_words(state: str | None) -> str:
    """What is wrong with the camera; empty for nothing."""
    words = {
        "missing": gettext("no camera"),
        "stalled": gettext("the camera gives nothing new"),
        "repeating": gettext("the camera repeats its picture"),
    }
    if state in {None, "ok", "starting", "ended"}:
        return ""
    return words.get(str(state), gettext("camera: %(state)s", state=str(state)))
