"""How far the heat since a day has brought a species, and the first catch from which that is counted. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from itertools import accumulate

from edge.advice.degree_days import DayRange, Development, HeatSum, development, heat_sum
from edge.advice.first_catch import Night
from edge.counts import Interval, NoData
from edge.label_sets import LabelSets, with_counted
from edge.nights import in_days

# Stages of the table that a catch shows
CAUGHT = ("adult", "first male", "first male in pheromone trap", "first moth (biofix)")
LONGEST = timedelta(days=366)  # a heat sum starts anew each year


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A step of development, as if its first stage had begun on `first`."""

    row: Development
    first: date
    last: date
    heat: HeatSum
    reached: date | None  # by the days that are known alone; None: not yet
    reached_filled: date | None  # with what is missing reckoned from its neighbours, as `heat.filled_c`


@dataclass(frozen=True, slots=True)
class Catch:
    """What was new on a trap in one night, by label. `told`: labels that somebody looked for; None: all."""

    new: Mapping[str, int]
    told: frozenset[str] | None

    def of(self, label: str) -> int | None:
        """None: no model that can tell it looked."""
        return self.new.get(label, 0) if self.told is None or label in self.told else None


def progress(scientific_name: str, days: Mapping[date, DayRange], first: date, last: date) -> tuple[Progress, ...]:
    """Each step of the table, by its own source's thresholds; empty: nothing is known of the species."""
    return tuple(_progress(row, days, first, last) for row in development(scientific_name))


def season_begin(today: date, latitude_deg: float | None) -> date:
    """A first catch is sought from midwinter on: 1 January, south of the equator 1 July."""
    if latitude_deg is None or latitude_deg >= 0:
        return date(today.year, 1, 1)
    return date(today.year if today.month >= 7 else today.year - 1, 7, 1)


def after_catch(steps: Sequence[Progress]) -> tuple[Progress, ...]:
    """The steps that begin with what a trap catches."""
    return tuple(step for step in steps if step.row.stage_from in CAUGHT)


def caught_by_evening(intervals: Iterable[Interval], zone: tzinfo, label_sets: LabelSets) -> dict[date, Catch]:
    """What was new on a trap in each night that somebody looked; of a node with no trap: nothing.

    Nobody knows the night of an interval whose clock was never set.
    """
    looked = [one for one in intervals if one.unit == "new" and not isinstance(one.counts, NoData) and one.is_timed]
    by_evening = in_days(looked, zone)
    return {evening: _catch(night, with_counted(label_sets, night)) for evening, night in by_evening.items()}


def _catch(night: Sequence[Interval], label_sets: LabelSets) -> Catch:
    new = Counter[str]()
    for interval in night:
        assert not isinstance(interval.counts, NoData)  # noqa: S101  nobody looked then
        for taxon in interval.counts:
            new[taxon.label] += taxon.count
    models = {interval.model for interval in night}
    is_known = label_sets.keys() >= models
    return Catch(new, frozenset().union(*(label_sets[model] for model in models)) if is_known else None)


def nights(caught: Mapping[date, Catch], label: str, first: date) -> list[Night]:
    """Each night from `first` to the last that somebody looked; None: nobody looked, or none who can tell it.

    `first` is the begin of the season, however late the trap was hung: what flew before that nobody saw.
    """
    if not caught:
        return []
    last = max(caught)
    evenings = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [Night(evening, caught[evening].of(label) if evening in caught else None) for evening in evenings]


def _progress(row: Development, days: Mapping[date, DayRange], first: date, last: date) -> Progress:
    heat = heat_sum(days, first, last, row.lower_c, row.upper_c, row.cutoff)
    missing = set(heat.missing)
    known_c = [0.0 if first + timedelta(days=n) in missing else one for n, one in enumerate(heat.each_c)]
    return Progress(
        row=row,
        first=first,
        last=last,
        heat=heat,
        reached=_reached(row.degree_days_c, first, known_c),
        reached_filled=_reached(row.degree_days_c, first, heat.each_c),
    )


def _reached(need_c: float, first: date, each_c: Sequence[float]) -> date | None:
    for n, total_c in enumerate(accumulate(each_c)):
        if round(total_c, 6) >= need_c:  # ten days of 8.3 are less than 83
            return first + timedelta(days=n)
    return None
