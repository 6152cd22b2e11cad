"""Waits that double, with jitter, so that many nodes do not ask one broker or one camera in the same second."""

from collections.abc import Callable
from random import SystemRandom

_random = SystemRandom()


class Backoff:
    """Each wait is between half and all of a limit that doubles from `first_s` to `most_s`."""

    def __init__(self, first_s: float, most_s: float, share: Callable[[], float] = _random.random) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._share = share
        self._limit_s = first_s

    def next_s(self) -> float:
        """The next wait."""
        limit_s, self._limit_s = self._limit_s, min(self._most_s, self._limit_s * 2)
        return limit_s * (1 + self._share()) / 2

    def reset(self) -> None:
        """It worked: begin from the first wait the next time."""
        self._limit_s = self._first_s
