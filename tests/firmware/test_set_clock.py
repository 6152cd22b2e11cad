"""A phone sets the clock, or a cell has kept it: what the service asks for, and what the root side makes of it."""

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
    (tmp_path / "did").unlink(missing_ok=True)
    if flag is not None:
        (tmp_path / "flag").write_text(flag)
    told = {"FIELDEYE_SET_CLOCK": str(tmp_path / "asked"), "FIELDEYE_CLOCK_FLAG": str(tmp_path / "flag")}
    told |= {"PATH": f"{tmp_path}:{os.environ['PATH']}", "STATE_DIRECTORY": str(tmp_path)}
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
    assert set_clock(tmp_path, f"{second + 90} {uptime_s:.0f}\n", flag="cell\n"), "and what a cell has kept"


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


DUSK_S = 1_783_000_000
DAWN_S = DUSK_S + 9 * 3600
BEGINS_AGAIN_S = 12  # a clock that had no power, seconds after the board's start in 1970
STAND_INS = {
    "date": 'case $* in +%s) cat system ;; "-u -s @"*) echo "${3#@}" >system ;; *) exec /bin/date "$@" ;; esac',
    "hwclock": "[ ! -e rtc ] || cp system rtc",
    "chronyc": "[ -e server ] && cp server system",  # and else it waits until the power is cut
    "sleep": "sh meanwhile",
}


class Board:
    """One whose clocks are files: its own is `rtc`, once it is there. The server that chrony reaches is one, too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name, text in STAND_INS.items():
            self[name] = f"#!/bin/sh\n{text}\n"
            (folder / name).chmod(0o755)
        self["board"] = "10000000abcdef01\0"
        self["meanwhile"] = ""

    def __setitem__(self, name: str, text: object) -> None:
        (self._folder / name).write_text(f"{text}")

    def starts(self, system_s: int, rtc_s: int | str | None, server_s: int | None = None) -> str | None:
        """What the file says until a server has set the clock, if none does; power came to a board that was off."""
        for name, text in {"system": system_s, "rtc": rtc_s, "server": server_s, "flag": None}.items():
            (self._folder / name).unlink(missing_ok=True)
            if text is not None:
                self[name] = text
        return self.goes_on()

    def goes_on(self) -> str | None:
        """What the file says once more."""
        self.log = self._run("clock-is-set").decode()
        flag = self._folder / "flag"
        return flag.read_text() if flag.exists() else None

    def is_set_by_a_phone(self, second: int) -> None:
        """Of somebody in front of it."""
        self["asked"] = f"{second} {time.clock_gettime(time.CLOCK_BOOTTIME):.0f}\n"
        self._run("set-clock")

    def _run(self, name: str) -> bytes:
        here, paths = self._folder, {"SET_CLOCK": "asked", "CLOCK_FLAG": "flag", "SINCE_EPOCH": "rtc", "BOARD": "board"}
        told = {f"FIELDEYE_{key}": str(here / path) for key, path in paths.items()}
        told |= {"STATE_DIRECTORY": str(here), "PATH": f"{here}:{os.environ['PATH']}"}
        done = subprocess.run(["sh", PROGRAMS / name], env=told, cwd=here, check=False, capture_output=True, timeout=60)
        return done.stderr


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """At the end of a day on which a phone has set it."""
    board = Board(tmp_path)
    assert board.starts(BEGINS_AGAIN_S, BEGINS_AGAIN_S) is None
    board.is_set_by_a_phone(DUSK_S)
    return board


def test_a_clock_that_a_cell_kept_since_a_phone_set_it_is_trusted_without_network(board: Board) -> None:
    assert board.starts(DAWN_S, DAWN_S + 2) == "cell\n"
    board["flag"] = "phone\n"
    assert board.goes_on() == "phone\n", "what has set it since then is not forgotten"
    assert board.starts(DAWN_S + 86_400, DAWN_S + 86_400) == "cell\n", "each day anew"


@pytest.mark.parametrize(
    ("system_s", "rtc_s"),
    [
        (DAWN_S, BEGINS_AGAIN_S),
        (BEGINS_AGAIN_S, BEGINS_AGAIN_S),
        (DUSK_S - 60, DUSK_S - 60),
        (DUSK_S, DAWN_S),
        (DAWN_S + 4, DAWN_S),
        (DAWN_S, None),
        (DAWN_S, ""),
    ],
    ids=["lost power", "and was taken", "set back", "not taken", "not quite", "taken out", "cannot be read"],
)
def test_a_clock_that_no_cell_kept_or_that_the_system_did_not_take_is_not_trusted(
    board: Board, system_s: int, rtc_s: int | str | None
) -> None:
    assert board.starts(system_s, rtc_s) is None


def test_a_cells_clock_that_nobody_has_set_is_not_trusted_on_a_new_card_or_another_board(
    board: Board, tmp_path: Path
) -> None:
    board["board"] = "10000000abcdef02\0"
    assert board.starts(DAWN_S, DAWN_S) is None
    (tmp_path / "new").mkdir()
    assert Board(tmp_path / "new").starts(DAWN_S, DAWN_S) is None


def test_a_cells_clock_that_the_kernel_finds_late_is_trusted_all_the_same(board: Board) -> None:
    board["meanwhile"] = f"echo {DAWN_S} >system; cp system rtc"
    assert board.starts(DUSK_S, None) == "cell\n"
    board["meanwhile"] = f"echo {DAWN_S} >system; cp system rtc; echo phone >flag"
    assert board.starts(DUSK_S, None) == "phone\n", "the phone was first"


def test_a_clock_that_a_server_set_is_trusted_after_the_next_power_cut_once_the_kernel_has_told_the_boards_own(
    tmp_path: Path,
) -> None:
    board = Board(tmp_path)
    board["meanwhile"] = "cp system rtc"
    assert board.starts(BEGINS_AGAIN_S, BEGINS_AGAIN_S, server_s=DUSK_S) == ""
    assert board.starts(DAWN_S, DAWN_S) == "cell\n"
    board["meanwhile"] = "echo waits >flag; exit 1"
    assert board.starts(BEGINS_AGAIN_S, None, server_s=DUSK_S) == "", "a board without one waits for none"


def test_a_cells_clock_that_a_server_has_found_wrong_is_not_trusted_until_it_is_right(board: Board) -> None:
    board["meanwhile"] = "exit 1"  # the power is cut
    assert board.starts(DAWN_S, DAWN_S, server_s=DAWN_S + 3600) == ""
    assert board.starts(DAWN_S, DAWN_S) is None


def test_a_card_that_takes_no_note_is_told_once_not_every_ten_seconds(board: Board, tmp_path: Path) -> None:
    (tmp_path / "cell.new").mkdir()
    board["meanwhile"] = "echo >>waits; [ $(wc -l <waits) -lt 5 ]"
    assert board.starts(DAWN_S, DAWN_S, server_s=DAWN_S) == ""
    assert board.log.count("cannot create") == 1
    assert board.starts(DAWN_S + 60, DAWN_S + 60) == "cell\n", "the former note holds"


def test_a_phone_corrects_what_a_cell_kept_and_what_cannot_be_written_is_not_trusted(board: Board) -> None:
    assert board.starts(DAWN_S, DAWN_S) == "cell\n"
    board.is_set_by_a_phone(DUSK_S - 86_400)
    assert board.starts(DAWN_S - 86_400, DAWN_S - 86_400) == "cell\n"
    board["hwclock"] = "#!/bin/sh\nexit 1\n"
    board.is_set_by_a_phone(DAWN_S)
    assert board.starts(DAWN_S - 86_300, DAWN_S - 86_300) is None


def test_a_node_brings_what_writes_the_boards_own_clock_which_raspberry_pi_os_lacks() -> None:
    setup = PROGRAMS.parents[4] / "setup.sh"
    packages = subprocess.run(["bash", setup, "--packages"], check=True, capture_output=True, text=True).stdout
    assert "util-linux-extra" in packages.split()
