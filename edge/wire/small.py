"""A day in a few numbers, for lines on which records do not fit: what `small_bytes` packs. Pure.

Only ever a summary: records, with their keys, go by MQTT or on a stick, and a platform never adds a day to them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from edge.counts import Level, Unit
from edge.wire.fields import LARGEST
from edge.wire.messages import SummaryCount
from edge.wire.plain import PlainInterval

FIRST_DAY = date(2020, 1, 1)
MINUTES_A_DAY = 1500  # 25 hours: the day on which clocks go back


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallCount:
    """Of one taxon over the day. `low` and `high` are None together where the model's errors were never measured."""

    label: str  # scientific name; after decoding `#` and 7 hexadecimal digits where not known
    stage: str = ""
    count: int
    low: int | None = None
    high: int | None = None
    level: Level = "calm"

    def __post_init__(self) -> None:
        if not 0 <= self.count <= LARGEST or (self.low is None) != (self.high is None):
            raise ValueError("a count is a natural number, with both ends of its range or none")
        if self.low is not None and self.high is not None and not 0 <= self.low <= self.count <= self.high <= LARGEST:
            raise ValueError("a range holds its count")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallDay:
    """A node's day with its effort. `counts` None: nothing can be said, `no_data` says why; empty: none was seen."""

    day: date  # local, from 2020 to 2199
    unit: Unit
    frames: int
    awake_min: int  # 0..1500
    counts: tuple[SmallCount, ...] | None
    no_data: str | None = None
    omitted: int = 0  # taxa that were counted and did not fit
    saturated: bool = False
    battery_percent: int | None = None

    def __post_init__(self) -> None:
        if (self.counts is None) != (self.no_data is not None) or (self.counts is None) != (self.frames == 0):
            raise ValueError("a day has counts if and only if a frame was looked at, else a reason")
        if not 0 <= (self.day - FIRST_DAY).days <= 0xFFFF or not 0 <= self.awake_min <= MINUTES_A_DAY:
            raise ValueError("a day lies between 2020 and 2199 and has at most 1500 minutes")
        if self.battery_percent is not None and not 0 <= self.battery_percent <= 100:
            raise ValueError("a battery holds 0 to 100 per cent")


def small_day(
    day: date,
    intervals: Sequence[PlainInterval],
    *,
    levels: Mapping[str, Level] | None = None,
    battery_percent: int | None = None,
) -> SmallDay:
    """The sum of one camera's intervals of a day; `levels`: of labels over their threshold.

    Ranges are added end by end, which is wider than the range of the sum, never narrower. Raises ValueError without
    intervals and for several units.
    """
    units = {one.unit for one in intervals}
    if len(units) != 1:
        raise ValueError(f"a day is summed over intervals of one unit, not {sorted(units)}")
    (unit,) = units
    frames = sum(one.frames for one in intervals)
    silent = Counter(one.no_data for one in intervals if one.no_data is not None)
    return SmallDay(
        day=day,
        unit=unit,
        frames=frames,
        awake_min=min(MINUTES_A_DAY, round(sum(one.awake_s for one in intervals) / 60)),
        counts=_sums(intervals, unit, levels or {}) if frames else None,
        no_data=None if frames else silent.most_common(1)[0][0],
        saturated=any(one.saturated for one in intervals),
        battery_percent=battery_percent,
    )


def _sums(intervals: Sequence[PlainInterval], unit: Unit, levels: Mapping[str, Level]) -> tuple[SmallCount, ...]:
    found: dict[tuple[str, str], list[SummaryCount]] = {}
    for one in intervals:
        for count in one.counts or ():
            found.setdefault((count.label, count.stage), []).append(count)
    return tuple(_sum(counts, unit, levels.get(label, "calm")) for (label, _), counts in found.items())


def _sum(counts: Sequence[SummaryCount], unit: Unit, level: Level) -> SmallCount:
    whole = max if unit == "max_per_frame" else sum
    known = [(one.low, one.high) for one in counts if one.low is not None and one.high is not None]
    is_known = len(known) == len(counts)
    return SmallCount(
        label=counts[0].label,
        stage=counts[0].stage,
        count=whole(one.count for one in counts),
        low=whole(low for low, _ in known) if is_known else None,
        high=whole(high for _, high in known) if is_known else None,
        level=level,
    )
