"""Video files: every frame, in order; what is no video says so. A USB camera that cannot be opened says so, too."""

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
