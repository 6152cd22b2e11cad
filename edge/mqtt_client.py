"""An MQTT 5 client, the node's and the platform's, that keeps its line where paho-mqtt 2.x closes it or has it closed.

Whoever may publish could else keep a node, or all of them, unheard.
"""

from typing import Literal

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MessageState, MQTTErrorCode
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers
from paho.mqtt.reasoncodes import ReasonCode

MOST_IN_FLIGHT = 20  # as paho-mqtt has it
NOBODY_SUBSCRIBES, REFUSED_FROM = 0x10, 0x80  # of MQTT 5's reasons
_NO_BREAK, _WORD_JOINER = "\ufeff".encode(), "\u2060".encode()  # one meaning, and as many bytes


class MqttClient(Client):
    """Not yet connected."""

    def __init__(self, client_id: str, *, manual_ack: bool = False) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5, manual_ack=manual_ack)

    def keep_to(self, told: Properties | None) -> int:
        """No more on its way at once than the broker takes by its CONNACK, else it closes the line; returns how many.

        What is beyond waits in the client, which paho-mqtt would have told before it connects.
        """
        most = self._max_inflight_messages = min(MOST_IN_FLIGHT, getattr(told, "ReceiveMaximum", MOST_IN_FLIGHT))
        for one in list(self._out_messages.values())[most:]:  # of connections before, all of which it would send now
            one.state = MessageState.MQTT_MS_QUEUED
        return most

    def _handle_publish(self) -> MQTTErrorCode:
        """Takes U+FEFF in a property as MQTT 5 (1.5.4-3) has it: a retained one would end each connection anew."""
        try:
            return super()._handle_publish()
        except MalformedPacket:
            self._in_packet["packet"] = _readable(self._in_packet["packet"], self._in_packet["command"])
            return super()._handle_publish()

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        """Takes any code that a PUBACK refuses with, also one that MQTT 5 has for other packets only.

        So Mosquitto's 0x95 for a message above its `message_size_limit`, which CONNACK does not tell.
        """
        try:
            return super()._handle_pubackcomp(cmd)
        except MalformedPacket:
            packet = self._in_packet["packet"]
            mid, code = int.from_bytes(packet[:2]), int.from_bytes(packet[2:3])  # 0 where it is too short for a code
            if code < REFUSED_FROM:
                raise
        refused = _StrangeReason(PacketTypes.PUBACK, "Unspecified error")
        refused.value = code  # made with it, it would be held against the names that MQTT 5 has
        with self._out_message_mutex:
            if mid not in self._out_messages:
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            return self._do_on_publish(mid, refused, Properties(PacketTypes.PUBACK))  # type: ignore[no-untyped-call]


class _StrangeReason(ReasonCode):
    """One without a name."""

    def getName(self) -> str:  # noqa: N802  paho's
        return f"reason {self.value:#04x}"


def _readable(packet: bytearray, command: int) -> bytearray:
    """A PUBLISH with another character in its properties; topic and payload as they are."""
    has_number = command & 0x06  # of quality of service 1 and 2
    start = 2 + int.from_bytes(packet[:2], "big") + (2 if has_number else 0)
    length, own_length = VariableByteIntegers.decode(packet[start:])  # type: ignore[no-untyped-call]
    end = start + own_length + length
    return packet[:start] + packet[start:end].replace(_NO_BREAK, _WORD_JOINER) + packet[end:]
