"""The Pi's camera: what is asked of it, and, marked `picamera`, the real library on a virtual camera."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from threading import Event

import cv2
import numpy as np
import pytest

from edge.boxes import Image
from edge.cameras import WatchedCamera, open_camera, open_watched_camera
from edge.cameras.picamera import remedy, wanted_controls
from edge.clock import SystemClock
from edge.errors import CameraError
from tests.cameras.sources import PICTURES, camera_table, picture_of, read_until_error

TABLE = camera_table("picamera", 0, width_px=640, height_px=480, stall_s=1.0)
SIZE = (640, 480)
real = [
    pytest.mark.picamera,
    pytest.mark.skipif(find_spec("picamera2") is None, reason="run: make test-picamera"),
]


def difference(image: Image, picture: Image) -> float:
    return float(np.abs(image.astype(int) - cv2.resize(picture, SIZE)).mean())


def test_without_picamera2_the_error_names_the_package_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(CameraError, match="sudo apt install python3-picamera2") as caught:
        open_camera(TABLE, SystemClock())
    assert "--system-site-packages" in str(caught.value)


def test_a_camera_that_another_program_has_is_not_put_down_to_its_cable() -> None:
    busy = RuntimeError("Failed to acquire camera: Device or resource busy")
    hidden = RuntimeError("Camera __init__ sequence did not complete.")
    hidden.__context__ = busy
    assert remedy(busy) == remedy(hidden) == "another program has it: end that one"
    assert "ribbon cable" in remedy(IndexError("list index out of range"))


def test_a_trap_gets_locked_exposure_gain_colours_and_focus() -> None:
    table = camera_table("picamera", 0, exposure_us=10_000, gain=2.0, awb_gains=(1.5, 1.8), lens_position=4.5)
    controls = wanted_controls(table)
    assert controls.pop("FrameDurationLimits")
    assert controls == {
        "ExposureTime": 10_000,
        "AnalogueGain": 2.0,
        "AeEnable": False,
        "AwbEnable": False,
        "ColourGains": (1.5, 1.8),
        "AfMode": 0,
        "LensPosition": 4.5,
    }


def test_what_is_not_configured_is_left_to_the_camera() -> None:
    assert wanted_controls(camera_table("picamera", 0)).keys() == {"FrameDurationLimits"}


@pytest.mark.parametrize("one", [{"exposure_us": 10_000}, {"gain": 2.0}])
def test_a_camera_that_is_told_only_one_of_exposure_and_gain_finds_the_other_by_itself(one: dict[str, float]) -> None:
    assert "AeEnable" not in wanted_controls(camera_table("picamera", 0, **one))


@pytest.mark.parametrize(("mains_hz", "period_us"), [(50, 10_000), (60, 8333)])
def test_lamps_on_the_mains_set_the_flicker_period(mains_hz: int, period_us: int) -> None:
    controls = wanted_controls(camera_table("picamera", 0, mains_hz=mains_hz))
    assert (controls["AeFlickerMode"], controls["AeFlickerPeriod"]) == (1, period_us)


@pytest.mark.parametrize(
    ("every_s", "exposure_us", "frame_us"),
    [(0.0, None, 33_333), (0.5, None, 125_000), (60.0, None, 1_000_000), (0.0, 50_000, 50_000)],
)
def test_a_camera_that_is_looked_at_seldom_runs_slowly_but_exposes_fully(
    every_s: float, exposure_us: int | None, frame_us: int
) -> None:
    table = camera_table("picamera", 0, every_s=every_s, exposure_us=exposure_us)
    assert wanted_controls(table)["FrameDurationLimits"] == (frame_us, frame_us)


class TestOnTheRealLibrary:
    pytestmark = real

    @pytest.fixture
    def stall(self) -> Iterator[Path]:
        """While this file is there, the camera hangs."""
        path = Path(os.environ["VCAM_STALL"])
        yield path
        path.unlink(missing_ok=True)

    @pytest.fixture
    def watched(self) -> Iterator[WatchedCamera]:
        with open_watched_camera(TABLE, SystemClock(), Event()) as camera:
            camera.read(10)
            yield camera

    def test_pictures_keep_their_colours_though_the_format_is_not_what_was_asked_for(
        self, watched: WatchedCamera
    ) -> None:
        for _ in range(3):
            image = watched.read(5).image
            right, swapped = (
                min(difference(seen, picture_of(path)) for path in PICTURES) for seen in (image, image[..., ::-1])
            )
            assert right < 10  # it was stretched and its chroma halved on the way
            assert swapped > 2 * right

    def test_a_picture_that_stays_for_four_frames_is_handed_over_once(self, watched: WatchedCamera) -> None:
        frames = [watched.read(5) for _ in range(3)]
        assert not np.array_equal(frames[0].image, frames[1].image)
        assert not np.array_equal(frames[1].image, frames[2].image)

    def test_the_gates_picture_comes_from_the_small_stream(self, watched: WatchedCamera) -> None:
        frame = watched.read(5)
        assert frame.luma.shape == (240, 320)
        grey = cv2.cvtColor(cv2.resize(frame.image, (320, 240)), cv2.COLOR_BGR2GRAY)
        assert np.corrcoef(grey.ravel(), frame.luma.ravel())[0, 1] > 0.95

    def test_controls_that_the_camera_lacks_are_left_out_with_one_line(self, caplog: pytest.LogCaptureFixture) -> None:
        table = camera_table("picamera", 0, width_px=640, height_px=480, exposure_us=10_000, gain=2.0, mains_hz=50)
        with caplog.at_level(logging.WARNING), open_camera(table, SystemClock()) as camera:
            camera.read(10)
        lines = [record for record in caplog.records if record.message == "camera_controls_skipped"]
        assert len(lines) == 1
        assert {"ExposureTime", "AnalogueGain", "AeFlickerMode"} <= set(vars(lines[0])["controls"])

    def test_a_camera_that_hangs_is_noticed_in_time_and_gives_pictures_again(
        self, watched: WatchedCamera, stall: Path
    ) -> None:
        stall.touch()
        began_s = time.monotonic()
        while watched.state == "ok":
            read_until_error(watched, 0.5)
        assert watched.state == "stalled"
        assert time.monotonic() - began_s < 10
        stall.unlink()
        watched.read(20)
        assert (watched.state, watched.reopened) == ("ok", 1)

    def test_no_camera_is_named_missing_with_what_to_look_at(self) -> None:
        program = (
            "from edge.cameras import open_camera\n"
            "from edge.clock import SystemClock\n"
            "from edge.config import CameraTable\n"
            "open_camera(CameraTable(kind='picamera'), SystemClock()).read(10)"
        )
        answer = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"VCAM_YAML": "/nonexistent"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert answer.returncode == 1
        assert "CameraError: Pi camera 0: cannot be opened" in answer.stderr
        assert "ribbon cable" in answer.stderr

    def test_a_camera_that_is_open_already_is_said_to_be_in_other_hands(self, watched: WatchedCamera) -> None:
        with (
            pytest.raises(CameraError, match="another program has it: end that one"),
            open_camera(TABLE, SystemClock()) as camera,
        ):
            camera.read(10)
        watched.read(5)

    def test_the_camera_can_be_opened_again_after_it_was_closed(self) -> None:
        for _ in range(2):
            with open_camera(TABLE, SystemClock()) as camera:
                camera.read(10)
