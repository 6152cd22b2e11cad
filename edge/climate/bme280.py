"""BME280, by RPi.bme280. Imported when such a sensor is configured."""

from collections.abc import Callable
from typing import Any

import bme280
from smbus2 import SMBus

from edge.climate.i2c import Read
from edge.weather import Reading

ADDRESS = 0x76
CHIP_ID = 0xD0  # register; RPi.bme280 does not ask
BME280, BMP280 = 0x60, 0x58  # the second has no humidity, and is often sold as the first


def opened(bus: int, address: int | None) -> tuple[Read, Callable[[], None]]:
    """How to read it, and how to give the bus back. Raises OSError if there is no such bus."""
    smbus = SMBus(bus)
    return reader(smbus, ADDRESS if address is None else address), smbus.close


def reader(bus: Any, address: int = ADDRESS) -> Read:
    """Forced mode; the factory's calibration is read each time, since another sensor may have been plugged in."""

    def read() -> Reading:
        chip = bus.read_byte_data(address, CHIP_ID)
        if chip not in (BME280, BMP280):  # a line that lies on ground reads as 0: 0 °C by a calibration of 0
            raise OSError(f"what answers at {address:#x} is no BME280 (it says {chip:#x}); look at its wires")
        told = bme280.sample(bus, address, bme280.load_calibration_params(bus, address))
        return Reading(told.temperature, told.humidity / 100 if chip == BME280 else None)

    return read
