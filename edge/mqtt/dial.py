"""Dials the broker: name, addresses, TLS, as far as the socket goes. How far it came says what it has cost."""

import socket
import ssl
import struct
from contextlib import suppress
from enum import Enum, auto
from threading import Event, Lock, Thread

from paho.mqtt.client import Client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.mqtt.login import Login
from edge.mqtt_client import MqttClient
from edge.wire import MAX_UPDATE_BYTES

MOST_TAKEN_BYTES = 2 * MAX_UPDATE_BYTES  # of a message to the node; a retained one of 100 MB came at each start
TCP_TIMEOUT_S = 10.0  # for each address of the name in turn
TLS_TIMEOUT_S = 60.0  # where packets are lost the certificates take long, and begun anew they take longer


class Reach(Enum):
    """How far a dial came."""

    NOWHERE = auto()  # no name, no network
    ASKED = auto()  # nobody took the connection
    TAKEN = auto()  # and closed before a certificate came, as a proxy does whose broker is away
    ANSWERED = auto()  # TLS has cost its bytes, whatever came of it


class Dial:
    """Connects in a thread of its own, because looking up a name can hang for longer than a node may take to stop."""

    def __init__(self, client: MqttClient, login: Login) -> None:
        self._client = client
        self._login = login
        self._lock = Lock()
        self._left = False
        client.on_socket_open = self._opened
        self.done = Event()
        self.failed: Exception | None = None

    @property
    def reach(self) -> Reach:
        """How far it came, once it is done."""
        if self.failed is None:
            return Reach.ANSWERED
        return next((reach for kinds, reach in _REACHES if isinstance(self.failed, kinds)), Reach.NOWHERE)

    def start(self) -> None:
        """Once. A daemon: a hanging name server must not keep the process alive."""
        Thread(target=self._run, name="mqtt-dial", daemon=True).start()

    def leave(self) -> None:
        """Nobody waits any more."""
        with self._lock:
            self._left = True

    def _opened(self, _client: Client, _data: object, _line: object) -> None:
        """Before the CONNECT, which would throw off the connection made since."""
        with self._lock:
            if self._left:
                raise ConnectionAbortedError("given up")

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
                close_line(line, at_once=True)
        self.done.set()


class _TlsTimeoutError(TimeoutError):
    """The broker took the connection, and TLS did not come to its end."""


_REACHES: tuple[tuple[tuple[type[Exception], ...], Reach], ...] = (
    ((ssl.SSLEOFError, ConnectionResetError, BrokenPipeError), Reach.TAKEN),
    ((ssl.SSLError, _TlsTimeoutError), Reach.ANSWERED),
    ((TimeoutError, ConnectionRefusedError), Reach.ASKED),
)


class TlsLine(ssl.SSLSocket):
    """Closes itself when its handshake fails: paho leaves it open while somebody keeps the error, as Dial does."""

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


def new_client(login: Login) -> MqttClient:
    """Not yet connected."""
    client = MqttClient(login.client_id)
    client.connect_timeout = TCP_TIMEOUT_S
    if login.tls is not None:
        login.tls.sslsocket_class = TlsLine
        client.tls_set_context(login.tls)
    if login.username is not None:
        client.username_pw_set(login.username, login.password.reveal() if login.password else None)
    return client


def close_line(line: socket.socket, *, at_once: bool) -> None:
    """`at_once`: a CONNECT that the line still carries would come late and throw off the connection made since."""
    if at_once:
        with suppress(OSError):  # closed already, by the dial's thread or ours
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()
