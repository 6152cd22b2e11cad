"""One connection to the broker, from dialling to its end. It knows MQTT and nothing of records.

paho-mqtt is driven by the publisher's own thread (its documented external loop), so there is no second thread that
could die unseen. Each connection is a new client with a clean start: what to send again is the store's to say, not
paho's. paho's callbacks only note what came.
"""

import select
import socket
import ssl
from collections import deque
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import NamedTuple

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge import wire
from edge.mqtt.secret import Secret
from edge.mqtt.trouble import CLOSED, Trouble, from_exception, from_reason_code

MOST_IN_FLIGHT = 20
INBOX = 8  # commands that may wait; more are dropped, and their sender, which gets no reply, asks again
_TCP_TIMEOUT_S = 10.0


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
    code: int  # MQTT 5 reason: 0 success, 0x10 nobody subscribes, from 0x80 on refused


class Connection:
    """Owned by the publisher's thread. Dialling, which may hang in DNS or TLS, runs in a thread that may be left."""

    def __init__(self, login: Login, will_topic: str, will: bytes) -> None:
        self._login = login
        self._client = _client(login)
        self._client.will_set(will_topic, will, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._dial = _Dial(self._client, login)
        self.acks: deque[Ack] = deque()
        self.inbox: deque[MQTTMessage] = deque(maxlen=INBOX)
        self.accepted = False  # CONNACK said success
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
        self._client.loop_misc()
        return waker in readable

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, properties: wire.Properties = ()
    ) -> int | None:
        """Send with QoS 1; returns the number that its Ack will carry, None if the connection is gone."""
        more = Properties(PacketTypes.PUBLISH) if properties else None  # type: ignore[no-untyped-call]
        if more is not None:
            more.UserProperty = list(properties)
        sent = self._client.publish(topic, payload, qos=1, retain=retain, properties=more)
        return sent.mid if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def subscribe(self, topic: str) -> None:
        """Ask for messages; they come to `inbox`."""
        self._client.subscribe(topic, qos=1)

    def say_goodbye(self) -> None:
        """DISCONNECT, so that the broker drops the will."""
        self._client.disconnect()
        self.close()

    def close(self) -> None:
        """Close the socket without a word; a dial that still hangs closes its own when it returns."""
        self._dial.leave()
        line = self._client.socket()
        if isinstance(line, socket.socket):
            line.close()

    # paho calls these within turn() and publish()

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:
            self.trouble = from_reason_code(reason.value)
        else:
            self.accepted = True

    def _on_disconnect(
        self, _client: Client, _data: object, flags: DisconnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if self.trouble is None:
            by_broker = flags.is_disconnect_packet_from_server and reason.value >= 0x80
            self.trouble = from_reason_code(reason.value) if by_broker else CLOSED

    def _on_publish(
        self, _client: Client, _data: object, mid: int, reason: ReasonCode, _more: Properties | None
    ) -> None:
        self.acks.append(Ack(mid, reason.value))

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.inbox.append(message)


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
        try:
            self._client.connect(
                self._login.host, self._login.port, keepalive=self._login.keepalive_s, clean_start=True
            )
        except (OSError, ValueError) as why:
            self.failed = why
        with self._lock:
            line = self._client.socket()
            if self._left and isinstance(line, socket.socket):
                line.close()
        self.done.set()


class TlsLine(ssl.SSLSocket):
    """Closes itself when its handshake fails: paho leaves it open while somebody keeps the error, as _Dial does."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _client(login: Login) -> Client:
    client = Client(CallbackAPIVersion.VERSION2, client_id=login.client_id, protocol=MQTTv5)
    client.connect_timeout = _TCP_TIMEOUT_S
    client.max_inflight_messages_set(MOST_IN_FLIGHT)
    if login.tls is not None:
        login.tls.sslsocket_class = TlsLine
        client.tls_set_context(login.tls)
    if login.username is not None:
        client.username_pw_set(login.username, login.password.reveal() if login.password else None)
    return client
