"""One MQTT connection of the fleet, driven by the fleet's own thread, so that two thousand of them need no threads."""

import socket
from collections import deque
from time import monotonic

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import BrokerError
from edge.platform.address import BrokerAddress

IN_FLIGHT = 20  # as a node does
UNHEARD_AGAIN_S = 0.5
NOBODY_SUBSCRIBES = 0x10

Message = tuple[str, bytes, bool]  # topic, payload, retain


class Line:
    """What is given to `say` is sent until a subscriber has it; a broker that refuses it is a BrokerError."""

    def __init__(self, at: BrokerAddress, client_id: str) -> None:
        self._where = f"{at.host}:{at.port}"
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        if at.tls is not None:
            self._client.tls_set_context(at.tls)
        if at.username is not None:
            self._client.username_pw_set(at.username, at.password)
        self._flying: dict[int, Message] = {}
        self._waiting: deque[Message] = deque()
        self._rests_until_s = 0.0
        self._refused: str | None = None
        self.is_open, self.sent, self.unheard = False, 0, 0
        self.commands: deque[MQTTMessage] = deque()
        try:
            self._client.connect(at.host, at.port, keepalive=60)
        except (OSError, ValueError) as why:
            raise BrokerError(f"{self._where} cannot be reached ({why}); check --broker and that it runs") from why

    def fileno(self) -> int:
        """For a selector."""
        return self._socket().fileno()

    def say(self, message: Message) -> None:
        """Send it, now or when there is room."""
        self._waiting.append(message)

    def subscribe(self, topic: str) -> None:
        """Ask for commands."""
        self._client.subscribe(topic, qos=1)

    @property
    def is_done(self) -> bool:
        """Has all been received by somebody?"""
        return not self._waiting and not self._flying

    @property
    def is_full(self) -> bool:
        """Would more only lengthen the queue?"""
        return len(self._waiting) >= IN_FLIGHT

    def turn(self, *, readable: bool) -> None:
        """Take what came, send what may go. Raises BrokerError."""
        if readable:
            self._client.loop_read()
        self._client.loop_misc()
        if self._refused:
            raise BrokerError(f"{self._where} {self._refused}; check its log, and user name and password")
        if self.is_open and monotonic() >= self._rests_until_s:
            while self._waiting and len(self._flying) < IN_FLIGHT:
                self._publish(self._waiting.popleft())
        if self._client.want_write():
            self._client.loop_write()

    def close(self) -> None:
        """Say goodbye."""
        self._client.disconnect()

    def _publish(self, message: Message) -> None:
        topic, payload, retain = message
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._refused = f"does not take messages any more ({sent.rc.name})"
        self._flying[sent.mid] = message

    def _socket(self) -> socket.socket:
        line = self._client.socket()
        if not isinstance(line, socket.socket):
            raise BrokerError(f"{self._where} has closed the connection; check its log")
        return line

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        self.is_open = not reason.is_failure
        if reason.is_failure:
            self._refused = f"refuses ({reason})"

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        self.is_open = False
        if reason.is_failure:
            self._refused = f"has closed the connection ({reason})"

    def _on_publish(
        self, _client: Client, _data: object, mid: int, reason: ReasonCode, _more: Properties | None
    ) -> None:
        message = self._flying.pop(mid)
        is_records = message[0].endswith("/records")
        if reason.value == NOBODY_SUBSCRIBES and is_records:
            self.unheard += 1
            self._waiting.append(message)
            self._rests_until_s = monotonic() + UNHEARD_AGAIN_S
        elif reason.is_failure:
            self._refused = f"refuses a message ({reason})"
        else:
            self.sent += 1

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.commands.append(message)
