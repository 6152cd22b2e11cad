"""How long a frame takes here, stage by stage. Ratios of one run can be compared, milliseconds of two cannot."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.boxes import Image
from edge.detector import Detector

REPETITIONS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCost:
    """One detector on one size of picture."""

    width_px: int
    height_px: int
    prepare_ms: float  # picture to tensor
    infer_ms: float  # the bare session.run
    decode_ms: float  # logits to detections
    total_ms: float  # the detector as it is called
    ratio: float  # total / infer


def frame_cost(detector: Detector, image: Image, repetitions: int = REPETITIONS) -> FrameCost:
    """What a whole frame `image` (H, W, 3) uint8 BGR costs."""
    fit = detector.prepare(image)
    raw = detector.infer()
    stages: dict[str, Callable[[], object]] = {
        "prepare": lambda: detector.prepare(image),
        "infer": detector.infer,
        "decode": lambda: detector.decode(raw, fit, detector.thresholds),
        "total": lambda: detector(image),
    }
    ms = turns_ms(stages, repetitions)
    return FrameCost(
        width_px=image.shape[1],
        height_px=image.shape[0],
        prepare_ms=ms["prepare"],
        infer_ms=ms["infer"],
        decode_ms=ms["decode"],
        total_ms=ms["total"],
        ratio=ms["total"] / ms["infer"],
    )


def turns_ms(works: dict[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """Milliseconds of each work, which take turns so that a busy machine slows all alike.

    The lower quartile: other programs only ever add, and on a machine of two cores they add to half of the turns.
    """
    rounds = [{name: _took_ms(work) for name, work in works.items()} for _ in range(repetitions)]
    return {name: statistics.quantiles((one[name] for one in rounds), n=4)[0] for name in works}


def _took_ms(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return (time.perf_counter() - started_s) * 1000
