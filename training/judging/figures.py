"""What was measured of a shipped file on held-out pictures: the records behind report, card and metadata.

An `interval` is the 95 % one, by bootstrap over pictures; None where there is too little to say.
"""

from dataclasses import dataclass

from edge.count_agreement import Agreement
from training.judging.bootstrap import Interval

FEWEST_MARKS = 5  # with fewer, precision and recall of a class are an accident


@dataclass(frozen=True, slots=True)
class Share:
    """A share 0..1 and how sure it is; None: it is of nothing, which is not zero."""

    value: float | None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Precision, recall and F1 at the shipped thresholds, IoU 0.5."""

    precision: Share
    recall: Share
    f1: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFigures:
    """One class; without a mark in the split it has no figures."""

    label: str
    support: int  # marks of this class
    ap50: float | None
    ap50_95: float | None
    threshold: float
    found: Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The pictures of one dataset; `counts` are of all its classes together, a picture at a time."""

    pictures: int
    map50: float
    map50_95: float
    found: Found
    counts: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """Detections in the pictures of a dataset that shows none of the classes."""

    pictures: int
    alarms: int
    per_100: Share  # value and interval are per 100 pictures, and may exceed 1


@dataclass(frozen=True, slots=True)
class Bin:
    """Detections of like confidence."""

    detections: int
    confidence: float  # mean
    precision: float  # share of them that are right


@dataclass(frozen=True, slots=True)
class Reliability:
    """Is what is said with 0.8 right in 8 of 10 cases? `error` is the expected calibration error, 0..1."""

    error: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """Pictures spoilt as a field spoils them."""

    map50: float
    f1: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """On one thread of one machine, in turns of one run: ratios carry over, ms do not."""

    size_bytes: int
    width_px: int  # of the picture
    height_px: int
    ms: float  # picture to detections
    bare_ms: float  # of the network alone, on that picture or on its last tile
    start_ms: float | None  # of the starting network at 416 px; None: its weights are not here

    @property
    def ratio(self) -> float | None:
        """Picture to detections, beside the starting network alone."""
        return None if self.start_ms is None else self.ms / self.start_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One file on one split."""

    file: str
    precision: str
    split: str
    pictures: int
    map50: float
    map50_95: float
    found: Found
    parts: dict[str, Part]  # by dataset
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]  # rows marked, columns said, ground last in both
    reliability: tuple[Reliability, Reliability]  # before and after temperature scaling
    alarms: dict[str, Alarms]  # by dataset
    field: dict[str, Field]  # by what happened to the pictures; empty: not tried with this file
    cost: Cost

    @property
    def empties(self) -> int:
        """Pictures that show none of the classes."""
        return sum(one.pictures for one in self.alarms.values())

    @property
    def false_alarms(self) -> int:
        """Detections in them."""
        return sum(one.alarms for one in self.alarms.values())
