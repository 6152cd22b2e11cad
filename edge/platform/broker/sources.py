"""Where a worker's messages come from: what it needs of a broker."""

from collections.abc import Sequence
from threading import Event
from typing import NamedTuple, Protocol

from edge.platform.decode import Message

WINDOW = 500  # deliveries that may be here unacknowledged; the broker holds back the others


class Delivery(NamedTuple):
    """A message that the broker keeps until it is acknowledged."""

    message: Message
    tag: int
    connection: int  # over which it came


class Source(Protocol):
    """A broker's end, driven by one thread."""

    @property
    def broker(self) -> str:
        """Names it: one worker leads for each."""

    @property
    def is_up(self) -> bool:
        """Does the broker tell us what comes?"""

    def connect(self) -> None:
        """Raises BrokerError if it cannot be reached."""

    def take(self, stop: Event, most: int) -> list[Delivery]:
        """What has come, after at most half a second. Raises BrokerError if the broker refuses for good."""

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """They are committed."""

    def say(self, topic: str, payload: bytes) -> None:
        """Send a command, at least once; none while the broker is away."""

    def listen_to_others(self) -> None:
        """From now on also what nodes tell of themselves."""

    def close(self) -> None:
        """May be called twice."""
