"""Pasting insects: they come without their own card, cover at most half of another and lie where their boxes are."""

import json

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from edge.boxes import area, intersection
from edge.errors import ConfigError
from training.config import CONFIGS, read_config
from training.cutouts import (
    CORNER,
    CROSSED,
    FAINTER,
    STORED_PX,
    STRANGE_PX,
    Pasting,
    pasted,
    read_cutouts,
    read_strangers,
)
from training.overlays import pasting_of
from training.samples import Example

CARD = (40, 200, 220)  # BGR of a yellow card
DARKER = 0.3


@pytest.fixture
def root(tmp_path):
    """A blue card with one dark insect, a disc of 20 px, outlined with 5 px of card round it."""
    return card_set(tmp_path, (200, 120, 60), (60, 36, 18))  # 0.3 of the card's light


def card_set(tmp_path, ground, insect):
    image = np.full((120, 160, 3), ground, np.uint8)
    cv2.circle(image, (80, 60), 10, insect, -1)
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


def test_some_insects_lie_across_another_and_none_covers_most_of_it(one_insect):
    overlaps = []
    for seed in range(60):
        boxes = drawn(on_card(), one_insect, 6, seed).xyxy
        if len(boxes) > 1:
            smaller = np.minimum(area(boxes)[:, None], area(boxes)[None])
            overlaps.append((intersection(boxes, boxes) / smaller)[~np.eye(len(boxes), dtype=bool)].max())
    assert CORNER < max(overlaps) <= CROSSED
    assert 0.1 < np.mean(np.array(overlaps) > 0) < 0.9


def test_a_colour_that_its_card_lacks_does_not_make_an_insect_shine(tmp_path):
    [cutout] = read_cutouts(card_set(tmp_path, (2, 200, 220), (12, 60, 66)), {"card.png"}, class_id=1)
    assert cutout.share.max() == pytest.approx(1.0)
    assert cutout.share[cutout.share.shape[0] // 2, cutout.share.shape[1] // 2] == pytest.approx([0.3] * 3)


def test_the_example_itself_stays_as_it_was(one_insect):
    example = on_card()
    for seed in range(5):
        drawn(example, one_insect, 4, seed)
    assert (example.image == CARD).all()


def test_pictures_that_are_not_named_give_nothing(root):
    assert read_cutouts(root, {"elsewhere.png"}, class_id=1) == []


@pytest.mark.parametrize("outline", [None, [], {"counts": "PPYo0", "size": [120, 160]}])
def test_an_insect_without_an_outline_is_not_pasted_and_a_set_of_such_alone_is_named(outline, root):
    told = json.loads((root / "annotations.json").read_text())
    bare = {"image_id": 1, "segmentation": outline} if outline is not None else {"image_id": 1}
    (root / "annotations.json").write_text(json.dumps(told | {"annotations": [*told["annotations"], bare]}))
    assert len(read_cutouts(root, {"card.png"}, class_id=1)) == 1
    (root / "annotations.json").write_text(json.dumps(told | {"annotations": [bare]}))
    (root / "splits.csv").write_text("image,group,split\ncard.png,afbd6f68,train\n")
    (root / "sticky-cards").symlink_to(root)
    with pytest.raises(ConfigError, match=r"sticky-cards: no insect to train has an outline that can be pasted; "):
        pasting_of(replace(read_config(CONFIGS / "cards_11.toml"), data=str(root)), [])


@pytest.fixture
def meadow(tmp_path):
    """A YOLO set of one picture: a dark diamond of 300 px on grass, marked as a polygon, and a box beside it."""
    image = np.full((400, 400, 3), (40, 160, 60), np.uint8)
    diamond = np.array([[200, 50], [350, 200], [200, 350], [50, 200]])
    cv2.fillPoly(image, [diamond], (20, 20, 20))
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), image)
    polygon = " ".join(f"{v / 400}" for v in diamond.ravel())
    (tmp_path / "labels" / "a.txt").write_text(f"0 {polygon}\n0 0.9 0.9 0.1 0.1\n1 {polygon}\n")
    (tmp_path / "classes.txt").write_text("moth\naphids\n")
    return tmp_path


def test_strangers_are_the_outlined_insects_of_the_kinds_that_are_named(meadow):
    [moth] = read_strangers(meadow, [meadow / "images" / "a.png"], ["moth"], class_id=1)
    assert STORED_PX <= max(moth.opacity.shape) <= STORED_PX + 20
    assert moth.opacity[0].max() == 0.0  # nothing of it is cut off by its frame
    assert moth.opacity.mean() == pytest.approx(0.45, abs=0.06)  # half of its box is insect, and there is a margin
    with pytest.raises(ConfigError, match=r"classes\.txt: has no class 'beetle', which paste\.kinds names; write one"):
        read_strangers(meadow, [meadow / "images" / "a.png"], ["moth", "beetle"], class_id=1)


def test_strangers_lie_on_the_card_without_their_meadow_and_with_boxes_of_their_size(meadow, one_insect):
    strangers = read_strangers(meadow, [meadow / "images" / "a.png"], ["moth"], class_id=1)
    canvas = Example(np.full((600, 600, 3), CARD, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    pasting = Pasting(one_insect, np.array([True]), most=1, strangers=strangers)
    longest = []
    for seed in range(80):
        result = pasted(canvas, pasting, np.random.default_rng(seed))
        assert (result.image.astype(int) <= np.array(CARD) + 1).all()  # the card, or darker: no grass
        longest += [float((box[2:] - box[:2]).max()) for box in result.xyxy]
    assert max(longest) > 100  # the one insect of the card has 20 px
    assert max(longest) < STRANGE_PX[1] * 1.1


def test_a_box_fits_what_was_turned_scaled_and_blurred(meadow):
    moths = read_strangers(meadow, [meadow / "images" / "a.png"], ["moth"], class_id=1)
    canvas = Example(np.full((600, 600, 3), CARD, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    seen = 0
    for seed in range(20):
        result = pasted(canvas, Pasting(moths, np.array([True]), most=1), np.random.default_rng(seed))
        taken = 1 - result.image[..., 1] / CARD[1]
        for box in result.xyxy:
            ys, xs = np.nonzero(taken > taken.max() / 2)
            assert box == pytest.approx(np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]), abs=3)
            seen += 1
    assert seen > 5
