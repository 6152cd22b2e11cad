"""The commands as a whole: help, nonsense, exit codes, no traceback."""

import json
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from itertools import count
from pathlib import Path
from time import process_time
from types import SimpleNamespace

import cv2
import pytest

from edge.changes import NAME
from edge.cli import COMMANDS, PLATFORM_COMMANDS, main, platform_main
from edge.cli.logs import Readable
from tests.onnx_files import picture_with, write_model
from tests.ports import free_port
from tests.test_app import configuration

ROOT = Path(__file__).parents[2]
EXPLAINED = [
    *(f"fieldeye {verb}" for verb in COMMANDS),
    *(f"fieldeye-platform {verb}" for verb in PLATFORM_COMMANDS),
    *(f"fieldeye power {verb}" for verb in ("plan", "sun")),
    *(f"fieldeye update {verb}" for verb in ("install", "fetch", "status", "back")),
    *(f"fieldeye model {verb}" for verb in ("list", "verify", "install", "rollback")),
]


def fieldeye(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge", *words], capture_output=True, text=True, timeout=180, check=False
    )


@pytest.mark.parametrize("command", EXPLAINED)
def test_each_command_explains_itself_and_each_word_that_it_takes(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    program, *verbs = command.split()
    with pytest.raises(SystemExit) as ended:
        {"fieldeye": main, "fieldeye-platform": platform_main}[program]([*verbs, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith(f"usage: {command}")
    unexplained = [line for line in re.findall(r"^  (\S.*)$(?!\n {4})", told, re.MULTILINE) if "  " not in line]
    assert unexplained == []


@pytest.mark.parametrize("verb", ["plan", "sun"])
def test_what_power_must_know_stands_before_what_it_may(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["power", verb, "--help"])
    usage = capsys.readouterr().out.partition("options:")[0].replace("[-h]", "")
    asked = re.findall(r"(\[?)(--[a-z-]+)", usage)
    assert asked[0] == ("", "--latitude")
    assert [bracket for bracket, _ in asked] == sorted(bracket for bracket, _ in asked)


@pytest.mark.parametrize(
    "words", [[], ["nonsense"], ["detect"], ["check", "--nonsense"], ["bench", "--threads", "many"]]
)
def test_wrong_words_exit_with_2_and_a_usage_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: fieldeye" in capsys.readouterr().err


def test_a_fault_of_ours_is_one_sentence_and_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edge.cli.check.run", lambda _args: {}["nothing"])
    assert main(["check"]) == 1
    says = "a fault in fieldeye: KeyError: 'nothing'; run again with --debug and report it"
    assert capsys.readouterr().err == f"fieldeye: {says}\n"


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        (ImportError("libfreetype.so.6: not found", name="PIL._imagingft"), "libfreetype.so.6: not found"),
        (ImportError("no wrapper.\nTried:\n- libpq"), "no wrapper. Tried: - libpq"),
        (ModuleNotFoundError("No module named 'segno.qr'", name="segno.qr"), "No module named 'segno.qr'"),
    ],
    ids=["of its own name", "in many lines", "without a file of its own"],
)
def test_a_library_that_does_not_load_is_no_fault_of_ours(
    why: ImportError, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert label_that_raises(why, monkeypatch) == 2
    needs = f"label needs a library that loads ({reason})"
    pip = f"{shlex.quote(sys.executable)} -m pip"
    install = f"in the repository's folder run: {pip} install --force-reinstall -e '.[provision]'"
    assert capsys.readouterr().err == f"fieldeye: {needs}; {install}\n"


@pytest.mark.parametrize("name", ["edge", "edge.label"])
def test_a_name_that_a_file_of_ours_lacks_is_a_fault(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert label_that_raises(ImportError("no Label", name=name), monkeypatch) == 1
    assert "a fault in fieldeye: ImportError: no Label" in capsys.readouterr().err


def label_that_raises(why: Exception, monkeypatch: pytest.MonkeyPatch) -> int:
    def fail(_args: object) -> int:
        raise why

    monkeypatch.setattr("edge.cli.label.run", fail)
    return main(["label", "--out", "x.pdf"])


def test_where_stderr_is_closed_results_alone_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, picture = write_model(tmp_path / "unchecked.onnx"), tmp_path / "a.png"
    picture.write_bytes(cv2.imencode(".png", picture_with([]))[1].tobytes())
    monkeypatch.setattr(sys, "stderr", None)  # so Python begins after 2>&-
    assert main(["detect", str(picture), "--model", str(model)]) == 0
    assert re.fullmatch(rf"{picture}: nothing \(\d+ ms\)\n", capsys.readouterr().out)


def test_ctrl_c_before_the_end_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a process of its own
    monkeypatch.setattr("edge.cli.check.run", lambda _args: signal.raise_signal(signal.SIGINT))
    assert main(["check"]) == 130
    assert capsys.readouterr().err == "fieldeye: stopped\n"


def test_a_name_that_breaks_the_line_or_steers_the_terminal_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, picture = write_model(tmp_path / "unchecked.onnx"), tmp_path / "a\n\x1b[31m\x9b.png"
    assert main(["detect", str(picture), "--model", str(model)]) == 2
    picture.touch()
    assert main(["detect", str(picture), "--model", str(model)]) == 1
    shown, told = capsys.readouterr()
    assert told.startswith(rf"fieldeye: {tmp_path}/a\n\x1b[31m\x9b.png: no picture there; ")
    assert shown == rf"{tmp_path}/a\n\x1b[31m\x9b.png: is empty; look whether the disk is full" + "\n"
    assert (told + shown).isascii()
    assert "\x1b" not in told + shown


def test_a_log_line_for_people_is_one_whatever_it_is_about() -> None:
    record = logging.makeLogRecord({"msg": "camera_lost", "camera": "a\nb\x1b"})
    assert Readable().format(record).endswith(r"camera_lost camera=a\nb\x1b")


@pytest.mark.parametrize("is_told", [True, False], ids=["stderr", "2>&-"])
@pytest.mark.parametrize(
    ("program", "loaded"),
    [
        ("fieldeye", "edge.cli"),
        ("fieldeye", "importlib.metadata"),
        ("fieldeye", "edge.app"),
        ("fieldeye-platform", "edge.cli"),
    ],
)
def test_ctrl_c_while_a_command_is_still_being_loaded_shows_no_traceback(
    program: str, loaded: str, *, is_told: bool
) -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    module, name = scripts[program].split(":")
    comes_then = f"""
import sys

class CtrlC:
    def find_spec(self, name, *_):
        if name == "{loaded}":
            raise KeyboardInterrupt

sys.meta_path.insert(0, CtrlC())
sys.argv[1:] = ["run"]
from {module} import {name}
sys.exit({name}())
"""
    whole = ["sh", "-c", f'exec "$0" "$@" {"" if is_told else "2>&-"}', sys.executable, "-c", comes_then]
    ended = subprocess.run(whole, capture_output=True, text=True, timeout=60, check=False)
    says = f"{program}: stopped\n" if is_told else ""
    assert (ended.stdout, ended.stderr, ended.returncode) == ("", says, 130)


def test_a_broken_video_is_one_sentence_and_nothing_of_ffmpeg(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(5000))
    ended = fieldeye("count", str(tmp_path / "a.mp4"), "--mode", "live")
    assert ended.returncode == 1
    assert ended.stderr == f"fieldeye: video {tmp_path / 'a.mp4'}: is no video that can be read; convert it to MP4\n"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    folder = Path(__file__).parents[1] / "data" / "frames"
    shell = f"unset PYTHONUNBUFFERED; set -o pipefail; {sys.executable} -m edge detect {folder} | head -n 1"
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=180, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("words", ["model list", "detect tests/data/frames --json"])
def test_a_disk_that_is_full_is_no_fault_of_ours(words: str) -> None:
    """Into a buffer, as without PYTHONUNBUFFERED: then it is noticed at the end."""
    shell = f"unset PYTHONUNBUFFERED; {sys.executable} -m edge {words} >/dev/full"
    ended = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=180, check=False, cwd=ROOT)
    assert (ended.returncode, ended.stderr) == (
        1,
        "fieldeye: the disk that this writes to is full (No space left on device); make room on it, or write "
        "elsewhere, and run it again\n",
    )


@pytest.mark.parametrize("encoding", ["iso-8859-1", "gbk"])
def test_the_doctor_speaks_where_the_locale_has_no_tick(encoding: str, tmp_path: Path) -> None:
    ended = in_encoding(encoding, "doctor", "--config", str(configuration(tmp_path, free_port(), None)))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\\u2713 configuration" in ended.stdout


def test_what_the_locale_lacks_stays_right_in_json(tmp_path: Path) -> None:
    picture = tmp_path / "✓ ñ 🐛 虫.jpg"
    picture.touch()
    (tmp_path / "model").mkdir()
    model = write_model(tmp_path / "model" / "squares.onnx")
    ended = in_encoding("gbk", "detect", str(picture), "--model", str(model), "--json")
    assert json.loads(ended.stdout)["image"] == str(picture)


def in_encoding(encoding: str, *words: str) -> subprocess.CompletedProcess[str]:
    """What the command writes where the terminal has that one."""
    return subprocess.run(
        [sys.executable, "-m", "edge", *words], env={**os.environ, "PYTHONIOENCODING": encoding}, encoding=encoding,
        capture_output=True, timeout=180, check=False,
    )  # fmt: skip


def test_check_tells_right_from_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configuration(tmp_path, free_port(), None)
    assert main(["check", "--config", str(config), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    config.write_text(config.read_text().replace("kind", "sort"))
    assert main(["check", "--config", str(config), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert "camera.sort" in told["error"]


@pytest.mark.parametrize("command", ["check", "doctor"])
def test_what_was_set_on_the_page_is_told_where_node_toml_says_something_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    config = configuration(tmp_path, free_port(), None)
    (tmp_path / NAME).write_text('{"camera": {"every_s": 60.0}}')
    told = []
    for options in ([], ["--json"]):
        assert main([command, "--config", str(config), *options]) == 0
        told.append(capsys.readouterr().out)
    assert all("camera.every_s 60 was set on the page, node.toml says 0.1" in text for text in told)


def test_bench_prints_one_object_a_stage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("edge.cli.bench.REPETITIONS", 3)
    held_up = SimpleNamespace(perf_counter=count().__next__, process_time=process_time)  # each takes a second
    monkeypatch.setattr("edge.bench.time", held_up)
    assert main(["bench", "--json"]) == 0
    stages = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"detector 640x480", "detector 2304x1296", "store, one commit"} <= {s["stage"] for s in stages}
    assert {s["ms"] for s in stages} == {1000.0}
    shares = [s["share_of_network"] for s in stages]
    assert (shares[0], min(shares) > 0, len(set(shares)) > 1) == (1.0, True, True), "of the processor's time"
