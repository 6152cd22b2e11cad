"""Boxes, labels and a scale bar on a copy of a picture, legible from thumbnail to 20 megapixels; thumbnails; JPEG."""

from collections.abc import Sequence

import cv2
import numpy as np

from edge.boxes import Image, shrink
from edge.detections import Detections
from edge.errors import BadFrameError

# Okabe and Ito (2008), "Color Universal Design": told apart with every common colour blindness. Here as BGR.
COLOURS = ((0, 159, 230), (233, 180, 86), (115, 158, 0), (66, 228, 240), (178, 114, 0), (0, 94, 213), (167, 121, 204))
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
FONT = cv2.FONT_HERSHEY_SIMPLEX  # has Latin letters only, and labels are scientific names
Ground = tuple[int, int, int, int]  # left, top, right, bottom in px of what a text stands on
FONT_PX = 22  # height of its capitals at scale 1


def draw(image: Image, detections: Detections, labels: Sequence[str], mm_per_px: float | None = None) -> Image:
    """A copy of `image` (H, W, 3) uint8 BGR with a box, its label and confidence for each of the `detections`.

    With `mm_per_px` a scale bar stands in the lower left corner. A label that would cover
    another one is left out: the stronger is named.
    """
    canvas = image.copy()
    line_px = _line_px(image)
    for row in reversed(range(len(detections))):
        corners = _corners(detections, row)
        cv2.rectangle(canvas, *corners, BLACK, line_px + 2)  # a rim: seen on any background
        cv2.rectangle(canvas, *corners, _colour(detections, row), line_px)
    taken: list[Ground] = []
    for row in range(len(detections)):  # the strongest first: in a crowd it is named, and the others stay seen
        text = f"{labels[int(detections.class_id[row])]} {detections.confidence[row]:.0%}"
        ground = _ground(canvas, text, _corners(detections, row)[0])
        if not any(_overlap(ground, other) for other in taken):
            _write(canvas, text, ground, _colour(detections, row))
            taken.append(ground)
    if mm_per_px is not None:
        _scale_bar(canvas, mm_per_px)
    return canvas


def thumbnail(image: Image, longest_px: int) -> Image:
    """`image` (H, W, 3) uint8 made smaller, aspect kept, so that its longer side is at most `longest_px`."""
    height_px, width_px = image.shape[:2]
    scale = longest_px / max(height_px, width_px)
    if scale >= 1:
        return image
    return shrink(image, max(1, round(width_px * scale)), max(1, round(height_px * scale)))


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


def _corners(detections: Detections, row: int) -> tuple[tuple[int, int], tuple[int, int]]:
    left, top, right, bottom = (round(float(side)) for side in detections.xyxy[row])
    return (left, top), (right, bottom)


def _colour(detections: Detections, row: int) -> tuple[int, int, int]:
    return COLOURS[int(detections.class_id[row]) % len(COLOURS)]


def _ground(canvas: Image, text: str, corner: tuple[int, int]) -> Ground:
    """Where `text` stands: above the box with that upper left corner, moved so that it is all in the picture."""
    (width, height), base = cv2.getTextSize(text, FONT, _font_scale(canvas), _thick(canvas))
    pad = max(2, height // 4)
    wide, tall = width + 2 * pad, height + base + pad
    left = max(0, min(corner[0], canvas.shape[1] - wide))
    top = corner[1] - tall if corner[1] >= tall else min(corner[1], canvas.shape[0] - tall)
    top = max(0, top)
    return left, top, left + wide, top + tall


def _overlap(a: Ground, b: Ground) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _write(canvas: Image, text: str, ground: Ground, colour: tuple[int, int, int]) -> None:
    (_, height), _ = cv2.getTextSize(text, FONT, _font_scale(canvas), _thick(canvas))
    pad = max(2, height // 4)
    cv2.rectangle(canvas, ground[:2], ground[2:], colour, cv2.FILLED)
    ink = BLACK if np.dot(colour, (0.114, 0.587, 0.299)) > 110 else WHITE  # luma, ITU-R BT.601
    start = (ground[0] + pad, ground[1] + pad // 2 + height)
    cv2.putText(canvas, text, start, FONT, _font_scale(canvas), ink, _thick(canvas), cv2.LINE_AA)


def _thick(image: Image) -> int:
    return max(1, _line_px(image) // 2)


def _scale_bar(canvas: Image, mm_per_px: float) -> None:
    """A bar of 1, 2 or 5 times a power of ten millimetres, between an eighth and a third of the width."""
    height_px, width_px = canvas.shape[:2]
    most_mm = width_px * mm_per_px / 3
    decade = 10 ** np.floor(np.log10(most_mm))
    length_mm = next(step * decade for step in (5, 2, 1) if step * decade <= most_mm)
    line_px = _line_px(canvas)
    left, bottom = 4 * line_px, height_px - 4 * line_px
    right = left + round(length_mm / mm_per_px)
    cv2.rectangle(canvas, (left - 1, bottom - 2 * line_px - 1), (right + 1, bottom + 1), BLACK, cv2.FILLED)
    cv2.rectangle(canvas, (left, bottom - 2 * line_px), (right, bottom), WHITE, cv2.FILLED)
    text = f"{length_mm:g} mm"
    _write(canvas, text, _ground(canvas, text, (left, bottom - 3 * line_px)), WHITE)
