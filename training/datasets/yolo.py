"""YOLO text: one text file a picture, a line an object, relative to the picture's size.

A line is `class x_centre y_centre width height` or, in a polygon export, `class x1 y1 x2 y2 x3 y3 …`; both occur in
one file. A polygon becomes its hull box.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge.boxes import Floats
from edge.errors import ConfigError
from training.classes import ClassTable
from training.samples import Sample, check_mark, check_once, is_beside, marked, upright_size
from training.text import text_of

MOST_OF_BOX, MOST_OF_CORNER = 1.01, 2.0  # shares: above is px; corners of pest-vision lie up to 1.97 and are cut


def read_yolo(root: Path, dataset: str, images: list[str], classes: ClassTable) -> list[Sample]:
    """Samples of the named pictures (paths below `root`). Raises ConfigError on a line that cannot be understood."""
    table = root / "classes.txt"
    if not table.is_file():
        told = f"{table}: not there; write it, a class a line, in the order of obj.names (CVAT)"
        raise ConfigError(f"{told} or of names in data.yaml (Roboflow, Ultralytics)")
    names = text_of(table).splitlines()
    return [_sample(root, dataset, image, names, classes) for image in images]


def text_files(root: Path, images: Sequence[str]) -> dict[Path, Path]:
    """The text file of each of these pictures (paths below `root`)."""
    return {root / image: label_path(root / image) for image in images}


def box_of_line(line: str) -> tuple[int, Floats]:
    """Class index and relative box (4,) float32 left, top, right, bottom, clipped to 0..1. Raises ValueError."""
    drawn = outline_of_line(line)
    if drawn is not None:
        index, points = drawn
        return index, np.concatenate([points.min(axis=0), points.max(axis=0)])
    first, *numbers = line.split()
    if len(numbers) != 4:
        raise ValueError(f"{len(numbers)} numbers are neither a box nor a polygon")
    values = _shares(numbers, MOST_OF_BOX)
    centre, half = values[:2], values[2:] / 2
    corners = np.concatenate([centre - half, centre + half])
    check_mark(corners.tolist())
    inside = np.clip(corners, 0, 1).astype(np.float32)
    if is_beside(corners, inside):  # of a polygon it is no fault: pest-vision has corners there, and a whole outline
        raise ValueError(f"{' '.join(numbers)[:40]} lies beside the picture")
    return int(first), inside


def outline_of_line(line: str) -> tuple[int, Floats] | None:
    """Class index and relative corners (n, 2) float32 of a polygon; None for a box, which tells no outline."""
    index, *numbers = line.split()
    if len(numbers) < 6 or len(numbers) % 2:
        return None
    return int(index), np.clip(_shares(numbers, MOST_OF_CORNER).reshape(-1, 2), 0, 1)


def outlines_of(image_path: Path) -> list[tuple[int, Floats]]:
    """The polygons of a picture: class index and relative corners (n, 2) float32."""
    lines = text_of(label_path(image_path)).splitlines()
    return [drawn for line in lines if line.strip() and (drawn := outline_of_line(line)) is not None]


def label_path(image_path: Path) -> Path:
    """Where the labels of a picture lie: `…/images/a.jpg` has them in `…/labels/a.txt`; they need not be there.

    Ultralytics has those of `images/<part>/a.jpg` in `labels/<part>/a.txt`, LabelImg and CVAT's YOLO 1.1 beside it.
    greenhouse-whitefly keeps those of `Images/<part>/a.jpg` in `Annotations/<part>/YOLO` or, where a person corrected
    a machine's, in `Annotations/<part>/Human/YOLO`.
    """
    part = image_path.parent
    if part.parent.name != "Images":
        before, images, behind = f"{part.as_posix()}/".rpartition("/images/")
        folders = [part.parent / "labels", *([Path(before, "labels", behind)] if images else []), part]
        places = [folder / f"{image_path.stem}.txt" for folder in folders]
        return next((place for place in places if place.is_file()), places[0])
    annotations = part.parent.parent / "Annotations" / part.name
    folder = annotations / "Human" if (annotations / "Human").is_dir() else annotations
    return folder / "YOLO" / f"{image_path.stem}.txt"


def _sample(root: Path, dataset: str, image: str, names: list[str], classes: ClassTable) -> Sample:
    path = root / image
    size = np.array(upright_size(path) * 2, np.float32)
    labels = label_path(path)
    if not labels.is_file():
        raise ConfigError(f"{path}: has no labels ({labels}); give a picture that shows nothing an empty file")
    named = []
    for number, line in enumerate(text_of(labels).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            name, relative = _mark(line, names)
        except ValueError as why:
            raise ConfigError(f"{labels}, line {number}: {why}; mend or remove the line") from why
        named.append((name, (relative * size).tolist()))
    check_once(labels, named)
    xyxy = np.array([box for _, box in named], np.float32).reshape(-1, 4)
    return marked(path, dataset, xyxy, [classes.class_id(dataset, name) for name, _ in named])


def _mark(line: str, names: list[str]) -> tuple[str, Floats]:
    index, relative = box_of_line(line)
    if not 0 <= index < len(names):
        raise ValueError(f"class {index} is none of the {len(names)} in classes.txt")
    return names[index], relative


def _shares(numbers: list[str], most: float) -> Floats:
    values = np.array(numbers, np.float32)
    if not (np.abs(values) <= most).all():
        raise ValueError(f"{' '.join(numbers)[:40]} are no shares of the picture, 0 to 1, but perhaps px")
    return values
