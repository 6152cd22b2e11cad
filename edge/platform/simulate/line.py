"""One MQTT connection of the fleet, driven by the fleet's own thread, so that two thousand of them need no threads."""

from collections import deque
from contextlib import suppress
from socket import socket as Socket  # noqa: N812  a property has its name
from time import monotonic

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import BrokerError
from edge.mqtt_client import MOST_IN_FLIGHT, NOBODY_SUBSCRIBES
from edge.platform.broker.address import BrokerAddress
from edge.platform.broker.link import connect, new_client

AGAIN_S = 0.5

Message = tuple[str, bytes, bool]  # topic, payload, retain


class Line:
    """What is given to `say` is sent until a subscriber has it, over as many connections as that takes.

    Raises BrokerError if the broker cannot be reached at the start, or refuses. Each connection is a new client.
    """

    def __init__(self, at: BrokerAddress, client_id: str) -> None:
        self._at, self._client_id = at, client_id
        self._flying: dict[int, Message] = {}
        self._waiting: deque[Message] = deque()
        self._retained: dict[str, Message] = {}  # the last of each topic
        self._topics: list[str] = []
        self._rests_until_s = 0.0
        self._refused: str | None = None
        self.is_open, self.sent, self.unheard = False, 0, 0
        self.commands: deque[MQTTMessage] = deque()
        self._client = self._new_client()
        connect(self._client, at)

    @property
    def socket(self) -> Socket | None:
        """For a selector; another one with each connection, None while there is none."""
        line = self._client.socket()
        return line if isinstance(line, Socket) else None

    def say(self, message: Message) -> None:
        """Send it, now or when there is room."""
        self._waiting.append(message)

    def subscribe(self, topic: str) -> None:
        """Ask for commands, on this connection and those that follow."""
        self._topics.append(topic)
        self._client.subscribe(topic, qos=1)

    @property
    def is_done(self) -> bool:
        """Has all been received by somebody?"""
        return not self._waiting and not self._flying

    @property
    def is_full(self) -> bool:
        """Would more only lengthen the queue?"""
        return len(self._waiting) >= MOST_IN_FLIGHT

    def turn(self, *, readable: bool) -> None:
        """Take what came, send what may go, connect again. Raises BrokerError."""
        if readable:
            self._client.loop_read()
        self._client.loop_misc()
        if self._refused:
            raise BrokerError(f"{self._at.where} {self._refused}; check its log, and user name and password")
        if monotonic() < self._rests_until_s:
            return
        if self.socket is None:
            self._connect_again()
        while self.is_open and self._waiting and len(self._flying) < MOST_IN_FLIGHT:
            self._publish(self._waiting.popleft())
        if self._client.want_write():
            self._client.loop_write()

    def close(self) -> None:
        """Say goodbye."""
        self._client.disconnect()

    def _publish(self, message: Message) -> None:
        topic, payload, retain = message
        if retain:
            self._retained[topic] = message
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._flying[sent.mid] = message
        else:
            self._waiting.appendleft(message)
            self.is_open = False

    def _connect_again(self) -> None:
        """What was on its way is sent again; whoever has it already knows it by its key."""
        self.is_open = False
        self._waiting.extendleft(reversed(self._flying.values()))
        self._flying.clear()
        self._rests_until_s = monotonic() + AGAIN_S
        self._client = self._new_client()
        with suppress(OSError):  # still away: the next turn tries again
            self._client.connect(self._at.host, self._at.port)

    def _new_client(self) -> Client:
        client = new_client(self._at, self._client_id)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        self.is_open = not reason.is_failure
        if reason.is_failure:
            self._refused = f"refuses ({reason})"
        self._waiting.extendleft(reversed(self._retained.values()))  # as nodes do: this broker may not know it
        for topic in self._topics:
            client.subscribe(topic, qos=1)

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, _reason: ReasonCode, _more: Properties | None
    ) -> None:
        self.is_open = False

    def _on_publish(
        self, _client: Client, _data: object, mid: int, reason: ReasonCode, _more: Properties | None
    ) -> None:
        message = self._flying.pop(mid)
        if reason.value == NOBODY_SUBSCRIBES and message[0].endswith("/records"):
            self.unheard += 1
            self._waiting.append(message)
            self._rests_until_s = monotonic() + AGAIN_S
        elif reason.is_failure:
            self._refused = f"refuses a message ({reason})"
        else:
            self.sent += 1

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.commands.append(message)
