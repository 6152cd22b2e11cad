"""Second thoughts about other people's labels: which pictures are left out, which regions are not taught.

The decisions stand in `label_care.csv` (`dataset,image,action,left,top,right,bottom,reason`), where a person can read
and change them. They hold for training and validation; the test split is judged as it is, and without its wrong marks
only in a report of its own (`training.evaluate --cared`).

drop: the picture is left out.
ignore: in this region, in px, stands something that nobody labelled; it is taught neither as insect nor as background.
wrong: this mark is taken away; what it marks is taught as background.
stay: this mark is not cut out and laid elsewhere (`training.transplants`), where what came out is no insect.

`python -m training.label_care CONFIG --bundle models/pests.onnx --out FILE --sheet PICTURE` proposes regions of the
training and validation pictures: what a bundle tells, of a kind that is labelled in the same picture, where there is no
label. The picture shows each with its line in the file: look at them all before they join the decisions.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from edge.boxes import Floats, Image, iou
from edge.bundle import load_bundle
from edge.detections import Detections
from edge.detector import Detector
from edge.errors import ConfigError
from training.command import finish
from training.config import read_config
from training.samples import IGNORE, Example, Sample, load_example, read_image
from training.sheets import sheet, tile, write_sheet
from training.text import rows_of

DECISIONS_CSV = Path(__file__).with_name("label_care.csv")
COLUMNS = ("dataset", "image", "action", "left", "top", "right", "bottom", "reason")
DROP, REGION, WRONG, STAY = "drop", "ignore", "wrong", "stay"
SAME_PX = 1.0  # a mark in the file is rounded
SURE = 0.5
APART = 0.2  # IoU below which a detection is not that label, drawn otherwise
NEAR = 1.2  # of the longer side of a proposal, from its middle: so much of the picture is shown

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
    """All rows of the file. Raises ConfigError."""
    rows = rows_of(DECISIONS_CSV, COLUMNS)
    return [Decision(r["dataset"], r["image"], r["action"], _region(r), r["reason"]) for r in rows]


def cared_for(samples: Sequence[Sample], root: Path, decisions: Sequence[Decision]) -> list[Sample]:
    """Samples without those dropped and without wrong marks, with regions to ignore; `root` holds the folders."""
    of_picture = _by_picture(root, decisions)
    cared = (_with(sample, of_picture.get(sample.image_path, [])) for sample in samples)
    return [sample for sample in cared if sample is not None]


def movable(samples: Sequence[Sample], root: Path, decisions: Sequence[Decision]) -> list[Sample]:
    """Samples without the marks that stay where they are. `root` holds the datasets' folders."""
    of_picture = _by_picture(root, decisions)
    return [_without(sample, _regions(of_picture.get(sample.image_path, []), STAY)) for sample in samples]


def proposed(detector: Detector, samples: Sequence[Sample]) -> Iterator[tuple[Sample, Floats]]:
    """Samples in which the bundle tells what nobody labelled, and those boxes (n, 4) px."""
    for sample in samples:
        found = detector(read_image(sample.image_path))
        is_of_kind = np.isin(found.class_id, sample.class_id)
        is_new = iou(found.xyxy, sample.xyxy).max(axis=1, initial=0) < APART
        boxes = found.xyxy[is_of_kind & is_new]
        if len(boxes):
            yield sample, boxes


def seen_near(whole: Example, box: Floats, line: int) -> Image:
    """A tile with the box (4,) px in red and labels in green, and its line in the file of proposals."""
    image, middle = whole.image, (box[:2] + box[2:]) / 2
    reach = NEAR * float((box[2:] - box[:2]).max())
    left, top = np.maximum(middle - reach, 0).astype(int).tolist()
    right, bottom = np.minimum(middle + reach, [image.shape[1], image.shape[0]]).astype(int).tolist()
    corner = np.array([left, top, left, top], np.float32)
    example = Example(image[top:bottom, left:right], np.asarray(whole.xyxy - corner, np.float32), whole.class_id)
    unnamed = int(whole.class_id.max(initial=IGNORE)) + 1
    shown = Detections((box - corner)[None].astype(np.float32), np.ones(1, np.float32), np.array([unnamed], np.int64))
    return tile(example, shown, [""] * unnamed + [str(line)])


def _region(row: dict[str, str]) -> Region:
    left, top, right, bottom = (float(row[edge] or 0) for edge in ("left", "top", "right", "bottom"))
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


def _regions(decisions: Sequence[Decision], action: str) -> list[Region]:
    return [one.xyxy for one in decisions if one.action == action]


def _without(sample: Sample, marks: Sequence[Region]) -> Sample:
    if not marks:
        return sample
    off_px = np.abs(sample.xyxy[:, None] - np.array(marks, np.float32)[None]).max(axis=2)
    is_left = off_px.min(axis=1) > SAME_PX
    return replace(sample, xyxy=sample.xyxy[is_left], class_id=sample.class_id[is_left])


def main() -> None:
    """Command line: propose regions of the training and validation splits."""
    from training.train import samples_of  # noqa: PLC0415  train reads the decisions

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="say, training/configs/pests_8.toml")
    parser.add_argument("--bundle", type=Path, required=True, help="say, models/pests.onnx")
    parser.add_argument("--least", type=float, default=SURE, help="confidence from which it is heard; default: 0.5")
    parser.add_argument("--out", type=Path, required=True, help="the CSV of proposals")
    parser.add_argument("--sheet", type=Path, required=True, help="the picture of them, .jpg or .png")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    if not 0 <= arguments.least <= 1:
        raise ConfigError(f"--least {arguments.least}: a confidence lies from 0 to 1; give 0.3, say")
    config = read_config(arguments.config)
    detector = Detector(load_bundle(arguments.bundle), confidence=arguments.least)
    tiles: list[Image] = []
    with arguments.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for sample, boxes in proposed(detector, [*samples_of(config, "train"), *samples_of(config, "val")]):
            image = sample.image_path.relative_to(Path(config.data) / sample.dataset)
            whole = load_example(sample)
            for box in boxes:
                writer.writerow([sample.dataset, image, REGION, *box.round().astype(int), ""])
                tiles.append(seen_near(whole, box, len(tiles) + 2))  # line 1 is the header
    if tiles:
        write_sheet(arguments.sheet, sheet(tiles, columns=8))
    print(f"{len(tiles)} proposed")


if __name__ == "__main__":
    finish(main)
