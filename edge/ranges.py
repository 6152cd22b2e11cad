"""The range of the true number behind a count, from how often the model misses and invents. Pure."""

from bisect import bisect_left
from functools import lru_cache
from math import log, log1p

import numpy as np
from numpy.typing import NDArray


def count_range(count: int, precision: float, recall: float, level: float = 0.95) -> tuple[int, int]:
    """Range of the true number behind `count` detections, at `level`; it always holds `count` itself.

    Of N individuals Binomial(N, recall) are found, and beside them stand Poisson((N + 1) recall (1 - precision) /
    precision) false ones, as many as make `precision` true on average (the 1: an empty scene too has false ones). The
    range holds each N under which neither so few nor so many detections would be odd: both tails by their mid-P
    (Lancaster 1961, JASA 56:223-234) above (1 - level) / 2. Precision and recall are taken as known. 1 ms at 1000.
    """
    if not 0 < precision <= 1 or not 0 < recall <= 1:
        raise ValueError(f"precision and recall must be in (0, 1], got {precision} and {recall}")
    tail = (1 - level) / 2
    false_share = recall * (1 - precision) / precision
    beyond = int(2 * (count + 10) / recall) + 20
    low = bisect_left(range(count), True, key=lambda n: _tails(count, n, recall, (n + 1) * false_share)[1] > tail)
    fewer = bisect_left(range(beyond), True, key=lambda n: _tails(count, n, recall, (n + 1) * false_share)[0] <= tail)
    return low, max(fewer - 1, count)


def _tails(count: int, number: int, recall: float, false: float) -> tuple[float, float]:
    """Mid-P of at most and of at least `count` detections of `number` individuals with `false` false ones expected."""
    found = np.arange(min(number, count) + 1)
    chance = np.exp(_log_binomial(found, number, recall))
    others = np.arange(count + 1)
    of_false = np.exp(others * log(false) - false - _log_factorials(count)) if false > 0 else (others == 0) * 1.0
    exactly = float(chance @ of_false[count - found])
    at_most = float(chance @ np.cumsum(of_false)[count - found])
    return at_most - exactly / 2, 1 - at_most + exactly / 2


def _log_binomial(found: NDArray[np.int64], number: int, recall: float) -> NDArray[np.float64]:
    if recall == 1:
        return np.where(found == number, 0.0, -np.inf)
    factorials = _log_factorials(number)
    ways = factorials[number] - factorials[found] - factorials[number - found]
    return np.asarray(ways + found * log(recall) + (number - found) * log1p(-recall))


@lru_cache(maxsize=8)
def _log_factorials(most: int) -> NDArray[np.float64]:
    """(most + 1,) log n!"""
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, most + 1)))])
