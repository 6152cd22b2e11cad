"""Fourteen days of intervals as one figure a day and taxon. Pure. A day that nobody looked at is no zero."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from edge.counts import Interval, NoData, Unit, newest_unit
from edge.nights import day_of

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


def unit_of_days(intervals: Sequence[Interval], paced: Unit, zone: tzinfo) -> Unit | None:
    """What days are told in: `paced`, as the camera's pace makes it, where the newest day with data has it.

    Else the newest unit. So a day with hours that were too slow for visits is told by the visits of the others.
    """
    looked = [one for one in intervals if not isinstance(one.counts, NoData)]
    newest = day_of(looked[-1], zone) if looked else None
    has_paced = any(one.unit == paced and day_of(one, zone) == newest for one in looked)
    return paced if has_paced else newest_unit(intervals)


def days(
    intervals: Iterable[Interval], zone: tzinfo, today: date, unit: Unit | None = None, length: int = LENGTH
) -> tuple[Day, ...]:
    """The `length` days up to `today`, oldest first.

    An interval belongs to the day that action levels are held against (`day_of`), and so `today` is a trap's evening.
    Only `unit`, else the newest one with data, is counted: the most on one frame and the sum of visits cannot stand in
    one row.
    """
    kept = sorted(intervals, key=lambda interval: interval.start.utc)
    unit = unit or newest_unit(kept)
    by_day: dict[date, list[Interval]] = {}
    for interval in kept:
        if interval.unit == unit:
            by_day.setdefault(day_of(interval, zone), []).append(interval)
    wanted = [today - timedelta(days=back) for back in reversed(range(length))]
    return tuple(one_day(day, by_day.get(day, [])) for day in wanted)


def one_day(day: date, intervals: Sequence[Interval]) -> Day:
    """The intervals of one day taken together."""
    return Day(
        day=day,
        frames=sum(interval.frames for interval in intervals),
        awake_s=sum(interval.awake_s for interval in intervals),
        figures=figures_together(intervals),
        saturated=any(interval.saturated for interval in intervals),
    )


def figures_together(intervals: Iterable[Interval]) -> dict[str, Figure]:
    """Of intervals in one unit, by label."""
    figures: dict[str, Figure] = {}
    for interval in intervals:
        for label, figure in figures_of(interval).items():
            figures[label] = joined(figures.get(label, ZERO), figure, interval.unit)
    return figures


def figures_of(interval: Interval) -> dict[str, Figure]:
    """Of one interval, by label: the life stages of a taxon together."""
    figures: dict[str, Figure] = {}
    for taxon in () if isinstance(interval.counts, NoData) else interval.counts:
        figures[taxon.label] = added(figures.get(taxon.label, ZERO), Figure(taxon.count, taxon.low, taxon.high))
    return figures


def joined(so_far: Figure, one: Figure, unit: Unit) -> Figure:
    """A day's figure with one more interval: the larger of two maxima, else the sum."""
    if unit == "max_per_frame":
        return so_far if so_far.count >= one.count else one
    return added(so_far, one)


def added(a: Figure, b: Figure) -> Figure:
    """The sum, with the ranges added, so rather wide."""
    return Figure(a.count + b.count, _sum(a.low, b.low), _sum(a.high, b.high))


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
