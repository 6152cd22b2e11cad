"""COCO: any number of JSON files below the folder, boxes as left, top, width, height in px."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from edge.boxes import Floats
from edge.errors import ConfigError
from training.classes import ClassTable
from training.samples import Sample

SMALLEST_PX = 2.0


def read_coco(root: Path, dataset: str, images: list[str], classes: ClassTable) -> list[Sample]:
    """Samples of the named pictures (paths below `root`). Raises ConfigError on a picture that no file lists."""
    objects: dict[Path, list[tuple[str, Floats]]] = {}
    for path in sorted(root.rglob("*.json")):
        objects |= _objects(path)
    missing = [image for image in images if root / image not in objects]
    if missing:
        raise ConfigError(f"{root / missing[0]}: no COCO file lists it; take the dataset again")
    return [_sample(root / image, dataset, objects[root / image], classes) for image in images]


def _objects(path: Path) -> dict[Path, list[tuple[str, Floats]]]:
    """Class name and box (4,) xyxy of every object of one file, by picture."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    names = {category["id"]: category["name"] for category in content["categories"]}
    file_of = {image["id"]: path.parent / image["file_name"] for image in content["images"]}
    objects: dict[Path, list[tuple[str, Floats]]] = {file: [] for file in file_of.values()}
    for one in content["annotations"]:
        left, top, width, height = one["bbox"]
        box = np.array([left, top, left + width, top + height], np.float32)
        objects[file_of[one["image_id"]]].append((names[one["category_id"]], box))
    return objects


def _sample(image: Path, dataset: str, objects: list[tuple[str, Floats]], classes: ClassTable) -> Sample:
    boxes, ids = [], []
    for name, box in objects:
        class_id = classes.class_id(dataset, name)
        if class_id is not None and (box[2:] - box[:2]).min() >= SMALLEST_PX:
            boxes.append(box)
            ids.append(class_id)
    return Sample(image, dataset, np.array(boxes, np.float32).reshape(-1, 4), np.array(ids, np.int64))
