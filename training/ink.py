"""Writing and printed lines on the pictures of cards: a marker's stroke has the size and the darkness of an insect.

People write the trap's name and the time on a card, makers print squares on it; the few cards of a set show neither. So
some of the training tiles are written on, most of them by hand with a broad marker, whose stroke is broader across its
felt than along it, and whose ink is streaky, darker where strokes cross and fills the loops of small letters. Nothing
is marked there: ink is no insect. What a pen covers stays marked, what a marker hides is neither taught as an insect
nor as none.
"""

import string

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.boxes import Floats, Image
from training.handwriting import strokes
from training.samples import IGNORE, Example
from training.transforms import Random, clouds, hidden_share, shifted

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)  # fmt: skip
LETTERS = string.ascii_uppercase + string.ascii_lowercase + 3 * string.digits + 4 * ".:-/"
WIDTHS_PX = (2, 16)  # of a pen's stroke, seen by a camera that makes 12 to 20 px of a millimetre
HEIGHTS_PX = (24, 220)  # of a letter
GRIDS_PX = (90, 320)  # between printed lines
GRID_SHARE = 0.3  # of the written tiles that have printed lines as well
SQUARE_PX = 20  # of a Hershey letter at scale 1, roughly
MARKED = 0.6  # share of the written tiles that are written on by hand
MARKERS_PX = (12, 52)  # breadth of a marker's stroke: 2 to 4 mm
TALL = (2.5, 7.0)  # height of what a marker writes, in breadths of its stroke
HAIR_PX = 5  # a marker's felt draws streaks side by side of about this breadth, each as dark as it likes
CHISEL = (0.35, 1.0)  # breadth of a stroke along the felt's edge, of that across it
RUN_PX, RUN_EVERY_PX = (0.0, 3.0), (8, 24)  # how far ink runs over its edge, and how often
UNEVEN = 0.5  # of how thickly ink lies: power of the light that it leaves
RIM_PX, RIM = (1.0, 2.5), 1.0  # sigma of a camera's sharpening, and its strength at most
HIDDEN, DARK = 0.3, 0.6  # share of a mark under a marker's ink that hides it, and the light that such ink leaves


def written(example: Example, random: Random) -> Example:
    """The example with words or a marker's strokes, and perhaps printed lines, on it; boxes are as they were."""
    cover: Image = np.zeros(example.image.shape[:2], np.uint8)
    light: Floats = np.ones((*cover.shape, 3), np.float32)  # what of the card's light comes back
    colour = _colour(random)
    if random.random() < MARKED:
        for _ in range(int(random.integers(1, 3))):
            _marked(light, colour, random)
    else:
        for _ in range(int(random.integers(1, 4))):
            _word(cover, random)
        for _ in range(int(random.integers(0, 3))):
            _stroke(cover, random)
    if random.random() < GRID_SHARE:
        _lines(cover, random)
    soft = cv2.GaussianBlur(cover, (3, 3), 0)[..., None] / 255 * float(random.uniform(0.6, 1.0))
    seen = _sharpened(_ragged(np.asarray(light * (1 - soft * (1 - colour)), np.float32), random), random)
    image = np.clip(example.image * seen, 0, 255).round().astype(np.uint8)
    hidden = hidden_share(example.xyxy, light.max(axis=2) < DARK)
    return Example(image, example.xyxy, np.where(hidden > HIDDEN, IGNORE, example.class_id))


def _ragged(light: Floats, random: Random) -> Floats:
    """The ink with edges that run a little, as on paper and glue, and thicker here than there."""
    width, run_px = light.shape[1], float(random.uniform(*RUN_PX))
    dx, dy = (run_px * clouds(light.shape, round(width / random.uniform(*RUN_EVERY_PX)), random) for _ in range(2))
    run = shifted(light, dx, dy)
    thick = 1 + float(random.uniform(0, UNEVEN)) * clouds(light.shape, int(random.integers(4, 30)), random)[..., None]
    return np.asarray(np.clip(run, 0.01, 1) ** thick, np.float32)


def _sharpened(light: Floats, random: Random) -> Floats:
    """As a camera sharpens its pictures: a light rim round what is dark, which the insects of a card have as well."""
    blurred = cv2.GaussianBlur(light, (0, 0), float(random.uniform(*RIM_PX)))
    return np.asarray((light + float(random.uniform(0, RIM)) * (light - blurred)).clip(min=0), np.float32)


def _colour(random: Random) -> Floats:
    """Share (3,) of the light that ink leaves: black, dark or, as red and orange ink, dark in one colour alone."""
    kind = random.random()
    if kind < 0.6:
        drawn = np.full(3, random.uniform(0.03, 0.3))
    elif kind < 0.8:
        drawn = random.uniform(0.03, 0.45, 3)
    else:
        drawn = random.permuted([random.uniform(0.1, 0.4), random.uniform(0.1, 0.8), random.uniform(0.5, 0.95)])
    return np.asarray(drawn, np.float32)


def _marked(light: Floats, colour: Floats, random: Random) -> None:
    """A line of a hand's signs by a broad marker takes its share of `light`; they may hang over the edge."""
    height, width = light.shape[:2]
    broad_px = float(random.uniform(*MARKERS_PX))
    tall_px = broad_px * float(random.uniform(*TALL))
    x, y = float(random.uniform(-width / 4, 0.8 * width)), float(random.uniform(-tall_px / 2, height - tall_px / 2))
    for _ in range(int(random.integers(1, 7))):
        wide_px = tall_px * float(random.uniform(0.3, 0.9))
        base = y + tall_px * float(random.uniform(-0.1, 0.1))
        for stroke in strokes(random):
            curve = np.asarray(stroke * (wide_px, tall_px) + (x, base), np.float32)
            _felt(light, curve, broad_px * float(random.uniform(0.8, 1.2)), colour, random)
        x += wide_px + broad_px * float(random.uniform(0.5, 2.0))


def _bezier(ends: NDArray[np.float64], along: NDArray[np.float64]) -> Floats:
    """Points (n, 2) of the curve that `ends` (k, 2) pull at, at shares (n, 1) of its way; by de Casteljau."""
    points = ends[:, None]
    while len(points) > 1:
        points = (1 - along) * points[:-1] + along * points[1:]
    return np.asarray(points[0], np.float32)


def _felt(light: Floats, curve: Floats, broad_px: float, colour: Floats, random: Random) -> None:
    """One pass of the marker along the curve, streak beside streak; a second pass over the same place is darker."""
    ink: Image = np.zeros(light.shape[:2], np.uint8)
    step = np.gradient(curve, axis=0)
    across = np.stack([-step[:, 1], step[:, 0]], axis=1) / np.maximum(np.hypot(*step.T), 1e-6)[:, None]
    hairs = max(2, round(broad_px / HAIR_PX))
    pressed = 1 - 0.65 * float(random.random()) ** 2  # most felts are wet
    streaks = random.uniform(pressed, 1, hairs if random.random() < 0.5 else 3)  # or even, darker towards a side
    darkness = 255 * np.interp(np.linspace(0, 1, hairs), np.linspace(0, 1, len(streaks)), streaks)
    felt = float(random.uniform(0, np.pi))  # its edge's angle
    thin = float(random.uniform(*CHISEL))
    broad = thin + (1 - thin) * np.abs(np.sin(np.arctan2(step[:, 1], step[:, 0]) - felt))[:, None]
    for place, dark in zip(np.linspace(-0.5, 0.5, hairs) * (broad_px - HAIR_PX), darkness, strict=True):
        hair = (curve + across * broad * place).round().astype(np.int32)
        cv2.polylines(ink, [hair], False, (int(dark),), HAIR_PX + 3, cv2.LINE_AA)
    for end in (curve[0], curve[-1]):  # where a pen stops, ink gathers
        if random.random() < 0.5:
            dark = int(255 * random.uniform(pressed, 1))
            round_px = round(broad_px * float(random.uniform(0.3, 0.6)))
            cv2.circle(ink, end.round().astype(int).tolist(), round_px, (dark,), -1, cv2.LINE_AA)
    soft_px = int(random.choice([3, 5, 9]))
    light *= 1 - cv2.GaussianBlur(ink, (soft_px, soft_px), 0)[..., None] / 255 * (1 - colour)


def _word(cover: Image, random: Random) -> None:
    """A few letters in one line, turned a little, at a random place: they may hang over the edge."""
    height, width = cover.shape
    tall_px = float(random.uniform(*HEIGHTS_PX))
    text = "".join(random.choice(list(LETTERS), int(random.integers(1, 6))))
    at = (int(random.integers(-width // 4, width)), int(random.integers(0, height + int(tall_px))))
    line: Image = np.zeros_like(cover)
    font, scale, thick_px = FONTS[int(random.integers(len(FONTS)))], tall_px / SQUARE_PX, _width_px(random, tall_px)
    cv2.putText(line, text, at, font, scale, (255,), thick_px, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(random.uniform(-25, 25)), 1)
    np.maximum(cover, cv2.warpAffine(line, turn, (width, height)), out=cover)


def _stroke(cover: Image, random: Random) -> None:
    """A bent stroke, or a dot where its points lie together."""
    height, width = cover.shape
    spread_px = float(random.uniform(0, HEIGHTS_PX[1]))
    ends = random.uniform((0, 0), (width, height)) + random.uniform(-spread_px / 2, spread_px / 2, (3, 2))
    bent = _bezier(ends, np.linspace(0, 1, 20)[:, None])
    cv2.polylines(cover, [bent.round().astype(np.int32)], False, (255,), _width_px(random, HEIGHTS_PX[1]), cv2.LINE_AA)


def _lines(cover: Image, random: Random) -> None:
    """Printed lines along both sides."""
    height, width = cover.shape
    step, thick_px = int(random.uniform(*GRIDS_PX)), int(random.integers(1, 5))
    begin = int(random.integers(step))
    for x in range(begin, width, step):
        cv2.line(cover, (x, 0), (x, height), (255,), thick_px)
    for y in range(begin, height, step):
        cv2.line(cover, (0, y), (width, y), (255,), thick_px)


def _width_px(random: Random, tall_px: float) -> int:
    """Of a stroke: a small letter is not drawn with a broad pen."""
    low, high = WIDTHS_PX
    return int(random.uniform(low, min(high, max(low + 1, tall_px / 6))))
