"""Publishes on one connection, and notes what that costs and what is on its way."""

from edge.mqtt.budget import PROTOCOL_BYTES
from edge.mqtt.connection import Connection, message_bytes
from edge.mqtt.flight import Flight, Sent
from edge.mqtt.publisher_parts import Parts
from edge.mqtt.window import Window
from edge.wire import Mark, Properties, node_topic

RETAINED = ("status", "info", "health", "summary")


class Outlet:
    """Owned by the publisher's thread, for as long as its connection is up."""

    def __init__(self, parts: Parts, connection: Connection) -> None:
        self._parts, self._connection = parts, connection
        self.flight = Flight(Window(parts.config.keepalive_s), connection.most_in_flight)

    def say(
        self,
        channel: str,
        payload: bytes,
        marks: tuple[Mark, ...] = (),
        properties: Properties = (),
        *,
        sent_as: str = "",
    ) -> None:
        """Publish on a channel of the node; `sent_as`, where it is to be told from others of that channel."""
        topic = node_topic(self._parts.node.site, self._parts.node.node, channel)
        self.publish(topic, sent_as or channel, payload, marks, properties, retain=channel in RETAINED)

    def publish(
        self,
        topic: str,
        channel: str,
        payload: bytes,
        marks: tuple[Mark, ...] = (),
        properties: Properties = (),
        *,
        retain: bool,
    ) -> None:
        """With QoS 1, and note what it costs."""
        mid = self._connection.publish(topic, payload, retain=retain, properties=properties)
        if mid is None:
            return  # the connection just ended, the next turn notices
        size_bytes = message_bytes(topic, payload, properties)
        self._parts.figures.sent_bytes += size_bytes
        self._parts.budget.spend(size_bytes + PROTOCOL_BYTES, self._parts.clock.now())
        self.flight.add(mid, Sent(channel, marks, size_bytes, self._parts.clock.monotonic_s()))
