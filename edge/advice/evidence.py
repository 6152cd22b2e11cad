"""From the intervals of some days to what they say of one pest, in each unit that it can be told in. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from edge.advice.standing import Evidence, Measured, Period
from edge.advice.units import nights_of
from edge.counts import Interval, NoData, TaxonCount, Unit
from edge.nights import day_of

LEAST_LEAVES = 20  # of fewer leaves a share says nothing
OF_A_TRAP = ("insects/trap", "adults/trap", "insects/card", "adults/card")  # what is caught flies, so it is grown
NIGHT_S = 86_400.0
RangeOf = Callable[[str, int], TaxonCount]  # a label and a count, with the range that the model leaves open


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Intervals of one camera by local day; `today` still runs."""

    by_day: Mapping[date, Sequence[Interval]]
    today: date
    range_of: RangeOf
    area_m2: float | None = None  # what the camera sees, where it was calibrated

    @staticmethod
    def of(
        intervals: Sequence[Interval], zone: tzinfo, today: date, range_of: RangeOf, area_m2: float | None = None
    ) -> "Days":
        """Only the newest interval's unit: the most on one frame and a sum of visits cannot stand in one figure."""
        unit = intervals[-1].unit if intervals else None
        by_day: dict[date, list[Interval]] = {}
        for interval in intervals:
            if interval.unit == unit and not isinstance(interval.counts, NoData):
                by_day.setdefault(day_of(interval, zone), []).append(interval)
        return Days(by_day=by_day, today=today, range_of=range_of, area_m2=area_m2)

    def over(self, label: str, unit: str) -> Evidence | None:
        """What the last day that is over says, or the last seven for a weekly unit. None: nobody looked."""
        return self._evidence(label, unit, self.today - timedelta(days=1), is_over=True)

    def so_far(self, label: str, unit: str) -> Evidence | None:
        """The same with the running day as the last one: a figure that may only rise."""
        return self._evidence(label, unit, self.today, is_over=False)

    def _evidence(self, label: str, unit: str, last: date, *, is_over: bool) -> Evidence | None:
        """A trap that hung for half of a week or less says nothing of a week that is over."""
        length = round(nights_of(unit) or 1)
        days = [last - timedelta(days=back) for back in range(length)]
        looked = [day for day in days if day in self.by_day]
        if not looked or (is_over and 2 * len(looked) < length):
            return None
        intervals = [interval for day in looked for interval in self.by_day[day]]
        period = Period(first=days[-1], last=last, is_over=is_over)
        nights = max(len(looked) if is_over else length, _hung_nights(intervals))
        return _told(label, intervals, period, nights=nights, days=self)


def _told(label: str, intervals: Sequence[Interval], period: Period, *, nights: float, days: Days) -> Evidence:
    unit: Unit = intervals[0].unit
    counts = [_count(interval, label) for interval in intervals]
    number = max(counts) if unit == "max_per_frame" else sum(counts)
    taxon = days.range_of(label, number)
    if unit == "new":
        return Evidence(
            period=period, count=number, told=tuple(_shared(taxon, nights, f"{u}/night") for u in OF_A_TRAP)
        )
    if unit == "visits":
        return Evidence(period=period, count=number, told=(_shared(taxon, nights, "visits/day"),))
    if unit == "affected_frames":
        leaves = sum(interval.frames for interval in intervals)
        told = (_shared(taxon, leaves / 100, "% leaves", most=100.0),) if leaves >= LEAST_LEAVES else ()
        return Evidence(period=period, count=number, told=told)
    on_area = () if days.area_m2 is None else (_shared(taxon, days.area_m2, "insects/m2"),)
    return Evidence(period=period, count=number, told=(_shared(taxon, 1, "insects/picture"), *on_area))


def _hung_nights(intervals: Sequence[Interval]) -> float:
    """Trap-nights in which the catch has come: a node that was off for three finds the catch of three."""
    return sum(interval.exposed_s or 0.0 for interval in intervals) / NIGHT_S


def _count(interval: Interval, label: str) -> int:
    assert not isinstance(interval.counts, NoData)  # noqa: S101  Days keeps none of those
    return sum(taxon.count for taxon in interval.counts if taxon.label == label)


def _shared(taxon: TaxonCount, among: float, unit: str, most: float | None = None) -> Measured:
    figures = (None if number is None else number / among for number in (taxon.count, taxon.low, taxon.high))
    value, low, high = (f if f is None or most is None else min(f, most) for f in figures)
    return Measured(value or 0.0, unit, low, high)
