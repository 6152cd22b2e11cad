"""Fourteen days of intervals as one figure a day and taxon. Pure. A day that nobody looked at is no zero."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo
from itertools import takewhile
from math import ceil
from operator import add

from edge.counts import Interval, NoData, Unit, newest_unit
from edge.label_sets import LabelSets, with_counted
from edge.nights import NIGHT_S, day_of, in_days, whole_nights

LENGTH = 14


@dataclass(frozen=True, slots=True)
class Figure:
    """A count of one day with its likely range; None where the model was never measured on the taxon."""

    count: int
    low: int | None
    high: int | None


ZERO = Figure(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Mean:
    """A figure by the nights in which its catch came: what is drawn, and held against an action level."""

    count: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Effort:
    """What was looked at by models that can tell the same `labels`; None: everything."""

    frames: int
    watched_s: float
    labels: frozenset[str] | None = None
    hung_s: float = 0.0  # of a trap: in which what is new has come

    @property
    def nights(self) -> int:
        """In which what is new has come; 1 for what is no trap."""
        return max(1, whole_nights(self.hung_s))

    @property
    def reach(self) -> int:
        """Nights in which some of it may have come: those of 80 hours lie in four."""
        return ceil(self.hung_s / NIGHT_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day where the node stands: what was counted, with the effort behind it."""

    day: date
    efforts: tuple[Effort, ...]
    figures: Mapping[str, Figure]  # by label, see `figure`
    saturated: bool
    is_counted_otherwise: bool = False  # was anything counted in another unit?
    told_by: "Day | None" = None  # of a trap, where nobody looked: the later night whose catch came in this one, too

    @property
    def frames(self) -> int:
        """Looked at; 0: no data."""
        return sum(one.frames for one in self.efforts)

    @property
    def watched_s(self) -> float:
        """Time in which frames came that showed something."""
        return sum(one.watched_s for one in self.efforts)

    @property
    def is_watched(self) -> bool:
        """Did anybody look, in whatever way?"""
        return self.frames > 0 or self.is_counted_otherwise

    def effort(self, label: str) -> Effort:
        """Of those who can tell the label; all of it for an empty one."""
        able = [one for one in self.efforts if one.labels is None or not label or label in one.labels]
        if len(able) == 1:  # as a rule, and a page asks a thousand times
            return able[0]
        return Effort(
            frames=sum(one.frames for one in able),
            watched_s=sum(one.watched_s for one in able),
            hung_s=sum(one.hung_s for one in able),
        )

    def figure(self, label: str) -> Figure | None:
        """Zero where somebody looked who can tell the label, and did not see it; None: no data."""
        return self.figures.get(label, ZERO) if self.effort(label).frames else None

    def mean(self, label: str) -> Mean | None:
        """The figure a night."""
        figure, nights = self.figure(label), self.effort(label).nights
        if figure is None:
            return None
        low, high = (None if end is None else end / nights for end in (figure.low, figure.high))
        return Mean(figure.count / nights, low, high)

    def told_later(self, label: str) -> "Day | None":
        """The later night in whose catch is what came in this one, where nobody looked; None: there is none."""
        later = self.told_by
        if later is None or later.figure(label) is None:
            return None
        return later if (later.day - self.day).days < later.effort(label).reach else None

    def is_other(self, label: str) -> bool:
        """Did somebody look, but in another unit or with a model that cannot tell the label?"""
        return self.is_watched and self.figure(label) is None


def unit_of_days(intervals: Sequence[Interval], paced: Unit, zone: tzinfo) -> Unit | None:
    """What days are told in: `paced`, as the camera's pace makes it, where the newest day with data has it.

    Else the newest unit. So a day with hours that were too slow for visits is told by the visits of the others.
    """
    looked = [one for one in intervals if not isinstance(one.counts, NoData)]
    newest = day_of(looked[-1], zone) if looked else None
    has_paced = any(one.unit == paced and day_of(one, zone) == newest for one in looked)
    return paced if has_paced else newest_unit(intervals)


def days(
    intervals: Iterable[Interval], zone: tzinfo, today: date, unit: Unit | None, label_sets: LabelSets
) -> tuple[Day, ...]:
    """The fortnight up to `today`, oldest first.

    An interval belongs to the day that action levels are held against (`day_of`), and so `today` is a trap's evening.
    Only `unit` is counted: the most on one frame and the sum of visits cannot stand in one row. What was counted in
    another one is told as that.
    """
    kept = sorted(intervals, key=lambda interval: interval.start.utc)
    told = in_days(kept, zone)
    wanted = [today - timedelta(days=back) for back in reversed(range(LENGTH))]
    return _with_nights_before([one_day(day, told.get(day, []), unit, label_sets) for day in wanted])


def _with_nights_before(listed: list[Day]) -> tuple[Day, ...]:
    """With the gaps named whose catch a later night has."""
    for index, later in enumerate(listed):
        before = listed[max(0, index + 1 - later.effort("").reach) : index]
        gap = list(takewhile(lambda day: not day.is_watched, reversed(before)))
        listed[index - len(gap) : index] = [replace(day, told_by=later) for day in reversed(gap)]
    return tuple(listed)


def one_day(day: date, intervals: Sequence[Interval], unit: Unit | None, label_sets: LabelSets) -> Day:
    """The intervals of one day in the unit taken together."""
    mine = [interval for interval in intervals if interval.unit == unit]
    return Day(
        day=day,
        efforts=_efforts(mine, with_counted(label_sets, mine)),
        figures=figures_together(mine),
        saturated=any(interval.saturated for interval in mine),
        is_counted_otherwise=any(interval.frames for interval in intervals if interval.unit != unit),
    )


def _efforts(intervals: Sequence[Interval], label_sets: LabelSets) -> tuple[Effort, ...]:
    """One for each set of labels: a day may have very many intervals and has one model or two."""
    together: dict[frozenset[str] | None, Effort] = {}
    for interval in intervals:
        labels = label_sets.get(interval.model)
        before = together.get(labels, Effort(0, 0.0))
        together[labels] = Effort(
            frames=before.frames + interval.frames,
            watched_s=before.watched_s + interval.watched_s,
            labels=labels,
            hung_s=before.hung_s + (interval.exposed_s or 0.0),
        )
    return tuple(together.values())


def figures_together(intervals: Iterable[Interval]) -> dict[str, Figure]:
    """Of intervals in one unit, by label: of maxima the largest count, low and high, else the sum."""
    figures: dict[str, Figure] = {}
    for interval in intervals:
        how = max if interval.unit == "max_per_frame" else add
        for label, figure in figures_of(interval).items():
            figures[label] = _together(how, figures.get(label, ZERO), figure)
    return figures


def figures_of(interval: Interval) -> dict[str, Figure]:
    """Of one interval, by label: the life stages of a taxon together."""
    figures: dict[str, Figure] = {}
    for taxon in () if isinstance(interval.counts, NoData) else interval.counts:
        stage = Figure(taxon.count, taxon.low, taxon.high)
        figures[taxon.label] = _together(add, figures.get(taxon.label, ZERO), stage)
    return figures


def _together(how: Callable[[int, int], int], a: Figure, b: Figure) -> Figure:
    """Counts, lows and highs each; an end that one of them lacks is not known. A range of sums is rather wide."""
    low = None if a.low is None or b.low is None else how(a.low, b.low)
    high = None if a.high is None or b.high is None else how(a.high, b.high)
    return Figure(how(a.count, b.count), low, high)


def labels_of(fortnight: Iterable[Day]) -> list[str]:
    """What was seen on any of the days, by name."""
    return sorted({label for day in fortnight for label in day.figures})


def most_seen(fortnight: Iterable[Day]) -> list[str]:
    """Labels by their best day, the most first; equal ones by name."""
    best: dict[str, int] = {}
    for day in fortnight:
        for label, figure in day.figures.items():
            best[label] = max(best.get(label, 0), figure.count)
    seen = [label for label, count in best.items() if count > 0]
    return sorted(seen, key=lambda label: (-best[label], label))
