"""Readings over MQTT, from a real broker: they come when they come, and nothing else is taken for one."""

from contextlib import closing

import pytest

from edge.climate import open_climate
from edge.climate.topic import read_payload
from edge.config import ClimateTable
from edge.weather import Reading
from tests.broker import Broker
from tests.waiting import wait_until

ZIGBEE = ClimateTable(kind="mqtt", topic="zigbee2mqtt/field")
TASMOTA = ClimateTable(kind="mqtt", topic="t", temperature="AM2301.Temperature", humidity="AM2301.Humidity")


def test_a_reading_that_another_device_publishes_is_taken_once(broker: Broker) -> None:
    with closing(open_climate(ClimateTable(kind="mqtt", port=broker.port, topic="zigbee2mqtt/+"))) as sensor:
        station = broker.connect("station")
        came: list[Reading] = []

        def has_come() -> bool:
            station.publish("zigbee2mqtt/field", b'{"temperature": 21.5, "humidity": 62, "battery": 90}')
            came.extend(sensor.readings(0.0))
            return bool(came)

        wait_until(has_come, within_s=20)
        assert set(came) == {Reading(21.5, 0.62)}


def test_a_broker_that_comes_later_and_goes_away_is_no_error(broker: Broker) -> None:
    broker.stop()
    with closing(open_climate(ClimateTable(kind="mqtt", port=broker.port, topic="t"))) as sensor:
        assert sensor.readings(0.0) == []
        broker.start()
        station = broker.connect("station")

        def has_come() -> bool:
            station.publish("t", b"18.25")
            return sensor.readings(0.0) != []

        wait_until(has_come, within_s=30)


def test_what_the_broker_kept_from_another_hour_is_no_reading(broker: Broker) -> None:
    station = broker.connect("station")
    station.publish("t", b"5.0", retain=True)
    with closing(open_climate(ClimateTable(kind="mqtt", port=broker.port, topic="t"))) as sensor:
        came: list[Reading] = []

        def has_come() -> bool:
            station.publish("t", b"18.25")
            came.extend(sensor.readings(0.0))
            return bool(came)

        wait_until(has_come, within_s=20)
        assert set(came) == {Reading(18.25)}


@pytest.mark.parametrize(
    ("payload", "config", "reading"),
    [
        (b'{"temperature": 21.5}', ZIGBEE, Reading(21.5)),
        (b'{"AM2301": {"Temperature": 19.0, "Humidity": 55.5}}', TASMOTA, Reading(19.0, 0.555)),
        (b"-3", ZIGBEE, Reading(-3.0)),
    ],
)
def test_json_and_bare_numbers_are_read(payload: bytes, config: ClimateTable, reading: Reading) -> None:
    assert read_payload(payload, config) == reading


@pytest.mark.parametrize(
    "payload",
    [b"", b"warm", b"{", b"[21]", b"true", b"NaN", b"\xff\xfe", b'{"temperature": "21"}', b'{"humidity": 60}',
     b'{"temperature": {"deep": 1}}', b"[" * 4000, b" " * 5000 + b"1", b"1" + b"0" * 400, b"1" * 4096],
)  # fmt: skip
def test_what_is_no_reading_is_left_alone(payload: bytes) -> None:
    assert read_payload(payload, ZIGBEE) is None
