"""Sheets on the cards: as many pictures as there are, and of copies one."""

import cv2
import numpy as np
import pytest

from edge.detections import Detections, no_detections
from edge.errors import UsageError
from tests.training.conftest import TINY
from training.samples import Sample, read_image
from training.sheets import TILE_PX, evenly, right_and_wrong, write_sheet

ORIGINALS = sorted((TINY / "pest-vision" / "images").glob("*.jpg"))
BOX = np.array([[10, 10, 60, 60]], np.float32)
FOUND = Detections(BOX, np.array([0.9], np.float32), np.array([0]))


def sample(path):
    return Sample(path, "tiny", BOX, np.array([0]))


def rows_of(samples, found, each=8):
    made = right_and_wrong(samples, found, ["Pieris"], each)
    assert made.shape[1] == 4 * TILE_PX
    return made.shape[0] // TILE_PX


@pytest.mark.parametrize(("right", "wrong", "rows"), [(4, 0, 1), (1, 1, 2), (0, 3, 1), (3, 4, 2)])
def test_right_ones_lie_above_wrong_ones_and_none_is_shown_twice(right, wrong, rows):
    samples = [sample(path) for path in ORIGINALS[: right + wrong]]
    found = [FOUND] * right + [no_detections()] * wrong
    assert rows_of(samples, found) == rows


def test_of_many_a_few_are_drawn():
    samples = [sample(path) for path in ORIGINALS[:6]]
    assert rows_of(samples, [FOUND] * 6, each=4) == 1


def test_of_copies_one_is_shown(tmp_path):
    small = cv2.resize(read_image(ORIGINALS[0]), None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    for k in range(5):
        cv2.imwrite(str(tmp_path / f"{k}.jpg"), small, [cv2.IMWRITE_JPEG_QUALITY, 60 + k])
    made = right_and_wrong([sample(path) for path in tmp_path.iterdir()], [FOUND] * 5, ["Pieris"])
    assert made.shape[0] == TILE_PX
    assert (made[:, TILE_PX:] == 114).all()


@pytest.mark.parametrize(
    ("number", "most", "drawn"), [(0, 3, []), (2, 3, [0, 1]), (3, 3, [0, 1, 2]), (7, 3, [0, 2, 4])]
)
def test_what_is_drawn_evenly_is_drawn_once(number, most, drawn):
    assert evenly(range(number), most) == drawn


@pytest.mark.parametrize("name", ["sheet.foo", "sheet", "absent/sheet.png"])
def test_a_sheet_that_cannot_be_written_is_refused_in_one_sentence(tmp_path, name):
    with pytest.raises(UsageError, match=r"cannot be written; name a \.jpg or \.png"):
        write_sheet(tmp_path / name, np.zeros((4, 4, 3), np.uint8))
