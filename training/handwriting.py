"""Digits, letters and signs as people draw them on a card: strokes of a pen, no two times the same.

The ways are our own: where a pen goes, in a square with its origin top left, as rough corners that cutting makes round
(Chaikin 1974, "An algorithm for high-speed curve generation", Computer Graphics and Image Processing 3).
"""

import numpy as np
from numpy.typing import NDArray

from edge.boxes import Floats
from training.transforms import Random

Way = tuple[tuple[float, float], ...]  # of a pen on the paper

ROUND: Way = ((0.55, 0), (0.1, 0.05), (0, 0.6), (0.2, 1), (0.75, 1), (1, 0.5), (0.85, 0), (0.4, 0.02))
UPRIGHT: Way = ((0.2, 0), (0.15, 1))
SIGNS: tuple[tuple[Way, ...], ...] = (
    (ROUND,),  # 0
    (((0.5, 0), (0.45, 1)),),  # 1
    (((0.3, 0.25), (0.6, 0), (0.5, 1)),),
    (((0.1, 0.2), (0.3, -0.05), (0.95, 0), (0.8, 0.5), (0.05, 1), (0.95, 0.95)),),  # 2
    (((0.1, 0.05), (0.95, -0.05), (0.8, 0.45), (0.3, 0.45), (1.05, 0.5), (0.9, 1.05), (0.05, 0.95)),),  # 3
    (((0.55, 0), (0.05, 0.65), (0.95, 0.6)), ((0.7, 0.3), (0.6, 1))),  # 4
    (((0.2, 0.05), (0.15, 0.5), (0.95, 0.3), (0.95, 1.05), (0.05, 0.95)), ((0.2, 0.05), (0.9, 0))),  # 5
    (((0.8, 0), (0.1, 0.2), (0, 1), (0.9, 1.05), (0.85, 0.5), (0.1, 0.6)),),  # 6
    (((0.05, 0.05), (0.95, 0), (0.4, 1)),),  # 7
    (((0.8, 0.1), (0.1, -0.1), (0.1, 0.4), (0.95, 0.6), (0.9, 1.1), (0, 1.05), (0.1, 0.6), (0.9, 0.4), (0.7, 0)),),  # 8
    (((0.85, 0.2), (0.3, -0.1), (0, 0.5), (0.8, 0.55), (0.85, 0.1), (0.7, 1)),),  # 9
    (((0.1, 1), (0.5, 0), (0.9, 1)), ((0, 0.6), (1, 0.55))),  # A
    (UPRIGHT, ((0.2, 0), (0.95, 0), (0.8, 0.45), (0.2, 0.5), (1.05, 0.5), (0.95, 1.05), (0.15, 1))),  # B
    (((0.9, 0.1), (0.2, -0.1), (0, 0.9), (0.4, 1.1), (0.95, 0.85)),),  # C
    (UPRIGHT, ((0.15, 0), (1.1, 0.05), (1, 0.95), (0.1, 1))),  # D
    (UPRIGHT, ((0.2, 0), (0.9, 0)), ((0.2, 0.5), (0.8, 0.45)), ((0.15, 1), (0.9, 0.95))),  # E
    (((0.9, 0.15), (0.2, -0.1), (0, 1.05), (0.95, 1.05), (0.9, 0.55), (0.5, 0.55)),),  # G
    (UPRIGHT, ((0.85, 0), (0.8, 1)), ((0.2, 0.5), (0.8, 0.5))),  # H
    (UPRIGHT, ((0.9, 0), (0.2, 0.55), (0.95, 1))),  # K
    (((0.15, 1), (0.1, 0), (0.5, 0.7), (0.9, 0), (0.95, 1)),),  # M
    (((0.15, 1), (0.15, 0), (0.85, 1), (0.85, 0)),),  # N
    (UPRIGHT, ((0.15, 0), (1.05, 0), (0.9, 0.55), (0.2, 0.55))),  # P
    (((0.9, 0.05), (0.1, -0.05), (0.05, 0.45), (0.9, 0.5), (0.95, 1.05), (0.05, 0.95)),),  # S
    (((0.05, 0.02), (0.95, 0)), ((0.5, 0), (0.5, 1))),  # T
    (((0.1, 0), (0.05, 1.05), (0.95, 1.05), (0.9, 0)),),  # U
    (((0.1, 0), (0.5, 1), (0.9, 0)),),  # V
    (((0.1, 0), (0.9, 1)), ((0.9, 0), (0.1, 1))),  # X
    (((0.85, 0.55), (0.2, 0.3), (0, 1), (0.7, 1), (0.8, 0.4), (0.85, 0.95)),),  # a
    (((0.05, 0.8), (0.9, 0.65), (0.6, 0.3), (0, 0.5), (0.2, 1.1), (0.9, 0.9)),),  # e
    (((0.2, 0.4), (0.2, 1), (0.15, 0.6), (0.8, 0.2), (0.8, 1)),),  # n
    (((0.9, 0), (0.1, 1)),),  # /
    (((0.1, 0.5), (0.9, 0.5)),),  # -
)
DOTS: tuple[Way, ...] = (((0.5, 1.0),), ((0.5, 0.25), (0.5, 0.85)))  # . :
DOTTED = 0.2  # share of the signs
SHAKE = 0.07  # of a sign's height: how far a hand misses where it meant to go
DOT = 0.05  # of a sign's height: how far a pen wanders on a dot
CUTS = 3


def strokes(random: Random) -> list[Floats]:
    """A sign that a hand has drawn, as curves (n, 2) in a square of side 1 with its origin top left; some go beyond."""
    if random.random() < DOTTED:
        dots = DOTS[int(random.integers(len(DOTS)))]
        return [np.asarray(np.array(dot) + random.normal(0, DOT, (9, 2)), np.float32) for dot in dots]
    sign = SIGNS[int(random.integers(len(SIGNS)))]
    slant = float(random.uniform(-0.3, 0.2))
    return [_drawn(way, slant, random) for way in sign]


def _drawn(way: Way, slant: float, random: Random) -> Floats:
    corners = np.array(way) + random.normal(0, SHAKE, (len(way), 2))
    corners[:, 0] += slant * (corners[:, 1] - 0.5)
    return _rounded(corners)


def _rounded(corners: NDArray[np.float64]) -> Floats:
    """The path (n, 2) with its corners cut, ends as they are."""
    for _ in range(CUTS):
        near = 0.75 * corners[:-1] + 0.25 * corners[1:]
        far = 0.25 * corners[:-1] + 0.75 * corners[1:]
        inner = np.stack([near, far], axis=1).reshape(-1, 2)
        corners = np.vstack([corners[:1], inner, corners[-1:]])
    return np.asarray(corners, np.float32)
