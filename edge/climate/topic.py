"""Readings that another device publishes over MQTT, as weather stations and Zigbee bridges do."""

import json
import logging
import math
import re
from collections import deque

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from edge.config import ClimateTable
from edge.errors import ConfigError
from edge.mqtt import read_secret, trusting
from edge.weather import Reading

log = logging.getLogger(__name__)

MOST_KEPT = 100  # the loop takes them each turn; more in one turn are too many of a weather, and the oldest go
MOST_BYTES = 4096
_FILTER = re.compile(r"(?:(?:[^+#/]*|\+)/)*(?:[^+#/]*|\+|#)")  # MQTT 5, section 4.7.1
FOG = 105.0  # per cent; a sensor that is wet reads a little too high, and many programs do not end at 100


class TopicSensor:
    """paho's own thread connects, waits for names and comes back; the loop takes what came.

    Should that thread die, no reading comes any more, and the interval says so: it is no weather.
    """

    def __init__(self, config: ClimateTable) -> None:
        _check(config)
        self._config = config
        self._came: deque[Reading] = deque(maxlen=MOST_KEPT)
        self._unread = False
        self._client = Client(CallbackAPIVersion.VERSION2)  # MQTT 3.1.1: any broker of a weather station
        if config.tls:
            self._client.tls_set_context(trusting(config.ca_file, "climate.ca_file"))
        if config.username is not None:
            password = read_secret(config.password_file, "climate.password_file") if config.password_file else None
            self._client.username_pw_set(config.username, password.reveal() if password else None)
        self._client.on_connect = lambda client, *_: client.subscribe(config.topic)
        self._client.on_message = lambda _client, _data, message: self._take(message)
        self._client.connect_async(config.host, config.port)
        self._client.loop_start()

    def readings(self, now_s: float) -> list[Reading]:  # noqa: ARG002  they come when they come
        """See ClimateSensor."""
        return [self._came.popleft() for _ in range(len(self._came))]

    def close(self) -> None:
        """See ClimateSensor. It does not wait for the thread, which may hang in a name or in TLS for a minute."""
        self._client.on_connect = lambda client, *_: client.disconnect()  # that it gets through after all
        self._client.disconnect()

    def _take(self, message: MQTTMessage) -> None:
        if message.retain:  # of an hour that is over, perhaps
            return
        reading = read_payload(bytes(message.payload), self._config)
        if reading is None and not self._unread:
            log.warning(
                "climate_not_read",
                extra={"topic": message.topic, "payload": message.payload[:80].decode("utf-8", "replace")},
            )
        self._unread = reading is None
        if reading is not None:
            self._came.append(reading)


def _check(config: ClimateTable) -> None:
    """Of what follows paho's thread would die. Raises ConfigError."""
    if not _FILTER.fullmatch(config.topic):
        wrong = f"climate.topic: {config.topic} cannot be asked for"
        raise ConfigError(f"{wrong}; + and # stand alone between two slashes, and # only at the end")
    try:
        config.host.encode("idna")
    except UnicodeError as why:
        raise ConfigError(f"climate.host: {config.host} is no name ({why}); correct it") from why


def read_payload(payload: bytes, config: ClimateTable) -> Reading | None:
    """A bare number is the temperature in °C; of JSON, dotted names lead to it and to the humidity in per cent."""
    if len(payload) > MOST_BYTES:
        return None
    try:
        told = json.loads(payload, parse_int=float)  # a whole number of a thousand digits is then infinite
    except (ValueError, RecursionError):
        return None
    temperature_c = _number(told if not isinstance(told, dict) else _at(told, config.temperature))
    humidity = _number(_at(told, config.humidity))
    if humidity is not None and 100 < humidity <= FOG:
        humidity = 100.0
    return None if temperature_c is None else Reading(temperature_c, None if humidity is None else humidity / 100)


def _at(told: object, path: str) -> object:
    for name in path.split("."):
        told = told.get(name) if isinstance(told, dict) else None
    return told


def _number(value: object) -> float | None:
    return value if isinstance(value, float) and math.isfinite(value) else None
