import msgspec
import numpy as np
import pytest

from edge.errors import ConfigError
from tests.training.conftest import TINY
from training.classes import read_classes
from training.config import DatasetConfig
from training.datasets import images_of_split, read_dataset
from training.datasets.yolo import box_of_line, label_path
from training.train import samples_of

PESTS = read_classes(["pest-vision", "rice-pests"])
PEST_VISION = DatasetConfig(name="pest-vision", annotation="yolo")
RICE_PESTS = DatasetConfig(name="rice-pests", annotation="yolo")


def test_a_box_line_is_centre_and_size():
    index, box = box_of_line("3 0.5 0.4 0.2 0.6")
    assert index == 3
    assert box == pytest.approx([0.4, 0.1, 0.6, 0.7])


def test_a_polygon_line_becomes_its_hull_box():
    _, box = box_of_line("0 0.2 0.5 0.6 0.1 0.9 0.4 0.5 0.8")
    assert box == pytest.approx([0.2, 0.1, 0.9, 0.8])


def test_a_box_that_hangs_over_the_edge_is_cut():
    _, box = box_of_line("0 0.05 0.5 0.3 0.2")
    assert box == pytest.approx([0.0, 0.4, 0.2, 0.6])


@pytest.mark.parametrize("line", ["0 0.5 0.5 0.1", "0 0.1 0.2 0.3 0.4 0.5", "0 a b c d", "0"])
def test_a_line_that_is_neither_is_refused(line):
    with pytest.raises(ValueError, match=r"neither|could not convert"):
        box_of_line(line)


def test_a_bad_line_is_named_with_file_and_number(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    (tmp_path / "classes.txt").write_text("pieris\n")
    (tmp_path / "splits.csv").write_text("image,group,split\nimages/pest_00.jpg,0,train\n")
    (tmp_path / "images/pest_00.jpg").write_bytes((TINY / "pest-vision/images/pest_00.jpg").read_bytes())
    (tmp_path / "labels/pest_00.txt").write_text("0 0.5 0.5 0.2 0.2\n0 0.5 0.5\n")
    with pytest.raises(ConfigError, match=r"pest_00\.txt, line 2"):
        read_dataset(tmp_path, PEST_VISION, "train", PESTS)


def test_labels_lie_where_each_publisher_keeps_them(tmp_path):
    (tmp_path / "Annotations" / "Train" / "Human").mkdir(parents=True)
    assert label_path(tmp_path / "train/images/a.jpg") == tmp_path / "train/labels/a.txt"
    assert label_path(tmp_path / "Images/Test/7.jpg") == tmp_path / "Annotations/Test/YOLO/7.txt"
    assert label_path(tmp_path / "Images/Train/7.jpg") == tmp_path / "Annotations/Train/Human/YOLO/7.txt"


def test_only_splits_csv_decides_the_split():
    splits = {split: set(images_of_split(TINY / "pest-vision", split)) for split in ("train", "val", "test")}
    assert [len(splits[split]) for split in ("train", "val", "test")] == [9, 3, 2]
    assert not splits["train"] & splits["test"]


def test_a_dataset_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"splits\.csv: not found"):
        images_of_split(tmp_path / "absent", "train")


def test_boxes_are_in_pixels_of_the_stored_picture():
    sample = read_dataset(TINY / "rice-pests", RICE_PESTS, "train", PESTS)[0]  # rice_00.jpg, 224 px
    assert PESTS.labels[sample.class_id[0]] == "Cnaphalocrocis medinalis"
    assert sample.xyxy[0] == pytest.approx(np.array([0.23086, 0.10898, 0.78164, 0.87695]) * 224, abs=0.5)


def test_held_out_groups_of_train_validate_instead_and_test_stays():
    root = TINY / "pest-vision"
    train, val = images_of_split(root, "train"), images_of_split(root, "val")
    moved = [image for image in train if image.endswith(("_00.jpg", "_01.jpg"))]
    assert set(images_of_split(root, "val", {"0", "1"})) == set(val) | set(moved)
    assert set(images_of_split(root, "train", {"0", "1"})) == set(train) - set(moved)
    last = {"12", "13"}  # groups of the test split
    assert images_of_split(root, "test", last) == images_of_split(root, "test")


def test_a_set_without_the_labels_trains_with_no_boxes_and_is_not_judged(tiny_config):
    rice = DatasetConfig(name="rice-pests", annotation="empty")
    config = msgspec.structs.replace(tiny_config, datasets=(PEST_VISION, rice))
    assert config.labelled == ["pest-vision"]
    trained = [sample for sample in samples_of(config, "train") if sample.dataset == "rice-pests"]
    assert len(trained) == 4
    assert all(len(sample.xyxy) == 0 for sample in trained)
    for split in ("val", "test"):
        assert {sample.dataset for sample in samples_of(config, split)} == {"pest-vision"}


def test_a_set_that_shows_nothing_and_has_no_splits_only_tests(tmp_path):
    for name in ("b.jpg", "card/a.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    cards = DatasetConfig(name="empty-cards", annotation="empty")
    shown = {split: read_dataset(tmp_path, cards, split, PESTS) for split in ("train", "val", "test")}
    assert [one.image_path.name for one in shown["test"]] == ["b.jpg", "a.jpg"]
    assert all(len(one.class_id) == 0 for one in shown["test"])
    assert not shown["train"]
    assert not shown["val"]
    with pytest.raises(ConfigError, match="not found"):
        read_dataset(tmp_path / "elsewhere", cards, "test", PESTS)
