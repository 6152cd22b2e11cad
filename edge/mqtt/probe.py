"""Goes to the broker step by step: name, port, TLS, log-in, publish; so that a technician hears which one fails."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace

from edge.clock import Clock
from edge.config import MqttTable, NodeTable
from edge.mqtt.connection import Connection
from edge.mqtt.dial import TCP_TIMEOUT_S
from edge.mqtt.login import logins_of
from edge.mqtt.trouble import CLOSED, LOGIN_REFUSED, SILENT, Trouble, from_exception, from_reason_code, no_commands
from edge.mqtt_client import NOBODY_SUBSCRIBES, REFUSED_FROM
from edge.wire import command_filter, node_topic

STEP_S = 10.0
TLS_S = 30.0  # where packets are lost the certificates take long; who waits for an answer gives up before the node does


@dataclass(frozen=True, slots=True)
class Step:
    """What was tried, whether it went well, and a sentence; of a message also whether somebody receives it."""

    what: str
    is_well: bool
    sentence: str
    is_heard: bool = True


def probe(config: MqttTable, node: NodeTable, clock: Clock) -> Iterator[Step]:
    """The steps in order; the first that fails is the last. Raises ConfigError for a secret that cannot be read.

    It uses a client name of its own, so that a running node keeps its connection.
    """
    where, step = f"{config.host}:{config.port}", "broker name"
    logins = logins_of(config, node)  # without its secret a node does not start, whatever the broker says
    try:
        addresses = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)
        yield Step(step, True, f"{config.host} is {addresses[0][4][0]}")
        step = "broker port"
        with ExitStack() as parts:
            line = parts.enter_context(closing(socket.create_connection((config.host, config.port), TCP_TIMEOUT_S)))
            yield Step(step, True, f"{where} answers")
            step = "broker TLS"
            line.settimeout(TLS_S)
            if logins[0].tls is not None:
                secured = parts.enter_context(closing(logins[0].tls.wrap_socket(line, server_hostname=config.host)))
                yield Step(step, True, f"{secured.version()}, certificate trusted")
    except (OSError, UnicodeError) as why:
        yield _failed(step, from_exception(why, config.host, config.port))
        return
    topic = node_topic(node.site, node.node, "reply/doctor")
    waker, woken = socket.socketpair()
    with closing(waker), closing(woken), ExitStack() as parts:
        for login in logins:
            own = replace(login, client_id=f"{login.client_id}:doctor")
            connection = parts.enter_context(closing(Connection(own, topic, b"")))
            connection.dial()
            connection.dialled(TCP_TIMEOUT_S * len(addresses) + TLS_S)
            refusal = _log_in(connection, woken, clock)
            if refusal is None or refusal.word not in LOGIN_REFUSED:
                break
        if refusal is not None:
            yield _failed("broker log-in", refusal)
            return
        yield Step("broker log-in", True, "accepted, MQTT 5")
        published, commands = _publish(connection, topic, woken, clock), command_filter(node.site, node.node)
        yield published
        if published.is_well and (refused := _ask_for(commands, connection, woken, clock)) is not None:
            yield _failed("broker commands", refused)
        with suppress(OSError):
            connection.say_goodbye()


def _log_in(connection: Connection, woken: socket.socket, clock: Clock) -> Trouble | None:
    """Why the broker does not take the login, None if it does."""
    _turn_until(lambda: connection.accepted, connection, woken, clock)
    return None if connection.accepted else connection.trouble or SILENT


def _publish(connection: Connection, topic: str, woken: socket.socket, clock: Clock) -> Step:
    connection.publish(topic, b'{"doctor":true}')
    _turn_until(lambda: bool(connection.acks), connection, woken, clock)
    if not connection.acks:
        return _failed("broker publish", connection.trouble or SILENT)
    code = connection.acks.popleft().code
    if code >= REFUSED_FROM:
        return _failed("broker publish", from_reason_code(code))
    is_heard = code != NOBODY_SUBSCRIBES
    heard = "somebody receives it" if is_heard else "nobody subscribes yet: records will wait on the node"
    return Step("broker publish", True, f"a test message on {topic} was acknowledged; {heard}", is_heard)


def _ask_for(topics: str, connection: Connection, woken: socket.socket, clock: Clock) -> Trouble | None:
    """Why these do not come. If granted, nothing is said: Mosquitto's acl_file grants what it then does not pass on."""
    connection.subscribe(topics)
    _turn_until(lambda: topics in connection.granted, connection, woken, clock)
    if connection.granted.get(topics) is False or connection.trouble is CLOSED:  # some close the line in place of a no
        return no_commands(topics)
    return None if topics in connection.granted else connection.trouble or SILENT


def _turn_until(is_told: Callable[[], bool], connection: Connection, woken: socket.socket, clock: Clock) -> None:
    until_s = clock.monotonic_s() + STEP_S
    while connection.is_up and not is_told() and clock.monotonic_s() < until_s:
        connection.turn(0.1, woken)


def _failed(what: str, trouble: Trouble) -> Step:
    return Step(what, False, trouble.sentence.removesuffix("; trying again"))  # nobody does
