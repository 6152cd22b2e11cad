"""How an insect is expected to move: a Kalman filter of nearly constant velocity, over any time step. Pure, columnar.

Both axes share one covariance, since nothing tells them apart; lengths are in sizes of the insect, so one set of
numbers serves a whitefly and a moth (Bar-Shalom, Li and Kirubarajan 2001, ch. 6.3.2: white noise acceleration).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.boxes import Bools, Ints

Numbers = NDArray[np.float64]
# What is assumed of insects and of the detector, in sizes (square root of the box's area).
BOX_ERROR = 0.12  # standard deviation of a box's centre
FIRST_SPEED = 1.9  # standard deviation of a newcomer's speed, sizes a second
ACCELERATION = 0.6  # standard deviation of its change over one second; walking, turning, stopping
STOPS_IN_S = 4.0  # unseen, an insect is taken to slow down: it rests on a leaf more often than it flies on


@dataclass(frozen=True, slots=True)
class Motion:
    """Where n insects are and how sure that is.

    state: (n, 4) centre x, y in px and speed x, y in px/s
    spread: (n, 3) variance of place, covariance of place and speed, variance of speed; px², px²/s, px²/s²
    """

    state: Numbers
    spread: Numbers

    def where(self, keep: Bools | Ints) -> "Motion":
        """Those of the mask (n,) or rows (m,)."""
        return Motion(self.state[keep], self.spread[keep])

    def with_rows(self, rows: Ints, part: "Motion") -> "Motion":
        """With the `part` in place of those rows (m,)."""
        state, spread = self.state.copy(), self.spread.copy()
        state[rows], spread[rows] = part.state, part.spread
        return Motion(state, spread)

    def joined(self, others: "Motion") -> "Motion":
        """With the `others` behind."""
        return Motion(np.concatenate([self.state, others.state]), np.concatenate([self.spread, others.spread]))

    def predicted(self, seconds: Numbers, size_px: Numbers) -> "Motion":
        """After `seconds` (n,) without a look at them."""
        t = seconds
        reach = STOPS_IN_S * -np.expm1(-t / STOPS_IN_S)  # way made at a speed that decays
        keep = np.exp(-t / STOPS_IN_S)
        state = self.state.copy()
        state[:, :2] += state[:, 2:] * reach[:, None]
        state[:, 2:] *= keep[:, None]
        noise = (ACCELERATION * size_px) ** 2
        place, both, speed = self.spread.T
        spread = np.empty_like(self.spread)
        spread[:, 0] = place + reach * (2 * both + reach * speed) + noise * t**3 / 3
        spread[:, 1] = keep * (both + reach * speed) + noise * t**2 / 2
        spread[:, 2] = keep * keep * speed + noise * t
        return Motion(state, spread)

    def corrected(self, centre: Numbers, size_px: Numbers) -> "Motion":
        """After each was seen at `centre` (n, 2)."""
        place, both, speed = self.spread.T
        total = place + (BOX_ERROR * size_px) ** 2
        gain_place, gain_speed = place / total, both / total
        off = centre - self.state[:, :2]
        state = self.state + np.hstack([off * gain_place[:, None], off * gain_speed[:, None]])
        spread = np.stack([place - gain_place * place, both - gain_place * both, speed - gain_speed * both], axis=1)
        return Motion(state, spread)

    def surprise(self, centre: Numbers, size_px: Numbers) -> Numbers:
        """(n, m) squared distance to each `centre` (m, 2) over its variance, plus the log of that variance.

        The variance is an axis's, the log in units of the box error's. Minus twice the log-likelihood in the plane
        would have the log twice, once an axis; the limits in `edge.tracker.follow` were chosen with it once.
        """
        total = self.spread[:, 0] + (BOX_ERROR * size_px) ** 2
        off = centre[None] - self.state[:, None, :2]
        square = np.einsum("nmk,nmk->nm", off, off)
        return np.asarray(square / total[:, None] + 2 * np.log(np.sqrt(total) / (BOX_ERROR * size_px))[:, None])


def newcomers(centre: Numbers, size_px: Numbers) -> Motion:
    """Motion of insects seen for the first time at `centre` (n, 2): no idea where they go."""
    state = np.hstack([centre, np.zeros_like(centre)])
    place, speed = (BOX_ERROR * size_px) ** 2, (FIRST_SPEED * size_px) ** 2
    return Motion(state, np.stack([place, np.zeros_like(place), speed], axis=1))
