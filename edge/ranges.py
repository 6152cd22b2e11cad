"""The range of the true number behind a count, from how often the model misses and invents. Pure."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95  # chance that the true number lies in its range
_NEGLIGIBLE = 1e-9  # chance of so many right detections, below which nothing is reckoned
_SPREADS = 6  # standard deviations of the number missed, within which the range is sought: above lie 2.7 % at most
_ROWS = 16  # numbers of right detections that are reckoned at a time: for 2000 insects all of them would take 2 GB

Chances = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispersion:
    """How much pictures differ in how well a model sees, from validation pictures; nothing of it: all are alike."""

    precision: float = 0.0  # 0..1, correlation within a picture: are its detections right or wrong together?
    recall: float = 0.0  # squared coefficient of variation between pictures of how many are missed beside those found
    rough: float = 0.0  # 0..1, of wrong detections and misses: rough boxes round what was found, no error of a count

    def __post_init__(self) -> None:
        if not (0 <= self.precision < 1 and self.recall >= 0 and 0 <= self.rough < 1):
            raise ValueError(f"a dispersion must be 0 to 1, for recall at least 0, got {self}")


ALIKE = Dispersion()


def steadied(share: float | None, marks: int) -> float | None:
    """A share 0..1 that was measured on so many marks, by the rule of succession (Laplace); None stays None."""
    return None if share is None else (share * marks + 1) / (marks + 2)


def count_range(
    count: int,
    precision: float,
    recall: float,
    dispersion: Dispersion = ALIKE,
    share: float = 1.0,
    *,
    is_one_card: bool = False,
) -> tuple[int, int]:
    """Range of the true number behind `count` detections, at `LEVEL`; it always holds `count` itself.

    The likeliest numbers by `chances`, until they have that together. `share`: of the squares of what each picture
    gave to the count, over the square of the count (Simpson 1949, Nature 163:688): 1 for a single picture, 1/k for k
    pictures that gave alike. What differs between pictures evens out over many, but on one card before one camera,
    whose insects are as hard to see on each picture as on the one before.
    """
    if not 0 < precision <= 1 or not 0 < recall <= 1:
        raise ValueError(f"precision and recall must be in (0, 1], got {precision} and {recall}")
    pairs = max(share * count - 1, 0.0) / max(count - 1, 1)  # of pairs of detections, how many lie in one picture
    of_recall = dispersion.recall * (1.0 if is_one_card else share)
    summed = replace(dispersion, precision=dispersion.precision * pairs, recall=of_recall)
    of_each = chances(count, precision, recall, summed, _most(count, recall, summed))
    order = np.argsort(-of_each, kind="stable")
    likelier = np.cumsum(of_each[order]) - of_each[order] / 2  # half of its own: a mid-P (Lancaster 1961)
    inside = [count, *order[likelier < LEVEL].tolist()]
    return min(inside), max(inside)


def chances(count: int, precision: float, recall: float, dispersion: Dispersion, most: int) -> Chances:
    """(most + 1,) chance of each true number 0 to `most` behind `count` detections, all numbers alike beforehand.

    Of the detections beta-binomially many are right (Skellam 1948, J. R. Stat. Soc. B 10:257). Beside T of them
    stand negative-binomially many that were missed: mean (T + 1)(1 - recall) / recall, as when each is found with
    `recall` by itself, and variance mean / recall + dispersion.recall * mean^2. Precision and recall are of boxes: of
    what they call wrong, `dispersion.rough` is counted rightly. At 1000 on one picture most classes
    take up to 0.2 s, the worst 0.25 s; over a thousand pictures 1 to 17 ms.
    """
    right = _right(count, precision + dispersion.rough * (1 - precision), dispersion.precision)
    probable = np.flatnonzero(right > _NEGLIGIBLE)
    of_each = np.zeros(most + 1)
    for some in np.split(probable, range(_ROWS, len(probable), _ROWS)):
        beside = some.astype(np.float64) + 1
        of_missed = _missed(beside, recall + dispersion.rough * (1 - recall), dispersion.recall, most)
        for found, missed in zip(some.tolist(), of_missed, strict=True):
            if found <= most:
                of_each[found:] += right[found] * missed[: most + 1 - found]
    return of_each


def _most(count: int, recall: float, dispersion: Dispersion) -> int:
    mean = (count + 1) * (1 - recall) / recall
    deviation = np.sqrt(mean / recall + dispersion.recall * mean**2)
    return count + int(mean + _SPREADS * deviation) + 1


def _right(count: int, precision: float, correlation: float) -> Chances:
    """(count + 1,) chance that so many of `count` detections are right; binomial where nothing correlates them."""
    step = correlation / (1 - correlation)
    ways = _log_rising(1.0, 1.0, count)
    right, wrong = _log_rising(precision, step, count), _log_rising(1 - precision, step, count)[::-1]
    return np.asarray(np.exp(ways[count] - ways - ways[::-1] + right + wrong - _log_rising(1.0, step, count)[count]))


def _missed(found: Chances, recall: float, dispersion: float, most: int) -> Chances:
    """(n, most + 1) chance of each number missed, beside `found` (n,), one more than the right detections."""
    if recall == 1:
        return np.tile(np.arange(most + 1) == 0, (len(found), 1)) * 1.0
    size = (found / (1 + dispersion * found))[:, None]  # variance = mean + mean^2 / size
    mean = found[:, None] * (1 - recall) / recall
    missed = np.arange(most + 1)
    rising = np.cumsum(np.log(np.hstack([np.ones_like(size), size + missed[:-1]])), axis=1)
    ways = rising - _log_rising(1.0, 1.0, most)
    return np.asarray(np.exp(ways + size * np.log(size / (size + mean)) + missed * np.log(mean / (size + mean))))


def _log_rising(start: float, step: float, most: int) -> Chances:
    """(most + 1,) logarithm of start (start + step) (start + 2 step) … with 0 to `most` factors."""
    with np.errstate(divide="ignore"):  # a start of 0 is a chance of 0
        return np.concatenate([[0.0], np.cumsum(np.log(start + step * np.arange(most)))])
