"""Faces on a picture that is about to be kept: made unrecognisable, or the reason not to keep it.

OpenCV's own cascade (Viola and Jones 2001, trained by Lienhart) sees faces turned to the camera. From the side, from
behind, under a mask or smaller than a sixteenth of the picture it sees none: a node belongs where no people pass.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2

from edge.boxes import Image

CASCADE = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_alt2.xml"
STEP, NEIGHBOURS = 1.15, 6  # no face on 320 pictures of crops and insects
SMALLEST_SHARE, SMALLEST_PX = 1 / 16, 24
MARGIN = 0.25  # of the side of a face, for hair and ears
CELLS = 6  # a face becomes so many squares across
Face = tuple[int, int, int, int]  # left, top, right, bottom in px, within the picture


def faces(image: Image) -> list[Face]:
    """Faces on `image` (H, W, 3) uint8 BGR, with a margin."""
    height_px, width_px = image.shape[:2]
    smallest_px = max(SMALLEST_PX, round(min(height_px, width_px) * SMALLEST_SHARE))
    grey = cv2.equalizeHist(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    found: Sequence[Sequence[int]] = _cascade().detectMultiScale(
        grey, STEP, NEIGHBOURS, minSize=(smallest_px, smallest_px)
    )
    return [_widened(one, width_px, height_px) for one in found]


def hidden(image: Image, where: Sequence[Face]) -> Image:
    """A copy of `image` with a few squares in place of each face."""
    canvas = image.copy()
    for left, top, right, bottom in where:
        face = canvas[top:bottom, left:right]
        coarse = cv2.resize(face, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
        size = (right - left, bottom - top)
        canvas[top:bottom, left:right] = cv2.resize(coarse, size, interpolation=cv2.INTER_NEAREST)
    return canvas


def _widened(found: Sequence[int], width_px: int, height_px: int) -> Face:
    left, top, across, down = (int(value) for value in found)
    more_px = round(across * MARGIN)
    right, bottom = min(width_px, left + across + more_px), min(height_px, top + down + more_px)
    return max(0, left - more_px), max(0, top - more_px), right, bottom


@cache
def _cascade() -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(CASCADE))
