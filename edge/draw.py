"""Boxes and labels on a copy of a picture, legible from thumbnail to 20 megapixels; JPEG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge.boxes import Image
from edge.detections import Detections
from edge.errors import BadFrameError

# Okabe and Ito (2008), "Color Universal Design": told apart with every common colour blindness. Here as BGR.
COLOURS = ((0, 159, 230), (233, 180, 86), (115, 158, 0), (66, 228, 240), (178, 114, 0), (0, 94, 213), (167, 121, 204))
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
FONT = cv2.FONT_HERSHEY_SIMPLEX  # has Latin letters only, and labels are scientific names
Ground = tuple[int, int, int, int]  # left, top, right, bottom in px of what a text stands on, or of a box
FONT_PX = 22  # height of its capitals at scale 1
LARGE = 4  # times as high as a text: a box that may hold its own, which hides a quarter of it at most


def draw(image: Image, detections: Detections, labels: Sequence[str]) -> Image:
    """A copy of `image` (H, W, 3) uint8 BGR with a box, its label and confidence for each of the `detections`.

    A label that would cover another one or another box wherever it stands is left out, so that no insect is hidden; the
    stronger chooses first.
    """
    canvas = image.copy()
    pen = _Pen.of(image)
    boxes = [_box(detections, row) for row in range(len(detections))]
    for row in reversed(range(len(boxes))):
        corners = boxes[row][:2], boxes[row][2:]
        cv2.rectangle(canvas, *corners, BLACK, pen.line_px + 2)  # a rim: seen on any background
        cv2.rectangle(canvas, *corners, _colour(detections, row), pen.line_px)
    taken: list[Ground] = []
    for row, box in enumerate(boxes):  # the strongest first
        text = f"{labels[int(detections.class_id[row])]} {detections.confidence[row]:.0%}"
        kept_free = [*taken, *boxes[:row], *boxes[row + 1 :]]
        ground = next((one for one in _grounds(canvas, pen.size(text), box) if not _covers(one, kept_free)), None)
        if ground is not None:
            pen.write(canvas, text, ground, _colour(detections, row))
            taken.append(ground)
    return canvas


def jpeg(image: Image, quality: int = 80) -> bytes:
    """`image` (H, W, 3) uint8 BGR as a JPEG file. Raises BadFrameError."""
    encoded, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not encoded:
        raise BadFrameError(
            f"a picture of {image.shape} cannot be written as JPEG; look at the camera", reason="damaged"
        )
    return content.tobytes()


@dataclass(frozen=True, slots=True)
class _Pen:
    """How thick lines and letters are on a picture of that size."""

    line_px: int
    font_scale: float

    @staticmethod
    def of(image: Image) -> "_Pen":
        """Capitals of a 40th of the longer side, and not below 9 px, the least that reads well."""
        longest_px = max(image.shape[:2])
        return _Pen(max(2, round(longest_px / 300)), max(9.0, longest_px / 40) / FONT_PX)

    @property
    def _thick_px(self) -> int:
        return max(1, self.line_px // 2)

    def _letters(self, text: str) -> tuple[int, int, int, int]:
        """In px: how wide they are, how high above and below their line, and what is left free around them."""
        (wide, height), below = cv2.getTextSize(text, FONT, self.font_scale, self._thick_px)
        return wide, height, below, max(2, height // 4)

    def size(self, text: str) -> tuple[int, int]:
        """Width and height in px of what `text` stands on."""
        wide, height, below, pad = self._letters(text)
        return wide + 2 * pad, height + below + pad

    def write(self, canvas: Image, text: str, ground: Ground, colour: tuple[int, int, int]) -> None:
        """On the `ground`, in black or white, whichever is seen on its `colour`."""
        _, height, _, pad = self._letters(text)
        cv2.rectangle(canvas, ground[:2], ground[2:], colour, cv2.FILLED)
        ink = BLACK if np.dot(colour, (0.114, 0.587, 0.299)) > 110 else WHITE  # luma, ITU-R BT.601
        start = (ground[0] + pad, ground[1] + pad // 2 + height)
        cv2.putText(canvas, text, start, FONT, self.font_scale, ink, self._thick_px, cv2.LINE_AA)


def _box(detections: Detections, row: int) -> Ground:
    left, top, right, bottom = (round(float(side)) for side in detections.xyxy[row])
    return left, top, right, bottom


def _colour(detections: Detections, row: int) -> tuple[int, int, int]:
    return COLOURS[int(detections.class_id[row]) % len(COLOURS)]


def _grounds(canvas: Image, size: tuple[int, int], box: Ground) -> Iterator[Ground]:
    """Where a text of that `size` may stand in the picture: above its box, below it, and within a large one."""
    wide, tall = size
    left, top, _, bottom = box
    within = (top, bottom - tall) if bottom - top >= LARGE * tall else ()
    for upper in (top - tall, bottom, *within):
        if 0 <= upper <= canvas.shape[0] - tall:
            start = max(0, min(left, canvas.shape[1] - wide))
            yield start, upper, start + wide, upper + tall


def _covers(ground: Ground, others: Sequence[Ground]) -> bool:
    return any(
        ground[0] < other[2] and other[0] < ground[2] and ground[1] < other[3] and other[1] < ground[3]
        for other in others
    )
