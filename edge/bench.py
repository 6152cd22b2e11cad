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
    """Medians over the repetitions, of one detector on one size of picture."""

    width_px: int
    height_px: int
    prepare_ms: float  # picture to tensor
    infer_ms: float  # the bare session.run
    decode_ms: float  # logits to detections
    total_ms: float  # the detector as it is called
    ratio: float  # median of total / infer of the same repetition


def frame_cost(detector: Detector, image: Image, repetitions: int = REPETITIONS) -> FrameCost:
    """What a whole `image` (H, W, 3) uint8 BGR costs; stages and total take turns, so a busy machine slows both."""
    fit = detector.prepare(image)
    raw = detector.infer()
    stages: dict[str, Callable[[], object]] = {
        "prepare": lambda: detector.prepare(image),
        "infer": detector.infer,
        "decode": lambda: detector.decode(raw, fit, detector.thresholds),
        "total": lambda: detector(image),
    }
    rounds = [{name: _took_ms(work) for name, work in stages.items()} for _ in range(repetitions)]
    median = {name: statistics.median(one[name] for one in rounds) for name in stages}
    return FrameCost(
        width_px=image.shape[1],
        height_px=image.shape[0],
        prepare_ms=median["prepare"],
        infer_ms=median["infer"],
        decode_ms=median["decode"],
        total_ms=median["total"],
        ratio=statistics.median(one["total"] / one["infer"] for one in rounds),
    )


def _took_ms(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return (time.perf_counter() - started_s) * 1000
