"""Temperature and thresholds: what the validation split decides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.detections import Detections
from training.metrics import Judged, Truth, at_threshold, cooled, judged_each, together

THRESHOLDS = tuple(round(0.01 * step, 2) for step in range(25, 81))
AS_GOOD = 0.005  # of F1: less than a validation split can tell apart
PRIOR_MARKS = 30.0  # about as many as a class of `pests` has in the validation split
FITTED_FROM = 0.05  # detections fainter than this are never shown, and would rule the fit of the temperature


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen for one file of a bundle."""

    temperature: float
    thresholds: tuple[float, ...]  # one a class


def choose(truths: Sequence[Truth], found: Sequence[Detections], classes: int) -> Choice:
    """Temperature by likelihood over all detections, then each class's threshold by F1 of the calibrated confidence.

    Pictures of other crops belong to both, or the thresholds would let every spot on a leaf pass.

    found: what a bundle with temperature 1 sees at LOWEST_SCORE. Temperature scaling: Guo et al. (2017),
    On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """
    per_class = judged_each(truths, found, classes)
    temperature = fitted_temperature(together(per_class))
    calibrated = [replace(one, confidence=cooled(one.confidence, temperature)) for one in per_class]
    everything = together(calibrated)
    return Choice(temperature, tuple(best_threshold(one, everything) for one in calibrated))


def best_threshold(one: Judged, everything: Judged) -> float:
    """The threshold from 0.25 to 0.80 that counts nearest the truth, of those within AS_GOOD of the highest F1.

    F1 is nearly flat about its summit, and a farmer acts on counts. A tie goes to the middle. A class may have three
    marks to choose by, so it borrows PRIOR_MARKS from all classes together: with few marks of its own it gets nearly
    the common threshold, with many its own.
    """
    share = PRIOR_MARKS / max(1, everything.real)
    scores, off = [], []
    for threshold in THRESHOLDS:
        own, common = at_threshold(one, threshold), at_threshold(everything, threshold)
        hits = own.hits + share * common.hits
        false_alarms = own.false_alarms + share * common.false_alarms
        misses = own.misses + share * common.misses
        scores.append(2 * hits / max(1e-9, 2 * hits + false_alarms + misses))
        off.append(abs(false_alarms - misses))
    as_good = [at for at, score in enumerate(scores) if score >= max(scores) - AS_GOOD]
    nearest = min(off[at] for at in as_good)
    plateau = [THRESHOLDS[at] for at in as_good if off[at] <= nearest + 1e-9]
    return plateau[len(plateau) // 2]


def fitted_temperature(detections: Judged) -> float:
    """The temperature, 0.30 to 3.00, at which confidence is likeliest as the probability of a hit; 1 without data."""
    is_strong = detections.confidence >= FITTED_FROM
    confidence, is_hit = detections.confidence[is_strong], detections.is_hit[is_strong]
    if not len(confidence):
        return 1.0
    candidates = [round(0.01 * step, 2) for step in range(30, 301)]
    losses = []
    for temperature in candidates:
        likely = np.where(is_hit, cooled(confidence, temperature), 1 - cooled(confidence, temperature))
        losses.append(-float(np.log(np.clip(likely, 1e-6, 1)).mean()))
    return candidates[int(np.argmin(losses))]
