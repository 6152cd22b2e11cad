"""The records a node publishes, and the arithmetic from what was seen to what is counted. Pure.

A count never travels without its effort (frames looked at, time awake), and no data is not a zero.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.clock import ClockState, Instant
from edge.ranges import ALIKE, Dispersion, count_range

Box = tuple[float, float, float, float]  # left, top, right, bottom as shares 0..1 of the picture
Unit = Literal["max_per_frame", "visits", "new", "affected_frames"]
Level = Literal["calm", "look", "act"]
# skipped: shows nothing that is counted
BLIND = ("dark", "overexposed", "blocked", "colourless", "blurred", "board", "no_leaf")
CAMERA = "cam0"  # a node has one camera; the name travels with every record
STAGES = ("egg", "larva", "nymph", "pupa", "juvenile", "adult", "symptom")
_STAGED = re.compile(rf"(?P<name>.+) \((?P<stage>{'|'.join(STAGES)})\)")
Task = Literal["nothing", "go_and_look", "count_by_eye", "follow_source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A taxon came into view: more of it than on any of the frames just before, a visit, or new on the card."""

    at: Instant
    camera: str
    model: str  # name@version
    label: str  # scientific name at the rank a picture can tell
    eppo: str  # EPPO code where checked, else empty
    confidence: float  # 0..1, of the strongest
    box: Box  # of the strongest
    count: int  # individuals of the taxon on this frame
    picture: str | None = None  # id of the stored picture
    stage: str = ""  # one of STAGES, where the model tells them apart


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
    stage: str = ""  # one of STAGES, where the model tells them apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Readings of one quantity: their mean, least and greatest."""

    mean: float
    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate:
    """What a sensor in the field told while the camera counted; from `readings` readings."""

    readings: int
    temperature_c: Spread
    humidity: Spread | None = None  # relative, 0..1


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
    counts: tuple[TaxonCount, ...] | NoData  # taxa not listed: zero seen, if the model can tell them
    saturated: bool = False
    area_mm2: int | None = None  # what was counted on, by calibration
    exposed_s: float | None = None  # trap: time in which what is new has come, pictures missed in between included
    severity: float | None = None  # leaf: mean share 0..1 of a leaf that is lesion
    climate: Climate | None = None
    revision: int = 0  # of the record with this key: a higher one takes its place

    def __post_init__(self) -> None:
        if (self.frames == 0) != isinstance(self.counts, NoData):
            raise ValueError("an Interval has counts if and only if a frame was looked at")

    @property
    def is_timed(self) -> bool:
        """Does anybody know when it was? Not of one whose clock was never set."""
        return ClockState.UNSYNCED not in (self.start.state, self.end.state)

    @property
    def watched_s(self) -> float:
        """See `watched_of`."""
        return watched_of(self.awake_s, self.frames, dict(self.skipped))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Records that this node committed and could not keep.

    Of `first_seq` to `last_seq`, `count` are gone; the others, of higher priority, still come or have come.
    """

    at: Instant
    first_seq: int
    last_seq: int
    count: int
    reason: str

    @property
    def is_whole(self) -> bool:
        """Is all of the span gone? Else a replay tells which."""
        return self.count == self.last_seq - self.first_seq + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A level against a threshold was reached or left: why, what to look at, and who says so."""

    at: Instant
    camera: str
    model: str
    label: str
    eppo: str
    level: Level
    value: float  # in `unit`, as are all figures below; the range is None where precision and recall were not measured
    low: float | None
    high: float | None
    unit: str  # of the threshold, with its effort
    start_at: float  # from here on the source acts,
    sure_at: float | None  # and from here on without further doubt
    reason: str  # one sentence with the figure, its unit and the threshold
    task: Task
    look_at: str  # the task as one sentence: what a person should do
    source: str  # of the threshold, with its region


OUTDATED = "the last count is too old to go by"  # the reason of an alert that no count raised: its value is an old one
MOVED = "the node is at another place now"  # another such reason

Record = Sighting | Interval | Lost | Alert


def moment(record: Record) -> Instant:
    """The instant that a record is filed under."""
    return record.end if isinstance(record, Interval) else record.at


@dataclass(frozen=True, slots=True)
class Seen:
    """One detection, without pixels: what counting needs."""

    label: str
    eppo: str
    confidence: float
    box: Box


def name_and_stage(label: str) -> tuple[str, str]:
    """`Lepidoptera (larva)`, as a model that tells life stages names a class, in two; else the whole and ""."""
    match = _STAGED.fullmatch(label)
    return (match["name"], match["stage"]) if match else (label, "")


def with_stage(name: str, stage: str) -> str:
    """The reverse of `name_and_stage`."""
    return f"{name} ({stage})" if stage else name


def counted(
    count: int,
    label: str,
    eppo: str,
    *,
    precision: float | None,
    recall: float | None,
    dispersion: Dispersion = ALIKE,
    share: float = 1.0,
    unit: Unit = "max_per_frame",
) -> TaxonCount:
    """A count with its 95 % range, see `count_range`. `precision`, `recall`: 0..1; None: never measured."""
    low: int | None = None
    high: int | None = None
    if precision and recall:
        low, high = count_range(count, precision, recall, dispersion, share, is_one_card=unit == "new")
    name, stage = name_and_stage(label)
    return TaxonCount(label=name, eppo=eppo, count=count, low=low, high=high, stage=stage)


def newest_unit(intervals: Sequence[Interval]) -> Unit | None:
    """The unit of the last interval that looked at something; without one, of the last. None: there is no interval."""
    looked = (one.unit for one in reversed(intervals) if not isinstance(one.counts, NoData))
    return next(looked, intervals[-1].unit if intervals else None)


def decimals_of(figure: float, mark: float) -> int:
    """So many tell a figure within half a per cent, and on its own side of `mark`: 999.6 is below 1000, 1000 is not."""
    for n in range(1, 9):
        told = round(figure, n)
        if abs(told - figure) <= abs(figure) / 200 and (told >= mark) == (figure >= mark):
            return n
    return 9


def watched_of(awake_s: float, frames: int, skipped: Mapping[str, int]) -> float:
    """Of the time in which frames came, the share of those that showed something; a still scene is watched, too."""
    blind = sum(skipped.get(reason, 0) for reason in BLIND)
    sighted = frames + skipped.get("still", 0)
    return awake_s * sighted / max(1, sighted + blind)


def per_m2(taxon: TaxonCount, interval: Interval) -> float | None:
    """Individuals per m2 of what was counted on; None without a calibration.

    Nor for leaves, which fill no area, or for visits: one that comes back is another visit.
    """
    if not interval.area_mm2 or interval.unit in ("affected_frames", "visits"):
        return None
    return taxon.count / (interval.area_mm2 / 1e6)
