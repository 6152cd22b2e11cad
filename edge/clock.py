"""UTC now and how far to trust it, the boot's identity, and monotonic time: the only place that reads a clock."""

import ctypes
import os
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")  # systemd-timesyncd(8): there since the clock was set
_STA_UNSYNC = 0x0040  # adjtimex(2): set while nothing disciplines the kernel's clock
_EARLIEST_PLAUSIBLE = datetime(2026, 1, 1, tzinfo=UTC)  # before the first release: the board woke up without a clock


class ClockState(StrEnum):
    """How far a record's UTC can be trusted."""

    SYNCED = "synced"  # disciplined by NTP, GPS or a person's phone, or kept by a cell since one of them set it
    UNSYNCED = "unsynced"  # the board's guess after a power cut
    CORRECTED = "corrected"  # written while unsynced, corrected when the clock was set


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment: wall time with its trust, and the boot's monotonic time that never jumps."""

    utc: datetime  # aware, UTC
    state: ClockState
    boot_id: str  # 36 characters, one value from power-up to power-down
    monotonic_s: float  # seconds since boot

    def __post_init__(self) -> None:
        if self.utc.tzinfo is not UTC and self.utc.utcoffset() != timedelta(0):
            raise ValueError(f"Instant.utc must be aware UTC, got {self.utc!r}")


def zone_of(name: str) -> ZoneInfo:
    """UTC for one that this machine does not know: as Debian 13 without tzdata-legacy, of Asia/Calcutta."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def seconds_between(earlier: Instant, later: Instant) -> float | None:
    """By the monotonic clock within a boot, else by two clocks that are trusted; None where nobody knows."""
    if earlier.boot_id == later.boot_id:
        return later.monotonic_s - earlier.monotonic_s
    trusted = ClockState.UNSYNCED not in {earlier.state, later.state}
    passed_s = (later.utc - earlier.utc).total_seconds()
    return passed_s if trusted and passed_s >= 0 else None


def reckoned(instant: Instant, known: Instant) -> Instant:
    """A moment before the clock was set, reckoned from one since then, `known`, by monotonic time.

    Moments of other boots, and trusted ones, stay as they are; so does each while the clock is not set.
    """
    is_set = known.state is ClockState.SYNCED and known.boot_id == instant.boot_id
    if instant.state is not ClockState.UNSYNCED or not is_set:
        return instant
    passed = timedelta(seconds=known.monotonic_s - instant.monotonic_s)
    return replace(instant, utc=known.utc - passed, state=ClockState.CORRECTED)


class Clock(Protocol):
    """What the parts of a node ask the time of; tests pass a clock that they set."""

    def now(self) -> Instant:
        """This moment."""

    def monotonic_s(self) -> float:
        """Seconds since boot; for durations."""


class SystemClock:
    """The board's own clock."""

    def __init__(self) -> None:
        self._boot_id = BOOT_ID.read_text().strip() if BOOT_ID.exists() else str(uuid.uuid4())

    def now(self) -> Instant:
        """This moment, with `synced` only if something has set the clock since the board started."""
        utc = datetime.now(UTC)
        trusted = utc >= _EARLIEST_PLAUSIBLE and clock_is_set()
        state = ClockState.SYNCED if trusted else ClockState.UNSYNCED
        return Instant(utc, state, self._boot_id, self.monotonic_s())

    def monotonic_s(self) -> float:
        """Seconds since boot, sleep included, so that a night in suspend counts as a night."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2); only `status` is read, the padding is larger than any kernel's."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def clock_is_set() -> bool:
    """Was it set since the board started, as timesyncd writes down, or does the kernel say so (chrony, GPS)?

    The kernel says no again some nine hours after the last time server, though a clock then is right to seconds; and a
    sandbox may forbid the question, which needs no privilege.
    """
    if os.access(SYNCHRONIZED, os.F_OK):  # Path.exists raises where a folder above may not be read
        return True
    libc = ctypes.CDLL(None, use_errno=True)
    timex = _Timex()
    return hasattr(libc, "adjtimex") and libc.adjtimex(ctypes.byref(timex)) >= 0 and not timex.status & _STA_UNSYNC


def a_phone_may_correct_it() -> bool:
    """Has no server set the clock, but a phone, or a cell that one may have set? As fieldeye-set-clock judges."""
    try:
        return SYNCHRONIZED.read_text().strip() in {"phone", "cell"}
    except OSError:
        return False
