"""Insects on other grounds: cut out of their pictures and laid, opaque, on other pictures of the mixture.

Ghiasi et al. (2021), Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation,
arXiv:2012.07177. A set of 367 pictures is learned by heart, leaf and all. Where people drew a box and no outline,
GrabCut looks for it (Rother, Kolmogorov and Blake 2004, SIGGRAPH), and what it does not find well is left out.
`training.cutouts` does the like on cards, where an insect is a filter on their light.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from edge.boxes import Floats, Image, iou
from training.cutouts import extent, hides
from training.datasets.yolo import outlines_of
from training.samples import IGNORE, Example, Sample, read_image
from training.transforms import Random

STORED_PX = 224  # longest side at which they are kept
SMALLEST_PX = 24
LARGEST_SHARE = 0.9  # of both sides of the picture: a mark of a whole canopy is no insect
ROOM = 0.3  # of its size round a box, where GrabCut learns the ground
LEAST_GROUND = 0.05  # share of what GrabCut is shown
ROUNDS = 3  # of GrabCut
FILLED = (0.2, 0.85)  # share of its box that an insect fills: less are crumbs, more is the box itself
AS_MARKED = 0.6  # IoU of what GrabCut found with the mark
FEATHER_PX = 3
SIDES = (0.08, 0.8)  # longest side, of the longest side of the picture that it is laid on
ENLARGED = 1.5  # at most
LIGHT = (0.7, 1.3)  # of its own


@dataclass(frozen=True, slots=True, eq=False)
class Transplant:
    """An insect cut out: picture (h, w, 3) uint8 BGR, opacity (h, w) uint8, 255 where nothing shines through."""

    picture: Image
    opacity: Image
    class_id: int


@dataclass(frozen=True, slots=True, eq=False)
class Transplants:
    """What is laid on pictures: each class as often, on that share of the pictures, at most so many."""

    of_class: Sequence[Sequence[Transplant]]
    share: float
    most: int


def read_transplants(samples: Sequence[Sample]) -> list[Transplant]:
    """The insects of these pictures that could be cut out along an outline."""
    cut = (one for sample in samples for one in _of_sample(sample))
    return [one for one in cut if one is not None]


def by_class(transplants: Sequence[Transplant]) -> list[list[Transplant]]:
    """Those of each class that there are any of."""
    ids = sorted({one.class_id for one in transplants})
    return [[one for one in transplants if one.class_id == class_id] for class_id in ids]


def transplanted(example: Example, transplants: Transplants, random: Random) -> Example:
    """The example with some insects more, at any angle, none of which hides more than a corner of another."""
    if random.random() >= transplants.share:
        return example
    image, boxes, ids = example.image.copy(), example.xyxy, example.class_id
    for _ in range(int(random.integers(1, transplants.most + 1))):
        among = transplants.of_class[int(random.integers(len(transplants.of_class)))]
        one = among[int(random.integers(len(among)))]
        picture, opacity = _turned(one, float(max(image.shape[:2])), random)
        free = np.array(image.shape[1::-1]) - opacity.shape[1::-1]
        if (free <= 0).any():
            continue
        left, top = random.integers(free).tolist()
        box = extent(opacity > opacity.max() / 2) + np.array([left, top, left, top], np.float32)
        if hides(box, boxes):
            continue
        place = image[top : top + opacity.shape[0], left : left + opacity.shape[1]]
        weight = opacity[..., None].astype(np.float32) / 255
        lit = picture * random.uniform(*LIGHT)
        place[:] = np.clip(place * (1 - weight) + lit * weight, 0, 255).round()
        boxes, ids = np.vstack([boxes, box]), np.append(ids, one.class_id)
    return Example(image, boxes, ids)


def _of_sample(sample: Sample) -> list[Transplant | None]:
    image = read_image(sample.image_path)
    size = np.array(image.shape[1::-1], np.float32)
    outlines = [outline * size for _, outline in outlines_of(sample.image_path)]
    cut = []
    for box, class_id in zip(sample.xyxy, sample.class_id.tolist(), strict=True):
        sides = box[2:] - box[:2]
        if class_id == IGNORE or sides.max() < SMALLEST_PX or (sides > LARGEST_SHARE * size).all():
            continue
        drawn = [points for points in outlines if np.allclose(_hull(points), box, atol=1.0)]
        mask = _filled(image, drawn[0]) if drawn else _found(image, box)
        cut.append(_cut(image, mask, box, class_id))
    return cut


def _hull(points: Floats) -> Floats:
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _filled(image: Image, points: Floats) -> Image:
    mask: Image = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [points.round().astype(np.int32)], (255,))
    return mask


def _found(image: Image, box: Floats) -> Image:
    """(H, W) uint8, 255 where GrabCut takes the box's insect to be."""
    mask: Image = np.zeros(image.shape[:2], np.uint8)
    room = ROOM * (box[2:] - box[:2])
    limits = np.array([*image.shape[1::-1]] * 2)
    left, top, right, bottom = np.clip(np.concatenate([box[:2] - room, box[2:] + room]), 0, limits).astype(int)
    crop = np.ascontiguousarray(image[top:bottom, left:right])
    scale = min(1.0, STORED_PX / max(crop.shape[:2]))
    small = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    inner = ((box - np.array([left, top, left, top])) * scale).round().astype(int)
    what: Image = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    what[inner[1] : inner[3], inner[0] : inner[2]] = cv2.GC_PR_FGD
    if (what == cv2.GC_BGD).mean() < LEAST_GROUND:
        return mask
    cv2.setRNGSeed(1)
    models = (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.grabCut(small, what, (0, 0, 0, 0), *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    is_insect = np.isin(what, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(is_insect)
    if count < 2:
        return mask
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    whole = cv2.resize((parts == largest).astype(np.uint8) * 255, crop.shape[1::-1])
    mask[top:bottom, left:right] = whole
    return mask


def _cut(image: Image, mask: Image, box: Floats, class_id: int) -> Transplant | None:
    left, top, width, height = cv2.boundingRect(mask)
    if min(width, height) < SMALLEST_PX / 2:
        return None
    found = np.array([left, top, left + width, top + height], np.float32)
    filled = float((mask[top : top + height, left : left + width] > 127).mean())
    if not FILLED[0] <= filled <= FILLED[1] or iou(found[None], box[None])[0, 0] < AS_MARKED:
        return None
    parts = [part[top : top + height, left : left + width] for part in (image, mask)]
    scale = min(1.0, STORED_PX / max(width, height))
    picture, opacity = (cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for part in parts)
    return Transplant(cast(Image, picture), cast(Image, opacity), class_id)


def _turned(one: Transplant, side_px: float, random: Random) -> tuple[Image, Image]:
    """Picture and opacity at any angle, as large as fits a picture of that side, with soft edges and a margin."""
    height, width = one.opacity.shape
    longest = side_px * float(np.exp(random.uniform(*np.log(SIDES))))
    scale = max(min(ENLARGED, longest / max(height, width)), 1 / min(height, width))  # a px is left of the thinnest
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    parts = [cv2.resize(part, None, fx=scale, fy=scale, interpolation=how) for part in (one.picture, one.opacity)]
    height, width = parts[1].shape
    side = int(np.hypot(height, width)) + 2 * FEATHER_PX + 2
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(random.uniform(0, 360)), 1.0)
    turn[:, 2] += (side - width) / 2, (side - height) / 2
    picture = cv2.warpAffine(parts[0], turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    opacity = cv2.GaussianBlur(cv2.warpAffine(parts[1], turn, (side, side)), (FEATHER_PX, FEATHER_PX), 0)
    left, top, width, height = cv2.boundingRect(opacity)
    seen = (slice(top, top + height), slice(left, left + width))
    return np.asarray(picture[seen], np.uint8), np.asarray(opacity[seen], np.uint8)
