"""Second thoughts about other people's labels: which pictures are left out, which regions are not taught.

The decisions stand in `label_care.csv` (`dataset,image,action,left,top,right,bottom,reason`), where a person can read
and change them. They hold for training and validation; the test split is judged as it is, and without its wrong marks
only in a report of its own (`training.evaluate --cared`). `training.label_care` proposes more of them.

drop: the picture is left out.
ignore: in this region, in px, stands something that nobody labelled; it is taught neither as insect nor as background.
wrong: this mark is taken away; what it marks is taught as background.
stay: this mark is not cut out and laid elsewhere (`training.transplants`), where what came out is no insect.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge.errors import ConfigError
from training.fetch import SOURCES_TOML, read_sources
from training.samples import IGNORE, Sample, check_mark
from training.text import rows_of

DECISIONS_CSV = Path(__file__).with_name("label_care.csv")
COLUMNS = ("dataset", "image", "action", "left", "top", "right", "bottom", "reason")
ACTIONS = DROP, REGION, WRONG, STAY = "drop", "ignore", "wrong", "stay"
SAME_PX = 1.0  # a mark in the file is rounded

Region = tuple[float, float, float, float]  # left, top, right, bottom px


@dataclass(frozen=True, slots=True)
class Decision:
    """One row: the picture, what happens to it, and the region or mark (left, top, right, bottom) px."""

    dataset: str
    image: str  # path below the dataset's folder
    action: str
    xyxy: Region
    reason: str


def read_decisions() -> list[Decision]:
    """All rows of the file. Raises ConfigError, also for one that would decide nothing."""
    decisions, sources = [], read_sources()
    for row in rows_of(DECISIONS_CSV, COLUMNS):
        which = f"{DECISIONS_CSV}: {row['action']} of {row['image']}"
        if row["action"] not in ACTIONS:
            raise ConfigError(f"{which} is no action; write one of {', '.join(ACTIONS)}")
        if row["dataset"] not in sources:
            raise ConfigError(f"{which}: {row['dataset']!r} is no dataset of {SOURCES_TOML.name}; mend the name")
        try:
            region = _region(row)
        except ValueError as why:
            raise ConfigError(f"{which}: {why}; write left, top, right and bottom of it in px") from why
        decisions.append(Decision(row["dataset"], row["image"], row["action"], region, row["reason"]))
    return decisions


def cared_for(samples: Sequence[Sample], root: Path, decisions: Sequence[Decision]) -> list[Sample]:
    """Samples without those dropped and without wrong marks, with regions to ignore; `root` holds the folders."""
    of_picture = _by_picture(root, decisions)
    cared = (_with(sample, of_picture.get(sample.image_path, [])) for sample in samples)
    return [sample for sample in cared if sample is not None]


def idle(samples: Sequence[Sample], root: Path, decisions: Sequence[Decision]) -> list[Decision]:
    """Decisions on a picture or a mark that none of the samples, as the datasets have them, is or has."""
    of_path = {sample.image_path: sample for sample in samples}
    return [one for one in decisions if not _meets(one, of_path.get(root / one.dataset / one.image))]


def movable(samples: Sequence[Sample], root: Path, decisions: Sequence[Decision]) -> list[Sample]:
    """Samples without the marks that stay where they are. `root` holds the datasets' folders."""
    of_picture = _by_picture(root, decisions)
    return [_without(sample, _regions(of_picture.get(sample.image_path, []), STAY)) for sample in samples]


def _region(row: dict[str, str]) -> Region:
    """Raises ValueError for none, but of a picture that is dropped."""
    left, top, right, bottom = (float(row[edge] or 0) for edge in ("left", "top", "right", "bottom"))
    check_mark((left, top, right, bottom))
    if row["action"] != DROP and not (left < right and top < bottom):
        raise ValueError("the region has no area")
    return left, top, right, bottom


def _with(sample: Sample, decisions: Sequence[Decision]) -> Sample | None:
    if any(one.action == DROP for one in decisions):
        return None
    left = _without(sample, _regions(decisions, WRONG))
    regions = _regions(decisions, REGION)
    if not regions:
        return left
    xyxy = np.concatenate([left.xyxy, np.array(regions, np.float32)])
    return replace(left, xyxy=xyxy, class_id=np.append(left.class_id, [IGNORE] * len(regions)).astype(np.int64))


def _by_picture(root: Path, decisions: Sequence[Decision]) -> dict[Path, list[Decision]]:
    of_picture: dict[Path, list[Decision]] = {}
    for one in decisions:
        of_picture.setdefault(root / one.dataset / one.image, []).append(one)
    return of_picture


def _meets(decision: Decision, sample: Sample | None) -> bool:
    if sample is None or decision.action in (DROP, REGION):
        return sample is not None
    return len(_without(sample, [decision.xyxy]).class_id) < len(sample.class_id)


def _regions(decisions: Sequence[Decision], action: str) -> list[Region]:
    return [one.xyxy for one in decisions if one.action == action]


def _without(sample: Sample, marks: Sequence[Region]) -> Sample:
    if not marks:
        return sample
    off_px = np.abs(sample.xyxy[:, None] - np.array(marks, np.float32)[None]).max(axis=2)
    is_left = off_px.min(axis=1) > SAME_PX
    return replace(sample, xyxy=sample.xyxy[is_left], class_id=sample.class_id[is_left])
