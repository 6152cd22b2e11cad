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
FONT_PX = 22  # height of its capitals at scale 1


def draw(image: Image, detections: Detections, labels: Sequence[str], mm_per_px: float | None = None) -> Image:
    """A copy of `image` (H, W, 3) uint8 BGR with a box, its label and confidence for each of the `detections`.

    With `mm_per_px` a scale bar stands in the lower left corner. The strongest is drawn last, so nothing hides it.
    """
    canvas = image.copy()
    line_px = _line_px(image)
    corners = [tuple(round(float(x)) for x in box) for box in detections.xyxy]
    colours = [COLOURS[int(class_id) % len(COLOURS)] for class_id in detections.class_id]
    for (left, top, right, bottom), colour in reversed(list(zip(corners, colours, strict=True))):
        cv2.rectangle(canvas, (left, top), (right, bottom), BLACK, line_px + 2)  # a rim: seen on any background
        cv2.rectangle(canvas, (left, top), (right, bottom), colour, line_px)
    for row in reversed(range(len(detections))):  # after all boxes, so that no line crosses a name
        text = f"{labels[int(detections.class_id[row])]} {detections.confidence[row]:.0%}"
        left, top, *_ = corners[row]
        _write(canvas, text, (left, top), colours[row])
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


def _write(canvas: Image, text: str, corner: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """`text` on a filled ground above the box with that upper left corner, moved so that it is all in the picture."""
    scale, thick = _font_scale(canvas), max(1, _line_px(canvas) // 2)
    (width, height), base = cv2.getTextSize(text, FONT, scale, thick)
    if width > 0.95 * canvas.shape[1]:  # a thumbnail: smaller letters tell more than half of a name
        scale *= 0.95 * canvas.shape[1] / width
        (width, height), base = cv2.getTextSize(text, FONT, scale, thick)
    pad = max(2, height // 4)
    wide, tall = width + 2 * pad, height + base + pad
    left = max(0, min(corner[0], canvas.shape[1] - wide))
    top = corner[1] - tall if corner[1] >= tall else min(corner[1], canvas.shape[0] - tall)
    top = max(0, top)
    cv2.rectangle(canvas, (left, top), (left + wide, top + tall), colour, cv2.FILLED)
    ink = BLACK if np.dot(colour, (0.114, 0.587, 0.299)) > 110 else WHITE  # luma, ITU-R BT.601
    cv2.putText(canvas, text, (left + pad, top + pad // 2 + height), FONT, scale, ink, thick, cv2.LINE_AA)


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
    _write(canvas, f"{length_mm:g} mm", (left, bottom - 3 * line_px), WHITE)
