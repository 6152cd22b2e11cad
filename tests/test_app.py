"""A whole node as a process: it looks, keeps, sends, shows, and stops when it is told to."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import cv2
import msgspec
import pytest

from edge.advice import Measured, Standing, watched
from edge.app import Node, build
from edge.bundle import find_bundle, load_release
from edge.calibration import Calibration, save_calibration
from edge.cameras import WatchedCamera, open_watched_camera
from edge.cli import loopback
from edge.cli.demo import PAGE_PORT
from edge.clock import ClockState, SystemClock
from edge.config import (
    AdviceTable,
    CameraTable,
    GateTable,
    ModelTable,
    MqttTable,
    NodeConfig,
    NodeTable,
    OwnThreshold,
    StoreTable,
)
from edge.counts import Interval, NoData, Sighting
from edge.errors import StoreError, ThreadStuckError
from edge.introduction import MOST_LABELS, former_models
from edge.label_sets import remember
from edge.loop.alarms import SETTING
from edge.loop.commits import put_times_right
from edge.node.info import info, model_info
from edge.node.restarts import BAD_ENDS, Runs
from edge.platform import BrokerAddress, Deduplicator, Heard, Subscriber, decode
from edge.status import ModelStatus, StatusBoard
from edge.store import Records, Store, inspect_store
from edge.wire import Info, ModelInfo, decode_batch, decode_message, encode_message
from edge.wire.messages import MAX_MESSAGE_BYTES
from tests.broker import Broker
from tests.cameras.sources import network_camera
from tests.clocks import NOON, RUN, SetClock
from tests.faults.small_disk import run_on_small_disk
from tests.node import NODE, SITE, Platform, to
from tests.onnx_files import BLUE, RED, write_model
from tests.ports import free_port
from tests.records import interval, marks, sighting
from tests.test_accounts import LI
from tests.test_pipeline import scene
from tests.updates.test_over_mqtt import PIECE, SHA256, ask, piece
from tests.waiting import wait_until

CARD = Calibration(at=NOON, who="Mei", rotation_deg=0, typed_area_mm2=500.0)
PICTURES = Path(__file__).parent / "data" / "frames"


@dataclass
class RunningNode:
    """A `fieldeye run` of its own."""

    process: subprocess.Popen[str]
    folder: Path
    page_port: int

    def page(self, path: str = "/") -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.page_port}{path}", timeout=60) as answer:
            return str(answer.read().decode())

    def serves_page(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()[1]
        try:
            return bool(self.page())
        except OSError:
            return False

    def committed(self) -> int:
        table = StoreTable(folder=str(self.folder))
        return int(inspect_store(table, has_broker=True).split(" records")[0].split()[-1])

    def stop(self, within_s: float = 5.0) -> int:
        self.process.send_signal(signal.SIGTERM)
        wait_until(lambda: self.process.poll() is not None, within_s)
        return self.process.returncode


def configuration(
    folder: Path, page_port: int, broker_port: int | None, *, camera: str = "", model: str | None = "pests"
) -> Path:
    path = folder / "node.toml"
    named = "" if model is None else f'name = "{model}"'
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker_port}\ntls = false\n' if broker_port else ""
    path.write_text(
        f'[node]\nsite = "test"\nnode = "n1"\n'
        f'[camera]\nkind = "folder"\nsource = "{PICTURES}"\nloop = true\nevery_s = 0.1\n{camera}\n'
        f'[model]\n{named}\n[store]\nfolder = "{folder}"\ninterval_s = 2\n[page]\nport = {page_port}\n{mqtt}'
    )
    return path


@contextmanager
def running(config: Path, folder: Path, page_port: int, *options: str) -> Iterator[RunningNode]:
    command = [*RUN, "--config", str(config), *options]
    environment = {**os.environ, "STATE_DIRECTORY": str(folder)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        node = RunningNode(process, folder, page_port)
        try:
            wait_until(node.serves_page, within_s=30)
            yield node
        finally:
            process.kill()


class Ear:
    """A subscriber in a thread: the keys it has counted."""

    def __init__(self, port: int) -> None:
        self.seen, self.stop, self.frames = Deduplicator(), Event(), 0
        self._subscriber = Subscriber(BrokerAddress(host="127.0.0.1", port=port))
        self._thread = Thread(target=self._listen)

    def __enter__(self) -> "Ear":
        self._thread.start()
        assert self._subscriber.subscribed.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(60)

    def _listen(self) -> None:
        for message in self._subscriber.messages(self.stop):
            heard = decode(message)
            for decoded in heard.records if isinstance(heard, Heard) else ():
                is_new = self.seen.is_new(decoded.key)
                if is_new and isinstance(decoded.record, Interval):
                    self.frames += decoded.record.frames


def test_a_node_looks_keeps_sends_shows_and_a_stop_loses_nothing(tmp_path: Path, broker: Broker) -> None:
    port = free_port()
    with Ear(broker.port) as ear, running(configuration(tmp_path, port, broker.port), tmp_path, port) as node:
        wait_until(lambda: ear.seen.counted >= 5, within_s=30)
        assert "<html" in node.page()
        assert node.stop() == 0
        with closing(Store(StoreTable(folder=str(tmp_path)), "n1")) as store:
            last_seq = store.health().last_seq
            assert last_seq
            wait_until(lambda: ear.seen.counted == last_seq, within_s=5)
            assert store.waiting()[0] == 0
            assert ear.seen.missing("n1", store.epoch, last_seq) == []


def test_what_the_loop_commits_after_it_was_told_to_stop_is_sent_as_well(tmp_path: Path, broker: Broker) -> None:
    port = free_port()
    with Ear(broker.port) as ear, running(configuration(tmp_path, port, broker.port), tmp_path, port) as node:
        wait_until(lambda: ear.seen.counted >= 3, within_s=30)
        with closing(sqlite3.connect(tmp_path / "fieldeye.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # a slow card: the loop's last commit waits
            node.process.send_signal(signal.SIGTERM)
            with pytest.raises(subprocess.TimeoutExpired):
                node.process.wait(2)
            other.execute("ROLLBACK")
        assert node.process.wait(60) == 0
        with closing(Store(StoreTable(folder=str(tmp_path)), "n1")) as store:
            wait_until(lambda: ear.seen.counted == store.health().last_seq, within_s=5)


def test_a_calibration_made_while_connected_is_told_and_stays_for_who_comes_later(
    tmp_path: Path, broker: Broker
) -> None:
    port, areas_mm2 = free_port(), (10_000.0, 25_000.0)
    config = configuration(tmp_path, port, broker.port)
    config.write_text(config.read_text() + "health_every_s = 0.5\n")
    with broker.connect("platform") as platform, running(config, tmp_path, port) as node:
        platform.subscribe("fieldeye/v1/test/n1/info")
        wait_until(lambda: bool(platform.inbox), within_s=10)
        for n, area_mm2 in enumerate(areas_mm2, start=2):
            save_calibration(
                tmp_path, Calibration(at=NOON + timedelta(days=n), who="ana", rotation_deg=0, typed_area_mm2=area_mm2)
            )
            wait_until(lambda n=n: len(platform.inbox) == n, within_s=10)  # type: ignore[misc]
        assert node.stop() == 0
    told = [decode_message(message.payload, Info) for message in platform.inbox]
    areas = [one.cameras[0].calibration for one in told]
    assert [one and one.area_mm2 for one in areas] == [None, *areas_mm2]
    assert told[0].models[0].labels == list(load_release(find_bundle("pests")).labels)
    with broker.connect("later") as later:
        later.subscribe("fieldeye/v1/test/n1/info")
        wait_until(lambda: bool(later.inbox), within_s=5)
        assert later.inbox[0].payload == platform.inbox[-1].payload


def test_what_a_model_can_tell_fits_into_its_info_or_is_left_out() -> None:
    most = tuple(f"{number:03}" + "稻" * 77 for number in range(MOST_LABELS))
    told = model_info(ModelStatus(name="own", version="1", labels=most))
    assert len(encode_message(told)) < MAX_MESSAGE_BYTES - 8192
    assert len(told.labels) == MOST_LABELS
    assert model_info(ModelStatus(name="own", version="1", labels=(*most, "Pieris"))).labels == []
    before = {"own@1": frozenset(most), "pests@a@2": frozenset({"Pieris", "Pieris (larva)"})}
    assert former_models(before) == [ModelInfo(name="pests@a", version="2", sha256="", labels=["Pieris"])]


@pytest.mark.parametrize("confidence", [None, 0.2])
def test_the_page_knows_how_often_a_model_was_right_in_tests_at_the_thresholds_at_which_it_was_tested(
    confidence: float | None, tmp_path: Path
) -> None:
    model = ModelTable(name=str(write_model(tmp_path / "squares.onnx")), confidence=confidence)
    config = NodeConfig(
        node=NodeTable(site=SITE, node=NODE),
        camera=CameraTable(kind="folder", source=str(tmp_path)),
        model=model,
        store=StoreTable(folder=str(tmp_path / "card")),
        page=None,
    )
    with ExitStack() as parts:
        told = build(config, parts, Event()).board.snapshot().model.precisions
    tested = {one.label: one.precision for one in load_release(find_bundle(str(model.name))).classes}
    assert any(tested.values())
    assert told == (tested if confidence is None else dict.fromkeys(tested))


def test_a_node_tells_what_a_model_could_tell_that_ran_while_the_broker_was_away(
    tmp_path: Path, broker: Broker
) -> None:
    with closing(Store(StoreTable(folder=str(tmp_path)), NODE)) as store:
        for name in ("cards@1", "pests@1", "pests@2"):
            remember(store, name, [f"of {name}"])
        store.commit([interval(model="cards@1"), interval(model="pests@1")])
        store.mark_delivered(marks([2]))
    platform = Platform(broker)
    with ExitStack() as parts:
        unattended(tmp_path, parts, to(broker.port))
        wait_until(lambda: platform.read().messages.get("info"), within_s=20)
    (told,) = platform.messages["info"][0].models
    assert told == ModelInfo(name="cards", version="1", sha256="", labels=["of cards@1"])


def test_a_store_that_does_not_read_for_a_moment_holds_up_no_birth(tmp_path: Path) -> None:
    config = NodeConfig(node=NodeTable(site=SITE, node=NODE), camera=CameraTable(kind="folder"))
    board = StatusBoard(SetClock().now())
    board.show(model=ModelStatus(name="own", version="1"))
    with closing(Store(StoreTable(folder=str(tmp_path)), NODE)) as store:
        with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as other:
            other.execute("ALTER TABLE setting RENAME TO away")
        told = info(config, store, board.snapshot())
    assert [one.name for one in told.models] == ["own"]


def test_without_a_broker_a_node_looks_keeps_and_shows_that_records_wait(tmp_path: Path) -> None:
    port = free_port()
    with running(configuration(tmp_path, port, free_port()), tmp_path, port) as node:
        wait_until(lambda: node.committed() >= 3, within_s=30)
        assert node.stop() == 0
    with closing(Store(StoreTable(folder=str(tmp_path)), "n1")) as store:
        assert store.waiting()[0] == store.health().last_seq


def test_a_killed_node_goes_on_in_the_same_epoch_and_nothing_is_lost_or_doubled(tmp_path: Path, broker: Broker) -> None:
    port = free_port()
    config = configuration(tmp_path, port, broker.port)
    with Ear(broker.port) as ear:
        for _ in range(2):
            with running(config, tmp_path, port) as node:
                before = ear.seen.counted
                wait_until(lambda before=before: ear.seen.counted > before + 2, within_s=30)
                node.process.kill()
                node.process.wait(60)
        with running(config, tmp_path, port) as node:
            wait_until(lambda: ear.seen.counted >= 8, within_s=30)
            assert node.stop() == 0
        with closing(Store(StoreTable(folder=str(tmp_path)), "n1")) as store:
            last_seq = store.health().last_seq
            assert last_seq
            wait_until(lambda: ear.seen.missing("n1", store.epoch, last_seq) == [], within_s=10)
            assert ear.seen.counted == last_seq


def test_a_wrong_configuration_ends_run_with_2_and_a_sentence(tmp_path: Path) -> None:
    config = configuration(tmp_path, free_port(), None)
    config.write_text(config.read_text().replace("every_s", "every"))
    command = [sys.executable, "-m", "edge", "run", "--config", str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert ended.returncode == 2
    assert "unknown key camera.every; did you mean every_s?" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_unattended_node_with_a_wrong_configuration_goes_on_with_the_last_good_one(tmp_path: Path) -> None:
    """Its store lies elsewhere, which a broken file does not say."""
    port, stick = free_port(), tmp_path / "stick"
    stick.mkdir()
    config = configuration(stick, port, None)
    with running(config, tmp_path, port, "--unattended") as node:
        node.folder = stick
        wait_until(lambda: node.committed() >= 1, within_s=30)
        assert node.stop() == 0
    config.write_text("[node\n")
    before = node.committed()
    with running(config, tmp_path, port, "--unattended") as node:
        node.folder = stick
        wait_until(lambda: node.committed() > before, within_s=30)
        assert "node.toml" in node.page("/node")
        assert node.stop() == 0


def test_an_unattended_node_that_never_had_a_good_configuration_shows_why_on_its_page(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text("nonsense")
    if loopback.free_port(PAGE_PORT) != PAGE_PORT:
        pytest.skip(f"port {PAGE_PORT} is used by another program, and a node without configuration has no other")
    with running(config, tmp_path, PAGE_PORT, "--unattended") as node:
        assert "node.toml" in node.page()
        assert node.stop() == 0


@pytest.mark.parametrize("name", ["no-such-model", "broken.onnx"])
def test_a_model_that_cannot_run_leaves_the_page_up_with_the_reason(tmp_path: Path, name: str) -> None:
    if name.endswith(".onnx"):
        (tmp_path / name).write_bytes(b"\x08\x07 not a model")
        name = str(tmp_path / name)
    port = free_port()
    with running(configuration(tmp_path, port, None, model=name), tmp_path, port) as node:
        assert Path(name).name in node.page()
        assert node.stop() == 0


def test_a_camera_that_is_missing_leaves_the_page_up_with_the_reason_until_it_is_there(tmp_path: Path) -> None:
    port, stick = free_port(), tmp_path.with_name(f"{tmp_path.name}-stick")
    path = configuration(tmp_path, port, None)
    path.write_text(path.read_text().replace(str(PICTURES), str(stick)))
    with running(path, tmp_path, port) as node:
        wait_until(lambda: "The camera does not answer." in node.page(), within_s=20)
        with closing(Records(tmp_path, "n1")) as records:
            assert records.latest_sightings(1) == []
            shutil.copytree(PICTURES, stick)
            wait_until(lambda: bool(records.latest_sightings(1)), within_s=40)
        assert node.stop(within_s=20) == 0


def test_a_node_whose_stream_is_silent_stops_well(tmp_path: Path) -> None:
    port = free_port()
    config = configuration(tmp_path, port, None)
    with network_camera() as source:
        text = config.read_text().replace('kind = "folder"', 'kind = "opencv"').replace("loop = true", "stall_s = 3.0")
        config.write_text(text.replace(str(PICTURES), source.address))
        with running(config, tmp_path, port) as node:
            wait_until(lambda: '"state":"ok"' in node.page("/api/v1/state"), within_s=30)
            source.health = "stalled"
            assert node.stop(within_s=60) == 0


def test_a_damaged_store_that_was_set_aside_is_told_on_the_page_and_to_the_platform_beside_camera_store_and_link(
    tmp_path: Path, broker: Broker
) -> None:
    port = free_port()
    config = configuration(tmp_path, port, broker.port)
    (tmp_path / "fieldeye.db").write_bytes(b"this is no database" * 1000)
    with running(config, tmp_path, port) as node:
        assert "Earlier results were damaged on the memory card and set aside" in node.page("/node")
        with broker.connect("platform") as platform:
            platform.subscribe("fieldeye/v1/test/n1/health")
            wait_until(lambda: len(platform.inbox) > 0, within_s=20)
            told = json.loads(platform.inbox[-1].payload)
        assert node.stop() == 0
    assert told["problem"].startswith(f"{tmp_path}/fieldeye.db.damaged-1: the store was damaged and set aside")
    assert {"utc", "clock", "session", "uptime_s", "camera", "store", "link"} <= told.keys()


def test_a_calibration_that_a_version_refuses_is_told_on_the_page_and_to_the_platform_and_the_node_counts(
    tmp_path: Path, broker: Broker
) -> None:
    port = free_port()
    config = configuration(tmp_path, port, broker.port)
    config.write_text(config.read_text() + "health_every_s = 1\n")  # the first one may leave before the camera is begun
    (tmp_path / "calibration.json").write_text('{"at": "2026-07-01T00:00:00Z", "who": "Mei", "typed_area_mm2": 0}')
    with running(config, tmp_path, port) as node:
        wait_until(lambda: "What was drawn and measured here cannot be used" in node.page("/node"), within_s=20)
        with broker.connect("platform") as platform:
            platform.subscribe("fieldeye/v1/test/n1/health")
            wait_until(lambda: any(b"problem" in message.payload for message in platform.inbox), within_s=20)
            told = json.loads(platform.inbox[-1].payload)
        wait_until(lambda: node.committed() >= 3, within_s=30)
        assert node.stop() == 0
    assert told["problem"].startswith(f"{tmp_path}/calibration.json: no calibration")


def test_a_port_in_use_is_a_sentence_and_not_a_traceback(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        command = [sys.executable, "-m", "edge", "run", "--config", str(configuration(tmp_path, port, None))]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert ended.returncode == 1
    assert f"port {port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_node_that_is_killed_five_times_shows_its_page_and_does_not_look_until_it_is_restarted(
    tmp_path: Path,
) -> None:
    port = free_port()
    config = configuration(tmp_path, port, None)
    for _ in range(4):
        with closing(Store(StoreTable(folder=str(tmp_path)), NODE)) as store:
            Runs(store, SystemClock().now()).__enter__()  # all that a kill leaves
    with running(config, tmp_path, port) as node:
        node.process.kill()
        node.process.wait(60)
    with running(config, tmp_path, port) as node:
        assert "5 times within half an hour" in node.page()
        before = node.committed()
        assert node.stop() == 0
        assert node.committed() == before
    with running(config, tmp_path, port) as node:
        wait_until(lambda: node.committed() > before, within_s=30)
        assert node.stop() == 0


def test_what_keeps_a_node_from_looking_stays_told_also_where_it_ended_too_fast(tmp_path: Path) -> None:
    """The page said that the last good settings work on, of a node that has none."""
    table, camera = NodeTable(site=SITE, node=NODE), CameraTable(kind="folder")
    config = NodeConfig(node=table, camera=camera, store=StoreTable(folder=str(tmp_path)), page=None)
    for _ in range(BAD_ENDS):
        with suppress(RuntimeError), ExitStack() as parts:
            build(config, parts, Event(), refused="node.toml: nonsense", looks=False)
            raise RuntimeError
    with ExitStack() as parts:
        shown = build(config, parts, Event(), refused="node.toml: nonsense", looks=False).board.snapshot()
    assert shown.problem == shown.notice == "node.toml: nonsense"


class Manager:
    """What systemd is to a service: the other end of NOTIFY_SOCKET."""

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.settimeout(20)

    def close(self) -> None:
        self._socket.close()

    def hears(self) -> str:
        return self._socket.recv(100).decode()

    def drain(self) -> int:
        """How many messages lie there."""
        return len(self.lying())

    def lying(self) -> list[str]:
        """The messages that lie there."""
        self._socket.setblocking(False)
        heard: list[str] = []
        with suppress(BlockingIOError):
            while message := self._socket.recv(100):
                heard.append(message.decode())
        self._socket.settimeout(20)
        return heard


def test_the_watchdog_is_fed_by_the_loop_and_not_while_the_loop_is_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    port = free_port()
    with closing(Manager(tmp_path)) as manager, running(configuration(tmp_path, port, None), tmp_path, port) as node:
        assert manager.hears() == "READY=1"
        assert manager.hears() == "WATCHDOG=1"
        with closing(sqlite3.connect(tmp_path / "fieldeye.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # somebody holds the database: the next commit of the loop waits
            wait_until(lambda: manager.drain() == 0, within_s=8, every_s=1.5)
            other.execute("ROLLBACK")
        assert manager.hears() == "WATCHDOG=1"
        assert node.stop() == 0


def test_without_a_broker_times_are_put_right_too_once_the_clock_is_set(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that refuses it does not end the loop: the next commit tries again."""
    clock = SetClock(state=ClockState.UNSYNCED)
    clock.jump(-20_000 * 86_400, ClockState.UNSYNCED)  # a board without a clock wakes up in the seventies
    with closing(Store(StoreTable(folder=str(tmp_path)), "n1")) as store:
        store.commit([sighting(at=clock.now())])
        put_times_right(store, clock)
        clock.advance(60)
        clock.jump(20_000 * 86_400, ClockState.SYNCED)
        put_times_right(store, clock)
        (stored,) = store.latest_sightings(1)
        assert isinstance(stored.record, Sighting)
        assert abs((stored.record.at.utc - NOON).total_seconds()) < 1
        assert stored.record.at.state is ClockState.CORRECTED
        store.close()
        put_times_right(store, clock)
    assert [record.message for record in caplog.records] == ["times_not_corrected"]


def test_an_unattended_node_with_a_dead_card_looks_sends_and_says_so(tmp_path: Path, broker: Broker) -> None:
    port = free_port()
    config = configuration(tmp_path, port, broker.port)
    (tmp_path / "card").write_text("a file where the folder should be")
    config.write_text(config.read_text().replace(f'folder = "{tmp_path}"', f'folder = "{tmp_path}/card"'))
    with Ear(broker.port) as ear, running(config, tmp_path, port, "--unattended") as node:
        wait_until(lambda: ear.seen.counted >= 3, within_s=30)
        assert "The memory card takes no results" in node.page("/node")
        assert node.stop() == 0


def unattended(folder: Path, parts: ExitStack, mqtt: MqttTable | None = None) -> Node:
    """A node without a page that does not look."""
    config = NodeConfig(
        node=NodeTable(site=SITE, node=NODE),
        camera=CameraTable(kind="folder"),
        store=StoreTable(folder=str(folder)),
        page=None,
        mqtt=mqtt,
    )
    return build(config, parts, Event(), looks=False, unattended=True)


@pytest.mark.parametrize(
    ("version", "of", "says"),
    [(99, "newer", "written by a newer Fieldeye"), (3, "older", "from before the first release")],
)
def test_a_node_whose_store_is_of_other_software_says_so_knows_its_people_and_can_be_updated(
    tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch, version: int, of: str, says: str
) -> None:
    monkeypatch.setattr("edge.clock.clock_is_set", lambda: True)
    with closing(Store(StoreTable(folder=str(tmp_path)), NODE)) as store:
        store.accounts.put(LI, NOON)
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db:
        db.execute(f"PRAGMA user_version = {version}")
    with ExitStack() as parts:
        node = unattended(tmp_path, parts, to(broker.port))
        told = node.board.snapshot()
        assert (told.store_of, told.store.partition(f": {says}")[0]) == (of, f"{tmp_path}/fieldeye.db")
        assert node.store.accounts.everybody() == [LI]
        assert node.store.commit([sighting()])[0].seq == 1
        assert ask(Platform(broker), piece(0)).have == PIECE
    assert (tmp_path / f"inbox/{SHA256}.part").stat().st_size == PIECE


def test_a_store_in_memory_lies_in_the_folder_that_systemd_gives_or_a_sentence_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fieldeye.db").mkdir()
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    with ExitStack() as parts:
        assert unattended(tmp_path, parts).board.snapshot().store
        assert len(list((tmp_path / "run").glob("fieldeye-*/fieldeye.db"))) == 1
    assert list((tmp_path / "run").iterdir()) == []
    (tmp_path / "run").rmdir()
    with ExitStack() as parts, pytest.raises(StoreError, match="no folder for a store in memory can be made"):
        unattended(tmp_path, parts)


def test_a_publisher_that_outlives_its_time_is_said_and_is_no_further_fault(
    tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge.app.JOIN_S", 0.0)
    with ExitStack() as parts:
        node = unattended(tmp_path, parts, to(broker.port))
        wait_until(lambda: node.board.snapshot().link.state == "connected", within_s=20)
        (publisher,) = [one for one in threading.enumerate() if one.name == "publisher"]
        with pytest.raises(ThreadStuckError, match="thread publisher did not stop"):
            parts.close()
    publisher.join(20)
    assert "thread_died" not in [record.message for record in caplog.records]


def test_decisions_that_cannot_be_used_are_told_to_the_platform(tmp_path: Path, broker: Broker) -> None:
    (tmp_path / "decisions.sqlite").mkdir()
    with broker.connect("platform") as platform, ExitStack() as parts:
        platform.subscribe(f"fieldeye/v1/{SITE}/{NODE}/health")
        node = unattended(tmp_path, parts, to(broker.port))
        wait_until(lambda: len(platform.inbox) > 0, within_s=20)
        told = json.loads(platform.inbox[-1].payload)
        assert node.board.snapshot().store == ""
    assert told["problem"].startswith(f"{tmp_path}/decisions.sqlite: cannot open the decisions")


def test_what_stands_is_in_the_first_word_of_a_node_that_starts_anew(
    tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long its camera takes to open: in Home Assistant the level would end and begin with each start."""
    own = OwnThreshold(label="Pieris", unit="insects/trap/night", act_at=10, source="the station")
    advice, now = AdviceTable(threshold=(own,)), SystemClock().now()
    (row,) = watched(["Pieris"], advice, None)
    stands = Standing(threshold=row, level="look", since=now, figure=Measured(12.0, own.unit), at=now)
    with closing(Store(StoreTable(folder=str(tmp_path)), NODE)) as store:
        store.set_setting(SETTING, msgspec.json.encode((stands,)).decode())
    config = NodeConfig(
        node=NodeTable(site=SITE, node=NODE),
        camera=CameraTable(kind="folder", source=str(tmp_path), mode="trap"),
        model=ModelTable(name=str(write_model(tmp_path / "squares.onnx"))),
        store=StoreTable(folder=str(tmp_path)),
        page=None,
        mqtt=to(broker.port),
        advice=advice,
    )
    platform = Platform(broker)

    def slow(*how: Any) -> WatchedCamera:
        wait_until(lambda: "health" in platform.read().messages, within_s=10)
        return open_watched_camera(*how)

    monkeypatch.setattr("edge.app.open_watched_camera", slow)
    with ExitStack() as parts:
        build(config, parts, Event(), unattended=True)
    assert [[one.level for one in health.alerts] for health in platform.messages["health"]] == [["look"]]


def areas_counted_by(config: Path, folder: Path, page_port: int, broker: Broker) -> set[int | None]:
    """Of the intervals that a node told until it was stopped, one at least."""

    def intervals() -> list[Interval]:
        told = [one.record for batch in platform.inbox for one in decode_batch(batch.payload, "n1")]
        return [one for one in told if isinstance(one, Interval)]

    with broker.connect("platform") as platform, running(config, folder, page_port, "--unattended") as node:
        platform.subscribe("fieldeye/v1/test/n1/records")
        wait_until(intervals, within_s=30)
        assert node.stop() == 0
    return {one.area_mm2 for one in intervals()}


def test_a_trap_whose_store_is_of_newer_software_keeps_calibration_and_catch_on_its_card(
    tmp_path: Path, broker: Broker
) -> None:
    Store(StoreTable(folder=str(tmp_path)), NODE).close()
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db:
        db.execute("PRAGMA user_version = 99")
    save_calibration(tmp_path, CARD)
    port = free_port()
    config = configuration(tmp_path, port, broker.port, camera='mode = "trap"')
    assert areas_counted_by(config, tmp_path, port, broker) == {500}
    assert (tmp_path / "card.npz").stat().st_size > 1000


def trap_night(
    folder: Path, *squares: tuple[int, int, tuple[int, int, int]], fed: bool = False, card: Path | None = None
) -> Interval | str:
    """What an unattended node tells of one picture of its trap, or why it does not look."""
    picture, model = folder / "field" / "1.png", folder / "squares.onnx"
    picture.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(picture), scene(*squares))
    config = NodeConfig(
        node=NodeTable(site=SITE, node=NODE),
        camera=CameraTable(kind="folder", source=str(picture.parent), mode="trap", every_s=0, fed=fed),
        gate=GateTable(blurred_share=0.0),
        model=ModelTable(name=str(model if model.exists() else write_model(model))),
        store=StoreTable(folder=str(card or folder / "card")),
        page=None,
    )
    stop = Event()
    if fed:  # which has no end
        stop.set()
    with ExitStack() as parts:
        node = build(config, parts, stop, unattended=True)
        if node.pipeline is None:
            return node.board.snapshot().problem
        node.run()
        (told,) = [one.record for one in node.store.records_between_seq(node.store.last_seq(), 10**6)]
        assert isinstance(told, Interval)
        assert (told.counts == NoData("not_kept")) == (node.board.snapshot().camera.last_skip == "not_kept")
        return told


def test_what_came_onto_a_trap_while_its_card_took_nothing_counts_once_and_over_all_that_time(tmp_path: Path) -> None:
    card, there, more = tmp_path / "card", (8, 8, BLUE), (40, 40, RED)
    before = trap_night(tmp_path, there)
    card.rename(tmp_path / "away")
    card.write_text("a file where the folder should be")
    for squares in ((there,), (there, more)):
        lost = trap_night(tmp_path, *squares)
        assert isinstance(lost, Interval)
        assert (lost.counts, lost.frames, lost.exposed_s) == (NoData("not_kept"), 0, None)
    why = trap_night(tmp_path, there, fed=True)
    card.unlink()
    (tmp_path / "away").rename(card)
    told = trap_night(tmp_path, there, more)
    assert isinstance(told, Interval)
    assert isinstance(before, Interval)
    assert [(one.label, one.count) for one in told.counts] == [("Aleyrodidae", 1)]  # type: ignore[union-attr]
    assert told.exposed_s == pytest.approx((told.end.utc - before.end.utc).total_seconds(), abs=0.5)
    assert isinstance(why, str)
    assert f"until then the pictures wait in {tmp_path}/field" in why


ON_A_READ_ONLY_CARD = """
import os, subprocess, sys
from pathlib import Path
from edge.calibration import save_calibration
from tests.onnx_files import BLUE
from tests.test_app import CARD, trap_night
card = Path(os.environ["DISK"])
save_calibration(card, CARD)
subprocess.run(["mount", "-o", "remount,ro", card], check=True)
told = trap_night(Path(sys.argv[1]), (8, 8, BLUE), card=card)
print(told.counts.reason, told.area_mm2)
"""


def test_a_trap_on_a_card_that_only_reads_looks_on_in_the_region_that_was_calibrated(tmp_path: Path) -> None:
    assert "not_kept 500" in run_on_small_disk("-c", ON_A_READ_ONLY_CARD, str(tmp_path))


def test_a_trap_whose_store_alone_cannot_be_used_counts_on_from_its_card_and_calibration(tmp_path: Path) -> None:
    (tmp_path / "card" / "fieldeye.db").mkdir(parents=True)
    save_calibration(tmp_path / "card", CARD)
    first, told = (trap_night(tmp_path, *squares) for squares in (((8, 8, BLUE),), ((8, 8, BLUE), (40, 40, RED))))
    assert isinstance(first, Interval)
    assert isinstance(told, Interval)
    assert (first.counts, first.area_mm2, told.area_mm2) == (NoData("unmatched"), 500, 500)
    assert [(one.label, one.count) for one in told.counts] == [("Aleyrodidae", 1)]  # type: ignore[union-attr]


def test_two_nodes_on_one_store_are_refused_even_unattended(tmp_path: Path) -> None:
    config = configuration(tmp_path, free_port(), None)
    with closing(Store(StoreTable(folder=str(tmp_path)), NODE)):
        command = [sys.executable, "-m", "edge", "run", "--config", str(config), "--unattended"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert ended.returncode == 1
    assert "another Fieldeye uses this store" in ended.stderr
