"""What the board says of itself: temperature, throttling, disk, memory. What cannot be read is None, never a zero."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from edge.config import MEGABYTE

TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")  # thousandths of a degree
THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")  # bits as of `vcgencmd get_throttled`, hex
WIRELESS = Path("/proc/net/wireless")  # two heads, then an interface a line: status, link, level in dBm, noise
STATM = Path("/proc/self/statm")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")  # 16 KiB on a Raspberry Pi 5
UNDER_VOLTAGE_NOW = 0x1
THROTTLED_NOW = 0xF  # under-voltage, frequency capped, throttled, soft temperature limit


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardReading:
    """One look at the board."""

    temperature_c: float | None
    throttled: int | None  # bit 0: under-voltage now, bit 16: since start
    disk_free_bytes: int | None
    memory_bytes: int | None  # resident, of this process
    wifi_dbm: int | None  # as this node hears its access point; None also where it is one itself

    @property
    def under_voltage(self) -> bool | None:
        """Is the supply too weak right now? None where the board does not say."""
        return None if self.throttled is None else bool(self.throttled & UNDER_VOLTAGE_NOW)

    @property
    def is_throttled(self) -> bool | None:
        """Does under-voltage or heat slow the processor right now? None where the board does not say."""
        return None if self.throttled is None else bool(self.throttled & THROTTLED_NOW)

    @property
    def disk_free_mb(self) -> float | None:
        """To a tenth, as it is told."""
        return _megabytes(self.disk_free_bytes)

    @property
    def memory_mb(self) -> float | None:
        """To a tenth, as it is told."""
        return _megabytes(self.memory_bytes)


def read_board(folder: Path) -> BoardReading:
    """The board now; `folder` tells which disk."""
    temperature = _number(TEMPERATURE)
    return BoardReading(
        temperature_c=None if temperature is None else temperature / 1000,
        throttled=_number(THROTTLED, base=16),
        disk_free_bytes=free_bytes(folder),
        memory_bytes=_resident_bytes(),
        wifi_dbm=_wifi_dbm(),
    )


def free_bytes(folder: Path) -> int | None:
    """On the disk of `folder`; None where there is no such folder."""
    return shutil.disk_usage(folder).free if folder.exists() else None


def _wifi_dbm() -> int | None:
    """Of the interface that is heard best. A level of 0 or -256 is a driver's word for none."""
    try:
        rows = [line.split() for line in WIRELESS.read_text().splitlines()[2:]]
        levels = [round(float(row[3])) for row in rows]
    except (OSError, ValueError, IndexError):
        return None
    return max((level for level in levels if -120 <= level < 0), default=None)


def _megabytes(size_bytes: int | None) -> float | None:
    return None if size_bytes is None else round(size_bytes / MEGABYTE, 1)


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(path.read_text().strip(), base)
    except (OSError, ValueError):
        return None


def _resident_bytes() -> int | None:
    try:
        return int(STATM.read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return None
