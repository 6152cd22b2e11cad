"""What the doctor says of the model: it starts and sees, another runs in its place, or none would."""

from pathlib import Path

from edge.bundle import MANIFEST, Bundle, find_bundle
from edge.cameras import Frame
from edge.cli.camera_verdict import too_slow_for_visits
from edge.cli.verdict import Verdict
from edge.clock import Clock
from edge.config import NodeConfig, made_for
from edge.detector import Detector
from edge.errors import FieldeyeError
from edge.fallback import open_detector
from edge.golden import tried
from edge.updates.models import models_folder

UNVOUCHED = (
    f", but it is in no {MANIFEST}: neither hash nor golden picture vouches for it; "
    "measure it (training/README.md), or name a released one"
)


def on_model(config: NodeConfig, clock: Clock, frame: Frame | None) -> tuple[Verdict, Bundle | None]:
    """Tried on the camera's picture, if there is one; with the bundle that the node would look with."""
    asked, wanted = config.model_name, config.model
    try:
        release = find_bundle(asked, models_folder(asked, Path(wanted.folder)))
        detector = tried(release, threads=wanted.threads, confidence=wanted.confidence)
    except FieldeyeError as why:
        return _previous_model(config, why)
    name = f"{detector.bundle.name} {detector.bundle.version}"
    wrong = _of_another_mode(config, detector.bundle.name)
    if wrong:
        return Verdict("model", "worth a look", wrong), detector.bundle
    state = "ok" if release.entry else "worth a look"
    doubt = f"{'' if release.entry else UNVOUCHED}{_unmeasured(detector)}"
    if frame is None:
        return Verdict("model", state, f"{name} loads{doubt}"), detector.bundle
    started_s = clock.monotonic_s()
    found = detector(frame.image)
    took_ms = (clock.monotonic_s() - started_s) * 1000
    sentence = f"{name} sees {len(found)} on the camera's picture in {took_ms:.0f} ms"
    slow = too_slow_for_visits(config.camera, took_ms)
    if slow:
        return Verdict("model", "worth a look", f"{sentence}: {slow}"), detector.bundle
    return Verdict("model", state, f"{sentence}{doubt}"), detector.bundle


def _previous_model(config: NodeConfig, why: FieldeyeError) -> tuple[Verdict, Bundle | None]:
    """Would the node go on with the last one that started well?"""
    name, kept = config.model_name, Path(config.store.folder) / "bundles"
    try:
        opened = open_detector(name, kept=kept, folder=models_folder(name, Path(config.model.folder)))
    except FieldeyeError:
        return Verdict("model", "not well", str(why)), None
    bundle = opened.detector.bundle
    return Verdict("model", "worth a look", f"{bundle.name} {bundle.version} runs instead: {why}"), bundle


def _of_another_mode(config: NodeConfig, model: str) -> str:
    """A model sees nothing in what it was not made for, and then all seems quiet."""
    meant, mode = made_for(model), config.camera.mode
    if meant in (None, mode):
        return ""
    return f"{model} is made for mode {meant}, and camera.mode is {mode}; leave out model.name, or change the mode"


def _unmeasured(detector: Detector) -> str:
    if detector.is_as_measured:
        return ""
    return (
        "; its counts have no range, since precision and recall were not measured at model.confidence,"
        " and action levels are held against the counts alone"
    )
