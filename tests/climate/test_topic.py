"""Readings over MQTT, from a real broker: they come when they come, and nothing else is taken for one."""

import socket
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from edge.climate import open_climate
from edge.climate.topic import read_payload
from edge.config import ClimateTable
from edge.errors import ConfigError
from edge.weather import Reading
from tests.broker import Broker
from tests.ports import free_port
from tests.waiting import wait_until

ZIGBEE = ClimateTable(kind="mqtt", topic="zigbee2mqtt/field")
TASMOTA = ClimateTable(kind="mqtt", topic="t", temperature="AM2301.Temperature", humidity="AM2301.Humidity")


def test_a_reading_that_another_device_publishes_is_taken_once_and_the_broker_is_left_at_the_end(
    broker: Broker,
) -> None:
    station, before = broker.connect("station"), set(threading.enumerate())
    with closing(open_climate(ClimateTable(kind="mqtt", port=broker.port, topic="zigbee2mqtt/+"))) as sensor:
        came: list[Reading] = []

        def has_come() -> bool:
            station.publish("zigbee2mqtt/field", b'{"temperature": 21.5, "humidity": 62, "battery": 90}')
            came.extend(sensor.readings(0.0))
            return bool(came)

        wait_until(has_come, within_s=20)
        assert set(came) == {Reading(21.5, 0.62)}
    # A node begins again each time settings are changed.
    wait_until(lambda: before.issuperset(threading.enumerate()), within_s=20)


@pytest.mark.parametrize("topic", ["zigbee2mqtt#", "zigbee2mqtt/#/field", "zigbee2mqtt/field+", "+field/t", "##"])
def test_a_topic_that_no_broker_takes_is_told_and_not_waited_on_for_ever(topic: str) -> None:
    with pytest.raises(ConfigError, match=r"climate\.topic: .* cannot be asked for; \+ and # stand alone"):
        open_climate(ClimateTable(kind="mqtt", topic=topic))


@pytest.mark.parametrize("host", ["station..lan", f"{'a' * 64}.lan"], ids=["two full stops", "too long"])
def test_a_name_that_no_machine_has_is_told_and_not_waited_on_for_ever(host: str) -> None:
    with pytest.raises(ConfigError, match=r"climate\.host: .*lan is no name \(.*label .*\); correct it"):
        open_climate(ClimateTable(kind="mqtt", host=host, topic="t"))


@pytest.mark.parametrize("topic", ["#", "+", "+/+/temperature", "zigbee2mqtt/#", "/weather//t", "气象/温度"])
def test_a_topic_that_a_broker_takes_is_waited_on(topic: str) -> None:
    open_climate(ClimateTable(kind="mqtt", port=free_port(), topic=topic)).close()


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


def test_a_broker_that_takes_the_line_and_says_nothing_does_not_hold_up_the_nodes_end() -> None:
    def ends_at_once() -> bool:
        sensor = open_climate(ClimateTable(kind="mqtt", port=silent.getsockname()[1], tls=True, topic="t"))
        line, _ = silent.accept()
        began_s = time.monotonic()
        sensor.close()
        took_s = time.monotonic() - began_s
        line.close()
        return took_s < 1.0

    with socket.create_server(("127.0.0.1", 0)) as silent:
        wait_until(ends_at_once, within_s=1)  # a machine that stands still meanwhile is given another try


def test_a_broker_that_answers_only_after_the_nodes_end_is_left_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as late:
        sensor = open_climate(ClimateTable(kind="mqtt", port=late.getsockname()[1], topic="t"))
        line, _ = late.accept()
        with line, line.makefile("rb") as heard:
            sensor.close()
            with suppress(ConnectionError):  # it may have gone before
                line.sendall(b"\x20\x02\x00\x00")  # CONNACK
                line.settimeout(10)
                heard.read()  # until it hangs up


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


def test_a_broker_of_a_station_that_wants_a_login_and_is_spoken_to_in_secret_is_read(tmp_path: Path) -> None:
    (tmp_path / "password").touch(mode=0o600)
    (tmp_path / "password").write_text("of the node\n")
    rights = "user node\ntopic read t\nuser station\ntopic write t\n"
    with Broker(users={"node": "of the node", "station": "of the station"}, acl=rights, tls=True) as guarded:
        config = ClimateTable(
            kind="mqtt", host="localhost", port=guarded.port, topic="t", tls=True,
            ca_file=str(guarded.folder / "ca.pem"), username="node", password_file=str(tmp_path / "password"),
        )  # fmt: skip
        with closing(open_climate(config)) as sensor:
            station = guarded.connect("station", user="station")

            def has_come() -> bool:
                station.publish("t", b"18.25")
                return Reading(18.25) in sensor.readings(0.0)

            wait_until(has_come, within_s=20)


def test_what_is_no_reading_is_said_once_and_the_next_reading_is_taken(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(open_climate(ClimateTable(kind="mqtt", port=broker.port, topic="t"))) as sensor:
        station, came = broker.connect("station"), list[Reading]()

        def has_come(payload: bytes, number: int) -> bool:
            station.publish("t", payload)
            came.extend(sensor.readings(0.0))
            return len(came) >= number

        def told() -> list[str]:
            return [vars(line)["payload"] for line in caplog.records if line.getMessage() == "climate_not_read"]

        wait_until(lambda: has_come(b"frost", 0) and told(), within_s=20)  # it listens
        for payload in (b"1", b"warm", b"hot", b"2", b"cold"):
            station.publish("t", payload)
        wait_until(lambda: has_come(b"3", len(came) + 1) and Reading(3.0) in came, within_s=20)
    assert set(came) == {Reading(1.0), Reading(2.0), Reading(3.0)}
    assert told() == ["frost", "warm", "cold"]


@pytest.mark.parametrize(
    ("payload", "config", "reading"),
    [
        (b'{"temperature": 21.5}', ZIGBEE, Reading(21.5)),
        (b'{"AM2301": {"Temperature": 19.0, "Humidity": 55.5}}', TASMOTA, Reading(19.0, 0.555)),
        (b"-3", ZIGBEE, Reading(-3.0)),
        (b'{"temperature": 17.1, "humidity": 100}', ZIGBEE, Reading(17.1, 1.0)),
        (b'{"temperature": 17.1, "humidity": 101.7}', ZIGBEE, Reading(17.1, 1.0)),  # as an HTU21D in fog
        (b'{"temperature": 17.1, "humidity": 105}', ZIGBEE, Reading(17.1, 1.0)),
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


@pytest.mark.parametrize("percent", [-1, 105.1, 510])
def test_a_sensor_that_tells_a_humidity_that_no_fog_has_is_broken(percent: float) -> None:
    reading = read_payload(b'{"temperature": 17.1, "humidity": %f}' % percent, ZIGBEE)
    assert reading is not None
    assert not reading.is_weather


@pytest.mark.parametrize("payload", [b'{"AM2301": 3}', b'{"AM2301": null}', b'{"AM2301": [{"Temperature": 3}]}', b"{}"])
def test_a_dotted_name_that_leads_nowhere_is_no_reading(payload: bytes) -> None:
    assert read_payload(payload, TASMOTA) is None
