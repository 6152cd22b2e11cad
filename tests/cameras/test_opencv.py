"""Video files: every frame, in order; what is no video says so. A USB camera that gives nothing says since when."""

import os
import struct
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from edge.cameras import open_camera
from edge.cameras.opencv import UsbDevice
from edge.clock import SystemClock
from edge.errors import CameraEndedError, CameraError
from tests.cameras.sources import BROKEN, PICTURES, camera_table, picture_of, read_until_error, video_of_pictures


def test_each_frame_of_a_video_file_is_read_in_order_and_none_is_dropped(tmp_path: Path) -> None:
    means, expected = [], [picture_of(path).mean() for path in PICTURES]
    with open_camera(camera_table("opencv", video_of_pictures(tmp_path)), SystemClock()) as camera:
        for _ in PICTURES:
            frame = camera.read(1)
            assert frame.dropped == 0
            means.append(frame.image.mean())
        with pytest.raises(CameraEndedError, match=f"all {len(PICTURES)} frames"):
            camera.read(1)
    assert np.abs(np.array(means) - expected).max() < 4


def test_a_looping_video_begins_again(tmp_path: Path) -> None:
    with open_camera(camera_table("opencv", video_of_pictures(tmp_path), loop=True), SystemClock()) as camera:
        means = [round(float(camera.read(1).image.mean()), 2) for _ in range(2 * len(PICTURES))]
    assert means[: len(PICTURES)] == means[len(PICTURES) :]


def test_a_film_that_a_phone_took_upright_is_upright(tmp_path: Path) -> None:
    film, lying = tmp_path / "phone.mp4", np.zeros((240, 320, 3), np.uint8)
    lying[:, :160] = 255  # the phone's top
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"mp4v"), 10, (320, 240))
    writer.write(lying)
    writer.release()
    data = bytearray(film.read_bytes())
    matrix_at = data.index(b"tkhd") + 44  # ISO 14496-12, 8.3.2
    data[matrix_at : matrix_at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    film.write_bytes(data)
    with open_camera(camera_table("opencv", film), SystemClock()) as camera:
        image = camera.read(1).image
    assert image.shape == (320, 240, 3)
    assert image[:160].mean() > 200
    assert image[160:].mean() < 50


@pytest.mark.parametrize(
    "name", ["2026-07-01T06:00:00.avi", os.fsdecode("稻田.avi".encode("gbk"))], ids=["time", "gbk"]
)
def test_a_film_is_read_whatever_its_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video_of_pictures(tmp_path).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with open_camera(camera_table("opencv", Path(name)), SystemClock()) as camera:
        assert camera.read(1).image.shape == (240, 320, 3)


@pytest.mark.parametrize("name", ["text.jpg", "empty.jpg"])
def test_what_is_no_video_is_an_error_that_names_it(name: str) -> None:
    with (
        pytest.raises(CameraError, match=name),
        open_camera(camera_table("opencv", BROKEN / name), SystemClock()) as camera,
    ):
        camera.read(1)


def test_a_video_cut_in_half_gives_its_first_half_and_ends(tmp_path: Path) -> None:
    video = video_of_pictures(tmp_path)
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    with open_camera(camera_table("opencv", video), SystemClock()) as camera:
        error, read = read_until_error(camera)
    assert isinstance(error, CameraEndedError)
    assert 0 < read < len(PICTURES)


@pytest.mark.parametrize("loop", [False, True])
def test_a_video_that_was_cut_off_before_its_first_picture_holds_none(loop: bool, tmp_path: Path) -> None:
    video = video_of_pictures(tmp_path)
    whole = video.read_bytes()
    video.write_bytes(whole[: whole.index(b"movi") + 12])
    with open_camera(camera_table("opencv", video, loop=loop), SystemClock()) as camera:
        assert str(read_until_error(camera)[0]).endswith("field.avi: holds no picture; convert it to MP4")


@pytest.mark.parametrize(
    ("left", "says"),
    [(None, "cannot be read (No such file or directory); correct camera.source"),
     (12, "can no longer be read; copy it again")],
)  # fmt: skip
def test_a_looping_video_that_is_gone_or_was_cut_off_when_it_begins_again_says_so(
    left: int | None, says: str, tmp_path: Path
) -> None:
    video = video_of_pictures(tmp_path)
    whole = video.read_bytes()
    with open_camera(camera_table("opencv", video, loop=True), SystemClock()) as camera:
        camera.read(1)
        video.unlink()
        if left is not None:
            video.write_bytes(whole[: whole.index(b"movi") + left])
        assert str(read_until_error(camera)[0]).endswith(says)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [({}, {}), ({"exposure_us": 2500, "gain": 3.0},
               {cv2.CAP_PROP_AUTO_EXPOSURE: 1.0, cv2.CAP_PROP_EXPOSURE: 25.0, cv2.CAP_PROP_GAIN: 3.0})],
)  # fmt: skip
def test_a_usb_camera_is_told_what_is_configured_in_v4l2s_units_and_what_it_refuses_is_logged(
    changes: dict[str, float], wanted: dict[int, float], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    capture = Mock(spec=cv2.VideoCapture)
    capture.set.side_effect = lambda key, _: key != cv2.CAP_PROP_GAIN
    monkeypatch.setattr(cv2, "VideoCapture", lambda: capture)
    UsbDevice(camera_table("opencv", "/dev/null", width_px=1280, height_px=720, **changes)).open()
    always = {cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"), cv2.CAP_PROP_FRAME_WIDTH: 1280,
              cv2.CAP_PROP_FRAME_HEIGHT: 720, cv2.CAP_PROP_BUFFERSIZE: 1}  # fmt: skip
    assert dict(call.args for call in capture.set.call_args_list) == always | wanted
    refused = [vars(line)["opencv_properties"] for line in caplog.records]
    assert refused == ([[cv2.CAP_PROP_GAIN]] if changes else [])


def test_a_usb_camera_that_another_program_has_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = Mock(spec=cv2.VideoCapture)
    capture.open.return_value = False
    monkeypatch.setattr(cv2, "VideoCapture", lambda: capture)
    with pytest.raises(CameraError, match=r"camera /dev/null: cannot be opened; .*whether others use it"):
        UsbDevice(camera_table("opencv", "/dev/null")).open()


def test_a_number_is_the_usb_camera_of_that_number() -> None:
    with (
        pytest.raises(CameraError, match="camera /dev/video63: cannot be opened"),
        open_camera(camera_table("opencv", "63"), SystemClock()) as camera,
    ):
        camera.read(10)


@pytest.mark.parametrize(("given", "says"), [(0, "gives no picture;"), (3, "gives no pictures any more;")])
def test_a_usb_camera_that_was_pulled_out_is_told_from_one_that_never_gave_a_picture(
    given: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = Mock(spec=cv2.VideoCapture)
    capture.grab.side_effect = [True] * given + [False]
    monkeypatch.setattr(cv2, "VideoCapture", lambda: capture)
    device = UsbDevice(camera_table("opencv", "/dev/null"))
    device.open()
    for _ in range(given):
        assert device.grab(0)
    with pytest.raises(CameraError, match=f"camera /dev/null: {says}"):
        device.grab(0)
