"""Listens to a broker: all nodes, all channels."""

from collections.abc import Iterator
from secrets import token_hex
from threading import Event

from edge.platform.broker.address import BrokerAddress
from edge.platform.broker.connection import Connection
from edge.platform.broker.link import TURN_S, connect
from edge.platform.decode import Message

ALL = "fieldeye/v1/#"


class Subscriber:
    """Driven by the thread that iterates `messages`; there is no other."""

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address
        name = f"fieldeye{token_hex(7)}"  # brokers may refuse who has none
        self._connection = Connection(address, name, ends={})
        self._connection.subscribe([ALL])
        self.subscribed = Event()  # once the broker has said that it will tell us what comes

    def messages(self, stop: Event) -> Iterator[Message]:
        """Messages as they come, until `stop` is set. A broker that goes away is connected again.

        Raises BrokerError if it cannot be reached at the start, refuses, or is no longer trusted.
        """
        connect(self._connection.client, self._address, stop)
        while not stop.is_set():
            self._connection.turn(TURN_S, stop)
            if self._connection.is_up:
                self.subscribed.set()
            while self._connection.inbox:  # what one turn brings
                yield self._connection.inbox.popleft().message
        self._connection.client.disconnect()

    def say(self, topic: str, payload: bytes) -> None:
        """Send a command, at least once; the thread that iterates `messages` calls it."""
        self._connection.say(topic, payload)
