"""How many, how dense, how far: the numbers of an area from the sums in the database. One row a night; no data is None.

`area` is 0, 2, 4, 6, 9 or 12 digits of the area code. Of one that a role may not read `population`, `trend` and
`range_of` raise psycopg's InsufficientPrivilege; for the others it is not there.
"""

from calendar import monthrange
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from typing import Any, get_args

from psycopg.rows import class_row, scalar_row

from edge.counts import Unit
from edge.errors import UsageError
from edge.platform.areas.hull import Point, hull_km2
from edge.platform.areas.spread import LookedCell, front_km_per_week
from edge.platform.database import Database

LEVELS = (0, 2, 4, 6, 9, 12)  # digits: country, province, city, county, township, village
_YEARS_TO_A_WEEK_53 = 8  # the last one was up to seven years ago
# In SQL: counts of the taxa that are asked for, and effort that could tell them. At once, so that an index leads there.
IS_OF_TAXA = """taxon_id = ANY (ARRAY(
    SELECT taxon_id FROM taxon WHERE label = %(label)s AND (%(stage)s::text IS NULL OR stage = %(stage)s)))"""
CAN_TELL = "vocabulary_id = ANY (ARRAY(SELECT vocabulary_id FROM telling(%(label)s)))"

_CAMERAS = f"""
    SELECT left(area_code, %(digits)s), count(*) FILTER (WHERE is_calibrated), count(*)
    FROM (
        SELECT node_id, camera, bool_or(coalesce(area_m2, 0) > 0) AS is_calibrated FROM night_effort
        WHERE unit = %(unit)s AND {CAN_TELL} AND frames > 0 AND night BETWEEN %(first)s AND %(last)s
        GROUP BY node_id, camera
    ) AS looked JOIN node USING (node_id) WHERE area_code ^@ %(area)s GROUP BY 1
"""  # noqa: S608  our own words


def as_area(code: str) -> str:
    """The area that a code means: of 330106000000 the county 330106. Empty for all. Raises UsageError for no level."""
    if not (code == "" or (code.isascii() and code.isdecimal())) or len(code) not in LEVELS:
        raise UsageError(f"area {code!r} is no area code; give 2, 4, 6, 9 or 12 digits of it")
    told = max(len(code.rstrip("0")), 2)  # the zeros of a node that stands nowhere are not all areas
    return code[: min(digits for digits in LEVELS if digits >= told)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for. Raises UsageError for an area of no level, or nights in the wrong order."""

    area: str
    label: str
    first: date
    last: date
    unit: str = "new"
    stage: str | None = None  # None: all stages together

    def __post_init__(self) -> None:
        as_area(self.area)
        if self.last < self.first:
            raise UsageError(f"nights {self.first} to {self.last} run backwards; give the earlier one first")


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """Count with its effort and 95 % range, the sum of the parts' ranges. Without frames the count is None: no data.

    Effort is of the models that can tell the taxon, as far as their labels are known.
    """

    night: date  # of its evening, noon to noon
    nodes: int  # that looked
    camera_nights: int
    frames: int
    awake_s: float  # in which frames came that showed something
    saturated: int  # cameras too full to count on
    count: int | None
    low: int | None
    high: int | None
    per_m2: float | None  # of the calibrated cameras, as are its sides; of traps a night, of visits none
    per_m2_low: float | None
    per_m2_high: float | None


@dataclass(frozen=True, slots=True)
class Cameras:
    """Those that looked in some nights, and how many of them were calibrated in any: a density is of these alone."""

    calibrated: int
    looked: int

    @property
    def are_enough(self) -> bool:
        """Or the density of one field would stand for a township."""
        return 2 * self.calibrated >= self.looked


def is_incidence(unit: str) -> bool:
    """Whether a trend's figures are of a disease, see Trend."""
    return unit == "affected_frames"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Mean of those of the last seven nights that have data, and of the seven before; `level` against the station's
    threshold, of all life stages together.

    A night that is not over only raises them: until then they are those of the last one that is.
    A camera and night, the catch of a trap that was off over all nights in which it came; of `affected_frames`, where
    the same leaf is seen again and again, per cent of the frames.
    """

    night: date
    per_camera_night: float | None
    week_mean: float | None
    week_before: float | None
    level: str | None  # calm, look, act; None without a threshold or data


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """An occupied square kilometre of the equal-area grid; its position is the mean of its nodes."""

    latitude_deg: float
    longitude_deg: float
    nodes: int
    nights: int  # on which any of them saw it
    first_seen: date
    last_seen: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Where a taxon was in some nights, and how fast it spread, see `front`."""

    cells: tuple[Cell, ...]
    hull_km2: float | None  # of the cells' positions; None where it is no larger than the cells: few, or in a line
    first_seen: date | None
    last_seen: date | None
    front_km_per_week: float | None


@dataclass(frozen=True, slots=True)
class TaxonSum:
    """One taxon over some nights."""

    label: str
    stage: str
    eppo: str
    unit: str
    count: int
    low: int | None
    high: int | None
    nodes: int  # most in one night

    @property
    def key(self) -> str:
        """As an address names it."""
        return f"{self.label}|{self.stage}|{self.unit}"

    def wanted(self, area: str, first: date, last: date) -> Wanted:
        """To ask for its figures. Raises UsageError."""
        return Wanted(area=area, label=self.label, stage=self.stage, unit=self.unit, first=first, last=last)


def population(database: Database, wanted: Wanted) -> list[Night]:
    """A row for each night, those without data too."""
    return _rows(database, Night, "population(%(area)s, %(unit)s, %(label)s, %(stage)s, %(first)s, %(last)s)", wanted)


def cameras_in(database: Database, wanted: Wanted, digits: int) -> dict[str, Cameras]:
    """Of each area of so many digits."""
    rows = database.execute(_CAMERAS.encode(), asdict(wanted) | {"digits": digits})
    return {area: Cameras(calibrated, looked) for area, calibrated, looked in rows}


def cameras_behind(database: Database, wanted: Wanted, nights: Sequence[Night]) -> Cameras:
    """Of the whole area; of a density that is not known nobody asks."""
    if all(night.per_m2 is None for night in nights):
        return Cameras(0, 0)
    return cameras_in(database, wanted, len(wanted.area)).get(wanted.area, Cameras(0, 0))


def trend(database: Database, wanted: Wanted) -> list[Trend]:
    """A row for each night."""
    return _rows(database, Trend, "trend(%(area)s, %(unit)s, %(label)s, %(stage)s, %(first)s, %(last)s)", wanted)


def unlike_hours(database: Database, wanted: Wanted) -> tuple[float, float] | None:
    """Watched a camera and night, in the last seven nights and the seven before; None where they differ by no more than
    a quarter, or nobody looked in one. Of visits alone, which grow with the time that is watched.
    """
    if wanted.unit != "visits":
        return None
    first = date.fromordinal(max(wanted.last.toordinal() - 13, 1))
    nights = population(database, replace(wanted, first=first))
    now, before = (watched_h(week) for week in (nights[-7:], nights[:-7]))
    if now is None or before is None or max(now, before) <= 1.25 * min(now, before):
        return None
    return now, before


def watched_h(nights: Sequence[Night]) -> float | None:
    """Hours a camera and night; None where nobody looked."""
    camera_nights = sum(night.camera_nights for night in nights)
    return sum(night.awake_s for night in nights) / camera_nights / 3600 if camera_nights else None


def together(database: Database, wanted: Wanted, now: Trend) -> float | None:
    """Mean of all life stages, which a level `now` is of; None without a level, or where it is `now`'s own mean."""
    if now.level is None:
        return None
    mean = trend(database, replace(wanted, first=now.night, last=now.night, stage=None))[-1].week_mean
    return None if mean == now.week_mean else mean


def running_from(database: Database, area: str) -> date | None:
    """The first night that is not over for all nodes of an area; None where none has told a night."""
    with database.cursor(row_factory=scalar_row) as cursor:
        first: date | None = cursor.execute("SELECT first FROM running_nights(%s)", (area,)).fetchone()
    return first


def taxa_of(database: Database, area: str, first: date, last: date) -> list[TaxonSum]:
    """What was counted in an area: the station's own taxa first, then of each unit the first, the next, and so on.

    Within a unit what most nodes saw stands first, then what was counted most: a single node may tell anything. Visits,
    catches and affected frames are no like numbers. Of `max_per_frame` in the night with the most.
    """
    rows = database.execute(
        "SELECT label, stage, eppo, unit, summed(unit, array_agg(count)),"
        " CASE WHEN bool_and(low IS NOT NULL) THEN summed(unit, array_agg(low)) END,"
        " CASE WHEN bool_and(high IS NOT NULL) THEN summed(unit, array_agg(high)) END, max(nodes)"
        " FROM area_count JOIN taxon USING (taxon_id) LEFT JOIN threshold USING (label, unit)"
        " WHERE prefix = %s AND night BETWEEN %s AND %s GROUP BY taxon.taxon_id, unit"
        " ORDER BY bool_or(start_at IS NOT NULL) DESC,"
        " row_number() OVER (PARTITION BY unit ORDER BY max(nodes) DESC, summed(unit, array_agg(count)) DESC),"
        " 8 DESC, 5 DESC, 1, 2",
        (area, first, last),
    )
    return [TaxonSum(*row) for row in rows]


def taxon_unseen(database: Database, key: str) -> TaxonSum | None:
    """The zeros of a taxon that `taxa_of` lacks there and then; None for a key that no node's record can have made."""
    asked = (
        "SELECT label, stage, eppo, unit, 0, 0, 0, 0 FROM taxon, unnest(%s::text[]) AS unit"
        " WHERE concat_ws('|', label, stage, unit) = %s"
    )
    row = database.execute(asked, (list(get_args(Unit)), key)).fetchone()
    return None if row is None else TaxonSum(*row)


def range_of(database: Database, wanted: Wanted) -> Range:
    """Cells, hull and front of all stages together."""
    cells = _rows(database, Cell, "occupied_cells(%(area)s, %(label)s, %(first)s, %(last)s)", wanted)
    if not cells:
        return Range(cells=(), hull_km2=None, first_seen=None, last_seen=None, front_km_per_week=None)
    km2 = hull_km2([Point(cell.latitude_deg, cell.longitude_deg) for cell in cells])
    looked = _rows(database, LookedCell, "looked_cells(%(area)s, %(label)s, %(first)s, %(last)s)", wanted)
    return Range(
        cells=tuple(cells),
        hull_km2=km2 if km2 > len(cells) else None,
        first_seen=min(cell.first_seen for cell in cells),
        last_seen=max(cell.last_seen for cell in cells),
        front_km_per_week=front_km_per_week(looked, wanted.first),
    )


def range_told(database: Database, wanted: Wanted, nights: Sequence[Night]) -> Range | None:
    """As `range_of`; None for 0 km², unless somebody looked and nobody saw it: who did may have no position."""
    found = range_of(database, wanted)
    saw_none = {night.count for night in nights if night.count is not None} == {0}
    return found if found.cells or saw_none else None


def keep_threshold(
    database: Database, label: str, unit: str, start_at: float | None, sure_at: float | None, source: str
) -> None:
    """The station's own figure, in what `Trend` tells; overrules an earlier one. None to start at: there is none."""
    if start_at is None:
        database.execute("DELETE FROM threshold WHERE (label, unit) = (%s, %s)", (label, unit))
        return
    database.execute(
        "INSERT INTO threshold VALUES (%s, %s, %s, %s, %s) ON CONFLICT (label, unit) DO UPDATE"
        " SET start_at = excluded.start_at, sure_at = excluded.sure_at, source = excluded.source",
        (label, unit, start_at, sure_at, source),
    )


def week_of(year: int, week: int) -> tuple[date, date]:
    """First and last night of an ISO week. Raises UsageError."""
    try:
        return date.fromisocalendar(year, week, 1), date.fromisocalendar(year, week, 7)
    except ValueError as why:
        raise UsageError(f"week {week} of {year} does not exist ({why}); give 1 to 52 (in some years 53)") from why


def newest_week(week: int, today: date) -> tuple[date, date]:
    """First and last night of an ISO week in the newest year in which it has begun. Raises UsageError."""
    this_year = today.isocalendar().year
    for year in range(this_year, this_year - _YEARS_TO_A_WEEK_53, -1):
        with suppress(UsageError):
            first, last = week_of(year, week)
            if first <= today:
                return first, last
    return week_of(this_year, week)


def month_of(month: str, today: date) -> tuple[date, date]:
    """First and last night of a month as 2026-07, of one that is not over up to today's. Raises UsageError."""
    try:
        first = datetime.strptime(month, "%Y-%m").date()  # noqa: DTZ007  no moment
    except ValueError as why:
        raise UsageError(f"{month!r} is no month; write it as 2026-07") from why
    if first > today:
        raise UsageError(f"{month} has not begun; give a month with nights")
    return first, min(first.replace(day=monthrange(first.year, first.month)[1]), today)


def _rows(database: Database, kind: type[Any], call: str, wanted: Wanted) -> list[Any]:
    columns = ", ".join(field.name for field in fields(kind))
    with database.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(f"SELECT {columns} FROM {call}".encode(), asdict(wanted)).fetchall()  # noqa: S608  our own words
