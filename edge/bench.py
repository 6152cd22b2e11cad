"""How long a frame takes here, stage by stage. Ratios of one run can be compared, milliseconds of two cannot."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

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
    ratio: float  # total / infer in processor time, which a busy machine does not stretch


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
    rounds = [{name: _cost_ms(work) for name, work in stages.items()} for _ in range(repetitions)]
    ms = {name: _quartile([one[name].wall for one in rounds]) for name in stages}
    processor_ms = {name: _quartile([one[name].processor for one in rounds]) for name in stages}
    return FrameCost(
        width_px=image.shape[1],
        height_px=image.shape[0],
        prepare_ms=ms["prepare"],
        infer_ms=ms["infer"],
        decode_ms=ms["decode"],
        total_ms=ms["total"],
        ratio=processor_ms["total"] / processor_ms["infer"],
    )


def turns_ms(works: dict[str, Callable[[], object]], repetitions: int, *, processor: bool = False) -> dict[str, float]:
    """Milliseconds of each work, by the clock or of the `processor`; they take turns, so that all are slowed alike.

    A busy machine interrupts a second's work and lets that of ten milliseconds pass: those are compared by `processor`.
    """
    rounds = [{name: _cost_ms(work) for name, work in works.items()} for _ in range(repetitions)]
    return {name: _quartile([one[name].processor if processor else one[name].wall for one in rounds]) for name in works}


class _Cost(NamedTuple):
    wall: float
    processor: float  # of all threads of this process


def _cost_ms(work: Callable[[], object]) -> _Cost:
    started, busy = time.perf_counter(), time.process_time()
    work()
    return _Cost((time.perf_counter() - started) * 1000, (time.process_time() - busy) * 1000)


def _quartile(values: list[float]) -> float:
    """The lower one: other programs only ever add."""
    return statistics.quantiles(values, n=4)[0]
