"""A network camera that stalls, repeats itself, is unplugged and comes back; and devices that hang."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Timer

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.boxes import Image
from edge.cameras import WatchedCamera, open_camera, open_watched_camera
from edge.cameras.reader import ThreadedCamera
from edge.cameras.watch import BAD_IN_A_ROW, backoff_s
from edge.clock import SystemClock
from edge.errors import BadFrameError, CameraEndedError, CameraError, ThreadStuckError
from tests.cameras.sources import NetworkCamera, camera_table, folder_of_pictures, network_camera, read_until_error

STALL_S = 1.0
NOTICED_WITHIN_S = 10.0  # a promise of the README; a calm machine takes STALL_S and a second
BACK_WITHIN_S = 60.0


@pytest.fixture
def source() -> Iterator[NetworkCamera]:
    with network_camera() as camera:
        yield camera


@pytest.fixture
def watched(source: NetworkCamera) -> Iterator[WatchedCamera]:
    table = camera_table("opencv", source.address, stall_s=STALL_S)
    with open_watched_camera(table, SystemClock(), Event()) as camera:
        camera.read(NOTICED_WITHIN_S)
        yield camera


def until_lost(camera: WatchedCamera) -> None:
    """Read until something is wrong; frames that were on their way may still come."""
    while camera.state == "ok":
        error, _ = read_until_error(camera)
        if not isinstance(error, CameraError):
            raise error


@pytest.mark.parametrize(("health", "state"), [("stalled", "stalled"), ("repeating", "repeating")])
def test_a_camera_that_gives_nothing_new_is_noticed_in_time_and_opened_again(
    source: NetworkCamera, watched: WatchedCamera, health: str, state: str
) -> None:
    source.health = health  # type: ignore[assignment]
    began_s = time.monotonic()
    until_lost(watched)
    assert watched.state == state
    assert time.monotonic() - began_s < NOTICED_WITHIN_S
    source.health = "playing"
    watched.read(BACK_WITHIN_S)
    assert watched.state == "ok"
    assert watched.reopened >= 1
    assert source.connections >= 2


def test_a_camera_that_is_unplugged_is_missing_until_it_is_back(source: NetworkCamera, watched: WatchedCamera) -> None:
    source.unplug()
    until_lost(watched)
    assert watched.state == "missing"
    with pytest.raises(CameraError, match="look at plug or network"):
        watched.read(0.1)
    source.plug_in()
    watched.read(BACK_WITHIN_S)
    assert watched.state == "ok"


def test_numbers_go_on_after_a_camera_was_opened_again(source: NetworkCamera, watched: WatchedCamera) -> None:
    before = watched.read(1)
    source.unplug()
    until_lost(watched)
    source.plug_in()
    after = watched.read(BACK_WITHIN_S)
    assert after.sequence > before.sequence
    assert after.dropped >= before.dropped


def test_a_camera_that_dies_while_nobody_looks_is_noticed(source: NetworkCamera, watched: WatchedCamera) -> None:
    source.unplug()
    watched.rest(STALL_S * 3)
    assert watched.state == "missing"


def test_frames_that_nobody_read_are_counted_and_the_newest_is_given(watched: WatchedCamera) -> None:
    first = watched.read(1)
    Event().wait(0.5)  # ten frames long, nobody reads
    second = watched.read(1)
    assert second.sequence == first.sequence + 1
    assert second.dropped >= first.dropped + 5
    assert second.instant.monotonic_s - first.instant.monotonic_s > 0.5  # not one that waited in a queue


def test_a_repeated_picture_is_handed_over_once(source: NetworkCamera, watched: WatchedCamera) -> None:
    source.health = "repeating"
    error, read = read_until_error(watched, STALL_S / 2)
    assert "no new picture" in str(error)
    assert read < 10  # those that were on their way


def test_the_dark_is_not_taken_for_a_repeated_picture() -> None:
    black = cv2.imencode(".jpg", np.zeros((120, 160, 3), np.uint8))[1].tobytes()
    with network_camera([black]) as source:
        table = camera_table("opencv", source.address, stall_s=STALL_S)
        with open_watched_camera(table, SystemClock(), Event()) as camera:
            assert [camera.read(NOTICED_WITHIN_S).sequence for _ in range(3)] == [1, 2, 3]


def test_a_folder_may_show_the_same_picture_again(tmp_path: Path) -> None:
    folder = folder_of_pictures(tmp_path / "p")
    for picture in sorted(folder.iterdir())[1:]:
        picture.unlink()
    with open_watched_camera(camera_table("folder", folder, loop=True), SystemClock(), Event()) as camera:
        assert [camera.read(1).sequence for _ in range(3)] == [1, 2, 3]


def test_resting_takes_no_picture_from_a_folder(tmp_path: Path) -> None:
    folder = folder_of_pictures(tmp_path / "p")
    with open_watched_camera(camera_table("folder", folder, stall_s=0.01), SystemClock(), Event()) as camera:
        names = []
        for _ in range(3):
            names.append(camera.read(1).source)
            camera.rest(0.05)
    assert names == [path.name for path in sorted(folder.iterdir())[:3]]


def test_a_folder_on_a_stick_that_was_pulled_is_missing_until_it_is_back(tmp_path: Path) -> None:
    folder = folder_of_pictures(tmp_path / "p")
    with open_watched_camera(camera_table("folder", folder, loop=True), SystemClock(), Event()) as camera:
        camera.read(1)
        folder.rename(tmp_path / "pulled")
        until_lost(camera)
        assert camera.state == "missing"
        (tmp_path / "pulled").rename(folder)
        camera.read(BACK_WITHIN_S)
        assert camera.state == "ok"


def test_a_node_that_is_told_to_stop_does_not_wait_for_a_missing_camera() -> None:
    stop = Event()
    with open_watched_camera(camera_table("opencv", "/dev/video63"), SystemClock(), stop) as camera:
        Timer(0.3, stop.set).start()
        began_s = time.monotonic()
        with pytest.raises(CameraEndedError):
            camera.read(60)
        assert time.monotonic() - began_s < 20


def test_a_node_that_is_told_to_stop_does_not_rest() -> None:
    stop = Event()
    stop.set()
    began_s = time.monotonic()
    with open_watched_camera(camera_table("folder", "."), SystemClock(), stop) as camera:
        camera.rest(60)
    assert time.monotonic() - began_s < 20


class IllDevice:
    """A device whose driver hangs, or whose pictures are all bad, for as long as the test says so."""

    name = "camera on a bad cable"

    def __init__(self) -> None:
        self.hangs, self.bad = Event(), Event()
        self.opened = 0
        self._turn = 0

    def open(self) -> None:
        self.opened += 1

    def grab(self, wait_s: float) -> bool:  # noqa: ARG002 this one does not keep to it
        while self.hangs.is_set():
            Event().wait(0.01)
        Event().wait(0.01)
        self._turn += 1
        return True

    def picture(self) -> tuple[Image, Image]:
        if self.bad.is_set():
            raise BadFrameError("half a picture; look at the cable", reason="truncated")
        image = np.full((32, 32, 3), self._turn % 200, np.uint8)
        return image, image[..., 0].copy()

    def close(self) -> None:
        pass


def test_a_device_that_hangs_holds_neither_the_reader_nor_hides_that_its_thread_is_stuck() -> None:
    device = IllDevice()
    camera = ThreadedCamera(device, SystemClock())
    camera.read(1)
    device.hangs.set()
    began_s = time.monotonic()
    error, _ = read_until_error(camera, 0.3)
    assert "no new picture" in str(error)
    assert time.monotonic() - began_s < 20
    with pytest.raises(ThreadStuckError, match="bad cable"):
        camera.close()
    device.hangs.clear()
    camera.close()  # its thread ends now


def test_a_hanging_device_is_not_opened_twice_and_comes_back_when_it_lets_go() -> None:
    device = IllDevice()
    with WatchedCamera(lambda: ThreadedCamera(device, SystemClock()), SystemClock(), Event(), stall_s=0.5) as camera:
        camera.read(1)
        device.hangs.set()
        until_lost(camera)
        with pytest.raises(CameraError):
            camera.read(1)
        assert camera.state == "stalled"
        assert device.opened == 1
        device.hangs.clear()
        camera.read(BACK_WITHIN_S)
        assert (camera.state, device.opened, camera.reopened) == ("ok", 2, 1)


def until_stuck(camera: WatchedCamera) -> None:
    """On a busy machine the first read that finds it lost may already find it held for too long."""
    until_lost(camera)
    camera.read(60)


def test_a_device_that_never_lets_go_ends_in_an_error_that_restarts_the_node() -> None:
    device = IllDevice()
    clock = SystemClock()
    camera = WatchedCamera(lambda: ThreadedCamera(device, clock), clock, Event(), stall_s=0.5, stuck_s=1.0)
    camera.read(1)
    device.hangs.set()
    with pytest.raises(ThreadStuckError, match="bad cable"):
        until_stuck(camera)
    assert device.opened == 1
    device.hangs.clear()
    camera.close()


def test_a_camera_whose_pictures_are_all_bad_is_opened_again() -> None:
    device = IllDevice()
    with WatchedCamera(lambda: ThreadedCamera(device, SystemClock()), SystemClock(), Event()) as camera:
        camera.read(1)
        device.bad.set()
        for _ in range(BAD_IN_A_ROW):
            with pytest.raises(BadFrameError, match="half a picture"):
                camera.read(1)
        assert camera.state == "stalled"
        device.bad.clear()
        camera.read(BACK_WITHIN_S)
        assert device.opened == 2


@given(failures=st.integers(0, 10_000), jitter=st.floats(0, 1))
def test_waits_double_up_to_a_minute_and_are_never_all_the_same(failures: int, jitter: float) -> None:
    whole_s = min(60.0, 2.0 ** min(failures, 10))
    assert 0.75 * whole_s <= backoff_s(failures, jitter) <= whole_s


def test_waits_begin_with_one_second_and_end_with_sixty() -> None:
    assert [backoff_s(failures, 0) for failures in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_an_opened_camera_that_is_never_read_is_closed_without_waiting(source: NetworkCamera) -> None:
    began_s = time.monotonic()
    open_camera(camera_table("opencv", source.address), SystemClock()).close()
    assert time.monotonic() - began_s < 20
