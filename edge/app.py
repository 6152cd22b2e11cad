"""Builds everything from a configuration, starts it and closes it in reverse: the one composition root.

The loop (the caller's thread), the publisher and the page's threads share the store and the status board. Cameras,
sensors and a broker that is dialled have threads of their own, which know neither.
"""

import logging
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Thread

from edge.board import read_board
from edge.cameras import open_watched_camera
from edge.climate import ClimateSensor, NoSensor, open_climate
from edge.clock import Clock, SystemClock
from edge.config import ClimateTable, NodeConfig
from edge.detector import Detector
from edge.errors import BundleError, ConfigError, StoreDamagedError, StoreError, ThreadStuckError, UsageError
from edge.eye import accuracy_of
from edge.fallback import open_detector
from edge.label_sets import names_of
from edge.loop.alarms import Alarms
from edge.loop.commits import put_times_right
from edge.mqtt import Publisher
from edge.node.health import health
from edge.node.info import info
from edge.node.pulse import Pulse
from edge.node.restarts import Runs
from edge.node.spare_store import open_store
from edge.node.systemd import ask_clock, notify, say_well
from edge.page import Looker, PageServer, create_app, serve
from edge.pipeline import Parts, Pipeline
from edge.power.gauge import UNREAD_TIMES, Battery, read_battery, status_of, why_unread
from edge.power.keeper import Keeper, ask_halt
from edge.power.schedule import longest_sleep_s
from edge.status import ModelStatus, StatusBoard
from edge.store import Store
from edge.updates.inbox import Inbox
from edge.updates.models import models_folder
from edge.updates.proof import Proof
from edge.updates.slots import Places, is_installing, on_trial, slot_paths
from edge.wire import Health

log = logging.getLogger(__name__)

JOIN_S = 75.0  # the publisher says farewell within 3, but a card may be silent for a minute
SAFE_MODE_TURN_S = 5.0
TOO_FAST = (
    "this node ended 5 times within half an hour (the last time: {last}), so it does not look any more; "
    "mend the cause, then run: systemctl restart fieldeye"
)


@dataclass(frozen=True, slots=True)
class Node:
    """A node that is built. `pipeline` is None in safe mode: there is a page, but nothing looks."""

    config: NodeConfig
    store: Store
    board: StatusBoard
    stop: Event
    page: PageServer | None
    pipeline: Pipeline | None
    alive: Pulse
    runs: Runs

    def run(self) -> bool:
        """Look until told to stop or until the camera has shown everything; False if a fault of its own ended it."""
        notify("READY=1")
        log.info("node_started", extra={"node": self.config.node.node, "page": self.page.url if self.page else None})
        if self.pipeline is not None:
            self.pipeline.run(self.stop)
        while self.pipeline is None and not self.stop.wait(SAFE_MODE_TURN_S):
            self.alive.beat()
        self.runs.settle()
        log.info("node_stopped", extra={"node": self.config.node.node})
        return self.runs.ends_well


def build(
    config: NodeConfig,
    parts: ExitStack,
    stop: Event,
    *,
    refused: str = "",
    looks: bool = True,
    unattended: bool = False,
    begin_again: Callable[[], None] | None = None,
    places: Places | None = None,
    clock: Clock | None = None,
) -> Node:
    """Make and start every part but the loop, and leave its closing with `parts`.

    `refused` says why `config` is not the configuration that was meant; with `looks` False there is no loop either.
    Raises FieldeyeError for what a node cannot be without: its store, its page's port, and a model while something in
    `places` is on trial. `unattended`, a card that cannot be used is replaced by memory, since the broker may still
    take what is counted. `begin_again` is called when somebody has changed settings on the page.
    """
    clock = clock or SystemClock()
    board = StatusBoard(clock.now())
    if refused:
        board.show(notice=refused, problem="" if looks else refused)
    inbox = Inbox(Path(config.store.folder) / "inbox")  # on the card also if the store is in memory: the installer's
    asked_store = config.store
    config, store = open_store(config, parts, board, unattended=unattended)
    unusable = board.snapshot().store
    if unusable and config.camera.fed:  # in memory no name outlives this start, and each picture would count again
        looks = False
        board.show(problem=f"{unusable}; until then the pictures wait in {config.camera.source}")
    runs = parts.enter_context(Runs(store, clock.now()))
    places = places or Places()
    if looks and runs.end_too_fast and not on_trial(places):  # the slots count the ends of a trial, and lead back
        looks = False
        board.show(problem=TOO_FAST.format(last=runs.last_stop))
    base = _Base(config, store, board, clock, stop, runs)
    keeper = _keeper(config, store, clock, board, inbox)
    proof = _proof(base, places)
    page = _open_page(base, parts, begin_again)
    detector = _open_model(base, places) if looks else None
    if detector is not None:
        Alarms(config, accuracy_of(detector), store, board)  # shows what stood: else each start ended it for a moment
    publisher = _start_publisher(base, parts, inbox, keeper)
    alive = Pulse(clock, publisher, proof if detector else None, keeper)
    pipeline = None
    if detector is not None:
        keeps_card = config.store == asked_store  # else a store in memory took its place
        pipeline = _open_loop(base, parts, detector, publisher, alive, keeps_card=keeps_card)
    return Node(config, store, board, stop, page, pipeline, alive, runs)


@dataclass(frozen=True, slots=True)
class _Base:
    """What every part is given."""

    config: NodeConfig
    store: Store
    board: StatusBoard
    clock: Clock
    stop: Event
    runs: Runs


def _open_page(base: _Base, parts: ExitStack, begin_again: Callable[[], None] | None) -> PageServer | None:
    """The page first: it is how a node in trouble says so."""
    table = base.config.page
    if table is None:
        return None
    looker = parts.enter_context(closing(Looker(models=Path(base.config.model.folder))))
    app = create_app(
        base.store,
        base.board,
        base.config,
        base.clock,
        begin_again=begin_again,
        set_clock=lambda utc: ask_clock(utc, base.clock.monotonic_s()),
        looker=looker,
    )
    guard = partial(_guarded, "page", base, Event())
    return parts.enter_context(closing(serve(app, table.host, table.port, guard=guard)))


def _open_model(base: _Base, places: Places) -> Detector | None:
    """The detector, or None with the reason on the board.

    Raises BundleError or UsageError while anything is on trial: a page alone would never fail, and nothing would look.
    """
    wanted = base.config.model
    kept = Path(base.config.store.folder) / "bundles"
    name = base.config.model_name
    folder = models_folder(name, Path(wanted.folder))
    try:
        opened = open_detector(name, kept=kept, threads=wanted.threads, confidence=wanted.confidence, folder=folder)
    except (BundleError, UsageError) as why:
        log.error("model_refused", extra={"why": str(why)})  # noqa: TRY400  the sentence says all
        if on_trial(places) and not base.board.snapshot().store:  # a card that takes no record counts no bad end
            raise
        base.board.show(problem=str(why))
        return None
    bundle, is_as_measured = opened.detector.bundle, opened.detector.is_as_measured
    log.info("bundle_loaded", extra={"model": bundle.name, "version": bundle.version, "sha256": bundle.sha256})
    detail = opened.refused or ""
    labels = tuple(names_of(bundle.labels))
    shown = ModelStatus(
        name=bundle.name,
        version=bundle.version,
        sha256=bundle.sha256,
        labels=labels,
        precisions={one.label: one.precision if is_as_measured else None for one in bundle.classes},
        detail=detail,
    )
    base.board.show(model=shown)
    return opened.detector


def _start_publisher(base: _Base, parts: ExitStack, inbox: Inbox, keeper: Keeper) -> Publisher | None:
    """Connects and sends from now on; stopped, with its farewell said, when `parts` close."""
    table = base.config.mqtt
    if table is None:
        return None
    publisher = Publisher(
        table,
        base.config.node,
        base.store,
        base.clock,
        base.board,
        health=lambda: _health(base, keeper),
        info=lambda: info(base.config, base.store, base.board.snapshot()),
        inbox=inbox,
        longest_sleep_s=longest_sleep_s(base.config.power),
    )
    leave = Event()  # of its own: the loop commits once more after it was told to stop, and that is sent as well
    left = Event()

    def publish() -> None:
        with closing(publisher):  # by its own thread, which may still be in it when nobody waits any more
            publisher.run(leave)

    thread = Thread(target=_guarded, args=("publisher", base, left, publish), name="publisher")
    thread.start()
    parts.callback(_join, thread, leave, left)
    return publisher


def _health(base: _Base, keeper: Keeper) -> Health:
    return health(
        base.clock.now(),
        base.board.snapshot(),
        base.store,
        reading=read_board(Path(base.config.store.folder)),
        battery=keeper.battery,
        last_stop=base.runs.last_stop,
    )


def _keeper(config: NodeConfig, store: Store, clock: Clock, board: StatusBoard, inbox: Inbox) -> Keeper:
    """Reads the battery, shows it, and puts the node to sleep where that is configured."""
    gauge, low_v = config.power.gauge, config.power.low_v
    misses = 0

    def read() -> Battery | None:
        nonlocal misses
        if gauge is None:
            return None
        battery, why_before = read_battery(gauge), board.snapshot().no_battery
        misses = 0 if battery is not None else misses + 1
        why = why_unread(gauge, low_v) if misses >= UNREAD_TIMES else ""
        if why and not why_before:
            log.warning("no_battery", extra={"why": why})
        elif why_before and not why:
            log.info("battery_read", extra={"gauge": gauge})
        board.show(battery=status_of(battery, low_v), no_battery=why)
        return battery

    return Keeper(
        config.power,
        config.node,
        config.camera,
        clock,
        read=read,
        is_idle=lambda: not (inbox.is_coming(clock.now().utc) or _has_to_send(config, store, clock)),
        is_installing=lambda: inbox.is_waiting() or is_installing(Places()),
        is_visited=lambda: board.is_visited(clock.monotonic_s()),
        ask=ask_halt,
    )


def _has_to_send(config: NodeConfig, store: Store, clock: Clock) -> bool:
    if config.mqtt is None:
        return False
    try:
        return store.has_to_send(clock.now().utc)
    except StoreDamagedError:
        raise
    except StoreError as why:  # the node stays awake for what may wait, though not for ever
        log.warning("outbox_not_read", extra={"why": str(why)})
        return True


def _proof(base: _Base, places: Places) -> Proof:
    """Says once that what runs does well, see edge/updates."""
    board, has_broker = base.board, base.config.mqtt is not None
    runs = {**slot_paths(places), "software": Path(sys.prefix).resolve()}

    def say() -> None:  # of what was switched to meanwhile it knows nothing
        if slot_paths(places) == runs:
            say_well()

    return Proof(
        base.clock,
        is_well=lambda: not board.snapshot().model.detail,
        is_connected=lambda: not has_broker or board.snapshot().link.state == "connected",
        say=say,
    )


def _guarded(name: str, base: _Base, left: Event, work: Callable[[], None]) -> None:
    """A thread that dies takes the node with it: half a node would lie, and systemd starts a whole one.

    Once it is `left` the store is closed under it, and what comes of that is no fault.
    """
    try:
        work()
    except Exception as why:
        if left.is_set():
            return
        log.exception("thread_died", extra={"who": name})
        base.runs.note(f"fault in {name}: {type(why).__name__}: {why}")
        base.stop.set()


def _join(thread: Thread, leave: Event, left: Event) -> None:
    leave.set()
    thread.join(JOIN_S)
    if thread.is_alive():
        left.set()
        raise ThreadStuckError(f"thread {thread.name} did not stop within {JOIN_S:.0f} s; the process ends without it")
    notify("WATCHDOG=1")  # the loop, which feeds it, has ended


def _open_loop(
    base: _Base, parts: ExitStack, detector: Detector, publisher: Publisher | None, alive: Pulse, *, keeps_card: bool
) -> Pipeline:
    camera = parts.enter_context(open_watched_camera(base.config.camera, base.clock, base.stop))
    return Pipeline(
        Parts(
            config=base.config,
            camera=camera,
            detector=detector,
            store=base.store,
            board=base.board,
            clock=base.clock,
            climate=parts.enter_context(closing(_open_climate(base.config.climate))),
            committed=publisher.wake if publisher else partial(put_times_right, base.store, base.clock),
            alive=alive.beat,
            keeps_card=keeps_card,
        )
    )


def _open_climate(config: ClimateTable | None) -> ClimateSensor:
    """A node counts without its weather: nobody goes out for a thermometer. `fieldeye doctor` tells why."""
    try:
        return open_climate(config)
    except ConfigError as why:
        log.warning("no_climate", extra={"why": str(why)})
        return NoSensor()
