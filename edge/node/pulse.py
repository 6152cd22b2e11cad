"""The heartbeat of a node: whom the loop tells that it has turned."""

from edge.clock import Clock
from edge.mqtt import Publisher
from edge.node.systemd import notify
from edge.power.keeper import Keeper
from edge.updates.proof import Proof

PUBLISHER_STUCK_S = 60.0  # one turn takes half a second; resolving a dead name server half a minute


class Pulse:
    """Feeds systemd's watchdog from the loop itself, so that a stuck loop or a wedged inference cannot fake it."""

    def __init__(self, clock: Clock, publisher: Publisher | None, proof: Proof | None, keeper: Keeper) -> None:
        self._clock = clock
        self._publisher = publisher
        self._proof = proof
        self._keeper = keeper

    def beat(self) -> None:
        """The loop has turned. A publisher that has not turned for long is a reason not to say so."""
        if self._proof is not None:
            self._proof.beat()
        self._keeper.beat()
        if self._publisher is None or self._clock.monotonic_s() - self._publisher.beat_s < PUBLISHER_STUCK_S:
            notify("WATCHDOG=1")
