"""SHT30, SHT31 and SHT35, by Sensirion's own driver. Imported when such a sensor is configured."""

from collections.abc import Callable
from typing import Any

from sensirion_driver_adapters.i2c_adapter.i2c_channel import I2cChannel
from sensirion_i2c_driver import CrcCalculator, I2cConnection, LinuxI2cTransceiver
from sensirion_i2c_driver.errors import I2cError
from sensirion_i2c_sht3x.device import Sht3xDeviceBase

from edge.climate.i2c import Read
from edge.weather import Reading

ADDRESS = 0x44


def opened(bus: int, address: int | None) -> tuple[Read, Callable[[], None]]:
    """How to read it, and how to give the bus back. Raises OSError if there is no such bus."""
    transceiver = LinuxI2cTransceiver(f"/dev/i2c-{bus}")
    return reader(transceiver, ADDRESS if address is None else address), transceiver.close


def reader(transceiver: Any, address: int = ADDRESS) -> Read:
    """Single shots, high repeatability; each word carries a checksum that the driver holds it to."""
    crc = CrcCalculator(8, 0x31, 0xFF, 0x0)
    device = Sht3xDeviceBase(I2cChannel(I2cConnection(transceiver), slave_address=address, crc=crc))

    def read() -> Reading:
        try:
            temperature, humidity = device.measure_single_shot_high_repeatability()
        except I2cError as why:
            raise OSError(f"the SHT3x at {address:#x} does not answer ({why})") from why
        return Reading(-45 + 175 * temperature / 65535, humidity / 65535)  # datasheet, section 4.13

    return read
