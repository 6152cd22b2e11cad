"""How much of a crop is diseased: incidence over leaves or frames, lesion share of the leaf, disease index. Pure.

Spots are never counted as plants, and the same leaf seen twice is one leaf.
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge.boxes import Bools, Floats, Image, at_most
from edge.config import GateTable
from edge.detections import Detections
from edge.gate import has_colour

WORK_PX = 768
GREY_CHROMA = (18, 70)  # largest less least channel: paper and soil below, leaves above; the split is sought between
ODD = 3.0  # standard deviations of the healthy leaf's colour from which a pixel in a lesion's box is lesion
LEAST_LEAF = 0.02  # share of what counts of the picture: with less leaf than that there is nothing to be a share of
GREEN_PX = 256
# From yellow-green to teal in OpenCV's HSV (hue in steps of 2 degrees), however dark: walls, wood, soil and sky are
# coloured, too, but hardly ever green. Nor are leaves under red or sodium lamps. Figures: docs/counting.md
GREEN = (27, 38, 8), (90, 255, 255)
FEATURES = 400
LEAST_ALIKE = (30, 20)  # matches of the pictures, and of their leaves alone, from which they show one leaf
REMEMBERED = 500  # leaves that a new picture is compared with, about 25 kB each


@dataclass(frozen=True, slots=True)
class Scale:
    """Grades 0, 1, 2, … by the share of a leaf that is diseased: `limits` are their upper ends, the last is open."""

    limits: tuple[float, ...]
    source: str

    def grade(self, severity: float) -> int:
        """Of a share 0..1."""
        return bisect_left(self.limits, severity)

    @property
    def highest(self) -> int:
        """The highest grade."""
        return len(self.limits)


@dataclass(frozen=True, slots=True)
class LeafLook:
    """Of what counts in one picture: share that is leaf, share of the leaf that is lesion (None: too little leaf)."""

    leaf: float
    severity: float | None


@dataclass(frozen=True, slots=True)
class Sightings:
    """What the leaves looked like so far, to know one again: ORB descriptors (k, 32) uint8 of picture and leaf."""

    known: tuple[tuple[Image, Image], ...] = ()

    def with_(self, image: Image) -> tuple["Sightings", bool]:
        """With one picture more, and whether it shows a leaf that was seen before."""
        small = at_most(image, WORK_PX)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
        told = _descriptors(grey), _descriptors(_leaf_on_white(small, grey))
        if any(_is_same(told, other) for other in self.known):
            return self, True
        return Sightings((*self.known[-(REMEMBERED - 1) :], told)), False


def looked_at(image: Image, lesions: Floats, inside: Image | None = None) -> LeafLook:
    """Leaf and lesion of `image` (H, W, 3) uint8 BGR, given the boxes (n, 4) px of its lesions.

    `inside` (H, W) uint8 is 255 where the picture counts, else 0; None: everywhere.
    """
    small = at_most(image, WORK_PX)
    boxes = _mask_of(lesions * np.float32(small.shape[1] / image.shape[1]), small.shape[:2])
    counts = np.ones(small.shape[:2], np.bool_) if inside is None else at_most(inside, WORK_PX) > 127
    leaf = leaf_mask(small, boxes) & counts
    share = float(leaf.sum() / max(counts.sum(), 1))
    if share < LEAST_LEAF:
        return LeafLook(share, None)
    lesion = _lesion_mask(small, leaf, boxes)
    return LeafLook(share, float(lesion.sum() / leaf.sum()))


def lesion_share(
    image: Image, found: Detections, lesions: Collection[int], inside: Image | None = None
) -> float | None:
    """Share of the leaf that is lesion, `lesions` being the classes whose boxes are; None: it cannot be told.

    Not by a model that knows no lesion, nor beside another box: what an insect or a pod takes up is no healthy leaf.
    """
    if not lesions or any(class_id not in lesions for class_id in found.class_id.tolist()):
        return None
    return looked_at(image, found.xyxy, inside).severity


def is_green(image: Image, inside: Image | None = None) -> bool:
    """Is there leaf in `image` (H, W, 3) uint8 BGR, so that finding nothing on it says that it is healthy?

    A leaf that is brown all over is not told from a wall: ask only where no lesion was found. Of a monochrome camera's
    picture nobody knows: yes. `inside` as above.
    """
    small = at_most(image, GREEN_PX)
    if not has_colour(small, GateTable().colourless_levels):
        return True
    green = cv2.inRange(cv2.cvtColor(small, cv2.COLOR_BGR2HSV), *GREEN) > 0
    counts = np.ones_like(green) if inside is None else at_most(inside, GREEN_PX) > 127
    return bool((green & counts).sum() >= LEAST_LEAF * max(counts.sum(), 1))


def leaf_mask(image: Image, lesions: Bools) -> Bools:
    """(h, w) what is leaf: coloured where paper, soil and sky are grey, with holes filled; lesions belong to it."""
    chroma = image.max(axis=2) - image.min(axis=2)
    split, _ = cv2.threshold(cv2.GaussianBlur(chroma, (5, 5), 0), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    mask = ((chroma > np.clip(split, *GREY_CHROMA)) & (image[..., 0] < image[..., 1:].max(axis=2))).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    outlines, _ = cv2.findContours(
        mask | (lesions & (chroma > GREY_CHROMA[0])), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    large = [outline for outline in outlines if cv2.contourArea(outline) > 0.002 * mask.size]
    filled = cv2.drawContours(np.zeros_like(mask), large, -1, (1,), cv2.FILLED)
    return np.asarray(filled, np.bool_)


def incidence(affected: int, looked: int) -> float | None:
    """Share 0..1 of the units that are affected; None where nobody looked, which is not zero."""
    return round(affected / looked, 4) if looked else None


def mckinney_index(grades: Mapping[int, int], highest: int) -> float | None:
    """Disease index 0..100 = sum(grade x units of it) / (units x highest grade) x 100 (McKinney 1923).

    `grades`: grade -> units, the healthy ones of grade 0 included; None where nobody looked.
    """
    if any(not 0 <= grade <= highest for grade in grades) or any(units < 0 for units in grades.values()):
        raise ValueError(f"grades must lie between 0 and {highest}, with their numbers of units, got {dict(grades)}")
    units = sum(grades.values())
    return sum(grade * number for grade, number in grades.items()) / (units * highest) * 100 if units else None


def graded(severities: Sequence[float], scale: Scale) -> dict[int, int]:
    """Units of each grade."""
    grades = [scale.grade(severity) for severity in severities]
    return {grade: grades.count(grade) for grade in range(scale.highest + 1)}


def _mask_of(boxes: Floats, shape: tuple[int, ...]) -> Bools:
    mask = np.zeros(shape, np.bool_)
    for left, top, right, bottom in boxes.round().astype(int).tolist():
        mask[top:bottom, left:right] = True
    return mask


def _lesion_mask(image: Image, leaf: Bools, boxes: Bools) -> Bools:
    """Within the boxes, what has not the colour of the leaf around them (CIE Lab, lightness counting less)."""
    lab = cv2.cvtColor(image, cv2.COLOR_BGR2LAB).astype(np.float32)
    healthy = lab[leaf & ~boxes]
    if len(healthy) < 100:
        return boxes & leaf
    middle = np.median(healthy, axis=0)
    spread = 1.4826 * np.median(np.abs(healthy - middle), axis=0) + (12.0, 2.0, 2.0)
    off = np.sqrt((((lab - middle) / spread) ** 2).sum(axis=2))
    return np.asarray(boxes & leaf & (off > ODD), np.bool_)


def _leaf_on_white(image: Image, grey: Image) -> Image:
    """The ground that leaves lie on is on all pictures; where there is no leaf to speak of, all is kept."""
    leaf = leaf_mask(image, np.zeros(grey.shape, np.bool_))
    return grey if leaf.mean() < LEAST_LEAF else np.where(leaf, grey, np.uint8(255))


def _descriptors(grey: Image) -> Image:
    _, told = cv2.ORB.create(nfeatures=FEATURES).detectAndCompute(grey, np.full(grey.shape, 255, np.uint8))
    return np.empty((0, 32), np.uint8) if told is None else np.asarray(told, np.uint8)


def _is_same(one: tuple[Image, Image], other: tuple[Image, Image]) -> bool:
    return all(_alike(*both) >= least for *both, least in zip(one, other, LEAST_ALIKE, strict=True))


def _alike(one: Image, other: Image) -> int:
    """Points that both have and that are much nearer to each other than to any third (Lowe's ratio).

    Each of `other` once: of its two or three points a smooth picture has, dozens of any leaf are like one by chance.
    """
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(one, other, k=2)
    return len({pair[0].trainIdx for pair in pairs if len(pair) == 2 and pair[0].distance < 0.75 * pair[1].distance})
