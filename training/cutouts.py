"""Copy and paste: insects cut along their outlines from training cards, pasted on other training tiles.

Ghiasi et al. (2021), Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation,
arXiv:2012.07177. A card set has a few hundred insects on a dozen cards; pasted, each is seen on every card, turned and
in every corner. Unlike there an insect is no opaque patch: a network would learn the colour of the card it came from.
Few of them are large, and none is of a kind that no card caught: outlined insects of another set lie among them.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.boxes import Bools, Floats, Image, Ints, area, intersection
from edge.errors import ConfigError
from training.datasets.yolo import outlines_of
from training.ink import written
from training.samples import Example, read_image
from training.text import text_of
from training.transforms import Random

LARGEST_PX = 280  # a larger insect would hide half a tile
SMALLEST_PX = 6
FEATHER_PX = 5  # the outline is not exact to the pixel, and a hard edge would be learnt as the sign of an insect
RING_PX = 6  # of card round the outline, whose median is the colour that the insect lay on
BESIDE = 0.5  # share that is pasted beside another: two that touched were found as one
APART = (0.5, 1.2)  # their distance, 1 where their boxes touch
CROSSED = 0.5  # share of the smaller's box that may lie in another's: legs and wings of a full card do
CORNER = 0.2  # the same for insects through which nothing shines
FAINTER = (0.4, 1.8)  # power of the light taken away: wings are fainter in one camera than in another
DIM = 40  # of 255: a colour of which a card gives less does not tell what an insect takes away
SCALES = (0.6, 1.6)  # of an insect of the cards
SUNK, SUNK_PX = 0.3, (0.5, 2.5)  # share that is blurred, as under glue or out of focus, and by how much
SOFTENED = 0.4  # px on the card, of what is pasted smaller than it was
STRANGE = 0.3  # share that comes from another set
STRANGE_PX = (40, 300)  # their longest side on the card
STORED_PX = 200  # longest side at which they are kept
UNSEEN = 0.02  # opacity
STRANGE_LIGHT = 200  # of 255: what takes no light away; the ground they lay on is no card


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """An insect as a filter on whatever card it is pasted on, so that no patch of its own card comes with it.

    share: (h, w, 3) float32, its light over that of the card it lay on
    opacity: (h, w) float32, 0..1
    """

    share: Floats
    opacity: Floats
    class_id: int


@dataclass(frozen=True, slots=True, eq=False)
class Pasting:
    """What is pasted, on which examples (a bool each), how many at most on one, and what share is written on.

    `strangers` come from pictures that are no cards.
    """

    cutouts: Sequence[Cutout]
    takes: Bools
    most: int
    written: float = 0.0
    strangers: Sequence[Cutout] = ()


def read_cutouts(root: Path, images: Collection[str], class_id: int) -> list[Cutout]:
    """The outlined insects of these pictures (paths below `root`) of a COCO set with one annotations.json.

    One without polygons, a box or a crowd, is left out.
    """
    told: dict[str, Any] = json.loads(text_of(root / "annotations.json"))
    cutouts = []
    for picture in (one for one in told["images"] if one["file_name"] in images):
        image = read_image(root / picture["file_name"])
        drawn = [one.get("segmentation") for one in told["annotations"] if one["image_id"] == picture["id"]]
        outlines = [one for one in drawn if one and isinstance(one, list)]
        cutouts += [cutout for outline in outlines if (cutout := _cut(image, outline, class_id)) is not None]
    return cutouts


def read_strangers(root: Path, images: Iterable[Path], kinds: Collection[str], class_id: int) -> list[Cutout]:
    """The insects of these kinds that polygons outline in these pictures of the YOLO set at `root`.

    Raises ConfigError for a kind that the set does not have.
    """
    names = text_of(root / "classes.txt").splitlines()
    strange = [kind for kind in kinds if kind not in names]
    if strange:
        told = f"{root / 'classes.txt'}: has no class {strange[0]!r}, which paste.kinds names"
        raise ConfigError(f"{told}; write one of {', '.join(names)}")
    cutouts = []
    for path in images:
        outlines = [outline for index, outline in outlines_of(path) if names[index] in kinds]
        if outlines:
            image = read_image(path)
            cutouts += [_strange(image, outline, class_id) for outline in outlines]
    return [cutout for cutout in cutouts if cutout is not None]


def pasted(example: Example, pasting: Pasting, random: Random) -> Example:
    """The example with up to `most` insects more, turned by any angle, some beside another; perhaps written on."""
    image, boxes, ids = example.image.copy(), list(example.xyxy), list(example.class_id)
    for _ in range(int(random.integers(pasting.most + 1))):
        cutout, scale = _drawn(pasting, random)
        sunk_px = float(random.uniform(*SUNK_PX)) if random.random() < SUNK else 0.0
        taken, shape = _turned(cutout, float(random.uniform(*FAINTER)), float(random.uniform(0, 360)), scale, sunk_px)
        height, width = taken.shape[:2]
        if height >= image.shape[0] or width >= image.shape[1]:
            continue
        left, top = _place(image, (width, height), boxes, random)
        box = shape + np.array([left, top, left, top], np.float32)
        if boxes and hides(box, np.array(boxes, np.float32), CROSSED):
            continue
        place = image[top : top + height, left : left + width]
        place[:] = np.clip(place * (1 - taken), 0, 255).round()
        boxes.append(box)
        ids.append(cutout.class_id)
    fuller = Example(image, np.array(boxes, np.float32).reshape(-1, 4), np.array(ids, np.int64))
    return written(fuller, random) if random.random() < pasting.written else fuller


def _drawn(pasting: Pasting, random: Random) -> tuple[Cutout, float]:
    """One of the insects and the scale at which it is pasted."""
    is_strange = bool(pasting.strangers) and random.random() < STRANGE
    among = pasting.strangers if is_strange else pasting.cutouts
    cutout = among[int(random.integers(len(among)))]
    low, high = np.divide(STRANGE_PX, max(cutout.opacity.shape)) if is_strange else SCALES
    return cutout, float(np.exp(random.uniform(np.log(low), np.log(high))))


def _place(image: Image, size: tuple[int, int], boxes: Sequence[Floats], random: Random) -> tuple[int, int]:
    """Left and top of what is pasted: anywhere, or beside an insect that is there, as they lie on a full card."""
    free = np.array([image.shape[1] - size[0], image.shape[0] - size[1]])
    if not boxes or random.random() > BESIDE:
        left, top = random.integers(free).tolist()
        return left, top
    box = boxes[int(random.integers(len(boxes)))]
    half = (box[2:] - box[:2] + np.array(size)) / 2 * float(random.uniform(*APART))
    angle = float(random.uniform(0, 2 * np.pi))
    towards = np.array([np.cos(angle), np.sin(angle)])
    centre = (box[:2] + box[2:]) / 2 + half * towards / np.abs(towards).max()
    left, top = (centre - np.array(size) / 2).round().clip(0, free - 1).astype(int).tolist()
    return left, top


def hides(box: Floats, boxes: Floats, most: float = CORNER) -> bool:
    """Would it cover more than that share of one of the others, or one of them of it?"""
    smaller = np.minimum(area(boxes), area(box[None]))
    return bool((intersection(box[None], boxes)[0] > most * smaller).any())


def _cut(image: Image, outline: list[list[float]], class_id: int) -> Cutout | None:
    parts = [np.array(part, np.float32).reshape(-1, 2).round().astype(np.int32) for part in outline]
    left, top, width, height = cv2.boundingRect(np.vstack(parts))
    if max(width, height) > LARGEST_PX or min(width, height) < SMALLEST_PX:
        return None
    left, top = max(left - RING_PX, 0), max(top - RING_PX, 0)
    crop = image[top : top + height + 2 * RING_PX, left : left + width + 2 * RING_PX].astype(np.float32)
    corner = np.array([left, top], np.int32)
    mask: Image = np.zeros((crop.shape[0], crop.shape[1]), np.uint8)
    cv2.fillPoly(mask, [part - corner for part in parts], (255,))
    around = cv2.dilate(mask, np.ones((2 * RING_PX + 1,) * 2, np.uint8)) > mask
    ground = np.median(crop[around], axis=0)
    share = crop / np.maximum(ground, 1)
    dim = ground < DIM
    if dim.any() and not dim.all():
        share[..., dim] = share[..., ~dim].mean(axis=2, keepdims=True)
    opacity = cv2.GaussianBlur(mask, (FEATHER_PX, FEATHER_PX), 0) / 255
    return Cutout(np.asarray(share, np.float32), np.asarray(opacity, np.float32), class_id)


def _strange(image: Image, outline: Floats, class_id: int) -> Cutout | None:
    """An insect by its relative outline (n, 2), at most STORED_PX long."""
    height, width = image.shape[:2]
    points: Ints = (outline * (width - 1, height - 1)).round().astype(np.int32)
    left, top, width, height = cv2.boundingRect(points)
    if min(width, height) < STRANGE_PX[0] / 2:
        return None
    mask: Image = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [points - np.array([left, top], np.int32)], (255,))
    crop = image[top : top + height, left : left + width]
    scale = min(1.0, STORED_PX / max(width, height))
    small, shape = (cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for part in (crop, mask))
    margin = (FEATHER_PX,) * 4
    share = np.minimum(cv2.copyMakeBorder(small, *margin, cv2.BORDER_REPLICATE) / STRANGE_LIGHT, 1)
    shape = cv2.copyMakeBorder(shape, *margin, cv2.BORDER_CONSTANT)
    opacity = cv2.GaussianBlur(shape, (FEATHER_PX, FEATHER_PX), 0) / 255
    return Cutout(np.asarray(share, np.float32), np.asarray(opacity, np.float32), class_id)


def _turned(cutout: Cutout, power: float, degrees: float, scale: float, sunk_px: float) -> tuple[Floats, Floats]:
    """The share of light (h, w, 3) that the insect takes away, scaled and turned counter-clockwise, and its box there.

    power: of what is left of the light. sunk_px: sigma of its blur.
    """
    parts = [cutout.opacity[..., None] * (1 - cutout.share**power), cutout.opacity]
    if scale < 1:  # or fine legs would break up
        parts = [_blurred(part, SOFTENED / scale) for part in parts]
    height, width = cutout.opacity.shape
    side = int(np.hypot(height, width) * scale + 4 + 6 * sunk_px)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    turn[:, 2] += (side - width) / 2, (side - height) / 2
    parts = [cv2.warpAffine(part, turn, (side, side)) for part in parts]
    taken, opacity = (_blurred(part, sunk_px) for part in parts) if sunk_px else parts
    left, top, right, bottom = extent(opacity > UNSEEN).astype(int)
    box = extent(opacity > opacity.max() / 2) - np.array([left, top, left, top], np.float32)
    return np.asarray(taken[top:bottom, left:right], np.float32), box


def extent(mask: Bools) -> Floats:
    """The box (4,) px around what is true in a mask (h, w)."""
    ys, xs = np.nonzero(mask)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)


def _blurred(part: Floats, sigma_px: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(part, (0, 0), sigma_px, borderType=cv2.BORDER_CONSTANT), np.float32)
