"""YOLO text: one text file a picture, a line an object, relative to the picture's size.

A line is `class x_centre y_centre width height` or, in a polygon export, `class x1 y1 x2 y2 x3 y3 …`; both occur in
one file. A polygon becomes its hull box.
"""

from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from edge.boxes import Floats
from edge.errors import ConfigError
from training.classes import ClassTable
from training.samples import Sample

SMALLEST_PX = 2.0  # a thinner box is a slip of the mouse, and no point of the grid can learn it


def read_yolo(root: Path, dataset: str, images: list[str], classes: ClassTable) -> list[Sample]:
    """Samples of the named pictures (paths below `root`). Raises ConfigError on a line that cannot be understood."""
    names = (root / "classes.txt").read_text(encoding="utf-8").splitlines()
    return [_sample(root, dataset, image, names, classes) for image in images]


def box_of_line(line: str) -> tuple[int, Floats]:
    """Class index and relative box (4,) float32 left, top, right, bottom, clipped to 0..1. Raises ValueError."""
    drawn = outline_of_line(line)
    if drawn is not None:
        index, points = drawn
        return index, np.concatenate([points.min(axis=0), points.max(axis=0)])
    first, *numbers = line.split()
    if len(numbers) != 4:
        raise ValueError(f"{len(numbers)} numbers are neither a box nor a polygon")
    values = np.array(numbers, np.float32)
    centre, half = values[:2], values[2:] / 2
    corners = np.concatenate([centre - half, centre + half])
    return int(first), np.clip(corners, 0, 1).astype(np.float32)


def outline_of_line(line: str) -> tuple[int, Floats] | None:
    """Class index and relative corners (n, 2) float32 of a polygon; None for a box, which tells no outline."""
    index, *numbers = line.split()
    if len(numbers) < 6 or len(numbers) % 2:
        return None
    return int(index), np.clip(np.array(numbers, np.float32).reshape(-1, 2), 0, 1)


def outlines_of(image_path: Path) -> list[tuple[int, Floats]]:
    """The polygons of a picture: class index and relative corners (n, 2) float32."""
    lines = label_path(image_path).read_text(encoding="utf-8").splitlines()
    return [drawn for line in lines if line.strip() and (drawn := outline_of_line(line)) is not None]


def label_path(image_path: Path) -> Path:
    """Where the labels of a picture lie: `…/images/a.jpg` has them in `…/labels/a.txt`.

    greenhouse-whitefly keeps those of `Images/<part>/a.jpg` in `Annotations/<part>/YOLO` or, where a person corrected
    a machine's, in `Annotations/<part>/Human/YOLO`.
    """
    part = image_path.parent
    if part.parent.name != "Images":
        return part.parent / "labels" / f"{image_path.stem}.txt"
    annotations = part.parent.parent / "Annotations" / part.name
    folder = annotations / "Human" if (annotations / "Human").is_dir() else annotations
    return folder / "YOLO" / f"{image_path.stem}.txt"


def _sample(root: Path, dataset: str, image: str, names: list[str], classes: ClassTable) -> Sample:
    path = root / image
    with PillowImage.open(path) as opened:  # reads the header only
        size = np.array([opened.width, opened.height] * 2, np.float32)
    boxes, ids = [], []
    for number, line in enumerate(label_path(path).read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            index, relative = box_of_line(line)
        except ValueError as why:
            raise ConfigError(f"{label_path(path)}, line {number}: {why}; mend or remove the line") from why
        box, class_id = relative * size, classes.class_id(dataset, names[index])
        if class_id is not None and (box[2:] - box[:2]).min() >= SMALLEST_PX:
            boxes.append(box)
            ids.append(class_id)
    return Sample(path, dataset, np.array(boxes, np.float32).reshape(-1, 4), np.array(ids, np.int64))
