"""BME280, by RPi.bme280. Imported when such a sensor is configured."""

from collections.abc import Callable
from typing import Any

import bme280
from smbus2 import SMBus

from edge.climate.i2c import Read
from edge.weather import Reading

ADDRESS = 0x76


def opened(bus: int, address: int | None) -> tuple[Read, Callable[[], None]]:
    """How to read it, and how to give the bus back. Raises OSError if there is no such bus."""
    smbus = SMBus(bus)
    return reader(smbus, ADDRESS if address is None else address), smbus.close


def reader(bus: Any, address: int = ADDRESS) -> Read:
    """Forced mode; the factory's calibration is read at the first reading, since the sensor may be plugged in later."""
    known: list[Any] = []

    def read() -> Reading:
        if not known:
            known.append(bme280.load_calibration_params(bus, address))
        told = bme280.sample(bus, address, known[0])
        return Reading(told.temperature, told.humidity / 100)

    return read
