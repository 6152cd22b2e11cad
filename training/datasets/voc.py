"""Pascal VOC: one XML file a picture, boxes in px of the picture, the file anywhere below the dataset's folder.

Two cameras or two days give pictures one name: a picture's file lies beside it, or where `Annotations` stands for
`Images` in its path, or else anywhere but in the place of another picture's.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from edge.errors import ConfigError
from training.classes import ClassTable
from training.datasets.empty import SUFFIXES
from training.samples import Sample, check_mark, check_once, marked, turned, within

CORNERS = ("xmin", "ymin", "xmax", "ymax")
FOLDERS = frozenset({"images", "jpegimages", "annotations"})  # tell pictures from their files

Place = tuple[str, ...]  # the folders below the dataset's but for those, and the name without its suffix


def read_voc(root: Path, dataset: str, images: list[str], classes: ClassTable) -> list[Sample]:
    """Samples of the named pictures (paths below `root`). Raises ConfigError on a file that is missing or broken."""
    return [_sample(image, dataset, file, classes) for image, file in xml_files(root, images).items()]


def xml_files(root: Path, images: Sequence[str]) -> dict[Path, Path]:
    """The XML file of each of these pictures (paths below `root`). Raises ConfigError."""
    below = sorted(root.rglob("*"))
    pictures = {_place(path, root) for path in below if path.suffix.lower() in SUFFIXES}
    named: defaultdict[str, list[Path]] = defaultdict(list)
    for path in below:
        if path.suffix == ".xml":
            named[path.stem].append(path)
    return {root / image: _own(root / image, root, named[Path(image).stem], pictures) for image in images}


def _own(picture: Path, root: Path, named: list[Path], pictures: set[Place]) -> Path:
    """The file of the picture among those of its name."""
    beside = [path for path in named if _place(path, root) == _place(picture, root)]
    found = beside or [path for path in named if _place(path, root) not in pictures]
    if not found:
        told = f"{picture}: has no XML file; take the dataset again"
        raise ConfigError(f"{told}, or give a picture that shows nothing one with <annotation/> in it")
    if len(found) > 1:
        raise ConfigError(f"{picture}: both {found[0]} and {found[1]} may be its file; put its own beside it")
    return found[0]


def _place(path: Path, root: Path) -> Place:
    folders = path.relative_to(root).parent.parts
    return (*(folder for folder in folders if folder.lower() not in FOLDERS), path.stem)


def _sample(image: Path, dataset: str, annotation: Path, classes: ClassTable) -> Sample:
    try:
        root = ET.parse(annotation).getroot()  # noqa: S314  # our own checked copy
        _refuse_another_format(root)
        named = [(one.findtext("name", ""), _box(one)) for one in root.findall("object")]
        width, height = (float(root.findtext(f"size/{side}", "").strip() or 0) for side in ("width", "height"))
    except (ET.ParseError, LookupError, ValueError) as why:  # the second: of an encoding that nobody knows
        raise ConfigError(f"{annotation}: {why}; mend the file or take the dataset again") from why
    check_once(annotation, named)
    xyxy = within(np.array([box for _, box in named], np.float32).reshape(-1, 4), image, [(width, height)] * len(named))
    return marked(image, dataset, xyxy, [classes.class_id(dataset, name) for name, _ in named])


def _refuse_another_format(root: ET.Element) -> None:
    """Raises ValueError: a server's page saved as XML has no object either, and would be a picture without a mark."""
    if root.tag.lower() != "annotation":
        raise ValueError(f"is no Pascal VOC but <{root.tag}>")
    if root.find("object") is None and root.find(".//object") is not None:
        raise ValueError("its objects lie in other elements than <annotation>")


def _box(element: ET.Element) -> list[float]:
    corners = [float(element.findtext(f"bndbox/{corner}", "")) for corner in CORNERS]
    check_mark(corners)
    attributes = {one.findtext("name"): one.findtext("value") for one in element.findall("attributes/attribute")}
    return turned(corners, float(attributes.get("rotation") or 0))
