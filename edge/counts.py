"""The records a node publishes, and the arithmetic from what was seen to what is counted. Pure.

A count never travels without its effort (frames looked at, time awake), and no data is not a zero.
"""

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from math import log, log1p
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.clock import Instant

Box = tuple[float, float, float, float]  # left, top, right, bottom as shares 0..1 of the picture
Unit = Literal["max_per_frame", "visits", "new", "affected_frames"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A taxon came into view: more of it than on the frame looked at before."""

    at: Instant
    camera: str
    model: str  # name@version
    label: str  # scientific name at the rank a picture can tell
    eppo: str  # EPPO code where checked, else empty
    confidence: float  # 0..1, of the strongest
    box: Box  # of the strongest
    count: int  # individuals of the taxon on this frame
    picture: str | None = None  # id of the stored picture


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxonCount:
    """How many of one taxon, with the range that the model's measured precision and recall leave open (95 %).

    `low` and `high` are None together where that taxon's precision and recall were never measured.
    """

    label: str
    eppo: str
    count: int
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """Individuals per m2 with the range of the count."""

    per_m2: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class NoData:
    """Nothing can be said, and why. Not a zero."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """What one camera counted from `start` to `end`, with its effort."""

    start: Instant
    end: Instant
    camera: str
    model: str
    mode: str
    unit: Unit
    frames: int  # good enough and looked at
    skipped: tuple[tuple[str, int], ...]  # reason, frames
    awake_s: float  # time in which frames came
    counts: tuple[TaxonCount, ...] | NoData  # taxa not listed: zero seen
    saturated: bool = False

    def __post_init__(self) -> None:
        if (self.frames == 0) != isinstance(self.counts, NoData):
            raise ValueError("an Interval has counts if and only if a frame was looked at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Records that this node committed and could not keep; the platform must not wait for them.

    Of `first_seq` to `last_seq`, `count` are gone; the others, of higher priority, still come or have come.
    """

    at: Instant
    first_seq: int
    last_seq: int
    count: int
    reason: str


Record = Sighting | Interval | Lost


@dataclass(frozen=True, slots=True)
class Seen:
    """One detection, without pixels: what counting needs."""

    label: str
    eppo: str
    confidence: float
    box: Box


def counted(count: int, label: str, eppo: str, *, precision: float | None, recall: float | None) -> TaxonCount:
    """A count with its 95 % range. `precision`, `recall`: 0..1, on held-out pictures; None: never measured."""
    low, high = count_range(count, precision, recall) if precision and recall else (None, None)
    return TaxonCount(label=label, eppo=eppo, count=count, low=low, high=high)


def count_range(count: int, precision: float, recall: float, level: float = 0.95) -> tuple[int, int]:
    """Range of the true number behind `count` detections, at `level`; it always holds `count` itself.

    Of N individuals Binomial(N, recall) are found, and beside them stand Poisson((N + 1) recall (1 - precision) /
    precision) false ones, as many as make `precision` true on average (the 1: an empty scene too has false ones). The
    range holds each N under which neither so few nor so many detections would be odd: both tails by their mid-P
    (Lancaster 1961, JASA 56:223-234) above (1 - level) / 2. Precision and recall are taken as known. 1 ms at 1000.
    """
    if not 0 < precision <= 1 or not 0 < recall <= 1:
        raise ValueError(f"precision and recall must be in (0, 1], got {precision} and {recall}")
    tail = (1 - level) / 2
    false_share = recall * (1 - precision) / precision
    beyond = int(2 * (count + 10) / recall) + 20
    low = bisect_left(range(count), True, key=lambda n: _tails(count, n, recall, (n + 1) * false_share)[1] > tail)
    fewer = bisect_left(range(beyond), True, key=lambda n: _tails(count, n, recall, (n + 1) * false_share)[0] <= tail)
    return low, max(fewer - 1, count)


def _tails(count: int, number: int, recall: float, false: float) -> tuple[float, float]:
    """Mid-P of at most and of at least `count` detections of `number` individuals with `false` false ones expected."""
    found = np.arange(min(number, count) + 1)
    chance = np.exp(_log_binomial(found, number, recall))
    others = np.arange(count + 1)
    of_false = np.exp(others * log(false) - false - _log_factorials(count)) if false > 0 else (others == 0) * 1.0
    exactly = float(chance @ of_false[count - found])
    at_most = float(chance @ np.cumsum(of_false)[count - found])
    return at_most - exactly / 2, 1 - at_most + exactly / 2


def _log_binomial(found: NDArray[np.int64], number: int, recall: float) -> NDArray[np.float64]:
    if recall == 1:
        return np.where(found == number, 0.0, -np.inf)
    factorials = _log_factorials(number)
    ways = factorials[number] - factorials[found] - factorials[number - found]
    return np.asarray(ways + found * log(recall) + (number - found) * log1p(-recall))


@lru_cache(maxsize=8)
def _log_factorials(most: int) -> NDArray[np.float64]:
    """(most + 1,) log n!"""
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, most + 1)))])


def density(count: TaxonCount, area_m2: float | None) -> Density | NoData:
    """Individuals per m2 of what was looked at. Without a calibrated area there is none, whatever the pixels say."""
    if area_m2 is None:
        return NoData("not_calibrated")
    return Density(
        per_m2=count.count / area_m2,
        low=None if count.low is None else count.low / area_m2,
        high=None if count.high is None else count.high / area_m2,
    )


def per_trap_night(catch: int, traps: int, nights: float) -> float | NoData:
    """Catch per trap-night; a night without power or with a blind camera is not among the `nights`."""
    return catch / (traps * nights) if traps * nights > 0 else NoData("no_night")


def per_card_m2_day(new: int, card_m2: float, sides: int, days: float) -> float | NoData:
    """New insects per m2 of card and day."""
    return new / (card_m2 * sides * days) if card_m2 * sides * days > 0 else NoData("no_day")
