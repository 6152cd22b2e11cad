import re
import shutil

import msgspec
import numpy as np
import pytest

from edge.bundle import MODELS
from edge.errors import BundleError, ConfigError
from training import accept as gate
from training.accept import Change, changes, drawn_changes, verdict
from training.classes import read_classes
from training.evaluate import evaluate, reported
from training.export import choose_again, export_again
from training.judging.looks import Looks
from training.mixture import samples_of
from training.onnx_file import read_facts, write_facts

LABELS = read_classes(["pest-vision", "rice-pests"]).labels


@pytest.mark.parametrize(
    ("old", "new", "is_loss"),
    [(0.80, 0.79, False), (0.80, 0.78, False), (0.80, 0.77, True), (0.5, 0.9, False), (0.5, float("nan"), True)],
)
def test_two_points_may_be_lost_and_no_more(old, new, is_loss):
    assert Change("a.onnx", "Pieris", old, new).is_loss is is_loss


def test_a_refusal_names_every_class_that_fell_and_says_that_the_old_bundle_stays():
    every = [
        Change("a.onnx", "Pieris", 0.8, 0.7),
        Change("a.onnx", "Eudocima", 0.5, 0.6),
        Change("b.onnx", "Meloidae", 0.3, 0.2),
    ]
    told = verdict(every, MODELS)
    assert "Pieris from 0.800 to 0.700 (a.onnx)" in told
    assert "Meloidae" in told
    assert "Eudocima" not in told
    assert "keeps the old bundle" in told
    assert verdict(every[1:2], MODELS) is None


@pytest.mark.parametrize(
    ("marks", "told"),
    [
        (1, "only 1 mark to test: see --draws 200"),
        (29, "only 29 marks to test: see --draws 200"),
        (30, None),
        (None, None),
    ],
)
def test_a_refusal_by_few_marks_says_how_to_see_what_chance_does(marks, told):
    why = verdict([Change("a.onnx", "Pieris", 0.8, 0.7, marks)], MODELS)
    assert told is None if "only" not in why else told in why


@pytest.fixture
def tiny_config(tiny_config):
    """Of the side that `pests` has."""
    return msgspec.structs.replace(tiny_config, side_px=416)


@pytest.fixture
def folders(tmp_path, tiny_config):
    """Old and new folder with the shipped files of `pests` under the tiny bundle's name."""
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
        for suffix in ("", "-int8"):
            shutil.copy(MODELS / f"pests{suffix}.onnx", tmp_path / folder / f"tiny{suffix}.onnx")
    return tmp_path / "old", tmp_path / "new"


def renamed(path, label, other):
    """Let the file call a class otherwise, as if it had forgotten it."""
    facts = read_facts(path)
    write_facts(
        path,
        {**facts, "classes": [{**c, "label": other if c["label"] == label else c["label"]} for c in facts["classes"]]},
    )


def shown_class(config, old):
    """A class of the test split that the old file finds."""
    found = {
        one.label: one
        for one in changes(Looks(old / "tiny.onnx"), Looks(old / "tiny.onnx"), samples_of(config, "test"), LABELS)
    }
    assert all(one.old == one.new for one in found.values())
    return max(found, key=lambda label: found[label].old)


def test_the_old_file_is_judged_by_names_when_the_new_one_has_its_labels_in_another_order(folders, tiny_config):
    old, new = folders
    turned = msgspec.structs.replace(tiny_config, datasets=tiny_config.datasets[::-1])
    labels = read_classes(turned.labelled).labels
    facts = read_facts(new / "tiny.onnx")
    of_label = {one["label"]: one for one in facts["classes"]}
    write_facts(new / "tiny.onnx", {**facts, "classes": [of_label[label] for label in labels]})  # it knows none of them
    looks = Looks(old / "tiny.onnx"), Looks(new / "tiny.onnx")
    every = changes(*looks, samples_of(turned, "test"), labels)
    before = changes(*looks[:1] * 2, samples_of(tiny_config, "test"), LABELS)
    assert {one.label: one.old for one in every} == {one.label: one.old for one in before}
    assert verdict(every, old) is not None


def test_marks_of_a_label_that_the_old_file_lacks_are_judged_in_neither_file(folders, tiny_config):
    old, _ = folders
    looks, samples = Looks(old / "tiny.onnx"), samples_of(tiny_config, "test")
    lost = shown_class(tiny_config, old)
    labels = ["Apis" if label == lost else label for label in LABELS]
    assert {one.label for one in changes(looks, looks, samples, labels)} == {
        one.label for one in changes(looks, looks, samples, LABELS) if one.label != lost
    }


def test_a_bundle_that_forgot_a_class_is_refused_with_exit_1_and_the_old_one_stays(
    folders, tiny_config, monkeypatch, capsys
):
    old, new = folders
    lost = shown_class(tiny_config, old)
    renamed(new / "tiny.onnx", lost, "Apis")
    before = bytes_of(old)
    monkeypatch.setattr(gate, "read_config", lambda _path: tiny_config)
    monkeypatch.setattr("sys.argv", ["accept", "tiny.toml", str(new), str(old)])
    assert gate.main() == 1
    told = capsys.readouterr().out
    assert f"not shipped: AP50 fell by more than 2 points on the old test split for {lost} from" in told
    marks = sum((one.class_id == LABELS.index(lost)).sum() for one in samples_of(tiny_config, "test"))
    assert re.search(rf"\(tiny\.onnx, only {marks} marks? to test: see --draws 200\)", told)
    assert bytes_of(old) == before


def test_a_class_without_a_mark_to_test_is_held_against_validation_and_one_without_any_is_named(
    folders, tiny_config, monkeypatch, capsys
):
    old, new = folders
    renamed(new / "tiny.onnx", "Pieris", "Apis")
    before = bytes_of(old)
    monkeypatch.setattr(gate, "read_config", lambda _path: tiny_config)
    monkeypatch.setattr("sys.argv", ["accept", "tiny.toml", str(new), str(old)])
    assert gate.main() == 1
    told = capsys.readouterr().out
    assert re.search(r"not shipped: .* for Pieris from .* to 0.000 \(tiny\.onnx, val, only", told)
    assert re.search(r"tiny-int8\.onnx +Meloidae +not judged: no mark in test or val", told)
    assert bytes_of(old) == before


def test_a_bundle_is_not_held_against_itself(folders, monkeypatch):
    _, new = folders
    monkeypatch.setattr("sys.argv", ["accept", "tiny.toml", str(new), f"{new}/../new"])
    with pytest.raises(ConfigError, match=r"new: is the old bundle's folder"):
        gate.main()


def test_a_bundle_of_which_no_picture_may_be_shown_is_refused_before_a_file_is_put_there(
    folders, tiny_config, monkeypatch
):
    old, new = folders
    before = bytes_of(old)
    for path in new.iterdir():
        write_facts(path, {**read_facts(path), "version": "2026.12.31"})
    monkeypatch.setattr("training.evaluate.may_be_shown", lambda _samples: [])
    with pytest.raises(ConfigError, match="no picture of its sets may be shown; name an open set as golden"):
        gate.accept(tiny_config, new, old)
    monkeypatch.undo()
    with pytest.raises(ConfigError, match="absent"):
        gate.accept(msgspec.structs.replace(tiny_config, empties=("absent",)), new, old)
    assert bytes_of(old) == before


def test_a_manifest_that_two_branches_changed_is_told_before_a_file_is_written(folders, tiny_config):
    old, new = folders
    for path in new.iterdir():
        write_facts(path, {**read_facts(path), "version": "2026.12.31"})
    (old / "manifest.json").write_text('{"format": 1,\n<<<<<<< HEAD\n"bundles": {}}')
    before = bytes_of(old)
    for writes in (lambda: gate.accept(tiny_config, new, old), lambda: evaluate(tiny_config, old)):
        with pytest.raises(BundleError, match=r"manifest\.json: JSON is malformed"):
            writes()
    assert bytes_of(old) == before


def bytes_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_bundle_of_other_labels_is_neither_judged_nor_decided_anew_and_stays_as_it_is(folders, tiny_config, tmp_path):
    old, _ = folders
    other = msgspec.structs.replace(tiny_config, datasets=tiny_config.datasets[::-1])
    before = bytes_of(tmp_path)
    for makes in (
        lambda: evaluate(other, old),
        lambda: reported(other, old, "test", tmp_path / "report"),
        lambda: choose_again(other, old, tmp_path),
        lambda: export_again(other, old, tmp_path),
    ):
        with pytest.raises(
            ConfigError, match=r"tiny: .*tiny\.onnx has another side, other tiles or other labels; give"
        ):
            makes()
    assert bytes_of(tmp_path) == before


@pytest.mark.parametrize("golden", [None, "rice-pests"])
def test_a_bundle_of_which_no_picture_may_be_shown_is_refused_before_a_figure_is_written(
    golden, folders, tiny_config, monkeypatch
):
    old, _ = folders
    config = msgspec.structs.replace(tiny_config, golden=golden)
    before = bytes_of(old)
    monkeypatch.setattr("training.evaluate.may_be_shown", lambda _samples: [])
    told = r"no picture of its sets may be shown; name an .*, one .* in sources\.toml is CC-BY-4\.0 or MIT"
    with pytest.raises(ConfigError, match=told):
        evaluate(config, old)
    assert bytes_of(old) == before


def whoever_judges(config, models, folders, tmp_path):
    old, new = folders
    return (
        lambda: evaluate(config, models),
        lambda: reported(config, models, "test", tmp_path),
        lambda: gate.accept(config, new, old),
        lambda: gate.compare(config, new, old, 5),
    )


def test_without_a_test_picture_nothing_is_judged(folders, without_pictures, tmp_path):
    old, _ = folders
    for judges in whoever_judges(without_pictures, old, folders, tmp_path):
        with pytest.raises(ConfigError, match=r"tiny: no picture .* in test; give it some in splits\.csv"):
            judges()


def test_a_bundle_of_one_s_own_that_is_not_exported_yet_is_missed_before_the_datasets_are_read(
    folders, tiny_config, tmp_path
):
    _, new = folders
    config = msgspec.structs.replace(tiny_config, data=str(tmp_path / "no-datasets"))
    (new / "tiny-int8.onnx").unlink()
    for judges in whoever_judges(config, new, folders, tmp_path):
        with pytest.raises(ConfigError, match=r"new/tiny-int8\.onnx: not found; export it first, or name the folder"):
            judges()


def test_with_draws_it_says_how_sure_each_change_is_and_ships_nothing(folders, tiny_config, monkeypatch, capsys):
    old, new = folders
    shutil.copy(new / "tiny-int8.onnx", new / "tiny.onnx")
    before = bytes_of(old)
    monkeypatch.setattr(gate, "read_config", lambda _path: tiny_config)
    monkeypatch.setattr("sys.argv", ["accept", "tiny.toml", str(new), str(old), "--draws", "5"])
    assert gate.main() == 0
    told = capsys.readouterr().out
    assert len(re.findall(r"^tiny.onnx +all .*[+-]\d+\.\d to [+-]\d+\.\d points", told, re.MULTILINE)) == 1
    unchanged = re.findall(r"^tiny-int8.onnx .*\((.*) points", told, re.MULTILINE)
    assert set(unchanged) == {"+0.0 to +0.0"}
    assert bytes_of(old) == before


def test_a_number_of_draws_that_cannot_be_is_refused(monkeypatch):
    monkeypatch.setattr("sys.argv", ["accept", "tiny.toml", "new", "--draws", "-3"])
    with pytest.raises(ConfigError, match=r"--draws -3: .*; give 200"):
        gate.main()


def test_a_draw_that_shows_none_of_a_class_says_nothing_of_it(folders, tiny_config):
    old, new = folders
    samples = samples_of(tiny_config, "train")  # more than test has
    drawn = drawn_changes(Looks(old / "tiny.onnx"), Looks(new / "tiny-int8.onnx"), samples, LABELS, 10)
    assert drawn.shape == (10, 21)
    shown = sorted({class_id for sample in samples for class_id in sample.class_id.tolist() if class_id >= 0})
    assert np.isnan(np.delete(drawn, shown, axis=1)).all()
    assert np.nanstd(drawn[:, shown]) > 0
