"""How long a frame takes here, stage by stage. Ratios of one run can be compared, milliseconds of two cannot."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from edge.boxes import Image
from edge.detector import Detector


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCost:
    """One detector on one size of picture."""

    prepare_ms: float  # picture to tensor
    infer_ms: float  # the bare session.run
    decode_ms: float  # logits to detections
    total_ms: float  # the detector as it is called
    ratio: float  # total / infer in processor time, which a busy machine does not stretch


def frame_cost(detector: Detector, image: Image, repetitions: int) -> FrameCost:
    """What a whole frame `image` (H, W, 3) uint8 BGR costs."""
    fit = detector.prepare(image)
    raw = detector.infer()
    stages: dict[str, Callable[[], object]] = {
        "prepare": lambda: detector.prepare(image),
        "infer": detector.infer,
        "decode": lambda: detector.decode(raw, fit, detector.thresholds),
        "total": lambda: detector(image),
    }
    took = in_turns(stages, repetitions)
    return FrameCost(
        prepare_ms=took["prepare"].wall_ms,
        infer_ms=took["infer"].wall_ms,
        decode_ms=took["decode"].wall_ms,
        total_ms=took["total"].wall_ms,
        ratio=took["total"].processor_ms / took["infer"].processor_ms,
    )


class Took(NamedTuple):
    """Of one work. A busy machine interrupts a second's and lets ten milliseconds' pass: compare by the processor."""

    wall_ms: float
    processor_ms: float  # of all threads of this process


def in_turns(works: dict[str, Callable[[], object]], repetitions: int) -> dict[str, Took]:
    """What each work took; they take turns, so that all are slowed alike."""
    rounds = [{name: _took(work) for name, work in works.items()} for _ in range(repetitions)]
    return {name: Took(*map(_quartile, zip(*(one[name] for one in rounds), strict=True))) for name in works}


def _took(work: Callable[[], object]) -> Took:
    started, busy = time.perf_counter(), time.process_time()
    work()
    return Took((time.perf_counter() - started) * 1000, (time.process_time() - busy) * 1000)


def _quartile(values: Sequence[float]) -> float:
    """The lower one: other programs only ever add."""
    return statistics.quantiles(values, n=4)[0]
