"""Pasting insects: they come without their own card, hide at most a corner of another and lie where their boxes are."""

import json

import cv2
import numpy as np
import pytest

from edge.boxes import area, intersection
from training.cutouts import CORNER, FAINTER, Pasting, pasted, read_cutouts
from training.samples import Example

CARD = (40, 200, 220)  # BGR of a yellow card
DARKER = 0.3


@pytest.fixture
def root(tmp_path):
    """A blue card with one dark insect, a disc of 20 px, outlined with 5 px of card round it."""
    image = np.full((120, 160, 3), (200, 120, 60), np.uint8)
    cv2.circle(image, (80, 60), 10, (60, 36, 18), -1)  # 0.3 of the card's light
    cv2.imwrite(str(tmp_path / "card.png"), image)
    outline = [[65, 45, 95, 45, 95, 75, 65, 75]]
    told = {
        "images": [{"id": 1, "file_name": "card.png"}, {"id": 2, "file_name": "other.png"}],
        "annotations": [{"image_id": 1, "segmentation": outline}],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(told))
    return tmp_path


@pytest.fixture
def one_insect(root):
    return read_cutouts(root, {"card.png"}, class_id=1)


def on_card(boxes=()):
    canvas = np.full((200, 200, 3), CARD, np.uint8)
    return Example(canvas, np.array(boxes, np.float32).reshape(-1, 4), np.zeros(len(boxes), np.int64))


def drawn(example, insects, most, seed):
    return pasted(example, Pasting(insects, np.array([True]), most), np.random.default_rng(seed))


def test_an_insect_brings_nothing_of_its_card(one_insect):
    result = next(r for seed in range(9) if len((r := drawn(on_card(), one_insect, 1, seed)).xyxy))
    left, top, right, bottom = result.xyxy[0].astype(int)
    corners = result.image[[top, top, bottom - 1, bottom - 1], [left, right - 1, left, right - 1]]
    assert corners.astype(int) == pytest.approx(np.tile(CARD, (4, 1)), abs=3)
    middle = result.image[(top + bottom) // 2, (left + right) // 2]
    taken = np.array([DARKER**power for power in FAINTER])
    assert (np.multiply(CARD, taken.min()) - 4 <= middle).all()
    assert (middle <= np.multiply(CARD, taken.max()) + 4).all()


def test_every_pasted_insect_has_a_box_around_its_dark_pixels(one_insect):
    result = drawn(on_card(), one_insect, 6, seed=3)
    assert len(result.xyxy) > 1
    assert set(result.class_id.tolist()) == {1}
    is_dark = result.image[..., 1] < 150
    inside = np.zeros_like(is_dark)
    for left, top, right, bottom in result.xyxy.astype(int):
        assert is_dark[top:bottom, left:right].any()
        inside[top:bottom, left:right] = True
    assert not (is_dark & ~inside).any()


def test_no_insect_is_pasted_on_another(one_insect):
    result = drawn(on_card(boxes=[[0, 0, 200, 200]]), one_insect, 6, seed=4)
    assert len(result.xyxy) == 1
    assert (result.image == CARD).all()


def test_some_insects_lie_beside_another_and_none_hides_more_than_its_corner(one_insect):
    overlaps = []
    for seed in range(60):
        boxes = drawn(on_card(), one_insect, 6, seed).xyxy
        if len(boxes) > 1:
            smaller = np.minimum(area(boxes)[:, None], area(boxes)[None])
            overlaps.append((intersection(boxes, boxes) / smaller)[~np.eye(len(boxes), dtype=bool)].max())
    assert max(overlaps) <= CORNER
    assert 0.1 < np.mean(np.array(overlaps) > 0) < 0.9


def test_the_example_itself_stays_as_it_was(one_insect):
    example = on_card()
    for seed in range(5):
        drawn(example, one_insect, 4, seed)
    assert (example.image == CARD).all()


def test_pictures_that_are_not_named_give_nothing(root):
    assert read_cutouts(root, {"elsewhere.png"}, class_id=1) == []
