"""One of several workers on an MQTT 5 shared subscription: messages wait at the broker until they are acknowledged."""

from collections.abc import Sequence
from contextlib import suppress
from socket import gethostname
from threading import Event

from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import SessionTakenError
from edge.platform.broker.address import NOT_SHARED, BrokerAddress, not_shared, refused, shut_out
from edge.platform.broker.connection import TAKEN_OVER, Connection
from edge.platform.broker.link import SESSION_S, TURN_S, connect, new_client, session
from edge.platform.broker.sources import WINDOW, Delivery

RECORDS = "fieldeye/v1/+/+/records"
# Each to one listener: of these the last counts. A retained `status` tells whether the retained `info` after it is new.
OTHERS = ("status", "info", "health", "reply/+", "image")


class SharedSubscription:
    """Driven by the thread that calls `take`; there is no other. At most WINDOW messages are here unacknowledged."""

    def __init__(self, address: BrokerAddress, *, name: str, group: str = "fieldeye") -> None:
        self._address = address
        self._connection = Connection(
            address,
            address.owned(name),
            ends={TAKEN_OVER: _taken_over(address, name), NOT_SHARED: not_shared(address)},
        )
        self._connection.subscribe([f"$share/{group}/{RECORDS}"])

    @property
    def broker(self) -> str:
        """As this machine calls it: at another site another broker may have the same address."""
        return f"{self._address.where} of {gethostname()}"

    @property
    def is_up(self) -> bool:
        """Does the broker tell us what comes?"""
        return self._connection.is_up

    def connect(self) -> None:
        """Raises BrokerError if the broker cannot be reached."""
        connect(self._connection.client, self._address, clean_start=False, properties=session(SESSION_S))

    def take(self, stop: Event, most: int) -> list[Delivery]:
        """What has come, after at most a turn; also keeps the connection alive.

        Raises BrokerError if it refuses or is no longer trusted, SessionTakenError.
        """
        inbox = self._connection.inbox  # bounded by the window, which the broker keeps, and by `Connection`
        wait_s = 0.0 if inbox else TURN_S
        while not stop.is_set():
            before = len(inbox)
            if not self._connection.turn(wait_s, stop):
                inbox.clear()  # all of it is delivered again
            if not before < len(inbox) < WINDOW:
                break
            wait_s = 0.01  # the others of this moment
        return [inbox.popleft() for _ in range(min(most, len(inbox)))]

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """They are committed."""
        for delivery in deliveries:
            self._connection.acknowledge(delivery)

    def say(self, topic: str, payload: bytes) -> None:
        """Send a command, at least once; none while the broker is away, or all would go out late and at once."""
        if self.is_up:
            self._connection.say(topic, payload)

    def listen_to_others(self) -> None:
        """From now on also what nodes tell of themselves, retained messages first."""
        self._connection.subscribe([f"fieldeye/v1/+/+/{channel}" for channel in OTHERS])

    def close(self) -> None:
        """The session stays at the broker. May be called twice."""
        self._connection.client.disconnect()
        with suppress(OSError, ValueError):
            self._connection.client.loop(0.01)


def _taken_over(address: BrokerAddress, name: str) -> SessionTakenError:
    """To come back would throw the other one off, which would do the same."""
    return SessionTakenError(
        f"{address.where}: another `ingest` that is also called {name} has"
        " taken the place of this one; start it once on a machine (--workers N for more), and give each machine"
        " a host name of its own, and stop one of an older version that still runs"
    )


def worker_name(group: str, number: int, host: str) -> str:
    """Of a worker, by which the broker knows it again."""
    return f"{group}-ingest-{number}-{host}"


def end_session(address: BrokerAddress, name: str) -> None:
    """The broker forgets that worker, whose share goes to the others from now on. Raises BrokerError."""
    for client_id in {name, address.owned(name)}:  # versions before had the name alone
        _end(address, client_id)


def _end(address: BrokerAddress, client_id: str) -> None:
    answers: list[ReasonCode] = []
    client = new_client(address, client_id)
    client.on_connect = lambda *told: answers.append(told[3])
    connect(client, address, clean_start=True, properties=session(0))
    while not answers:
        if client.loop(TURN_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise shut_out(address)
    if answers[0].is_failure:
        raise refused(address, answers[0])
    client.disconnect()
