"""The way back: crops from a node that a person confirmed or corrected, as its COCO export writes them.

A folder with `images/*.jpg` and `annotations.json`. A category's `name` is a label of the bundle (`supercategory`: its
EPPO code). What a person rejected is not annotated, and so background, as is a healthy leaf; what nobody decided has
`iscrowd` 1 and is ignored, since it is neither. So is a name that the bundle lacks: it may be one of the bundle's wider
labels, a brown planthopper among its Delphacidae.
"""

from collections import Counter
from pathlib import Path

import msgspec
import numpy as np

from edge.errors import ConfigError
from training.classes import HEALTHY, ClassTable
from training.datasets.coco import check_ids, place_of
from training.samples import IGNORE, Sample, check_mark, marked, within
from training.text import text_of

CONTENT = "annotations.json"
Id = int | str


class Category(msgspec.Struct):
    """A label."""

    id: Id
    name: str


class Picture(msgspec.Struct):
    """A crop; its name is given with the folder `images` or without."""

    id: Id
    file_name: str
    width: float | None = None  # px, of what was checked: the file may have been shrunk since
    height: float | None = None


class Annotation(msgspec.Struct):
    """A box of a label on a crop."""

    image_id: Id
    category_id: Id
    bbox: tuple[float, float, float, float]  # left, top, width, height px
    iscrowd: int | bool = False  # COCO's: it may be left out

    def __post_init__(self) -> None:
        left, top, width, height = self.bbox
        check_mark((left, top, left + width, top + height))


class Export(msgspec.Struct):
    """What this reader needs of a COCO file."""

    images: list[Picture]
    annotations: list[Annotation]
    categories: list[Category]


def read_reviewed(root: Path, dataset: str, classes: ClassTable) -> list[Sample]:
    """Samples of every picture of one export; all of them train. Raises ConfigError."""
    export = _export(root / CONTENT)
    names = {category.id: category.name for category in export.categories}
    decided = Counter(names[one.category_id] for one in export.annotations if not one.iscrowd)
    for name in sorted(decided.keys() - {HEALTHY, *classes.labels}):
        print(f"{root / CONTENT}: {name!r} is no label of this bundle; boxes of it are ignored: {decided[name]}")
    of_picture: dict[Id, list[Annotation]] = {picture.id: [] for picture in export.images}
    for one in export.annotations:
        of_picture[one.image_id].append(one)
    ids = {category: _class_id(name, classes) for category, name in names.items()}
    paths = [_path(root, picture.file_name) for picture in export.images]
    for path, times in Counter(paths).items():
        if times > 1:  # what one of the two does not mark would be background
            raise ConfigError(f"{path}: listed twice in {CONTENT}; export the crops again")
    told = zip(export.images, paths, strict=True)
    return [_sample(path, picture, dataset, of_picture[picture.id], ids) for picture, path in told]


def _export(path: Path) -> Export:
    if not path.is_file():
        raise ConfigError(f"{path}: not found; name a folder that a node's COCO export wrote")
    try:
        export = msgspec.json.decode(text_of(path), type=Export)
    except (msgspec.DecodeError, RecursionError) as why:  # the second: of nesting without end
        raise ConfigError(f"{path}: {why}; export the crops again as COCO") from why
    check_ids(path, "images", {(one.id, one.file_name) for one in export.images})
    check_ids(path, "categories", {(one.id, one.name) for one in export.categories})
    pictures, categories = ({one.id for one in listed} for listed in (export.images, export.categories))
    for index, one in enumerate(export.annotations):
        if one.image_id not in pictures or one.category_id not in categories:
            told = f"{path}: annotations[{index}] is of an image or a category that is not listed"
            raise ConfigError(f"{told}; export the crops again as COCO")
    return export


def _path(root: Path, name: str) -> Path:
    path = place_of(root / CONTENT, name)
    if not path.is_file():
        raise ConfigError(f"{path}: listed in {CONTENT} and not there; export the crops again")
    return path


def _class_id(name: str, classes: ClassTable) -> int | None:
    """None for what is background."""
    if name == HEALTHY:
        return None
    return classes.labels.index(name) if name in classes.labels else IGNORE


def _sample(
    path: Path, picture: Picture, dataset: str, annotations: list[Annotation], ids: dict[Id, int | None]
) -> Sample:
    bbox = np.array([one.bbox for one in annotations], np.float32).reshape(-1, 4)
    marked_at = [(picture.width or 0, picture.height or 0)] * len(annotations)
    xyxy = within(np.hstack([bbox[:, :2], bbox[:, :2] + bbox[:, 2:]]), path, marked_at)
    return marked(path, dataset, xyxy, [IGNORE if one.iscrowd else ids[one.category_id] for one in annotations])
