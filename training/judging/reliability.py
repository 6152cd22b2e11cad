"""Does confidence mean what it says? Guo et al. (2017), On Calibration of Modern Neural Networks, arXiv:1706.04599."""

import numpy as np

from training.judging.figures import Bin, Reliability
from training.metrics import Judged

BINS = 10


def reliability(one: Judged) -> Reliability:
    """Bins of equal width; those without a detection are left out. Error 0 where there is no detection at all."""
    place = np.minimum((one.confidence * BINS).astype(int), BINS - 1)
    bins = [
        Bin(int(inside.sum()), float(one.confidence[inside].mean()), float(one.is_hit[inside].mean()))
        for inside in (place == number for number in range(BINS))
        if inside.any()
    ]
    total = max(1, len(one.confidence))
    return Reliability(sum(b.detections * abs(b.confidence - b.precision) for b in bins) / total, tuple(bins))
