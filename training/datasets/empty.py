"""Pictures that show nothing of the bundle's labels, whatever else is annotated in them."""

from pathlib import Path

import numpy as np

from training.classes import ClassTable
from training.samples import Sample


def all_images(root: Path) -> list[str]:
    """Paths below `root` of its JPEG pictures, in order of their names."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))


def read_empty(root: Path, dataset: str, images: list[str], _classes: ClassTable) -> list[Sample]:
    """Samples without boxes of the named pictures (paths below `root`)."""
    nothing = (np.empty((0, 4), np.float32), np.empty(0, np.int64))
    return [Sample(root / image, dataset, *nothing) for image in images]
