"""What the doctor says of a camera that the running node has: most serve one program at a time, so it is not opened."""

from pathlib import Path

from edge.census import SLOWEST_S, follows
from edge.cli.page_verdict import asked, running_state
from edge.cli.verdict import Verdict
from edge.config import CameraTable, NodeConfig
from edge.counts import BLIND
from edge.page.api.schema import Camera, Health
from edge.store import is_held

REMEDIES = {  # of a reason why a picture is not looked at, where the word alone does not say what to do
    "colourless": "colourless: turn infrared off by day; for a monochrome camera set gate.colourless_levels = 0",
    "no_leaf": "no_leaf: nothing in view is green; turn the camera to the plants",
}


def on_camera_in_use(config: NodeConfig) -> Verdict | None:
    """As the running node tells; None where the camera can be opened: a folder's, or no node runs here, or looks."""
    if config.camera.kind == "folder" or not is_held(Path(config.store.folder)):
        return None
    state = running_state(config)
    if state is None:
        silent = "the running node has it and does not say how it is; look at the page, or stop the node and ask again"
        return Verdict("camera", "worth a look", silent)
    if state.problem:
        return None
    health = asked(config, "/api/v1/health", Health)
    look_ms = health.ms_per_frame if health else None  # of its last one
    slow = too_slow_for_visits(config.camera, look_ms or 0.0)
    if slow and state.camera.state == "ok":
        return Verdict("camera", "worth a look", f"the running node has it; {slow}")
    return _told(state.camera)


def too_slow_for_visits(camera: CameraTable, look_ms: float) -> str:
    """Why a node whose looks take so long counts no visits, though it is configured to; empty where it does."""
    if not follows(camera) or look_ms <= SLOWEST_S * 1000:
        return ""
    return (
        f"a look takes {look_ms / 1000:.1f} s, and above {SLOWEST_S:g} s no insect is known again: the most on one "
        f"picture is counted, not visits; set camera.every_s above {SLOWEST_S:g}, or take a faster board or model"
    )


def _told(camera: Camera) -> Verdict:
    if camera.state == "ok" and camera.last_frame_utc is not None:
        last = f"{camera.last_frame_utc:%Y-%m-%d %H:%M:%S} UTC"
        told = f"the running node has it: {camera.frames} pictures, the last at {last}"
        if not 0 < camera.frames <= sum(camera.skipped.get(one, 0) for one in BLIND):
            return Verdict("camera", "ok", told)
        reason = max(BLIND, key=lambda reason: camera.skipped.get(reason, 0))
        return Verdict("camera", "worth a look", f"{told}, but each shows nothing: {REMEDIES.get(reason, reason)}")
    if camera.state == "starting":
        return Verdict("camera", "worth a look", "the running node is opening it; ask again in a minute")
    if camera.state == "ended":
        return Verdict("camera", "ok", f"the running node has shown all its {camera.frames} pictures")
    why = (
        f"the running node gets no new pictures from it ({camera.state}); look at its cable and power, and at the page"
    )
    return Verdict("camera", "not well", why)
