"""Clocks that a test sets."""

import sys
from datetime import UTC, datetime, timedelta

from edge.clock import ClockState, Instant

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
BOOT = "6b1f8c1e-6f0b-4f52-9d4c-0c5b0a3f9a11"
# `fieldeye run` with a clock that is set, whatever this machine says of its own: else its counts would wait for that
_SET = "import sys, edge.clock; edge.clock.clock_is_set = lambda: True; from edge.cli import main; sys.exit(main())"
RUN = (sys.executable, "-c", _SET, "run")


class SetClock:
    """Stands still until `advance`; `jump` moves the wall clock alone, as NTP or a power cut does."""

    def __init__(self, utc: datetime = NOON, state: ClockState = ClockState.SYNCED) -> None:
        self.utc, self.state, self.mono_s, self.boot_id = utc, state, 100.0, BOOT

    def now(self) -> Instant:
        return Instant(self.utc, self.state, self.boot_id, self.mono_s)

    def monotonic_s(self) -> float:
        return self.mono_s

    def advance(self, seconds: float) -> None:
        self.mono_s += seconds
        self.utc += timedelta(seconds=seconds)

    def jump(self, seconds: float, state: ClockState) -> None:
        self.utc += timedelta(seconds=seconds)
        self.state = state


class HurryingClock(SetClock):
    """A tenth of a second passes each time it is asked, as where each step is slow."""

    def monotonic_s(self) -> float:
        self.advance(0.1)
        return super().monotonic_s()
