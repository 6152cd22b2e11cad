"""One connection to the broker, from dialling to its end. It knows MQTT and nothing of records.

paho-mqtt is driven by the publisher's own thread (its documented external loop), so there is no second thread that
could die unseen. Each connection is a new client with a clean start: what to send again is the store's to say, not
paho's. paho's callbacks only note what came.
"""

import select
import socket
import ssl
from collections import deque
from typing import NamedTuple

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge import wire
from edge.mqtt.dial import Dial, Reach, close_line, new_client
from edge.mqtt.login import Login
from edge.mqtt.trouble import CLOSED, SHUT_OUT, SHUT_OUT_PLAIN, Trouble, from_exception, from_reason_code
from edge.mqtt_client import MOST_IN_FLIGHT, NOBODY_SUBSCRIBES, REFUSED_FROM

MOST_HEADER_BYTES = 4096  # of a message: topic and user properties, with a person's note to a photograph
INBOX = 8  # commands that may wait; more are dropped, and their sender, which gets no reply, asks again
_FIXED_BYTES = 16  # of a publish, at most: its type, four lengths, its number
_MOST_PACKET_BYTES = 268_435_460  # of MQTT, where the broker names no limit
_TOO_LARGE = 0x95  # of MQTT 5's reasons


class Ack(NamedTuple):
    """The broker's answer to a publish; below 0 the number of one that was not sent."""

    mid: int
    code: int  # MQTT 5 reason: 0 success, NOBODY_SUBSCRIBES, from REFUSED_FROM on refused

    @property
    def is_received(self) -> bool:
        """Did the broker take it, for somebody?"""
        return self.code < REFUSED_FROM and self.code != NOBODY_SUBSCRIBES


class Connection:
    """Owned by the publisher's thread. Dialling, which may hang in DNS or TLS, runs in a thread that may be left.

    What is published while the broker takes no more at once waits in paho's queue, which is new with each connection;
    to how much that grows is its caller's to bound, by `most_in_flight`.
    """

    def __init__(self, login: Login, will_topic: str, will: bytes) -> None:
        self._login = login
        self._client = new_client(login)
        self._client.will_set(will_topic, will, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._dial = Dial(self._client, login)
        self.acks: deque[Ack] = deque()
        self.granted: dict[str, bool] = {}  # of the subscriptions that the broker has answered
        self._asked: dict[int | None, str] = {}  # topics of subscriptions by paho's number
        self.inbox: deque[MQTTMessage] = deque(maxlen=INBOX)
        self.accepted = False  # CONNACK said success
        self.most_in_flight = MOST_IN_FLIGHT  # the broker closes the line for one more
        self._most_packet_bytes = _MOST_PACKET_BYTES
        self._unsent = 0  # number of the last that was too large
        self.trouble: Trouble | None = None  # why it ended or never began

    def dial(self) -> None:
        """Begin to connect; `dialled` tells when that has ended."""
        self._dial.start()

    def dialled(self, within_s: float) -> bool:
        """Has dialling ended, one way or the other? Then `trouble` or `turn` tell more."""
        if not self._dial.done.wait(within_s):
            return False
        failed = self._dial.failed
        if self._login.tls is None and isinstance(failed, ConnectionResetError | BrokenPipeError):
            self.trouble = self._ended()  # as when it is reset a moment later, with the log-in on its way
        elif failed is not None:
            self.trouble = from_exception(failed, self._login.host, self._login.port)
        return True

    @property
    def reach(self) -> Reach:
        """How far dialling came, once it has ended."""
        return self._dial.reach

    @property
    def most_payload_bytes(self) -> int:
        """So much the broker takes in one message, whatever stands in its header; 0 if that alone may be too long."""
        return max(0, self._most_packet_bytes - MOST_HEADER_BYTES)

    @property
    def is_up(self) -> bool:
        """Is there a socket, and no reason to give it up?"""
        return self.trouble is None and self._client.socket() is not None

    def turn(self, within_s: float, waker: socket.socket) -> bool:
        """Wait for the network or the waker, at most `within_s`, and do what the network asks for; was it the waker?"""
        line = self._client.socket()
        if not isinstance(line, socket.socket):
            self.trouble = self.trouble or self._ended()
            return False
        buffered = isinstance(line, ssl.SSLSocket) and line.pending() > 0
        writing = [line] if self._client.want_write() else []
        readable, writable, _ = select.select([line, waker], writing, [], 0 if buffered else within_s)
        if waker in readable:
            waker.recv(4096)
        if buffered or line in readable:
            self._client.loop_read()
        if writable:
            self._client.loop_write()
        if self.accepted:  # its keepalive counts from the dial's begin: a long one would be its last
            self._client.loop_misc()
        return waker in readable

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, properties: wire.Properties = ()
    ) -> int | None:
        """Send with QoS 1; returns the number that its Ack will carry, None if the connection is gone.

        A message that is larger than the broker takes is answered here with its own code: it would close the line.
        """
        more = Properties(PacketTypes.PUBLISH) if properties else None  # type: ignore[no-untyped-call]
        if more is not None:
            more.UserProperty = list(properties)
        if message_bytes(topic, payload, properties) + _FIXED_BYTES > self._most_packet_bytes:
            self._unsent -= 1
            self.acks.append(Ack(self._unsent, _TOO_LARGE))
            return self._unsent
        mid = self._client.publish(topic, payload, qos=1, retain=retain, properties=more).mid
        return mid if self.is_up else None

    def subscribe(self, topic: str) -> None:
        """Ask for messages; they come to `inbox`, and whether the broker lets us have them to `granted`."""
        _, mid = self._client.subscribe(topic, qos=1)
        self._asked[mid] = topic

    def say_goodbye(self) -> None:
        """DISCONNECT, so that the broker drops the will."""
        self._client.disconnect()
        self.close()

    def close(self) -> None:
        """Close the socket without a word; a dial that still hangs closes its own when it returns."""
        self._dial.leave()
        line = self._client.socket()
        if isinstance(line, socket.socket):
            close_line(line, at_once=not self.accepted)

    def _ended(self) -> Trouble:
        if self.accepted:
            return CLOSED
        return SHUT_OUT if self._login.tls else SHUT_OUT_PLAIN

    # paho calls these within turn() and publish()

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, more: Properties | None
    ) -> None:
        if reason.is_failure:
            self.trouble = from_reason_code(reason.value)
            return
        self.accepted = True
        self.most_in_flight = self._client.keep_to(more)
        self._most_packet_bytes = getattr(more, "MaximumPacketSize", _MOST_PACKET_BYTES)

    def _on_disconnect(
        self, _client: Client, _data: object, flags: DisconnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if self.trouble is None:
            by_broker = flags.is_disconnect_packet_from_server and reason.value >= REFUSED_FROM
            self.trouble = from_reason_code(reason.value) if by_broker else self._ended()

    def _on_publish(
        self, _client: Client, _data: object, mid: int, reason: ReasonCode, _more: Properties | None
    ) -> None:
        self.acks.append(Ack(mid, reason.value))

    def _on_subscribe(
        self, _client: Client, _data: object, mid: int, reasons: list[ReasonCode], _more: Properties | None
    ) -> None:
        if mid in self._asked:  # a broken broker ends no node
            self.granted[self._asked[mid]] = not any(reason.is_failure for reason in reasons)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.inbox.append(message)


def message_bytes(topic: str, payload: bytes, properties: wire.Properties) -> int:
    """Of topic, payload and user properties, with the identifier and two lengths of each of these."""
    told_bytes = sum(len(name.encode()) + len(value.encode()) + 5 for name, value in properties)
    return len(topic.encode()) + len(payload) + told_bytes
