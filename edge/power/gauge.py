"""The battery's voltage, from the kernel's own driver of the gauge (hwmon), which needs no right to the I2C bus.

Documentation/hwmon/ina2xx.rst of Linux: the INA219's `in1_input` is the bus voltage in millivolts, `curr1_input` mA.
"""

from dataclasses import dataclass
from pathlib import Path

HWMON = Path("/sys/class/hwmon")


@dataclass(frozen=True, slots=True)
class Battery:
    """One look at the gauge. The current is None where the driver does not tell it."""

    voltage_v: float
    current_a: float | None


def read_battery(gauge: str, root: Path = HWMON) -> Battery | None:
    """What the gauge called `gauge` (as ina219) reads; None if there is none or it cannot be read: never a zero."""
    for folder in sorted(root.glob("hwmon*")):
        if _text(folder / "name") != gauge:
            continue
        millivolts = _text(folder / "in1_input")
        if millivolts.isdecimal():
            return Battery(int(millivolts) / 1000, _amperes(_text(folder / "curr1_input")))
    return None


def _amperes(milliamperes: str) -> float | None:
    return int(milliamperes) / 1000 if milliamperes.removeprefix("-").isdecimal() else None


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
