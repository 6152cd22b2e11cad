import shutil

import numpy as np
import pytest

from edge.errors import ConfigError
from tests.training.conftest import TINY
from training.copies import Copy
from training.label_decisions import ACTIONS, DROP, REGION, STAY, WRONG, Decision
from training.mixture import stored_samples
from training.report import care_faults, copy_lines, lines_of, nameless, report, split_faults
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
    without_pictures, tmp_path, capsys
):
    with pytest.raises(ConfigError, match=r"tiny: no picture of its datasets is in train; give it some in splits\.csv"):
        report(without_pictures, tmp_path / "sheet.jpg")
    told = capsys.readouterr().out
    assert "val: 0 pictures" in told
    assert " rows of label_care.csv meet no picture or mark, the first: " in told


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


def test_a_label_that_no_row_of_the_taxa_names_is_told_whatever_its_life_stage():
    (told,) = nameless(["Plutella xylostella", "Plutella xylostella (larva)", "Xylocopa violacea (adult)"])
    assert told.startswith("Xylocopa violacea (adult) has no row in edge/taxa.csv")


def test_rows_of_label_care_that_meet_no_picture_or_mark_are_told_for_each_set_of_the_configuration(tiny_config):
    known = stored_samples(tiny_config, "test")[0]
    picture, mark = str(known.image_path.relative_to(TINY / known.dataset)), tuple(known.xyxy[0].round().tolist())
    meet = [Decision(known.dataset, picture, action, mark, "") for action in ACTIONS]
    meet.append(Decision("sticky-cards", "gone.jpg", DROP, mark, ""))
    assert care_faults(tiny_config, meet) == []
    vain = [Decision("pest-vision", picture, action, (1, 2, 3, 4), "") for action in (WRONG, STAY)]
    vain.append(Decision("rice-pests", "gone.jpg", REGION, mark, ""))
    assert care_faults(tiny_config, [*meet, *vain]) == [
        f"pest-vision: 2 rows of label_care.csv meet no picture or mark, the first: wrong of '{picture}'",
        "rice-pests: 1 rows of label_care.csv meet no picture or mark, the first: ignore of 'gone.jpg'",
    ]
