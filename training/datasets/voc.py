"""Pascal VOC: one XML file a picture, boxes in px of the picture, the file anywhere below the dataset's folder."""

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from edge.errors import ConfigError
from training.classes import ClassTable
from training.samples import Sample

CORNERS = ("xmin", "ymin", "xmax", "ymax")
SMALLEST_PX = 2.0


def read_voc(root: Path, dataset: str, images: list[str], classes: ClassTable) -> list[Sample]:
    """Samples of the named pictures (paths below `root`). Raises ConfigError on a file that is missing or broken."""
    annotations = {path.stem: path for path in sorted(root.rglob("*.xml"))}
    missing = [image for image in images if Path(image).stem not in annotations]
    if missing:
        raise ConfigError(f"{root / missing[0]}: has no XML file; take the dataset again")
    return [_sample(root / image, dataset, annotations[Path(image).stem], classes) for image in images]


def _sample(image: Path, dataset: str, annotation: Path, classes: ClassTable) -> Sample:
    try:
        objects = ET.parse(annotation).getroot().findall("object")  # noqa: S314  # our own checked copy
        named = [(one.findtext("name", ""), _box(one)) for one in objects]
    except (ET.ParseError, ValueError) as why:
        raise ConfigError(f"{annotation}: {why}; mend the file or take the dataset again") from why
    boxes, ids = [], []
    for name, box in named:
        class_id = classes.class_id(dataset, name)
        if class_id is not None and min(box[2] - box[0], box[3] - box[1]) >= SMALLEST_PX:
            boxes.append(box)
            ids.append(class_id)
    return Sample(image, dataset, np.array(boxes, np.float32).reshape(-1, 4), np.array(ids, np.int64))


def _box(element: ET.Element) -> list[float]:
    return [float(element.findtext(f"bndbox/{corner}", "")) for corner in CORNERS]
