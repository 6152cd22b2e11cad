"""Each command explains itself, and a wrong name is one sentence and exit code 2."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from edge.errors import UsageError
from training.command import finish
from training.curves import draw_curves
from training.engine import DivergedError

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "fetch train export evaluate accept report curves label_care ultralytics leaves.train leaves.export leaves.judge"
).split()
ABSENT = {
    "accept": ["absent.toml", "absent"],
    "report": ["absent.toml", "sheet.jpg"],
    "curves": ["absent.jsonl", "curves.png"],
    "label_care": ["absent.toml", "--bundle", "absent.onnx", "--out", "out.csv", "--sheet", "out.png"],
    "ultralytics": ["absent.toml", "absent.onnx"],
    "leaves.train": ["--data", "absent", "--run", "run"],
    "leaves.export": ["--data", "absent", "--run", "run", "--models", "models"],
    "leaves.judge": ["--data", "absent"],
}


def called(name, words, monkeypatch):
    """The exit code."""
    monkeypatch.setattr("sys.argv", [name, *words])
    with pytest.raises(SystemExit) as ended:
        finish(import_module(f"training.{name}").main)
    return ended.value.code


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_it_is_for_and_how_it_is_called(name, monkeypatch, capsys):
    assert called(name, ["--help"], monkeypatch) == 0
    assert f"python -m training.{name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_a_name_that_is_not_there_is_one_sentence_and_exit_2(name, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert called(name, ABSENT.get(name, ["absent.toml"]), monkeypatch) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "absent" in told or "run/best.pt" in told


def made_by(card: Path) -> list[str]:
    """The configuration that a model's card names."""
    return re.findall(r"Command: `python -m training\.train (\S+)`", card.read_text("utf-8"))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_configurations_that_made_a_released_model(name, monkeypatch, capsys):
    released = {named for card in (ROOT / "models/cards").glob("*.md") for named in made_by(card)}
    called(name, ["--help"], monkeypatch)
    told = "".join(capsys.readouterr().out.split())  # argparse breaks a line within a path
    assert set(re.findall(r"training/configs/[a-z0-9_]+\.toml", told)) <= released


def test_make_trains_by_the_configuration_that_the_card_of_pests_names_or_by_another():
    named = made_by(ROOT / "models/cards/pests.md")
    assert (ROOT / named[0]).is_file()
    for words, wanted in (([], named), (["CONFIG=other.toml"], ["other.toml"])):
        make = ["make", "--no-print-directory", "-n", "train", *words]
        would = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True)
        assert would.stdout.splitlines()[-1].split()[1:] == ["-m", "training.train", *wanted]


@pytest.mark.parametrize(
    ("fault", "code", "told"),
    [
        (UsageError("a.jpg: cannot be written; name another"), 2, "a.jpg: cannot be written"),
        (PermissionError(13, "Permission denied", "models/a.onnx"), 2, "models/a.onnx: Permission denied"),
        (OSError(28, "No space left on device"), 2, "the disk that this writes to: No space left on device; make room"),
        (OSError(28, "No space left on device", "runs/a/last.pt"), 2, "runs/a/last.pt: No space left on device; make"),
        (OSError(12, "Cannot allocate memory"), 2, "Cannot allocate memory, says the system; mend that and run"),
        (DivergedError("step 3: the loss is nan"), 2, "step 3: the loss is nan"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_what_a_person_can_mend_is_told_without_a_traceback(fault, code, told, capsys):
    def main():
        raise fault

    with pytest.raises(SystemExit) as ended:
        finish(main)
    assert ended.value.code == code
    assert told in capsys.readouterr().err


def test_a_reader_who_has_seen_enough_ends_it_in_a_word():
    says = "from training.command import finish; finish(lambda: [print('line' * 20_000) for _ in range(9)] and 0)"
    pipe = ["bash", "-c", f'{sys.executable} -c "{says}" | head -c 1; exit ${{PIPESTATUS[0]}}']
    ended = subprocess.run(pipe, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "l", "stopped\n")


def test_a_fault_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        finish(lambda: 1 // 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no epoch yet"),
        ("epoch 1\n", "not the log of a run"),
        ("3\n", "not the log of a run"),
        ('{"loss": 1}\n', "not the log of a run"),
        ('{"epoch": null}\n', "not the log of a run"),
        ('{"epoch": 0, "loss": [1]}\n', "not the log of a run"),
        ("[" * 5000, "not the log of a run"),
    ],
)
def test_a_log_without_epochs_is_no_log(text, told, monkeypatch, capsys, tmp_path):
    (tmp_path / "log.jsonl").write_text(text)
    assert called("curves", [str(tmp_path / "log.jsonl"), str(tmp_path / "a.png")], monkeypatch) == 2
    assert told in capsys.readouterr().err


def test_a_run_that_was_begun_anew_is_drawn_without_the_epochs_of_before(tmp_path):
    pictures = []
    for name, epochs in (("anew", [0, 1, 2, 3, 1, 2]), ("straight", [0, 1, 2])):
        lines = [{"epoch": epoch, "loss": 3.0 + len(epochs) - at} for at, epoch in enumerate(epochs)]
        lines[0]["loss"] = 9.0
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
        draw_curves(tmp_path / f"{name}.jsonl", tmp_path / "curves.png")
        pictures.append((tmp_path / "curves.png").read_bytes())
    assert pictures[0] == pictures[1]


def test_a_picture_of_no_kind_is_one_sentence(monkeypatch, capsys, tmp_path):
    (tmp_path / "log.jsonl").write_text('{"epoch": 0, "loss": 1.0}\n')
    assert called("curves", [str(tmp_path / "log.jsonl"), str(tmp_path / "a.txt")], monkeypatch) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"{tmp_path / 'a.txt'}: cannot be drawn (Format 'txt' is not supported")
    assert told.endswith("end its name in .png\n")
    assert told.count("\n") == 1


def test_two_things_to_make_again_of_which_one_would_be_left_out_are_refused(monkeypatch, capsys):
    assert called("export", ["absent.toml", "--again", "--choose"], monkeypatch) == 2
    assert "--choose: not allowed with argument --again" in capsys.readouterr().err


def test_a_confidence_that_cannot_be_is_refused_before_anything_is_read(monkeypatch, capsys):
    assert called("label_care", [*ABSENT["label_care"], "--least", "7"], monkeypatch) == 2
    assert "--least 7.0" in capsys.readouterr().err
