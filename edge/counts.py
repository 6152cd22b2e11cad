"""The records a node publishes, and the arithmetic from what was seen to what is counted. Pure.

A count never travels without its effort (frames looked at, time awake), and no data is not a zero.
"""

from dataclasses import dataclass
from math import exp, lgamma, log, log1p
from typing import Literal

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
    """Range of the true number behind `count` detections, at `level`.

    Of `count` detections Binomial(count, precision) are real; each real one that was found stands for a number that
    were missed, NegativeBinomial(found, recall). The range is the central `level` of their sum (both taken as
    independent and known; the uncertainty of precision and recall themselves is not in it).
    """
    if not 0 < precision <= 1 or not 0 < recall <= 1:
        raise ValueError(f"precision and recall must be in (0, 1], got {precision} and {recall}")
    if count == 0:
        return 0, 0
    chance = _true_number(count, precision, recall)
    tail = (1 - level) / 2
    low, high, total = 0, len(chance) - 1, 0.0
    for number, share in enumerate(chance):
        if total <= tail < total + share:
            low = number
        if total < 1 - tail <= total + share:
            high = number
            break
        total += share
    return min(low, count), max(high, count)


def _true_number(count: int, precision: float, recall: float) -> list[float]:
    """Probability of each true number 0..limit."""
    limit = int(4 * count / recall) + 20
    chance = [0.0] * (limit + 1)
    for found in range(count + 1):
        log_found = _times_log(found, precision) + _times_log(count - found, 1 - precision)
        p_found = exp(_log_choose(count, found) + log_found)
        for missed in range(limit - found + 1):
            ways = _log_choose(found + missed - 1, missed) if found else (0.0 if missed == 0 else float("-inf"))
            chance[found + missed] += p_found * exp(ways + _times_log(found, recall) + _times_log(missed, 1 - recall))
    return chance


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _times_log(times: int, value: float) -> float:
    if times == 0:
        return 0.0
    return times * (log(value) if value < 0.5 else log1p(value - 1)) if value > 0 else float("-inf")
