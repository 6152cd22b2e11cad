"""A fed folder: each picture counts once, in the interval of its own time, however late and through power cuts."""

import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event

import cv2
import msgspec
import numpy as np
import pytest

from edge.boxes import Image
from edge.bundle import load_bundle
from edge.calibration import Calibration, Region, Scale, save_calibration
from edge.cameras import Frame, WatchedCamera, open_watched_camera
from edge.cameras.picture_files import identity, known_as, known_formerly_as, told_time, unusable_as
from edge.climate import ClimateSensor, NoSensor
from edge.clock import ClockState
from edge.config import StoreTable, parse_config
from edge.counts import Alert, Interval, NoData, Sighting, Spread
from edge.detector import Detector
from edge.errors import StoreDamagedError, StoreError
from edge.loop.commits import put_times_right
from edge.pipeline import Parts, Pipeline
from edge.status import StatusBoard
from edge.store import Store
from edge.store.file import PAGE_BYTES
from edge.weather import Reading
from edge.wire import Mark, Stored
from tests.cameras.test_folder import with_exif_time
from tests.clocks import NOON, SetClock
from tests.onnx_files import BLUE, RED, write_model
from tests.spoiling import refusing, spoil_an_index
from tests.test_pipeline import scene

HOUR_S = 3600.0
BROKEN_JPEG = b"\xff\xd8broken"
QUIET_TURNS = 3  # the loop has looked into the folder, and found nothing, in between
Step = Callable[[], None]


class PowerCut(BaseException):
    """The loop ends here, and what it held in memory with it."""


class Thermometer(NoSensor):
    """It is 20 °C and half damp whenever somebody asks."""

    def readings(self, now_s: float) -> list[Reading]:  # noqa: ARG002
        return [Reading(20.0, 0.5)]


@dataclass
class Fed:
    """A node on a folder that another device feeds; the steps of a test are taken when it has seen all there is."""

    folder: Path
    mode: str = "leaf"
    zone: str = "UTC"
    name: str = "n"
    place: str = ""  # of node.toml, where it is known
    more: str = ""  # of node.toml
    interval_s: float = HOUR_S
    clock: SetClock = field(default_factory=SetClock)
    climate: ClimateSensor = field(default_factory=NoSensor)
    steps: list[Step] = field(default_factory=list)
    calls: int = 0  # of the loop to what is around it
    cut_at: int = -1  # which of them the power cut comes at
    quiet: int = 0
    meanwhile: dict[int, Step] = field(default_factory=dict)  # happens at that call, while pictures still wait
    known: set[str] = field(default_factory=set)  # names of pictures, in the memory of the last start

    def __post_init__(self) -> None:
        self.pictures.mkdir()

    @property
    def pictures(self) -> Path:
        return self.folder / "field"

    @property
    def state(self) -> Path:
        return self.folder / "state #1 %20"

    def add(
        self,
        after_s: float,
        *squares: tuple[int, int, tuple[int, int, int]],
        name: str = "",
        image: Image | None = None,
    ) -> Step:
        """A picture taken so long after noon, or of that `name`; it is not there before it was taken."""
        taken = NOON + timedelta(seconds=after_s)
        shown = scene(*squares or ((16, 16, BLUE),)) if image is None else image
        content = cv2.imencode(".png", shown)[1].tobytes()

        def put() -> None:
            self.clock.advance(max(0.0, 0.0 if name else (taken - self.clock.utc).total_seconds()))
            (self.pictures / (name or f"{taken:%Y%m%d_%H%M%S}.png")).write_bytes(content)

        return put

    @staticmethod
    def together(*steps: Step) -> Step:
        """At once, as after an outage."""

        def all_of_them() -> None:
            for step in steps:
                step()

        return all_of_them

    def wait(self, seconds: float) -> Step:
        return lambda: self.clock.advance(seconds)

    def next_hour(self) -> None:
        """The hour is over."""
        self.clock.advance(HOUR_S - (self.clock.utc - NOON).total_seconds() % HOUR_S)

    def run(self, *steps: Step) -> None:
        """A start of the node, the steps, and its stop."""
        self.steps, self.quiet, stop = list(steps), 0, Event()
        config = parse_config(
            f'[node]\nsite = "s"\nnode = "{self.name}"\ntime_zone = "{self.zone}"\n{self.place}\n'
            f'[camera]\nkind = "folder"\nsource = "{self.pictures}"\n'
            f'mode = "{self.mode}"\nfed = true\nevery_s = 0\n[gate]\nblurred_share = 0.0\n'
            f'[store]\nfolder = "{self.state}"\ninterval_s = {self.interval_s}\n{self.more}',
            "node.toml",
        )
        with ExitStack() as parts:
            store = parts.enter_context(closing(Store(config.store, self.name)))
            camera = parts.enter_context(open_watched_camera(config.camera, self.clock, stop))
            self.known = camera.known
            model = self.folder / "squares.onnx"
            detector = Detector(load_bundle(model if model.exists() else write_model(model)))

            def alive() -> None:
                self.called()
                self.quiet = self.quiet + 1 if all(map(self.is_known, self.pictures.iterdir())) else 0
                self.clock.advance(0.1)
                if self.quiet >= QUIET_TURNS:
                    self.quiet = 0
                    if self.steps:
                        self.steps.pop(0)()
                    else:
                        stop.set()

            self.board = StatusBoard(self.clock.now())
            pipeline = Pipeline(
                Parts(
                    config=config,
                    camera=camera,
                    detector=detector,
                    store=store,
                    board=self.board,
                    clock=self.clock,
                    climate=self.climate,
                    committed=partial(self.after_commit, store),
                    alive=alive,
                )
            )
            pipeline.run(stop)

    def is_known(self, path: Path) -> bool:
        known = known_as(path, told_time(path))
        return not self.known.isdisjoint({path.name, known_formerly_as(known), known, unusable_as(identity(path))})

    def after_commit(self, store: Store) -> None:
        put_times_right(store, self.clock)
        self.called()

    def called(self) -> None:
        self.calls += 1
        self.meanwhile.pop(self.calls, lambda: None)()
        if self.calls == self.cut_at:
            raise PowerCut

    def boot(self) -> None:
        """The power comes back: another boot, whose monotonic clock begins anew."""
        self.clock.boot_id, self.clock.mono_s = f"{self.calls:08d}-0000-4000-8000-000000000000", 5.0

    @property
    def records(self) -> list[Stored]:
        with closing(Store(StoreTable(folder=str(self.state)), self.name)) as store:
            return store.records_between_seq(1, 10**6)

    @property
    def intervals(self) -> list[Interval]:
        return sorted((s.record for s in self.records if isinstance(s.record, Interval)), key=lambda i: i.start.utc)

    def frames(self) -> Counter[int]:
        """Pictures looked at, by the hour after noon in which their interval begins."""
        told: Counter[int] = Counter()
        for one in self.intervals:
            told[int((one.start.utc - NOON).total_seconds() // HOUR_S)] += one.frames
        return +told

    def skipped(self) -> Counter[str]:
        return sum((Counter(dict(one.skipped)) for one in self.intervals), Counter())


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.pipeline.FED_REST_S", 0.01)


@pytest.fixture
def fed(tmp_path: Path) -> Fed:
    return Fed(tmp_path)


def counts(interval: Interval) -> dict[str, int]:
    assert not isinstance(interval.counts, NoData)
    return {one.label: one.count for one in interval.counts}


def test_a_late_picture_corrects_its_hour_as_the_next_revision_of_the_same_record(fed: Fed) -> None:
    fed.run(fed.add(60), fed.next_hour, fed.add(120, (16, 16, BLUE), (40, 40, RED)), fed.next_hour)
    corrected, second, _ = [one for one in fed.records if isinstance(one.record, Interval)]
    assert corrected.mark == Mark(corrected.key.seq, 1)
    assert isinstance(corrected.record, Interval)
    assert (corrected.record.frames, counts(corrected.record)) == (2, {"Pieris": 2, "Aleyrodidae": 1})
    assert (second.mark.revision, fed.frames()) == (0, {0: 2})
    assert [s.record.label for s in fed.records if isinstance(s.record, Sighting)] == ["Pieris"]  # of its time only


def test_an_hour_in_which_nothing_came_is_no_data_until_its_pictures_come(fed: Fed) -> None:
    fed.run(fed.next_hour, fed.together(*(fed.add(20.0 * n) for n in range(1, 6))))
    first = fed.intervals[0]
    assert (first.frames, first.revision, first.awake_s) == (5, 1, 80.0)
    assert (first.start.utc, first.end.utc - NOON < timedelta(seconds=HOUR_S + 10)) == (NOON, True)


def test_time_awake_goes_on_over_the_end_of_an_hour_and_not_over_a_restart(fed: Fed) -> None:
    fed.run(fed.add(3590), fed.next_hour, fed.add(3605))
    first, second = fed.intervals
    assert first.awake_s == pytest.approx(10, abs=0.5)
    assert first.awake_s + second.awake_s == pytest.approx((second.end.utc - NOON).total_seconds() - 3590, abs=0.1)
    fed.clock.advance(10)
    fed.boot()
    fed.run(fed.add(3620), fed.wait(5))
    third = fed.intervals[-1]
    assert third.awake_s == pytest.approx((third.end.utc - NOON).total_seconds() - 3620, abs=0.1)


def test_a_picture_that_is_too_late_is_no_time_awake(fed: Fed) -> None:
    fed.run(fed.add(0, name="20260601_120000.png"), fed.wait(20))
    assert (fed.skipped(), fed.intervals[0].awake_s) == (Counter(too_late=1), 0.0)


def test_a_picture_that_is_copied_again_or_found_again_after_a_restart_counts_once(fed: Fed) -> None:
    fed.run(fed.add(60), fed.next_hour, fed.add(120), fed.add(120), fed.wait(60))
    before = fed.intervals
    fed.boot()
    fed.add(60)()
    fed.run()
    assert fed.intervals[: len(before)] == before
    assert fed.frames() == {0: 2}


def test_a_fed_folder_whose_pictures_are_all_counted_is_well_after_a_restart(fed: Fed) -> None:
    fed.run(fed.add(60))
    fed.boot()
    fed.run()
    camera = fed.board.snapshot().camera
    assert (camera.state, camera.last_frame) == ("ok", None)


def test_a_picture_that_cannot_be_used_is_counted_once_through_restarts_and_looked_at_once_it_is_whole(
    fed: Fed,
) -> None:
    cut_off = fed.pictures / f"{NOON + timedelta(seconds=60):%Y%m%d_%H%M%S}.png"
    fed.run(lambda: cut_off.write_bytes(BROKEN_JPEG), fed.wait(60))
    for _ in range(2):
        fed.boot()
        fed.run()
    assert (fed.frames(), fed.skipped()) == ({}, {"not_an_image": 1})
    assert fed.board.snapshot().camera.skipped == {}
    fed.boot()
    fed.run(fed.add(60, name=cut_off.name))
    fed.boot()
    fed.run()
    assert (fed.frames(), fed.skipped()) == ({0: 1}, {"not_an_image": 1})


def rename_the_store(path: Path) -> None:
    path.rename(path.with_name("fieldeye.db.older-1"))


def spoil_the_records(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'record'").fetchone()
    with path.open("rb+") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(bytes(PAGE_BYTES))


def spoil_all(path: Path) -> None:
    path.write_bytes(b"no database" * 200)


def link_to_a_disk_that_is_away(path: Path) -> None:
    path.unlink()
    path.with_name("fieldeye.db.older-1").symlink_to(path.with_name("away"))


@pytest.mark.parametrize(
    ("trouble", "counted"),
    [(rename_the_store, 1), (spoil_the_records, 1), (spoil_all, 0), (link_to_a_disk_that_is_away, 0)],
)
def test_a_store_that_follows_another_counts_no_picture_again_and_none_for_sure_where_that_one_is_unreadable(
    fed: Fed, trouble: Callable[[Path], None], counted: int
) -> None:
    fed.run(fed.add(60), fed.add(120))
    earlier = fed.state / "fieldeye.db.damaged-1"
    spoil_all(earlier)
    os.utime(earlier, (0, 0))  # years ago
    trouble(fed.state / "fieldeye.db")
    fed.add(180)()
    for _ in range(2):
        fed.boot()
        fed.run(fed.wait(1))
        assert sum(fed.frames().values()) == counted
    fed.run(fed.add(240))
    assert sum(fed.frames().values()) == counted + 1


@pytest.mark.parametrize("is_awaited", [False, True], ids=["between two reads", "while the camera waits for it"])
def test_what_an_unreadable_store_counted_counts_no_more_when_its_folder_comes_back(
    fed: Fed, is_awaited: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed.run(fed.add(60), fed.add(120))
    spoil_all(fed.state / "fieldeye.db")
    away = fed.pictures.rename(fed.folder / "away")
    fed.pictures.mkdir()

    def come_back() -> None:
        fed.pictures.rmdir()
        away.rename(fed.pictures)

    def read(camera: WatchedCamera, timeout_s: float) -> Frame:
        if is_awaited and due:
            due.pop()()
        return read_now(camera, timeout_s)

    due: list[Callable[[], None]] = []
    read_now = WatchedCamera.read
    monkeypatch.setattr(WatchedCamera, "read", read)
    comes = partial(due.append, come_back) if is_awaited else come_back
    for steps in ([fed.next_hour], [fed.next_hour, comes, fed.next_hour], [fed.add(4 * HOUR_S)]):
        fed.boot()
        fed.run(*steps)
    assert sum(fed.frames().values()) == 1


def test_a_camera_whose_names_begin_again_brings_new_pictures_and_former_software_knows_their_names(fed: Fed) -> None:
    first = fed.add(0, name="IMG_0001.png")
    fed.run(first, first, fed.add(0, (16, 16, BLUE), (40, 40, RED), name="IMG_0001.png"))
    for gone in ("0", "name LIKE '%/%/%'", "name LIKE '%/%'"):  # known as it is now, and as former software keeps it
        with closing(sqlite3.connect(fed.state / "fieldeye.db")) as db, db:
            db.execute(f"DELETE FROM counted WHERE {gone}")  # noqa: S608  our own words
        fed.boot()
        fed.run()
        assert fed.frames() == {0: 2}


def test_a_camera_that_writes_over_one_name_brings_new_pictures_though_they_are_of_one_size(fed: Fed) -> None:
    def over(place_px: int) -> Step:
        content = cv2.imencode(".png", scene((place_px, 16, BLUE)))[1].tobytes().ljust(20_000, b"\0")

        def put() -> None:
            (fed.pictures / "latest.png").write_bytes(content)

        return put

    fed.run(over(16), over(40), over(40), over(28))
    assert fed.frames() == {0: 3}
    fed.boot()
    fed.run(over(28), over(20), fed.next_hour, over(24))
    assert fed.frames() == {0: 4, 1: 1}
    with closing(sqlite3.connect(fed.state / "fieldeye.db")) as db, db:
        db.execute("DELETE FROM counted WHERE name LIKE '%/%/%'")  # as former software keeps it
    fed.boot()
    fed.run(over(36), over(32))
    assert fed.frames() == {0: 4, 1: 3}


def test_a_name_that_is_no_utf_8_is_a_picture_like_any_other(fed: Fed) -> None:
    fed.run(fed.add(0, name=os.fsdecode(b"\xcc\xef1.png")), fed.next_hour)
    fed.boot()
    fed.run()
    assert (fed.frames(), [one.revision for one in fed.intervals]) == ({0: 1}, [0, 0, 0])


def test_a_picture_that_still_lies_in_the_folder_counts_once_however_many_came_since(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.store.drafts.KEPT_NAMES", 2)
    fed.run(*(fed.add(60.0 * n) for n in range(1, 6)))
    for _ in range(3):
        fed.boot()
        fed.run()
    assert (fed.frames(), fed.skipped()) == ({0: 5}, {})


def test_names_of_pictures_that_are_gone_fill_neither_card_nor_memory(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.store.drafts.KEPT_NAMES", 2)

    def remove_all_but_one() -> None:
        for path in sorted(fed.pictures.iterdir())[1:]:
            path.unlink()

    fed.run(*(fed.add(60.0 * n) for n in range(1, 8)), remove_all_but_one, fed.next_hour)
    assert [name[11:13] for name in sorted(fed.known)] == ["01", "06", "07"]
    with closing(sqlite3.connect(fed.state / "fieldeye.db")) as db:
        minutes = [name[11:13] for (name,) in db.execute("SELECT name FROM counted ORDER BY name")]
    assert minutes == ["01", "06", "07"]


def test_pictures_of_a_folder_that_was_not_mounted_for_an_hour_count_once(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.store.drafts.KEPT_NAMES", 2)
    fed.run(*(fed.add(60.0 * n) for n in range(1, 6)))
    disk = fed.pictures.rename(fed.folder / "disk")
    fed.pictures.mkdir()
    fed.run(fed.next_hour)
    fed.pictures.rmdir()
    disk.rename(fed.pictures)
    fed.run()
    assert (fed.frames(), fed.skipped()) == ({0: 5}, {})


def test_a_time_at_which_the_node_was_off_gets_an_interval_between_its_neighbours(fed: Fed) -> None:
    fed.run(fed.add(60))
    fed.clock.advance(1.5 * HOUR_S)
    fed.boot()
    began = fed.clock.utc
    fed.run(fed.add(0.5 * HOUR_S), fed.add(1.25 * HOUR_S), fed.add(1.26 * HOUR_S))
    first, rest_of_hour, second_hour, last = fed.intervals
    assert (rest_of_hour.start.utc, rest_of_hour.end.utc) == (first.end.utc, NOON + timedelta(seconds=HOUR_S))
    assert (second_hour.start.utc, second_hour.end.utc) == (rest_of_hour.end.utc, last.start.utc)
    assert abs(last.start.utc - began) < timedelta(milliseconds=1)
    assert [one.frames for one in fed.intervals] == [1, 1, 2, 0]


def test_it_ends_where_the_node_came_back_within_the_hour(fed: Fed) -> None:
    fed.run(fed.add(60), fed.wait(1140))
    fed.clock.advance(1200)
    fed.boot()
    fed.run(fed.wait(60), fed.next_hour, fed.add(1800))
    first, between, second, _ = fed.intervals
    assert (between.start.utc, between.end.utc, between.frames) == (first.end.utc, second.start.utc, 1)


def test_pictures_count_once_in_their_hour_wherever_the_power_is_cut(tmp_path: Path) -> None:
    """Each call of the loop to what is around it is tried: turns and rests, and the moment after each commit."""
    cuts = 0
    for cut_at in range(1, 400):
        folder = tmp_path / str(cut_at)
        folder.mkdir()
        if cuts:
            shutil.copy(tmp_path / str(cut_at - 1) / "squares.onnx", folder)
        fed = Fed(folder, cut_at=cut_at)
        steps = [
            fed.add(60),
            partial((fed.pictures / "broken.jpg").write_bytes, BROKEN_JPEG),
            fed.next_hour,
            fed.together(*(fed.add(60.0 * n) for n in range(2, 5))),
            fed.add(HOUR_S + 30),
            fed.next_hour,
            fed.add(HOUR_S + 20),
        ]
        try:
            fed.run(*steps)
        except PowerCut:
            cuts += 1
            fed.boot()
            fed.run(*fed.steps)
        else:
            break
        assert fed.frames() == {0: 4, 1: 2}, cut_at
        assert fed.skipped() == {"not_an_image": 1}, cut_at
    assert cuts > 20


def test_a_late_picture_that_shows_what_the_last_one_did_is_looked_at(fed: Fed) -> None:
    fed.mode = "live"
    fed.run(fed.add(60), fed.next_hour, fed.add(HOUR_S + 30), fed.add(120))
    assert (fed.frames(), fed.skipped()) == ({0: 2, 1: 1}, {})


def test_a_picture_of_more_than_a_week_ago_is_too_late(fed: Fed) -> None:
    fed.run(fed.add(60), fed.next_hour, fed.wait(7 * 24 * HOUR_S), fed.add(120))
    assert (fed.frames(), fed.skipped()) == ({0: 1}, {"too_late": 1})
    assert all(one.revision == 0 for one in fed.intervals)
    fed.boot()
    fed.run()
    assert fed.skipped() == {"too_late": 1}


def test_a_picture_that_was_too_late_by_a_clock_that_was_ahead_counts_under_another_name_once_that_is_right(
    fed: Fed,
) -> None:
    name = "20260701_120100.png"
    fed.clock.jump(30 * 24 * HOUR_S, ClockState.SYNCED)
    fed.run(fed.add(0, name=name))
    fed.clock.jump(-30 * 24 * HOUR_S, ClockState.SYNCED)
    fed.boot()
    fed.run(fed.next_hour, lambda: bool((fed.pictures / name).rename(fed.pictures / f"again_{name}")))
    assert (fed.frames(), fed.skipped()) == ({0: 1}, {"too_late": 1})


def test_what_was_counted_under_another_name_is_not_counted_on_under_this_one(fed: Fed) -> None:
    """To the platform it is another node: it would count the whole hour twice."""
    fed.run(fed.add(60), fed.add(90), fed.add(100), fed.next_hour)
    fed.name = "renamed"
    fed.boot()
    fed.run(fed.next_hour, fed.add(120), fed.next_hour)
    assert fed.frames() == {0: 3}
    assert fed.skipped()["too_late"] == 1


def test_what_was_counted_on_another_area_is_not_corrected(fed: Fed) -> None:
    def calibrate() -> None:
        save_calibration(fed.state, Calibration(at=NOON, who="Mei", rotation_deg=0, typed_area_mm2=500.0))

    fed.run(fed.add(60), fed.next_hour, calibrate, fed.wait(1), fed.add(120))
    assert (fed.frames(), fed.skipped()) == ({0: 1}, {"too_late": 1})


def test_a_late_picture_counts_on_the_area_of_its_time_though_another_is_measured_right_after(fed: Fed) -> None:
    def late_and_measured() -> None:
        fed.add(120)()
        fed.meanwhile[fed.calls + 1] = partial(
            save_calibration, fed.state, Calibration(at=NOON, who="Mei", rotation_deg=0, typed_area_mm2=500.0)
        )

    fed.run(fed.add(60), fed.next_hour)
    fed.run(late_and_measured)
    first, *_ = fed.intervals
    assert (first.revision, first.frames, first.area_mm2) == (1, 2, None)


def test_what_was_counted_in_another_region_is_not_corrected_and_in_the_same_one_is(fed: Fed) -> None:
    def region(*corners: tuple[float, float]) -> Step:
        return lambda: save_calibration(
            fed.state, Calibration(at=NOON, who="Mei", rotation_deg=0, region=Region(corners))
        )

    left, right = (region((x, 0), (x + 0.5, 0), (x + 0.5, 1), (x, 1)) for x in (0, 0.5))
    fed.run(fed.add(60), fed.next_hour, left, fed.wait(1), fed.add(120))
    assert (fed.frames(), fed.skipped()) == ({0: 1}, {"too_late": 1})
    fed.run(fed.next_hour, fed.add(2 * HOUR_S - 600), fed.next_hour, fed.add(2 * HOUR_S - 300))
    assert fed.frames() == {0: 1, 1: 2}
    fed.run(fed.next_hour, right, fed.wait(1), fed.add(2 * HOUR_S - 200))
    assert (fed.frames(), fed.skipped()) == ({0: 1, 1: 2}, {"too_late": 2})


def test_pictures_of_two_shapes_all_count_though_the_board_was_measured_on_one(fed: Fed) -> None:
    scale = Scale((0.1, 0, 0, 0, 0.1, 0, 0, 0, 1), 64, 64, error_px=0.1, uneven=0.0, corners=24)
    fed.state.mkdir()
    save_calibration(fed.state, Calibration(at=NOON, who="Mei", rotation_deg=0, scale=scale))
    square = scene((16, 16, BLUE))

    def put(number: int) -> Step:
        shape = square if number % 2 else np.vstack([square, square[:32]])
        return fed.add(60.0 * number, image=shape)

    fed.run(fed.together(*(put(number) for number in range(8))), fed.next_hour)
    assert (fed.frames(), fed.skipped()) == ({0: 8}, {})


def test_pictures_copied_after_a_region_was_drawn_count_into_hours_that_were_empty(fed: Fed) -> None:
    def draw() -> None:
        region = Region(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
        save_calibration(fed.state, Calibration(at=NOON, who="Mei", rotation_deg=0, region=region))

    fed.run(fed.next_hour, draw, fed.wait(1), fed.add(120))
    assert (fed.frames(), fed.skipped()) == ({0: 1}, {})


def test_a_draft_of_a_version_before_regions_is_counted_on_where_the_whole_picture_counts(fed: Fed) -> None:
    fed.run(fed.add(60), fed.next_hour)
    with closing(sqlite3.connect(fed.state / "fieldeye.db")) as db, db:
        for seq, state in db.execute("SELECT seq, state FROM draft WHERE state IS NOT NULL").fetchall():
            kept = msgspec.msgpack.decode(state)
            kept["made_by"] = ["squares@2026.1.1", "affected_frames", None]
            db.execute("UPDATE draft SET state = ? WHERE seq = ?", (msgspec.msgpack.encode(kept), seq))
    fed.run(fed.add(120))
    assert (fed.frames(), fed.skipped()) == ({0: 2}, {})


def test_a_draft_that_was_damaged_is_not_counted_on(fed: Fed) -> None:
    def damage() -> None:
        with closing(sqlite3.connect(fed.state / "fieldeye.db")) as db, db:
            db.execute("UPDATE draft SET state = zeroblob(length(state))")

    fed.run(fed.add(60), fed.next_hour, damage, fed.add(120))
    assert (fed.frames(), fed.skipped()) == ({0: 1}, {"too_late": 1})


@pytest.mark.parametrize("why", ["no time", "unsynced", "to come", "no clock"])
def test_a_picture_whose_time_is_not_known_counts_when_it_comes(fed: Fed, why: str) -> None:
    if why == "unsynced":
        fed.clock.state = ClockState.UNSYNCED
    late = {
        "no time": fed.add(0, name="7.png"),
        "unsynced": fed.add(120),
        "to come": fed.add(0, name="20260701_220000.png"),
        "no clock": fed.add(0, name="20000101_000012.png"),
    }[why]
    fed.run(fed.add(60), fed.next_hour, late)
    assert fed.frames() == {0: 1, 1: 1}
    assert all(one.revision == 0 for one in fed.intervals)


def test_an_archive_that_somebody_feeds_is_too_late_and_nothing_of_today(fed: Fed) -> None:
    fed.run(fed.add(0, name="20100102_000000.png"))
    assert (fed.frames(), fed.skipped()) == ({}, {"too_late": 1})


def test_nothing_is_seen_in_the_future_of_a_camera_whose_clock_is_ahead(fed: Fed) -> None:
    fed.run(fed.add(0, name="20260701_220000.png"))
    (seen,) = [one.record for one in fed.records if isinstance(one.record, Sighting)]
    assert seen.at.utc <= fed.clock.utc


def test_a_picture_counts_at_the_time_of_the_zone_that_its_camera_tells(fed: Fed) -> None:
    fed.zone = "Asia/Shanghai"
    jpeg = with_exif_time(cv2.imencode(".jpg", scene((16, 16, BLUE)))[1].tobytes(), b"2026:07:01 12:01:00", b"+00:00")
    fed.run(fed.next_hour, lambda: bool((fed.pictures / "1.jpg").write_bytes(jpeg)))
    assert fed.frames() == {0: 1}


@pytest.mark.parametrize(
    ("when", "zone"), [(b"0001:01:01 00:00:00", "Asia/Shanghai"), (b"9999:12:31 23:59:59", "America/Sao_Paulo")]
)
def test_a_picture_whose_time_is_none_in_utc_counts_when_it_comes(fed: Fed, when: bytes, zone: str) -> None:
    fed.zone = zone
    jpeg = with_exif_time(cv2.imencode(".jpg", scene((16, 16, BLUE)))[1].tobytes(), when)
    (fed.pictures / "1.jpg").write_bytes(jpeg)
    fed.run()
    assert fed.frames() == {0: 1}


def test_the_hour_that_comes_twice_when_summer_time_ends_counts_at_each_of_its_times(fed: Fed) -> None:
    fed.mode, fed.zone, fed.clock.utc = "trap", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    in_summer, in_winter = (fed.add(0, name=f"20261025_02{minute}30.png") for minute in (30, 31))
    fed.run(fed.wait(60), in_summer, fed.wait(HOUR_S), fed.wait(60), in_winter)
    assert [one.start.utc.hour for one in fed.intervals if one.frames or one.skipped] == [0, 1]
    assert fed.skipped() == {"unmatched": 1}


def test_a_picture_of_the_first_of_two_equal_hours_counts_in_it_though_it_comes_in_the_second(fed: Fed) -> None:
    fed.mode, fed.zone, fed.clock.utc = "trap", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    fed.run(fed.wait(2100), fed.add(0, name="20261025_023030.png"))
    assert [(one.start.utc.hour, one.revision, one.skipped) for one in fed.intervals if one.skipped] == [
        (0, 1, (("unmatched", 1),))
    ]


def test_a_picture_of_the_moment_in_which_an_hour_begins_corrects_that_hour(fed: Fed) -> None:
    fed.run(fed.add(60), fed.next_hour, fed.add(0))
    first = fed.intervals[0]
    assert (first.start.utc, first.frames, first.revision) == (NOON, 2, 1)
    assert fed.frames() == {0: 2}


@pytest.mark.parametrize("at_once", [False, True])
def test_a_picture_of_the_moment_between_two_hours_counts_in_the_later_one(fed: Fed, at_once: bool) -> None:
    fed.run(fed.add(60))
    fed.clock.advance(1.5 * HOUR_S)
    fed.boot()
    both = fed.add(0.5 * HOUR_S), fed.add(HOUR_S)
    fed.run(*((fed.together(*both),) if at_once else both))
    assert [one.frames for one in fed.intervals] == [1, 1, 1, 0]


def test_a_picture_that_was_counted_while_the_time_was_not_known_counts_once_through_a_restart(fed: Fed) -> None:
    fed.clock.state = ClockState.UNSYNCED
    fed.run(fed.add(60))
    fed.boot()
    fed.run()
    assert [one.frames for one in fed.intervals] == [1, 0]


@pytest.mark.parametrize("pictures", [0, 1])
def test_an_hour_whose_time_was_never_known_is_not_corrected(fed: Fed, pictures: int) -> None:
    fed.clock.state = ClockState.UNSYNCED
    fed.run(*[fed.add(60)] * pictures, fed.wait(600))
    fed.boot()
    fed.clock.state = ClockState.SYNCED
    fed.run(fed.add(120))
    assert [one.revision for one in fed.intervals] == [0, 0]


@pytest.mark.parametrize(
    ("at_hand", "frames", "revisions"),
    [
        ("nothing", {0: 2, 1: 1, 3: 1}, [2, 1, 0, 0]),
        ("a picture", {0: 1, 1: 1, 3: 1}, [0, 1, 0, 0]),  # which counted in what was nobody's hour
        ("a dark picture", {1: 1, 3: 1}, [0, 1, 0, 0]),
    ],
)
def test_pictures_of_hours_without_the_time_in_which_nothing_was_counted_correct_them_once_the_clock_was_set(
    fed: Fed, at_hand: str, frames: dict[int, int], revisions: list[int]
) -> None:
    def set_the_clock() -> None:
        fed.clock.jump(240 * HOUR_S, ClockState.SYNCED)
        fed.next_hour()

    fed.climate = Thermometer()
    fed.clock.jump(-240 * HOUR_S, ClockState.UNSYNCED)
    if at_hand != "nothing":
        fed.add(0, *(all_of(0) if at_hand == "a dark picture" else ()), name="1.png")()
    late = [fed.add(0, name=f"20260701_{at}.png") for at in ("120200", "130200", "120300")]
    fed.run(fed.next_hour, fed.next_hour, set_the_clock, *late, fed.add(3 * HOUR_S + 60))
    assert fed.frames() == frames
    assert [one.revision for one in fed.intervals] == revisions
    weather = {one.climate and (one.climate.temperature_c, one.climate.humidity) for one in fed.intervals}
    assert weather == {(Spread(mean=20.0, least=20.0, most=20.0), Spread(mean=0.5, least=0.5, most=0.5))}


@pytest.mark.parametrize("state", [ClockState.UNSYNCED, ClockState.SYNCED])  # by nobody, by somebody who was wrong
@pytest.mark.parametrize("wrong_s", [-1e6, 1e6])
def test_an_hour_whose_clock_was_set_in_its_middle_ends_with_the_hour_and_can_be_corrected(
    fed: Fed, wrong_s: float, state: ClockState
) -> None:
    fed.clock.jump(wrong_s, state)
    fed.run(lambda: fed.clock.jump(-wrong_s, ClockState.SYNCED), fed.wait(3000), fed.next_hour, fed.add(120))
    assert [(one.frames, one.revision) for one in fed.intervals if one.revision] == [(1, 1)]
    first = fed.intervals[0]
    assert (first.start.utc, round((first.end.utc - NOON).total_seconds())) == (NOON, HOUR_S)


def test_a_trap_counts_a_backlog_in_its_hours_and_a_picture_from_before_the_last_one_not_at_all(fed: Fed) -> None:
    fed.mode = "trap"
    one, two, three = (8, 8, BLUE), (40, 40, BLUE), (40, 0, RED)
    all_three = (one, two, three)
    fed.run(fed.add(60, one), fed.next_hour, fed.next_hour, fed.add(1800, one, two), fed.add(HOUR_S + 60, *all_three))
    fed.run(fed.add(HOUR_S + 30, *all_three))
    first = fed.intervals[0]
    assert (counts(first), first.exposed_s, first.revision) == ({"Pieris": 1}, 1740.0, 1)
    assert sum((Counter(counts(one)) for one in fed.intervals if one.frames), Counter()) == {
        "Pieris": 1,
        "Aleyrodidae": 1,
    }
    assert fed.skipped() == {"unmatched": 1, "too_late": 1}


def test_a_power_cut_after_a_correction_of_a_trap_doubles_none_of_its_insects(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed.mode = "trap"
    one, two, three = (8, 8, BLUE), (40, 40, BLUE), (40, 0, RED)

    def cut(store: Store) -> None:
        if any(told.mark.revision for told in store.records_between_seq(1, 99)):
            raise PowerCut

    with monkeypatch.context() as power:
        power.setattr(fed, "after_commit", cut)
        with pytest.raises(PowerCut):
            fed.run(fed.add(60, one), fed.next_hour, fed.next_hour, fed.add(1800, one, two))
    fed.boot()
    fed.run(fed.add(2 * HOUR_S + 60, one, two, three))
    told = sum((Counter(counts(one)) for one in fed.intervals if one.frames), Counter())
    assert told == {"Pieris": 1, "Aleyrodidae": 1}


def test_a_power_cut_after_a_disk_that_refused_takes_again_costs_a_trap_none_of_its_insects(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed.mode = "trap"
    one, two, three = (8, 8, BLUE), (40, 40, BLUE), (40, 0, RED)
    blocked, full, has_room = fed.state / "card.npz.new", ExitStack(), Event()

    def refuse() -> None:
        blocked.mkdir()
        full.enter_context(refusing(fed.state / "fieldeye.db", "INSERT ON record"))

    def take() -> None:
        blocked.rmdir()
        full.close()
        has_room.set()

    def cut(_store: Store) -> None:
        if has_room.is_set():
            raise PowerCut

    with monkeypatch.context() as power:
        power.setattr(fed, "after_commit", cut)
        with pytest.raises(PowerCut):
            fed.run(fed.add(60, one), fed.next_hour, refuse, fed.add(HOUR_S + 60, one, two), fed.next_hour, take)
    fed.boot()
    fed.run(fed.add(2 * HOUR_S + 60, one, two, three))
    told = sum((Counter(counts(one)) for one in fed.intervals if one.frames), Counter())
    assert told == {"Pieris": 1, "Aleyrodidae": 1}


def test_pictures_of_one_second_all_count_on_a_trap(fed: Fed) -> None:
    fed.mode = "trap"
    fed.run(fed.add(60), fed.add(60, name="20260701_120100_2.png"), fed.add(60, name="20260701_120100_3.png"))
    assert (fed.frames(), fed.skipped()) == ({0: 2}, {"unmatched": 1})  # the first is the start


def test_a_trap_on_which_pictures_came_before_anybody_set_the_clock_counts_those_after(fed: Fed) -> None:
    fed.mode = "trap"
    fed.clock.jump(1e6, ClockState.UNSYNCED)
    fed.run(fed.add(0, name="1.png"))
    fed.clock.jump(-1e6, ClockState.SYNCED)
    fed.boot()
    fed.run(fed.add(120))
    assert (fed.frames()[0], fed.skipped()) == (1, {"unmatched": 1})


@pytest.mark.parametrize("boots", [False, True])
def test_a_trap_on_which_pictures_came_by_a_clock_that_was_ahead_counts_those_since_it_was_set_right(
    boots: bool, fed: Fed
) -> None:
    """As by a phone with a wrong date, before a server of time was there."""
    fed.mode = "trap"
    one, two = (8, 8, BLUE), (40, 40, BLUE)
    fed.clock.jump(365 * 24 * HOUR_S, ClockState.SYNCED)
    set_right = fed.together(
        lambda: fed.clock.jump(-365 * 24 * HOUR_S, ClockState.SYNCED), fed.add(0, one, two, name="2.png")
    )
    if boots:
        fed.run(fed.add(0, one, name="1.png"))
        fed.boot()
        fed.run(set_right)
    else:
        fed.run(fed.add(0, one, name="1.png"), set_right)
    assert [counts(interval) for interval in fed.intervals if interval.frames] == [{"Pieris": 1}]
    assert fed.skipped() == {"unmatched": 1}


def test_how_long_a_card_hung_between_two_pictures_is_not_known_when_the_clock_was_set_in_between(fed: Fed) -> None:
    fed.mode = "trap"
    fed.clock.jump(-1e6, ClockState.UNSYNCED)
    fed.run(fed.add(0, name="1.png"), fed.together(lambda: fed.clock.jump(1e6, ClockState.SYNCED), fed.add(-60)))
    assert (fed.frames(), [one.exposed_s for one in fed.intervals]) == ({-1: 1}, [None, None])


@pytest.mark.parametrize("hours", [96, 0.5])
def test_a_node_whose_clock_is_set_a_minute_after_its_start_knows_how_long_its_card_hung(
    fed: Fed, hours: float
) -> None:
    fed.mode = "trap"
    off_s = hours * HOUR_S
    for name in ("1.png", "2.png", "3.png"):  # each boot takes one picture, before its clock is set
        fed.clock.jump(-off_s, ClockState.UNSYNCED)
        fed.run(fed.add(0, name=name), fed.wait(60), lambda: fed.clock.jump(off_s, ClockState.SYNCED), fed.wait(60))
        fed.clock.advance(off_s)
        fed.boot()
    first, *others = [one.exposed_s for one in fed.intervals]
    assert first is None
    assert others == pytest.approx([off_s + 120] * 2, abs=5)


def test_how_long_a_card_that_was_changed_hung_is_not_known(fed: Fed) -> None:
    fed.mode = "trap"
    fed.run(fed.add(60, (8, 8, BLUE), (40, 40, BLUE), (40, 0, BLUE)))
    fed.clock.advance(136 * 24 * HOUR_S)
    fed.boot()
    card = np.random.default_rng(8).integers(60, 200, (64, 64, 3)).astype(np.uint8)
    card[16:24, 16:24] = RED
    for name in ("1.png", "2.png"):  # one alone might be of the old card, badly seen
        cv2.imwrite(str(fed.pictures / name), card)
        fed.run()
    new = fed.intervals[-1]
    assert (counts(new), new.exposed_s) == ({"Aleyrodidae": 1}, None)


def test_a_card_of_which_nobody_knows_since_when_it_hangs_is_no_zero_and_ends_no_level(fed: Fed) -> None:
    fed.mode, fed.more = "trap", '[[advice.threshold]]\nlabel = "Pieris"\nunit = "insects/trap/night"\nact_at = 2\n'
    old = [(left, 8, BLUE) for left in (0, 16, 32, 48)]
    fed.run(fed.add(60, *old), fed.add(120, *old, (16, 40, BLUE), (40, 40, BLUE)))
    assert [(one.level, one.count) for one in fed.board.snapshot().alerts] == [("look", 2)]
    another = _noise()
    for left, top in ((0, 24), (16, 48), (32, 24), (56, 32), (40, 56)):
        another[top : top + 8, left : left + 8] = BLUE
    for night in (24, 48):  # the level is held against the first of these once that is over
        fed.clock.advance(24 * HOUR_S)
        fed.run(*(fed.add(night * HOUR_S + after_s, image=another) for after_s in (600, 660) if night == 24))
    told = fed.intervals[1]
    assert (told.counts, told.skipped, told.exposed_s) == (NoData("unmatched"), (("unmatched", 2),), None)
    assert [one.level for one in fed.board.snapshot().alerts] == ["look"]


@pytest.mark.parametrize("lost", [0, 1, 2])
@pytest.mark.parametrize("is_off", [False, True])
def test_a_card_that_is_seen_again_tells_its_catch_of_all_the_time_since_it_was_seen(
    tmp_path: Path, lost: int, *, is_off: bool
) -> None:
    fed, fog = Fed(tmp_path, mode="trap"), _noise()
    places = [(x, y, BLUE) for y in (0, 16, 32, 48) for x in (0, 16, 32, 48)]
    days = [fed.add(0.0, *places[:2]), fed.add(24 * HOUR_S, *places[:4])]
    days += [fed.add((2 + day) * 24 * HOUR_S, image=fog) for day in range(lost)]
    days += [fed.add((2 + lost) * 24 * HOUR_S, *places[: 6 + 2 * lost]), fed.wait(2 * HOUR_S)]
    for steps in [[day] for day in days] if is_off else [days]:
        fed.run(*steps)
    told = [one for one in fed.intervals if one.frames][-1]
    assert (counts(told), told.exposed_s) == ({"Pieris": 2 + 2 * lost}, (1 + lost) * 24 * HOUR_S)


def _noise() -> Image:
    """Of another textured thing than a card: fog, or the floor under a trap that was taken away."""
    return np.random.default_rng(8).integers(60, 200, (64, 64, 3)).astype(np.uint8)


@pytest.mark.parametrize(("mode", "hours"), [("leaf", [0, 12, 24]), ("trap", [0, 24])])
def test_a_day_s_interval_ends_where_the_day_does_also_one_that_is_filled_late(
    fed: Fed, mode: str, hours: list[int]
) -> None:
    fed.mode, fed.interval_s = mode, 24 * HOUR_S
    half_a_day = fed.wait(12 * HOUR_S)
    fed.run(fed.add(60), half_a_day, fed.add(12 * HOUR_S + 120), half_a_day, fed.add(24 * HOUR_S + 180))
    assert list(fed.frames()) == hours
    fed.clock.advance(3 * 24 * HOUR_S)
    fed.boot()
    fed.run(fed.add(48 * HOUR_S + 60), fed.add(60 * HOUR_S + 60))
    assert list(fed.frames()) == [*hours, *(48 + after_h for after_h in hours[:-1])]


def test_a_picture_that_is_too_late_costs_none_of_those_that_are_being_counted(fed: Fed) -> None:
    fed.mode = "trap"
    one, two, three = (8, 8, BLUE), (40, 40, BLUE), (40, 0, RED)

    def two_and_soon_a_third() -> None:
        fed.add(1800, one, two)()
        fed.add(1900, one, two, three)()
        fed.meanwhile[fed.calls + 2] = fed.add(1700, one)  # sorted before the one that waits

    fed.run(fed.add(60, one), fed.next_hour, two_and_soon_a_third)
    assert counts(fed.intervals[0]) == {"Pieris": 1, "Aleyrodidae": 1}
    assert (fed.frames(), fed.skipped()) == ({0: 2}, {"unmatched": 1, "too_late": 1})


def test_while_the_card_refuses_pictures_wait_in_their_folder_and_then_count_once(fed: Fed) -> None:
    full = ExitStack()

    def refuse() -> None:
        full.enter_context(refusing(fed.state / "fieldeye.db", "INSERT ON record"))

    fed.run(fed.add(60), fed.next_hour, refuse, fed.add(120), fed.next_hour, full.close, fed.add(180))
    assert fed.board.snapshot().store == ""
    assert fed.frames() == {0: 3}
    assert fed.intervals[0].revision == 2


def test_an_hour_that_the_card_refuses_while_it_takes_an_alert_is_told_and_its_pictures_count_once(
    fed: Fed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.advice.evidence.LEAST_PICTURES", 1)
    fed.more = '[[advice.threshold]]\nlabel = "Pieris"\nunit = "% pictures"\nact_at = 10\n'
    again, full, told = fed.add(HOUR_S + 60, (16, 16, RED)), ExitStack(), []

    def refuse_until_the_picture_comes_again() -> None:
        full.enter_context(refusing(fed.state / "fieldeye.db", "INSERT ON counted"))
        fed.next_hour()
        fed.meanwhile[fed.calls + 3] = fed.together(lambda: told.append(fed.board.snapshot().store), full.close, again)

    late = fed.add(120)
    fed.run(fed.add(60, (16, 16, RED)), fed.next_hour, again, late, refuse_until_the_picture_comes_again)
    assert [one.record.level for one in fed.records if isinstance(one.record, Alert)]
    assert fed.frames() == {0: 2, 1: 1}
    assert "no room" in told[0]


def test_an_hour_that_no_card_took_ends_the_loop_with_the_reason(fed: Fed) -> None:
    fed.run()
    with refusing(fed.state / "fieldeye.db", "INSERT ON record"), pytest.raises(StoreError, match="no room"):
        fed.run(fed.next_hour)


def test_a_store_that_is_found_damaged_ends_the_loop_and_the_next_start_counts_on(fed: Fed) -> None:
    with pytest.raises(StoreDamagedError, match="restart the node"):
        fed.run(fed.add(60), fed.next_hour, lambda: spoil_an_index(fed.state / "fieldeye.db"), fed.add(120))
    fed.run()
    assert fed.frames() == {0: 2}


def all_of(luma: int) -> list[tuple[int, int, tuple[int, int, int]]]:
    """Squares that fill the picture with one grey."""
    return [(left, top, (luma, luma, luma)) for left in range(0, 64, 8) for top in range(0, 64, 8)]


BY_DAY = "latitude = 51.5\nlongitude = 0.0"  # at noon; the sun sets at 20:20
INFRARED = [(left, top, (96 + left,) * 3) for left, top, _ in all_of(0)]
BRICKS = [(left, top, (70, 90, 100 + left)) for left, top, _ in all_of(0)]  # of a node that looks for leaves


def test_a_dark_picture_is_a_covered_lens_in_broad_daylight_and_not_at_dusk_nor_by_a_clock_that_nobody_set(
    fed: Fed,
) -> None:
    fed.place = BY_DAY
    black = all_of(0)
    by_day = [fed.add(after_s, *black) for after_s in (0, 60)]  # a box that is always dark
    seen_by_day = [fed.add(120), fed.add(180, *black)]
    dusk = [fed.add(hours * HOUR_S, *black) for hours in (8, 11)]
    not_set = [lambda: fed.clock.jump(13 * HOUR_S, ClockState.UNSYNCED), fed.add(0, *black, name="again.png")]
    fed.run(*by_day, *seen_by_day, *dusk, *not_set)
    assert fed.skipped() == {"blocked": 1, "dark": 5}


@pytest.mark.parametrize(
    ("nothing", "place", "last", "blind_s"),
    [
        (all_of(255), "", [], 3600),
        (all_of(255), "", [[(16, 16, BLUE)]], 0),
        (INFRARED, BY_DAY, [], 3600),
        (BRICKS, "", [], 3600),
    ],
)
def test_how_long_the_newest_pictures_have_shown_nothing_is_on_the_board_until_one_shows_something(
    fed: Fed,
    nothing: list[tuple[int, int, tuple[int, int, int]]],
    place: str,
    last: list[list[tuple[int, int, tuple[int, int, int]]]],
    blind_s: float,
) -> None:
    fed.place = place
    blank = [fed.add(after_s, *nothing) for after_s in (60, 1860, 3660)]
    fed.run(fed.add(0), *blank, *(fed.add(3720, *squares) for squares in last))
    assert fed.board.snapshot().camera.blind_s == blind_s


def test_two_pictures_say_nothing_of_the_lens_and_a_broken_one_takes_back_nothing_that_three_said(fed: Fed) -> None:
    white = [fed.add(after_s, *all_of(255)) for after_s in (60, 1860, 3660)]
    told: list[tuple[int, str]] = []

    def tell() -> None:
        camera = fed.board.snapshot().camera
        told.append((round(camera.blind_s), camera.last_skip))

    def come_broken() -> None:
        fed.clock.advance(HOUR_S)
        (fed.pictures / "broken.jpg").write_bytes(BROKEN_JPEG)

    fed.run(fed.add(0), *white[:2], tell, white[2], tell, come_broken, tell)
    assert fed.board.snapshot().camera.frames == 5
    assert told == [(0, "overexposed"), (3600, "overexposed"), (3600, "overexposed")]


def test_a_minute_of_broken_pictures_is_no_minute_in_which_anybody_watched(fed: Fed) -> None:
    def come_broken() -> None:
        fed.clock.advance(20)
        (fed.pictures / "broken.jpg").write_bytes(BROKEN_JPEG)

    fed.run(fed.add(60), fed.add(80), *[come_broken] * 3)
    assert ([one.frames for one in fed.intervals], fed.skipped()) == ([2], {"not_an_image": 3})
    assert fed.intervals[0].awake_s == 20.0
