"""What a report says of an area and a week: taken from the database in one go, so that its figures agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from edge.platform.charts import Place
from edge.platform.database import Database, reachable
from edge.platform.hull import Point
from edge.platform.population import (
    Night,
    Range,
    TaxonSum,
    Trend,
    Wanted,
    population,
    range_of,
    taxa_of,
    trend,
)

WEEKS_SHOWN = 8
MOST_TAXA = 12  # each with a chart and a map


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxonWeek:
    """One taxon, counted in one unit."""

    total: TaxonSum
    nights: tuple[Night, ...]  # of the week
    weeks: tuple[Trend, ...]  # of the eight weeks up to it
    range: Range
    places: tuple[Place, ...]
    start_at: float | None  # the station's threshold
    sure_at: float | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeWeek:
    """A node's effort in the week, and since when it is silent."""

    site: str
    node: str
    area_code: str
    nights: int  # with a frame
    saturated: int
    heard: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTold:
    """What a node itself said against a threshold of its own."""

    at: datetime
    node: str
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
    first: date
    last: date
    nodes: tuple[NodeWeek, ...]
    taxa: tuple[TaxonWeek, ...]
    more_taxa: int  # counted too, and not shown one by one
    alerts: tuple[AlertTold, ...]

    @property
    def reporting(self) -> int:
        """Nodes with at least a night."""
        return sum(node.nights > 0 for node in self.nodes)

    @property
    def gaps(self) -> tuple[NodeWeek, ...]:
        """Nodes that missed a night or were too full to count on."""
        nights = (self.last - self.first).days + 1
        return tuple(node for node in self.nodes if node.nights < nights or node.saturated)


@reachable()
def week(database: Database, area: str, first: date, last: date) -> Week:
    """Raises UsageError for an area of no level, StoreError."""
    Wanted(area=area, label="", first=first, last=last)  # checks
    with database.transaction():
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        totals = taxa_of(database, area, first, last)
        return Week(
            area=area,
            first=first,
            last=last,
            nodes=tuple(nodes_of(database, area, first, last)),
            taxa=tuple(_taxon(database, area, first, last, total) for total in totals[:MOST_TAXA]),
            more_taxa=max(len(totals) - MOST_TAXA, 0),
            alerts=tuple(_alerts(database, area, first, last)),
        )


def _taxon(database: Database, area: str, first: date, last: date, total: TaxonSum) -> TaxonWeek:
    wanted = Wanted(area=area, label=total.label, stage=total.stage, unit=total.unit, first=first, last=last)
    shown = Wanted(
        area=area, label=total.label, stage=total.stage, unit=total.unit, last=last,
        first=last - timedelta(weeks=WEEKS_SHOWN) + timedelta(days=1),
    )  # fmt: skip
    start_at, sure_at, source = database.execute(
        "SELECT start_at, sure_at, source FROM threshold WHERE label = %s AND unit = %s", (total.label, total.unit)
    ).fetchone() or (None, None, "")
    return TaxonWeek(
        total=total,
        nights=tuple(population(database, wanted)),
        weeks=tuple(trend(database, shown)),
        range=range_of(database, wanted),
        places=tuple(places_of(database, wanted)),
        start_at=start_at,
        sure_at=sure_at,
        source=source,
    )


def places_of(database: Database, wanted: Wanted) -> Sequence[Place]:
    """Of each node with a position, the worst first: zero where it looked and saw none, None where it did not look."""
    rows = database.execute(
        """
        SELECT site || '/' || node, latitude_deg, longitude_deg,
               CASE WHEN looked.node_id IS NOT NULL THEN coalesce(many, 0) END AS told, area_code
        FROM node
        LEFT JOIN (SELECT DISTINCT node_id FROM night_effort WHERE night BETWEEN %(first)s AND %(last)s
                   AND unit = %(unit)s AND frames > 0) AS looked USING (node_id)
        LEFT JOIN (SELECT node_id, least(sum(count), 9223372036854775807)::bigint AS many
                   FROM night_count JOIN taxon USING (taxon_id)
                   WHERE night BETWEEN %(first)s AND %(last)s AND unit = %(unit)s AND label = %(label)s
                   AND (%(stage)s::text IS NULL OR stage = %(stage)s) GROUP BY node_id) AS counted USING (node_id)
        WHERE area_code ^@ %(area)s AND latitude_deg IS NOT NULL ORDER BY told DESC NULLS LAST, site, node
        """,
        {name: getattr(wanted, name) for name in ("area", "unit", "label", "stage", "first", "last")},
    )
    return [Place(name, Point(latitude, longitude), told, area) for name, latitude, longitude, told, area in rows]


def nodes_of(database: Database, area: str, first: date, last: date) -> list[NodeWeek]:
    """Effort of each node of an area."""
    rows = database.execute(
        """
        SELECT site, node, area_code, count(DISTINCT night) FILTER (WHERE frames > 0), coalesce(sum(saturated), 0),
               heard
        FROM node LEFT JOIN night_effort e ON e.node_id = node.node_id AND night BETWEEN %s AND %s
        WHERE area_code ^@ %s GROUP BY node.node_id ORDER BY site, node
        """,
        (first, last, area),
    )
    names = ("site", "node", "area_code", "nights", "saturated", "heard")
    return [NodeWeek(**dict(zip(names, row, strict=True))) for row in rows]


def _alerts(database: Database, area: str, first: date, last: date) -> list[AlertTold]:
    rows = database.execute(
        "SELECT at, node, label, level, value, start_at, unit, source FROM alert JOIN node USING (node_id)"
        " WHERE area_code ^@ %s AND night_of(at, time_zone) BETWEEN %s AND %s ORDER BY at",
        (area, first, last),
    )
    names = ("at", "node", "label", "level", "value", "start_at", "unit", "source")
    return [AlertTold(**dict(zip(names, row, strict=True))) for row in rows]
