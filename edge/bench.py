"""How long a frame takes here, stage by stage. Ratios of one run can be compared, milliseconds of two cannot."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from edge.boxes import Image
from edge.detector import Detector


def stages(detector: Detector, image: Image) -> dict[str, Callable[[], object]]:
    """What a whole frame `image` (H, W, 3) uint8 BGR takes.

    `prepare`: picture to tensor, `network`: the bare session.run, `decode`: logits to detections, and the `detector`
    as it is called.
    """
    fit = detector.prepare(image)
    raw = detector.infer()
    return {
        "prepare": lambda: detector.prepare(image),
        "network": detector.infer,
        "decode": lambda: detector.decode(raw, fit, detector.thresholds),
        "detector": lambda: detector(image),
    }


class Took(NamedTuple):
    """Of one work. A busy machine interrupts a second's and lets ten milliseconds' pass: compare by the processor."""

    wall_ms: float
    processor_ms: float  # of all threads of this process

    def of(self, base: "Took") -> float:
        """Its share of another's: a busy machine hardly stretches it, and waiting for a disk takes none."""
        return self.processor_ms / base.processor_ms


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
