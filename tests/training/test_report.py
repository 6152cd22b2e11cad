import shutil

import numpy as np
import pytest
from msgspec.structs import replace

from edge.errors import ConfigError
from tests.training.conftest import TINY
from training.copies import Copy
from training.report import copy_lines, lines_of, report, split_faults
from training.samples import Sample


def sample(path):
    return Sample(path, "tiny", np.array([[1, 1, 31, 11]], np.float32), np.array([1], np.int64))


def test_each_label_is_listed_with_its_boxes_and_their_size_also_when_it_has_none():
    lines = lines_of([sample(TINY / "pest-vision/images/pest_00.jpg")] * 3, ("Pieris", "Aphis"))
    assert lines == [
        "3 pictures, 0 of them empty, 3 boxes, 0 ignored regions",
        "  Pieris: 0 boxes, 0 px",
        "  Aphis: 3 boxes, 30 px",
    ]


def test_a_picture_with_two_copies_is_one_picture():
    first, second, third = (TINY / name for name in ("a.jpg", "b.jpg", "c.jpg"))
    pairs = [Copy(first, second, 0.991, is_turned=False), Copy(first, third, 0.98, is_turned=True)]
    assert copy_lines("train", "test", pairs) == [
        "1 pictures of train look like 2 of test",
        "  a.jpg ~ b.jpg  0.991",
        "  a.jpg ~ c.jpg  0.980  turned or mirrored",
    ]


def test_without_a_training_picture_the_splits_are_told_and_that_there_is_nothing_to_draw(
    tiny_config, tmp_path, capsys
):
    for dataset in tiny_config.datasets:
        (tmp_path / dataset.name).mkdir()
        (tmp_path / dataset.name / "classes.txt").touch()
        (tmp_path / dataset.name / "splits.csv").write_text("image,group,split\n")
    with pytest.raises(ConfigError, match=r"tiny: no picture of its datasets is in train; give it some in splits\.csv"):
        report(replace(tiny_config, data=str(tmp_path)), tmp_path / "sheet.jpg")
    assert "val: 0 pictures" in capsys.readouterr().out


def test_a_group_in_two_splits_and_pictures_that_somebody_forgot_in_splits_csv_are_told(tmp_path):
    shutil.copytree(TINY / "pest-vision", tmp_path, dirs_exist_ok=True)
    table = tmp_path / "splits.csv"
    assert split_faults(tmp_path) == []
    text = table.read_text().replace("pest_12.jpg,12,", "pest_12.jpg,3,").replace("images/pest_05.jpg,5,train\n", "")
    table.write_text(text)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/7_mask.png").touch()
    assert split_faults(tmp_path) == [
        "1 groups in more than one split, the first '3'",
        "1 pictures in no split, the first 'images/pest_05.jpg'",
    ]
