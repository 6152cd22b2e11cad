"""One of several workers on an MQTT 5 shared subscription: messages wait at the broker until they are acknowledged."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Event

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import BrokerError, SessionTakenError
from edge.platform.address import BrokerAddress, unreachable
from edge.platform.decode import Message
from edge.platform.sources import WINDOW, Delivery
from edge.platform.subscriber import AGAIN_S, TURN_S

RECORDS = "fieldeye/v1/+/+/records"
# Each to one listener: of these the last counts. A retained `status` tells whether the retained `info` after it is new.
OTHERS = ("status", "info", "health", "reply/+", "image")
TAKEN_OVER = 0x8E  # MQTT 5, 3.14.2.1: somebody has connected with the same client id
SESSION_S = 86_400  # the broker keeps for a worker that restarts, and knows again what it had not acknowledged


class SharedSubscription:
    """Driven by the thread that calls `take`; there is no other. At most WINDOW messages are here unacknowledged."""

    def __init__(self, address: BrokerAddress, *, client_id: str, group: str = "fieldeye") -> None:
        self._address, self._client_id, self._group = address, client_id, group
        self._inbox: deque[Delivery] = deque()  # bounded by the window, which the broker keeps
        self._refused: BrokerError | None = None
        self._connection, self._wants_others = 0, False
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5, manual_ack=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        if address.tls is not None:
            self._client.tls_set_context(address.tls)
        if address.username is not None:
            self._client.username_pw_set(address.username, address.password)

    def connect(self) -> None:
        """Raises BrokerError if the broker cannot be reached."""
        host, port = self._address.host, self._address.port
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_S
        properties.ReceiveMaximum = WINDOW
        try:
            self._client.connect(host, port, clean_start=False, properties=properties)
        except (OSError, ValueError) as why:
            raise unreachable(host, port, why) from why

    def take(self, stop: Event, most: int) -> list[Delivery]:
        """What has come, after at most a turn; also keeps the connection alive.

        Raises BrokerError if it refuses, SessionTakenError.
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
            if delivery.connection == self._connection:
                self._client.ack(delivery.tag, 1)

    def say(self, topic: str, payload: bytes) -> None:
        """Send a command, at least once."""
        self._client.publish(topic, payload, qos=1)

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
            with suppress(OSError, ValueError):  # still away: the next turn tries again
                self._client.reconnect()

    def _subscribe_others(self) -> None:
        self._client.subscribe([(f"fieldeye/v1/+/+/{channel}", 1) for channel in OTHERS])

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:
            host, port = self._address.host, self._address.port
            self._refused = BrokerError(f"{host}:{port} refuses ({reason}); check user name and password")
            return
        self._connection += 1
        client.subscribe(f"$share/{self._group}/{RECORDS}", qos=1)
        if self._wants_others:
            self._subscribe_others()

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        """To come back would throw the other one off, which would do the same."""
        if reason.value == TAKEN_OVER:
            self._refused = SessionTakenError(
                f"{self._address.host}:{self._address.port}: another `ingest` that is also called {self._client_id} has"
                " taken the place of this one; start it once on a machine (--workers N for more), and give each machine"
                " a host name of its own"
            )

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        properties = tuple(getattr(message.properties, "UserProperty", ()))
        told = Message(message.topic, bytes(message.payload), message.retain, properties)
        self._inbox.append(Delivery(told, message.mid, self._connection))
