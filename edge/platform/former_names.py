"""Names that a node left behind which was carried to another field, renamed or replaced: nobody waits for them."""

from datetime import date

from edge.platform.database import Database, only_row

SILENT_DAYS = 90  # a report names a node for a season that has stopped; one that comes back is expected again by itself
# Neither heard nor with a night since so long before `first`. Of a name of the broker's alone nobody knows since when.
# A night after `last` is no sign: a clock that was off may have told one of decades ahead.
IS_LEFT_BEHIND = f"""(coalesce(node.heard < %(first)s - {SILENT_DAYS}, node.since IS NOT NULL) AND NOT EXISTS (
    SELECT FROM night_effort past WHERE past.node_id = node.node_id
    AND past.night BETWEEN %(first)s - {SILENT_DAYS} AND %(last)s))"""
_LEFT = f"SELECT count(*) FROM node WHERE area_code ^@ %(area)s AND since <= %(last)s AND {IS_LEFT_BEHIND}"  # noqa: S608


def left_behind(database: Database, area: str, first: date, last: date) -> int:
    """How many names of an area had told a night by the last one and were silent for long by the first."""
    (many,) = only_row(database, _LEFT, {"area": area, "first": first, "last": last})
    return int(many)
