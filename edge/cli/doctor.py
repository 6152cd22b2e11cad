"""`fieldeye doctor`: is this node well? One verdict a line, from the configuration to an acknowledged message."""

import argparse
import os
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from msgspec.structs import replace

from edge.calibration import Calibration, load_calibration, size_to_fit
from edge.cameras import Camera, Frame, open_camera
from edge.cameras.base import without_credentials
from edge.cameras.watch import FIRST_PICTURE_S
from edge.changes import load_changed, set_on_page
from edge.cli.advice_verdict import on_advice
from edge.cli.arguments import config_argument
from edge.cli.camera_verdict import REMEDIES, on_camera_in_use
from edge.cli.debian_verdict import on_debian
from edge.cli.exits import DONE, NOT_WELL, WRONG_USE
from edge.cli.model_verdict import on_model
from edge.cli.page_verdict import asked, on_page, running_state
from edge.cli.results import show
from edge.cli.update import SERVICE
from edge.cli.verdict import Verdict
from edge.climate import open_climate
from edge.clock import Clock, ClockState, SystemClock
from edge.config import NodeConfig, PowerTable
from edge.errors import BadFrameError, CameraEndedError, ConfigError, FieldeyeError, SortingError
from edge.gate import GateState, Skip, is_worth_a_look
from edge.mqtt import probe
from edge.page.api.schema import Health
from edge.power.gauge import UNREAD_TIMES, read_battery, status_of, why_unread
from edge.store import inspect_beside, inspect_store, told_aside
from edge.updates.slots import ENDS_OF_GOOD_UPDATES, LINK, Places, on_trial, running_counter, said


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `doctor`."""
    config_argument(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a verdict")


def run(args: argparse.Namespace) -> int:
    """0 if every part is well, 1 if one is not, 2 with a wrong configuration."""
    try:
        config, refused = load_changed(args.config)
        page = [] if refused else set_on_page(args.config)
    except ConfigError as why:
        if not args.json:
            raise
        _show(Verdict("configuration", "not well", str(why)), as_json=True)
        return WRONG_USE
    is_well = True
    for verdict in chain(_password(args.config, config), diagnose(config, SystemClock(), refused, page)):
        is_well &= verdict.state != "not well"
        _show(verdict, as_json=args.json)
    if not args.json:
        print("this node is ready" if is_well else "this node is not ready: see the lines marked ✗")
    return DONE if is_well else NOT_WELL


def diagnose(config: NodeConfig, clock: Clock, refused: str = "", page: Sequence[str] = ()) -> Iterator[Verdict]:
    """One verdict after the other, in the order in which a node starts.

    `refused`: why what was changed on the page is not looked at; `page`: what of node.toml does not hold for it.
    """
    if refused:
        yield Verdict("configuration", "worth a look", f"looked at without what was set on the page: {refused}")
    else:
        name = f"{config.node.site}/{config.node.node}, mode {config.camera.mode}"
        yield Verdict("configuration", "ok", "; ".join([name, *page]))
    yield _clock(clock)
    yield from _store(config)
    yield _software(Places())
    yield from on_debian(clock.now().utc)
    yield from _service()
    frame, verdict = _camera(config, clock)
    yield verdict
    verdict, bundle = on_model(config, clock, frame)
    yield verdict
    size_px = size_to_fit(config.camera, None if frame is None else frame.image)
    calibration, told = _calibration(config, size_px)
    if bundle is not None:
        has_area = calibration is not None and calibration.area_mm2 is not None
        yield from on_advice(config, bundle.labels, has_area=has_area)
    yield from told
    yield from _climate(config)
    yield from _battery(config.power)
    yield from on_page(config)
    yield from _broker(config, clock)


def _password(path: Path, config: NodeConfig) -> Iterator[Verdict]:
    """Of a camera: it has no other place than its address. A group that may read it is the service's own."""
    source = config.camera.source
    if without_credentials(source) != source and path.stat().st_mode & stat.S_IROTH:
        said = f"camera.source may hold one, and anybody here may read {path}; run: chmod o-r {path}"
        yield Verdict("password", "worth a look", said)


def _clock(clock: Clock) -> Verdict:
    now = clock.now()
    if now.state is ClockState.SYNCED:
        return Verdict("clock", "ok", f"{now.utc:%Y-%m-%d %H:%M:%S} UTC, known since the power came")
    return Verdict("clock", "worth a look", f"{now.utc:%Y-%m-%d %H:%M:%S} UTC, but nothing keeps it in time yet")


def _store(config: NodeConfig) -> Iterator[Verdict]:
    try:
        yield Verdict("store", "ok", inspect_store(config.store, has_broker=config.mqtt is not None))
    except FieldeyeError as why:
        yield Verdict("store", "not well", str(why))
    else:
        yield from (Verdict(what, "not well", why) for what, why in inspect_beside(config.store))
    aside = told_aside(Path(config.store.folder))
    if aside:
        yield Verdict("damaged store", "worth a look", aside)


def _software(places: Places) -> Verdict:
    """Which of the slots' software and models run, see edge/updates."""
    runs = ", ".join(f"{kind} number {running_counter(places, kind)}" for kind in LINK)
    if tried := on_trial(places):
        return Verdict("updates", "worth a look", f"{runs}; still on trial: {', '.join(tried)}")
    ended = said(places)
    is_well = not ended or ended.endswith(ENDS_OF_GOOD_UPDATES)
    return Verdict("updates", "ok" if is_well else "worth a look", f"{runs}; {ended or 'nothing was updated yet'}")


def _service() -> Iterator[Verdict]:
    """Does the node itself run? On a machine whose systemd knows no such service there is nothing to say."""
    if not Path("/run/systemd/system").is_dir():
        return
    command = ["/usr/bin/systemctl", "show", SERVICE, "--property=LoadState,ActiveState,NRestarts"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
    told = dict(line.partition("=")[::2] for line in shown.splitlines())
    if told.get("LoadState") in {None, "not-found"}:
        return
    if told["ActiveState"] != "active":
        why = f"{told['ActiveState']}; see why: journalctl -u fieldeye, and start it: systemctl start fieldeye"
        yield Verdict("service", "not well", why)
    elif told["NRestarts"] != "0":
        yield Verdict(
            "service", "worth a look", f"runs, but ended by itself {told['NRestarts']} times since it was started"
        )
    else:
        yield Verdict("service", "ok", "runs")


def _camera(config: NodeConfig, clock: Clock) -> tuple[Frame | None, Verdict]:
    in_use = on_camera_in_use(config)
    if in_use is not None:
        return None, in_use
    once = replace(config.camera, loop=False)  # else a folder without a picture would have no end
    try:
        with open_camera(once, clock) as camera:  # not watched: one that is not there is not waited for
            frame = _first(camera)
    except FieldeyeError as why:
        return None, Verdict("camera", "not well", str(why))
    height_px, width_px = frame.image.shape[:2]
    look, _state = is_worth_a_look(frame, GateState(), config.gate, config.camera.mode)
    if isinstance(look, Skip):
        reason = REMEDIES.get(look.reason, look.reason)
        return frame, Verdict("camera", "worth a look", f"{frame.source}: {width_px}x{height_px} px, but {reason}")
    return frame, Verdict("camera", "ok", f"{frame.source}: {width_px}x{height_px} px")


def _first(camera: Camera) -> Frame:
    """A folder's file that cannot be used may lie there for ever: it is told where no good one follows."""
    odd: BadFrameError | None = None
    while True:
        try:
            return camera.read(FIRST_PICTURE_S)
        except SortingError:
            continue
        except CameraEndedError as why:
            raise odd or why from None
        except BadFrameError as why:
            if camera.is_live or why.reason == "unreadable":  # of the disk
                raise
            odd = odd or why


def _calibration(config: NodeConfig, size_px: tuple[int, int] | None) -> tuple[Calibration | None, list[Verdict]]:
    """A camera need not have one, and in a node's folder only the node's own user sees whether there is one."""
    folder = Path(config.store.folder)
    if not os.access(folder, os.R_OK | os.X_OK):
        return None, []
    try:
        known = load_calibration(folder, config.camera.rotation_deg, size_px)
    except ConfigError as why:
        return None, [Verdict("calibration", "not well", f"the whole picture is counted, without an area: {why}")]
    if known is None:
        return None, []
    return known, [Verdict("calibration", "ok", f"of {known.at:%Y-%m-%d}, by {known.who}")]


def _climate(config: NodeConfig) -> Iterator[Verdict]:
    """The node would look without it. Whether the sensor tells something shows only with time."""
    if config.climate is None:
        return
    try:
        open_climate(config.climate).close()
    except ConfigError as why:
        yield Verdict("climate", "not well", str(why))


def _battery(power: PowerTable) -> Iterator[Verdict]:
    """Without its gauge the node would run until the power drops."""
    if power.gauge is None:
        return
    tries = (read_battery(power.gauge) for _ in range(UNREAD_TIMES))
    battery = status_of(next(filter(None, tries), None), power.low_v)
    if battery is None:
        yield Verdict("battery", "not well", why_unread(power.gauge, power.low_v))
        return
    share = "" if battery.share is None else f", {battery.share:.0%}"
    low = "" if power.low_v is None else f", power.low_v is {power.low_v:g} V"
    figures = f"{power.gauge}: {battery.voltage_v:.2f} V{share}{low}"
    if battery.level == "good":
        yield Verdict("battery", "ok", figures)
    elif battery.level == "low":
        todo = "wipe the solar panel and see that nothing shades it"
        yield Verdict("battery", "worth a look", f"{figures}: getting low; {todo}")
    else:
        todo = "charge it today, wipe the solar panel and check its cable"
        yield Verdict("battery", "not well", f"{figures}: nearly empty; {todo}")


def _broker(config: NodeConfig, clock: Clock) -> Iterator[Verdict]:
    if config.mqtt is None:
        yield Verdict("broker", "worth a look", "none is configured: everything stays on the node")
        return
    is_well = True
    try:
        for step in probe(config.mqtt, config.node, clock):
            well = "ok" if step.is_heard else "worth a look"
            is_well &= step.is_well and step.is_heard
            yield Verdict(step.what, well if step.is_well else "not well", step.sentence)
    except FieldeyeError as why:
        yield Verdict("broker", "not well", str(why))
        return
    if is_well:
        yield from _link(config)


def _link(config: NodeConfig) -> Iterator[Verdict]:
    """What the running node says of its own connection: under another name than its own nobody meets its twin."""
    health = asked(config, "/api/v1/health", Health) if running_state(config) else None
    if health is not None and health.link_problem:
        yield Verdict("broker link", "worth a look", f"the running node says: {health.link_problem}")


def _show(verdict: Verdict, *, as_json: bool) -> None:
    mark = {"ok": "✓", "worth a look": "!", "not well": "✗"}[verdict.state]
    show(asdict(verdict), f"{mark} {verdict.what:<14} {verdict.sentence}", as_json=as_json)
