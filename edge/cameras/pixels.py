"""Pixels as cameras give them, made into the two arrays of a Frame: BGR for the detector, small grey for the gate."""

from collections.abc import Callable

import cv2
import numpy as np

from edge.boxes import Image, shrink
from edge.config import CameraTable
from edge.errors import BadFrameError

_TURN = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def image_and_luma(image: Image, config: CameraTable) -> tuple[Image, Image]:
    """Both arrays of a Frame: a BGR picture turned as the camera hangs, and a small grey one of the same view."""
    turned = rotated(image, config.rotation_deg)
    return turned, small_luma(turned, config.lores_width_px, config.lores_height_px)


def rotated(image: Image, rotation_deg: int) -> Image:
    """The image turned clockwise by 0, 90, 180 or 270 degrees."""
    return image if rotation_deg == 0 else np.asarray(cv2.rotate(image, _TURN[rotation_deg]), np.uint8)


def small_luma(image: Image, width_px: int, height_px: int) -> Image:
    """Grey (h, w) uint8 of a BGR image, aspect kept, inside `width_px` x `height_px`, never enlarged."""
    return np.asarray(cv2.cvtColor(inside(image, width_px, height_px), cv2.COLOR_BGR2GRAY), np.uint8)


def inside(image: Image, width_px: int, height_px: int) -> Image:
    """The image made to lie inside `width_px` x `height_px`, aspect kept; one that does already is left alone."""
    scale = min(width_px / image.shape[1], height_px / image.shape[0])
    if scale >= 1:
        return image
    return shrink(image, max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))


def to_bgr(raw: Image, pixel_format: str, width_px: int, height_px: int) -> Image:
    """(height_px, width_px, 3) uint8 BGR from a buffer in libcamera's `pixel_format`, row padding removed.

    `raw` is what picamera2's make_array gives: (H, W, 3 or 4) for packed colours, (H, W, 2) for YUYV, and for NV12 and
    YUV420 (H * 3 / 2, stride), BT.601 in video range. Raises BadFrameError for an unknown format or another size.
    """
    if pixel_format not in _TO_BGR:
        raise BadFrameError(f"a picture in {pixel_format} cannot be read; known: {', '.join(_TO_BGR)}", reason="format")
    try:
        return np.asarray(_TO_BGR[pixel_format](raw, width_px, height_px), np.uint8)
    except (cv2.error, ValueError, IndexError) as why:
        text = f"a picture in {pixel_format} of {width_px}x{height_px} px came as {raw.shape}; open the camera again"
        raise BadFrameError(text, reason="format") from why


def to_luma(raw: Image, pixel_format: str, width_px: int, height_px: int) -> Image:
    """(height_px, width_px) uint8 grey: the Y plane itself where there is one. Raises BadFrameError as `to_bgr`."""
    if pixel_format in {"NV12", "YUV420"} and raw.ndim == 2:
        return np.ascontiguousarray(raw[:height_px, :width_px])
    return np.asarray(cv2.cvtColor(to_bgr(raw, pixel_format, width_px, height_px), cv2.COLOR_BGR2GRAY), np.uint8)


def _from_nv12(raw: Image, width_px: int, height_px: int) -> object:
    rows = np.ascontiguousarray(raw[: height_px * 3 // 2, :width_px])
    return cv2.cvtColor(rows, cv2.COLOR_YUV2BGR_NV12)


def _from_yuv420(raw: Image, width_px: int, height_px: int) -> object:
    """Y rows of `stride` bytes, then U and V rows of half a stride: two chroma rows lie in one row of the buffer."""
    luma = raw[:height_px, :width_px]
    chroma = raw[height_px : height_px * 3 // 2].reshape(-1, raw.shape[1] // 2)[:height_px, : width_px // 2]
    packed = np.concatenate([luma.ravel(), chroma.ravel()]).reshape(height_px * 3 // 2, width_px)
    return cv2.cvtColor(packed, cv2.COLOR_YUV2BGR_I420)


def _from_yuyv(raw: Image, width_px: int, height_px: int) -> object:
    pairs = raw.reshape(height_px, -1)[:, : width_px * 2].reshape(height_px, width_px, 2)
    return cv2.cvtColor(np.ascontiguousarray(pairs), cv2.COLOR_YUV2BGR_YUYV)


def _packed(channels: slice) -> Callable[[Image, int, int], object]:
    def pick(raw: Image, width_px: int, height_px: int) -> object:
        if raw.ndim != 3:
            raise ValueError("not packed")
        return np.ascontiguousarray(raw[:height_px, :width_px, channels])

    return pick


_TO_BGR: dict[str, Callable[[Image, int, int], object]] = {
    "RGB888": _packed(slice(0, 3)),  # libcamera names the bytes from the highest: in memory this is B, G, R
    "BGR888": _packed(slice(2, None, -1)),
    "XRGB8888": _packed(slice(0, 3)),
    "XBGR8888": _packed(slice(2, None, -1)),
    "NV12": _from_nv12,
    "YUV420": _from_yuv420,
    "YUYV": _from_yuyv,
}
