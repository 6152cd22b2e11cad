"""Formats that cameras answer in, made into BGR: each against a picture that was put into that format by hand."""

import cv2
import numpy as np
import pytest

from edge.boxes import Image
from edge.cameras.pixels import rotated, small_luma, to_bgr, to_luma
from edge.errors import BadFrameError
from tests.cameras.sources import PICTURES, picture_of

BGR = np.ascontiguousarray(picture_of(PICTURES[3])[:240, :320])
HEIGHT, WIDTH = BGR.shape[:2]
PADDING = 64  # bytes that the Pi's ISP adds to a row


def padded(rows: Image, to: int) -> Image:
    return np.pad(rows, ((0, 0), (0, to - rows.shape[1])), constant_values=255)


def as_yuv420(padding: int) -> Image:
    packed = np.asarray(cv2.cvtColor(BGR, cv2.COLOR_BGR2YUV_I420), np.uint8)
    luma, chroma = packed[:HEIGHT], packed[HEIGHT:].reshape(HEIGHT, WIDTH // 2)
    stride = WIDTH + padding
    return np.concatenate([padded(luma, stride), padded(chroma, stride // 2).reshape(-1, stride)])


def as_nv12() -> Image:
    packed = np.asarray(cv2.cvtColor(BGR, cv2.COLOR_BGR2YUV_I420), np.uint8)
    u, v = packed[HEIGHT:].reshape(2, -1)
    return np.concatenate([packed[:HEIGHT], np.stack([u, v], -1).reshape(HEIGHT // 2, WIDTH)])


def as_yuyv() -> Image:
    y, u, v = cv2.split(cv2.cvtColor(BGR, cv2.COLOR_BGR2YUV))
    limited = lambda plane, span: np.clip(16 + plane.astype(float) * span / 255, 0, 255).astype(np.uint8)  # noqa: E731
    chroma = np.empty((HEIGHT, WIDTH), np.uint8)
    chroma[:, ::2], chroma[:, 1::2] = limited(u[:, ::2], 224), limited(v[:, ::2], 224)
    return np.stack([limited(y, 219), chroma], -1)


RAW = {
    "RGB888": BGR,  # libcamera's name for the bytes B, G, R
    "BGR888": BGR[..., ::-1],
    "XRGB8888": np.dstack([BGR, np.full((HEIGHT, WIDTH), 255, np.uint8)]),
    "XBGR8888": np.dstack([BGR[..., ::-1], np.full((HEIGHT, WIDTH), 255, np.uint8)]),
    "YUV420": as_yuv420(0),
    "NV12": as_nv12(),
}


@pytest.mark.parametrize("pixel_format", RAW)
def test_a_picture_survives_the_way_through_a_format(pixel_format: str) -> None:
    image = to_bgr(RAW[pixel_format], pixel_format, WIDTH, HEIGHT)
    assert image.shape == BGR.shape
    assert np.abs(image.astype(int) - BGR).mean() < 4  # halved chroma costs some


def test_yuyv_keeps_light_and_colour() -> None:
    image = to_bgr(as_yuyv(), "YUYV", WIDTH, HEIGHT)
    assert np.abs(image.astype(int) - BGR).mean() < 12  # OpenCV's YUV is not quite BT.601: a swapped channel is 30


def test_row_padding_is_no_part_of_the_picture() -> None:
    assert np.array_equal(
        to_bgr(as_yuv420(PADDING), "YUV420", WIDTH, HEIGHT), to_bgr(as_yuv420(0), "YUV420", WIDTH, HEIGHT)
    )
    assert to_luma(as_yuv420(PADDING), "YUV420", WIDTH, HEIGHT).shape == (HEIGHT, WIDTH)
    wide = np.pad(as_yuyv(), ((0, 0), (0, PADDING), (0, 0)), constant_values=255)
    assert np.array_equal(to_bgr(wide, "YUYV", WIDTH, HEIGHT), to_bgr(as_yuyv(), "YUYV", WIDTH, HEIGHT))
    nv12 = padded(as_nv12(), WIDTH + PADDING)
    assert np.array_equal(to_bgr(nv12, "NV12", WIDTH, HEIGHT), to_bgr(as_nv12(), "NV12", WIDTH, HEIGHT))
    packed = np.pad(BGR, ((0, 2), (0, PADDING), (0, 0)), constant_values=255)
    assert np.array_equal(to_bgr(packed, "RGB888", WIDTH, HEIGHT), BGR)


@pytest.mark.parametrize(("pixel_format", "raw"), [("YUV420", as_yuv420(PADDING)), ("NV12", as_nv12())])
def test_luma_of_a_camera_that_gives_it_is_taken_as_it_is(pixel_format: str, raw: Image) -> None:
    luma = to_luma(raw, pixel_format, WIDTH, HEIGHT)
    assert np.array_equal(luma, raw[:HEIGHT, :WIDTH])


@pytest.mark.parametrize("pixel_format", RAW)
def test_luma_is_the_pictures_grey(pixel_format: str) -> None:
    luma = to_luma(RAW[pixel_format], pixel_format, WIDTH, HEIGHT)
    assert luma.shape == (HEIGHT, WIDTH)
    grey = np.asarray(cv2.cvtColor(BGR, cv2.COLOR_BGR2GRAY), np.uint8)
    assert np.corrcoef(luma.ravel(), grey.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("shape", [(7, 5), (35,)])
@pytest.mark.parametrize("pixel_format", ["SRGGB10", "YUV420", "NV12", "RGB888"])
def test_a_format_or_size_that_was_not_expected_is_a_bad_frame(pixel_format: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(BadFrameError, match=pixel_format) as caught:
        to_bgr(np.zeros(shape, np.uint8), pixel_format, WIDTH, HEIGHT)
    assert caught.value.reason == "format"


def test_a_turn_is_clockwise() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    image[0, 0] = 255  # top left goes to top right
    assert rotated(image, 90)[0, -1].all()
    assert rotated(image, 180)[-1, -1].all()
    assert rotated(image, 270)[-1, 0].all()


@pytest.mark.parametrize(
    ("size", "luma"),
    [
        ((1296, 2304), (180, 320)),
        ((480, 640), (240, 320)),
        ((60, 80), (60, 80)),
        ((2304, 1296), (240, 135)),
        ((2000, 2), (240, 1)),
        ((2, 2000), (1, 320)),
    ],
)
def test_luma_keeps_the_aspect_and_is_never_enlarged(size: tuple[int, int], luma: tuple[int, int]) -> None:
    assert small_luma(np.zeros((*size, 3), np.uint8), 320, 240).shape == luma
