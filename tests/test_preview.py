"""What somebody sees who follows the live picture, on a clock that the test sets."""

import math
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from edge.boxes import Floats, Image
from edge.bundle import Bundle, load_bundle
from edge.cameras import Frame, WatchedCamera, open_watched_camera
from edge.cameras.base import ClosedAtExit
from edge.climate import NoSensor
from edge.config import parse_config
from edge.detections import Detections
from edge.detector import Detector
from edge.errors import CameraError
from edge.eye import Eye
from edge.loop.preview import Previews
from edge.pipeline import Parts, Pipeline
from edge.status import StatusBoard
from edge.store import Store
from tests.cameras.sources import camera_table, folder_of_pictures
from tests.cameras.test_watch import TimedSnapshot, TimedStop
from tests.clocks import SetClock
from tests.counting.boards import photograph
from tests.onnx_files import BLUE, write_model
from tests.test_pipeline import scene

FIRST_S = 0.75  # after the second, when the camera's pictures come: the loop begins on the second


class SecondCamera(ClosedAtExit):
    """A live camera that gives one picture a second, as the Pi's does where `every_s` is 4 or more."""

    is_live = tells_repeats = True
    description = "one picture a second"

    def __init__(self, clock: SetClock, picture: Image) -> None:
        self._clock, self.picture = clock, picture

    def read(self, timeout_s: float) -> Frame:
        now_s = self._clock.monotonic_s()
        wait_s = math.floor(now_s - FIRST_S) + 1 + FIRST_S - now_s
        self._clock.advance(min(wait_s, timeout_s))
        if wait_s > timeout_s:
            raise CameraError("no new picture")
        image = self.picture.copy()
        image[0, 0] = int(now_s) % 200  # no two alike, as from a sensor
        return Frame(image, image[..., 0].copy(), self._clock.now(), self.description, dropped=0)


class PoorLine(TimedSnapshot):
    """Half a minute long, from its second hour on, the line cuts off its pictures."""

    def read(self, timeout_s: float) -> Frame:
        self.does = "be bad" if 3600 <= self._clock.monotonic_s() - self.opened_s[0] < 3630 else "repeat"
        return super().read(timeout_s)


class SlowDetector(Detector):
    """The real one, on a board where a look takes `look_s`."""

    def __init__(self, bundle: Bundle, clock: SetClock, look_s: float) -> None:
        super().__init__(bundle)
        self._clock, self._look_s = clock, look_s

    def found(self, image: Image, thresholds: Floats) -> Detections:
        self._clock.advance(self._look_s)
        return super().found(image, thresholds)


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture on the board when the loop turned."""

    at_s: float
    age_s: float
    seen: int | None


@dataclass
class Phone:
    """It follows the live picture of a node."""

    folder: Path
    clock: SetClock = field(default_factory=SetClock)
    mode: str = "live"
    every_s: int = 60  # the node looks
    is_open: bool = True
    later: Image | None = None  # what the camera shows from the second second on
    snapshot: TimedSnapshot | None = None  # in place of that camera
    judged_for_s: float = 0.0  # at first somebody asks for what the detector finds, on this phone or on another one
    shown: list[Shown] = field(default_factory=list)

    def follow(self, for_s: float, look_s: float = 0.0, picture: Image | None = None) -> list[Shown]:
        """The previews of so many seconds, each once; the picture that was looked at is none."""
        config = parse_config(
            '[node]\nsite = "s"\nnode = "n"\n[camera]\nkind = "opencv"\nsource = "0"\n'
            f'mode = "{self.mode}"\nevery_s = {self.every_s}\n[store]\nfolder = "{self.folder}"\n',
            "node.toml",
        )
        self.stop, self.began_s = TimedStop(self.clock), self.clock.monotonic_s()
        self.until_s = self.began_s + for_s
        self.board = StatusBoard(self.clock.now())
        self.camera = camera = SecondCamera(self.clock, scene((8, 16, BLUE)) if picture is None else picture)
        detector = SlowDetector(load_bundle(write_model(self.folder / "squares.onnx")), self.clock, look_s)
        with (
            closing(Store(config.store, "n")) as store,
            WatchedCamera(self.snapshot.opened if self.snapshot else lambda: camera, self.clock, self.stop) as watched,
        ):
            parts = Parts(
                config=config, camera=watched, detector=detector, store=store, board=self.board, clock=self.clock,
                climate=NoSensor(), committed=lambda: None, alive=self._glance,
            )  # fmt: skip
            Pipeline(parts).run(self.stop)
        return self.shown[1:]

    def _glance(self) -> None:
        now_s = self.clock.monotonic_s()
        if self.is_open:
            self.board.watch(now_s, needs_seen=now_s - self.began_s < self.judged_for_s)
        if self.later is not None and now_s - self.began_s >= 2:
            self.camera.picture = self.later
        if now_s >= self.until_s:
            self.stop.set()
        frame, last = self.board.frame(), self.board.snapshot().camera.last_frame
        if frame is None or last is None:
            return
        age_s, seen = now_s - last.monotonic_s, self.board.seen_on(frame)
        if not self.shown or last.monotonic_s > self.shown[-1].at_s - self.shown[-1].age_s:
            self.shown.append(Shown(now_s, age_s, None if seen is None else len(seen)))


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    return Phone(tmp_path)


def test_each_picture_of_a_camera_that_gives_one_a_second_is_shown(phone: Phone) -> None:
    shown = phone.follow(30)
    assert len(shown) >= 27
    assert np.diff([one.at_s for one in shown]).max() <= 1.0


@pytest.mark.parametrize("is_open", [False, True])
def test_who_watches_takes_no_picture_of_a_seldom_renewed_snapshot_from_the_count(phone: Phone, is_open: bool) -> None:
    phone.every_s, phone.is_open = 10, is_open
    phone.snapshot = TimedSnapshot(phone.clock, renews_s=15, takes_s=0.1)
    phone.clock.advance(7.5)  # from 107.5 s on: no look begins or ends as the picture is renewed
    phone.follow(300)
    assert phone.board.snapshot().camera.frames == 20
    assert is_open or len(phone.snapshot.opened_s) < 78  # it is not asked on and on between two looks


def test_a_seldom_renewed_snapshot_is_shown_once_to_who_watches_and_once_by_a_look(phone: Phone) -> None:
    phone.snapshot = TimedSnapshot(phone.clock, renews_s=150, takes_s=0.1)
    assert len(phone.follow(600)) <= 2 * 5


def test_a_snapshot_that_the_line_cuts_off_again_and_again_is_asked_until_it_is_whole(phone: Phone) -> None:
    phone.every_s, phone.is_open = 3600, False
    phone.snapshot = PoorLine(phone.clock, renews_s=1, takes_s=0.1)
    phone.follow(3700)
    camera = phone.board.snapshot().camera
    assert camera.frames - camera.skipped["truncated"] == 2
    assert 1 < camera.skipped["truncated"] <= 10


def test_who_takes_the_calibration_board_away_need_not_wait_for_the_next_look(phone: Phone) -> None:
    phone.mode, phone.every_s, with_board = "trap", 3600, photograph(0)[0]
    phone.follow(4, picture=with_board)
    assert phone.board.snapshot().camera.last_skip == "board"
    phone.later = np.full_like(with_board, 120)
    phone.follow(4, picture=with_board)
    camera = phone.board.snapshot().camera
    assert (camera.looked, camera.skipped, camera.last_skip) == (0, {"board": 1}, "")


def test_a_board_with_quick_looks_frames_what_is_seen_on_each_picture(phone: Phone) -> None:
    shown = phone.follow(10, look_s=0.25)
    assert len(shown) > 3
    assert {one.seen for one in shown} == {1}


def test_a_board_with_slow_looks_shows_each_picture_at_once_and_without_frames(phone: Phone) -> None:
    shown = phone.follow(50, look_s=20)
    assert len(shown) > 20
    assert max(one.age_s for one in shown) < 1
    assert {one.seen for one in shown} == {None}


def test_before_the_first_look_nobody_knows_that_looks_are_quick(phone: Phone) -> None:
    dark = np.zeros((64, 64, 3), np.uint8)
    assert max(one.age_s for one in phone.follow(50, look_s=20, picture=dark)) < 1


@pytest.mark.parametrize("look_s", [20, 30])
@pytest.mark.parametrize("judged_for_s", [math.inf, 1], ids=["who asks on", "who asked once while another one follows"])
def test_a_board_with_slow_looks_frames_what_is_seen_for_somebody_who_judges_the_model(
    judged_for_s: float, look_s: float, phone: Phone
) -> None:
    phone.judged_for_s = judged_for_s
    assert {one.seen for one in phone.follow(59, look_s=look_s)} == {1}


def test_somebody_who_follows_the_live_picture_takes_no_frame_from_what_is_counted(tmp_path: Path) -> None:
    frames = []
    for is_open in (False, True):
        folder = tmp_path / str(is_open)
        folder.mkdir()
        phone = Phone(folder, every_s=1, is_open=is_open)
        phone.follow(60, look_s=0.2)
        frames.append(phone.board.snapshot().camera.frames)
    assert frames == [60, 60]


def test_a_camera_that_nobody_watches_is_asked_for_no_picture_between_two_looks(phone: Phone) -> None:
    phone.is_open = False
    assert phone.follow(50) == []


def test_who_watches_a_folder_takes_none_of_its_pictures_from_the_count(tmp_path: Path) -> None:
    clock, folder = SetClock(), folder_of_pictures(tmp_path / "p")
    board, names = StatusBoard(clock.now()), sorted(path.name for path in folder.iterdir())
    eye = Eye(Detector(load_bundle(write_model(tmp_path / "squares.onnx"))))
    board.watch(clock.monotonic_s())
    with open_watched_camera(camera_table("folder", folder), clock, Event()) as camera:
        previews = Previews(camera, board, clock, eye)
        for name in names:
            assert previews.show(1.0, None) is None
            assert camera.read(1).source == name
