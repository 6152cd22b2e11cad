"""A network camera that stalls, repeats itself, is unplugged and comes back; and devices that hang."""

import gc
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Timer
from typing import Literal

import cv2
import numpy as np
import pytest

from edge.cameras import Camera, Frame, WatchedCamera, open_watched_camera
from edge.cameras.base import ClosedAtExit
from edge.cameras.reader import ThreadedCamera
from edge.cameras.watch import BAD_IN_A_ROW, FIRST_PICTURE_S
from edge.clock import SystemClock
from edge.errors import (
    BadFrameError,
    CameraEndedError,
    CameraError,
    SnapshotTakenError,
    SortingError,
    ThreadStuckError,
)
from tests.cameras.sources import (
    BACK_WITHIN_S,
    NOTICED_WITHIN_S,
    PICTURES,
    IllDevice,
    NetworkCamera,
    camera_table,
    folder_of_pictures,
    late_key_frame,
    network_camera,
    read_until_error,
)
from tests.clocks import HurryingClock, SetClock
from tests.waiting import wait_until

STALL_S = 1.0


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


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("health", "state"), [("stalled", "stalled"), ("repeating", "repeating")])
def test_a_camera_that_gives_nothing_new_is_noticed_in_time_and_opened_again(
    source: NetworkCamera, watched: WatchedCamera, health: str, state: str
) -> None:
    def is_named_as_it_is() -> bool:
        source.health = health  # type: ignore[assignment]
        began_s = time.monotonic()
        until_lost(watched)
        named = watched.state
        assert time.monotonic() - began_s < NOTICED_WITHIN_S
        source.health = "playing"
        watched.read(BACK_WITHIN_S)
        return named == state

    wait_until(is_named_as_it_is, within_s=5)  # a node that stands still for half the stall has heard no repetition
    assert watched.state == "ok"
    assert watched.reopened >= 1
    assert source.connections >= 2


@pytest.mark.usefixtures("impatient")
def test_a_camera_that_is_unplugged_is_missing_until_it_is_back(source: NetworkCamera, watched: WatchedCamera) -> None:
    source.unplug()
    until_lost(watched)
    assert watched.state == "missing"
    with pytest.raises(CameraError, match="look at plug or network"):
        watched.read(0.1)
    source.plug_in()
    watched.read(BACK_WITHIN_S)
    assert watched.state == "ok"


def test_a_snapshots_address_is_asked_once_a_look_and_is_not_lost_between(
    source: NetworkCamera, caplog: pytest.LogCaptureFixture
) -> None:
    source.health = "a snapshot"
    with open_watched_camera(camera_table("opencv", source.address, stall_s=STALL_S), SystemClock(), Event()) as camera:
        camera.read(NOTICED_WITHIN_S)
        camera.rest(2 * STALL_S)
        camera.read(NOTICED_WITHIN_S)
        assert (camera.state, camera.reopened, source.connections) == ("ok", 0, 2)
    assert not caplog.messages


def test_a_snapshot_leaves_memory_with_the_next_one_and_waits_for_no_collector(source: NetworkCamera) -> None:
    source.health = "a snapshot"
    gc.disable()
    try:
        with open_watched_camera(camera_table("opencv", source.address), SystemClock(), Event()) as camera:
            pictures = [weakref.ref(camera.read(NOTICED_WITHIN_S).image) for _ in range(3)]
            assert [one() is None for one in pictures[:2]] == [True, True]
    finally:
        gc.enable()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
def test_a_snapshot_that_stays_the_same_is_told_and_comes_back(
    source: NetworkCamera, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr("edge.cameras.watch.SAME_S", 0.3)
    several = [cv2.imencode(suffix, cv2.imread(str(path)))[1].tobytes() for path in PICTURES[:2]]
    source.health = "a snapshot"
    source.pictures = several[:1]
    with open_watched_camera(camera_table("opencv", source.address, stall_s=STALL_S), SystemClock(), Event()) as camera:
        camera.read(NOTICED_WITHIN_S)
        while camera.state == "ok":
            with pytest.raises(CameraError):
                camera.read(0.3)
        assert camera.state == "repeating"
        source.pictures = several[1:]
        camera.read(BACK_WITHIN_S)
        assert (camera.state, camera.reopened) == ("ok", 1)


def test_a_camera_that_dies_while_nobody_looks_is_noticed(source: NetworkCamera, watched: WatchedCamera) -> None:
    watched.read(NOTICED_WITHIN_S)  # its second picture: it is no snapshot
    source.unplug()
    watched.rest(STALL_S * 2)
    assert watched.state == "missing"


def test_frames_that_nobody_read_are_counted_and_the_newest_is_given(watched: WatchedCamera) -> None:
    frames = [watched.read(NOTICED_WITHIN_S)]

    def five_were_dropped() -> bool:
        Event().wait(0.5)  # ten frames long, nobody reads; on a machine that stands still meanwhile fewer come
        frames.append(watched.read(NOTICED_WITHIN_S))
        return frames[-1].dropped >= frames[-2].dropped + 5

    wait_until(five_were_dropped, within_s=5)
    assert frames[-1].instant.monotonic_s - frames[-2].instant.monotonic_s > 0.5  # not one that waited in a queue


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
            assert [camera.read(NOTICED_WITHIN_S).image.max() for _ in range(3)] == [0, 0, 0]


def test_a_still_scene_whose_encoder_omits_what_does_not_change_is_no_repeated_picture() -> None:
    with late_key_frame(after_s=0, most=1) as address:
        table = camera_table("opencv", address, stall_s=STALL_S)
        with open_watched_camera(table, SystemClock(), Event()) as camera:
            first = camera.read(BACK_WITHIN_S)
            camera.rest(2 * STALL_S)
            assert (camera.read(NOTICED_WITHIN_S).image == first.image).all()
            assert (camera.state, camera.reopened) == ("ok", 0)


def test_a_folder_may_show_the_same_picture_again(tmp_path: Path) -> None:
    folder = folder_of_pictures(tmp_path / "p")
    for picture in sorted(folder.iterdir())[1:]:
        picture.unlink()
    with open_watched_camera(camera_table("folder", folder, loop=True), SystemClock(), Event()) as camera:
        assert len({camera.read(1).source for _ in range(3)}) == 1


def test_resting_takes_no_picture_from_a_folder(tmp_path: Path) -> None:
    folder = folder_of_pictures(tmp_path / "p")
    with open_watched_camera(camera_table("folder", folder, stall_s=0.01), SystemClock(), Event()) as camera:
        names = []
        for _ in range(3):
            names.append(camera.read(1).source)
            camera.rest(0.05)
    assert names == [path.name for path in sorted(folder.iterdir())[:3]]


def test_a_folder_on_a_stick_that_was_pulled_is_missing_until_it_is_back_and_goes_on_where_it_was(
    tmp_path: Path,
) -> None:
    folder = folder_of_pictures(tmp_path / "p")
    names = sorted(path.name for path in folder.iterdir())
    with open_watched_camera(camera_table("folder", folder), SystemClock(), Event()) as camera:
        shown = [camera.read(1).source for _ in range(3)]
        folder.rename(tmp_path / "pulled")
        with pytest.raises(CameraError, match="no folder to read"):
            camera.read(0.1)
        assert camera.state == "missing"
        (tmp_path / "pulled").rename(folder)
        shown.append(camera.read(BACK_WITHIN_S).source)
        assert camera.state == "ok"
        assert shown == names[:4]


@pytest.mark.parametrize("was_away", [False, True])
def test_a_fed_folder_that_was_looked_through_is_well_though_none_of_its_pictures_is_new(
    was_away: bool, tmp_path: Path
) -> None:
    clock, folder = HurryingClock(), tmp_path / "p"
    with open_watched_camera(camera_table("folder", folder, fed=True), clock, Event()) as camera:
        if was_away:
            with pytest.raises(CameraError, match="no folder to read"):
                camera.read(0.8)
            clock.advance(60)  # it need not be waited for
        folder_of_pictures(folder)
        camera.known.update(path.name for path in folder.iterdir())
        with pytest.raises(CameraEndedError, match="wait for the device that feeds it"):
            camera.read(9)
        assert (camera.state, camera.why, camera.reopened) == ("ok", "", 0)


def test_a_folder_whose_pictures_take_long_to_put_in_order_is_at_work_and_not_lost(tmp_path: Path) -> None:
    clock, folder = HurryingClock(), tmp_path / "p"
    with open_watched_camera(camera_table("folder", folder, stall_s=1.0), clock, Event()) as camera:
        with pytest.raises(CameraError):
            camera.read(0.8)
        assert camera.state == "missing"
        folder.mkdir()
        for number in range(60):
            (folder / f"IMG_{number:04}.jpg").write_bytes(PICTURES[0].read_bytes())
        clock.advance(60)  # it need not be waited for
        with pytest.raises(SortingError, match="pictures are still to be put in order"):
            camera.read(9)
        assert (camera.state, camera.reopened) == ("starting", 0)
        camera.read(60)
        assert (camera.state, camera.why) == ("ok", "")


def test_a_folder_full_of_broken_pictures_is_not_begun_again(tmp_path: Path) -> None:
    for number in range(2 * BAD_IN_A_ROW):
        (tmp_path / f"{number:02}.jpg").write_bytes(b"broken")
    with open_watched_camera(camera_table("folder", tmp_path), SystemClock(), Event()) as camera:
        for _ in range(2 * BAD_IN_A_ROW):
            with pytest.raises(BadFrameError):
                camera.read(1)
        assert (camera.state, camera.reopened, camera.bad_in_a_row) == ("starting", 0, 0)


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


@pytest.mark.usefixtures("impatient")
def test_a_device_that_hangs_holds_neither_the_reader_nor_hides_that_its_thread_is_stuck() -> None:
    device = IllDevice()
    camera = ThreadedCamera(device, SystemClock())
    camera.read(NOTICED_WITHIN_S)
    device.hangs.set()
    began_s = time.monotonic()
    error, _ = read_until_error(camera, 0.3)
    assert "no new picture" in str(error)
    assert time.monotonic() - began_s < 20
    for give_back in (camera.close, camera.leave):
        with pytest.raises(ThreadStuckError, match="bad cable"):
            give_back()
    device.hangs.clear()
    camera.close()  # its thread ends now
    assert device.closed == 1


def test_a_reader_that_a_fault_of_its_own_ends_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threading.excepthook", lambda _: None)  # prints it
    monkeypatch.setattr(device := IllDevice(), "grab", lambda _: 1 / 0)
    with ThreadedCamera(device, SystemClock()) as camera, pytest.raises(CameraError, match="its reader ended; open"):
        camera.read(NOTICED_WITHIN_S)
    assert device.closed == 1


@pytest.mark.faults
def test_a_hanging_device_is_not_opened_twice_and_comes_back_when_it_lets_go() -> None:
    device = IllDevice()
    with WatchedCamera(lambda: ThreadedCamera(device, SystemClock()), SystemClock(), Event(), stall_s=0.5) as camera:
        camera.read(NOTICED_WITHIN_S)
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


@pytest.mark.usefixtures("impatient")
def test_a_device_that_never_lets_go_ends_in_an_error_that_restarts_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.cameras.opening.STUCK_S", 1.0)
    device = IllDevice()
    clock = SystemClock()
    camera = WatchedCamera(lambda: ThreadedCamera(device, clock), clock, Event(), stall_s=0.5)
    camera.read(NOTICED_WITHIN_S)
    opened = device.opened  # once, or on a machine that stood still for the stall again
    device.hangs.set()
    with pytest.raises(ThreadStuckError, match="bad cable"):
        until_stuck(camera)
    assert device.opened == opened
    device.hangs.clear()
    camera.close()


def test_a_camera_whose_pictures_are_all_bad_is_opened_again() -> None:
    device = IllDevice()
    with WatchedCamera(lambda: ThreadedCamera(device, SystemClock()), SystemClock(), Event()) as camera:
        camera.read(NOTICED_WITHIN_S)
        device.bad.set()
        for _ in range(BAD_IN_A_ROW):
            with pytest.raises(BadFrameError, match="half a picture"):
                camera.read(NOTICED_WITHIN_S)
        assert (camera.state, device.closed) == ("stalled", 1), "it is not held until it is opened again"
        device.bad.clear()
        camera.read(BACK_WITHIN_S)
        assert device.opened == 2


def test_bad_pictures_between_good_ones_do_not_make_a_camera_bad() -> None:
    device = IllDevice()
    with WatchedCamera(lambda: ThreadedCamera(device, SystemClock()), SystemClock(), Event()) as camera:
        for _ in range(3):
            camera.read(NOTICED_WITHIN_S)
            device.bad.set()
            for _ in range(BAD_IN_A_ROW - 1):
                with pytest.raises(BadFrameError):
                    camera.read(NOTICED_WITHIN_S)
            device.bad.clear()
        assert (camera.state, device.opened) == ("ok", 1)
    assert device.closed == 1


class TimedStop(Event):
    """Never set; waiting for it takes the time of a clock that a test sets."""

    def __init__(self, clock: SetClock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.advance(timeout or 0.0)
        return False


class TimedCamera(ClosedAtExit):
    """A live camera on a clock that a test sets: a picture takes 0.1 s, silence as long as one waits."""

    is_live = tells_repeats = True
    description = "timed camera"

    def __init__(self, clock: SetClock) -> None:
        self._clock = clock
        self.does: Literal["play", "repeat", "be silent", "be bad", "be gone", "be away"] = "play"
        self.reads = self.picture = self.dropped = self.row = 0
        self.opened_s: list[float] = []

    def read(self, timeout_s: float) -> Frame:
        self.reads += 1
        if self.does in {"be gone", "be away"}:
            raise CameraError("its cable is off")
        if self.does == "be bad":
            raise BadFrameError("half a picture", reason="truncated")
        self._clock.advance(timeout_s if self.does == "be silent" else 0.1)
        if self.does == "be silent":
            raise CameraError("no new picture")
        self.picture += self.does == "play"
        image = np.zeros((32, 32, 3), np.uint8)
        image[self.row :] = self.picture % 200
        image[0, 0] = 255
        return Frame(image, image[..., 0].copy(), self._clock.now(), "timed", dropped=self.dropped)

    def opened(self) -> Camera:
        self.opened_s.append(self._clock.monotonic_s())
        if self.does == "be away":
            raise CameraError("its cable is off")
        return self


class TimedSnapshot(TimedCamera):
    """An address that gives one picture each time it is asked, and renews it only each `renews_s`."""

    def __init__(self, clock: SetClock, renews_s: float, takes_s: float) -> None:
        super().__init__(clock)
        self._renews_s, self.takes_s = renews_s, takes_s
        self._has_given = False

    def read(self, timeout_s: float) -> Frame:
        if self._has_given:
            raise SnapshotTakenError("its only picture was given")
        is_there_in_s = self.opened_s[-1] + self.takes_s - self._clock.monotonic_s()
        self._clock.advance(min(timeout_s, max(0.0, is_there_in_s)))
        if is_there_in_s > timeout_s:
            raise CameraError("no new picture")
        self._has_given = True
        if self.does == "play":
            self.does = "repeat"
        self.picture = int(self._clock.monotonic_s() // self._renews_s)
        return super().read(timeout_s)

    def opened(self) -> Camera:
        self._has_given = False
        return super().opened()


@pytest.fixture
def timed() -> tuple[TimedCamera, WatchedCamera, SetClock]:
    """A camera that plays, watched with a stall after 8 s, and their clock."""
    clock = SetClock()
    camera = TimedCamera(clock)
    watched = WatchedCamera(camera.opened, clock, TimedStop(clock), stall_s=8.0)
    watched.read(1)
    return camera, watched, clock


def fails(camera: WatchedCamera, within_s: float) -> str:
    with pytest.raises(CameraError) as caught:
        camera.read(within_s)
    return str(caught.value)


@pytest.mark.parametrize(
    ("before_s", "after_s", "state"),
    [(0, 7.9, "ok"), (0, 8.0, "stalled"), (5, 2.5, "ok"), (5, 3.5, "repeating"), (3, 5.5, "stalled")],
)
def test_a_camera_that_repeats_its_picture_and_then_falls_silent_is_named_by_the_second_half_of_the_stall(
    timed: tuple[TimedCamera, WatchedCamera, SetClock], before_s: float, after_s: float, state: str
) -> None:
    camera, watched, _ = timed
    for does, for_s in (("repeat", before_s), ("be silent", after_s)):
        camera.does = does  # type: ignore[assignment]
        if for_s:
            assert "no new picture" in fails(watched, for_s)
    assert watched.state == state


def test_a_picture_that_differs_only_far_below_its_first_row_is_no_repeat(
    timed: tuple[TimedCamera, WatchedCamera, SetClock],
) -> None:
    camera, watched, _ = timed
    camera.row = 24
    first = watched.read(1)
    assert watched.read(0.15).image[-1, 0, 0] == first.image[-1, 0, 0] + 1


def test_a_camera_that_fails_before_its_time_is_gone_at_once_and_says_why(
    timed: tuple[TimedCamera, WatchedCamera, SetClock],
) -> None:
    camera, watched, _ = timed
    camera.does = "be gone"
    assert fails(watched, 0.4) == "its cable is off"
    assert watched.state == "missing"


@pytest.mark.parametrize("does", ["be gone", "be away"])
def test_waits_between_attempts_double_and_begin_anew_after_a_good_picture(
    timed: tuple[TimedCamera, WatchedCamera, SetClock], does: str
) -> None:
    camera, watched, clock = timed
    for _ in range(2):
        camera.does, camera.opened_s = does, [clock.monotonic_s()]  # type: ignore[assignment]
        fails(watched, 7.5)
        waits_s, most_s = np.diff(camera.opened_s)[:3], np.array([1, 2, 4])
        assert (most_s / 2 - 0.01 <= waits_s).all()
        assert (waits_s <= most_s + 0.01).all()
        camera.does = "play"
        watched.read(60)
    assert watched.reopened == 2  # as often as it came back, not as it was tried


def test_a_camera_that_was_never_there_was_not_opened_again() -> None:
    camera = TimedCamera(clock := SetClock())
    watched = WatchedCamera(camera.opened, clock, TimedStop(clock))
    camera.does = "be away"
    fails(watched, 7.5)
    camera.does = "play"
    watched.read(60)
    assert (watched.state, watched.reopened) == ("ok", 0)


def test_a_streams_first_picture_may_come_late_and_its_next_ones_not() -> None:
    camera = TimedCamera(clock := SetClock())
    watched = WatchedCamera(camera.opened, clock, TimedStop(clock), stall_s=8.0, first_s=40.0)
    camera.does = "be silent"
    assert "starting, no new picture" in fails(watched, 39.9)
    assert watched.state == "starting"
    camera.does = "play"
    watched.read(1)
    camera.does = "be silent"
    fails(watched, 8.0)
    assert watched.state == "stalled"
    fails(watched, 41.0)
    assert len(camera.opened_s) == 2  # opened again, it has the 40 s again


def test_dropped_pictures_are_counted_on_over_a_camera_that_was_opened_again(
    timed: tuple[TimedCamera, WatchedCamera, SetClock],
) -> None:
    camera, watched, _ = timed
    dropped = []
    for camera.dropped in (7, 2, 1):
        dropped.append(watched.read(60).dropped)
        camera.does = "be gone"
        fails(watched, 0.4)
        camera.does = "play"
    assert dropped == [7, 9, 10]


def test_a_camera_that_was_opened_again_may_give_as_many_bad_pictures_as_before(
    timed: tuple[TimedCamera, WatchedCamera, SetClock],
) -> None:
    camera, watched, _ = timed
    camera.does = "be bad"
    for _ in range(2 * BAD_IN_A_ROW):
        with pytest.raises(BadFrameError):
            watched.read(60)
    assert len(camera.opened_s) == 2
    assert fails(watched, 0.1) == "half a picture", "no cable is to be looked at"
    camera.does = "be silent"
    assert "stalled, no new picture" in fails(watched, 60)


def test_a_broken_snapshot_whose_next_one_is_not_there_yet_is_told_as_broken_until_a_whole_one_comes() -> None:
    camera = TimedSnapshot(clock := SetClock(), renews_s=1e6, takes_s=0.1)
    watched = WatchedCamera(camera.opened, clock, TimedStop(clock))
    watched.read(5)
    camera.does = "be bad"
    with pytest.raises(BadFrameError):
        watched.read(5)
    assert (fails(watched, 0.3), watched.bad_in_a_row) == ("half a picture", 1)
    camera.does = "repeat"
    assert ("it gives its last picture again" in fails(watched, 5), watched.bad_in_a_row) == (True, 0)


def test_a_rest_looks_at_the_camera_each_half_of_the_stall_and_no_oftener(
    timed: tuple[TimedCamera, WatchedCamera, SetClock],
) -> None:
    camera, watched, clock = timed
    began_s, camera.reads = clock.monotonic_s(), 0
    watched.rest(41)
    assert clock.monotonic_s() - began_s == pytest.approx(41)
    assert camera.reads == 10


@pytest.mark.parametrize(
    ("every_s", "looks", "takes_s", "states"),
    [(30, 5, 0.1, {"ok"}), (300, 5, 0.1, {"ok", "repeating"}), (60, 5, 7, {"ok", "starting"}), (60, 1, 0.1, {"ok"})],
)
def test_a_snapshot_that_is_renewed_only_each_few_looks_is_given_once_for_each_picture(
    every_s: float, looks: int, takes_s: float, states: set[str]
) -> None:
    camera = TimedSnapshot(clock := SetClock(), looks * every_s, takes_s)
    watched = WatchedCamera(camera.opened, clock, TimedStop(clock), first_s=FIRST_PICTURE_S)
    told, given = set(), []
    for look in range(1, 40):
        with suppress(CameraError):
            given.append(int(watched.read(5).image[-1, 0, 0]))
        told.add(watched.state)
        watched.rest(max(0.0, 100.0 + look * every_s - clock.monotonic_s()))
    assert given == list(range(given[0], given[0] + len(given)))
    assert len(given) >= 38 // looks
    assert told == states


def test_a_snapshot_that_is_not_new_yet_is_told_as_what_it_is_and_no_cable_is_looked_at() -> None:
    camera = TimedSnapshot(clock := SetClock(), renews_s=1e6, takes_s=0.1)
    watched = WatchedCamera(camera.opened, clock, TimedStop(clock))
    watched.read(5)
    for state in ("ok", "repeating"):
        told = fails(watched, 5)
        assert f"{state}, no new picture in 5.0 s; it gives its last picture again" in told
        assert told.endswith("or raise camera.every_s where its address renews it seldom")
        clock.advance(600)
        watched.rest(60)


@pytest.mark.parametrize(
    ("does", "takes_s", "lost"), [("be away", 0.1, "missing"), ("repeat", 60, "stalled")], ids=["away", "silent"]
)
@pytest.mark.parametrize(("after", "is_back"), [("repeat", True), ("be bad", False)])
def test_a_snapshot_that_comes_back_is_lost_no_more_though_its_picture_is_the_last_one_but_is_with_a_broken_one(
    does: str, takes_s: float, lost: str, after: str, is_back: bool
) -> None:
    camera = TimedSnapshot(clock := SetClock(), renews_s=1e6, takes_s=0.1)
    watched = WatchedCamera(camera.opened, clock, TimedStop(clock))
    watched.read(5)
    with suppress(CameraError):
        watched.read(5)
    camera.does, camera.takes_s = does, takes_s  # type: ignore[assignment]
    fails(watched, 60)
    assert watched.state == lost
    camera.does, camera.takes_s = after, 0.1  # type: ignore[assignment]
    watched.rest(60)
    assert watched.state == ("ok" if is_back else lost)


@pytest.mark.parametrize(
    ("look_s", "silent_s", "state"),
    [(20, 3.5, "ok"), (20, 4.0, "stalled"), (3, 4.5, "ok"), (3, 5.0, "stalled"), (0, 8.0, "stalled")],
)
def test_of_the_time_in_which_nobody_asked_half_a_stall_at_most_is_the_cameras_silence(
    timed: tuple[TimedCamera, WatchedCamera, SetClock], look_s: float, silent_s: float, state: str
) -> None:
    camera, watched, clock = timed
    clock.advance(look_s)
    camera.does = "be silent"
    fails(watched, silent_s)
    assert watched.state == state


def test_a_silent_camera_is_noticed_in_time_by_a_loop_that_has_other_work_between(
    timed: tuple[TimedCamera, WatchedCamera, SetClock],
) -> None:
    camera, watched, clock = timed
    camera.does, began_s = "be silent", clock.monotonic_s()
    while watched.state == "ok" and clock.monotonic_s() < began_s + 60:
        clock.advance(1)
        watched.rest(2)
    assert clock.monotonic_s() - began_s < NOTICED_WITHIN_S


def test_a_silent_camera_that_was_opened_again_after_a_long_time_is_noticed_in_time(
    timed: tuple[TimedCamera, WatchedCamera, SetClock],
) -> None:
    camera, watched, clock = timed
    camera.does = "be gone"
    fails(watched, 0.4)
    clock.advance(100)
    camera.does = "be silent"
    fails(watched, 8.0)
    assert watched.state == "stalled"
