"""One connection to the broker, from dialling to its end. It knows MQTT and nothing of records.

paho-mqtt is driven by the publisher's own thread (its documented external loop), so there is no second thread that
could die unseen. Each connection is a new client with a clean start: what to send again is the store's to say, not
paho's. paho's callbacks only note what came.
"""

import select
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from threading import Event, Lock, Thread
from typing import Literal, NamedTuple

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTMessageInfo, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge import wire
from edge.mqtt.secret import Secret
from edge.mqtt.trouble import CLOSED, Trouble, from_exception, from_reason_code

MOST_IN_FLIGHT = 20
MOST_HEADER_BYTES = 4096  # of a message: topic and user properties, with a person's note to a photograph
MOST_TAKEN_BYTES = 2 * wire.MAX_UPDATE_BYTES  # of a message to the node; a retained one of 100 MB came at each start
INBOX = 8  # commands that may wait; more are dropped, and their sender, which gets no reply, asks again
TCP_TIMEOUT_S = 10.0  # for each address of the name in turn
TLS_TIMEOUT_S = 60.0  # where packets are lost the certificates take long, and begun anew they take longer
_FIXED_BYTES = 16  # of a publish, at most: its type, four lengths, its number
_MOST_PACKET_BYTES = 268_435_460  # of MQTT, where the broker names no limit
NOBODY_SUBSCRIBES, REFUSED_FROM, _TOO_LARGE = 0x10, 0x80, 0x95  # of MQTT 5's reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where and as whom to connect."""

    host: str
    port: int
    client_id: str
    keepalive_s: int
    tls: ssl.SSLContext | None
    username: str | None = None
    password: Secret | None = None


class Ack(NamedTuple):
    """The broker's answer to a publish."""

    mid: int
    code: int  # MQTT 5 reason: 0 success, NOBODY_SUBSCRIBES, from REFUSED_FROM on refused


class Reach(Enum):
    """How far a dial came."""

    NOWHERE = auto()  # no name, no network
    ASKED = auto()  # nobody took the connection
    TAKEN = auto()  # and closed before a certificate came, as a proxy does whose broker is away
    ANSWERED = auto()  # TLS has cost its bytes, whatever came of it


class _Held(NamedTuple):
    """A publish that the broker does not take yet."""

    number: int
    send: Callable[[], MQTTMessageInfo]


class Connection:
    """Owned by the publisher's thread. Dialling, which may hang in DNS or TLS, runs in a thread that may be left.

    What is published while the broker takes no more at once is held until it has acknowledged; to how much that grows
    is its caller's to bound, by `most_in_flight`.
    """

    def __init__(self, login: Login, will_topic: str, will: bytes) -> None:
        self._login = login
        self._client = _client(login)
        self._client.will_set(will_topic, will, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._dial = _Dial(self._client, login)
        self.acks: deque[Ack] = deque()
        self.granted: dict[str, bool] = {}  # of the subscriptions that the broker has answered
        self._asked: dict[int | None, str] = {}  # topics of subscriptions by paho's number
        self.inbox: deque[MQTTMessage] = deque(maxlen=INBOX)
        self.accepted = False  # CONNACK said success
        self.most_in_flight = MOST_IN_FLIGHT  # the broker closes the line for one more
        self._most_packet_bytes = _MOST_PACKET_BYTES
        self._number = 0  # of the last publish
        self._held: deque[_Held] = deque()
        self._sent: dict[int, int] = {}  # not acknowledged yet: paho's number of each, and ours
        self.trouble: Trouble | None = None  # why it ended or never began

    def dial(self) -> None:
        """Begin to connect; `dialled` tells when that has ended."""
        self._dial.start()

    def dialled(self, within_s: float) -> bool:
        """Has dialling ended, one way or the other? Then `trouble` or `turn` tell more."""
        if not self._dial.done.wait(within_s):
            return False
        if self._dial.failed is not None:
            self.trouble = from_exception(self._dial.failed, self._login.host, self._login.port)
        return True

    @property
    def reach(self) -> Reach:
        """How far dialling came, once it has ended."""
        if self._dial.failed is None:
            return Reach.ANSWERED
        return next((reach for kinds, reach in _REACHES if isinstance(self._dial.failed, kinds)), Reach.NOWHERE)

    @property
    def has_tls(self) -> bool:
        """Is the line secured?"""
        return self._login.tls is not None

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
            self.trouble = self.trouble or CLOSED
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
        self._send_held()
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
        self._number += 1
        if message_bytes(topic, payload, properties) + _FIXED_BYTES > self._most_packet_bytes:
            self.acks.append(Ack(self._number, _TOO_LARGE))
            return self._number
        send = partial(self._client.publish, topic, payload, qos=1, retain=retain, properties=more)
        self._held.append(_Held(self._number, send))
        self._send_held()
        return self._number if self.is_up else None

    def _send_held(self) -> None:
        while self._held and len(self._sent) < self.most_in_flight and self.is_up:
            number, send = self._held.popleft()
            self._sent[send().mid] = number

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
            _close(line, at_once=not self.accepted)

    # paho calls these within turn() and publish()

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, more: Properties | None
    ) -> None:
        if reason.is_failure:
            self.trouble = from_reason_code(reason.value)
            return
        self.accepted = True
        self.most_in_flight = min(MOST_IN_FLIGHT, getattr(more, "ReceiveMaximum", MOST_IN_FLIGHT))
        self._most_packet_bytes = getattr(more, "MaximumPacketSize", _MOST_PACKET_BYTES)

    def _on_disconnect(
        self, _client: Client, _data: object, flags: DisconnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if self.trouble is None:
            by_broker = flags.is_disconnect_packet_from_server and reason.value >= REFUSED_FROM
            self.trouble = from_reason_code(reason.value) if by_broker else CLOSED

    def _on_publish(
        self, _client: Client, _data: object, mid: int, reason: ReasonCode, _more: Properties | None
    ) -> None:
        number = self._sent.pop(mid, None)
        if number is not None:
            self.acks.append(Ack(number, reason.value))

    def _on_subscribe(
        self, _client: Client, _data: object, mid: int, reasons: list[ReasonCode], _more: Properties | None
    ) -> None:
        self.granted[self._asked[mid]] = not any(reason.is_failure for reason in reasons)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.inbox.append(message)


class _Client(Client):
    """Takes any code that a PUBACK refuses with.

    paho-mqtt closes the connection for one that MQTT 5 has for other packets only, as Mosquitto's 0x95 for a message
    above its `message_size_limit`, which CONNACK does not tell.
    """

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        try:
            return super()._handle_pubackcomp(cmd)
        except MalformedPacket:
            packet = self._in_packet["packet"]
            mid, code = int.from_bytes(packet[:2]), int.from_bytes(packet[2:3])  # 0 where it is too short for a code
            if code < REFUSED_FROM:
                raise
        refused = ReasonCode(PacketTypes.PUBACK, "Unspecified error")
        refused.value = code  # made with it, it would be held against the names that MQTT 5 has
        with self._out_message_mutex:
            if mid not in self._out_messages:
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            return self._do_on_publish(mid, refused, Properties(PacketTypes.PUBACK))  # type: ignore[no-untyped-call]


class _Dial:
    """Connects in a thread of its own, because looking up a name can hang for longer than a node may take to stop."""

    def __init__(self, client: Client, login: Login) -> None:
        self._client = client
        self._login = login
        self._lock = Lock()
        self._left = False
        self.done = Event()
        self.failed: Exception | None = None

    def start(self) -> None:
        """Once. A daemon: a hanging name server must not keep the process alive."""
        Thread(target=self._run, name="mqtt-dial", daemon=True).start()

    def leave(self) -> None:
        """Nobody waits any more."""
        with self._lock:
            self._left = True

    def _run(self) -> None:
        at, takes = self._login, Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        takes.MaximumPacketSize = MOST_TAKEN_BYTES
        try:
            self._client.connect(at.host, at.port, keepalive=at.keepalive_s, clean_start=True, properties=takes)
        except (OSError, ValueError) as why:
            self.failed = why
        with self._lock:
            line = self._client.socket()
            if self._left and isinstance(line, socket.socket):
                _close(line, at_once=True)
        self.done.set()


class _TlsTimeoutError(TimeoutError):
    """The broker took the connection, and TLS did not come to its end."""


_REACHES: tuple[tuple[tuple[type[Exception], ...], Reach], ...] = (
    ((ssl.SSLEOFError, ConnectionResetError, BrokenPipeError), Reach.TAKEN),
    ((ssl.SSLError, _TlsTimeoutError), Reach.ANSWERED),
    ((TimeoutError, ConnectionRefusedError), Reach.ASKED),
)


class TlsLine(ssl.SSLSocket):
    """Closes itself when its handshake fails: paho leaves it open while somebody keeps the error, as _Dial does."""

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(TLS_TIMEOUT_S)
        try:
            super().do_handshake(block)
        except TimeoutError as why:
            self.close()
            raise _TlsTimeoutError(*why.args) from why
        except OSError:
            self.close()
            raise


def _close(line: socket.socket, *, at_once: bool) -> None:
    """`at_once`: a CONNECT that the line still carries would come late and throw off the connection made since."""
    if at_once:
        with suppress(OSError):  # closed already, by the dial's thread or ours
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def message_bytes(topic: str, payload: bytes, properties: wire.Properties) -> int:
    """Of topic, payload and user properties, with the identifier and two lengths of each of these."""
    told_bytes = sum(len(name.encode()) + len(value.encode()) + 5 for name, value in properties)
    return len(topic.encode()) + len(payload) + told_bytes


def _client(login: Login) -> Client:
    client = _Client(CallbackAPIVersion.VERSION2, client_id=login.client_id, protocol=MQTTv5)
    client.connect_timeout = TCP_TIMEOUT_S
    client.max_inflight_messages_set(MOST_IN_FLIGHT)
    if login.tls is not None:
        login.tls.sslsocket_class = TlsLine
        client.tls_set_context(login.tls)
    if login.username is not None:
        client.username_pw_set(login.username, login.password.reveal() if login.password else None)
    return client
