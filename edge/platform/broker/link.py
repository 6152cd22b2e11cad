"""The line to an MQTT broker: a client for it, is the broker heard?"""

import logging
from collections.abc import Callable
from functools import partial
from threading import Event, Thread
from traceback import clear_frames
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.mqtt_client import MqttClient
from edge.platform.broker.address import LATER, BrokerAddress, unreachable
from edge.platform.broker.sources import WINDOW

log = logging.getLogger(__name__)
TURN_S = 0.5
AGAIN_S = 2.0
STOPS_S = 0.2
SESSION_S = 86_400  # the broker keeps for who starts again, and knows again what was not acknowledged
KEEPALIVE_S = 60  # so long one may take the line and say nothing
_SAID_NOTHING = 0x8D  # of MQTT 5's reasons, "keep alive timeout", as paho-mqtt ends such a line
_IN_VAIN = 10  # connections in some 20 s: behind a proxy a broker that starts looks like this
_NO_REASON = "Unspecified error"  # as paho-mqtt calls a line that closed without a word


def new_client(address: BrokerAddress, client_id: str, *, manual_ack: bool = False) -> MqttClient:
    """Not yet connected."""
    client = MqttClient(client_id, manual_ack=manual_ack)
    if address.tls is not None:
        client.tls_set_context(address.tls)
    if address.username is not None:
        client.username_pw_set(address.username, address.password)
    return client


class Link:
    """Whether the broker is heard. An outage is one line of the log, however long it takes."""

    def __init__(self) -> None:
        self.is_up, self._is_told = False, False
        self._was_found, self._in_vain = False, 0

    @property
    def is_shut_out(self) -> bool:
        """Was it never found, and did one connection after the other break, or one hear nothing for KEEPALIVE_S?

        An outage of one that was found ends.
        """
        return not self._was_found and self._in_vain >= _IN_VAIN

    def outlasts(self, why: ReasonCode) -> bool:
        """Was it found before, and does it let nobody in for the moment alone?"""
        return self._was_found and why.value in LATER

    def found(self) -> None:
        """It has answered that it will tell us."""
        self.is_up, self._is_told, self._was_found = True, False, True

    def lost(self, why: object) -> None:
        """Until it is `found`."""
        self._in_vain += _IN_VAIN if why == _SAID_NOTHING else 1
        if not self._is_told:
            log.warning("broker_lost", extra={"why": str(why).replace(_NO_REASON, "the connection broke")})
        self.is_up, self._is_told = False, True


def connect(client: Client, address: BrokerAddress, stop: Event | None = None, **options: Any) -> None:
    """For the first time, unless `stop` is set meanwhile. Raises BrokerError if the broker cannot be reached."""
    why = dialled(partial(client.connect, address.host, address.port, KEEPALIVE_S, **options), stop or Event())
    if why is not None:
        raise unreachable(address, why) from why


def session(kept_s: int) -> Properties:
    """What the broker is told with CONNECT: how long it keeps what comes while we are away, how much it sends ahead."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = kept_s
    properties.ReceiveMaximum = WINDOW
    return properties


def dialled(dial: Callable[[], object], stop: Event) -> OSError | ValueError | None:
    """Why it failed. In a thread of its own, which nobody waits for any more once `stop` is set: looking up a name can
    hang for half a minute, and no signal is heard by the thread that does."""
    failed: list[OSError | ValueError] = []

    def run() -> None:
        try:
            dial()
        except (OSError, ValueError) as why:
            clear_frames(why.__traceback__)  # else the error would keep paho-mqtt's socket open
            failed.append(why)

    thread = Thread(target=run, name="dial", daemon=True)
    thread.start()
    while thread.is_alive() and not stop.is_set():
        thread.join(STOPS_S)
    return failed[0] if failed else None
