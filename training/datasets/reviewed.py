"""The way back: crops from a node that a person confirmed or corrected, as its COCO export writes them.

A folder with `images/*.jpg` and `annotations.json`. A category's `name` is a label of the bundle (`supercategory`: its
EPPO code). What a person rejected is not annotated, and so background, as is a healthy leaf; what nobody decided has
`iscrowd` 1 and is ignored, since it is neither. So is a name that the bundle lacks: it may be one of the bundle's wider
labels, a brown planthopper among its Delphacidae.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import ConfigError
from training.classes import HEALTHY, ClassTable
from training.samples import IGNORE, SMALLEST_PX, Sample

CONTENT = "annotations.json"


def read_reviewed(root: Path, dataset: str, classes: ClassTable) -> list[Sample]:
    """Samples of every picture of one export; all of them train. Raises ConfigError."""
    content = _content(root / CONTENT)
    names = {category["id"]: category["name"] for category in content["categories"]}
    decided = Counter(names[one["category_id"]] for one in content["annotations"] if not one.get("iscrowd"))
    for name in sorted(decided.keys() - {HEALTHY, *classes.labels}):
        print(f"{root / CONTENT}: {name!r} is no label of this bundle; boxes of it are ignored: {decided[name]}")
    of_picture: dict[int, list[dict[str, Any]]] = {picture["id"]: [] for picture in content["images"]}
    for one in content["annotations"]:
        of_picture[one["image_id"]].append(one)
    ids = {category: _class_id(name, classes) for category, name in names.items()}
    return [
        _sample(_path(root, picture["file_name"]), dataset, of_picture[picture["id"]], ids)
        for picture in content["images"]
    ]


def _content(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError(f"{path}: not found; name a folder that a node's COCO export wrote")
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as why:
        raise ConfigError(f"{path}: not JSON ({why}); export the crops again") from why
    missing = [key for key in ("images", "annotations", "categories") if key not in content]
    if missing:
        raise ConfigError(f"{path}: no {missing[0]!r} in it; export the crops again as COCO")
    return content


def _path(root: Path, name: str) -> Path:
    """Where the picture lies, whether its name is given with the folder `images` or without."""
    path = root / name if (root / name).is_file() else root / "images" / name
    if not path.is_file():
        raise ConfigError(f"{path}: listed in {CONTENT} and not there; export the crops again")
    return path


def _class_id(name: str, classes: ClassTable) -> int | None:
    """None for what is background."""
    if name == HEALTHY:
        return None
    return classes.labels.index(name) if name in classes.labels else IGNORE


def _sample(path: Path, dataset: str, annotations: list[dict[str, Any]], ids: dict[int, int | None]) -> Sample:
    boxes, class_id = [], []
    for one in annotations:
        left, top, width, height = one["bbox"]
        told = IGNORE if one.get("iscrowd") else ids[one["category_id"]]
        if told is not None and min(width, height) >= SMALLEST_PX:
            boxes.append([left, top, left + width, top + height])
            class_id.append(told)
    return Sample(path, dataset, np.array(boxes, np.float32).reshape(-1, 4), np.array(class_id, np.int64))
