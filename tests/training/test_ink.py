"""Writing on cards: it darkens them but for a light rim, moves no mark, and is there as often as asked for."""

import cv2
import numpy as np
import pytest

from training.cutouts import Pasting, pasted
from training.handwriting import strokes
from training.ink import written
from training.samples import IGNORE, Example

CARD = (40, 200, 220)  # BGR of a yellow card


def card(boxes=()):
    canvas = np.full((440, 440, 3), CARD, np.uint8)
    return Example(canvas, np.array(boxes, np.float32).reshape(-1, 4), np.zeros(len(boxes), np.int64))


@pytest.fixture(scope="module")
def inked():
    """Thirty cards that were written on."""
    return [written(card(), np.random.default_rng(seed)).image for seed in range(30)]


@pytest.mark.parametrize("seed", range(20))
def test_writing_moves_no_mark_and_lightens_but_the_rim_round_it(seed):
    before = card([(10, 20, 60, 70)])
    after = written(before, np.random.default_rng(seed))
    darker, lighter = ((sign * (after.image.astype(int) - before.image) > 8).any(axis=2) for sign in (-1, 1))
    rim = cv2.dilate(darker.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert not (lighter & ~rim).any()
    assert lighter.sum() < 0.5 * darker.sum() + 50
    assert after.xyxy.tolist() == before.xyxy.tolist()


def test_half_of_the_ink_has_a_light_rim_as_a_camera_sharpens(inked):
    assert 7 < sum((one > np.add(CARD, 8)).any() for one in inked) < 30


def test_a_mark_under_a_markers_ink_teaches_nothing_and_one_beside_it_stays():
    boxes = [(x, y, x + 40, y + 40) for x in range(0, 440, 40) for y in range(0, 440, 40)]
    seen, hidden = [], []
    for seed in range(20):
        after = written(card(boxes), np.random.default_rng(seed))
        untouched = [(after.image[y : y + 40, x : x + 40] == CARD).all() for x, y, _, _ in boxes]
        seen.append(set(after.class_id[untouched]))
        hidden += [
            after.image[y : y + 40, x : x + 40].mean() for x, y, _, _ in np.array(boxes)[after.class_id == IGNORE]
        ]
    assert set().union(*seen) == {0}
    assert len(hidden) > 20
    assert max(hidden) < 0.9 * np.mean(CARD)


def test_most_tiles_show_strokes_and_none_is_hidden_by_them(inked):
    covered = [(one < np.array(CARD)).any(axis=2).mean() for one in inked]
    assert np.mean(np.array(covered) > 0.001) > 0.8
    assert max(covered) < 0.7


def test_the_same_seed_writes_the_same():
    first, again, other = (written(card(), np.random.default_rng(seed)).image for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 5, 15), (1.0, 17, 20)])
def test_as_many_tiles_are_written_on_as_the_share_says(share, least, most):
    pasting = Pasting([], np.array([True]), 0, share)
    after = [pasted(card(), pasting, np.random.default_rng(seed)).image for seed in range(20)]
    assert least <= sum((image != card().image).any() for image in after) <= most


def test_a_hand_draws_each_sign_about_its_square_and_never_twice_the_same():
    random = np.random.default_rng(2)
    signs = [strokes(random) for _ in range(300)]
    ends = np.array([(sign[0].min(), sign[0].max()) for sign in signs])
    assert ends[:, 0].min() > -0.6
    assert ends[:, 1].max() < 1.6
    assert len({sign[0].tobytes() for sign in signs}) == 300
    assert {len(sign) for sign in signs} == {1, 2, 3, 4}


def test_red_ink_is_there_too(inked):
    darkened = [(1 - one / CARD).max(axis=(0, 1)) for one in inked]
    assert any(blue > 0.5 and red < 0.4 for blue, _, red in darkened)
