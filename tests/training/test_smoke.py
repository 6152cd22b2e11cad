"""The whole way and the way back, small: train, export, detect, evaluate, release; by the code of a real model."""

import json
import re
import shutil
from functools import cache
from pathlib import Path

import cv2
import msgspec
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edge.bundle import MODELS, load_bundle, load_manifest
from edge.detector import Detector
from edge.errors import ConfigError
from tests.training.conftest import SIDE_PX, TINY
from tests.training.reviewing import checked
from training import accept as accepts
from training import export as exports
from training import train as trains
from training.added import added_name
from training.config import REVIEWED, DatasetConfig, OptimiserConfig, PhaseConfig, TrainConfig
from training.evaluate import evaluate, reported
from training.export import choose_again, export, export_again
from training.facts import with_choice
from training.judging import timing
from training.judging.field import HARMS
from training.label_decisions import WRONG, Decision
from training.mixture import samples_of
from training.onnx_file import read_facts, write_facts
from training.samples import read_image
from training.thresholds import Choice
from training.train import train
from training.weights import activation_of

pytestmark = pytest.mark.timeout(1800)  # two trainings; a busy machine takes many times their half minute


@pytest.fixture(scope="module", autouse=True)
def _few_rounds():
    """What a file costs is told by fewer looks, beside a network that is made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "ROUNDS", 2)
        patch.setattr(timing, "bare_network", cache(timing.bare_network))
        yield


@pytest.fixture
def _not_quantised(monkeypatch):
    """The int8 file is a copy of the float32 one: what it takes seconds to make is not looked at."""
    monkeypatch.setattr(exports, "quantise", lambda source, target, *_, **__: shutil.copy(source, target))
    monkeypatch.setattr(exports, "in_fewer_steps", lambda _: None)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Folder of models after a short run that goes on from the shipped bundle."""
    config = TrainConfig(
        name="tiny",
        bundle="tiny",
        weights=str(MODELS / "pests.onnx"),
        data=str(TINY),
        datasets=tuple(DatasetConfig(name=name, annotation="yolo") for name in ("pest-vision", "rice-pests")),
        phases=(PhaseConfig(epochs=2, sides_px=(SIDE_PX,)),),
        empties=("rice-pests",),  # not empty at all, so that something is counted
        side_px=SIDE_PX,
        activation=activation_of(MODELS / "pests.onnx"),
        teachers=(str(MODELS / "pests.onnx"), str(MODELS / "pests-open.onnx")),
        batch=4,
        optimiser=OptimiserConfig(learning_rate=1e-5, warmup_steps=2),
    )
    folder = tmp_path_factory.mktemp("smoke")
    train(config, folder)
    export(config, folder / "last.pt", folder)
    figures = evaluate(config, folder)
    return config, folder, figures


def test_each_epoch_wrote_one_line_of_the_log(shipped):
    _, folder, _ = shipped
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1]
    assert all(line["loss"] > 0 for line in lines)
    assert "map50" in lines[-1]


@pytest.mark.parametrize("name", ["tiny", "tiny-int8"])
def test_a_shipped_file_runs_and_is_the_one_in_the_manifest(shipped, name):
    _, folder, _ = shipped
    entry = load_manifest(folder).bundles[name]
    bundle = load_bundle(folder / entry.file, entry.sha256)
    assert len(bundle.classes) == 21
    assert bundle.metrics is not None
    assert bundle.metrics.split == "test"
    assert all(0.25 <= one.threshold <= 0.8 for one in bundle.classes)


@pytest.mark.parametrize("name", ["tiny", "tiny-int8"])
def test_a_shipped_file_sees_in_the_golden_picture_what_the_manifest_says(shipped, name):
    _, folder, _ = shipped
    entry = load_manifest(folder).bundles[name]
    found = Detector(load_bundle(folder / entry.file))(read_image(folder / entry.golden.image))
    assert len(found) == len(entry.golden.detections) > 0
    assert found.confidence.tolist() == pytest.approx([one.confidence for one in entry.golden.detections], abs=0.02)


def test_figures_are_of_the_test_split_only(shipped):
    config, _, figures = shipped
    tested = samples_of(config, "test")
    for one in figures:
        assert one.pictures == len(tested)
        assert sum(row.support for row in one.classes) == sum(len(sample.class_id) for sample in tested)


def test_detections_in_pictures_of_the_empty_sets_are_counted_as_false_alarms(shipped):
    config, folder, figures = shipped
    assert [one.empties for one in figures] == [1, 1]
    (picture,) = [sample for sample in samples_of(config, "test") if sample.dataset == "rice-pests"]
    found = Detector(load_bundle(folder / figures[0].file))(read_image(picture.image_path))
    assert figures[0].false_alarms == len(found)


def test_a_class_without_marks_in_the_test_split_has_no_figures_rather_than_zeros(shipped):
    _, folder, figures = shipped
    unmarked = {row.label for row in figures[0].classes if row.support == 0}
    assert "Pseudococcidae" in unmarked
    for one in load_bundle(folder / figures[0].file).classes:
        assert (one.precision is None) == (one.recall is None) == (one.support < 5)
    assert all((row.found.recall.value is None) == (row.label in unmarked) for row in figures[0].classes)


def test_the_card_names_every_class_dataset_and_licence(shipped):
    _, folder, figures = shipped
    text = (folder / "cards" / "tiny.md").read_text("utf-8")
    assert all(f"*{row.label}*" in text for row in figures[0].classes)
    assert "pest-vision" in text
    assert "CC-BY-4.0" in text
    assert "| tomato-lesions | 698 |" in text, "learned by the bundle that it went on from"


def test_the_report_stands_in_markdown_json_and_pictures(shipped):
    _, folder, figures = shipped
    text = (folder / "reports" / "tiny.md").read_text("utf-8")
    pictures = re.findall(r"\]\(([\w-]+\.png)\)", text)
    assert len(pictures) == 4
    assert all((folder / "reports" / name).stat().st_size > 1000 for name in pictures)
    told = json.loads((folder / "reports" / "tiny.json").read_text("utf-8"))
    assert [one["file"] for one in told] == ["tiny.onnx", "tiny-int8.onnx"]
    assert told[0]["map50"] == pytest.approx(figures[0].map50, abs=1e-4)
    assert set(told[0]["field"]) == set(HARMS)


def test_a_report_of_the_validation_split_changes_no_released_file(shipped, tmp_path):
    config, folder, _ = shipped
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    figures = reported(config, folder, "val", tmp_path)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert {one.split for one in figures} == {"val"}
    assert (tmp_path / "tiny.md").is_file()


def test_a_report_leaves_out_test_pictures_that_look_like_one_to_train(shipped, tmp_path):
    config, folder, _ = shipped
    data = tmp_path / "data"
    shutil.copytree(TINY, data)
    taught, judged = (samples_of(config, split)[0].image_path.relative_to(TINY) for split in ("train", "test"))
    cv2.imwrite(str(data / judged), cv2.flip(cv2.imread(str(TINY / taught)), 1))
    config = msgspec.structs.replace(config, data=str(data))
    whole, part = (reported(config, folder, "test", tmp_path, with_copies=one) for one in (True, False))
    assert part[0].pictures == whole[0].pictures - 1


def test_wrong_marks_of_the_test_split_are_judged_unless_a_report_asks(shipped, tmp_path, monkeypatch):
    config, folder, _ = shipped
    one = samples_of(config, "test")[0]
    image, mark = str(one.image_path.relative_to(TINY / one.dataset)), tuple(one.xyxy[0].tolist())
    decision = Decision(one.dataset, image, WRONG, mark, "something else")
    monkeypatch.setattr("training.evaluate.read_decisions", lambda: [decision])
    as_it_is, cared = (reported(config, folder, "test", tmp_path, cared=cared) for cared in (False, True))
    marks = [sum(row.support for row in figures[0].classes) for figures in (as_it_is, cared)]
    assert marks[1] == marks[0] - 1


def test_a_shipped_bundle_is_what_training_continues_from(shipped):
    _, folder, _ = shipped
    assert load_bundle(folder / "tiny.onnx").training.start_weights == "pests"


def test_a_run_that_learned_its_labels_in_another_order_is_neither_gone_on_from_nor_exported(shipped, tmp_path):
    config, folder, _ = shipped
    other = msgspec.structs.replace(config, datasets=config.datasets[::-1])
    for goes_on in (lambda: train(other, folder), lambda: export(other, folder / "last.pt", tmp_path)):
        with pytest.raises(ConfigError, match=r"last\.pt: learned other labels, or the same in another order"):
            goes_on()


def called(main, *words, monkeypatch):
    monkeypatch.setattr("sys.argv", ["command", *map(str, words)])
    return main()


def test_both_files_are_made_again_from_the_float32_one_alone(shipped, tmp_path):
    config, folder, _ = shipped
    shutil.copy(folder / "tiny.onnx", tmp_path)
    for path in export_again(msgspec.structs.replace(config, activation="silu"), tmp_path, folder):
        again, before = read_facts(path), read_facts(folder / path.name)
        assert [one["threshold"] for one in again["classes"]] == [one["threshold"] for one in before["classes"]]
        assert again["precision"] == before["precision"]
        assert again["metrics"] is None, "figures are of the file that was measured"
        assert {one["precision"] for one in again["classes"]} == {None}
        assert onnx.load(path).graph == onnx.load(folder / path.name).graph
    with pytest.raises(ConfigError, match="export it first"):
        export_again(config, tmp_path / "elsewhere", folder)


@pytest.mark.usefixtures("_not_quantised")
@pytest.mark.parametrize("makes", [export, export_again, choose_again])
def test_a_stop_on_the_way_leaves_the_bundle_that_stood_there(shipped, tmp_path, monkeypatch, makes):
    config, folder, _ = shipped
    before = copied(folder, tmp_path)

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(exports, "choose", stopped)
    with pytest.raises(KeyboardInterrupt):
        makes(config, *((folder / "last.pt", tmp_path) if makes is export else (tmp_path, folder)))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.usefixtures("_not_quantised")
def test_files_that_their_folds_cannot_judge_leave_those_before(shipped, tmp_path):
    config, folder, _ = shipped
    before = copied(folder, tmp_path)
    with pytest.raises(ConfigError, match=r"cards_without_08038ade/last\.pt: not there; train first"):
        export_again(msgspec.structs.replace(config, folds=("cards_without_08038ade",)), tmp_path, folder)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def copied(folder, to):
    """The bytes of both files, which also lie in `to` now."""
    return {name: Path(shutil.copy(folder / name, to)).read_bytes() for name in ("tiny.onnx", "tiny-int8.onnx")}


def test_thresholds_are_chosen_again_from_the_released_files_alone(shipped, tmp_path):
    config, folder, _ = shipped
    paths = [Path(shutil.copy(folder / name, tmp_path)) for name in ("tiny.onnx", "tiny-int8.onnx")]
    before = [read_facts(path) for path in paths]
    for path, facts in zip(paths, before, strict=True):
        write_facts(path, with_choice(facts, Choice(2.5, (0.8,) * len(facts["classes"]))))
    assert choose_again(config, tmp_path, folder) == paths
    for path, facts in zip(paths, before, strict=True):
        again = read_facts(path)
        assert again["temperature"] == facts["temperature"]
        assert [one["threshold"] for one in again["classes"]] == [one["threshold"] for one in facts["classes"]]
        assert again["dispersion"] == facts["dispersion"]
        assert again["metrics"] is None
    with pytest.raises(ConfigError, match="export it first"):
        choose_again(config, tmp_path / "elsewhere", folder)


@pytest.mark.usefixtures("_not_quantised")
def test_a_soup_lies_half_way_back_to_the_weights_that_the_run_went_on_from(shipped, tmp_path, capsys):
    config, folder, _ = shipped
    start, tuned = (weights_of(path) for path in (folder / "start.onnx", folder / "tiny.onnx"))
    longer = (PhaseConfig(epochs=9, sides_px=(SIDE_PX,)),)
    souped, _ = export(msgspec.structs.replace(config, soup=True, phases=longer), folder / "last.pt", tmp_path)
    assert f"{folder / 'last.pt'}: has learned 2 of 9 epochs and is exported as it is" in capsys.readouterr().out
    half = {name: (start[name] + tuned[name]) / 2 for name in tuned}
    assert any(not np.allclose(half[name], tuned[name], atol=1e-7) for name in half)
    assert all(np.allclose(value, half[name], atol=1e-5) for name, value in weights_of(souped).items())


def weights_of(path):
    return {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}


def test_a_soup_needs_the_weights_that_the_run_went_on_from(shipped, tmp_path):
    config, folder, _ = shipped
    shutil.copy(folder / "last.pt", tmp_path)
    with pytest.raises(ConfigError, match=r"start\.onnx"):
        export(msgspec.structs.replace(config, soup=True), tmp_path / "last.pt", tmp_path)


@pytest.mark.usefixtures("_not_quantised")
def test_pictures_that_a_bundle_learned_are_judged_by_a_run_that_left_them_out(shipped, tmp_path, monkeypatch, capsys):
    config, folder, _ = shipped
    left_out = DatasetConfig(name="rice-pests", annotation="yolo", held_out=("0", "1", "2"))
    fold = msgspec.structs.replace(config, datasets=(config.datasets[0], left_out), name="fold")
    told = {name: value for name, value in msgspec.to_builtins(fold).items() if value is not None}
    (tmp_path / "fold.toml").write_bytes(msgspec.toml.encode(told))
    monkeypatch.setattr(exports, "CONFIGS", tmp_path)
    for name in ("fold", "whole"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        for file in ("last.pt", "start.onnx"):
            shutil.copy(folder / file, tmp_path / "runs" / name)
    folded = msgspec.structs.replace(config, folds=("fold",))
    path, _ = export(folded, tmp_path / "runs" / "whole" / "last.pt", tmp_path)
    without, with_fold = decided(folder / "tiny.onnx"), decided(path)
    assert with_fold == decided(tmp_path / "runs" / "fold" / "tiny.onnx")
    assert "has learned" not in capsys.readouterr().out, "both runs came to their end"
    assert with_fold != without
    monkeypatch.setattr(exports, "FOLDS", tmp_path)
    shutil.copy(tmp_path / "runs" / "fold" / "tiny.onnx", tmp_path / "fold.onnx")
    shutil.rmtree(tmp_path / "runs" / "fold")
    path, _ = export_again(folded, tmp_path, tmp_path / "runs")
    assert decided(path) == with_fold, "the weights of folds are kept"
    write_facts(tmp_path / "fold.onnx", {**read_facts(path), "tile": {"side_px": 64, "overlap_px": 8}})
    shutil.rmtree(tmp_path / "runs" / "fold")
    with pytest.raises(ConfigError, match=r"fold\.onnx has another side, other tiles"):
        export_again(folded, tmp_path, tmp_path / "runs")


@pytest.mark.usefixtures("_not_quantised")
def test_a_run_with_crops_keeps_what_folds_chose_for_the_bundle_that_it_went_on_from(shipped, tmp_path):
    config, folder, _ = shipped
    for file in ("last.pt", "start.onnx"):
        shutil.copy(folder / file, tmp_path)
    before = read_facts(tmp_path / "start.onnx")
    chosen = with_choice(before, Choice(2.5, (0.8,) * len(before["classes"])))
    write_facts(tmp_path / "start.onnx", chosen | {"dispersion": {"precision": 0.5, "recall": 1.5, "rough": 0.1}})
    crops = DatasetConfig(name=str(checked(samples_of(config, "train")[-3:], tmp_path).export), annotation=REVIEWED)
    added = msgspec.structs.replace(config, folds=("gone",), datasets=(*config.datasets, crops))
    (tmp_path / "new").mkdir()
    files = export(added, tmp_path / "last.pt", tmp_path / "new")
    assert [decided(path) for path in files] == [decided(tmp_path / "start.onnx")] * 2
    assert set(decided(files[0])[2]) == {0.8}


def decided(path):
    facts = read_facts(path)
    return facts["temperature"], facts["dispersion"], [one["threshold"] for one in facts["classes"]]


@pytest.mark.usefixtures("_not_quantised")
def test_crops_that_people_checked_train_a_bundle_further_which_ships_if_it_forgot_nothing(
    shipped, tmp_path, monkeypatch, capsys
):
    config, folder, _ = shipped
    models, new, runs, toml = (tmp_path / name for name in ("models", "new", "runs", "tiny.toml"))
    shutil.copytree(folder, models)
    config = msgspec.structs.replace(
        config,
        phases=(PhaseConfig(epochs=1, sides_px=(SIDE_PX,), mosaic=0.0),),
        optimiser=OptimiserConfig(learning_rate=1e-7),
    )
    told = {name: value for name, value in msgspec.to_builtins(config).items() if value is not None}
    toml.write_bytes(msgspec.toml.encode(told))
    samples = samples_of(config, "train")[-3:]
    review = checked(samples, tmp_path)
    assert review.verdicts.count("yes") > 1 < review.verdicts.count("no")

    add = (toml, "--add", review.export, "--runs", runs, "--models")
    called(trains.main, *add, models, monkeypatch=monkeypatch)
    with pytest.raises(
        ConfigError, match=r"models: has tiny, with which .*; give another folder for them, say --models"
    ):
        called(exports.main, *add, models, monkeypatch=monkeypatch)
    called(exports.main, *add, new, monkeypatch=monkeypatch)
    capsys.readouterr()
    is_refused = called(accepts.main, toml, new, models, monkeypatch=monkeypatch) == 1
    assert is_refused == ("<- lost" in capsys.readouterr().out)
    if is_refused:  # one box decides a class here: leave the gate nothing to refuse, and try again
        assert read_facts(models / "tiny.onnx")["training"]["start_weights"] == "pests"
        for path in new.glob("*.onnx"):
            shutil.copy(path, models)
        assert called(accepts.main, toml, new, models, monkeypatch=monkeypatch) == 0

    assert (runs / added_name(config, [review.export]) / "log.jsonl").is_file()
    with pytest.raises(ConfigError, match=r"last\.pt: has learned these crops"):
        called(trains.main, *add, models, monkeypatch=monkeypatch)
    facts = read_facts(models / "tiny.onnx")
    assert facts["training"]["command"].endswith(f"{toml.name} --add north-dyke")
    assert facts["training"]["start_weights"] == "tiny"
    pictures = {one["name"]: one["pictures"] for one in facts["training"]["datasets"]}
    assert pictures["north-dyke"] == len(samples)
    assert facts["metrics"]["pictures"] == len(samples_of(config, "test"))
    assert "crops that people reviewed" in (models / "cards" / "tiny.md").read_text("utf-8")
    assert load_manifest(models).bundles["tiny"].sha256 == load_bundle(models / "tiny.onnx").sha256
