"""Proposes regions that nobody labelled as decisions for `label_care.csv`, which `training.label_decisions` explains.

`python -m training.label_care CONFIG --bundle models/pests.onnx --out FILE --sheet PICTURE` looks at training and
validation pictures: what a bundle tells, of a kind that is labelled in the same picture, where there is no label. The
picture shows each with its line in the file: look at them all before they join the decisions.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.boxes import Floats, Image, iou
from edge.bundle import load_bundle
from edge.detections import Detections
from edge.detector import Detector
from edge.errors import ConfigError
from training.classes import read_classes
from training.command import finish
from training.config import read_config
from training.label_decisions import COLUMNS, REGION
from training.mixture import samples_of
from training.samples import IGNORE, Example, Sample, load_example, read_image
from training.sheets import sheet, tile, write_sheet

SURE = 0.5
APART = 0.2  # IoU below which a detection is not that label, drawn otherwise
NEAR = 1.2  # of the longer side of a proposal, from its middle: so much of the picture is shown


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


def main() -> None:
    """Command line."""
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
    bundle = load_bundle(arguments.bundle)
    if bundle.labels != read_classes(config.labelled).labels:  # by another order kinds would be others
        told = f"{arguments.bundle}: tells other labels, or the same in another order, than {config.name}"
        raise ConfigError(f"{told}; name a bundle of the same datasets, in the same order")
    detector = Detector(bundle, confidence=arguments.least)
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
