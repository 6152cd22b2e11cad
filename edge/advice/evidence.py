"""From the intervals of some days to what they say of one pest, in each unit that it can be told in. Pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo

from edge.advice.against_threshold import Evidence, Measured, Period
from edge.advice.units import nights_of, noun_of
from edge.counts import Interval, NoData, TaxonCount, Unit, with_stage
from edge.label_sets import NONE_KEPT, LabelSets, can_tell, with_counted
from edge.nights import NIGHT_S, hung_nights, in_days
from edge.taxa import is_lesion

LEAST_PICTURES = 20  # of fewer a share says nothing
STRAY = 0.1  # of the pictures that show a disease: another name on no more of them is a mistake of the model
SHARE_DAYS = 3  # in so many they must have come: what a leaf showed before says little of today
FLYING = ("insects", "adults")  # what a trap catches flies, so it is grown
RangeOf = Callable[[str, int, float], TaxonCount]  # a label, a count, its share in pictures: see `edge.ranges`


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Intervals of one camera by local day; `today` still runs."""

    by_day: Mapping[date, Sequence[Interval]]
    today: date
    range_of: RangeOf
    stages: frozenset[tuple[str, str]] = frozenset()  # name and life stage of what the model tells apart
    label_sets: Mapping[date, LabelSets]  # of the models that made that day's intervals

    @staticmethod
    def of(
        intervals: Sequence[Interval],
        unit: Unit,
        zone: tzinfo,
        today: date,
        range_of: RangeOf,
        stages: frozenset[tuple[str, str]] = frozenset(),
        label_sets: LabelSets = NONE_KEPT,
    ) -> "Days":
        """Those in `unit`: the most on one frame, as of an hour too slow for visits, and visits are no one figure."""
        counted = [one for one in intervals if one.unit == unit and not isinstance(one.counts, NoData)]
        days = in_days(counted, zone)
        told = {day: with_counted(label_sets, those) for day, those in days.items()}
        return Days(by_day=days, today=today, range_of=range_of, stages=stages, label_sets=told)

    def over(self, label: str, unit: str) -> Evidence | None:
        """What the last day that is over says, or the last seven for a weekly unit. None: nobody looked.

        A model that cannot tell the label has not looked for it.
        A share takes in up to two days before it, where that day alone has fewer pictures than it needs.
        """
        return self._evidence(label, unit, self.today - timedelta(days=1), is_over=True)

    def so_far(self, label: str, unit: str) -> Evidence | None:
        """What the running day says, with the six before it for a weekly unit: a figure that may only rise."""
        return self._evidence(label, unit, self.today, is_over=False)

    def _evidence(self, label: str, unit: str, last: date, *, is_over: bool) -> Evidence | None:
        """A trap that hung, as far as looks tell, for half of a week or less says nothing of a week that is over.

        A look tells of each night since the look before it. A catch that came in more nights than the unit speaks of
        is no part of them, unless there is no other.
        """
        stage = noun_of(unit) if (label, noun_of(unit)) in self.stages else ""
        by_day = self._told_by_day(with_stage(label, stage))
        length = _days_of_share(by_day, last) if is_over and is_share(unit) else round(nights_of(unit) or 1)
        days = [last - timedelta(days=back) for back in range(length)]
        hung = {day: hung_nights(by_day[day]) for day in days if day in by_day}
        fits = [day for day, nights in hung.items() if nights <= length]
        looked = fits or [*hung]
        told = {day - timedelta(days=back) for day in fits for back in range(hung[day])} | {*looked}
        if not looked or (is_over and 2 * len(told.intersection(days)) < length):
            return None
        intervals = [interval for day in looked for interval in by_day[day]]
        period = Period(first=days[-1], last=last, is_over=is_over)
        nights = _nights_over(len(looked), intervals) if is_over else max(length, hung_nights(intervals))
        count, figures = _told(label, stage, intervals, nights, self.range_of)
        is_part = length == 1 and _is_part(intervals)
        watched = [one for one in intervals if one.unit != "new"]
        return Evidence(
            period=period, count=count, told=figures, nights=nights, is_part=is_part,
            watched_s=sum(one.watched_s for one in watched), frames=sum(one.frames for one in watched),
        )  # fmt: skip

    def _told_by_day(self, label: str) -> Mapping[date, Sequence[Interval]]:
        """Without the intervals of models that cannot tell it."""
        able = {
            day: [interval for interval in intervals if can_tell(self.label_sets[day], interval.model, label)]
            for day, intervals in self.by_day.items()
        }
        return {day: intervals for day, intervals in able.items() if intervals}


def is_share(unit: str) -> bool:
    """Does the unit speak of a share of pictures or leaves?"""
    return unit.startswith("%")


def days_of(unit: str) -> int:
    """How many days a figure in the unit may speak of."""
    return SHARE_DAYS if is_share(unit) else round(nights_of(unit) or 1)


def _days_of_share(by_day: Mapping[date, Sequence[Interval]], last: date) -> int:
    """How many days up to `last` have pictures enough; 1 where too few came, or nobody looked on it."""
    pictures = 0
    for back in range(SHARE_DAYS if last in by_day else 0):
        pictures += sum(interval.frames for interval in by_day.get(last - timedelta(days=back), ()))
        if pictures >= LEAST_PICTURES:
            return back + 1
    return 1


def _told(
    label: str, stage: str, intervals: Sequence[Interval], nights: int, range_of: RangeOf
) -> tuple[int, tuple[Measured, ...]]:
    """Of that life stage alone where the unit asks for one that the model tells apart: the count, and all it tells."""
    unit: Unit = intervals[0].unit
    counts = [_count(interval, label, stage) for interval in intervals]
    number = max(counts) if unit == "max_per_frame" else sum(counts)
    if unit == "affected_frames":
        return number, (*_of_pictures(number, intervals), *_leaf_area(label, intervals))
    name = with_stage(label, stage)
    taxon = range_of(name, number, _share_of(counts, number, unit))
    noun = f"{stage or 'insect'}s"
    if unit == "new":
        caught = (noun,) if stage else FLYING
        units = [f"{one}/{place}/night" for one in caught for place in ("trap", "card")]
        return number, tuple(_shared(taxon, nights, one) for one in units)
    if unit == "visits":
        return number, (_shared(taxon, nights, "visits/day"),)
    on_area = _on_area(name, f"{noun}/m2", counts, intervals, range_of)
    return number, (_shared(taxon, 1, f"{noun}/picture"), *on_area)


def _on_area(
    name: str, unit: str, counts: Sequence[int], intervals: Sequence[Interval], range_of: RangeOf
) -> tuple[Measured, ...]:
    """The densest interval, each on its own area: a camera that was calibrated anew looks at another one."""
    areas_m2 = [(i.area_mm2 or 0) / 1e6 for i in intervals]
    known = [(count, area_m2) for count, area_m2 in zip(counts, areas_m2, strict=True) if area_m2]
    if not known:
        return ()
    count, area_m2 = max(known, key=lambda one: one[0] / one[1])
    return (replace(_shared(range_of(name, count, 1.0), area_m2, unit), count=count),)


def _of_pictures(number: int, intervals: Sequence[Interval]) -> tuple[Measured, ...]:
    """Of pictures, not of leaves, and without a range: a camera sees the same leaves again and again."""
    pictures = sum(interval.frames for interval in intervals)
    return (Measured(min(100.0, 100 * number / pictures), "% pictures"),) if pictures >= LEAST_PICTURES else ()


def _leaf_area(label: str, intervals: Sequence[Interval]) -> tuple[Measured, ...]:
    """Lesions belong to a disease only where hardly another was seen; each interval weighs by its pictures.

    A disease that no picture shows has no lesions, whosever there are.
    """
    if not is_lesion(label):
        return ()
    shown = Counter[str]()  # label -> pictures
    for taxon in (one for i in intervals if not isinstance(i.counts, NoData) for one in i.counts):
        shown[taxon.label] += taxon.count
    if not shown[label] and sum(interval.frames for interval in intervals) >= LEAST_PICTURES:
        return (Measured(0.0, "% leaf area"),)
    known = [(i.severity, i.frames) for i in intervals if i.severity is not None]
    pictures = sum(frames for _, frames in known)
    if pictures < LEAST_PICTURES:
        return ()
    if any(number > STRAY * shown[label] for other, number in shown.items() if other != label):
        return ()
    share = sum(severity * frames for severity, frames in known) / pictures
    return (Measured(100 * share, "% leaf area"),)


def _share_of(counts: Sequence[int], number: int, unit: Unit) -> float:
    """As `edge.ranges` wants it; of an interval's pictures nobody knows any more how they differed: it is one."""
    if number == 0 or unit == "max_per_frame":
        return 1.0
    return sum(count**2 for count in counts) / number**2


def _nights_over(looked: int, intervals: Sequence[Interval]) -> int:
    """Whole nights in which the catch has come, by `exposed_s` alone where that covers the first look to the last.

    A trap that was hung before noon has hung in no night yet. Of a gap without `exposed_s`, as where a boot never knew
    the time, nobody knows how long the card hung in it: each night that was looked at counts there.
    """
    hung = hung_nights(intervals)
    span = max(one.end.utc for one in intervals) - min(one.start.utc for one in intervals)
    return max(1 if hung >= round(span.total_seconds() / NIGHT_S) else looked, hung)


def _is_part(night: Sequence[Interval]) -> bool:
    """Of a trap: did its catch come in less than half of a night, as far as its intervals know?"""
    known_s = [one.exposed_s for one in night if one.exposed_s is not None]
    return bool(known_s) and sum(known_s) < NIGHT_S / 2


def _count(interval: Interval, label: str, stage: str) -> int:
    assert not isinstance(interval.counts, NoData)  # noqa: S101  Days keeps none of those
    return sum(taxon.count for taxon in interval.counts if taxon.label == label and stage in {"", taxon.stage})


def _shared(taxon: TaxonCount, among: float, unit: str) -> Measured:
    value, low, high = (None if n is None else n / among for n in (taxon.count, taxon.low, taxon.high))
    return Measured(value or 0.0, unit, low, high)
