"""Goes to the broker step by step: name, port, TLS, log-in, publish; so that a technician hears which one fails."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace

from edge.clock import Clock
from edge.config import MqttTable, NodeTable
from edge.mqtt.connection import Connection
from edge.mqtt.publisher import login_of
from edge.mqtt.trouble import SILENT, Trouble, from_exception, from_reason_code
from edge.wire import node_topic

STEP_S = 10.0
NO_SUBSCRIBER = 0x10


@dataclass(frozen=True, slots=True)
class Step:
    """What was tried, whether it went well, and a sentence."""

    what: str
    is_well: bool
    sentence: str


def probe(config: MqttTable, node: NodeTable, clock: Clock) -> Iterator[Step]:
    """The steps in order; the first that fails is the last. Raises ConfigError for a secret that cannot be read.

    It uses a client name of its own, so that a running node keeps its connection.
    """
    where = f"{config.host}:{config.port}"
    try:
        addresses = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)
        yield Step("broker name", True, f"{config.host} is {addresses[0][4][0]}")
        with ExitStack() as parts:
            line = parts.enter_context(closing(socket.create_connection((config.host, config.port), STEP_S)))
            yield Step("broker port", True, f"{where} answers")
            login = login_of(config, node)
            if login.tls is not None:
                secured = parts.enter_context(closing(login.tls.wrap_socket(line, server_hostname=config.host)))
                yield Step("broker TLS", True, f"{secured.version()}, certificate trusted")
    except (OSError, UnicodeError) as why:
        yield _failed(_step_of(why), from_exception(why, config.host, config.port))
        return
    topic = node_topic(node.site, node.node, "reply/doctor")
    connection = Connection(replace(login, client_id=f"{login.client_id}_doctor"), topic, b"")
    waker, woken = socket.socketpair()
    with closing(waker), closing(woken), closing(connection):
        yield from _talk(connection, topic, woken, clock)


def _talk(connection: Connection, topic: str, woken: socket.socket, clock: Clock) -> Iterator[Step]:
    until_s = clock.monotonic_s() + STEP_S
    connection.dial()
    connection.dialled(STEP_S)
    while connection.is_up and not connection.accepted and clock.monotonic_s() < until_s:
        connection.turn(0.1, woken)
    if not connection.accepted:
        yield _failed("broker log-in", connection.trouble or SILENT)
        return
    yield Step("broker log-in", True, "accepted, MQTT 5")
    connection.publish(topic, b'{"doctor":true}')
    while connection.is_up and not connection.acks and clock.monotonic_s() < until_s:
        connection.turn(0.1, woken)
    if not connection.acks:
        yield _failed("broker publish", connection.trouble or SILENT)
        return
    code = connection.acks.popleft().code
    if code >= 0x80:
        yield _failed("broker publish", from_reason_code(code))
        return
    heard = "nobody subscribes yet: records will wait on the node" if code == NO_SUBSCRIBER else "somebody receives it"
    yield Step("broker publish", True, f"a test message on {topic} was acknowledged; {heard}")
    with suppress(OSError):
        connection.say_goodbye()


def _step_of(why: Exception) -> str:
    if isinstance(why, socket.gaierror | UnicodeError):
        return "broker name"
    return "broker TLS" if isinstance(why, ssl.SSLError) else "broker port"


def _failed(what: str, trouble: Trouble) -> Step:
    return Step(what, False, trouble.sentence)
