"""Listens to a broker: all nodes, all channels."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from socket import gethostname
from threading import Event

from edge.errors import SessionTakenError
from edge.platform.broker.address import BrokerAddress
from edge.platform.broker.connection import TAKEN_OVER, Connection
from edge.platform.broker.link import SESSION_S, TURN_S, connect, session
from edge.platform.decode import Message

ALL = "fieldeye/v1/#"


class Subscriber:
    """Driven by the thread that iterates `messages`; there is no other.

    With a `name` the broker keeps for a day what comes while nobody of that name listens, or was not acknowledged.
    """

    def __init__(self, address: BrokerAddress, name: str | None = None) -> None:
        self._address = address
        self._kept_s = 0 if name is None else SESSION_S
        any_id = f"fieldeye{token_hex(7)}"  # brokers may refuse who has none
        client_id = any_id if name is None else address.owned(name)
        self._connection = Connection(address, client_id, ends={TAKEN_OVER: _taken_over(address)})
        self._connection.subscribe([ALL])
        self.subscribed = Event()  # once the broker has said that it will tell us what comes

    def messages(self, stop: Event) -> Iterator[Message]:
        """Messages as they come, until `stop` is set, each acknowledged once the next one is asked for.

        A broker that goes away is connected again. Raises BrokerError if it cannot be reached at the start, refuses, or
        is no longer trusted, SessionTakenError.
        """
        options = {"clean_start": not self._kept_s, "properties": session(self._kept_s)}
        connect(self._connection.client, self._address, stop, **options)
        while not stop.is_set():
            self._connection.turn(TURN_S, stop)
            if self._connection.is_up:
                self.subscribed.set()
            while self._connection.inbox:  # what one turn brings
                delivery = self._connection.inbox.popleft()
                yield delivery.message
                self._connection.acknowledge(delivery)
        self._connection.client.disconnect()

    def say(self, topic: str, payload: bytes) -> None:
        """Send a command, at least once; the thread that iterates `messages` calls it."""
        self._connection.say(topic, payload)


def ledger_name(path: Path) -> str:
    """Of who keeps that file, by which the broker knows it again."""
    return f"fieldeye-ledger-{sha256(bytes(path.resolve())).hexdigest()[:12]}-{gethostname()}"


def _taken_over(address: BrokerAddress) -> SessionTakenError:
    """To come back would throw the other one off, which would do the same."""
    return SessionTakenError(
        f"{address.where}: another `ingest` with the same --out, on a machine of the same name, has taken the place of"
        " this one; give each machine a host name of its own"
    )
