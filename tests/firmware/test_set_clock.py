"""A phone sets the clock: what the service asks for, and what the root side makes of it."""

import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.node.systemd import ask_clock

PROGRAMS = Path(__file__).parents[2] / "firmware_config/card/system/usr/local/lib/fieldeye"


def set_clock(tmp_path: Path, line: str, *, flag: str | None = None) -> list[str]:
    """What the root side does with a phone's time; `date` sets no clock here."""
    (tmp_path / "date").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/did\n')
    (tmp_path / "hwclock").write_text("#!/bin/sh\n")
    for name in ("date", "hwclock"):
        (tmp_path / name).chmod(0o755)
    (tmp_path / "asked").write_text(line)
    if flag is not None:
        (tmp_path / "flag").write_text(flag)
    told = {"FIELDEYE_SET_CLOCK": str(tmp_path / "asked"), "FIELDEYE_CLOCK_FLAG": str(tmp_path / "flag")}
    told |= {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["sh", PROGRAMS / "set-clock"], env=told, check=False, capture_output=True)
    assert not (tmp_path / "asked").exists()
    return (tmp_path / "did").read_text().splitlines()[:1] if (tmp_path / "did").exists() else []


def test_a_phones_time_is_taken_as_it_is_now_and_said_to_be_a_phones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    uptime_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert ask_clock(datetime(2026, 7, 1, 8, tzinfo=UTC), uptime_s - 100)  # a hundred seconds ago
    (did,) = set_clock(tmp_path, (tmp_path / "set-clock").read_text())
    second = int(did.removeprefix("-u -s @"))
    assert 99 <= second - datetime(2026, 7, 1, 8, tzinfo=UTC).timestamp() <= 130
    assert (tmp_path / "flag").read_text() == "phone\n"
    assert set_clock(tmp_path, f"{second + 60} {uptime_s:.0f}\n"), "another phone may correct the first"


@pytest.mark.parametrize(
    ("line", "flag"),
    [
        ("1783000000 100\n", ""),  # a server of time has set it
        ("", None),
        ("soon 100\n", None),
        ("1783000000 $(reboot)\n", None),
        ("100 100\n", None),
        ("99999999999 100\n", None),
    ],
)
def test_a_good_clock_is_not_turned_and_no_nonsense_is_set(tmp_path: Path, line: str, flag: str | None) -> None:
    assert set_clock(tmp_path, line, flag=flag) == []


def test_without_a_root_side_the_clock_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    assert not ask_clock(datetime.now(UTC), 100.0)
