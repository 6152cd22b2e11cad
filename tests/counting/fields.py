"""Simulated pictures with a known number of insects, and what a model finds on them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class World:
    """(n,) of each picture: individuals, those that were found, and all detections."""

    true: NDArray[np.int64]
    hits: NDArray[np.int64]
    found: NDArray[np.int64]


def drawn(
    pictures: int,
    precision: float,
    recall: float,
    *,
    of_precision: float = 0.0,
    of_recall: float = 0.0,
    seed: int,
    most: int = 80,
) -> World:
    """1 to `most` individuals a picture. Each is found with `recall`, each detection is right with `precision`.

    `of_precision`, `of_recall`: both differ from picture to picture as beta variables with that correlation.
    """
    chance = np.random.default_rng(seed)
    true = chance.integers(1, most + 1, pictures)
    hits = chance.binomial(true, _rates(chance, recall, of_recall, pictures))
    false = chance.negative_binomial(hits + 1, _rates(chance, precision, of_precision, pictures).clip(0.001, 1))
    return World(true, hits, hits + false)


def _rates(chance: np.random.Generator, mean: float, correlation: float, pictures: int) -> NDArray[np.float64]:
    if correlation == 0:
        return np.full(pictures, mean)
    many = (1 - correlation) / correlation
    return chance.beta(mean * many, (1 - mean) * many, pictures)
