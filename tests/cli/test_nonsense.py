"""Figures, files and names that cannot be: one sentence that says what to do; exit 2, or 1 for what is not well."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.changes import NAME
from edge.cli import main

PLAN = ["power", "plan", "--board", "pi4", "--picture-ws", "5", "--latitude"]
SUN = ["power", "sun", "--latitude", "30", "--longitude"]
NO_NODE = ["--slots", "{folder}/slots", "--opt", "{folder}/opt"]
PICTURES = Path(__file__).parents[1] / "data" / "frames"
PICTURE = min(PICTURES.glob("*.jpg"))
MOTH = ["degree-days", "Helicoverpa armigera", "--from", "2026-06-01"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([*PLAN, "89"], 2, "has no sun; give another --month"),
        ([*PLAN, "30", "--idle-w", "-5"], 2, "--idle-w -5: is 0 or more"),
        ([*PLAN, "30", "--every-s", "nan"], 2, "--every-s and --dark-days are above 0"),
        ([*SUN, "500"], 2, "--longitude 500: must be -180 to 180"),
        ([*MOTH, "--min", "10", "12", "--max", "20"], 2, "--min tells of 2 and --max of 1 days"),
        ([*MOTH, "--min", "30", "--max", "20"], 2, "a day from 30 to 20 °C is none"),
        ([*MOTH, "--csv", "{folder}/words.csv"], 2, "words.csv: its first line does not name the columns"),
        (["reset-password", "--name", " "], 2, "give whose password it is"),
        (["update", "install", "{folder}/none.update"], 2, "none.update: no such file"),
        (["model", "install", "{folder}/none.update"], 2, "none.update: no such file"),
        (["demo", "--seconds", "-3"], 2, "--seconds -3: is above 0"),
        (["demo", "--seconds", "inf"], 2, "--seconds inf: is above 0 and below a year"),
        (["demo", "--pictures", "{folder}"], 2, "holds no picture; put JPEG or PNG files there"),
        (["listen", "--broker", f"h:{5000 * '1'}"], 2, "is no HOST:PORT; write for example 127.0.0.1:1883"),
        (["check", "--config", str(PICTURE)], 2, ".jpg: cannot be read (it is no UTF-8); give the path of a node.toml"),
        (
            ["count", "x", "--mode", "live", "--against", "{folder}/words.csv"],
            2,
            "picture and one of count, new, present",
        ),
        (
            ["label", "--config", "{folder}/node.toml", "--out", "{folder}/a.svg", "--wifi", "none"],
            2,
            "; give the file",
        ),
        (["model", "list", "--folder", "{folder}"], 1, "name a folder that has the manifest.json"),
        (["update", "back", *NO_NODE], 1, "so run this on a node"),
        (["model", "rollback", *NO_NODE], 1, "so run this on a node"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    words: list[str], code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.csv").write_text("warm,cold\n")
    (tmp_path / "node.toml").write_text('[node]\nsite = "s"\nnode = "n"\n[camera]\nkind = "folder"\n')
    assert main([word.format(folder=tmp_path) for word in words]) == code
    told = capsys.readouterr()
    assert says in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""
    assert not (tmp_path / "opt").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["bench", "--threads", "0"], "'0' is not 1 to 16"),
        (["detect", "a.jpg", "--threads", "100000"], "'100000' is not 1 to 16"),
        (["power", "sun", "--latitude", "30", "--longitude", "9", "--date", "yesterday"], "write it as 2026-05-01"),
        (["power", "sun", "--latitude", "30", "--longitude", "9", "--date", "0001-01-01"], "is not of 1900 to 2999"),
        ([*MOTH[:2], "--from", "9999-12-31", "--min", "10", "12", "--max", "20", "22"], "is not of 1900 to 2999"),
        (["bench", "\x1b[31mred\ntwo"], r"unrecognized arguments: \x1b[31mred\ntwo"),
        ([], "what is on these pictures?"),
    ],
)
def test_wrong_words_say_what_they_should_be(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_a_support_bundle_without_settings_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bundle.zip"
    words = ["support-bundle", "--config", str(tmp_path / "none.toml"), "--log", str(tmp_path), "--out", str(out)]
    assert main([*words, "--json"]) == 0
    told = capsys.readouterr()
    assert "none.toml: cannot be read" in told.err
    assert "none.toml: cannot be read" in json.loads(told.out)["trouble"]


def closed(path: Path) -> Path:
    """`path` as nobody's own, whom root without its rights is not."""
    path.chmod(0o000)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    return path


def as_stranger(*words: str) -> subprocess.CompletedProcess[str]:
    """A command of somebody who may not read what is `closed`."""
    right = "-dac_override,-dac_read_search"
    without = ["setpriv", f"--bounding-set={right}", f"--inh-caps={right}"] if os.geteuid() == 0 else []
    whole = [*without, sys.executable, *words]
    return subprocess.run(whole, capture_output=True, text=True, timeout=180, check=False)


def test_a_folder_that_this_user_may_not_read_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    ended = as_stranger("-m", "edge", "detect", str(closed(folder)))
    assert ended.returncode == 1
    assert ended.stderr == f"fieldeye: {folder}: this user may not use it; change its rights, or run as its owner\n"


@pytest.mark.parametrize(
    "words",
    [
        ["edge", "check", "--config", "{file}"],
        ["edge", "listen", "--ca-file", "{file}"],
        ["edge", "listen", "--client-file", "{file}"],
        ["edge", "listen", "--password-file", "{file}"],
        ["edge", "detect", str(PICTURES), "--model", "{file}"],
        ["edge", *MOTH, "--csv", "{file}"],
        ["firmware_config", "render", "{file}", "out"],
    ],
)
def test_of_a_file_that_this_user_may_not_read_nothing_else_is_said_to_be_wrong(
    words: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "file.onnx"
    file.touch()
    closed(file)
    ended = as_stranger("-m", *(word.format(file=file) for word in words))
    assert ended.returncode in {1, 2}
    assert ended.stderr.count("\n") == 1
    assert str(file) in ended.stderr
    assert ended.stderr.endswith("; give it to the user who runs this (chown), or run as its owner or with sudo\n")


def test_changes_of_the_page_that_this_user_may_not_read_are_not_said_to_be_wrong(tmp_path: Path) -> None:
    """The node uses them. `check` and `doctor` say so once."""
    config, changes = tmp_path / "node.toml", tmp_path / NAME
    config.write_text(f'[node]\nsite = "s"\nnode = "n"\n[camera]\nkind = "folder"\n[store]\nfolder = "{tmp_path}"\n')
    changes.write_text('{"camera": {"every_s": 300}}')
    closed(changes)
    remedy = "give it to the user who runs this (chown), or run as its owner or with sudo"
    said = f"{changes}: cannot be read (Permission denied); {remedy}\n"
    checked, looked_at = (as_stranger("-m", "edge", verb, "--config", str(config)) for verb in ("check", "doctor"))
    assert (checked.returncode, checked.stdout, checked.stderr) == (2, "", f"fieldeye: {said}")
    assert looked_at.stdout.startswith(f"! configuration  looked at without what was set on the page: {said}")
    assert looked_at.stderr == ""
