"""States of a node that a person may find, made of real records in a real store."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import cv2
import msgspec
import numpy as np

import edge.board
from edge.advice import Measured, Period, Standing, Threshold, key_of
from edge.boxes import Image
from edge.clock import ClockState, Instant
from edge.config import CameraTable, MqttTable, NodeConfig, NodeTable, StoreTable
from edge.counts import Interval, NoData, Sighting, TaxonCount
from edge.status import BatteryStatus, CameraStatus, LinkStatus, ModelStatus, StatusBoard
from edge.store import Deed, Store
from tests.clocks import SetClock

if TYPE_CHECKING:
    from flask import Flask

FRAMES = Path(__file__).parent.parent / "data" / "frames"
HOPPER, BUG = "Nilaparvata lugens", "Leptocorisa acuta"
MODEL = "pests@0.1.0"
FULL = "card-full"  # a file of this name in the store's folder: the disk has 90 MB left


@dataclass
class Scene:
    """A node with everything that the page reads."""

    store: Store
    board: StatusBoard
    config: NodeConfig
    clock: SetClock

    def app(self, **more: Any) -> "Flask":
        """The page of this node; the scene may still change."""
        from edge.page import create_app  # noqa: PLC0415  benchmarks.page_memory measures what it loads

        return create_app(self.store, self.board, self.config, self.clock, **more)

    def configure(self, **tables: Any) -> None:
        """As node.toml would: `camera={"mode": "trap"}` sets one key, and `mqtt=None` leaves a table out."""
        for name, table in tables.items():
            whole = table
            if isinstance(table, dict):
                whole = msgspec.structs.replace(getattr(self.config, name), **table)
            self.config = msgspec.structs.replace(self.config, **{name: whole})

    def before(self, **back: float) -> Instant:
        """The moment `timedelta(**back)` ago."""
        passed = timedelta(**back)
        now = self.clock.now()
        return replace(now, utc=now.utc - passed, monotonic_s=now.monotonic_s - passed.total_seconds())


def config(folder: Path, **node: object) -> NodeConfig:
    return NodeConfig(
        node=NodeTable(site="paddy-3", node="north-dyke", time_zone="Asia/Shanghai", **node),
        camera=CameraTable(kind="folder", source="frames"),
        store=StoreTable(folder=str(folder)),
        mqtt=MqttTable(host="localhost", tls=False),
    )


def picture_of(name: str) -> bytes:
    """A real field picture as the loop keeps it."""
    return (FRAMES / name).read_bytes()


def sighting(at: Instant, label: str = HOPPER, count: int = 3, **changes: object) -> Sighting:
    fields: dict[str, object] = {
        "at": at, "camera": "cam0", "model": MODEL, "label": label, "eppo": "", "confidence": 0.86,
        "box": (0.32, 0.35, 0.5, 0.55), "count": count,
    }  # fmt: skip
    return Sighting(**{**fields, **changes})


def interval(start: Instant, counts: dict[str, int] | None, *, frames: int = 60, hours: float = 1.0) -> Interval:
    """An hour; `counts` None: no data."""
    end = replace(start, utc=start.utc + timedelta(hours=hours), monotonic_s=start.monotonic_s + hours * 3600)
    taxa = tuple(
        TaxonCount(label=k, eppo="", count=n, low=max(0, n - 2), high=n + 3) for k, n in (counts or {}).items()
    )
    return Interval(
        start=start, end=end, camera="cam0", model=MODEL, mode="live", unit="max_per_frame",
        frames=frames if counts is not None else 0, skipped=() if counts is not None else (("dark", 60),),
        awake_s=hours * 3600, counts=taxa if counts is not None else NoData("dark"),
    )  # fmt: skip


def trap_hour(start: Instant, caught: int, *, nights: int | None = None) -> Interval:
    """An hour of a trap; `nights` is how long its card has hung, as far as that is known."""
    exposed_s = None if nights is None else nights * 86_400.0
    return replace(interval(start, {HOPPER: caught}), mode="trap", unit="new", exposed_s=exposed_s)


def frame_of(name: str) -> Image:
    """A real picture as the camera gives it."""
    return np.asarray(cv2.imread(str(FRAMES / name)), np.uint8)


def well(scene: Scene) -> None:
    """A node that looks and delivers."""
    scene.board.show(
        camera=CameraStatus(
            state="ok", frames=4210, looked=1032, skipped={"still": 2900, "dark": 270, "blurred": 8},
            last_frame=scene.before(seconds=12), ms_per_frame=43.0,
        ),
        link=LinkStatus(state="connected", acknowledged=318, last_ack=scene.before(minutes=3)),
        model=ModelStatus(name="pests", version="0.1.0", sha256="ab" * 32),
    )  # fmt: skip
    scene.board.show_frame(frame_of("rice_bug.jpg"))


def fortnight(scene: Scene) -> None:
    """Fourteen days with a zero, a gap and a rise."""
    counts = [None, 0, 2, 1, 3, 2, None, None, 4, 7, 6, 3, 4, 5]
    found = [None if count is None else {HOPPER: count, BUG: count // 3} if count else {} for count in counts]
    days = reversed(range(len(counts)))
    scene.store.commit(
        [interval(scene.before(days=back, hours=2), one, frames=212) for back, one in zip(days, found, strict=True)]
    )


def seen(scene: Scene) -> None:
    well(scene)
    fortnight(scene)
    bug = sighting(scene.before(hours=5), BUG, 1, confidence=0.58, box=(0.2, 0.45, 0.6, 0.66))
    scene.store.commit([bug], picture_of("rice_bug.jpg"))
    one = sighting(scene.before(hours=3), HOPPER, 1, confidence=0.7, box=(0.56, 0.12, 0.82, 0.95))
    scene.store.commit([one], picture_of("planthopper.jpg"))
    scene.store.commit([sighting(scene.before(minutes=12), HOPPER, 5)], picture_of("brown_planthopper_nymph.jpg"))
    deliver(scene)


def deliver(scene: Scene) -> None:
    while batch := scene.store.next_batch():
        scene.store.mark_delivered([stored.mark for stored in batch])


def nothing(scene: Scene) -> None:
    well(scene)
    scene.store.commit([interval(scene.before(days=back, hours=2), {}, frames=212) for back in reversed(range(14))])
    deliver(scene)


def first_minutes(scene: Scene) -> None:
    scene.board.show(model=ModelStatus(name="pests", version="0.1.0"), link=LinkStatus(state="connecting"))


def helper(scene: Scene) -> None:
    well(scene)
    fortnight(scene)
    scene.clock.advance(3 * 86_400)
    well(scene)
    scene.store.commit([interval(scene.before(hours=2), {"Coccinella septempunctata": 2}, frames=90)])
    scene.store.commit([sighting(scene.before(minutes=40), "Coccinella septempunctata", 2)])
    deliver(scene)


def camera(state: str, detail: str, **changes: object) -> Callable[[Scene], None]:
    def scene_of(scene: Scene) -> None:
        seen(scene)
        now = scene.board.snapshot().camera
        scene.board.show(camera=replace(now, state=state, detail=detail, last_frame=scene.before(minutes=9), **changes))

    return scene_of


def covered(scene: Scene) -> None:
    seen(scene)
    scene.board.show(camera=replace(scene.board.snapshot().camera, last_skip="blocked"))


def late(scene: Scene) -> None:
    seen(scene)
    scene.clock.advance(4 * 3600)


def night(scene: Scene) -> None:
    """The first night: nothing but dark pictures so far."""
    well(scene)
    dark = CameraStatus(
        state="ok", frames=31, skipped={"dark": 31}, last_frame=scene.before(seconds=40), last_skip="dark"
    )
    scene.board.show(camera=dark)


def night_after_a_day(scene: Scene) -> None:
    nothing(scene)
    scene.board.show(camera=replace(scene.board.snapshot().camera, last_skip="dark"))


def blind(scene: Scene) -> None:
    """A node that saw well until the sun came to stand in its lens for more than a day."""
    nothing(scene)
    scene.clock.advance(26 * 3600)
    well(scene)
    scene.store.commit([interval(scene.before(hours=back), None) for back in range(25, 0, -1)])
    scene.board.show(camera=replace(scene.board.snapshot().camera, last_skip="overexposed"))
    deliver(scene)


def broker_away(scene: Scene) -> None:
    seen(scene)
    scene.store.commit([sighting(scene.before(hours=26))])
    scene.store.commit([interval(scene.before(hours=1), {HOPPER: 5})])
    scene.board.show(
        link=LinkStatus(state="lost", detail="localhost:1883: Connection refused; start the broker", acknowledged=318)
    )


def previous_model(scene: Scene) -> None:
    nothing(scene)
    detail = "pests-2.onnx: not the file in manifest.json (sha256 differs); run: fieldeye model rollback"
    scene.board.show(model=ModelStatus(name="pests", version="0.1.0", detail=detail))


def safe_mode(scene: Scene) -> None:
    problem = "/etc/fieldeye/node.toml: unknown key camera.evry_s; did you mean every_s?"
    scene.board.show(notice=problem, problem=problem)


def clock_not_set(scene: Scene) -> None:
    seen(scene)
    scene.clock.state = ClockState.UNSYNCED


LEVEL = Threshold(
    scientific_name=HOPPER, crop="rice", stage_of_crop="all", method="camera", quantity="adults",
    unit="insects/picture", low=10.0, high=None, region="Ningbo",
    action="ask the station", basis="action", source="Ningbo station, 2026",
)  # fmt: skip


def standing(scene: Scene, count: int, level: str, label: str = HOPPER, *, days: int = 1) -> Standing:
    """A pest against ten on one picture, by what was counted yesterday, or today with `days` 0."""
    today = scene.clock.now().utc.astimezone(ZoneInfo(scene.config.node.time_zone)).date()
    day = today - timedelta(days=days)
    return Standing(
        threshold=replace(LEVEL, scientific_name=label), level=level, since=scene.before(hours=9), count=count,
        figure=Measured(float(count), LEVEL.unit, max(0.0, count - 3.0), count + 6.0),
        period=Period(first=day, last=day, is_over=days > 0),
    )  # fmt: skip


def over_the_level(scene: Scene) -> None:
    seen(scene)
    scene.board.show(alerts=(standing(scene, 14, "act"), standing(scene, 1, "calm", BUG)))


def near_the_level(scene: Scene) -> None:
    seen(scene)
    scene.board.show(alerts=(standing(scene, 7, "look", days=0), standing(scene, 1, "calm", BUG)))


def done(scene: Scene) -> None:
    over_the_level(scene)
    key = key_of(scene.board.snapshot().alerts[0])
    scene.store.decisions.do(key, Deed("Mei", scene.before(hours=2).utc))


def taken_on(scene: Scene) -> None:
    """The station's word has come: somebody there takes care of it."""
    near_the_level(scene)
    key = key_of(scene.board.snapshot().alerts[0])
    scene.store.decisions.do(key, Deed("Li", scene.before(hours=2).utc, 7.0, is_taken_on=True))


def camera_gone_while_over_the_level(scene: Scene) -> None:
    over_the_level(scene)
    now = scene.board.snapshot().camera
    detail = "camera 0: no such device; check the cable, then run: fieldeye doctor"
    scene.board.show(camera=replace(now, state="missing", detail=detail, last_frame=scene.before(minutes=9)))


def card_takes_nothing(scene: Scene) -> None:
    seen(scene)
    trouble = f"{scene.config.store.folder}/fieldeye.db: cannot commit (disk I/O error): replace the memory card"
    scene.board.show(store=trouble)


def weak_power(scene: Scene) -> None:
    seen(scene)
    edge.board.THROTTLED.write_text("50005\n")


def low_battery(scene: Scene) -> None:
    seen(scene)
    scene.board.show(battery=BatteryStatus(voltage_v=11.7, share=None, level="empty"))


def full_card(scene: Scene) -> None:
    seen(scene)
    (Path(scene.config.store.folder) / FULL).touch()


def each_figure(scene: Scene) -> None:
    """A node that tells all there is to tell, each figure another number."""
    full_card(scene)
    edge.board.TEMPERATURE.write_text("61500\n")
    edge.board.THROTTLED.write_text("4\n")
    edge.board.STATM.write_text(f"900 {104_857_600 // edge.board.PAGE_BYTES} 300\n")
    scene.board.show(
        camera=replace(scene.board.snapshot().camera, detections=2077, dropped=17, reopened=3),
        battery=BatteryStatus(voltage_v=3.9, share=0.64, level="good"),
    )
    scene.store.commit([sighting(scene.before(minutes=back), BUG) for back in (2, 1)])


SCENES: dict[str, Callable[[Scene], None]] = {
    "first-minutes": first_minutes,
    "nothing-seen": nothing,
    "seen": seen,
    "helper-seen": helper,
    "camera-missing": camera("missing", "camera 0: no such device; check the cable, then run: fieldeye doctor"),
    "camera-stalled": camera("stalled", "camera 0: no new frame for 8 s; it is opened again", reopened=3),
    "lens-covered": covered,
    "late": late,
    "night": night,
    "night-after-a-day": night_after_a_day,
    "blind-for-a-day": blind,
    "broker-away": broker_away,
    "previous-model": previous_model,
    "safe-mode": safe_mode,
    "clock-not-set": clock_not_set,
    "over-the-level": over_the_level,
    "near-the-level": near_the_level,
    "done": done,
    "taken-on": taken_on,
    "camera-missing-over-the-level": camera_gone_while_over_the_level,
    "card-takes-nothing": card_takes_nothing,
    "weak-power": weak_power,
    "battery-low": low_battery,
    "card-full": full_card,
}
HEADLINES = {
    "first-minutes": "The node has just started.",
    "nothing-seen": "No pest seen in the last 24 hours.",
    "seen": "Brown planthopper: 5",
    "helper-seen": "Seven-spot ladybird: 2",
    "camera-missing": "The camera does not answer.",
    "camera-stalled": "The camera gives no new pictures.",
    "lens-covered": "Something covers the camera.",
    "late": "There has been no new picture for a long time.",
    "night": "Too dark to see anything.",
    "night-after-a-day": "No pest seen in the last 24 hours.",
    "blind-for-a-day": "Too bright to see anything.",
    "broker-away": "Brown planthopper: 5",
    "previous-model": "No pest seen in the last 24 hours.",
    "safe-mode": "This node is not looking.",
    "clock-not-set": "Brown planthopper: 5",
    "over-the-level": "Brown planthopper: 14 yesterday",
    "near-the-level": "Brown planthopper: 7 today so far",
    "done": "Brown planthopper: 14 yesterday",
    "taken-on": "Brown planthopper: 7 today so far",
    "camera-missing-over-the-level": "Brown planthopper: 14 yesterday",
    "card-takes-nothing": "Brown planthopper: 5",
    "weak-power": "Brown planthopper: 5",
    "battery-low": "Brown planthopper: 5",
    "card-full": "Brown planthopper: 5",
}
