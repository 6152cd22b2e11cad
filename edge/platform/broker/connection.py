"""A connection to an MQTT broker that is opened again when it breaks: subscriptions, commands, what ends it."""

import logging
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Event

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import BrokerError
from edge.platform.broker.address import BrokerAddress, refused, refused_topics, shut_out, unreachable
from edge.platform.broker.link import AGAIN_S, Link, dialled, new_client
from edge.platform.broker.sources import WINDOW, Delivery
from edge.platform.decode import Message

log = logging.getLogger(__name__)
TAKEN_OVER = 0x8E  # MQTT 5, 3.14.2.1: somebody has connected with the same client id


class _Commands:
    """To nodes, each sent at least once. A broker that refuses them is one line of the log, whatever their number."""

    def __init__(self, client: Client) -> None:
        self._client, self._is_told = client, False
        self._topics: dict[int, str] = {}  # of what is on its way
        client.on_publish = self._on_publish

    def say(self, topic: str, payload: bytes) -> None:
        """Send one."""
        self._topics[self._client.publish(topic, payload, qos=1).mid] = topic

    def _on_publish(
        self, _client: Client, _data: object, number: int, reason: ReasonCode, _more: Properties | None
    ) -> None:
        topic = self._topics.pop(number)
        if reason.is_failure and not self._is_told:
            log.warning("command_refused", extra={"topic": topic, "why": f"{reason}; check the broker's ACL and log"})
            self._is_told = True


class Connection:
    """Driven by the thread that calls `turn`; there is no other. Whoever has `inbox` acknowledges.

    `ends`: after these reasons of MQTT 5's DISCONNECT it is not opened again, and the error is raised.
    """

    def __init__(self, address: BrokerAddress, client_id: str, *, ends: Mapping[int, BrokerError]) -> None:
        self.inbox: deque[Delivery] = deque()  # of whoever has it, to be emptied
        self.broke = 0  # how often; what came before is no more this connection's
        self._address, self._ends = address, ends
        self._link = Link()
        self._topics: list[Sequence[str]] = []  # asked for on each connection, together
        self._asked: dict[int, Sequence[str]] = {}  # number of a request -> its topics
        self._refused: BrokerError | None = None
        self.client = new_client(address, client_id, manual_ack=True)
        self.say = _Commands(self.client).say
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = self._on_message

    @property
    def is_up(self) -> bool:
        """Does the broker tell us what comes?"""
        return self._link.is_up

    def turn(self, wait_s: float, stop: Event) -> bool:
        """Take what comes and keep the connection alive; False where it broke, and was tried again.

        Raises BrokerError if the broker refuses for good, or is no longer trusted.
        """
        holds = self.client.loop(wait_s) == MQTTErrorCode.MQTT_ERR_SUCCESS
        self.broke += not holds
        if not holds and self._refused is None and not stop.wait(AGAIN_S):
            _come_back(self.client, self._address, stop)  # still away: the next turn tries again
        if self._refused is not None:
            raise self._refused
        return holds

    def subscribe(self, topics: Sequence[str]) -> None:
        """On this connection and all that follow; once more: retained messages come once more."""
        if topics not in self._topics:
            self._topics.append(topics)
        _, number = self.client.subscribe([(topic, 1) for topic in topics])
        if number is not None:  # none without a connection: the next one asks for all
            self._asked[number] = topics

    def acknowledge(self, delivery: Delivery) -> None:
        """It is kept. What came over an earlier connection is delivered again and found to be known."""
        if delivery.tag and delivery.connection == self.broke:  # none of quality of service 0
            self.client.ack(delivery.tag, 1)

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, more: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refused = None if self._link.outlasts(reason) else refused(self._address, reason)
            return
        self.client.keep_to(more)
        self._asked.clear()
        for topics in self._topics:
            self.subscribe(topics)

    def _on_subscribe(
        self, _client: Client, _data: object, number: int, reasons: list[ReasonCode], _more: Properties | None
    ) -> None:
        self._refused = self._refused or refused_topics(self._address, self._asked.pop(number, ()), reasons)
        if self._refused is None:
            self._link.found()

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.value in self._ends:
            self._refused = self._ends[reason.value]
        elif reason.is_failure and self._refused is None:
            self._link.lost(reason)
            self._refused = shut_out(self._address) if self._link.is_shut_out else None

    def _on_message(self, _client: Client, _data: object, told: MQTTMessage) -> None:
        if told.qos == 0 and len(self.inbox) >= 2 * WINDOW:
            return  # sent at most once, and no window holds it back while a database is away
        properties = tuple(getattr(told.properties, "UserProperty", ()))
        message = Message(told.topic, bytes(told.payload), told.retain, properties)
        self.inbox.append(Delivery(message, told.mid, self.broke))


def _come_back(client: Client, address: BrokerAddress, stop: Event) -> None:
    """Try once to connect again, with a certificate that was renewed; a broker that is away still is no error.

    Raises BrokerError if it is not trusted any more: the authority's file is read at the start alone.
    """
    if address.tls is not None and address.client_file is not None:
        with suppress(OSError):  # half a file: once whole it is read at the next try
            address.tls.load_cert_chain(address.client_file)
    why = dialled(client.reconnect, stop)
    if isinstance(why, ssl.SSLCertVerificationError):
        raise unreachable(address, why) from why
