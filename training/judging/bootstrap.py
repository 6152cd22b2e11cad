"""How sure a figure is: 95 % intervals by drawing the pictures again (Efron 1979), since marks of one picture belong
together."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
DRAWS, SEED = 1000, 1
LOW, HIGH = 2.5, 97.5
Interval = tuple[float, float]


def interval(counts: Numbers, ratio: Callable[[Numbers], Numbers]) -> Interval | None:
    """Lower and upper end for a ratio of sums over pictures; None where the ratio is of nothing in most draws.

    counts: (pictures, k), what each picture adds; ratio: sums (draws, k) to figures (draws,), nan for a share of
    nothing, which is left out.
    """
    if not len(counts):
        return None
    weights = np.random.default_rng(SEED).multinomial(len(counts), [1 / len(counts)] * len(counts), size=DRAWS)
    figures = ratio(weights @ counts)
    figures = figures[np.isfinite(figures)]
    if len(figures) < DRAWS / 2:
        return None
    low, high = np.percentile(figures, [LOW, HIGH])
    return float(low), float(high)


def shares(numerator: Numbers, denominator: Numbers) -> Numbers:
    """Their ratio, nan where the denominator is 0."""
    ratio = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio
