"""Every moment says how far it can be trusted."""

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from edge.clock import ClockState, Instant, SystemClock, kernel_clock_is_synced


def test_wall_time_is_aware_utc_and_now() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert before <= now.utc <= datetime.now(UTC)


def test_monotonic_time_never_goes_back() -> None:
    clock = SystemClock()
    times = [clock.monotonic_s() for _ in range(100)]
    assert times == sorted(times)


def test_all_moments_of_one_boot_carry_one_boot_id() -> None:
    assert SystemClock().now().boot_id == SystemClock().now().boot_id


def test_a_clock_that_nothing_disciplines_is_not_called_synced() -> None:
    assert (SystemClock().now().state is ClockState.SYNCED) == kernel_clock_is_synced()


@pytest.mark.parametrize(("status", "is_synced"), [(0x2001, True), (0x2041, False), (0x0040, False)])
def test_a_clock_is_synced_as_long_as_the_kernel_says_so(
    monkeypatch: pytest.MonkeyPatch, status: int, is_synced: bool
) -> None:
    """Of adjtimex(2): 0x40 is STA_UNSYNC, 0x2001 what chrony leaves."""

    def adjtimex(timex: Any) -> int:
        timex._obj.status = status  # noqa: SLF001  of what `byref` was given
        return 0

    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: SimpleNamespace(adjtimex=adjtimex))
    assert kernel_clock_is_synced() == is_synced


def test_a_disciplined_clock_of_before_the_first_release_is_not_called_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.clock.kernel_clock_is_synced", lambda: True)
    assert SystemClock().now().state is ClockState.SYNCED
    monkeypatch.setattr("edge.clock._EARLIEST_PLAUSIBLE", datetime.now(UTC) + timedelta(days=1))
    assert SystemClock().now().state is ClockState.UNSYNCED


@pytest.mark.parametrize("utc", [datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=8)))])  # noqa: DTZ001
def test_an_instant_refuses_wall_time_that_is_not_utc(utc: datetime) -> None:
    with pytest.raises(ValueError, match="aware UTC"):
        Instant(utc, ClockState.SYNCED, "boot", 1.0)
