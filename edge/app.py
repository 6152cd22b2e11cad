"""Builds everything from a configuration, starts it and closes it in reverse: the one composition root.

The loop (the caller's thread), the publisher and the page's threads share the store and the status board. Cameras,
sensors and a broker that is dialled have threads of their own, which know neither.
"""

import logging
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from threading import Event, Thread

import msgspec

from edge.board import read_board
from edge.calibration import EVERYTHING, bring_calibration
from edge.cameras import open_watched_camera
from edge.climate import ClimateSensor, NoSensor, open_climate
from edge.clock import Clock, ClockState, SystemClock
from edge.config import MEGABYTE, ClimateTable, NodeConfig
from edge.detector import Detector
from edge.errors import (
    BundleError,
    ConfigError,
    StoreDamagedError,
    StoreError,
    StoreHeldError,
    StoreNewerError,
    ThreadStuckError,
    UsageError,
)
from edge.fallback import open_detector
from edge.introduction import MOST_LABELS, former_models, introduction
from edge.label_sets import load, names_of
from edge.mqtt import Publisher
from edge.page import Looker, PageServer, create_app, serve
from edge.pipeline import CAMERA, Parts, Pipeline
from edge.power.gauge import Battery, read_battery, status_of
from edge.power.keeper import Keeper, ask_halt
from edge.power.schedule import longest_sleep_s
from edge.restarts import Runs
from edge.status import ModelStatus, StatusBoard
from edge.store import Store, told_aside
from edge.systemd import ask_clock, notify, say_well
from edge.updates.inbox import Inbox
from edge.updates.manifest import Kind
from edge.updates.models import models_folder
from edge.updates.proof import Proof
from edge.updates.slots import Places, is_installing, on_trial, said, slot_paths
from edge.wire import CalibrationInfo, CameraHealth, CameraInfo, Health, Info, ModelInfo

log = logging.getLogger(__name__)

JOIN_S = 20.0  # the publisher says farewell within 3, but a worn card takes 2 for each of its writes
PUBLISHER_STUCK_S = 60.0  # one turn takes half a second; resolving a dead name server half a minute
SAFE_MODE_TURN_S = 5.0
SPARE_MB = 8  # of a store in memory, and as much of pictures: /run has 40 on a board of 512
TOO_FAST = (
    "this node ended 5 times within 10 minutes (the last time: {last}), so it does not look any more; "
    "mend the cause, then run: systemctl restart fieldeye"
)


class Pulse:
    """Feeds systemd's watchdog from the loop itself, so that a stuck loop or a wedged inference cannot fake it."""

    def __init__(self, clock: Clock, publisher: Publisher | None, proof: Proof | None, keeper: Keeper) -> None:
        self._clock = clock
        self._publisher = publisher
        self._proof = proof
        self._keeper = keeper

    def beat(self) -> None:
        """The loop has turned. A publisher that has not turned for long is a reason not to say so."""
        if self._proof is not None:
            self._proof.beat()
        self._keeper.beat()
        if self._publisher is None or self._clock.monotonic_s() - self._publisher.beat_s < PUBLISHER_STUCK_S:
            notify("WATCHDOG=1")


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
) -> Node:
    """Make and start every part but the loop, and leave its closing with `parts`.

    `refused` says why `config` is not the configuration that was meant; with `looks` False there is no loop either.
    Raises FieldeyeError for what a node cannot be without: its store, its page's port, and a model while something in
    `places` is on trial. `unattended`, a card that cannot be used is replaced by memory, since the broker may still
    take what is counted. `begin_again` is called when somebody has changed settings on the page.
    """
    clock = SystemClock()
    board = StatusBoard(clock.now())
    if refused:
        board.show(notice=refused, problem="" if looks else refused)
    inbox = Inbox(Path(config.store.folder) / "inbox")  # on the card also if the store is in memory: the installer's
    asked_store = config.store
    config, store = _open_store(config, parts, board, unattended)
    unusable = board.snapshot().newer or board.snapshot().store
    if unusable and config.camera.fed:  # in memory no name outlives this start, and each picture would count again
        looks = False
        board.show(problem=f"{unusable}; until then the pictures wait in {config.camera.source}")
    runs = parts.enter_context(Runs(store, clock.now()))
    places = places or Places()
    if runs.end_too_fast and not on_trial(places):  # the slots count the ends of a trial, and lead back
        looks = False
        board.show(problem=TOO_FAST.format(last=runs.last_stop))
    keeper = _keeper(config, store, clock, board, inbox)
    keeps_card = config.store == asked_store  # else a store in memory took its place
    slots = slot_paths(places)
    base = _Base(config, store, board, clock, stop, runs, keeper, inbox, begin_again, places, slots, keeps_card)
    page = _open_page(base, parts)
    detector = _open_model(base) if looks else None
    publisher = _start_publisher(base, parts)
    alive = Pulse(clock, publisher, _proof(base) if detector else None, base.keeper)
    pipeline = None if detector is None else _open_loop(base, parts, detector, publisher, alive)
    return Node(config, store, board, stop, page, pipeline, alive, runs)


def _open_store(config: NodeConfig, parts: ExitStack, board: StatusBoard, unattended: bool) -> tuple[NodeConfig, Store]:
    """The store, and the configuration with the folder where all else is kept."""
    try:
        store = parts.enter_context(closing(Store(config.store, config.node.node)))
    except StoreHeldError:
        raise
    except StoreError as why:
        if not unattended:
            raise
        log.error("store_unusable", extra={"why": str(why)})  # noqa: TRY400  the sentence says all
        is_newer = isinstance(why, StoreNewerError)
        board.show(newer=str(why) if is_newer else "", store="" if is_newer else str(why))
    else:
        board.show(aside=told_aside(Path(config.store.folder)))
        return config, store
    folder = _spare_folder(parts)
    spare = msgspec.structs.replace(config.store, folder=str(folder), max_mb=SPARE_MB, pictures_mb=SPARE_MB)
    card = Path(config.store.folder)
    store = parts.enter_context(closing(Store(spare, config.node.node, accounts=card)))
    if _takes_files(card):  # calibration and a trap's insects stay on it
        return config, store
    bring_calibration(card, folder)
    return msgspec.structs.replace(config, store=spare), store


def _takes_files(folder: Path) -> bool:
    try:
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _spare_folder(parts: ExitStack) -> Path:
    """For a store in memory: systemd's below /run, since /tmp may lie on the card that takes nothing."""
    place = os.environ.get("RUNTIME_DIRECTORY") or None
    try:
        return Path(parts.enter_context(TemporaryDirectory(prefix="fieldeye-", dir=place)))
    except OSError as why:
        raise StoreError(
            f"no folder for a store in memory can be made ({why}); give this user one to write in (TMPDIR), "
            "or mend store.folder"
        ) from why


@dataclass(frozen=True, slots=True)
class _Base:
    """What every part is given."""

    config: NodeConfig
    store: Store
    board: StatusBoard
    clock: Clock
    stop: Event
    runs: Runs
    keeper: Keeper
    inbox: Inbox
    begin_again: Callable[[], None] | None
    places: Places
    slots: dict[Kind, Path]  # those linked at the start
    keeps_card: bool  # does what lies in the store's folder outlive this start?


def _open_page(base: _Base, parts: ExitStack) -> PageServer | None:
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
        begin_again=base.begin_again,
        set_clock=lambda utc: ask_clock(utc, base.clock.monotonic_s()),
        looker=looker,
    )
    return parts.enter_context(closing(serve(app, table.host, table.port)))


def _open_model(base: _Base) -> Detector | None:
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
        if on_trial(base.places) and not base.board.snapshot().store:  # a card that takes no record counts no bad end
            raise
        base.board.show(problem=str(why))
        return None
    bundle = opened.detector.bundle
    log.info("bundle_loaded", extra={"model": bundle.name, "version": bundle.version, "sha256": bundle.sha256})
    detail = opened.refused or ""
    labels = tuple(names_of(bundle.labels))
    shown = ModelStatus(name=bundle.name, version=bundle.version, sha256=bundle.sha256, labels=labels, detail=detail)
    base.board.show(model=shown)
    return opened.detector


def _start_publisher(base: _Base, parts: ExitStack) -> Publisher | None:
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
        health=lambda: _health(base),
        info=lambda: _info(base),
        inbox=base.inbox,
        longest_sleep_s=longest_sleep_s(base.config.power),
    )
    leave = Event()  # of its own: the loop commits once more after it was told to stop, and that is sent as well
    left = Event()

    def publish() -> None:
        with closing(publisher):  # by its own thread, which may still be in it when nobody waits any more
            publisher.run(leave)

    thread = Thread(target=_guarded, args=("publisher", base, publish, left), name="publisher")
    thread.start()
    parts.callback(_join, thread, leave, left)
    return publisher


def _keeper(config: NodeConfig, store: Store, clock: Clock, board: StatusBoard, inbox: Inbox) -> Keeper:
    """Reads the battery, shows it, and puts the node to sleep where that is configured."""
    gauge = config.power.gauge

    def read() -> Battery | None:
        battery = None if gauge is None else read_battery(gauge)
        board.show(battery=status_of(battery, config.power.low_v))
        return battery

    return Keeper(
        config.power,
        config.node,
        config.camera,
        clock,
        read=read,
        is_idle=lambda: (
            not (inbox.is_coming(clock.now().utc) or (config.mqtt is not None and store.has_to_send(clock.now().utc)))
        ),
        is_installing=lambda: inbox.is_waiting() or is_installing(Places()),
        is_visited=lambda: board.is_visited(clock.monotonic_s()),
        ask=ask_halt,
    )


def _proof(base: _Base) -> Proof:
    """Says once that what runs does well, see edge/updates."""
    board, has_broker = base.board, base.config.mqtt is not None
    runs = {**base.slots, "software": Path(sys.prefix).resolve()}

    def say() -> None:  # of what was switched to meanwhile it knows nothing
        if slot_paths(base.places) == runs:
            say_well()

    return Proof(
        base.clock,
        is_well=lambda: not board.snapshot().model.detail,
        is_connected=lambda: not has_broker or board.snapshot().link.state == "connected",
        say=say,
    )


def _guarded(name: str, base: _Base, work: Callable[[], None], left: Event) -> None:
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
    base: _Base, parts: ExitStack, detector: Detector, publisher: Publisher | None, alive: Pulse
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
            keeps_card=base.keeps_card,
        )
    )


def _open_climate(config: ClimateTable | None) -> ClimateSensor:
    """A node counts without its weather: nobody goes out for a thermometer. `fieldeye doctor` tells why."""
    try:
        return open_climate(config)
    except ConfigError as why:
        log.warning("no_climate", extra={"why": str(why)})
        return NoSensor()


def put_times_right(store: Store, clock: Clock) -> None:
    """After a commit, where no publisher does it: records of this boot from before its clock was set get their time."""
    now = clock.now()
    if now.state is not ClockState.SYNCED:
        return
    try:
        store.correct_clock(now)
    except StoreDamagedError:
        raise
    except StoreError as why:  # the next commit tries again
        log.warning("times_not_corrected", extra={"why": str(why)})


def _info(base: _Base) -> Info:
    """The birth message: what this node is. After the model that runs stand those whose intervals wait."""
    model, store = base.board.snapshot().model, base.store
    runs = [model_info(model)] if model.name else []
    name = f"{model.name}@{model.version}"
    try:
        waiting = {one: labels for one, labels in load(store).items() if one != name and store.is_awaited(one)}
    except StoreDamagedError:
        raise
    except StoreError as why:  # `info` is told again when it differs
        log.warning("former_models_not_told", extra={"why": str(why)})
        waiting = {}
    models = runs + former_models(waiting, MOST_LABELS - sum(len(one.labels) for one in runs))
    return msgspec.structs.replace(introduction(base.config, store.epoch, models), cameras=[_camera_info(base)])


def model_info(model: ModelStatus) -> ModelInfo:
    """As `info` tells it; of a model that can tell very many labels without them, which is not known then."""
    labels = list(model.labels) if len(model.labels) <= MOST_LABELS else []
    return ModelInfo(name=model.name, version=model.version, sha256=model.sha256, labels=labels)


def _camera_info(base: _Base) -> CameraInfo:
    camera, known = base.config.camera, base.board.snapshot().calibration
    if known is None:
        return CameraInfo(name=CAMERA, kind=camera.kind, mode=camera.mode)
    region = [] if known.region == EVERYTHING else list(known.region.corners)
    told = CalibrationInfo(at=known.at, who=known.who, area_mm2=known.area_mm2, error_px=known.error_px, region=region)
    return CameraInfo(name=CAMERA, kind=camera.kind, mode=camera.mode, mm_per_px=known.mm_per_px, calibration=told)


def _health(base: _Base) -> Health:
    """How the node is; the publisher adds the store's and its own part."""
    now, snapshot = base.clock.now(), base.board.snapshot()
    camera, board = snapshot.camera, read_board(Path(base.config.store.folder))
    battery = base.keeper.battery
    return Health(
        utc=now.utc,
        clock=now.state.value,
        session=base.store.session_number(),
        uptime_s=round(now.monotonic_s - snapshot.started.monotonic_s, 1),
        camera=CameraHealth(
            state=camera.state,
            frames=camera.frames,
            looked=camera.looked,
            dropped=camera.dropped,
            reopened=camera.reopened,
            skipped=dict(camera.skipped),
            last_frame_utc=camera.last_frame.utc if camera.last_frame else None,
            ms_per_frame=camera.ms_per_frame,
            focus=None if camera.focus == "unknown" else camera.focus,
            light=camera.light,
            banded=camera.banded,
        ),
        problem=snapshot.problem
        or snapshot.newer
        or snapshot.store
        or snapshot.notice
        or snapshot.model.detail
        or snapshot.uncalibrated
        or snapshot.aside
        or base.store.accounts.unusable
        or base.store.decisions.unusable
        or None,
        last_stop=base.runs.last_stop,
        cpu_temperature_c=board.temperature_c,
        throttled=board.is_throttled,
        load=round(os.getloadavg()[0], 2),
        memory_mb=None if board.memory_bytes is None else round(board.memory_bytes / MEGABYTE, 1),
        last_update=said(Places()) or None,
        battery_v=None if battery is None else round(battery.voltage_v, 2),
        battery_share=None if battery is None else battery.share,
        disk_free_mb=None if board.disk_free_bytes is None else round(board.disk_free_bytes / MEGABYTE, 1),
    )
