"""Leaves with a painted mask of their lesions and one stress a leaf: each connected lesion becomes a box.

`images/<part>/<id>.jpg` has its mask in `annotations/<part>/<id>_mask.png` (black ground, green leaf, red lesion) and
its stress in `dataset.csv`. A mask does not say which lesion is whose: every box gets the leaf's predominant stress.
"""

from pathlib import Path

import cv2
import numpy as np

from edge.boxes import Floats, Image
from edge.errors import ConfigError
from training.classes import ClassTable
from training.samples import Sample, read_image
from training.text import rows_of

COLUMNS = ("id", "predominant_stress")
STRESS = {"1": "miner", "2": "rust", "3": "phoma", "4": "cercospora"}  # predominant_stress; 0 is a healthy leaf
SMALLEST_PX = 6  # of the 768 px pictures: thinner specks are brush marks
GAP_PX = 5  # lesions nearer than this are one: rust flecks the leaf, and nobody counts the flecks of one patch


def read_masks(root: Path, dataset: str, images: list[str], classes: ClassTable) -> list[Sample]:
    """Samples of the named pictures. A leaf of several equal stresses is left out. Raises ConfigError."""
    stress_of = {row["id"]: row["predominant_stress"] for row in rows_of(root / "dataset.csv", COLUMNS)}
    samples = []
    for image in images:
        path = root / image
        if path.stem not in stress_of:
            raise ConfigError(f"{path}: no row in {root / 'dataset.csv'}; take the dataset again")
        stress = stress_of[path.stem]
        if stress == "0":
            samples.append(Sample(path, dataset, np.empty((0, 4), np.float32), np.empty(0, np.int64)))
        elif stress in STRESS:
            samples.append(_sample(path, dataset, classes.class_id(dataset, STRESS[stress])))
    return samples


def lesion_boxes(mask: Image) -> Floats:
    """Boxes (n, 4) float32 px around the connected red regions of a mask (H, W, 3) uint8 BGR."""
    is_red = ((mask[..., 2] > 127) & (mask[..., 1] < 128)).astype(np.uint8)
    bridged = cv2.morphologyEx(is_red, cv2.MORPH_CLOSE, np.ones((GAP_PX, GAP_PX), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(bridged)
    left, top, width, height = stats[1:, :4].T  # row 0 is the ground
    boxes = np.stack([left, top, left + width, top + height], axis=1).astype(np.float32)
    return np.asarray(boxes[np.minimum(width, height) >= SMALLEST_PX], np.float32)


def _sample(path: Path, dataset: str, class_id: int | None) -> Sample:
    if class_id is None:
        raise ConfigError(f"{path}: a stress that is labelled healthy; mend classes.csv")
    parts = path.parent
    boxes = lesion_boxes(read_image(parts.parents[1] / "annotations" / parts.name / f"{path.stem}_mask.png"))
    return Sample(path, dataset, boxes, np.full(len(boxes), class_id, np.int64))
