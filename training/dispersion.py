"""How much do pictures differ in what a bundle sees? `training.export` writes it into bundles, for `edge.ranges`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import log

import numpy as np

from edge.boxes import Ints
from edge.detections import Detections
from edge.ranges import Dispersion, chances
from training.judging.meeting import ALARMS, HITS, MISSES, counts_of
from training.metrics import Truth

PRIOR_MARKS = 5.0  # that a class borrows from all classes together: a few marks say little
PRECISIONS = tuple(round(0.01 * step, 2) for step in (*range(10), *range(10, 30, 2), *range(30, 75, 5)))
RECALLS = (0.0, *(round(float(one), 3) for one in np.geomspace(0.01, 4, 28)))
ROUGH = tuple(round(0.05 * step, 2) for step in range(20))
ROUNDS = 6  # at most, one figure after the other
IMPOSSIBLE = 1e-12  # chance of a number that the model rules out: one odd picture must not decide alone


@dataclass(frozen=True, slots=True)
class Pair:
    """Of one class on one picture: what was found, what a person marked, and how well the class is told."""

    found: int
    true: int
    precision: float
    recall: float


def dispersion_of(truths: Sequence[Truth], shown: Sequence[Detections], classes: int) -> Dispersion:
    """The likeliest dispersion behind pictures on which a class was shown or marked; found by a grid.

    As over-dispersion is fitted to counts of litters and fields by maximum likelihood (Williams 1975, Biometrics
    31:949; Griffiths 1973, Biometrics 29:637). One for all classes: a class is on few pictures.
    """
    pairs = Counter(pairs_of(counts_of(truths, shown, classes)))

    @cache  # the last round asks again what one before it did
    def log_likelihood(dispersion: Dispersion) -> float:
        return sum(
            times * log(max(chances(one.found, one.precision, one.recall, dispersion, one.true)[-1], IMPOSSIBLE))
            for one, times in pairs.items()
        )

    dispersion = Dispersion()
    for _ in range(ROUNDS):
        before = dispersion
        dispersion = max((replace(dispersion, precision=one) for one in PRECISIONS), key=log_likelihood)
        dispersion = max((replace(dispersion, recall=one) for one in RECALLS), key=log_likelihood)
        dispersion = max((replace(dispersion, rough=one) for one in ROUGH), key=log_likelihood)
        if dispersion == before:
            break
    return dispersion


def pairs_of(counts: Ints) -> list[Pair]:
    """Of counts (pictures, classes, 3), as `counts_of` gives them."""
    sums = counts.sum(axis=0)
    found, true = counts[..., HITS] + counts[..., ALARMS], counts[..., HITS] + counts[..., MISSES]
    pictures, classes = np.nonzero(found + true)
    precision = _steadied(sums[:, HITS], sums[:, HITS] + sums[:, ALARMS])
    recall = _steadied(sums[:, HITS], sums[:, HITS] + sums[:, MISSES])
    return [
        Pair(int(found[i, c]), int(true[i, c]), float(precision[c]), float(recall[c]))
        for i, c in zip(pictures.tolist(), classes.tolist(), strict=True)
    ]


def _steadied(part: Ints, whole: Ints) -> np.ndarray:
    """(classes,) shares; a class with few marks is told as all are."""
    common = (part.sum() + 1) / (whole.sum() + 2)
    return np.asarray((part + PRIOR_MARKS * common) / (whole + PRIOR_MARKS))
