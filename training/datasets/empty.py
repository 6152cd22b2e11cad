"""Pictures that show nothing of the bundle's labels, whatever else is annotated in them."""

from pathlib import Path

import numpy as np

from training.classes import ClassTable
from training.samples import Sample

SUFFIXES = (".jpg", ".jpeg", ".png")


def all_images(root: Path) -> list[str]:
    """Paths below `root` of its JPEG and PNG pictures, in order of their names."""
    pictures = (path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(path.relative_to(root).as_posix() for path in pictures)


def read_empty(root: Path, dataset: str, images: list[str], _classes: ClassTable) -> list[Sample]:
    """Samples without boxes of the named pictures (paths below `root`)."""
    nothing = (np.empty((0, 4), np.float32), np.empty(0, np.int64))
    return [Sample(root / image, dataset, *nothing) for image in images]
