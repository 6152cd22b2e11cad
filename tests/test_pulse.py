"""A heartbeat that nothing can fake: neither a publisher that stands still nor an inference that never ends."""

import resource
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest

from edge import app
from edge.app import build
from edge.config import load_config
from edge.detections import Detections
from edge.detector import Detector
from edge.node.pulse import PUBLISHER_STUCK_S, Pulse
from edge.node.restarts import Runs
from edge.page import server
from edge.power.keeper import Keeper
from edge.store import Store
from tests.broker import Broker
from tests.clocks import SetClock
from tests.node import running, to
from tests.ports import free_port
from tests.test_app import Manager, configuration
from tests.waiting import wait_until


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with closing(Manager(tmp_path)) as told:
        yield told


def keeper(folder: Path, clock: SetClock) -> Keeper:
    config = load_config(configuration(folder, free_port(), None))
    return Keeper(
        config.power, config.node, config.camera, clock,
        read=lambda: None, is_installing=lambda: False,
        is_idle=lambda: False, is_visited=lambda: False, ask=lambda _: None,
    )  # fmt: skip


def test_a_publisher_that_stands_still_is_a_reason_not_to_feed_the_watchdog(tmp_path: Path, manager: Manager) -> None:
    clock = SetClock()
    with running(tmp_path / "store", to(free_port()), clock=clock) as node:
        pulse = Pulse(clock, node.publisher, None, keeper(tmp_path, clock))
        pulse.beat()
        assert manager.drain() == 1
        node.end()  # its thread has ended; the object says so by the time of its last turn alone
        clock.advance(PUBLISHER_STUCK_S + 1)
        pulse.beat()
        assert manager.drain() == 0


def test_a_heartbeat_for_which_a_board_has_no_file_left_or_that_nobody_hears_ends_no_node(
    tmp_path: Path, manager: Manager
) -> None:
    clock, limits = SetClock(), resource.getrlimit(resource.RLIMIT_NOFILE)
    pulse = Pulse(clock, None, None, keeper(tmp_path, clock))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        pulse.beat()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert manager.drain() == 0
    pulse.beat()
    assert manager.drain() == 1
    (tmp_path / "notify").unlink()
    pulse.beat()


def test_an_inference_that_never_ends_starves_the_watchdog_until_it_does(
    tmp_path: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, true, stop = Event(), Detector.__call__, Event()

    def wedged(self: Detector, image: np.ndarray) -> Detections:  # type: ignore[type-arg]
        assert free.wait(60)
        return true(self, image)

    free.set()
    monkeypatch.setattr(Detector, "__call__", wedged)
    with ExitStack() as parts:
        node = build(load_config(configuration(tmp_path, free_port(), None)), parts, stop)
        loop = Thread(target=node.run)
        loop.start()
        assert manager.hears() == "READY=1"
        assert manager.hears() == "WATCHDOG=1"
        free.clear()
        wait_until(lambda: manager.drain() == 0, within_s=20, every_s=1.5)
        free.set()
        assert manager.hears() == "WATCHDOG=1"
        stop.set()
        loop.join(20)
        assert not loop.is_alive()


def test_a_publisher_that_dies_takes_the_node_with_it_and_the_next_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Event()

    def breaks(_: object) -> None:
        raise RuntimeError("a fault of our own")

    monkeypatch.setattr(app, "read_board", breaks)
    with Broker() as broker, ExitStack() as parts:
        config = load_config(configuration(tmp_path, free_port(), broker.port))
        node = build(config, parts, stop)
        wait_until(stop.is_set, within_s=20)
        assert not node.run()  # a bad end, also for the trial of new software
    with closing(Store(config.store, config.node.node)) as store, Runs(store, SetClock().now()) as runs:
        assert runs.last_stop == "fault in publisher: RuntimeError: a fault of our own"


def test_a_page_whose_thread_dies_takes_the_node_with_it_and_the_next_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Event()
    with ExitStack() as parts:
        config = load_config(configuration(tmp_path, free_port(), None))
        node = build(config, parts, stop)
        monkeypatch.setattr(server, "PLACES", None)
        wait_until(stop.is_set, within_s=20)
        assert not node.run()
    with closing(Store(config.store, config.node.node)) as store, Runs(store, SetClock().now()) as runs:
        assert str(runs.last_stop).startswith("fault in page: TypeError: ")
