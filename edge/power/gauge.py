"""The battery as the kernel's own driver of its gauge tells it, which needs no right to the I2C bus.

Documentation/hwmon/ina2xx.rst of Linux: the INA219's `in1_input` is the bus voltage in millivolts, `curr1_input` mA.
Documentation/ABI/testing/sysfs-class-power: `voltage_now` and `current_now` in millionths, `capacity` in per cent.
"""

from dataclasses import dataclass
from pathlib import Path

from edge.status import BatteryLevel, BatteryStatus

HWMON = Path("/sys/class/hwmon")
SUPPLIES = Path("/sys/class/power_supply")
LOW_SHARE, EMPTY_SHARE = 0.25, 0.10
LEAST_V = 1.0  # no board runs on less: the wire to the battery is off, or the board is fed past it
UNREAD_TIMES = 3  # so many looks in a row: a gauge on a long or busy bus misses single readings
NEAR = 1.03  # of the voltage at which the node shuts down: a day's warning or so, and a guess for any chemistry


@dataclass(frozen=True, slots=True)
class Battery:
    """One look at the gauge. What the driver does not tell is None; a voltage alone gives no share."""

    voltage_v: float
    share: float | None = None  # of a full battery, 0..1


def read_battery(gauge: str, root: Path = HWMON, supplies: Path = SUPPLIES) -> Battery | None:
    """What the gauge called `gauge` (as ina219) reads; None if there is none or it cannot be read: never a zero."""
    return _measured(gauge, root) or _reckoned(supplies / gauge)


def why_unread(gauge: str, low_v: float | None) -> str:
    """Of a gauge of which `read_battery` gives None, in a sentence for a technician."""
    so = "" if low_v is None else "; until then power.low_v switches nothing off"
    return f"power.gauge: {gauge} gives no voltage in {HWMON} or {SUPPLIES}; mend its name, or see docs/power.md{so}"


def status_of(battery: Battery | None, low_v: float | None) -> BatteryStatus | None:
    """What a person has to know of it; `low_v` is where the node shuts down."""
    if battery is None:
        return None
    margin = None if low_v is None else battery.voltage_v / low_v
    is_empty = (margin is not None and margin < 1) or (battery.share is not None and battery.share < EMPTY_SHARE)
    is_low = (margin is not None and margin < NEAR) or (battery.share is not None and battery.share < LOW_SHARE)
    level: BatteryLevel = "empty" if is_empty else "low" if is_low else "good"
    return BatteryStatus(voltage_v=battery.voltage_v, share=battery.share, level=level)


def _measured(gauge: str, root: Path) -> Battery | None:
    """A chip that measures (hwmon)."""
    for folder in sorted(root.glob("hwmon*")):
        if _text(folder / "name") != gauge:
            continue
        voltage_v = _volts(_text(folder / "in1_input"), 1000)
        if voltage_v is not None:
            return Battery(voltage_v)
    return None


def _reckoned(folder: Path) -> Battery | None:
    """A chip that reckons what is left (power_supply), as a MAX17040."""
    voltage_v, percent = _volts(_text(folder / "voltage_now"), 1_000_000), _text(folder / "capacity")
    if voltage_v is None:
        return None
    share = int(percent) / 100 if percent.isdecimal() and int(percent) <= 100 else None
    return Battery(voltage_v, share)


def _volts(told: str, a_volt: int) -> float | None:
    """None: no number, or no battery's."""
    return int(told) / a_volt if told.isdecimal() and int(told) >= LEAST_V * a_volt else None


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
