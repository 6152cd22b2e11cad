"""How a node is, as its message `health` tells it; the publisher adds the store's part and its own."""

import os

from edge.board import BoardReading
from edge.census import NO_LEAF
from edge.clock import Instant
from edge.power.gauge import Battery
from edge.status import BLIND_S, CameraStatus, Snapshot
from edge.store import Store
from edge.updates.slots import Places, said
from edge.wire import CameraHealth, Health

_BLIND = {
    "blocked": "something covers the lens; take it away",
    "overexposed": "the pictures are too bright; give the camera shade or turn it away from the sun",
    "blurred": "the pictures are blurred; wipe the lens, then focus it",
    "colourless": "the pictures are without colour by day; turn the camera's infrared off",
    NO_LEAF: "no green leaf is in the pictures; turn the camera to the plants",
}


def health(
    now: Instant,
    snapshot: Snapshot,
    store: Store,
    *,
    reading: BoardReading,
    battery: Battery | None,
    last_stop: str | None,
) -> Health:
    """What stands on the status board, with a `reading` of the computer's board."""
    return Health(
        utc=now.utc,
        clock=now.state.value,
        session=store.session_number(),
        uptime_s=round(now.monotonic_s - snapshot.started.monotonic_s, 1),
        camera=_camera(snapshot.camera),
        problem=_problem(snapshot, store),
        last_stop=last_stop,
        cpu_temperature_c=reading.temperature_c,
        throttled=reading.is_throttled,
        load=round(os.getloadavg()[0], 2),
        memory_mb=reading.memory_mb,
        last_update=said(Places()) or None,
        battery_v=None if battery is None else round(battery.voltage_v, 2),
        battery_share=None if battery is None else battery.share,
        disk_free_mb=reading.disk_free_mb,
    )


def _camera(camera: CameraStatus) -> CameraHealth:
    return CameraHealth(
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
    )


def _problem(snapshot: Snapshot, store: Store) -> str | None:
    """The worst of them: the one that keeps the node from looking first."""
    troubles = (
        snapshot.problem,
        snapshot.store,
        _blindness(snapshot.camera),
        snapshot.notice,
        snapshot.model.detail,
        snapshot.uncalibrated,
        snapshot.aside,
        store.accounts.unusable,
        store.decisions.unusable,
        snapshot.link.detail if snapshot.link.word == "taken_over" else "",
        snapshot.no_battery,
    )
    return next(filter(None, troubles), None)


def _blindness(camera: CameraStatus) -> str:
    """Why a camera that gives pictures has shown nothing for an hour: other nodes of the place may see, and hide it."""
    if camera.blind_s < BLIND_S:
        return ""
    return _BLIND.get(camera.last_skip, "")
