"""Listens to a broker: all nodes, all channels."""

import ssl
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from threading import Event

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import BrokerError
from edge.platform.address import unreachable
from edge.platform.decode import Message

ALL = "fieldeye/v1/#"
TURN_S = 0.5
AGAIN_S = 2.0


class Subscriber:
    """Driven by the thread that iterates `messages`; there is no other."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        self._where = (host, port)
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._inbox: deque[Message] = deque()  # emptied after each turn, which reads what one turn brings
        self._refused: BrokerError | None = None
        self.subscribed = Event()  # set once the broker has answered: from now on nothing is missed
        if tls is not None:
            self._client.tls_set_context(tls)
        if username is not None:
            self._client.username_pw_set(username, password)

    def messages(self, stop: Event) -> Iterator[Message]:
        """Messages as they come, until `stop` is set. A broker that goes away is connected again.

        Raises BrokerError if it cannot be reached at the start, or refuses.
        """
        host, port = self._where
        try:
            self._client.connect(host, port)
        except (OSError, ValueError) as why:
            raise unreachable(host, port, why) from why
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
        self._client.publish(topic, payload, qos=1)

    def _come_back(self, stop: Event) -> None:
        self.subscribed.clear()
        if self._refused is None and not stop.wait(AGAIN_S):
            with suppress(OSError, ValueError):  # still away: the next turn tries again
                self._client.reconnect()

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:
            host, port = self._where
            self._refused = BrokerError(f"{host}:{port} refuses ({reason}); check user name and password")
        else:
            client.subscribe(ALL, qos=1)

    def _on_subscribe(
        self, _client: Client, _data: object, _mid: int, _reasons: list[ReasonCode], _more: Properties | None
    ) -> None:
        self.subscribed.set()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        properties = tuple(getattr(message.properties, "UserProperty", ()))
        self._inbox.append(Message(message.topic, bytes(message.payload), message.retain, properties))
