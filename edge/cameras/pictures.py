"""One picture file to one BGR image, or a counted reason why not: for the folder camera and for `fieldeye detect`.

Grey, 16-bit and CMYK pictures are pictures: they become 8-bit BGR. Counted reasons: empty, truncated, not_an_image,
too_large, too_small, damaged, unreadable.
"""

import os
from pathlib import Path

import cv2
import numpy as np

from edge.boxes import Image
from edge.cameras.headers import Header, read_header
from edge.errors import BadFrameError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
TOO_MANY_PX = 100_000_000  # 300 MB decoded: more than a Zero 2 W has to spare, and more than any camera here gives
TOO_MANY_BYTES = 200_000_000
SMALLEST_SIDE_PX = 16  # an insect alone needs 12 to 16 px to be told


def read_picture(path: Path) -> Image:
    """The picture in a file as (H, W, 3) uint8 BGR, turned upright by its EXIF. Raises BadFrameError."""
    return decode_picture(_bytes_of(path), path.name)


def decode_picture(data: bytes, name: str) -> Image:
    """An encoded picture as (H, W, 3) uint8 BGR; `name` says in errors which. Raises BadFrameError."""
    try:
        _check(read_header(data) if data else None)
    except BadFrameError as why:
        raise BadFrameError(f"{name} {why}", reason=why.reason) from why
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as why:
        raise BadFrameError(f"{name} cannot be decoded ({why.err}); take it again", reason="damaged") from why
    if image is None:
        raise BadFrameError(f"{name} cannot be decoded; take it again", reason="damaged")
    return np.asarray(image, np.uint8)


def _check(header: Header | None) -> None:
    if header is None:
        raise BadFrameError("is empty; look whether the disk is full", reason="empty")
    size = f"is {header.width_px}x{header.height_px} px"
    if header.width_px * header.height_px >= TOO_MANY_PX:
        raise BadFrameError(f"{size}, 100 megapixels or more; make it smaller", reason="too_large")
    if min(header.width_px, header.height_px) < SMALLEST_SIDE_PX:
        raise BadFrameError(f"{size}, too small to hold an insect; take a larger one", reason="too_small")
    if not header.is_whole:
        raise BadFrameError("is cut off or its checksum is wrong; copy it again", reason="truncated")


def _bytes_of(path: Path) -> bytes:
    try:
        if not path.is_file():  # a pipe named .jpg would wait for ever
            raise BadFrameError(f"{path.name} is no file; give a picture", reason="unreadable")
        if path.stat().st_size > TOO_MANY_BYTES:
            raise BadFrameError(f"{path.name} is larger than 200 MB; make it smaller", reason="too_large")
        return path.read_bytes()
    except OSError as why:
        cause = os.strerror(why.errno) if why.errno else type(why).__name__
        text = f"{path.name} cannot be read ({cause}); look at its permissions"
        raise BadFrameError(text, reason="unreadable") from why
