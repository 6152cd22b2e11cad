"""What was measured of a shipped file on held-out pictures: the records behind report, card and metadata."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class on the test split; precision, recall and F1 at the shipped threshold. None: no mark of it there."""

    label: str
    support: int  # marks of this class
    ap50: float | None
    ap50_95: float | None
    threshold: float
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """The pictures of one dataset."""

    pictures: int
    map50: float
    map50_95: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One file on the test split."""

    file: str
    precision: str
    size_bytes: int
    ms: float  # median of picture to detections, 640x480, one thread of this machine
    bare_ms: float  # of the network alone, same pictures, same run
    map50: float
    map50_95: float
    pictures: int
    empties: int  # test pictures of other datasets, which show none of the classes
    false_alarms: int  # detections in them at the shipped thresholds
    parts: dict[str, Part]  # by dataset
    classes: tuple[ClassFigures, ...]
