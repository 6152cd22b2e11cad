"""A part of a JPEG, or a smaller one, made to fit a number of bytes. Pure."""

import cv2

from edge.boxes import Image, shrink
from edge.cameras.pictures import NODE, decode_picture
from edge.counts import Box
from edge.errors import BadFrameError

QUALITIES = (80, 65, 50)
SMALLER = 0.7  # of the side, when the worst quality is still too large
LEAST_PX = 32


def excerpt(jpeg: bytes, box: Box | None, most_bytes: int) -> bytes:
    """`jpeg` itself if it is wanted whole and fits; else the part in `box` (shares), as good as `most_bytes` allow.

    Raises BadFrameError for what is no JPEG and where not even the least picture fits.
    """
    if box is None and len(jpeg) <= most_bytes:
        return jpeg
    try:
        image = decode_picture(jpeg, "it", NODE)
    except BadFrameError as why:
        raise BadFrameError("the kept picture cannot be read; look at the memory card", reason="damaged") from why
    if box is not None:
        image = _part(image, box)
    while True:
        for quality in QUALITIES:
            small = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
            if len(small) <= most_bytes:
                return small
        height_px, width_px = (round(side * SMALLER) for side in image.shape[:2])
        if max(height_px, width_px) < LEAST_PX:
            break
        image = shrink(image, max(1, width_px), max(1, height_px))
    raise BadFrameError(f"no picture fits {most_bytes} bytes; allow more", reason="damaged")


def _part(image: Image, box: Box) -> Image:
    """At least one pixel of `image` (H, W, 3), wherever the box lies."""
    height_px, width_px = image.shape[:2]
    left, right = (round(share * width_px) for share in box[::2])
    top, bottom = (round(share * height_px) for share in box[1::2])
    left, top = min(left, width_px - 1), min(top, height_px - 1)
    return image[top : max(bottom, top + 1), left : max(right, left + 1)]
