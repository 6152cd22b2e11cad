"""What every kind of camera promises. `picamera` runs the real library on a virtual camera: make test-picamera."""

from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import pytest

from edge.cameras import KINDS, Camera, open_camera
from edge.cameras.base import without_credentials
from edge.clock import SystemClock
from edge.config import CameraTable
from edge.errors import CameraError
from tests.cameras.sources import camera_table, folder_of_pictures, network_camera, video_of_pictures
from tests.clocks import NOON, SetClock

USB = Path("/dev/video0")
needs_picamera2 = pytest.mark.skipif(find_spec("picamera2") is None, reason="run: make test-picamera")
STANDS_FOR: dict[str, list[Any]] = {
    "folder": ["folder"],
    "opencv": [
        "video",
        "network",
        pytest.param("usb", marks=pytest.mark.skipif(not USB.exists(), reason="no USB camera here")),
    ],
    "picamera": [pytest.param("pi", marks=[pytest.mark.picamera, needs_picamera2])],
}
ANSWERS_WITHIN_S = 10.0


@pytest.fixture(params=[source for sources in STANDS_FOR.values() for source in sources])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CameraTable]:
    sizes: dict[str, Any] = {"width_px": 640, "height_px": 480, "lores_width_px": 320, "lores_height_px": 240}
    with ExitStack() as parts:
        match request.param:
            case "folder":
                yield camera_table("folder", folder_of_pictures(tmp_path / "pictures"), **sizes)
            case "video":
                yield camera_table("opencv", video_of_pictures(tmp_path), **sizes)
            case "network":
                yield camera_table("opencv", parts.enter_context(network_camera()).address, **sizes)
            case "usb":
                yield camera_table("opencv", USB, **sizes)
            case "pi":
                yield camera_table("picamera", 0, **sizes)


@pytest.fixture
def camera(table: CameraTable) -> Iterator[Camera]:
    with open_camera(table, SystemClock()) as opened:
        yield opened


def test_each_kind_that_may_be_configured_is_one_that_can_be_opened_and_has_its_stand_in_here() -> None:
    assert STANDS_FOR.keys() == KINDS.keys() == set(get_args(CameraTable.__annotations__["kind"]))


def test_a_frame_has_a_colour_picture_and_a_small_grey_one_of_the_same_view(camera: Camera) -> None:
    frame = camera.read(ANSWERS_WITHIN_S)
    assert frame.image.dtype == frame.luma.dtype == "uint8"
    assert frame.image.ndim == 3
    assert frame.image.shape[2] == 3
    assert frame.luma.ndim == 2
    assert max(frame.luma.shape) <= 320
    assert abs(float(frame.image.mean()) - float(frame.luma.mean())) < 40  # grey of the same light


def test_a_frame_cannot_be_written_to(camera: Camera) -> None:
    frame = camera.read(ANSWERS_WITHIN_S)
    with pytest.raises(ValueError, match="read-only"):
        frame.image[0, 0] = 0
    with pytest.raises(ValueError, match="read-only"):
        frame.luma[0, 0] = 0


def test_a_frames_moment_is_the_given_clocks(table: CameraTable) -> None:
    with open_camera(table, SetClock()) as camera:
        instant = camera.read(ANSWERS_WITHIN_S).instant
    assert instant.utc == NOON


def test_a_quarter_turn_swaps_width_and_height(table: CameraTable) -> None:
    with open_camera(table, SystemClock()) as camera:
        height_px, width_px = camera.read(ANSWERS_WITHIN_S).image.shape[:2]
    turned_table = camera_table(table.kind, table.source, rotation_deg=90, width_px=640, height_px=480)
    with open_camera(turned_table, SystemClock()) as camera:
        turned = camera.read(ANSWERS_WITHIN_S)
    assert turned.image.shape[:2] == (width_px, height_px)
    assert (turned.luma.shape[0] > turned.luma.shape[1]) == (width_px > height_px)


def test_closing_twice_is_harmless(camera: Camera) -> None:
    camera.read(ANSWERS_WITHIN_S)
    camera.close()
    camera.close()


def test_what_is_shown_of_a_camera_holds_no_password(camera: Camera) -> None:
    frame = camera.read(ANSWERS_WITHIN_S)
    assert "s3cret" not in camera.description + frame.source
    assert camera.description


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("folder", "/nonexistent/pictures"),
        ("opencv", "/nonexistent/field.mp4"),
        ("opencv", "/dev/video63"),
        ("opencv", "http://127.0.0.1:9/field.mjpg"),
    ],
)
def test_a_camera_that_is_not_there_says_which_and_what_to_do(kind: str, source: str) -> None:
    with (
        pytest.raises(CameraError, match=source) as caught,
        open_camera(camera_table(kind, source), SystemClock()) as no,
    ):
        no.read(ANSWERS_WITHIN_S)
    assert ";" in str(caught.value)  # what and where; what to do


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("rtsp://farmer:s3cret@field:554/ch1", "rtsp://field:554/ch1"),
        ("rtsp://farmer:s3@cret@field/ch1", "rtsp://field/ch1"),
        ("rtsp://farmer:s3[cret@field/ch1", "rtsp://field/ch1"),
        ("rtsp://farmer:s3cret@[fe80::1]/ch1", "rtsp://[fe80::1]/ch1"),
        ("http://field/ch1?user=farmer&password=s3cret", "http://field/ch1"),
        ("rtsp://field/user=farmer&password=s3cret&channel=1", "rtsp://field/…"),
        ("rtsp://field/user=farmer_password=s3cret_channel=1.sdp", "rtsp://field/…"),
        ("http://field/ch1;user=farmer;password=s3cret", "http://field/…"),
        *((f"rtsp://farmer:s3{sign}cret@field/ch1", "rtsp://…") for sign in "/?#"),
        ("rtsp://farmer:53#cret@field/ch1", "rtsp://…"),  # as a host with a port
    ],
)
def test_of_an_address_only_what_is_surely_no_password_is_shown(source: str, shown: str) -> None:
    assert without_credentials(source) == shown


def test_a_missing_password_is_not_printed_when_the_camera_does_not_answer(capfd: pytest.CaptureFixture[str]) -> None:
    table = camera_table("opencv", "rtsp://farmer:s3cret@127.0.0.1:9/field?password=s3cret")
    with pytest.raises(CameraError) as caught, open_camera(table, SystemClock()) as camera:
        camera.read(ANSWERS_WITHIN_S)
    printed = capfd.readouterr()
    assert "s3cret" not in str(caught.value) + printed.out + printed.err
