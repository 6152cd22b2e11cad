"""One of several workers on an MQTT 5 shared subscription: messages wait at the broker until they are acknowledged."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from socket import gethostname
from threading import Event

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.client_id import owned
from edge.errors import BrokerError, SessionTakenError
from edge.platform.address import NOT_SHARED, BrokerAddress, not_shared, refused, refused_topics, shut_out, unreachable
from edge.platform.decode import Message
from edge.platform.link import Commands, Link, come_back, new_client
from edge.platform.sources import WINDOW, Delivery
from edge.platform.subscriber import AGAIN_S, TURN_S

RECORDS = "fieldeye/v1/+/+/records"
# Each to one listener: of these the last counts. A retained `status` tells whether the retained `info` after it is new.
OTHERS = ("status", "info", "health", "reply/+", "image")
TAKEN_OVER = 0x8E  # MQTT 5, 3.14.2.1: somebody has connected with the same client id
SESSION_S = 86_400  # the broker keeps for a worker that restarts, and knows again what it had not acknowledged


class SharedSubscription:
    """Driven by the thread that calls `take`; there is no other. At most WINDOW messages are here unacknowledged."""

    def __init__(self, address: BrokerAddress, *, name: str, group: str = "fieldeye") -> None:
        self._address, self._name, self._group = address, name, group
        self._link = Link()
        self._inbox: deque[Delivery] = deque()  # bounded by the window, which the broker keeps
        self._refused: BrokerError | None = None
        self._asked: dict[int, Sequence[str]] = {}  # number of a request -> its topics
        self._connection, self._wants_others = 0, False
        self._client = new_client(address, _client_id(address, name), manual_ack=True)
        self._commands = Commands(self._client)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    @property
    def broker(self) -> str:
        """As this machine calls it: at another site another broker may have the same address."""
        return f"{self._address.where} of {gethostname()}"

    @property
    def is_up(self) -> bool:
        """Does the broker tell us what comes?"""
        return self._link.is_up

    def connect(self) -> None:
        """Raises BrokerError if the broker cannot be reached."""
        _connect(self._client, self._address, clean_start=False, session_s=SESSION_S)

    def take(self, stop: Event, most: int) -> list[Delivery]:
        """What has come, after at most a turn; also keeps the connection alive.

        Raises BrokerError if it refuses or is no longer trusted, SessionTakenError.
        """
        wait_s = 0.0 if self._inbox else TURN_S
        while len(self._inbox) < most and not stop.is_set():
            before = len(self._inbox)
            if self._client.loop(wait_s) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._come_back(stop)
            if self._refused is not None:
                raise self._refused
            if len(self._inbox) == before:
                break
            wait_s = 0.01  # the others of this moment
        return [self._inbox.popleft() for _ in range(min(most, len(self._inbox)))]

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """They are committed. What came over an earlier connection is delivered again and found to be known."""
        for delivery in deliveries:
            if delivery.tag and delivery.connection == self._connection:  # none of quality of service 0
                self._client.ack(delivery.tag, 1)

    def say(self, topic: str, payload: bytes) -> None:
        """Send a command, at least once; none while the broker is away, or all would go out late and at once."""
        if self.is_up:
            self._commands.say(topic, payload)

    def listen_to_others(self) -> None:
        """From now on also what nodes tell of themselves, retained messages first."""
        self._wants_others = True
        self._subscribe_others()

    def close(self) -> None:
        """The session stays at the broker. May be called twice."""
        self._client.disconnect()
        with suppress(OSError, ValueError):
            self._client.loop(0.01)

    def _come_back(self, stop: Event) -> None:
        self._connection += 1
        self._inbox.clear()
        if self._refused is None and not stop.wait(AGAIN_S):
            come_back(self._client, self._address)  # still away: the next turn tries again

    def _subscribe_others(self) -> None:
        self._subscribe([f"fieldeye/v1/+/+/{channel}" for channel in OTHERS])

    def _subscribe(self, topics: Sequence[str]) -> None:
        _, number = self._client.subscribe([(topic, 1) for topic in topics])
        if number is not None:  # none without a connection: the next one asks for all
            self._asked[number] = topics

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, more: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refused = None if self._link.outlasts(reason) else refused(self._address, reason)
            return
        self._client.keep_to(more)
        self._connection += 1
        self._asked.clear()
        self._subscribe([f"$share/{self._group}/{RECORDS}"])
        if self._wants_others:
            self._subscribe_others()

    def _on_subscribe(
        self, _client: Client, _data: object, number: int, reasons: list[ReasonCode], _more: Properties | None
    ) -> None:
        self._refused = self._refused or refused_topics(self._address, self._asked.pop(number, ()), reasons)
        if self._refused is None:
            self._link.found()

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        """To come back would throw the other one off, which would do the same."""
        if reason.value == TAKEN_OVER:
            self._refused = SessionTakenError(
                f"{self._address.where}: another `ingest` that is also called {self._name} has"
                " taken the place of this one; start it once on a machine (--workers N for more), and give each machine"
                " a host name of its own, and stop one of an older version that still runs"
            )
        elif reason.value == NOT_SHARED:
            self._refused = not_shared(self._address)
        elif reason.is_failure and self._refused is None:
            self._link.lost(reason)
            self._refused = shut_out(self._address) if self._link.is_shut_out else None

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        properties = tuple(getattr(message.properties, "UserProperty", ()))
        told = Message(message.topic, bytes(message.payload), message.retain, properties)
        self._inbox.append(Delivery(told, message.mid, self._connection))


def worker_name(group: str, number: int, host: str) -> str:
    """Of a worker, by which the broker knows it again."""
    return f"{group}-ingest-{number}-{host}"


def end_session(address: BrokerAddress, name: str) -> None:
    """The broker forgets that worker, whose share goes to the others from now on. Raises BrokerError."""
    for client_id in {name, _client_id(address, name)}:  # versions before had the name alone
        _end(address, client_id)


def _client_id(address: BrokerAddress, name: str) -> str:
    return owned(name, address.password or address.client_key)


def _end(address: BrokerAddress, client_id: str) -> None:
    answers: list[ReasonCode] = []
    client = new_client(address, client_id)
    client.on_connect = lambda *told: answers.append(told[3])
    _connect(client, address, clean_start=True, session_s=0)
    while not answers:
        if client.loop(TURN_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise shut_out(address)
    if answers[0].is_failure:
        raise refused(address, answers[0])
    client.disconnect()


def _connect(client: Client, address: BrokerAddress, *, clean_start: bool, session_s: int) -> None:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = session_s
    properties.ReceiveMaximum = WINDOW
    try:
        client.connect(address.host, address.port, clean_start=clean_start, properties=properties)
    except (OSError, ValueError) as why:
        raise unreachable(address, why) from why
