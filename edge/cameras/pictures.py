"""One picture file to one BGR image, or a counted reason why not: for the folder camera and for `fieldeye detect`.

Grey, 16-bit and CMYK pictures are pictures: they become 8-bit BGR. Counted reasons: empty, truncated, not_an_image,
too_large, too_small, damaged, unreadable.

OpenCV takes 6 bytes a px for a moment. On a node, which keeps the picture before and another for the live picture, 16
megapixels are 300 MB with all else, 361 at worst, and its service may have 377. So there a larger JPEG is decoded at a
half, a quarter or an eighth of its sides, from which models are shown as much, and boxes are told as shares of a side.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.boxes import Image
from edge.cameras.headers import Header, check_unpacked, read_header
from edge.errors import BadFrameError, to_read

# Nothing here decodes the last four: each is refused and counted, since passed by in silence it would be a zero.
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif", ".avif", ".gif"}
)
BLACK = 16  # of 255: no brighter are 12-bit values in a file of 16 bits, and a night, in which nothing seen is no zero
SMALLEST_SIDE_PX = 16  # an insect alone needs 12 to 16 px to be told
_FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Below so many px a picture is decoded, from a file of at most so many bytes.

    parts: of its sides at which a JPEG of one scan may be decoded, 2 being half; the first that is small enough counts
    """

    px: int
    file_bytes: int
    parts: tuple[int, ...] = (1,)


DESK = Bounds(px=100_000_000, file_bytes=200_000_000)
NODE = Bounds(px=16_000_000, file_bytes=64_000_000, parts=tuple(_FLAGS))  # a phone's 200 megapixels: 30 to 60 MB


def pictures_in(folder: Path) -> list[Path]:
    """Its files named as pictures, in no order; half-copied ones and macOS's shadows begin with a dot and are none."""
    return [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]


def lit(image: Image, name: str) -> Image:
    """The image. Raises BadFrameError for one that is black."""
    if image.max() <= BLACK:
        told = f"{name} is black: none of its values is above {BLACK} of 255"
        raise BadFrameError(f"{told}; if it holds 12 bits in a file of 16, multiply them by 16", reason="dark")
    return image


def name_of(path: Path) -> str:
    r"""Its file name as text that can be stored and sent: a byte that is no UTF-8, as of a name in GBK, is `\xcc`."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


def read_picture(path: Path, bounds: Bounds = DESK) -> Image:
    """The picture in a file as (H, W, 3) uint8 BGR, turned upright by its EXIF. Raises BadFrameError."""
    return decode_picture(bytes_of(path, bounds), name_of(path), bounds)


def decode_picture(data: bytes, name: str, bounds: Bounds = DESK, *, upright: bool = True) -> Image:
    """An encoded picture as (H, W, 3) uint8 BGR; `name` says in errors which. Raises BadFrameError.

    upright: turned by its EXIF; else as it is stored
    """
    try:
        part = _part(read_header(data) if data else None, bounds)
        check_unpacked(data)
    except BadFrameError as why:
        raise BadFrameError(f"{name} {why}", reason=why.reason) from why
    try:
        turning = 0 if upright else cv2.IMREAD_IGNORE_ORIENTATION
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS[part] | turning)
    except cv2.error as why:
        raise BadFrameError(f"{name} cannot be decoded ({why.err}); take it again", reason="damaged") from why
    if image is None:
        raise BadFrameError(f"{name} cannot be decoded; take it again", reason="damaged")
    return np.asarray(image, np.uint8)


def _part(header: Header | None, bounds: Bounds) -> int:
    """At which part of its sides it is to be decoded."""
    if header is None:
        raise BadFrameError("is empty; look whether the disk is full", reason="empty")
    size, px = f"is {header.width_px}x{header.height_px} px", header.width_px * header.height_px
    parts = bounds.parts if header.in_one_scan else (1,)
    part = next((part for part in parts if px < bounds.px * part**2), None)
    if part is None:
        text = f"{size}, {bounds.px // 1_000_000} megapixels or more; make it smaller"
        raise BadFrameError(text, reason="too_large")
    if min(header.width_px, header.height_px) < SMALLEST_SIDE_PX:
        raise BadFrameError(f"{size}, too small to hold an insect; take a larger one", reason="too_small")
    if not header.is_whole:
        raise BadFrameError(
            "is cut off or its checksum is wrong; copy it again, or look at the line it came by", reason="truncated"
        )
    return part


def bytes_of(path: Path, bounds: Bounds = DESK) -> bytes:
    """What is in a picture's file, undecoded. Raises BadFrameError."""
    try:
        if not path.is_file():  # a pipe named .jpg would wait for ever
            leads_nowhere = path.is_symlink() and not path.exists()  # as one of git-annex whose file was not fetched
            says = "is a link to nothing; fetch its file" if leads_nowhere else "is no file; give a picture"
            raise BadFrameError(f"{name_of(path)} {says}", reason="unreadable")
        if path.stat().st_size > bounds.file_bytes:
            text = f"{name_of(path)} is larger than {bounds.file_bytes // 1_000_000} MB; make it smaller"
            raise BadFrameError(text, reason="too_large")
        return path.read_bytes()
    except OSError as why:
        cause = os.strerror(why.errno) if why.errno else type(why).__name__
        text = f"{name_of(path)} cannot be read ({cause}); {to_read(why, 'copy it again')}"
        raise BadFrameError(text, reason="unreadable") from why
