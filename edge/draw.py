"""Boxes and labels on a copy of a picture, legible from thumbnail to 20 megapixels; JPEG."""

from collections.abc import Iterator, Sequence

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
    line_px = _line_px(image)
    boxes = [_box(detections, row) for row in range(len(detections))]
    for row in reversed(range(len(boxes))):
        corners = boxes[row][:2], boxes[row][2:]
        cv2.rectangle(canvas, *corners, BLACK, line_px + 2)  # a rim: seen on any background
        cv2.rectangle(canvas, *corners, _colour(detections, row), line_px)
    taken: list[Ground] = []
    for row, box in enumerate(boxes):  # the strongest first
        text = f"{labels[int(detections.class_id[row])]} {detections.confidence[row]:.0%}"
        kept_free = [*taken, *boxes[:row], *boxes[row + 1 :]]
        ground = next((one for one in _grounds(canvas, text, box) if not _covers(one, kept_free)), None)
        if ground is not None:
            _write(canvas, text, ground, _colour(detections, row))
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


def _longest_px(image: Image) -> int:
    return max(int(side) for side in image.shape[:2])


def _line_px(image: Image) -> int:
    return max(2, round(_longest_px(image) / 300))


def _font_scale(image: Image) -> float:
    """Capitals of a 40th of the longer side, and not below 9 px, the least that reads well."""
    return max(9.0, _longest_px(image) / 40) / FONT_PX


def _box(detections: Detections, row: int) -> Ground:
    left, top, right, bottom = (round(float(side)) for side in detections.xyxy[row])
    return left, top, right, bottom


def _colour(detections: Detections, row: int) -> tuple[int, int, int]:
    return COLOURS[int(detections.class_id[row]) % len(COLOURS)]


def _grounds(canvas: Image, text: str, box: Ground) -> Iterator[Ground]:
    """Where `text` may stand in the picture: above its box, below it, and within a large one."""
    wide, tall = _size(canvas, text)
    left, top, _, bottom = box
    within = (top, bottom - tall) if bottom - top >= LARGE * tall else ()
    for upper in (top - tall, bottom, *within):
        if 0 <= upper <= canvas.shape[0] - tall:
            start = max(0, min(left, canvas.shape[1] - wide))
            yield start, upper, start + wide, upper + tall


def _size(canvas: Image, text: str) -> tuple[int, int]:
    """Width and height in px of what `text` stands on."""
    (width, height), base = cv2.getTextSize(text, FONT, _font_scale(canvas), _thick(canvas))
    pad = max(2, height // 4)
    return width + 2 * pad, height + base + pad


def _covers(ground: Ground, others: Sequence[Ground]) -> bool:
    return any(
        ground[0] < other[2] and other[0] < ground[2] and ground[1] < other[3] and other[1] < ground[3]
        for other in others
    )


def _write(canvas: Image, text: str, ground: Ground, colour: tuple[int, int, int]) -> None:
    (_, height), _ = cv2.getTextSize(text, FONT, _font_scale(canvas), _thick(canvas))
    pad = max(2, height // 4)
    cv2.rectangle(canvas, ground[:2], ground[2:], colour, cv2.FILLED)
    ink = BLACK if np.dot(colour, (0.114, 0.587, 0.299)) > 110 else WHITE  # luma, ITU-R BT.601
    start = (ground[0] + pad, ground[1] + pad // 2 + height)
    cv2.putText(canvas, text, start, FONT, _font_scale(canvas), ink, _thick(canvas), cv2.LINE_AA)


def _thick(image: Image) -> int:
    return max(1, _line_px(image) // 2)
