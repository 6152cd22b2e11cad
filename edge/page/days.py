"""Fourteen days of intervals as one figure a day and taxon. Pure. A day that nobody looked at is no zero."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from edge.counts import Interval, NoData, TaxonCount, Unit

LENGTH = 14


@dataclass(frozen=True, slots=True)
class Figure:
    """A count of one day with its likely range; None where the model was never measured on the taxon."""

    count: int
    low: int | None
    high: int | None


ZERO = Figure(0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day where the node stands: what was counted, with the effort behind it."""

    day: date
    frames: int  # looked at; 0: no data
    awake_s: float
    figures: Mapping[str, Figure]  # by label; a taxon not listed was not seen
    saturated: bool


def days(intervals: Iterable[Interval], zone: tzinfo, today: date, length: int = LENGTH) -> tuple[Day, ...]:
    """The `length` days up to `today`, oldest first.

    An interval belongs to the day on which it started. Only the newest interval's unit is counted: the most on one
    frame and the sum of visits cannot stand in one row.
    """
    kept = sorted(intervals, key=lambda interval: interval.start.utc)
    unit = kept[-1].unit if kept else None
    by_day: dict[date, list[Interval]] = {}
    for interval in kept:
        if interval.unit == unit:
            by_day.setdefault(interval.start.utc.astimezone(zone).date(), []).append(interval)
    wanted = [today - timedelta(days=back) for back in reversed(range(length))]
    return tuple(one_day(day, by_day.get(day, [])) for day in wanted)


def one_day(day: date, intervals: Sequence[Interval]) -> Day:
    """The intervals of one day taken together."""
    figures: dict[str, Figure] = {}
    for interval in intervals:
        if not isinstance(interval.counts, NoData):
            for taxon in interval.counts:
                figures[taxon.label] = joined(figures.get(taxon.label, ZERO), taxon, interval.unit)
    return Day(
        day=day,
        frames=sum(interval.frames for interval in intervals),
        awake_s=sum(interval.awake_s for interval in intervals),
        figures=figures,
        saturated=any(interval.saturated for interval in intervals),
    )


def joined(so_far: Figure, taxon: TaxonCount, unit: Unit) -> Figure:
    """A day's figure with one more interval: the larger of two maxima, else the sum (ranges added, so rather wide)."""
    if unit == "max_per_frame":
        return so_far if so_far.count >= taxon.count else Figure(taxon.count, taxon.low, taxon.high)
    return Figure(so_far.count + taxon.count, _sum(so_far.low, taxon.low), _sum(so_far.high, taxon.high))


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def most_seen(fortnight: Sequence[Day], limit: int) -> list[str]:
    """Labels by their best day, the most first; equal ones by name."""
    best: dict[str, int] = {}
    for day in fortnight:
        for label, figure in day.figures.items():
            best[label] = max(best.get(label, 0), figure.count)
    seen = [label for label, count in best.items() if count > 0]
    return sorted(seen, key=lambda label: (-best[label], label))[:limit]
