"""When has new software, or a new model, proved itself? The node says so once; the slots end the trial then."""

from collections.abc import Callable

from edge.clock import Clock

PROVED_AFTER_S = 60.0  # most faults of a start show at once
WITHOUT_BROKER_AFTER_S = 900.0  # an outage of the network must not undo an update


class Proof:
    """Owned by the loop. `is_well` tells whether the asked model looks, `is_connected` whether the broker has us."""

    def __init__(
        self, clock: Clock, *, is_well: Callable[[], bool], is_connected: Callable[[], bool], say: Callable[[], None]
    ) -> None:
        self._clock, self._say = clock, say
        self._is_well, self._is_connected = is_well, is_connected
        self._since_s: float | None = None
        self._said = False

    def beat(self) -> None:
        """The loop has turned."""
        if self._said:
            return
        now_s = self._clock.monotonic_s()
        self._since_s = now_s if self._since_s is None else self._since_s
        if proved(now_s - self._since_s, is_well=self._is_well(), is_connected=self._is_connected()):
            self._say()
            self._said = True


def proved(turning_s: float, *, is_well: bool, is_connected: bool) -> bool:
    """A loop that turned for `turning_s` with the model that was asked for, and reached the broker if there is one.

    New software that cannot reach the broker could never be replaced from afar: it takes a quarter of an hour.
    """
    return is_well and turning_s >= (PROVED_AFTER_S if is_connected else WITHOUT_BROKER_AFTER_S)
