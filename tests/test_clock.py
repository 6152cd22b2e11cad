"""Every moment says how far it can be trusted."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.clock import ClockState, Instant, SystemClock, clock_is_set


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
    assert (SystemClock().now().state is ClockState.SYNCED) == clock_is_set()


@pytest.mark.parametrize(
    ("status", "was_set", "is_set"),
    [
        (0x2001, False, True),
        (0x2041, False, False),
        (0x0040, False, False),
        (0x0040, True, True),
        (None, False, False),
        (None, True, True),
    ],
)
def test_a_clock_is_set_as_long_as_the_kernel_says_so_and_for_the_boot_in_which_a_time_server_set_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int | None, was_set: bool, is_set: bool
) -> None:
    """Of adjtimex(2): 0x40 is STA_UNSYNC, as the kernel says after some hours offline, 0x2001 what chrony leaves.

    None: a sandbox, as the service's on the card, forbids the question.
    """
    monkeypatch.setattr("edge.clock.SYNCHRONIZED", tmp_path / "synchronized")
    if was_set:
        (tmp_path / "synchronized").touch()

    def adjtimex(timex: Any) -> int:
        if status is None:
            return -1
        timex._obj.status = status  # noqa: SLF001  of what `byref` was given
        return 0

    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: SimpleNamespace(adjtimex=adjtimex))
    assert clock_is_set() == is_set


def test_where_the_time_servers_note_may_not_be_looked_for_a_node_still_asks_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "timesync").mkdir(mode=0)
    note = f"edge.clock.SYNCHRONIZED = Path({str(tmp_path / 'timesync' / 'synchronized')!r})"
    asked = f"import edge.clock; from pathlib import Path; {note}; print(edge.clock.clock_is_set() in (True, False))"
    as_service = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    told = subprocess.run([*as_service, sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert told.stdout == "True\n"


def test_a_disciplined_clock_of_before_the_first_release_is_not_called_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.clock.clock_is_set", lambda: True)
    assert SystemClock().now().state is ClockState.SYNCED
    monkeypatch.setattr("edge.clock._EARLIEST_PLAUSIBLE", datetime.now(UTC) + timedelta(days=1))
    assert SystemClock().now().state is ClockState.UNSYNCED


@pytest.mark.parametrize("utc", [datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=8)))])  # noqa: DTZ001
def test_an_instant_refuses_wall_time_that_is_not_utc(utc: datetime) -> None:
    with pytest.raises(ValueError, match="aware UTC"):
        Instant(utc, ClockState.SYNCED, "boot", 1.0)
