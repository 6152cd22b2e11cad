"""What an epoch shows: a small set several times, a large one in parts."""

import shutil
from contextlib import nullcontext

import cv2
import msgspec
import numpy as np
import pytest
import torch
from msgspec.structs import replace

from edge.errors import ConfigError
from tests.onnx_files import Net, facts, write_model
from tests.training.conftest import TINY
from training.checkpoints import Checkpoint, save_checkpoint, start_of
from training.classes import read_classes
from training.config import DatasetConfig, PhaseConfig, TileConfig
from training.export import choose_again
from training.mixture import epoch_order, examples_of, rare_times
from training.samples import IGNORE, Example, Sample
from training.train import train


def test_a_repeated_set_is_shown_in_full_and_a_thinned_one_in_other_parts_each_epoch(tiny_config):
    small = DatasetConfig(name="rice-pests", annotation="yolo", repeat=2)
    large = DatasetConfig(name="pest-vision", annotation="empty", one_in=3)
    config = replace(tiny_config, datasets=(large, small))
    dataset_of = ["pest-vision"] * 10 + ["rice-pests"] * 2
    epochs = [epoch_order(dataset_of, np.ones(12, np.int64), config, epoch).tolist() for epoch in range(4)]
    assert [len(shown) for shown in epochs] == [3 + 4] * 4
    assert all(shown.count(index) == 2 for shown in epochs for index in (10, 11))
    assert {index for shown in epochs[:3] for index in shown if index < 10} == set(range(9))
    assert epochs[3] == epochs[0]


def test_pictures_of_a_rare_label_are_shown_more_often(tiny_config):
    common, rare, ignored, empty = [0, 0], [0, 1], [0, IGNORE], []
    examples = [shows(common)] * 96 + [shows(rare), shows(ignored), shows(empty), shows(empty)]
    times = rare_times(examples, 2, 0.09)
    assert times.tolist() == [1] * 96 + [3, 1, 1, 1]  # sqrt(0.09 / 0.01)
    assert (rare_times(examples, 2, 0.0) == 1).all()
    config = replace(tiny_config, datasets=(DatasetConfig(name="rice-pests", annotation="yolo", repeat=2),))
    assert epoch_order(["rice-pests"] * 100, times, config, 0).tolist().count(96) == 6


def shows(class_ids):
    boxes = np.array([[0, 0, 9, 9]] * len(class_ids), np.float32).reshape(-1, 4)
    return Example(np.zeros((9, 9, 3), np.uint8), boxes, np.array(class_ids, np.int64))


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        (
            {"teachers": ("runs/pests_0/pests.onnx",)},
            "runs/pests_0/pests.onnx: no such file, and tiny learns from it; run: python -m training.train "
            "training/configs/pests_0.toml, then: python -m training.export training/configs/pests_0.toml --models "
            "runs/pests_0",
        ),
        (
            {"weights": "models/pests-lite.onnx"},
            "models/pests-lite.onnx: no such file, and tiny learns from it; git log -- models/pests-lite.onnx tells "
            "which commits had it, git show COMMIT:models/pests-lite.onnx gives it",
        ),
        (
            {"weights": "absent/nano.npz"},
            "absent/nano.npz: no such file, and tiny learns from it; put the starting weights there, see "
            "training/README.md",
        ),
    ],
)
def test_a_bundle_that_is_not_there_is_missed_before_the_datasets_are_read(missing, says, tiny_config, tmp_path):
    with pytest.raises(ConfigError) as caught:
        train(replace(tiny_config, data=str(tmp_path / "no-datasets"), **missing), tmp_path / "run")
    assert str(caught.value) == says


def test_a_run_began_with_the_weights_that_its_configuration_names(tiny_config, tmp_path):
    for kind in ("npz", "onnx"):  # the run was begun anew from others
        (tmp_path / f"start.{kind}").touch()
        assert start_of(replace(tiny_config, weights=f"models/pests.{kind}"), tmp_path).suffix == f".{kind}"


def test_a_run_that_goes_on_misses_only_its_teachers(tiny_config, tmp_path):
    random = torch.get_rng_state()
    save_checkpoint(tmp_path / "last.pt", Checkpoint(1, {}, {}, {}, random, {"name": "tiny"}, "none", 0.0, 0.0))
    with pytest.raises(ConfigError, match="no-datasets"):
        train(replace(tiny_config, data=str(tmp_path / "no-datasets"), weights="absent.npz"), tmp_path)


@pytest.mark.parametrize(("then", "is_told"), [({"ships": "best", "threads": 2}, False), ({"seed": 7}, True)])
def test_a_run_that_goes_on_is_told_of_changed_settings_and_not_of_those_that_are_gone(
    then, is_told, tiny_config, tmp_path, capsys
):
    config = replace(tiny_config, data=str(tmp_path / "no-datasets"))
    record = msgspec.to_builtins(config) | then
    save_checkpoint(tmp_path / "last.pt", Checkpoint(1, {}, {}, {}, torch.get_rng_state(), record, "none", 0.0, 0.0))
    with pytest.raises(ConfigError, match="no-datasets"):
        train(config, tmp_path)
    assert ("the configuration has changed since" in capsys.readouterr().out) == is_told


@pytest.mark.parametrize(("epoch", "says"), [(1, "has learned 1 of 2 epochs and goes on"), (2, "all 2 epochs; export")])
def test_a_run_that_is_started_again_says_how_far_it_is_and_one_that_is_done_reads_nothing(
    epoch, says, tiny_config, tmp_path, capsys
):
    record = msgspec.to_builtins(tiny_config)
    save_checkpoint(
        tmp_path / "last.pt", Checkpoint(epoch, {}, {}, {}, torch.get_rng_state(), record, "none", 0.0, 0.0)
    )
    with nullcontext() if epoch == 2 else pytest.raises(ConfigError, match="no-datasets"):
        train(replace(tiny_config, data=str(tmp_path / "no-datasets")), tmp_path)
    assert says in capsys.readouterr().out


def test_a_run_that_is_done_does_not_say_that_it_goes_on_with_other_settings(tiny_config, tmp_path, capsys):
    record = msgspec.to_builtins(tiny_config) | {"seed": 7}
    save_checkpoint(tmp_path / "last.pt", Checkpoint(2, {}, {}, {}, torch.get_rng_state(), record, "none", 0.0, 0.0))
    train(tiny_config, tmp_path)
    out = capsys.readouterr().out
    assert "last.pt: the configuration has changed since; remove this file to begin anew with it" in out
    assert "going on" not in out


def test_a_set_of_which_no_source_is_known_is_told_before_it_is_learned_and_not_when_it_is_exported(
    tiny_config, tmp_path
):
    config = replace(tiny_config, datasets=(DatasetConfig(name="bees", annotation="empty"), *tiny_config.datasets))
    with pytest.raises(ConfigError, match=r"sources\.toml: no table for dataset 'bees'"):
        train(config, tmp_path / "run")


def with_splits(config, folder, was, becomes):
    """The configuration with copies of its sets, whose splits.csv says one thing for another."""
    for dataset in config.datasets:
        shutil.copytree(TINY / dataset.name, folder / dataset.name)
        table = folder / dataset.name / "splits.csv"
        table.write_text(table.read_text().replace(was, becomes))
    return replace(config, data=str(folder))


def test_without_a_test_picture_nothing_is_trained_that_could_not_be_measured(tiny_config, tmp_path):
    with pytest.raises(ConfigError, match=r"tiny: no picture of its datasets is in test; give it some in splits"):
        train(with_splits(tiny_config, tmp_path, ",test", ",train"), tmp_path / "run")


def test_a_set_of_other_plants_that_would_teach_nothing_for_lack_of_its_splits_csv_is_told(tiny_config, tmp_path):
    for name in ("pest-vision", "rice-pests"):
        shutil.copytree(TINY / name, tmp_path / name)
    (tmp_path / "rice-pests" / "splits.csv").unlink()
    nothing = DatasetConfig(name="rice-pests", annotation="empty")
    config = replace(tiny_config, data=str(tmp_path), datasets=(tiny_config.datasets[0], nothing))
    with pytest.raises(ConfigError, match=r"tiny: no picture of rice-pests is in train; give it some in its splits"):
        train(config, tmp_path / "run")


def test_a_phone_s_picture_is_kept_at_twice_the_side_that_is_shown_and_its_marks_with_it(tiny_config, tmp_path):
    cv2.imwrite(str(tmp_path / "large.png"), np.full((900, 1200, 3), 90, np.uint8))
    mark = np.array([[300, 450, 600, 900]], np.float32)
    large = Sample(tmp_path / "large.png", "pest-vision", mark, np.array([3], np.int64))
    (kept,), _ = examples_of([large], replace(tiny_config, phases=tiny_config.phases[:1]))  # validated at 160 px
    assert kept.image.shape == (240, 320, 3)
    assert kept.xyxy[0] == pytest.approx([80, 120, 160, 240])
    tiled = replace(tiny_config, tile=TileConfig(side_px=1200, overlap_px=0))
    assert [one.image.shape for one in examples_of([large], tiled)[0]] == [(900, 1200, 3)]


@pytest.fixture
def without_val(tiny_config, tmp_path):
    """The same, whose pictures to validate train as well."""
    return with_splits(tiny_config, tmp_path, ",val", ",train")


def test_without_a_validation_picture_nothing_is_trained_and_no_threshold_chosen(without_val, tmp_path):
    labels, side_px = read_classes(without_val.labelled).labels, without_val.side_px
    told = facts(labels, input=facts()["input"] | {"side_px": side_px})
    for name in ("tiny.onnx", "tiny-int8.onnx"):
        write_model(tmp_path / name, Net(side_px=side_px, classes=len(labels), metadata=told))
    for makes in (lambda: train(without_val, tmp_path), lambda: choose_again(without_val, tmp_path, tmp_path)):
        with pytest.raises(ConfigError, match=r"tiny: no picture of its datasets is in val; give it some in splits"):
            makes()


def test_a_run_that_folds_judge_may_have_no_validation_picture_and_tells_no_figure_of_it_then(without_val, tmp_path):
    short = (PhaseConfig(epochs=1, sides_px=(64,), mosaic=0.0),)
    train(replace(without_val, folds=("fold",), phases=short, side_px=64, batch=8), tmp_path)
    assert "map50" not in (tmp_path / "log.jsonl").read_text()


@pytest.mark.parametrize(
    ("batch", "split", "says"),
    [(64, "train", "17 pictures or tiles to train are fewer than 64"), (4, "val", "0 pictures")],
)
def test_fewer_pictures_than_a_batch_are_told_and_not_divided_by(batch, split, says, tiny_config, tmp_path):
    config = replace(with_splits(tiny_config, tmp_path, "train", split), batch=batch)
    with pytest.raises(ConfigError, match=f"tiny: {says}"):
        train(config, tmp_path / "run")
