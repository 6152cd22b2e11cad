"""`fieldeye demo`: the whole way on real pictures, whatever the machine has or lacks."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from edge.cli.demo import BROKER_PORT, PAGE_PORT
from edge.cli.loopback import mosquitto
from tests.page.visitors import TOKEN

DEMO = [sys.executable, "-m", "edge", "demo", "--every", "0.2"]
UNSYNCED = "import sys, edge.clock; edge.clock.clock_is_set = bool; from edge.cli import main; sys.exit(main())"
BIN = Path(sys.executable).parent
PICTURES = Path(__file__).parents[1] / "data" / "frames"
SUM = re.compile(r"(\d+) frames, (\d+) detections, (\d+) records sent, (\d+) acknowledged, (\d+) received")


def demo(*options: str, program: Sequence[str] = DEMO) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*program, *options], capture_output=True, text=True, timeout=180, check=False)


@contextmanager
def taken(*ports: int) -> Iterator[None]:
    """Somebody else listens there, or did already."""
    with ExitStack() as parts:
        for port in ports:
            listener = parts.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
                listener.listen()
            except OSError:
                continue
        yield


def test_every_committed_record_is_acknowledged_and_received() -> None:
    ended = demo("--seconds", "3")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    match = SUM.fullmatch(ended.stdout.splitlines()[-1])
    assert match, ended.stdout
    frames, detections, sent, acknowledged, received = map(int, match.groups())
    assert frames >= 3
    assert detections >= 3
    assert sent == acknowledged == received >= 3


def test_ports_in_use_are_stepped_aside_from_and_json_gives_the_records_as_the_platform_gets_them() -> None:
    with taken(PAGE_PORT, BROKER_PORT):
        ended = demo("--seconds", "3", "--json", program=[sys.executable, "-c", UNSYNCED, *DEMO[3:]])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f":{PAGE_PORT}/" not in ended.stderr
    assert f":{BROKER_PORT};" not in ended.stderr
    *records, told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert told["received"] == len(records) == len({(r["node"], r["epoch"], r["seq"]) for r in records})
    assert {r["kind"] for r in records} == {"sighting", "interval"}
    assert {r.get("at", r.get("end"))["clock"] for r in records} == {"synced"}, "the page would ask for a technician"


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="hiding Mosquitto needs root")
def test_without_mosquitto_the_node_looks_and_shows_and_says_that_records_wait() -> None:
    hide = f"mount --bind /dev/null {mosquitto()} && exec {' '.join(DEMO)} --seconds 2"
    command = ["unshare", "--mount", "sh", "-c", hide]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "no Mosquitto here" in ended.stderr
    assert "broker_link" not in ended.stderr, "it looks for a broker on a port that is not its own"
    said = r"(\d+) records kept, 0 acknowledged, 0 received; \1 records are waiting for a broker\n"
    assert re.search(said, ended.stdout)


def test_ctrl_c_ends_it_by_itself_with_the_sum() -> None:
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        guard = Timer(180, process.kill)
        guard.start()
        for line in process.stdout:
            if " saw " in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        process.wait(60)
        guard.cancel()
    assert process.returncode == 0
    assert SUM.search(rest)


@pytest.mark.parametrize(
    ("shell", "code", "says"),
    [("{} | head -n 1", 0, ""), ("{} >/dev/full", 1, "fieldeye: the disk that this writes to is full")],
    ids=["a reader that has seen enough", "a full disk"],
)
def test_where_nobody_can_be_told_any_more_it_ends_by_itself(shell: str, code: int, says: str) -> None:
    whole = f"set -o pipefail; {shell.format(shlex.join([*DEMO, '--seconds', '600']))}"
    ended = subprocess.run(["bash", "-c", whole], capture_output=True, text=True, timeout=180, check=False)
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr
    assert says in ended.stderr


def test_a_folder_may_be_named_in_rare_chinese_letters(tmp_path: Path) -> None:
    (tmp_path / "𠮷田").mkdir()
    shutil.copy(PICTURES / "brown_planthopper_nymph.jpg", tmp_path / "𠮷田")
    ended = demo("--seconds", "1", "--pictures", str(tmp_path / "𠮷田"))
    assert ended.returncode == 0, ended.stderr


@contextmanager
def greeted(*program: str) -> Iterator[tuple[str, str]]:
    """A demonstration that runs: the page's address, and the command that makes its first account."""
    words = [*program, *DEMO[3:]]
    with subprocess.Popen(words, cwd=BIN, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        guard = Timer(180, process.kill)
        guard.start()
        said = ""
        while "node.toml" not in said and (line := process.stderr.readline()):
            said += line  # the log speaks in between
        try:
            yield re.findall(r"the page: (\S+)", said)[0], re.findall(r"terminal: (.+\.toml)", said)[0]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
            guard.cancel()


@pytest.mark.parametrize("program", [["./fieldeye"], DEMO[:3]], ids=["command", "module"])
def test_the_command_that_it_names_makes_an_account_that_opens_the_settings(program: list[str], tmp_path: Path) -> None:
    """In a terminal whose PATH and folder know nothing of it."""
    with greeted(*program) as (address, line):
        made = subprocess.run(
            ["sh", "-c", f"{line} --json"], cwd=tmp_path, env={"PATH": "/usr/bin:/bin"},
            capture_output=True, check=True, timeout=60,
        )  # fmt: skip
        visitor, log_in = build_opener(HTTPCookieProcessor()), f"{address}log-in"
        token = TOKEN.search(visitor.open(log_in).read().decode())
        assert token
        visitor.open(log_in, urlencode({"csrf": token[1], **json.loads(made.stdout)}).encode()).close()
        with visitor.open(f"{address}settings") as settings:
            assert settings.url == f"{address}settings"


def test_a_folder_that_is_not_there_is_wrong_use() -> None:
    ended = demo("--pictures", "/nonexistent")
    assert ended.returncode == 2
    assert "/nonexistent: no such folder" in ended.stderr
