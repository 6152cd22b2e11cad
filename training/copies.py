"""Which pictures show the same thing, also when one was scaled, blurred, saved again, mirrored or turned?

Sets from annotation sites hold changed copies of one photograph. When one copy teaches and another judges, figures
flatter. `training.report` lists such pairs; `label_care.csv` leaves the training one out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.boxes import Floats, Image
from training.samples import Sample, read_image

LOOK_PX = 24
ALIKE = 0.97  # correlation. In eight sets all pairs above it are copies, one near shot aside; coffee leaves reach 0.94
QUARTERS = range(4)


@dataclass(frozen=True, slots=True)
class Copy:
    """Two pictures that look the same; `is_turned`: only after mirroring or turning one."""

    first: Path
    second: Path
    correlation: float
    is_turned: bool


def look_of(image: Image) -> Floats:
    """The image (H, W, 3) as a grey square (LOOK_PX, LOOK_PX) float32 of mean 0 and length 1; 0 if all one grey."""
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (LOOK_PX, LOOK_PX), interpolation=cv2.INTER_AREA)
    look = grey.astype(np.float32) - np.float32(grey.mean())
    return np.asarray(look / max(float(np.linalg.norm(look)), 1e-6), np.float32)


def symmetries(looks: Floats) -> list[Floats]:
    """The looks (n, S, S) as they are, and in the seven other ways in which a square can be turned and mirrored."""
    return [np.rot90(one, quarter, axes=(1, 2)) for one in (looks, looks[:, :, ::-1]) for quarter in QUARTERS]


def copies(first: Sequence[Sample], second: Sequence[Sample]) -> list[Copy]:
    """Pairs of pictures, one of each, that look the same."""
    looks = [np.array([look_of(read_image(one.image_path)) for one in part]) for part in (first, second)]
    if not (len(looks[0]) and len(looks[1])):
        return []
    flat = looks[0].reshape(len(looks[0]), -1)
    alike = np.stack([flat @ one.reshape(len(one), -1).T for one in symmetries(looks[1])])  # (8, first, second)
    best = alike.max(axis=0)
    return [
        Copy(first[row].image_path, second[column].image_path, float(best[row, column]),
             is_turned=bool(alike[0, row, column] < ALIKE))
        for row, column in np.argwhere(best >= ALIKE).tolist()
    ]  # fmt: skip
