"""Bare grounds of training pictures: leaf, soil and bark beside an insect, as real surfaces for what is drawn.

From pictures with one mark, of kinds that mostly stand alone: in crowds some insects have no mark and would be taken
for ground.
"""

from collections import Counter
from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np

from edge.boxes import Floats, Image, intersection
from training.samples import IGNORE, Sample, read_image
from training.transforms import Random

SIDES = (0.3, 0.7)  # of the picture's shorter side
STORED_PX = 240  # longest side at which they are kept
SMALLEST_PX = 48
CROWD = 1.5  # marks a picture of a kind
CUT, BLACK, WHITE = 0.05, 6, 249  # share of a square, at most, that is as black or white as the rim of a turned picture
TRIES = 12  # places looked at for a bare one
MAGNIFIED = (1.0, 3.0)  # when they cover something
LIGHT = 4.0  # of a detail, at most: a black crumb beside a white one


def read_grounds(samples: Sequence[Sample]) -> list[Image]:
    """A bare square of each picture that has one, the same with each call."""
    marks = Counter(kind for sample in samples for kind in sample.class_id.tolist())
    pictures = Counter(kind for sample in samples for kind in set(sample.class_id.tolist()))
    alone = {kind for kind in marks if kind != IGNORE and marks[kind] < CROWD * pictures[kind]}
    among = [sample for sample in samples if len(sample.xyxy) == 1 and int(sample.class_id[0]) in alone]
    found = [_bare(sample, np.random.default_rng(i)) for i, sample in enumerate(among)]
    return [ground for ground in found if ground is not None]


def surface(grounds: Sequence[Image], shape: tuple[int, ...], random: Random) -> Floats:
    """One of them turned and mirrored over (h, w, 3), BGR 0..255."""
    ground = grounds[int(random.integers(len(grounds)))]
    middle = (ground.shape[1] / 2, ground.shape[0] / 2)
    turn = cv2.getRotationMatrix2D(middle, float(random.uniform(0, 360)), float(random.uniform(*MAGNIFIED)))
    laid = cv2.warpAffine(ground, turn, shape[1::-1], borderMode=cv2.BORDER_REFLECT)
    return np.asarray(laid, np.float32)


def relief(grounds: Sequence[Image], shape: tuple[int, ...], random: Random) -> Floats:
    """How much lighter or darker than round about each place (h, w) of one of them is: 1 where it is level."""
    grey = surface(grounds, shape, random).mean(axis=2)
    level = cv2.GaussianBlur(grey, (0, 0), max(shape) / 16)
    return np.asarray(np.clip((grey + 8) / (level + 8), 1 / LIGHT, LIGHT), np.float32)


def _bare(sample: Sample, random: Random) -> Image | None:
    image = read_image(sample.image_path)
    height, width = image.shape[:2]
    for _ in range(TRIES):
        side = int(random.uniform(*SIDES) * min(height, width))
        left, top = int(random.integers(width - side)), int(random.integers(height - side))
        square = np.array([[left, top, left + side, top + side]], np.float32)
        if side < SMALLEST_PX or intersection(square, sample.xyxy).any():
            continue
        crop = image[top : top + side, left : left + side]
        if ((crop < BLACK) | (crop > WHITE)).all(axis=2).mean() <= CUT:
            scale = min(1.0, STORED_PX / side)
            return cast(Image, cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return None
