"""Contact sheets: pictures with what a person marked (green) and what the detector says (red); ignored regions grey."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from edge.boxes import Floats, Image, Ints, letterbox, letterbox_xyxy
from edge.detections import Detections
from edge.errors import UsageError
from training.copies import copies
from training.metrics import Truth, at_threshold, judged_each
from training.samples import IGNORE, Example, Sample, load_example

Drawn = TypeVar("Drawn")
TILE_PX = 320
MARKED, SAID, IGNORED = (60, 200, 60), (40, 40, 230), (160, 160, 160)  # BGR


def sheet(tiles: Sequence[Image], columns: int = 4) -> Image:
    """Tiles of one size in rows; the last row is filled with grey."""
    filler = np.full_like(tiles[0], 114)
    filled = [*tiles, *[filler] * (-len(tiles) % columns)]
    rows = [np.hstack(filled[start : start + columns]) for start in range(0, len(filled), columns)]
    return np.asarray(np.vstack(rows), np.uint8)


def write_sheet(path: Path, picture: Image) -> None:
    """Raises UsageError when no picture can be written there."""
    if not cv2.haveImageWriter(str(path)) or not cv2.imwrite(str(path), picture):
        raise UsageError(f"{path}: cannot be written; name a .jpg or .png in a folder that is there")


def evenly(among: Sequence[Drawn], most: int) -> list[Drawn]:
    """That many of them, or all if they are fewer, from the first on and equally far apart."""
    number = min(most, len(among))
    return [among[k * len(among) // number] for k in range(number)]


def tile(example: Example, found: Detections, labels: Sequence[str]) -> Image:
    """A square of TILE_PX with both kinds of boxes."""
    square, fit = letterbox(example.image, TILE_PX)
    is_judged = example.class_id != IGNORE
    for left, top, right, bottom in letterbox_xyxy(example.xyxy[~is_judged], fit).astype(int).tolist():
        cv2.rectangle(square, (left, top), (right, bottom), IGNORED, 1)
    _draw(square, letterbox_xyxy(example.xyxy[is_judged], fit), example.class_id[is_judged], labels, MARKED)
    _draw(square, letterbox_xyxy(found.xyxy, fit), found.class_id, labels, SAID)
    return square


def right_and_wrong(
    samples: Sequence[Sample], found: Sequence[Detections], labels: Sequence[str], each: int = 8
) -> Image:
    """A sheet of `each` pictures that came out right above as many that did not, drawn evenly; of copies one."""
    doubles = {copy.second for copy in copies(samples, samples) if copy.first < copy.second}
    rows = [i for i, sample in enumerate(samples) if sample.image_path not in doubles]
    right = [i for i in rows if is_right(Truth(samples[i].xyxy, samples[i].class_id), found[i], len(labels))]
    wrong = sorted(set(rows) - set(right))
    return np.vstack([
        sheet([tile(load_example(samples[i]), found[i], labels) for i in evenly(part, each)])
        for part in (right, wrong) if part
    ])  # fmt: skip


def is_right(truth: Truth, found: Detections, classes: int) -> bool:
    """Everything marked was found (IoU 0.5 or more), and nothing else."""
    shown = [at_threshold(one, 0.0) for one in judged_each([truth], [found], classes)]
    return all(one.misses == 0 and one.false_alarms == 0 for one in shown)


def _draw(image: Image, xyxy: Floats, class_id: Ints, labels: Sequence[str], colour: tuple[int, int, int]) -> None:
    is_said = colour == SAID
    for (left, top, right, bottom), label in zip(xyxy.astype(int).tolist(), class_id.tolist(), strict=True):
        cv2.rectangle(image, (left, top), (right, bottom), colour, 2)
        place = (left + 2, bottom - 4 if is_said else top + 12)
        cv2.putText(image, labels[label], place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
