"""Every moment says how far it can be trusted."""

from datetime import UTC, datetime, timedelta, timezone

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


@pytest.mark.parametrize("utc", [datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=8)))])  # noqa: DTZ001
def test_an_instant_refuses_wall_time_that_is_not_utc(utc: datetime) -> None:
    with pytest.raises(ValueError, match="aware UTC"):
        Instant(utc, ClockState.SYNCED, "boot", 1.0)
