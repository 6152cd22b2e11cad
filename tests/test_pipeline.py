"""The loop: what it saw is committed before it is shown, and every frame is accounted for."""

import gc
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import cv2
import numpy as np
import pytest

from edge.annotations import annotated, found_outside
from edge.boxes import Image
from edge.bundle import load_bundle
from edge.calibration import (
    EVERYTHING,
    Calibration,
    Region,
    Scale,
    focused,
    let_turn,
    load_calibration,
    save_calibration,
)
from edge.calibration.region import WHOLE
from edge.cameras import Frame, WatchedCamera, open_watched_camera
from edge.cameras.pictures import read_picture
from edge.cameras.reader import Device, ThreadedCamera
from edge.climate import ClimateSensor, NoSensor
from edge.clock import ClockState, SystemClock
from edge.config import CameraTable, Mode, parse_config
from edge.counts import Alert, Interval, NoData, Sighting, per_m2
from edge.detector import Detector
from edge.errors import BadFrameError, StoreError, ThreadStuckError
from edge.faces import faces
from edge.label_sets import load
from edge.loop.commits import Commits
from edge.loop.counter import Counted, Counter
from edge.loop.kept_card import KeptCard
from edge.pipeline import Parts, Pipeline
from edge.status import StatusBoard
from edge.store import Store
from edge.tally import Tally
from edge.trap import Card
from edge.weather import Reading
from tests.cameras.sources import IllDevice, network_camera
from tests.clocks import NOON
from tests.counting.boards import photograph
from tests.onnx_files import BLUE, LABELS, RED, Net, facts, write_model
from tests.records import alert, instant, interval, sighting
from tests.spoiling import refusing
from tests.test_store import all_records, open_store
from tests.waiting import wait_until

FOREVER = 3600
RICE_BUG = read_picture(Path(__file__).parent / "data" / "frames" / "rice_bug.jpg")
RUST = ("Hemileia vastatrix", "Aleyrodidae")
WALL = np.full((64, 64, 3), (70, 90, 170), np.uint8)
WALL[::16] = (160, 165, 170)


def scene(*squares: tuple[int, int, tuple[int, int, int]]) -> Image:
    """A textured picture of 64x64 px with 8 px squares of pure colour at (left, top)."""
    rng = np.random.default_rng(5)
    picture = rng.integers(60, 200, (64, 64, 3)).astype(np.uint8)
    for left, top, colour in squares:
        picture[top : top + 8, left : left + 8] = colour
    return picture


@dataclass
class Bench:
    """A loop on a folder of pictures with a real store."""

    folder: Path
    parts: ExitStack
    stop: Event = field(default_factory=Event)
    wakes: int = 0
    climate: ClimateSensor = field(default_factory=NoSensor)
    turned: Callable[[], None] = lambda: None  # called each time the loop turns
    more: str = ""  # of node.toml
    labels: Sequence[str] = LABELS  # of the blue and the red squares

    def add(self, name: str, picture: Image | bytes) -> None:
        self.pictures.mkdir(exist_ok=True)
        content = picture if isinstance(picture, bytes) else cv2.imencode(".png", picture)[1].tobytes()
        (self.pictures / name).write_bytes(content)

    @property
    def pictures(self) -> Path:
        return self.folder / "field"

    @property
    def state(self) -> Path:
        folder = self.folder / "state"
        folder.mkdir(exist_ok=True)
        return folder

    def build(
        self,
        *,
        mode: str = "live",
        interval_s: float = FOREVER,
        loop: bool = False,
        every_s: float = 0,
        address: str = "",
        faces: str = "keep",
        rotation_deg: int = 0,
        device: Device | None = None,
    ) -> Pipeline:
        kind = "opencv" if address else "folder"
        config = parse_config(
            f'[node]\nsite = "s"\nnode = "n"\n[camera]\nkind = "{kind}"\nsource = "{address or self.pictures}"\n'
            f'mode = "{mode}"\nevery_s = {every_s}\nloop = {str(loop).lower()}\nfaces = "{faces}"\n'
            f"rotation_deg = {rotation_deg}\n"
            "[gate]\nblurred_share = 0.0\n"
            f'[store]\nfolder = "{self.state}"\ninterval_s = {interval_s}\n{self.more}',
            "node.toml",
        )
        clock = SystemClock()
        self.store = self.parts.enter_context(closing(Store(config.store, "n")))
        self.board = StatusBoard(clock.now())
        camera = self.parts.enter_context(
            open_watched_camera(config.camera, clock, self.stop)
            if device is None
            else WatchedCamera(lambda: ThreadedCamera(device, clock), clock, self.stop, stall_s=0.2, first_s=20)
        )
        bundle = load_bundle(write_model(self.folder / "squares.onnx", Net(metadata=facts(self.labels))))
        detector = Detector(bundle, confidence=config.model.confidence)
        parts = Parts(
            config=config, camera=camera, detector=detector, store=self.store, board=self.board, clock=clock,
            climate=self.climate,
            committed=self._woken, alive=self.turned,
        )  # fmt: skip
        return Pipeline(parts)

    def _woken(self) -> None:
        self.wakes += 1

    @property
    def sightings(self) -> list[Sighting]:
        return [s.record for s in reversed(self.store.latest_sightings(100)) if isinstance(s.record, Sighting)]

    @property
    def interval(self) -> Interval:
        stored = self.store.latest_interval()
        assert stored is not None
        assert isinstance(stored.record, Interval)
        return stored.record


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as parts:
        yield Bench(tmp_path, parts)


@pytest.fixture
def running() -> Iterator[Callable[[Pipeline, Event], Thread]]:
    """Starts a loop in a thread and stops it at the end."""
    started: list[tuple[Thread, Event]] = []

    def start(pipeline: Pipeline, stop: Event) -> Thread:
        thread = Thread(target=pipeline.run, args=(stop,))
        thread.start()
        started.append((thread, stop))
        return thread

    yield start
    for thread, stop in started:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def test_what_is_seen_becomes_a_sighting_with_box_and_picture(bench: Bench) -> None:
    bench.add("1.png", scene((16, 32, BLUE)))
    bench.build().run(bench.stop)
    (one,) = bench.sightings
    assert (one.label, one.count, one.model) == ("Pieris", 1, "squares@2026.1.1")
    assert one.box == pytest.approx((16 / 64, 32 / 64, 24 / 64, 40 / 64), abs=1e-4)
    assert one.picture is not None
    content = bench.store.picture(one.picture)
    assert content
    assert [seen.label for seen in annotated(content)] == ["Pieris"]


def test_the_picture_knows_each_insect_though_the_sighting_carries_the_clearest(bench: Bench) -> None:
    bench.add("1.png", scene((16, 32, BLUE), (48, 48, BLUE), (0, 0, RED)))
    bench.build().run(bench.stop)
    picture = bench.sightings[0].picture
    assert picture
    content = bench.store.picture(picture)
    assert content
    assert sorted(seen.label for seen in annotated(content)) == ["Aleyrodidae", "Pieris", "Pieris"]


@pytest.mark.parametrize(("wish", "shown"), [("keep", 1), ("blur", 0), ("drop", None)])
def test_a_face_on_a_picture_is_kept_hidden_or_keeps_it_away(bench: Bench, wish: str, shown: int | None) -> None:
    portrait = np.asarray(cv2.imread(str(Path(__file__).parent / "data" / "people" / "astronaut.jpg")), np.uint8)
    portrait[210:240, 210:240] = BLUE
    bench.add("1.png", portrait)
    bench.add("2.png", scene((0, 0, BLUE), (32, 32, BLUE)))
    bench.build(faces=wish).run(bench.stop)
    one, nobody = bench.sightings
    assert nobody.picture
    assert bench.store.picture(nobody.picture)
    content = bench.store.picture(one.picture) if one.picture else None
    if content is None:
        assert shown is None
    else:
        kept = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert len(faces(np.asarray(kept, np.uint8))) == shown
        assert [seen.label for seen in annotated(content)] == ["Pieris"]


@pytest.mark.parametrize("is_set", [True, False])
def test_pictures_go_after_their_days_once_the_time_is_known(
    bench: Bench, is_set: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.clock.clock_is_set", lambda: is_set)
    bench.more = "pictures_days = 30\n"
    bench.add("1.png", scene((16, 32, BLUE)))
    pipeline = bench.build()
    then = replace(SystemClock().now(), utc=datetime.now(UTC) - timedelta(days=31), state=ClockState.SYNCED)
    bench.store.commit([replace(sighting(), at=then)], b"\xff\xd8\xff\xd9")
    bench.store.commit([replace(interval(), start=then, end=then)])
    old = bench.sightings[0].picture
    assert old
    pipeline.run(bench.stop)
    assert (bench.store.picture(old) is None) == is_set
    assert bench.sightings[-1].picture != old
    assert bench.store.picture(str(bench.sightings[-1].picture))


def test_an_insect_that_stays_is_one_sighting_and_counts_once(bench: Bench) -> None:
    for number in range(6):
        bench.add(f"{number}.png", scene((16, 16, BLUE), (8 * (number % 2), 48, (90, 90, 90))))
    bench.build().run(bench.stop)
    assert len(bench.sightings) == 1
    assert [(c.label, c.count) for c in bench.interval.counts] == [("Pieris", 1)]


@pytest.mark.parametrize("telling", [3, 4])
def test_on_a_card_only_what_came_after_the_first_picture_is_new(
    bench: Bench, telling: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.pipeline.TELLING", telling)
    bench.add("1.png", scene((8, 8, BLUE)))
    bench.add("2.png", scene((8, 8, BLUE), (40, 40, BLUE)))
    bench.add("3.png", scene((8, 8, BLUE), (40, 40, BLUE), (40, 0, RED)))
    bench.build(mode="trap").run(bench.stop)
    assert [(s.label, s.count) for s in bench.sightings] == [("Pieris", 2), ("Aleyrodidae", 1)]
    assert {c.label: c.count for c in bench.interval.counts} == {"Pieris": 1, "Aleyrodidae": 1}
    assert (bench.interval.unit, bench.interval.saturated) == ("new", False)
    camera = bench.board.snapshot().camera
    assert (camera.on_card, camera.hung) == (3, camera.last_frame if telling == 3 else None)


def test_a_board_that_was_left_on_the_card_is_told_and_no_zero(bench: Bench) -> None:
    bench.add("1.png", photograph(0)[0])
    bench.build(mode="trap").run(bench.stop)
    assert bench.interval.counts == NoData("board")
    camera = bench.board.snapshot().camera
    assert (camera.looked, camera.skipped, camera.last_skip) == (0, {"board": 1}, "board")


def test_a_trap_that_was_off_counts_what_came_meanwhile_and_nothing_twice(bench: Bench) -> None:
    bench.add("1.png", scene((8, 8, BLUE)))
    bench.build(mode="trap").run(bench.stop)
    off_at_s = time.monotonic()
    (bench.pictures / "1.png").unlink()
    bench.parts.close()
    bench.add("2.png", scene((8, 8, BLUE), (40, 40, RED)))
    pipeline, off_s = bench.build(mode="trap"), time.monotonic() - off_at_s
    pipeline.run(bench.stop)
    assert [(c.label, c.count) for c in bench.interval.counts] == [("Aleyrodidae", 1)]
    assert bench.interval.frames == 1
    assert bench.interval.exposed_s is not None  # the time it was off, in which the insect came
    assert bench.interval.exposed_s > off_s


def test_a_trap_that_was_off_since_it_saw_colour_passes_over_infrared_and_tells_the_catch_in_the_morning(
    bench: Bench,
) -> None:
    bench.add("1.png", scene((8, 8, BLUE)))
    bench.build(mode="trap").run(bench.stop)
    bench.parts.close()
    (bench.pictures / "1.png").unlink()
    flash = np.random.default_rng(1).integers(60, 200, (64, 64, 1)).astype(np.uint8)
    for number in range(4):
        bench.add(f"2{number}.png", np.repeat(flash, 3, axis=2))
    bench.add("3.png", scene((8, 8, BLUE), (40, 40, RED)))
    bench.build(mode="trap").run(bench.stop)
    assert [(c.label, c.count) for c in bench.interval.counts] == [("Aleyrodidae", 1)]
    assert bench.interval.skipped == (("colourless", 4),)


def test_a_store_that_does_not_keep_that_colour_was_seen_stops_no_loop(bench: Bench) -> None:
    bench.add("1.png", scene((16, 16, BLUE)))
    pipeline = bench.build()
    with refusing(bench.state / "fieldeye.db", "INSERT ON setting"):
        pipeline.run(bench.stop)
    assert [(c.label, c.count) for c in bench.interval.counts] == [("Pieris", 1)]


def test_a_trap_that_looks_with_a_lower_threshold_counts_nothing_that_hung_there_before(bench: Bench) -> None:
    faint = (242, 0, 0)  # seen with a confidence of 0.2
    bench.add("1.png", scene())
    bench.add("2.png", scene((8, 8, faint)))
    bench.build(mode="trap").run(bench.stop)
    bench.parts.close()
    bench.more = "[model]\nconfidence = 0.1\n"
    for name in ("1.png", "2.png"):
        (bench.pictures / name).unlink()
    bench.add("3.png", scene((8, 8, faint), (40, 40, RED)))
    bench.build(mode="trap").run(bench.stop)
    assert [(c.label, c.count) for c in bench.interval.counts] == [("Aleyrodidae", 1)]


def test_a_card_that_cannot_be_kept_begins_anew_after_a_restart(bench: Bench) -> None:
    bench.add("1.png", scene((8, 8, BLUE)))
    bench.build(mode="trap").run(bench.stop)
    (bench.pictures / "1.png").unlink()
    (bench.state / "card.npz.new").mkdir()  # where it is written first
    bench.add("2.png", scene((8, 8, BLUE), (40, 40, RED)))
    bench.parts.close()
    bench.build(mode="trap").run(bench.stop)
    assert [(c.label, c.count) for c in bench.interval.counts] == [("Aleyrodidae", 1)]
    bench.parts.close()
    bench.build(mode="trap").run(bench.stop)
    assert bench.interval.counts == NoData("unmatched")


def test_a_card_on_a_disk_that_takes_no_change_is_one_line_in_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    (bench.state / "card.npz").mkdir()
    bench.add("1.png", scene((8, 8, BLUE)))
    bench.build(mode="trap").run(bench.stop)
    assert bench.interval.skipped == (("unmatched", 1),)
    assert [record.message for record in caplog.records].count("card_not_kept") == 1


@pytest.mark.parametrize(("missed", "sightings"), [(2, 1), (3, 2)])
def test_an_insect_that_is_missed_on_two_pictures_running_is_none_that_came_again(
    missed: int, sightings: int, bench: Bench
) -> None:
    seen = [1, *[0] * missed, 1]
    for number, shown in enumerate(seen):
        bench.add(f"{number}.png", scene((8 * (number % 2), 48, (90, 90, 90)), *[(16, 16, BLUE)] * shown))
    bench.build().run(bench.stop)
    assert bench.interval.frames == len(seen)
    assert len(bench.sightings) == sightings


@pytest.mark.parametrize(("every_s", "longest_gap_s"), [(20.0, 60.0), (1.0, 30.0)])
def test_time_goes_on_over_two_pictures_that_are_missed_and_over_half_a_minute_of_a_fast_camera(
    every_s: float, longest_gap_s: float, tmp_path: Path
) -> None:
    detector = Detector(load_bundle(write_model(tmp_path / "squares.onnx")))
    camera = CameraTable(kind="folder", source="field", every_s=every_s)
    counter = Counter(detector, camera, KeptCard(tmp_path, detector.identity), keeps_card=False)
    assert counter.longest_gap_s == longest_gap_s


@dataclass
class Counting:
    """What is counted on one picture a minute, without a loop round it."""

    folder: Path
    mode: Mode = "trap"
    keeps_card: bool = True
    labels: Sequence[str] = LABELS
    confidence: float | None = None
    taken: int = 0

    def __post_init__(self) -> None:
        bundle = load_bundle(write_model(self.folder / "squares.onnx", Net(metadata=facts(self.labels))))
        camera, card = CameraTable(kind="folder", source="field", mode=self.mode), KeptCard(self.folder, "squares")
        self.counter = Counter(Detector(bundle, confidence=self.confidence), camera, card, keeps_card=self.keeps_card)
        self.tally = Tally(start=instant())

    def looked(self, picture: Image, *, is_late: bool = False) -> Counted:
        frame = Frame(picture, picture[..., 1], instant(60.0 * self.taken), "field", 0)
        told = self.counter.looked(frame, self.tally, is_late=is_late)
        self.tally, self.taken = told.tally, self.taken + 1
        return told


def test_what_lay_on_a_card_before_is_in_view_and_no_effort(tmp_path: Path) -> None:
    told = Counting(tmp_path).looked(scene((8, 8, BLUE)))
    assert (told.no_effort, told.on_card, told.tally.frames) == ("unmatched", 1, 0)


def test_a_card_that_is_not_kept_counts_none_and_hangs_for_no_time(tmp_path: Path) -> None:
    trap = Counting(tmp_path, keeps_card=False)
    told = [trap.looked(scene((8, 8, BLUE), *more)) for more in ((), ((40, 40, RED),))]
    assert [one.no_effort for one in told] == ["not_kept", "not_kept"]
    assert (trap.tally.frames, trap.tally.counted, trap.tally.exposed_s) == (0, {}, None)


def test_an_insect_that_came_as_another_fell_is_a_sighting(tmp_path: Path) -> None:
    trap = Counting(tmp_path)
    trap.looked(scene((8, 8, BLUE)))
    told = trap.looked(scene((40, 40, BLUE)))
    assert [(one.label, number) for one, number in told.arrived] == [("Pieris", 1)]
    assert told.tally.counted == {"Pieris": 1}


def test_what_a_drop_on_the_lens_hides_for_half_an_hour_of_pictures_a_minute_is_not_new_when_it_dries(
    tmp_path: Path,
) -> None:
    trap, hidden, dry = Counting(tmp_path), scene((40, 40, RED)), scene((40, 40, RED), (8, 8, BLUE))
    told = [trap.looked(picture) for picture in (hidden, dry, *[hidden] * 30, dry)]
    assert [one.on_card for one in told] == [1, 2, 2, *[1] * 29, 2]
    assert trap.tally.counted == {"Pieris": 1}


def test_a_picture_that_shows_no_known_card_is_no_time_in_which_one_hung(tmp_path: Path) -> None:
    trap = Counting(tmp_path)
    another = np.random.default_rng(8).integers(60, 200, (64, 64, 3)).astype(np.uint8)
    told = [trap.looked(picture) for picture in (scene((8, 8, BLUE)), another, scene((8, 8, BLUE)))]
    assert [one.no_effort for one in told] == ["unmatched", "unmatched", ""]
    assert [(one.on_card, one.tally.exposed_s) for one in told] == [(1, None), (None, None), (1, 120.0)]


def test_what_a_late_picture_showed_is_news_when_the_next_one_in_time_shows_it(tmp_path: Path) -> None:
    leaf = Counting(tmp_path, mode="leaf")
    told = [leaf.looked(scene((8, 8, BLUE)), is_late=is_late) for is_late in (True, False)]
    assert [[(one.label, number) for one, number in one.arrived] for one in told] == [[], [("Pieris", 1)]]


def test_what_the_model_is_not_sure_of_is_not_seen(tmp_path: Path) -> None:
    seen = [Counting(tmp_path, confidence=least).looked(scene((8, 8, BLUE))).seen for least in (0.9999, 0.99999)]
    assert [len(one) for one in seen] == [1, 0]


def test_a_sighting_tells_name_and_life_stage_apart(tmp_path: Path) -> None:
    trap = Counting(tmp_path, labels=("Lepidoptera (larva)", "Aleyrodidae"))
    trap.looked(scene((40, 0, RED)))
    ((one, number),) = trap.looked(scene((40, 0, RED), (8, 8, BLUE))).arrived
    sighting = trap.counter.sighting(one, number, instant())
    assert (sighting.label, sighting.stage, sighting.count) == ("Lepidoptera", "larva", 1)


def test_more_of_a_taxon_is_a_new_sighting(bench: Bench) -> None:
    bench.add("1.png", scene((0, 0, BLUE)))
    bench.add("2.png", scene((0, 0, BLUE), (32, 32, BLUE), (32, 0, RED)))
    bench.build().run(bench.stop)
    assert [(s.label, s.count) for s in bench.sightings] == [("Pieris", 1), ("Pieris", 2), ("Aleyrodidae", 1)]


def test_pictures_that_cannot_be_used_are_counted_by_reason_and_the_loop_goes_on(bench: Bench) -> None:
    good = cv2.imencode(".jpg", scene((16, 16, BLUE)))[1].tobytes()
    bench.add("1.jpg", good[: len(good) // 2])
    bench.add("2.jpg", b"")
    bench.add("3.jpg", b"this is no picture")
    bench.add("4.png", np.zeros((64, 64, 3), np.uint8))
    bench.add("5.png", scene((16, 16, BLUE)))
    bench.build().run(bench.stop)
    skipped = dict(bench.interval.skipped)
    assert (sum(skipped.values()), skipped["dark"], bench.interval.frames) == (4, 1, 1)
    assert dict(bench.board.snapshot().camera.skipped) == skipped
    assert len(bench.sightings) == 1


def test_after_a_picture_that_cannot_be_used_the_next_look_comes_in_its_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.pipeline.REST_S", 0.01)
    turns = iter(range(5))
    bench.turned = lambda: None if next(turns) < 4 else bench.stop.set()
    bench.add("1.png", b"no picture")
    bench.build(mode="leaf", loop=True, every_s=3600).run(bench.stop)
    assert bench.interval.skipped == (("not_an_image", 1),)


@pytest.mark.parametrize(
    ("mode", "picture", "reason"),
    [
        ("live", np.zeros((64, 64, 3), np.uint8), "dark"),
        ("live", RICE_BUG[..., [1, 1, 1]], "colourless"),
        ("leaf", RICE_BUG[..., [1, 1, 1]], "colourless"),
    ],
    ids=["dark", "infrared", "infrared on a leaf"],
)
def test_a_night_that_shows_nothing_or_no_colour_is_no_data_and_not_a_zero(
    bench: Bench, mode: str, picture: Image, reason: str
) -> None:
    bench.add("1.png", picture)
    bench.build(mode=mode).run(bench.stop)
    assert bench.interval.counts == NoData(reason)


@pytest.mark.parametrize("picture", [scene(), WALL], ids=["plants", "wall"])
def test_looking_at_an_empty_scene_is_a_zero(bench: Bench, picture: Image) -> None:
    bench.add("1.png", picture)
    bench.build().run(bench.stop)
    assert (bench.interval.counts, bench.interval.frames) == ((), 1)


def test_intervals_end_in_time_and_none_of_their_frames_is_counted_twice(
    bench: Bench, running: Callable[[Pipeline, Event], Thread]
) -> None:
    bench.add("1.png", scene((16, 16, BLUE)))
    pipeline = bench.build(mode="trap", interval_s=1, loop=True, every_s=0.01)
    thread = running(pipeline, bench.stop)
    wait_until(lambda: bench.store.waiting()[0] >= 3, within_s=20)
    bench.stop.set()
    thread.join(60)
    stored = bench.store.records_between_seq(1, 1000)
    frames = sum(s.record.frames for s in stored if isinstance(s.record, Interval))
    assert frames == bench.board.snapshot().camera.looked


def test_an_interval_ends_in_time_however_long_the_next_look_is_away(
    bench: Bench, running: Callable[[Pipeline, Event], Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.pipeline.REST_S", 0.05)
    bench.add("1.png", scene((16, 16, BLUE)))
    running(bench.build(mode="trap", interval_s=1, loop=True, every_s=FOREVER), bench.stop)
    wait_until(lambda: bench.store.latest_interval() is not None, within_s=20)
    assert not bench.stop.is_set()


def test_a_stop_commits_the_open_interval(bench: Bench, running: Callable[[Pipeline, Event], Thread]) -> None:
    bench.add("1.png", scene())
    thread = running(bench.build(mode="trap", loop=True, every_s=0.01), bench.stop)
    wait_until(lambda: bench.board.snapshot().camera.looked >= 3, within_s=20)
    assert bench.store.latest_interval() is None
    bench.stop.set()
    thread.join(60)
    assert bench.interval.frames == bench.board.snapshot().camera.looked


def test_a_stop_is_obeyed_at_once_in_the_pause_between_two_looks(
    bench: Bench, running: Callable[[Pipeline, Event], Thread]
) -> None:
    bench.add("1.png", scene())
    thread = running(bench.build(loop=True, every_s=FOREVER), bench.stop)
    wait_until(lambda: bench.board.snapshot().camera.looked == 1, within_s=20)
    bench.stop.set()
    thread.join(60)
    assert not thread.is_alive()


def test_the_last_picture_of_a_folder_ends_the_loop_without_another_pause(bench: Bench) -> None:
    states: list[str] = []
    bench.turned = lambda: states.append(bench.board.snapshot().camera.state)
    bench.add("1.png", scene())
    bench.build(every_s=0.3).run(bench.stop)
    assert (bench.board.snapshot().camera.state, set(states)) == ("ended", {"starting", "ok"})


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a camera."""
    monkeypatch.setattr("edge.cameras.reader.JOIN_S", 0.3)
    monkeypatch.setattr("edge.cameras.opening.FIRST_WAIT_S", 0.05)
    monkeypatch.setattr("edge.pipeline.REST_S", 0.05)
    monkeypatch.setattr("edge.pipeline.READ_S", 0.5)


@pytest.mark.usefixtures("hasty")
def test_a_camera_that_is_missing_is_said_and_the_loop_waits_for_it(
    bench: Bench, running: Callable[[Pipeline, Event], Thread]
) -> None:
    running(bench.build(loop=True, every_s=FOREVER), bench.stop)
    wait_until(lambda: bench.board.snapshot().camera.state == "missing", within_s=20)
    assert "correct camera.source" in bench.board.snapshot().camera.detail
    bench.add("1.png", scene((16, 16, BLUE)))
    wait_until(lambda: len(bench.sightings) == 1, within_s=30)
    wait_until(lambda: bench.board.snapshot().camera.state == "ok", within_s=5)  # said after the record is safe


@pytest.mark.usefixtures("hasty")
def test_a_camera_that_is_lost_or_back_between_two_looks_is_said_at_once(
    bench: Bench, running: Callable[[Pipeline, Event], Thread]
) -> None:
    device = IllDevice()
    running(bench.build(every_s=FOREVER, device=device), bench.stop)
    wait_until(lambda: bench.board.snapshot().camera.state == "ok", within_s=5)
    device.hangs.set()
    wait_until(lambda: bench.board.snapshot().camera.state == "stalled", within_s=5)
    assert "look at its cable" in bench.board.snapshot().camera.detail
    device.hangs.clear()
    wait_until(lambda: bench.board.snapshot().camera.state == "ok", within_s=5)
    assert bench.board.snapshot().camera.detail == ""


@pytest.mark.usefixtures("hasty")
def test_a_camera_that_takes_longer_than_one_read_to_start_does_not_wait_for_the_next_look(
    bench: Bench, running: Callable[[Pipeline, Event], Thread]
) -> None:
    device = IllDevice()
    device.hangs.set()
    running(bench.build(every_s=FOREVER, device=device), bench.stop)
    wait_until(lambda: "starting, no new picture" in bench.board.snapshot().camera.detail, within_s=5)
    device.hangs.clear()
    wait_until(lambda: bench.board.snapshot().camera.frames == 1, within_s=5)


def test_pictures_that_take_longer_to_put_in_order_than_one_read_do_not_wait_for_the_next_look(
    bench: Bench, running: Callable[[Pipeline, Event], Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.pipeline.READ_S", 0.1)
    monkeypatch.setattr("edge.cameras.folder.own_time", lambda _: time.sleep(0.05))
    for number in range(6):
        bench.add(f"{number}.png", scene((16, 16, BLUE)))
    running(bench.build(every_s=FOREVER), bench.stop)
    wait_until(lambda: bench.board.snapshot().camera.looked == 1, within_s=10)
    assert bench.board.snapshot().camera.detail == ""


class BrokenAtFirst(IllDevice):
    """Its first picture is cut off."""

    def picture(self) -> tuple[Image, Image]:
        if not self.bad.is_set():
            self.bad.set()
            raise BadFrameError("half a picture", reason="truncated")
        image = scene((16, 16, BLUE))
        return image, image[..., 0].copy()


def test_a_broken_picture_of_a_live_camera_does_not_cost_the_look(
    bench: Bench, running: Callable[[Pipeline, Event], Thread]
) -> None:
    running(bench.build(mode="leaf", every_s=FOREVER, device=BrokenAtFirst()), bench.stop)
    wait_until(lambda: bench.board.snapshot().camera.looked == 1, within_s=20)
    assert bench.board.snapshot().camera.skipped == {"truncated": 1}


class OnePicture(IllDevice):
    """Its driver hangs from then on."""

    def picture(self) -> tuple[Image, Image]:
        self.hangs.set()
        image = scene((16, 16, BLUE))
        return image, image[..., 0].copy()


@pytest.mark.usefixtures("hasty")
def test_a_camera_that_only_a_new_process_frees_ends_the_loop_with_what_was_counted_committed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.cameras.opening.STUCK_S", 0.0)
    device = OnePicture()
    with pytest.raises(ThreadStuckError):
        bench.build(every_s=FOREVER, device=device).run(bench.stop)
    device.hangs.clear()
    assert [(c.label, c.count) for c in bench.interval.counts] == [("Pieris", 1)]


def test_each_commit_wakes_the_publisher(bench: Bench) -> None:
    bench.add("1.png", scene((16, 16, BLUE)))
    bench.build().run(bench.stop)
    assert bench.wakes == 2  # the sighting, and the interval at the end


def test_what_the_card_refuses_is_said_kept_and_committed_once_it_can_be(
    bench: Bench, running: Callable[[Pipeline, Event], Thread]
) -> None:
    bench.add("1.png", scene((16, 16, BLUE)))
    pipeline = bench.build(mode="leaf", interval_s=1, loop=True, every_s=0.05)
    with refusing(bench.state / "fieldeye.db", "INSERT ON record"):
        running(pipeline, bench.stop)
        wait_until(lambda: "no room" in bench.board.snapshot().store, within_s=20)
        looked = bench.board.snapshot().camera.looked
        wait_until(lambda: bench.board.snapshot().camera.looked > looked + 2, within_s=20)
        assert bench.sightings == []
    wait_until(lambda: len(bench.sightings) == 1, within_s=20)
    wait_until(lambda: bench.board.snapshot().store == "", within_s=20)


def test_after_a_power_cut_only_insects_whose_interval_was_lost_are_new_again_also_on_a_card_that_refused_before(
    bench: Bench, running: Callable[[Pipeline, Event], Thread], tmp_path: Path
) -> None:
    before, waited, after = (8, 8, BLUE), (40, 40, RED), (8, 40, BLUE)
    card, blocked = bench.state / "card.npz", bench.state / "card.npz.new"

    def end_interval(area_mm2: float) -> None:
        save_calibration(bench.state, Calibration(at=NOON, who="Mei", rotation_deg=0, typed_area_mm2=area_mm2))

    bench.add("1.png", scene(before))
    running(bench.build(mode="trap", loop=True, every_s=0.05), bench.stop)
    wait_until(lambda: bench.board.snapshot().camera.looked > 0, within_s=20)
    end_interval(400.0)
    wait_until(lambda: bench.board.snapshot().calibration is not None, within_s=20)  # then it is committed
    assert card.exists()
    blocked.mkdir()
    with refusing(bench.state / "fieldeye.db", "INSERT ON record"):
        bench.add("1.png", scene(before, waited))
        wait_until(lambda: "no room" in bench.board.snapshot().store, within_s=20)
        end_interval(500.0)
        wait_until(lambda: not card.exists(), within_s=20)
        blocked.rmdir()
    bench.add("1.png", scene(before, waited, after))
    wait_until(lambda: len(bench.sightings) == 2, within_s=20)
    shutil.copytree(bench.state, tmp_path / "cut/state")  # what a power cut leaves
    cut = Bench(tmp_path / "cut", bench.parts)
    cut.add("1.png", scene(before, waited, after))
    cut.build(mode="trap").run(cut.stop)
    assert [(one.label, one.count) for one in cut.interval.counts] == [("Pieris", 1)]


def test_a_trap_keeps_its_card_before_the_interval_is_committed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bool] = []
    monkeypatch.setattr(bench, "_woken", lambda: kept.append((bench.state / "card.npz").exists()))
    bench.add("1.png", scene((8, 8, BLUE)))
    bench.add("2.png", scene((8, 8, BLUE), (40, 40, RED)))
    bench.build(mode="trap").run(bench.stop)
    assert kept == [False, True]  # with the sighting, with the interval


def test_a_trap_holds_the_card_of_the_last_interval_no_longer_than_the_disk_refuses_it(
    bench: Bench, running: Callable[[Pipeline, Event], Thread]
) -> None:
    def held() -> int:
        gc.collect()
        return sum(type(one) is Card for one in gc.get_objects())

    others = held()
    bench.add("1.png", scene((8, 8, BLUE)))
    running(bench.build(mode="trap", loop=True, every_s=0.05), bench.stop)
    wait_until(lambda: bench.board.snapshot().camera.looked > 0, within_s=20)
    save_calibration(
        bench.state, Calibration(at=NOON, who="Mei", rotation_deg=0, typed_area_mm2=500.0)
    )  # ends the interval
    wait_until((bench.state / "card.npz").exists, within_s=20)
    bench.add("1.png", scene((8, 8, BLUE), (40, 40, RED)))
    wait_until(lambda: len(bench.sightings) == 1, within_s=20)
    wait_until(lambda: held() == others + 1, within_s=20)


def test_a_sighting_that_had_to_wait_does_not_get_a_later_picture(
    bench: Bench, running: Callable[[Pipeline, Event], Thread]
) -> None:
    bench.add("1.png", scene((16, 16, BLUE)))
    pipeline = bench.build(loop=True, every_s=0.05)
    with refusing(bench.state / "fieldeye.db", "INSERT ON record"):
        running(pipeline, bench.stop)
        wait_until(lambda: "no room" in bench.board.snapshot().store, within_s=20)
    bench.add("2.png", scene((16, 16, BLUE), (40, 40, RED)))
    wait_until(lambda: len(bench.sightings) == 2, within_s=20)
    waited, fresh = bench.sightings
    assert (waited.label, waited.picture) == ("Pieris", None)
    assert fresh.label == "Aleyrodidae"
    assert fresh.picture is not None


def test_records_that_no_card_took_end_the_loop_with_the_reason(bench: Bench) -> None:
    bench.add("1.png", scene((16, 16, BLUE)))
    pipeline = bench.build()
    with refusing(bench.state / "fieldeye.db", "INSERT ON record"), pytest.raises(StoreError, match="no room"):
        pipeline.run(bench.stop)


def test_of_more_than_memory_takes_the_oldest_of_the_least_urgent_go_and_are_counted_while_the_card_takes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge.loop.commits.MOST_UNKEPT", 4)
    board = StatusBoard(instant())
    board.show(store="the card is dead")  # so what is committed is kept in memory
    with closing(open_store(tmp_path)) as store:
        commits = Commits(store, board, KeptCard(tmp_path, "pests@0.1.0"), lambda: None)
        with refusing(tmp_path / "fieldeye.db", "INSERT ON record"):
            commits.commit([alert()])
            for n in (1, 2, 3):
                commits.commit([sighting(count=n)])
                commits.commit_interval(interval(3600.0 * n), None)
            assert "no room" in board.snapshot().store
        assert store.health().lost == 0
        commits.commit([sighting(count=4)])
        kept = [one.record for one in all_records(store)]
        assert kept == [alert(), *(interval(3600.0 * n) for n in (1, 2, 3)), sighting(count=4)]
        assert store.health().lost == 3
        commits.commit([sighting(count=5)])
        assert store.health().lost == 3
        assert board.snapshot().store == "the card is dead"
    assert [line.message for line in caplog.records].count("store_trouble_changed") == 2  # that it began, and ended


def test_a_catch_over_its_threshold_is_an_alert_in_the_store_and_on_the_board(bench: Bench) -> None:
    bench.more = '[[advice.threshold]]\nlabel = "Pieris"\nunit = "insects/trap/night"\nact_at = 2\n'
    bench.add("1.png", scene((8, 8, BLUE)))
    bench.add("2.png", scene((8, 8, BLUE), (40, 40, BLUE), (40, 8, BLUE)))
    bench.build(mode="trap").run(bench.stop)
    (standing,) = bench.board.snapshot().alerts
    assert (standing.threshold.scientific_name, standing.level, standing.count) == ("Pieris", "look", 2)
    alerts = [one.record for one in bench.store.records_between_seq(1, 99) if isinstance(one.record, Alert)]
    assert [(alert.label, alert.level, alert.value) for alert in alerts] == [("Pieris", "look", 2)]


def test_a_level_from_before_the_clock_was_set_has_its_time_before_the_next_interval(
    bench: Bench, running: Callable[[Pipeline, Event], Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.more = '[[advice.threshold]]\nlabel = "Pieris"\nunit = "insects/trap/night"\nact_at = 1\n'
    bench.add("1.png", scene((8, 8, BLUE)))
    bench.add("2.png", scene((8, 8, BLUE), (40, 40, BLUE)))
    monkeypatch.setattr("edge.clock.clock_is_set", lambda: False)
    bench.build(mode="trap").run(bench.stop)
    bench.parts.close()
    monkeypatch.setattr("edge.clock.clock_is_set", lambda: True)
    running(bench.build(mode="trap", loop=True, every_s=0.05), bench.stop)
    wait_until(lambda: bench.board.snapshot().camera.looked > 0, within_s=20)
    (standing,) = bench.board.snapshot().alerts
    assert (standing.level, standing.since and standing.since.state) == ("look", ClockState.CORRECTED)


def test_a_level_whose_alert_the_card_refuses_is_not_shown_when_the_clock_is_set(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.more = '[[advice.threshold]]\nlabel = "Pieris"\nunit = "insects/trap/night"\nact_at = 1\n'
    bench.add("1.png", scene((8, 8, BLUE)))
    bench.add("2.png", scene((8, 8, BLUE), (40, 40, BLUE)))
    pipeline = bench.build(mode="trap")
    with refusing(bench.state / "fieldeye.db", "INSERT ON record WHEN new.priority = 0"):  # an alert
        for is_set in (False, True):
            monkeypatch.setattr("edge.clock.clock_is_set", lambda known=is_set: known)
            with pytest.raises(StoreError, match="no room"):
                pipeline.run(bench.stop)
            assert bench.board.snapshot().alerts == ()
    pipeline.run(bench.stop)
    assert [one.level for one in bench.board.snapshot().alerts] == ["look"]


def test_what_the_model_can_tell_is_kept_with_its_name_and_version(bench: Bench) -> None:
    bench.add("1.png", scene((8, 8, BLUE)))
    bench.build().run(bench.stop)
    bundle = load_bundle(bench.folder / "squares.onnx")
    assert load(bench.store) == {bench.interval.model: frozenset(bundle.labels)}


def test_one_spot_looked_at_again_and_again_is_a_share_of_pictures_and_never_of_leaves(bench: Bench) -> None:
    own = '[[advice.threshold]]\nlabel = "Pieris"\nunit = "{}"\nact_at = 10\n'
    bench.more = own.format("% leaves") + own.format("% pictures")
    for n in range(24):
        bench.add(f"{n:02}.png", scene((8, 8, BLUE), (40, 40, (n, n, n))))
    bench.build(mode="leaf").run(bench.stop)
    alerts = [one.record for one in bench.store.records_between_seq(1, 99) if isinstance(one.record, Alert)]
    assert [(alert.unit, alert.value, alert.low, alert.high) for alert in alerts] == [("% pictures", 100, None, None)]


def test_only_what_lies_in_the_calibrated_region_counts_and_has_a_density(bench: Bench) -> None:
    left = Region(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    save_calibration(bench.state, Calibration(at=NOON, who="Mei", rotation_deg=0, typed_area_mm2=500.0, region=left))
    bench.add("1.png", scene((8, 8, BLUE), (40, 40, BLUE)))
    bench.build().run(bench.stop)
    assert [(c.label, c.count) for c in bench.interval.counts] == [("Pieris", 1)]
    assert per_m2(bench.interval.counts[0], bench.interval) == pytest.approx(2000)
    assert bench.board.snapshot().calibration == load_calibration(bench.state, 0)


@pytest.mark.parametrize(
    ("size_px", "area_mm2", "trouble"),
    [
        ((128, 128), 164, ""),
        ((1280, 1275), 16320, ""),
        ((128, 64), None, "made on a picture of 128x64 px, which is 64x64 now; calibrate the camera again"),
    ],
)
def test_a_picture_of_another_shape_than_the_one_that_was_measured_has_no_area_and_says_so(
    size_px: tuple[int, int], area_mm2: int | None, trouble: str, bench: Bench
) -> None:
    scale = Scale((0.1, 0, 0, 0, 0.1, 0, 0, 0, 1), *size_px, error_px=0.1, uneven=0.0, corners=24)
    save_calibration(bench.state, Calibration(at=NOON, who="Mei", rotation_deg=0, scale=scale))
    bench.add("1.png", scene((8, 8, BLUE)))
    bench.build().run(bench.stop)
    shown = bench.board.snapshot()
    assert bench.interval.area_mm2 == area_mm2
    assert shown.uncalibrated.endswith(trouble)
    assert (shown.calibration is None, shown.uncalibrated != "") == (area_mm2 is None, area_mm2 is None)


@pytest.mark.parametrize("mode", ["live", "trap"])
def test_a_kept_picture_tells_apart_what_was_found_outside_the_region(mode: str, bench: Bench) -> None:
    left = Region(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    save_calibration(bench.state, Calibration(at=NOON, who="Mei", rotation_deg=0, region=left))
    bench.add("1.png", scene((40, 40, RED)))
    bench.add("2.png", scene((8, 8, BLUE), (40, 40, RED)))  # new on a card
    bench.build(mode=mode).run(bench.stop)
    picture = bench.sightings[0].picture
    assert picture
    content = bench.store.picture(picture)
    assert content
    assert [seen.label for seen in annotated(content)] == ["Pieris"]
    (outside,) = found_outside(content)
    assert outside.label == "Aleyrodidae"
    assert outside.box == pytest.approx((40 / 64, 40 / 64, 48 / 64, 48 / 64), abs=1e-3)


@pytest.mark.parametrize(("confidence", "has_range"), [(None, True), (0.5, True), (0.6, False)])
def test_at_another_confidence_than_the_model_s_own_a_count_has_no_range(
    confidence: float | None, has_range: bool, bench: Bench
) -> None:
    bench.more = "" if confidence is None else f"[model]\nconfidence = {confidence}\n"
    bench.add("1.png", scene((8, 8, BLUE)))
    bench.build().run(bench.stop)
    (one,) = bench.interval.counts
    assert (one.count, one.low is not None, one.high is not None) == (1, has_range, has_range)


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_picture_that_is_turned_takes_its_region_along_or_has_none(by_hand: bool, bench: Bench) -> None:
    left = Region(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    save_calibration(bench.state, Calibration(at=NOON, who="Mei", region=left, rotation_deg=0))
    if not by_hand:
        let_turn(bench.state, 0, 180)
    bench.add("1.png", scene((8, 8, BLUE), (40, 8, BLUE), (40, 40, BLUE)))
    bench.build(rotation_deg=180).run(bench.stop)
    assert [c.count for c in bench.interval.counts] == [3 if by_hand else 1]
    assert ("calibrate the camera again" in bench.board.snapshot().uncalibrated) == by_hand


def test_a_trap_is_full_when_its_card_is_and_not_the_picture(bench: Bench) -> None:
    bench.add("1.png", scene(*((0, top, BLUE) for top in range(0, 64, 8))))
    for corners, is_full in ((WHOLE, False), (((0, 0), (0.15, 0), (0.15, 1), (0, 1)), True)):
        save_calibration(bench.state, Calibration(at=NOON, who="Mei", rotation_deg=0, region=Region(corners)))
        bench.build(mode="trap").run(bench.stop)
        assert bench.interval.saturated == is_full
        bench.parts.close()


def test_a_trap_whose_region_grows_counts_nothing_that_lay_outside(bench: Bench) -> None:
    left = Region(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    other = (40, 40, BLUE)
    for region, insects, told in ((left, (), NoData("unmatched")), (left, (other,), ()), (EVERYTHING, (other,), ())):
        save_calibration(bench.state, Calibration(at=NOON, who="Mei", rotation_deg=0, region=region))
        bench.add("1.png", scene((8, 8, BLUE), (8, 40, BLUE), *insects))
        bench.build(mode="trap").run(bench.stop)
        assert bench.interval.counts == told
        bench.parts.close()


def test_without_a_calibration_there_is_no_density(bench: Bench) -> None:
    bench.add("1.png", scene((8, 8, BLUE)))
    bench.build().run(bench.stop)
    assert per_m2(bench.interval.counts[0], bench.interval) is None


def test_a_calibration_saved_while_the_node_runs_ends_the_interval_that_had_another_area(
    bench: Bench, running: Callable[[Pipeline, Event], Thread]
) -> None:
    bench.add("1.png", scene((8, 8, BLUE)))
    running(bench.build(loop=True, every_s=0.05), bench.stop)
    wait_until(lambda: bench.board.snapshot().camera.looked >= 1, within_s=20)
    save_calibration(bench.state, Calibration(at=NOON, who="Mei", rotation_deg=0, typed_area_mm2=500.0))
    wait_until(lambda: bench.board.snapshot().calibration is not None, within_s=20)
    assert bench.interval.area_mm2 is None


def test_focus_and_light_are_watched_against_the_day_of_focusing(bench: Bench) -> None:
    sharp = scene((8, 8, BLUE))
    reference = focused(sharp, EVERYTHING)
    save_calibration(bench.state, Calibration(at=NOON, who="Mei", rotation_deg=0, focus=reference))
    bench.add("1.png", cv2.GaussianBlur(sharp, (0, 0), 2))
    bench.build().run(bench.stop)
    assert (bench.board.snapshot().camera.focus, bench.board.snapshot().camera.light) == ("blurred", "good")


def test_long_before_the_next_look_a_lens_is_no_longer_called_blurred_once_it_was_focused_again(
    bench: Bench, running: Callable[[Pipeline, Event], Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.pipeline.REST_S", 0.01)
    sharp = scene((8, 8, BLUE))
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 2), np.uint8)
    measured = Calibration(at=NOON, who="Mei", rotation_deg=0, focus=focused(sharp, EVERYTHING))
    save_calibration(bench.state, measured)
    bench.add("1.png", blurred)
    running(bench.build(loop=True, every_s=FOREVER), bench.stop)
    wait_until(lambda: bench.board.snapshot().camera.focus == "blurred", within_s=20)
    focused_again = replace(measured, focus=focused(blurred, EVERYTHING))
    counted, typed = replace(measured, counted_by_eye=3), replace(measured, typed_area_mm2=500.0)
    for saved, focus, frames in ((counted, "blurred", []), (typed, "blurred", [1]), (focused_again, "unknown", [1])):
        save_calibration(bench.state, saved)
        wait_until(lambda one=saved: bench.board.snapshot().calibration == one, within_s=20)
        assert bench.board.snapshot().camera.focus == focus
        records = [one.record for one in bench.store.records_between_seq(1, 99)]  # another area ends what has a picture
        assert [one.frames for one in records if isinstance(one, Interval)] == frames


def test_while_somebody_looks_more_frames_are_shown_than_are_counted(
    bench: Bench, running: Callable[[Pipeline, Event], Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.pipeline.PREVIEW_S", 0.1)
    monkeypatch.setattr("edge.pipeline.REST_S", 0.5)
    with network_camera() as source:
        running(bench.build(every_s=FOREVER, address=source.address), bench.stop)
        wait_until(lambda: bench.board.snapshot().camera.frames == 1, within_s=20)
        shown = [bench.board.frame()]  # kept, or the next might lie where the last one did

        def look() -> bool:
            bench.board.watch(time.monotonic())
            frame = bench.board.frame()
            assert frame is not None
            if not any(frame is one for one in shown):
                shown.append(frame)
            return len(shown) >= 4 and bench.board.seen_on(frame) is not None

        wait_until(look, within_s=20)
        camera = bench.board.snapshot().camera
        assert camera.frames == 1
        assert camera.last_frame is not None
        bench.stop.set()


@pytest.mark.parametrize(("slowest_s", "unit"), [(60.0, "visits"), (0.0, "max_per_frame")])
def test_a_node_whose_looks_take_too_long_to_know_an_insect_again_tells_the_most_on_one_picture(
    slowest_s: float, unit: str, bench: Bench, running: Callable[[Pipeline, Event], Thread],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("edge.pipeline.SLOWEST_S", slowest_s)
    with network_camera() as source:
        thread = running(bench.build(every_s=0.05, address=source.address), bench.stop)
        wait_until(lambda: bench.board.snapshot().camera.looked >= 2, within_s=20)
        bench.stop.set()
        thread.join(60)
    assert bench.interval.unit == unit


class Thermometer(NoSensor):
    """Two readings at once, then none."""

    def __init__(self) -> None:
        self.left = [Reading(20.0, 0.5), Reading(30.0, 0.9), Reading(float("nan"))]

    def readings(self, now_s: float) -> list[Reading]:  # noqa: ARG002
        told, self.left = self.left, []
        return told


def test_an_interval_carries_the_weather_of_its_hour(bench: Bench) -> None:
    bench.climate = Thermometer()
    bench.add("1.png", scene())
    bench.build().run(bench.stop)
    climate = bench.interval.climate
    assert climate is not None
    assert (climate.readings, climate.temperature_c.mean, climate.temperature_c.most) == (2, 25.0, 30.0)
    assert climate.humidity is not None
    assert climate.humidity.least == 0.5


def test_without_a_sensor_there_is_no_weather(bench: Bench) -> None:
    bench.add("1.png", scene())
    bench.build().run(bench.stop)
    assert bench.interval.climate is None


def leaf(*lefts: int) -> Image:
    """A leaf between two strips of paper, with blue squares of 8 px at these places."""
    picture = np.full((64, 64, 3), (60, 160, 70), np.uint8)
    picture[:, :4] = picture[:, -4:] = 200
    for left in lefts:
        picture[24:32, left : left + 8] = BLUE
    return picture


def test_a_leaf_camera_tells_how_much_of_the_leaf_is_sick(bench: Bench) -> None:
    bench.labels = RUST
    bench.add("1.png", leaf(24))
    bench.build(mode="leaf").run(bench.stop)
    assert bench.interval.severity == pytest.approx(64 / (64 * 56), abs=0.02)


@pytest.mark.parametrize("picture", [leaf(24), leaf()])
def test_an_insect_is_no_lesion_and_a_model_that_knows_none_calls_no_leaf_healthy(bench: Bench, picture: Image) -> None:
    bench.add("1.png", picture)
    bench.build(mode="leaf").run(bench.stop)
    assert bench.interval.severity is None


def test_a_sick_leaf_that_stays_is_one_sighting_though_its_spots_flicker(bench: Bench) -> None:
    bench.labels = RUST
    spots = [(8,), (8, 40), (8,), (), (8, 24, 40), (8,), (8, 24, 40)]
    for number, lefts in enumerate(spots):
        bench.add(f"{number}.png", leaf(*lefts))
    bench.build(mode="leaf").run(bench.stop)
    assert [(one.label, one.count) for one in bench.sightings] == [("Hemileia vastatrix", 1)]


STAINED = WALL.copy()
STAINED[24:32, 24:32] = BLUE
PAPER = Region(((0, 0), (0.05, 0), (0.05, 1), (0, 1)))  # beside the leaf


@pytest.mark.parametrize(
    ("pictures", "region", "frames", "skipped", "last"),
    [
        pytest.param([WALL], EVERYTHING, 0, {"no_leaf": 1}, "no_leaf", id="a wall"),
        pytest.param([WALL, leaf()], EVERYTHING, 1, {"no_leaf": 1}, "", id="a wall, then a leaf"),
        pytest.param([leaf(24)], PAPER, 0, {"no_leaf": 1}, "no_leaf", id="a leaf outside the region"),
        pytest.param([STAINED], EVERYTHING, 1, {}, "", id="a leaf that is brown all over, with a lesion"),
    ],
)
def test_a_picture_without_a_leaf_is_no_healthy_one(
    bench: Bench, pictures: list[Image], region: Region, frames: int, skipped: dict[str, int], last: str
) -> None:
    bench.labels = RUST
    save_calibration(bench.state, Calibration(at=NOON, who="Mei", rotation_deg=0, region=region))
    for number, picture in enumerate(pictures):
        bench.add(f"{number}.png", picture)
    bench.build(mode="leaf").run(bench.stop)
    told, camera = bench.interval, bench.board.snapshot().camera
    assert (told.frames, dict(told.skipped), isinstance(told.counts, NoData)) == (frames, skipped, not frames)
    assert (camera.looked, dict(camera.skipped), camera.last_skip) == (frames, skipped, last)


def test_under_a_red_lamp_or_on_brown_crops_the_healthy_pictures_stay_beside_the_sick_ones(bench: Bench) -> None:
    bench.labels = RUST
    for number, picture in enumerate([WALL, STAINED, WALL, leaf()]):
        bench.add(f"{number}.png", picture)
    bench.build(mode="leaf").run(bench.stop)
    told = bench.interval
    assert (told.frames, told.skipped, told.severity) == (4, (), None)
    assert [(one.label, one.count) for one in told.counts] == [("Hemileia vastatrix", 1)]


def test_the_leaf_outside_the_region_makes_the_one_inside_no_healthier(bench: Bench) -> None:
    bench.labels = RUST
    save_calibration(
        bench.state,
        Calibration(at=NOON, who="Mei", rotation_deg=0, region=Region(((0, 0), (0.3, 0), (0.3, 1), (0, 1)))),
    )
    bench.add("1.png", leaf(8))
    bench.build(mode="leaf").run(bench.stop)
    assert bench.interval.severity == pytest.approx(64 / (64 * 16), abs=0.01)
