"""Pictures that show nothing of the bundle's labels, whatever else is annotated in them."""

from pathlib import Path

import numpy as np

from training.classes import ClassTable
from training.samples import Sample

SUFFIXES = (".jpg", ".jpeg", ".png")
OF_MAC = "._"  # begins the name of what a Mac lays beside a file, of the same suffix, into a zip or on a stick


def all_images(root: Path) -> list[str]:
    """Paths below `root` of its JPEG and PNG pictures, in order of their names."""
    below = (path for path in root.rglob("*") if not path.name.startswith(OF_MAC))
    pictures = (path for path in below if path.suffix.lower() in SUFFIXES)
    return sorted(path.relative_to(root).as_posix() for path in pictures)


def read_empty(root: Path, dataset: str, images: list[str], _classes: ClassTable) -> list[Sample]:
    """Samples without boxes of the named pictures (paths below `root`)."""
    nothing = (np.empty((0, 4), np.float32), np.empty(0, np.int64))
    return [Sample(root / image, dataset, *nothing) for image in images]
