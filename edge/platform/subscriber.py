"""Listens to a broker: all nodes, all channels."""

from collections import deque
from collections.abc import Iterator
from secrets import token_hex
from threading import Event

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import BrokerError
from edge.platform.address import BrokerAddress, refused, refused_topics, shut_out, unreachable
from edge.platform.decode import Message
from edge.platform.link import Commands, Link, come_back, new_client

ALL = "fieldeye/v1/#"
TURN_S = 0.5
AGAIN_S = 2.0


class Subscriber:
    """Driven by the thread that iterates `messages`; there is no other."""

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address
        self._link = Link()
        self._client = new_client(address, f"fieldeye{token_hex(7)}")  # brokers may refuse who has no name
        self._commands = Commands(self._client)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._inbox: deque[Message] = deque()  # emptied after each turn, which reads what one turn brings
        self._refused: BrokerError | None = None
        self.subscribed = Event()  # set once the broker has answered: from now on nothing is missed

    def messages(self, stop: Event) -> Iterator[Message]:
        """Messages as they come, until `stop` is set. A broker that goes away is connected again.

        Raises BrokerError if it cannot be reached at the start, refuses, or is no longer trusted.
        """
        try:
            self._client.connect(self._address.host, self._address.port)
        except (OSError, ValueError) as why:
            raise unreachable(self._address, why) from why
        while not stop.is_set():
            if self._client.loop(TURN_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._come_back(stop)
            if self._refused is not None:
                raise self._refused
            while self._inbox:
                yield self._inbox.popleft()
        self._client.disconnect()

    def say(self, topic: str, payload: bytes) -> None:
        """Send a command, at least once; the thread that iterates `messages` calls it."""
        self._commands.say(topic, payload)

    def _come_back(self, stop: Event) -> None:
        self.subscribed.clear()
        if self._refused is None and not stop.wait(AGAIN_S):
            come_back(self._client, self._address)  # still away: the next turn tries again

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, more: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refused = None if self._link.outlasts(reason) else refused(self._address, reason)
        else:
            self._client.keep_to(more)
            client.subscribe(ALL, qos=1)

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure and self._refused is None:
            self._link.lost(reason)
            self._refused = shut_out(self._address) if self._link.is_shut_out else None

    def _on_subscribe(
        self, _client: Client, _data: object, _mid: int, reasons: list[ReasonCode], _more: Properties | None
    ) -> None:
        self._refused = self._refused or refused_topics(self._address, [ALL], reasons)
        if self._refused is None:
            self._link.found()
            self.subscribed.set()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        properties = tuple(getattr(message.properties, "UserProperty", ()))
        self._inbox.append(Message(message.topic, bytes(message.payload), message.retain, properties))
