"""Writing and printed lines on the pictures of cards: a marker's stroke has the size and the darkness of an insect.

People write the trap's name and the time on a card, makers print squares on it; the few cards of a set show neither. So
some of the training tiles are written on. Nothing is marked there: ink is no insect. What it covers stays marked.
"""

import string

import cv2
import numpy as np

from edge.boxes import Image
from training.samples import Example
from training.transforms import Random

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)  # fmt: skip
LETTERS = string.ascii_uppercase + string.ascii_lowercase + 3 * string.digits + 4 * ".:-/"
WIDTHS_PX = (2, 16)  # of a stroke: a pen's to a marker's, seen by a camera that makes 12 to 20 px of a millimetre
HEIGHTS_PX = (24, 220)  # of a letter
GRIDS_PX = (90, 320)  # between printed lines
GRID_SHARE = 0.3  # of the written tiles that have printed lines as well
SQUARE_PX = 20  # of a Hershey letter at scale 1, roughly


def written(example: Example, random: Random) -> Example:
    """The example with words, strokes and perhaps printed lines on it; boxes are as they were."""
    cover: Image = np.zeros(example.image.shape[:2], np.uint8)
    for _ in range(int(random.integers(1, 4))):
        _word(cover, random)
    for _ in range(int(random.integers(0, 3))):
        _stroke(cover, random)
    if random.random() < GRID_SHARE:
        _lines(cover, random)
    soft = cv2.GaussianBlur(cover, (3, 3), 0)[..., None] / 255 * float(random.uniform(0.6, 1.0))
    colour = random.uniform(0.03, 0.45, 3) if random.random() < 0.5 else np.full(3, random.uniform(0.03, 0.3))
    image = np.clip(example.image * (1 - soft * (1 - colour)), 0, 255).astype(np.uint8)
    return Example(image, example.xyxy, example.class_id)


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
    along = np.linspace(0, 1, 20)[:, None]
    bent = (1 - along) ** 2 * ends[0] + 2 * along * (1 - along) * ends[1] + along**2 * ends[2]
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
