"""Sensors on the bus, by their own drivers, against chips that answer as their datasheets say."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Literal, get_args

import pytest

from edge.climate import bme280, open_climate, sht3x
from edge.climate.i2c import I2cSensor
from edge.config import ClimateTable
from edge.counts import Climate, Spread
from edge.errors import ConfigError
from edge.weather import NOTHING_READ, Reading, Readings
from tests.climate.chips import Bme280, Sht3x


def sensor_of(chip: Sht3x | Bme280) -> I2cSensor:
    read = sht3x.reader(chip) if isinstance(chip, Sht3x) else bme280.reader(chip)
    return I2cSensor(read, 60.0, close=lambda: None)


def test_an_sht3x_is_read_by_its_vendor_s_driver() -> None:
    chip = Sht3x()
    (reading,) = sensor_of(chip).readings(0.0)
    assert reading.temperature_c == pytest.approx(-45 + 175 * 0x6666 / 65535)
    assert reading.humidity == pytest.approx(0x8000 / 65535)
    assert chip.asked == [b"\x24\x00"]  # single shot, high repeatability


def test_a_bme280_gives_the_temperature_of_the_datasheet_s_example() -> None:
    (reading,) = sensor_of(Bme280()).readings(0.0)
    assert reading.temperature_c == pytest.approx(25.08, abs=0.01)
    assert reading.humidity is not None
    assert 0 < reading.humidity < 1


def test_a_climate_that_was_kept_weighs_by_its_readings() -> None:
    kept = NOTHING_READ.with_([Reading(10.0, 0.4), Reading(20.0, 0.6), Reading(30.0, 0.8)]).climate()
    told = Readings.of(kept).with_([Reading(60.0, 0.2)]).climate()
    assert told is not None
    assert (told.readings, told.temperature_c) == (4, Spread(mean=30.0, least=10.0, most=60.0))
    assert told.humidity is not None
    assert told.humidity.mean == pytest.approx(0.5)


@pytest.mark.parametrize("chip", [Sht3x(answers=False), Sht3x(damages=True)], ids=["unplugged", "damaged"])
def test_a_reading_that_fails_is_none_and_no_zero(chip: Sht3x) -> None:
    assert sensor_of(chip).readings(0.0) == []


def test_a_sensor_that_is_plugged_in_later_is_read_then() -> None:
    chip = Bme280()
    chip.is_plugged = False
    sensor = sensor_of(chip)
    assert sensor.readings(0.0) == []
    chip.is_plugged = True
    assert len(sensor.readings(60.0)) == 1


def test_a_sensor_that_takes_another_s_place_is_read_by_its_own_calibration() -> None:
    chip = Bme280()
    sensor = sensor_of(chip)
    (before,) = sensor.readings(0.0)
    chip.is_plugged = False
    assert sensor.readings(60.0) == []
    chip.is_plugged = True
    chip.memory[0x8A:0x8C] = (26435 + 264).to_bytes(2, "little")  # T2, 1 % more
    (after,) = sensor.readings(120.0)
    assert after.temperature_c - before.temperature_c == pytest.approx(0.25, abs=0.01)


def test_a_line_that_lies_on_ground_is_no_reading_of_nought_degrees() -> None:
    chip = Bme280()
    sensor, whole = sensor_of(chip), bytes(chip.memory)
    chip.memory[:] = bytes(256)
    assert sensor.readings(0.0) == []
    chip.memory[:] = whole
    assert [round(one.temperature_c, 2) for one in sensor.readings(60.0)] == [25.08]


def test_a_bmp280_that_was_sold_as_a_bme280_has_a_temperature_and_no_humidity() -> None:
    chip = Bme280()
    chip.memory[0xD0] = 0x58
    for humidity in (slice(0xA1, 0xA2), slice(0xE1, 0xE8), slice(0xFD, 0xFF)):
        chip.memory[humidity] = bytes(humidity.stop - humidity.start)
    (reading,) = sensor_of(chip).readings(0.0)
    assert (round(reading.temperature_c, 2), reading.humidity) == (25.08, None)


def test_a_trouble_that_lasts_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    chip = Sht3x(answers=False)
    sensor = sensor_of(chip)
    for minute in range(5):
        sensor.readings(60.0 * minute)
    chip.answers = True
    sensor.readings(300.0)
    assert [line.getMessage() for line in caplog.records] == ["climate_sensor_changed"] * 2
    gone, back = (vars(line)["now"] for line in caplog.records)
    assert gone.startswith("the SHT3x at 0x44 does not answer (")
    assert back == "answers"


def test_a_sensor_is_asked_no_more_often_than_configured() -> None:
    sensor = sensor_of(Sht3x())
    assert [len(sensor.readings(s)) for s in (0, 10, 59, 60, 61)] == [1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("kind", "chip", "bus", "second"),
    [("sht3x", Sht3x(), "/dev/i2c-3", 0x45), ("bme280", Bme280(), 3, 0x77)],
    ids=["sht3x", "bme280"],
)
def test_a_sensor_is_read_on_the_bus_and_at_the_address_that_node_toml_says_or_at_its_usual_one(
    monkeypatch: pytest.MonkeyPatch,
    kind: Literal["sht3x", "bme280"],
    chip: Sht3x | Bme280,
    bus: str | int,
    second: int,
) -> None:
    monkeypatch.setattr(sht3x, "LinuxI2cTransceiver", {bus: chip}.__getitem__)
    monkeypatch.setattr(bme280, "SMBus", {bus: chip}.__getitem__)
    for address in (None, second):
        chip.address, chip.is_open = address or chip.address, True
        sensor = open_climate(ClimateTable(kind=kind, bus=3, address=address))
        assert len(sensor.readings(0.0)) == 1
        sensor.close()
        assert not chip.is_open


@pytest.mark.parametrize("kind", sorted({*get_args(ClimateTable.__annotations__["kind"])} - {"mqtt"}))
def test_a_bus_that_is_not_there_is_a_wrong_configuration(kind: Literal["sht3x", "bme280"]) -> None:
    with pytest.raises(ConfigError, match=r"climate.bus 99: /dev/i2c-99 cannot be opened"):
        open_climate(ClimateTable(kind=kind, bus=99))


def test_a_driver_that_does_not_load_is_installed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "edge.climate.bme280")
    monkeypatch.setitem(sys.modules, "smbus2", ModuleType("smbus2"))
    says = r"climate.kind bme280 needs a library that loads \(cannot import name 'SMBus' .* --force-reinstall -e "
    with pytest.raises(ConfigError, match=says):
        open_climate(ClimateTable(kind="bme280"))


def test_an_authority_that_cannot_be_read_is_a_wrong_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"climate.ca_file: .*ca.pem cannot be read"):
        open_climate(ClimateTable(kind="mqtt", topic="t", tls=True, ca_file=str(tmp_path / "ca.pem")))


def test_a_node_without_a_sensor_reads_nothing() -> None:
    assert open_climate(None).readings(0.0) == []


NAN = float("nan")


@pytest.mark.parametrize(
    "reading",
    [
        Reading(-273.0),
        Reading(-60.1),
        Reading(80.1),
        Reading(NAN),
        Reading(20, -0.01),
        Reading(20, 1.01),
        Reading(20, NAN),
    ],
    ids=str,
)
def test_what_no_weather_has_is_no_reading(reading: Reading) -> None:
    assert not reading.is_weather
    assert NOTHING_READ.with_([reading]).climate() is None


@pytest.mark.parametrize("reading", [Reading(-60.0), Reading(80.0), Reading(20, 0.0), Reading(20, 1.0)], ids=str)
def test_cold_heat_drought_and_fog_are_weather(reading: Reading) -> None:
    assert reading.is_weather


def test_an_interval_s_weather_is_the_mean_the_least_and_the_most_of_what_was_read() -> None:
    told = NOTHING_READ.with_([Reading(20.0, 0.5), Reading(14.0)]).with_([Reading(200.0, 0.1), Reading(29.0, 0.75)])
    assert told.climate() == Climate(
        readings=3,
        temperature_c=Spread(mean=21.0, least=14.0, most=29.0),
        humidity=Spread(mean=0.625, least=0.5, most=0.75),
    )


def test_a_sensor_without_humidity_and_one_that_was_silent_tell_no_zero() -> None:
    told = NOTHING_READ.with_([Reading(20.0)]).climate()
    assert told is not None
    assert told.humidity is None
    assert Readings.of(told).climate() == told  # of an interval that is counted on
    assert NOTHING_READ.with_([]).climate() is None
