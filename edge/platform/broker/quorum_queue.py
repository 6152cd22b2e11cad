"""One of several workers on a quorum queue of a RabbitMQ cluster, which nodes reach through its MQTT plugin.

RabbitMQ 4.0's MQTT plugin has no shared subscriptions; its queues do what they would. MQTT topics arrive on the
exchange `amq.topic` with points for slashes, and commands leave the same way.
"""

import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from shlex import quote
from threading import Event

import pika
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, ChannelClosedByBroker
from pika.spec import Basic, BasicProperties

from edge.errors import BrokerError, UsageError
from edge.platform.broker.link import AGAIN_S, TURN_S, Link
from edge.platform.broker.shared_subscription import OTHERS
from edge.platform.broker.sources import WINDOW, Delivery
from edge.platform.decode import Message

log = logging.getLogger(__name__)
EXCHANGE = "amq.topic"
_OTHERS = tuple(channel.replace("/+", ".*") for channel in OTHERS)
# RabbitMQ 4 throws away what workers died with 20 times, without a word. Its -1 for never is "at once" to RabbitMQ 3.
NO_LIMIT = 2**31 - 1
# The second: a node takes the connection and says nothing. The last: pika's of a connection that is closed already.
_FAULTS = (AMQPError, AMQPConnectorException, OSError, ValueError)


class QuorumQueue:
    """Driven by the thread that calls `take`. `urls`: the cluster's nodes, tried in turn, separated by commas.

    Raises UsageError for an address of another protocol.
    """

    def __init__(self, urls: str, *, group: str = "fieldeye") -> None:
        if not all(url.startswith(("amqp://", "amqps://")) for url in urls.split(",")):
            raise UsageError("--queue is no address of a queue; write amqp://HOST, several with commas between")
        logging.getLogger("pika").setLevel(logging.CRITICAL)  # its tracebacks are sentences here
        self._urls, self._group = urls.split(","), group
        self._inbox: deque[Delivery] = deque()  # bounded by the window, which the broker keeps
        self._connection: BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._voice: BlockingChannel | None = None  # on a connection of its own, for commands
        self._is_mute = False
        self._link = Link()
        self._count, self._wants_others = 0, False
        self._warned: set[str] = set()  # of which queues

    @property
    def broker(self) -> str:
        """The cluster's nodes and virtual host, without who asks."""
        return ",".join(sorted(url.rpartition("//")[2].rpartition("@")[2] for url in self._urls))

    @property
    def is_up(self) -> bool:
        """Does the broker tell us what comes?"""
        return self._link.is_up

    def connect(self) -> None:
        """Raises BrokerError if no node of the cluster can be reached."""
        try:
            self._connection = BlockingConnection([pika.URLParameters(url) for url in self._urls])
            self._channel = self._connection.channel()
            self._channel.basic_qos(prefetch_count=WINDOW)
            self._count += 1
            self._consume(self._channel, "records", ("records",))
            if self._wants_others:
                self._consume(self._channel, "others", _OTHERS)
            self._link.found()
        except _FAULTS as why:
            raise BrokerError(f"the cluster cannot be reached ({type(why).__name__} {why}); check --queue") from why

    def take(self, stop: Event, most: int) -> list[Delivery]:
        """What has come, after at most a turn. A connection that breaks is opened again, on another node if need be."""
        try:
            if self._connection is not None:
                self._connection.process_data_events(time_limit=0 if self._inbox else TURN_S)
            lost = "" if self._is_served() else "the broker has closed the channel or deleted a queue"
        except _FAULTS as why:
            lost = f"{type(why).__name__} {why}"
        self._is_mute = False
        with suppress(*_FAULTS):  # the next command opens another
            if self._voice is not None:
                self._voice.connection.process_data_events(time_limit=0)
        if lost:
            self._link.lost(lost)
            self._come_back(stop)
        return [self._inbox.popleft() for _ in range(min(most, len(self._inbox)))]

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """They are committed. Of an earlier connection's the broker delivers again, and they are found to be known."""
        with suppress(AMQPError, OSError):  # the next `take` notices
            for delivery in deliveries:
                if delivery.connection == self._count and self._channel is not None:
                    self._channel.basic_ack(delivery.tag)

    def say(self, topic: str, payload: bytes) -> None:
        """Send a command; the MQTT plugin hands it to the node with quality of service 1.

        RabbitMQ, while a disk of it is full, reads nothing more of a connection that has published: acknowledgements on
        it would not free the disk. After one that fails the others wait for the next turn: each would dial for seconds.
        """
        if self._is_mute:
            return
        try:
            if self._voice is None or not self._voice.is_open:
                _close(self._voice and self._voice.connection)  # of a channel that was refused a command
                servers = [pika.URLParameters(url) for url in self._urls]
                for server in servers:
                    server.blocked_connection_timeout = TURN_S  # else what is beyond the line's buffer would wait
                self._voice = BlockingConnection(servers).channel()
            lasting = BasicProperties(delivery_mode=2)
            self._voice.basic_publish(EXCHANGE, topic.replace("/", "."), payload, lasting)
        except _FAULTS:  # the gap is found again
            self._is_mute = True

    def listen_to_others(self) -> None:
        """From now on also what nodes tell of themselves. Retained messages reach no queue: earlier ones are missed."""
        with suppress(AMQPError, OSError):  # the next `take` notices
            if self._channel is not None and not self._wants_others:
                self._consume(self._channel, "others", _OTHERS)
        self._wants_others = True

    def close(self) -> None:
        """May be called twice."""
        _close(self._connection)
        _close(self._voice and self._voice.connection)

    def _is_served(self) -> bool:
        """RabbitMQ closes a channel on which nothing is acknowledged for half an hour, and leaves the connection."""
        if self._connection is None:
            return True
        return self._channel is not None and len(self._channel.consumer_tags) == 1 + self._wants_others

    def _consume(self, on: BlockingChannel, name: str, channels: Sequence[str]) -> None:
        queue = f"{self._group}-{name}"
        self._declare(on.connection, queue)
        for channel in channels:
            on.queue_bind(queue, EXCHANGE, f"fieldeye.v1.*.*.{channel}")
        on.basic_consume(queue, self._on_message)

    def _declare(self, connection: BlockingConnection, queue: str) -> None:
        """On a channel of its own, which the broker ends where the queue is there with other arguments."""
        arguments: dict[str, str | int] = {"x-queue-type": "quorum"}
        try:
            with connection.channel() as channel:
                channel.queue_declare(queue, durable=True, arguments=arguments | {"x-delivery-limit": NO_LIMIT})
        except ChannelClosedByBroker:  # of an earlier version of this program: it is used as it is
            with connection.channel() as channel:
                channel.queue_declare(queue, durable=True, arguments=arguments)
            self._warn_of_limit(queue)

    def _warn_of_limit(self, queue: str) -> None:
        if queue not in self._warned:
            self._warned.add(queue)
            virtual_host = quote(pika.URLParameters(self._urls[0]).virtual_host)
            policy = f"'^{self._group}-' '{{\"delivery-limit\": {NO_LIMIT}}}' --apply-to queues"
            why = "RabbitMQ 4 throws away what workers died with 20 times, unless somebody has run"
            told = f"{why}: rabbitmqctl set_policy -p {virtual_host} {self._group} {policy}"
            log.warning("queue_has_delivery_limit", extra={"queue": queue, "why": told})

    def _come_back(self, stop: Event) -> None:
        self._inbox.clear()
        self.close()
        self._channel = None
        if not stop.wait(AGAIN_S):
            with suppress(BrokerError):  # still away: the next turn tries again
                self.connect()

    def _on_message(
        self, _channel: BlockingChannel, method: Basic.Deliver, properties: BasicProperties, body: bytes
    ) -> None:
        topic = str(method.routing_key).replace(".", "/")
        headers: dict[str, object] = properties.headers or {}  # MQTT's user properties; those with x- are RabbitMQ's
        told = tuple((name, str(value)) for name, value in headers.items() if not name.startswith("x-"))
        message = Message(topic, body, properties=told)
        self._inbox.append(Delivery(message, int(method.delivery_tag or 0), self._count))


def _close(connection: BlockingConnection | None) -> None:
    with suppress(*_FAULTS):
        if connection is not None and connection.is_open:
            connection.close()
