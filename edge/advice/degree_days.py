"""Degree days by the single sine method with each source's cut-off, and heat sums that say which days are missing."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from math import asin, ceil, cos, inf, pi

from edge.counts import Interval, Spread
from edge.errors import UsageError
from edge.weather import COLDEST_C, HOTTEST_C

HOUR = timedelta(hours=1)
LEAST_HOURS = 18  # of a day with a reading: with fewer, dawn or afternoon may be missing


@dataclass(frozen=True, slots=True)
class DayRange:
    """Least and greatest temperature of a day in °C, from a shaded and ventilated sensor."""

    least_c: float
    most_c: float

    def __post_init__(self) -> None:
        if not COLDEST_C <= self.least_c <= self.most_c <= HOTTEST_C:  # nan, and a summer in °F
            raise ValueError(f"a day from {self.least_c:g} to {self.most_c:g} °C is none")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatSum:
    """Degree days (°C d) from one day to another. A missing day is a gap, not a zero."""

    known_c: float  # over the days with temperatures: a lower bound
    filled_c: float | None  # missing days as the mean of their nearest known neighbours; None: nothing is known at all
    missing: tuple[date, ...]
    each_c: tuple[float, ...]  # of each day, what is missing filled like this; empty: nothing is known at all


@dataclass(frozen=True, slots=True)
class Development:
    """A row of degree_days.csv: the heat that a species needs between two stages, by its source's own thresholds."""

    scientific_name: str
    lower_c: float
    upper_c: float | None
    cutoff_method: str  # of the source: its first word is the cut-off, in brackets stands what it did otherwise
    stage_from: str
    stage_to: str
    degree_days_c: float
    source: str

    @property
    def cutoff(self) -> str:
        """As `degree_days` takes it. A source that states none has no upper threshold either."""
        return self.cutoff_method.partition(" ")[0]


def degree_days(day: DayRange, lower_c: float, upper_c: float | None, cutoff: str = "horizontal") -> float:
    """Degree days (°C d) of one day above `lower_c`; above `upper_c` development goes on at the rate of `upper_c`.

    With the cut-off `vertical` it rests while it is hotter than that, and with `intermediate` it slows by each degree.
    Baskerville and Emin (1969), Ecology 50:514-517; the six cases and three cut-offs as laid out by UC IPM.
    """
    upper = inf if upper_c is None else upper_c
    if upper <= lower_c:
        raise ValueError(f"the upper threshold must be above the lower, got {lower_c} and {upper_c}")
    low, high = day.least_c, day.most_c
    mean, swing = (high + low) / 2, (high - low) / 2
    if high <= lower_c:
        return 0.0
    # The sine rises through the lower threshold; what lies a hair below it is rounded to below -1
    warm = -pi / 2 if low >= lower_c else asin(max(-1.0, (lower_c - mean) / swing))
    # and through the upper one
    hot = pi / 2 if high <= upper else -pi / 2 if low >= upper else asin(max(-1.0, (upper - mean) / swing))
    below = (mean - lower_c) * (hot - warm) + swing * (cos(warm) - cos(hot))
    if high <= upper or cutoff == "vertical":
        return below / pi
    capped = (upper - lower_c) * (pi / 2 - hot)
    excess = (mean - upper) * (pi / 2 - hot) + swing * cos(hot) if cutoff == "intermediate" else 0.0
    return max(0.0, below + capped - excess) / pi


def heat_sum(
    days: Mapping[date, DayRange],
    first: date,
    last: date,
    lower_c: float,
    upper_c: float | None,
    cutoff: str = "horizontal",
) -> HeatSum:
    """Degree days from `first` to `last`, both included."""
    wanted = [first + timedelta(n) for n in range((last - first).days + 1)]
    daily = {day: degree_days(days[day], lower_c, upper_c, cutoff) for day in wanted if day in days}
    missing = tuple(day for day in wanted if day not in daily)
    each_c = tuple(daily[day] if day in daily else _between(day, daily) for day in wanted) if daily else ()
    filled_c = sum(each_c) if daily else None
    return HeatSum(known_c=sum(daily.values()), filled_c=filled_c, missing=missing, each_c=each_c)


def measured_days(intervals: Iterable[Interval], zone: tzinfo) -> dict[date, DayRange]:
    """Local days from what intervals carry of the weather; one with fewer than `LEAST_HOURS` hours is unknown.

    Nobody knows the day of an interval whose clock was never set: a board wakes on the same one again and again.
    """
    hours: dict[date, set[int]] = {}
    spreads: dict[date, list[Spread]] = {}
    for interval in intervals:
        if interval.climate is not None and interval.is_timed:
            day, told_hours = _day_and_hours(interval, interval.climate.readings, zone)
            hours.setdefault(day, set()).update(told_hours)
            spreads.setdefault(day, []).append(interval.climate.temperature_c)
    known = {day: told for day, told in spreads.items() if len(hours[day]) >= LEAST_HOURS}
    return {day: DayRange(min(s.least for s in told), max(s.most for s in told)) for day, told in known.items()}


def read_days(text: str, name: str) -> dict[date, DayRange]:
    """Days of a CSV with the columns date (YYYY-MM-DD), tmin and tmax (°C); a row with an empty cell is a missing day.

    Raises UsageError with file, line and remedy.
    """
    days, told = {}, set[date]()
    rows = csv.DictReader(text.splitlines())
    if not {"date", "tmin", "tmax"} <= set(rows.fieldnames or ()):
        raise UsageError(f"{name}: its first line does not name the columns; begin it with date,tmin,tmax")
    for row in rows:
        where, remedy = f"{name}, line {rows.line_num}", "write it as 2026-07-01,12.5,27.0 under date,tmin,tmax"
        least, most = row.get("tmin") or "", row.get("tmax") or ""
        try:
            day = date.fromisoformat(row.get("date") or "")
            if least and most:
                days[day] = DayRange(float(least), float(most))
        except ValueError as why:
            raise UsageError(f"{where}: {why}; {remedy}") from why
        if day in told:
            raise UsageError(f"{where}: {day} stands twice; keep one line a day")
        told.add(day)
    return days


def development(scientific_name: str) -> tuple[Development, ...]:
    """What is known of a species' need of heat; empty: nothing with a source that was read."""
    return tuple(row for row in _table() if row.scientific_name == scientific_name)


def species() -> tuple[str, ...]:
    """Scientific names of which something is known, in order."""
    return tuple(sorted({row.scientific_name for row in _table()}))


def _day_and_hours(interval: Interval, readings: int, zone: tzinfo) -> tuple[date, set[int]]:
    """The local day of its middle, and which hours of it the interval tells of: no more than it has readings."""
    start, length = interval.start.utc, interval.end.utc - interval.start.utc
    day = (start + length / 2).astimezone(zone).date()
    parts = max(1, min(ceil(length / HOUR), readings))
    middles = [(start + length * (2 * part + 1) / (2 * parts)).astimezone(zone) for part in range(parts)]
    return day, {middle.hour for middle in middles if middle.date() == day}


def _between(day: date, daily: Mapping[date, float]) -> float:
    """Mean of the nearest known days before and after, or the only one."""
    before = max((known for known in daily if known < day), default=None)
    after = min((known for known in daily if known > day), default=None)
    near = [daily[known] for known in (before, after) if known is not None]
    return sum(near) / len(near)


@cache
def _table() -> tuple[Development, ...]:
    text = files("edge").joinpath("degree_days.csv").read_text("utf-8")
    return tuple(
        Development(
            scientific_name=row["scientific_name"],
            lower_c=float(row["lower_c"]),
            upper_c=float(row["upper_c"]) if row["upper_c"] else None,
            cutoff_method=row["cutoff_method"],
            stage_from=row["stage_from"],
            stage_to=row["stage_to"],
            degree_days_c=float(row["degree_days_c"]),
            source=row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    )
