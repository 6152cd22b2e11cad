"""The line to an MQTT broker: a client that reads what MQTT 5 lets through, commands, is the broker heard?"""

import logging
import ssl

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MessageState, MQTTErrorCode
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.properties import Properties, VariableByteIntegers
from paho.mqtt.reasoncodes import ReasonCode

from edge.platform.address import LATER, BrokerAddress, unreachable

log = logging.getLogger(__name__)
_IN_VAIN = 10  # connections in some 20 s: behind a proxy a broker that starts looks like this
_IN_FLIGHT = 20  # as paho-mqtt has it
_NO_REASON = "Unspecified error"  # as paho-mqtt calls a line that closed without a word
_NO_BREAK, _WORD_JOINER = "\ufeff".encode(), "\u2060".encode()  # one meaning, and as many bytes


class _Client(Client):
    """Takes U+FEFF in a property as MQTT 5 (1.5.4-3) has it.

    paho-mqtt closes the connection for it, at each connection anew: whoever may publish could keep all others unheard.
    """

    def keep_to(self, told: Properties | None) -> None:
        """No more on its way at once than the broker takes by its CONNACK: paho-mqtt would have it set before."""
        most = self._max_inflight_messages = min(_IN_FLIGHT, getattr(told, "ReceiveMaximum", _IN_FLIGHT))
        for one in list(self._out_messages.values())[most:]:  # of connections before, all of which it would send now
            one.state = MessageState.MQTT_MS_QUEUED

    def _handle_publish(self) -> MQTTErrorCode:
        try:
            return super()._handle_publish()
        except MalformedPacket:
            self._in_packet["packet"] = _readable(self._in_packet["packet"], self._in_packet["command"])
            return super()._handle_publish()


def _readable(packet: bytearray, command: int) -> bytearray:
    """A PUBLISH with another character in its properties; topic and payload as they are."""
    has_number = command & 0x06  # of quality of service 1 and 2
    start = 2 + int.from_bytes(packet[:2], "big") + (2 if has_number else 0)
    length, own_length = VariableByteIntegers.decode(packet[start:])  # type: ignore[no-untyped-call]
    end = start + own_length + length
    return packet[:start] + packet[start:end].replace(_NO_BREAK, _WORD_JOINER) + packet[end:]


def new_client(address: BrokerAddress, client_id: str = "", *, manual_ack: bool = False) -> _Client:
    """Not yet connected."""
    client = _Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5, manual_ack=manual_ack)
    if address.tls is not None:
        client.tls_set_context(address.tls)
    if address.username is not None:
        client.username_pw_set(address.username, address.password)
    return client


class Commands:
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


class Link:
    """Whether the broker is heard. An outage is one line of the log, however long it takes."""

    def __init__(self) -> None:
        self.is_up, self._is_told = False, False
        self._was_found, self._in_vain = False, 0

    @property
    def is_shut_out(self) -> bool:
        """Was it never found, and did one connection after the other break? An outage of one that was found ends."""
        return not self._was_found and self._in_vain >= _IN_VAIN

    def outlasts(self, why: ReasonCode) -> bool:
        """Was it found before, and does it let nobody in for the moment alone?"""
        return self._was_found and why.value in LATER

    def found(self) -> None:
        """It has answered that it will tell us."""
        self.is_up, self._is_told, self._was_found = True, False, True

    def lost(self, why: object) -> None:
        """Until it is `found`."""
        self._in_vain += 1
        if not self._is_told:
            log.warning("broker_lost", extra={"why": str(why).replace(_NO_REASON, "the connection broke")})
        self.is_up, self._is_told = False, True


def come_back(client: Client, address: BrokerAddress) -> None:
    """Try once to connect again; a broker that is away still is no error.

    Raises BrokerError if it is not trusted any more: the authority's file is read at the start alone.
    """
    try:
        client.reconnect()
    except ssl.SSLCertVerificationError as why:
        raise unreachable(address, why) from why
    except (OSError, ValueError):
        return
