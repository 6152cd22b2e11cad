"""Sick leaves and fruit, drawn: a network that knows insects alone takes a leaf with lesions for one.

Pictures of other crops teach that better, but none of them states a licence; what is drawn here is ours. A leaf, some
leaflets on a stalk, a blade or a pod lies on a training picture, on a part of it without a mark or on plain ground, has
a skin from such a part or a drawn one, bulges between its ribs, curls, throws a shadow, and may be spotted, yellowed,
or dead in patches and crumpled there. Nothing is marked on it. What it hides is neither taught as an insect nor as
none.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from edge.boxes import Floats, Image, intersection
from training.foliage_shapes import Shape, drawn_shape
from training.samples import IGNORE, Example
from training.transforms import Random, clouds, compressed, hidden_share, shifted

PLAIN = 0.6  # share that lies on plain ground, or a part of the picture without a mark, in place of the picture
REAL_GROUND, REAL_SKIN = 0.4, 0.5  # shares of these, and of all leaves, that show such a part
BARE_SIDES = (0.1, 0.6)  # of the part, of the shorter side of the picture
BARE_TRIES = 12
LENGTHS = (0.35, 1.25)  # of the longest side of the picture
HIDDEN, GONE = 0.2, 0.95  # share of a mark under the leaf that makes it no example, and no mark
CURL = (0, 0.08)  # how far a place moves, of the length
COARSE = 0.5  # share of those without the picture that were taken with fewer pixels
GREEN = ((28, 50, 50), (72, 190, 190))  # hue 0..179, saturation, value 0..255: from, to
RIPE = ((0, 50, 50), (45, 190, 190))
YELLOW = ((20, 90, 130), (33, 220, 235))
PALE = ((5, 60, 120), (33, 220, 235))
DEAD = ((5, 20, 25), (25, 150, 200))  # tan, brown, nearly black
ASHEN = ((10, 0, 150), (30, 40, 240))
ASHEN_SHARE = 0.2  # of dead patches and spots
STEEPEST = 2.5  # of the usual slope: what is steeper is as bright, or as dark

Hsv = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """What is being drawn: its colour so far (h, w, 3), BGR 0..255, where it is and how high it lies there (h, w)."""

    colour: Floats
    cover: Floats  # 0..1
    height: Floats  # of any unit
    length_px: float


def with_foliage(example: Example, random: Random) -> Example:
    """The example behind a drawn leaf, blade or pod; or that alone, on other ground."""
    is_plain = random.random() < PLAIN
    ground = _ground(example, random) if is_plain else example.image
    length_px = float(random.uniform(*LENGTHS)) * max(ground.shape[:2])
    skin = bare(example, random) if random.random() < REAL_SKIN else None
    drawing = _grown(ground, drawn_shape(length_px, ground.shape[1::-1], random), length_px, skin, random)
    for _ in range(int(random.integers(0, 4))):
        (_spots, _dead, _yellowed)[int(random.integers(3))](drawing, random)
    drawing = _curled(drawing, random)
    image = laid(ground, drawing, random)
    if is_plain:
        seen = _coarse(image, random) if random.random() < COARSE else image
        return Example(seen, example.xyxy[:0], example.class_id[:0])
    hidden = hidden_share(example.xyxy, drawing.cover)
    ids = np.where(hidden > HIDDEN, IGNORE, example.class_id)
    return Example(image, example.xyxy[hidden <= GONE], ids[hidden <= GONE])


def _ground(example: Example, random: Random) -> Image:
    """What is not the picture, in its size: a part of it that shows no mark, or plain."""
    part = bare(example, random) if random.random() < REAL_GROUND else None
    return _plain(example.image, random) if part is None else part


def bare(example: Example, random: Random) -> Image | None:
    """A square part of the picture without a mark, in the picture's size; None when none is found."""
    height, width = example.image.shape[:2]
    for _ in range(BARE_TRIES):
        side = min(max(8, int(random.uniform(*BARE_SIDES) * min(height, width))), height, width)
        left, top = int(random.integers(width - side + 1)), int(random.integers(height - side + 1))
        part_xyxy = np.array([[left, top, left + side, top + side]], np.float32)
        if not intersection(part_xyxy, example.xyxy).any():
            part = example.image[top : top + side, left : left + side]
            return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    return None


def _plain(image: Image, random: Random) -> Image:
    """A table or a sheet of paper in the picture's size."""
    colour = random.uniform(60, 245) + random.uniform(-25, 25, 3)
    rough = random.standard_normal((*image.shape[:2], 1), np.float32) * float(random.uniform(1, 12))
    light = 1 + float(random.uniform(0, 0.25)) * clouds(image.shape, 2, random)[..., None]
    light += float(random.uniform(0, 0.1)) * clouds(image.shape, int(random.integers(20, 90)), random)[..., None]
    return np.asarray(np.clip(colour * light + rough, 0, 255), np.uint8)


def _coarse(image: Image, random: Random) -> Image:
    """The picture as a camera with fewer pixels and a frugal JPEG shows it."""
    fewer = float(random.uniform(0.4, 1))
    small = cv2.resize(image, None, fx=fewer, fy=fewer, interpolation=cv2.INTER_AREA)
    frugal = compressed(np.asarray(small, np.uint8), int(random.integers(40, 96)))
    return np.asarray(cv2.resize(frugal, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def _grown(ground: Image, shape: Shape, length_px: float, skin: Image | None, random: Random) -> Drawing:
    """A healthy one: its skin or its colour, uneven, its ribs, lighter or darker, and how it bulges between them."""
    filled: Image = np.zeros(ground.shape[:2], np.uint8)
    for outline in shape.outlines:
        cv2.fillPoly(filled, [outline.round().astype(np.int32)], (255,), cv2.LINE_AA)
    drawn: Image = np.zeros_like(filled)
    broad_px = max(1, round(length_px * float(random.uniform(0.003, 0.012))))
    stalk = [shape.stalk.round().astype(np.int32)]
    cv2.polylines(filled, stalk, False, (255,), round(broad_px * float(random.uniform(2, 5))), cv2.LINE_AA)
    for rib in shape.ribs:
        cv2.polylines(drawn, [rib.round().astype(np.int32)], False, (255,), broad_px, cv2.LINE_AA)
    cover, lines = _share(filled), _share(drawn)
    ribs = _soft(lines, broad_px * float(random.uniform(0.5, 1.5)))
    grain = random.standard_normal(cover.shape, np.float32) * float(random.uniform(0.01, 0.1))
    light = 1 + 0.3 * clouds(cover.shape, int(random.integers(4, 40)), random) + _soft(grain, 0.8)
    light += float(random.uniform(-0.35, 0.5)) * ribs
    is_ripe = shape.is_pod and random.random() < 0.7
    colour = _drawn(RIPE if is_ripe else GREEN, random)
    if skin is not None:
        dyed = float(random.random())
        colour = np.asarray(skin * (1 - dyed + dyed * colour / skin.mean(axis=(0, 1)).clip(min=1)), np.float32)
    colour = colour * light[..., None]
    return Drawing(colour, cover, _relief(cover, lines, length_px, random), length_px)


def _relief(cover: Floats, lines: Floats, length_px: float, random: Random) -> Floats:
    """How high each place of a healthy one lies (h, w): valleys along the ribs, folds, the fall at its edge, a wave."""
    ribs, folds, edge, wave = random.uniform(0, (3, 0.3, 1.5, 0.8)).tolist()
    height = edge * _soft(cover, float(random.uniform(0.01, 0.08)) * length_px)
    height -= ribs * _soft(lines, max(2.0, 0.02 * length_px))
    height += folds * _crumpled(cover.shape, random) + wave * clouds(cover.shape, int(random.integers(3, 7)), random)
    return np.asarray(height, np.float32)


def _crumpled(shape: tuple[int, ...], random: Random) -> Floats:
    """Folds (h, w), about -1..1: noise of some sizes with sharp crests."""
    coarsest, finer = int(random.integers(3, 9)), float(random.uniform(0.4, 0.75))
    folds = [finer**times * (1 - 2 * np.abs(clouds(shape, coarsest * 2**times, random))) for times in range(5)]
    return np.asarray(np.sum(folds, axis=0), np.float32)


def _spots(drawing: Drawing, random: Random) -> None:
    """Spots of one disease: a dark or ashen core, perhaps with a ring in it, perhaps in a yellow halo."""
    inside = np.argwhere(drawing.cover > 0.9)
    if not len(inside):
        return
    core, halo = np.zeros_like(drawing.cover), np.zeros_like(drawing.cover)
    largest_px = drawing.length_px * float(np.exp(random.uniform(*np.log((0.008, 0.08)))))
    wide = float(random.uniform(1.3, 3))
    for y, x in inside[random.integers(len(inside), size=int(60 ** random.uniform(0, 1)))].tolist():
        broad, high = 2 * largest_px * random.uniform(0.3, 1) * random.uniform((1, 0.4), (1, 1))
        angle = float(random.uniform(0, 180))
        cv2.ellipse(halo, ((x, y), (wide * broad + 1, wide * high + 1), angle), (1.0,), -1)
        cv2.ellipse(core, ((x, y), (broad + 1, high + 1), angle), (1.0,), -1)
    edge_px = max(1.0, largest_px / 8)
    if random.random() < 0.6:
        _dye(drawing, _soft(halo, largest_px / 2), _drawn(YELLOW, random), 0.8)
    _dye(drawing, _soft(core, edge_px), _dead_colour(random), float(random.uniform(0.6, 1)))
    if random.random() < 0.4:
        inner = cv2.erode(core, np.ones((3, 3), np.uint8), iterations=max(1, round(largest_px / 4)))
        _dye(drawing, _soft(np.asarray(inner, np.float32), edge_px), _dead_colour(random), 0.8)


def _dead(drawing: Drawing, random: Random) -> None:
    """Patches that have died: brown, black or ashen, crumpled, with an uneven edge, perhaps in yellow."""
    shape = drawing.cover.shape
    coarse = clouds(shape, int(random.integers(2, 9)), random)
    fine = clouds(shape, int(random.integers(10, 40)), random)
    if random.random() < 0.5:  # from one side of the picture
        towards = _direction(random)
        across = np.linspace(-1.5, 1.5, shape[1]) * towards[0] + np.linspace(-1.5, 1.5, shape[0])[:, None] * towards[1]
        coarse = np.asarray(0.3 * coarse + across, np.float32)
    above = coarse + 0.25 * fine - float(random.uniform(-0.1, 0.6))
    where = np.asarray(np.clip(above * float(random.uniform(3, 20)), 0, 1), np.float32)
    crumpled = 1 + float(random.uniform(0.1, 0.6)) * clouds(shape, int(random.integers(15, 60)), random)[..., None]
    drawing.height[:] += float(random.uniform(0, 1.2)) * where * _crumpled(shape, random)
    if random.random() < 0.5:
        _dye(drawing, _soft(where, 0.03 * drawing.length_px), _drawn(YELLOW, random), 0.7)
    mixed = clouds(shape, int(random.integers(3, 30)), random)[..., None].clip(-1, 1) / 2 + 0.5
    colour = (_dead_colour(random) * mixed + _dead_colour(random) * (1 - mixed)) * crumpled
    _dye(drawing, where, np.asarray(colour, np.float32), float(random.uniform(0.6, 1)))


def _yellowed(drawing: Drawing, random: Random) -> None:
    """Yellow, pale or red areas without an edge."""
    field = clouds(drawing.cover.shape, int(random.integers(2, 12)), random)
    where = np.clip((field - float(random.uniform(-0.4, 0.5))) * 2, 0, 1)
    _dye(drawing, where, _drawn(PALE, random), float(random.uniform(0.3, 0.9)))


def _curled(drawing: Drawing, random: Random) -> Drawing:
    """The drawing bent in the picture's plane, as a leaf that dries."""
    by_px, cells = float(random.uniform(*CURL)) * drawing.length_px, int(random.integers(3, 9))
    x, y = (by_px * clouds(drawing.cover.shape, cells, random) for _ in range(2))
    colour, cover, height = (shifted(one, x, y) for one in (drawing.colour, drawing.cover, drawing.height))
    return Drawing(colour, cover, height, drawing.length_px)


def _dye(drawing: Drawing, where: Floats, colour: Floats, strength: float) -> None:
    weight = where[..., None] * strength
    drawing.colour[:] = drawing.colour * (1 - weight) + colour * weight


def laid(ground: Image, drawing: Drawing, random: Random) -> Image:
    """The drawing (h, w) on its ground (h, w, 3) uint8 BGR, lit from one side, with the shadow that it throws."""
    shape = drawing.cover.shape
    away = _direction(random)  # from the light
    x, y = away * float(random.uniform(0, 0.08)) * max(shape)
    moved = cv2.warpAffine(drawing.cover, np.array([[1, 0, x], [0, 1, y]]), shape[::-1])
    shadow = _soft(np.asarray(moved, np.float32), float(random.uniform(0.7, 10)))[..., None]
    light = 1 + 0.5 * clouds(shape, int(random.integers(2, 5)), random) * float(random.random())
    light += float(random.uniform(0, 0.45) * random.random()) * _facing(drawing, away)
    edge = _soft(drawing.cover, float(random.uniform(0.4, 1.2)))[..., None]
    below = ground * (1 - float(random.uniform(0, 0.9)) * shadow)
    lit = drawing.colour * light.clip(min=0.1)[..., None]
    return np.asarray(np.clip(below * (1 - edge) + lit * edge, 0, 255), np.uint8)


def _facing(drawing: Drawing, away: Floats) -> Floats:
    """How far (h, w) each place leans towards the light, from -STEEPEST to STEEPEST, 1 as the leaf usually does."""
    along_x, along_y = (cv2.Sobel(drawing.height, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1)))
    lean = along_x * away[0] + along_y * away[1]
    usual = float((np.abs(lean) * drawing.cover).sum()) / max(float(drawing.cover.sum()), 1.0)
    return np.asarray((lean / max(usual, 1e-6)).clip(-STEEPEST, STEEPEST), np.float32)


def _direction(random: Random) -> Floats:
    """A unit vector (2,)."""
    angle = float(random.uniform(0, 2 * np.pi))
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


def _share(mask: Image) -> Floats:
    return np.asarray(mask / 255, np.float32)


def _soft(mask: Floats, sigma_px: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma_px), np.float32)


def _dead_colour(random: Random) -> Floats:
    return _drawn(ASHEN if random.random() < ASHEN_SHARE else DEAD, random)


def _drawn(between: tuple[Hsv, Hsv], random: Random) -> Floats:
    """A colour (3,) BGR 0..255 of a hue, saturation and value between two."""
    hsv = random.uniform(*between).astype(np.uint8).reshape(1, 1, 3)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.float32).reshape(3)
