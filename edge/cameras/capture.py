"""What cv2.VideoCapture grabbed last, as the two arrays of a Frame: for USB, streams and video files."""

import cv2
import numpy as np

from edge.boxes import Image
from edge.cameras.pictures import NODE, decode_picture
from edge.cameras.pixels import image_and_luma
from edge.config import CameraTable
from edge.errors import BadFrameError

JPEGS = cv2.VideoWriter.fourcc(*"MJPG")  # a snapshot is one, too
AS_THEY_COME = -1  # CAP_PROP_FORMAT: the bytes of each picture, not decoded
_JPEG_END, _PROGRESSIVE = b"\xff\xd9", b"\xff\xc2"  # ITU T.81 table B.1
_MISSING = 128  # what libjpeg shows for each block that is not there
LOOK_AT = "look at plug or network"


class CaptureDevice:
    """Of a Device what all have that read by cv2.VideoCapture."""

    def __init__(self, name: str, config: CameraTable) -> None:
        self.name = name
        self._config = config
        self._has_given = False
        self._capture = cv2.VideoCapture()

    def picture(self) -> tuple[Image, Image]:
        """See Device."""
        return retrieved(self._capture, self._config, self.name)

    def close(self) -> None:
        """See Device."""
        self._capture.release()


def retrieved(capture: cv2.VideoCapture, config: CameraTable, name: str) -> tuple[Image, Image]:
    """BGR and luma of it; `name` says in errors whose. Raises BadFrameError."""
    try:
        is_there, raw = capture.retrieve()
    except cv2.error as why:
        raise BadFrameError(f"{name}: a picture cannot be decoded ({why.err})", reason="damaged") from why
    is_encoded = capture.get(cv2.CAP_PROP_FORMAT) == AS_THEY_COME or not capture.get(cv2.CAP_PROP_CONVERT_RGB)
    is_there = is_there and raw is not None  # a buffer of no bytes
    if is_there and is_encoded:
        raw = _decoded(raw.tobytes(), f"a picture of {name}")
    if not is_there or raw.ndim != 3:
        raise BadFrameError(f"{name}: a picture cannot be decoded", reason="damaged")
    return image_and_luma(np.asarray(raw, np.uint8), config)


def _decoded(data: bytes, name: str) -> Image:
    """Many a webcam never writes a JPEG's end: one without is whole if its last block is there. Raises BadFrameError.

    A progressive one has all its blocks, blurred, long before its end.
    """
    try:
        return decode_picture(data, name, NODE, upright=False)
    except BadFrameError as why:
        if why.reason != "truncated" or _PROGRESSIVE in data:
            raise
        image = decode_picture(data.rstrip(b"\0") + _JPEG_END, name, NODE, upright=False)
        if (image[-1, -8:] == _MISSING).all():
            raise
        return image
