"""COCO: any number of JSON files below the folder, boxes as left, top, width, height in px.

The marks of all files that list a picture are joined; a crowd (`iscrowd`) is ignored.
"""

import json
from collections import Counter
from collections.abc import Collection, Hashable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edge.errors import ConfigError
from training.classes import ClassTable
from training.datasets.empty import OF_MAC
from training.samples import IGNORE, Sample, Size, check_mark, marked, turned, twice, upright_size, within
from training.text import text_of

KEYS = ("images", "annotations", "categories")  # a .json without them is none of ours

Corners = tuple[float, float, float, float]  # left, top, right, bottom px


class Mark(NamedTuple):
    """One annotation; a crowd is a region whose insects nobody marked one by one."""

    name: str
    corners: Corners
    is_crowd: bool
    picture_size: Size  # as the file states it


def read_coco(root: Path, dataset: str, images: list[str], classes: ClassTable) -> list[Sample]:
    """Samples of the named pictures (paths below `root`). Raises ConfigError on a picture that no file lists."""
    files = (path for path in sorted(root.rglob("*.json")) if not path.name.startswith(OF_MAC))
    marks = _joined({path: _marks(path) for path in files})
    missing = [image for image in images if root / image not in marks]
    if missing:
        upright_size(root / missing[0])  # raises for a picture that is not there, which no list would mend
        told = f"no COCO file below {root} lists it by its path from that file's folder, or from images/ there"
        raise ConfigError(f"{root / missing[0]}: {told}; mend file_name, or take the picture out of splits.csv")
    return [_sample(root / image, dataset, marks[root / image], classes) for image in images]


def _joined(files: dict[Path, dict[Path, list[Mark]]]) -> dict[Path, list[Mark]]:
    """The marks of each picture. Raises ConfigError for a mark that stands twice: a copy would double them all."""
    marks: dict[Path, list[Mark]] = {picture: [] for own in files.values() for picture in own}
    holder: dict[tuple[Path, Corners], Path] = {}
    for file, picture, listed in ((f, p, listed) for f, own in files.items() for p, listed in own.items()):
        if which := twice((mark.name, mark.corners) for mark in listed):
            raise ConfigError(f"{file}: has a mark of {picture.name} twice, {which}; take one out")
        for mark in listed:
            first = holder.setdefault((picture, mark.corners), file)
            if first != file:
                told = f"{file}: has a mark of {picture.name} that {first} has too"
                raise ConfigError(f"{told}; take it out of one of them")
        marks[picture] += listed
    return marks


def _marks(path: Path) -> dict[Path, list[Mark]]:
    """Of each picture of one file. Raises ConfigError."""
    text = text_of(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as why:  # the second: of nesting without end
        raise ConfigError(f"{path}: not JSON ({why}); export it again, or take it out of the folder") from why
    if not (isinstance(content, dict) and all(isinstance(content.get(key), list) for key in KEYS)):
        return {}
    try:
        names = {category["id"]: category["name"].strip() for category in content["categories"]}
        pictures = {picture["id"]: place_of(path, picture["file_name"]) for picture in content["images"]}
        sizes = {one["id"]: (float(one.get("width") or 0), float(one.get("height") or 0)) for one in content["images"]}
        images = {(one["id"], one["file_name"]) for one in content["images"]}
        categories = {(one["id"], one["name"]) for one in content["categories"]}
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as why:  # the first: a name that is no text
        told = f"{path}: an image has no id or file_name or no number as its size, or a category no id or name"
        raise ConfigError(f"{told}; mend it") from why
    check_ids(path, "images", images)
    check_ids(path, "categories", categories)
    named = Counter({name: pictures[one] for one, name in images}.values())
    if both := [place for place, names in named.items() if names > 1]:
        told = f"{path}: lists {both[0]} by two names, and marks of two pictures would be joined"
        raise ConfigError(f"{told}; give each picture a name of its own, also in file_name")
    marks: dict[Path, list[Mark]] = {picture: [] for picture in pictures.values()}
    for place, one in enumerate(content["annotations"]):
        try:
            marks[pictures[one["image_id"]]].append(_mark(one, names, sizes[one["image_id"]]))
        except (KeyError, OverflowError, TypeError, ValueError) as why:
            which = one.get("id") if isinstance(one, dict) else f"[{place}] of the list"
            told = f"{path}: annotation {which} has no bbox of four numbers, or one of a size below 0"
            told += ", or in shares, not px, or an image or category not listed, or an iscrowd that is no number"
            raise ConfigError(f"{told}; mend or remove it") from why
    return marks


def check_ids(path: Path, listed: str, named: Collection[tuple[Hashable, str]]) -> None:
    """Raises ConfigError for an id of two names, as in two files put together: marks would go to the wrong one."""
    for one, times in Counter(number for number, _ in named).items():
        if times > 1:
            told = f"{path}: its {listed} have the id {one} twice"
            raise ConfigError(f"{told}; give each one of its own, also in its annotations")


def place_of(file: Path, name: str) -> Path:
    """Where a picture lies: below the file's folder, in `images` there, or as CVAT lays it; it need not be there.

    CVAT writes `annotations/instances_PART.json` beside `images`, Windows a name with backslashes, Label Studio the way
    to where its server keeps the picture.
    """
    folder, name = file.parent, name.replace("\\", "/")
    if name.startswith(("../", "/")):
        name = Path(name).name
    places = [folder / name, folder / "images" / name]
    if folder.name == "annotations":
        images = folder.parent / "images"
        places += [images / file.stem.removeprefix("instances_") / name, images / name]
    return next((place for place in places if place.is_file()), folder / name)


def _mark(one: dict[str, Any], names: dict[int, str], size: Size) -> Mark:
    left, top, width, height = map(float, one["bbox"])
    corners = (left, top, left + width, top + height)
    check_mark(corners)
    if 0 < max(width, height) <= 1 and max(corners) <= 1:
        raise ValueError("shares of the picture")
    rotation = one["attributes"].get("rotation") if isinstance(one.get("attributes"), dict) else None
    if isinstance(rotation, int | float) and not one.get("segmentation"):  # an outline is turned already
        left, top, right, bottom = turned(corners, rotation)
        corners = (left, top, right, bottom)
    is_crowd = float(one.get("iscrowd") or 0) != 0  # some write "0"
    return Mark(names[one["category_id"]], corners, is_crowd, size)


def _sample(image: Path, dataset: str, marks: list[Mark], classes: ClassTable) -> Sample:
    corners = np.array([mark.corners for mark in marks], np.float32).reshape(-1, 4)
    xyxy = within(corners, image, {mark.picture_size for mark in marks})
    ids = [IGNORE if mark.is_crowd else classes.class_id(dataset, mark.name) for mark in marks]
    return marked(image, dataset, xyxy, ids)
