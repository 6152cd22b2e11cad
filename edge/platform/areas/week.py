"""What a report says of an area's week or month: taken from the database in one go, so that its figures agree."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta

from psycopg.rows import class_row

from edge.counts import MOVED, OUTDATED
from edge.errors import UsageError
from edge.platform.areas.area_names import called
from edge.platform.areas.charts import Place
from edge.platform.areas.hull import Point
from edge.platform.areas.population import (
    CAN_TELL,
    IS_OF_TAXA,
    Cameras,
    Night,
    Range,
    TaxonSum,
    Trend,
    Wanted,
    cameras_behind,
    is_incidence,
    population,
    range_told,
    running_from,
    taxa_of,
    together,
    trend,
    unlike_hours,
)
from edge.platform.database import Database, only_row, reachable
from edge.platform.former_names import IS_LEFT_BEHIND, left_behind

WEEKS_SHOWN = 8
MOST_TAXA = 12  # each with a chart and a map, and whatever has reached a threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxonWeek:
    """One taxon, counted in one unit."""

    total: TaxonSum
    nights: tuple[Night, ...]  # of the week
    cameras: Cameras  # that the week's density is of
    weeks: tuple[Trend, ...]  # of the eight weeks up to it
    range: Range | None  # None where its km² would mislead
    places: tuple[Place, ...]
    reached: frozenset[str]  # names of places, see `places_at`
    start_at: float | None  # the station's threshold
    sure_at: float | None
    source: str
    together: float | None  # last mean of all life stages, which the level is of; None: it is this one's own
    unlike_h: tuple[float, float] | None  # of the last week and the one before, see `unlike_hours`


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeWeek:
    """A node's effort in the week, and since when it is silent."""

    site: str
    node: str
    area_code: str
    called: str | None  # that area, by a name that the station keeps
    nights: int  # with a frame
    saturated: int
    heard: datetime | None  # not so far
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTold:
    """What a node itself said against a threshold of its own."""

    at: datetime
    zone: str
    node: str  # site/node, and its area if that has a name
    label: str
    level: str
    value: float  # in `unit`, as is the next
    start_at: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A report's content."""

    area: str
    called: str | None  # by a name that the station keeps
    first: date
    last: date
    over: date  # its last night that is over for all nodes; before `first` where none is
    nodes: tuple[NodeWeek, ...]
    missed: frozenset[tuple[str, str]]  # site and node of those without data in a night that is over
    left_behind: int  # names that are no longer among them
    not_begun: tuple[str, ...]  # site/node of those without any night so far: on the map, and not among them
    undated: int  # nodes, see `undated`
    taxa: tuple[TaxonWeek, ...]
    more_taxa: int  # counted too, and not shown one by one
    alerts: tuple[AlertTold, ...]

    @property
    def reporting(self) -> int:
        """Nodes with at least a night."""
        return sum(node.nights > 0 for node in self.nodes)

    @property
    def gaps(self) -> tuple[NodeWeek, ...]:
        """Nodes that missed a night that is over or were too full to count on, those that missed most first."""
        gaps = [node for node in self.nodes if (node.site, node.node) in self.missed or node.saturated]
        return tuple(sorted(gaps, key=lambda node: node.nights))

    @property
    def unplaced(self) -> int:
        """Nodes that are on no map, see `unplaced`."""
        return unplaced(self.nodes, self.taxa[0].places) if self.taxa else 0


@reachable()
def week(database: Database, area: str, first: date, last: date) -> Week:
    """Raises UsageError for an area of no level or beside the role's own, StoreError."""
    Wanted(area=area, label="", first=first, last=last)  # checks
    with database.transaction():
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        _check_own(database, area)
        totals = taxa_of(database, area, first, last)
        shown = _shown(database, area, first, last, totals)
        over = last_over(running_from(database, area), last)
        nodes = nodes_of(database, area, first, last)
        until_over = nodes if over == last else nodes_of(database, area, first, over)
        nights_over = (over - first).days + 1
        return Week(
            area=area,
            called=called(database, area),
            first=first,
            last=last,
            over=over,
            nodes=tuple(nodes),
            missed=frozenset((one.site, one.node) for one in until_over if one.nights < nights_over),
            left_behind=left_behind(database, area, first, last),
            not_begun=not_begun(database, area, first, last),
            undated=undated(database, area, first, last),
            taxa=tuple(_taxon(database, area, first, last, total) for total in shown),
            more_taxa=len(totals) - len(shown),
            alerts=tuple(_alerts(database, area, first, last)),
        )


def _check_own(database: Database, area: str) -> None:
    """What a role may not see would read as zeros. Who owns the tables sees all."""
    asked = "SELECT coalesce(my_area(), 'none') WHERE row_security_active('node')"
    (own,) = database.execute(asked).fetchone() or ("",)
    if not area.startswith(own):
        raise UsageError(
            f"area {area}: the database's user reads {own} and nothing beside it; give an area within that"
        )


def _shown(database: Database, area: str, first: date, last: date, totals: Sequence[TaxonSum]) -> list[TaxonSum]:
    """The first ones, and of the others those that stood at `look` or `act` at the end of one of its weeks."""
    own = set(database.execute("SELECT label, unit FROM threshold").fetchall())
    more = (one for one in totals[MOST_TAXA:] if (one.label, one.unit) in own)
    levels = ((one, trend(database, one.wanted(area, first, last))[::-7]) for one in more)
    return [*totals[:MOST_TAXA], *(one for one, ends in levels if any(end.level in ("look", "act") for end in ends))]


def _taxon(database: Database, area: str, first: date, last: date, total: TaxonSum) -> TaxonWeek:
    wanted = total.wanted(area, first, last)
    start_at, sure_at, source = threshold_of(database, wanted)
    nights, weeks = tuple(population(database, wanted)), tuple(trend(database, in_weeks(wanted)))
    return TaxonWeek(
        total=total,
        nights=nights,
        cameras=cameras_behind(database, wanted, nights),
        weeks=weeks,
        range=range_told(database, wanted, nights),
        places=tuple(places_of(database, wanted)),
        reached=frozenset(places_at(database, wanted, start_at)),
        start_at=start_at,
        sure_at=sure_at,
        source=source,
        together=together(database, wanted, weeks[-1]),
        unlike_h=unlike_hours(database, wanted),
    )


# Nights of whole weeks are summed in week_effort and week_count; those before and after stand in night_*.
_WHOLE_WEEKS = "week BETWEEN first_monday(%(first)s) AND last_sunday(%(last)s)"
_OTHER_NIGHTS = """(night BETWEEN %(first)s AND least(first_monday(%(first)s) - 1, %(last)s)
                    OR night BETWEEN greatest(last_sunday(%(last)s) + 1, %(first)s) AND %(last)s)"""
_PLACES = f"""
    SELECT site || '/' || node, latitude_deg, longitude_deg,
           CASE WHEN frames > 0 AND %(is_incidence)s THEN 100 * coalesce(many, 0)::float8 / frames
                WHEN frames > 0 THEN coalesce(many, 0) END AS value, area_code, area_called(area_code)
    FROM node
    LEFT JOIN (
        SELECT node_id, sum(frames)::float8 AS frames FROM (
            SELECT node_id, frames FROM week_effort WHERE unit = %(unit)s AND {CAN_TELL} AND {_WHOLE_WEEKS}
            UNION ALL SELECT node_id, frames FROM night_effort
                      WHERE unit = %(unit)s AND {CAN_TELL} AND {_OTHER_NIGHTS}
        ) AS looks GROUP BY node_id
    ) AS looked USING (node_id)
    LEFT JOIN (
        SELECT node_id, bounded(sum(most)) AS many FROM (
            SELECT node_id, CASE WHEN %(unit)s = 'max_per_frame' THEN max(count) ELSE sum(count) END AS most FROM (
                SELECT node_id, camera, taxon_id, count FROM week_count
                          WHERE {IS_OF_TAXA} AND unit = %(unit)s AND {_WHOLE_WEEKS}
                UNION ALL SELECT node_id, camera, taxon_id, count FROM night_count
                          WHERE {IS_OF_TAXA} AND unit = %(unit)s AND count > 0 AND {_OTHER_NIGHTS}
            ) AS counts GROUP BY node_id, camera, taxon_id
        ) AS each GROUP BY node_id
    ) AS counted USING (node_id)
    WHERE area_code ^@ %(area)s AND latitude_deg IS NOT NULL AND NOT {IS_LEFT_BEHIND}
    ORDER BY value DESC NULLS LAST, site, node
"""  # noqa: S608  our own words
# Each camera's night alike, as in the mean that the level is of.
_REACHED = f"""
    SELECT site || '/' || node FROM node JOIN (
        SELECT node_id, CASE WHEN %(is_incidence)s THEN 100 * coalesce(sum(many), 0) / sum(frames)
                             ELSE coalesce(sum(many / trap_nights), 0) / count(*) END AS mean
        FROM (
            SELECT node_id, night, camera, sum(frames)::float8 AS frames, max(trap_nights) AS trap_nights,
                   sum(count)::float8 AS many
            FROM (
                SELECT node_id, night, camera, frames, trap_nights, NULL::bigint AS count FROM night_effort
                          WHERE unit = %(unit)s AND {CAN_TELL} AND frames > 0 AND night BETWEEN %(first)s AND %(last)s
                UNION ALL SELECT node_id, night, camera, NULL, NULL, count FROM night_count
                          WHERE {IS_OF_TAXA} AND unit = %(unit)s AND count > 0 AND night BETWEEN %(first)s AND %(last)s
            ) AS stacked GROUP BY node_id, night, camera
        ) AS nightly WHERE frames > 0 GROUP BY node_id
    ) AS looked USING (node_id)
    WHERE area_code ^@ %(area)s AND mean >= %(start_at)s
"""  # noqa: S608  our own words
_NODES = f"""
    SELECT site, node, area_code, area_called(area_code) AS called, nights, saturated, heard, time_zone AS zone
    FROM node, LATERAL (  -- one node at a time, by an index: a join compares each week with each node
        SELECT coalesce(sum(nights), 0) AS nights, coalesce(sum(saturated), 0) AS saturated FROM (
            SELECT nights, saturated FROM week_effort WHERE node_id = node.node_id AND unit = '' AND {_WHOLE_WEEKS}
            UNION ALL SELECT count(DISTINCT night) FILTER (WHERE frames > 0), sum(saturated) FROM night_effort
                      WHERE node_id = node.node_id AND {_OTHER_NIGHTS}
        ) AS looks
    ) AS looked
    WHERE area_code ^@ %(area)s AND since <= %(last)s AND NOT {IS_LEFT_BEHIND} ORDER BY site, node
"""  # noqa: S608
_NOT_BEGUN = f"""
    SELECT site || '/' || node FROM node
    WHERE area_code ^@ %(area)s AND since IS NULL AND NOT {IS_LEFT_BEHIND} ORDER BY site, node
"""  # noqa: S608


def last_over(running: date | None, last: date) -> date:
    """Of the nights up to `last` the last one that is over for all nodes; where none has told any, none is to come."""
    return last if running is None else min(last, running - timedelta(days=1))


def in_weeks(wanted: Wanted) -> Wanted:
    """What a chart shows of it."""
    first = wanted.last.toordinal() - 7 * WEEKS_SHOWN + 1
    return replace(wanted, first=date.fromordinal(max(first, 1)))  # the calendar's own beginning may be asked for


def threshold_of(database: Database, wanted: Wanted) -> tuple[float | None, float | None, str]:
    """The station's: where it starts, where it is sure, and whose words it is; None where it has none."""
    asked = "SELECT start_at, sure_at, source FROM threshold WHERE label = %s AND unit = %s"
    return database.execute(asked, (wanted.label, wanted.unit)).fetchone() or (None, None, "")


def places_at(database: Database, wanted: Wanted, start_at: float | None) -> set[str]:
    """Names of nodes whose mean of these nights, of all life stages, has reached the station's threshold."""
    if start_at is None:
        return set()
    asked = asdict(replace(wanted, stage=None)) | {"is_incidence": is_incidence(wanted.unit), "start_at": start_at}
    return {name for (name,) in database.execute(_REACHED.encode(), asked)}


def places_of(database: Database, wanted: Wanted) -> Sequence[Place]:
    """Of each node with a position, the worst first: zero where it looked and saw none, None where it did not look.

    With a model that cannot tell the taxon it did not. Crowds on one frame are added over cameras and not over nights.
    """
    rows = database.execute(_PLACES.encode(), asdict(wanted) | {"is_incidence": is_incidence(wanted.unit)})
    return [Place(name, Point(latitude, longitude), *told) for name, latitude, longitude, *told in rows]


def nodes_of(database: Database, area: str, first: date, last: date) -> list[NodeWeek]:
    """Effort of each node of an area that had told a night by the last one, and was not left behind."""
    with database.cursor(row_factory=class_row(NodeWeek)) as cursor:
        return cursor.execute(_NODES.encode(), {"area": area, "first": first, "last": last}).fetchall()


def not_begun(database: Database, area: str, first: date, last: date) -> tuple[str, ...]:
    """Names of an area's nodes that have told no night to this day, and were not left behind."""
    rows = database.execute(_NOT_BEGUN.encode(), {"area": area, "first": first, "last": last})
    return tuple(name for (name,) in rows)


def undated(database: Database, area: str, first: date, last: date) -> int:
    """How many nodes sent counts then of which nobody knows the night, as their clock was not set."""
    (nodes,) = only_row(
        database,
        "SELECT count(DISTINCT node_id) FROM interval_effort JOIN node USING (node_id)"
        " WHERE night IS NULL AND frames > 0 AND area_code ^@ %(area)s"
        " AND night_of(came, time_zone) BETWEEN %(first)s AND %(last)s"
        " AND came BETWEEN %(first)s - 1 AND %(last)s + 2",  # in any zone; those of years before are not looked at
        {"area": area, "first": first, "last": last},
    )
    return int(nodes)


def unplaced(nodes: Sequence[NodeWeek], places: Sequence[Place]) -> int:
    """How many have a night and no position."""
    placed = {place.name for place in places}
    return sum(node.nights > 0 and f"{node.site}/{node.node}" not in placed for node in nodes)


def _alerts(database: Database, area: str, first: date, last: date) -> list[AlertTold]:
    with database.cursor(row_factory=class_row(AlertTold)) as cursor:
        return cursor.execute(
            "SELECT rose AS at, time_zone AS zone, label, level,"
            " concat_ws(', ', site || '/' || node, area_called(area_code)) AS node, value, start_at, unit, source"
            # Under a clock that was not set: of when it came.
            " FROM (SELECT *, coalesce(came, at) AS rose FROM alert) AS told JOIN node USING (node_id)"
            " WHERE area_code ^@ %s AND night_of(rose, time_zone) BETWEEN %s AND %s"
            # Ended by no count: the figure is old.
            " AND NOT (level = 'calm' AND (value >= start_at OR reason = ANY(%s)))"
            # Nodes take turns: a page shows the first alone.
            " ORDER BY array_position(ARRAY['act', 'look', 'calm'], level),"
            " row_number() OVER (PARTITION BY node_id, level ORDER BY rose, seq), rose, seq",
            (area, first, last, [OUTDATED, MOVED]),
        ).fetchall()
