"""Drawn sick leaves: they bring no mark, and what they hide is taught neither as an insect nor as none."""

import msgspec
import numpy as np
import pytest

from training import foliage
from training.config import TransplantConfig
from training.foliage import Drawing, bare, laid, with_foliage
from training.mixture import samples_of
from training.overlays import alteration_of
from training.samples import IGNORE, Example

GROUND = (40, 160, 60)
BOXES = [(x, y, x + 40, y + 40) for x in range(0, 320, 40) for y in range(0, 240, 40)]


def ground(boxes=()):
    canvas = np.full((240, 320, 3), GROUND, np.uint8)
    return Example(canvas, np.array(boxes, np.float32).reshape(-1, 4), np.zeros(len(boxes), np.int64))


def share_changed(after, box):
    x1, y1, x2, y2 = map(int, box)
    return (np.abs(after.image[y1:y2, x1:x2].astype(int) - GROUND).max(axis=2) > 2).mean()


def test_a_mark_in_sight_stays_one_that_is_half_hidden_teaches_nothing_one_below_is_gone(monkeypatch):
    monkeypatch.setattr(foliage, "PLAIN", 0.0)
    monkeypatch.setattr(foliage, "laid", without_shadow)
    seen = {"stays": [], "ignored": [], "gone": []}
    for seed in range(20):
        after = with_foliage(ground(BOXES), np.random.default_rng(seed))
        left = dict(zip(map(tuple, after.xyxy.astype(int).tolist()), after.class_id.tolist(), strict=True))
        assert set(left) <= set(BOXES)
        for box in BOXES:
            what = "gone" if box not in left else "ignored" if left[box] == IGNORE else "stays"
            seen[what].append(share_changed(after, box))
    assert max(seen["stays"]) < foliage.HIDDEN + 0.15  # of which the edge, soft by a pixel, is a part
    assert min(seen["gone"]) > 0.6  # a grown leaf may happen to be as green as the ground
    assert min(map(len, seen.values())) > 40


def without_shadow(ground, drawing, random):
    weight = drawing.cover[..., None]
    return np.asarray(np.clip(ground * (1 - weight) + drawing.colour * weight, 0, 255), np.uint8)


def test_plain_ground_takes_the_marks_with_it(monkeypatch):
    monkeypatch.setattr(foliage, "PLAIN", 1.0)
    for seed in range(10):
        after = with_foliage(ground(BOXES), np.random.default_rng(seed))
        assert len(after.xyxy) == len(after.class_id) == 0
        assert after.image.shape == (240, 320, 3)
        assert share_changed(after, (0, 0, 320, 240)) > 0.99


def test_ground_and_skin_come_from_where_nothing_is_marked():
    marks = [(40, 30, 120, 110), (200, 60, 318, 238)]
    picture = ground(marks)
    for x1, y1, x2, y2 in marks:
        picture.image[y1:y2, x1:x2] = (0, 0, 255)
    parts = [bare(picture, np.random.default_rng(seed)) for seed in range(60)]
    found = [part for part in parts if part is not None]
    assert len(found) > 50
    assert all(part.shape == picture.image.shape and (part == GROUND).all() for part in found)


def test_a_picture_of_a_few_px_has_ground_too():
    strip = Example(np.full((5, 90, 3), 114, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    assert bare(strip, np.random.default_rng(1)).shape == (5, 90, 3)


def test_a_picture_full_of_insects_gives_neither(monkeypatch):
    crowd = ground([(0, 0, 320, 240)])
    assert bare(crowd, np.random.default_rng(1)) is None
    monkeypatch.setattr(foliage, "REAL_GROUND", 1.0)
    monkeypatch.setattr(foliage, "REAL_SKIN", 1.0)
    monkeypatch.setattr(foliage, "PLAIN", 1.0)
    for seed in range(10):
        assert share_changed(with_foliage(crowd, np.random.default_rng(seed)), (0, 0, 320, 240)) > 0.99


def test_a_leaf_wears_what_grows_in_the_picture_in_its_own_colour(monkeypatch):
    monkeypatch.setattr(foliage, "REAL_GROUND", 0.0)
    monkeypatch.setattr(foliage, "PLAIN", 1.0)
    ground_with_stripes = ground()
    ground_with_stripes.image[:, ::4] = ground_with_stripes.image[:, 1::4] = 0
    edges = []
    for share in (0.0, 1.0):
        monkeypatch.setattr(foliage, "REAL_SKIN", share)
        drawn = [with_foliage(ground_with_stripes, np.random.default_rng(seed)).image for seed in range(15)]
        edges.append(np.mean([np.abs(np.diff(image.astype(int), axis=1)).mean() for image in drawn]))
    assert edges[1] > 1.2 * edges[0]


def test_leaves_are_of_many_colours_and_the_picture_given_is_left_alone():
    before = ground(BOXES)
    means = [with_foliage(before, np.random.default_rng(seed)).image.mean(axis=(0, 1)) for seed in range(15)]
    assert (np.std(means, axis=0) > 15).all()
    assert (before.image == GROUND).all()
    assert before.xyxy.tolist() == [list(map(float, box)) for box in BOXES]


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 5, 15), (1.0, 20, 20)])
def test_as_many_pictures_show_one_as_the_configuration_says(tiny_config, share, least, most):
    altered = alteration_of(msgspec.structs.replace(tiny_config, foliage=share), [], ["pest-vision"])
    before = ground(BOXES)
    if altered is None:
        assert share == 0
        return
    drawn = sum(altered(before, 0, np.random.default_rng(seed)) is not before for seed in range(20))
    assert least <= drawn <= most


def test_insects_are_laid_on_pictures_and_never_on_plain_ground(tiny_config, monkeypatch):
    monkeypatch.setattr(foliage, "PLAIN", 1.0)
    moved = TransplantConfig(datasets=["pest-vision"], share=1.0, most=3)
    config = msgspec.structs.replace(tiny_config, foliage=0.5, transplant=moved)
    altered = alteration_of(config, samples_of(config, "train"), ["pest-vision"])
    seen = [altered(ground(), 0, np.random.default_rng(seed)) for seed in range(30)]
    is_plain = [share_changed(one, (0, 0, 320, 240)) > 0.99 for one in seen]
    with_insects = [len(one.xyxy) > 0 for one in seen]
    assert 7 < sum(is_plain) < 23
    assert sum(with_insects) > 7
    assert not any(plain and insects for plain, insects in zip(is_plain, with_insects, strict=True))


@pytest.mark.parametrize("away", [(1, 0), (0, -1)])
def test_what_rises_away_from_the_light_is_bright_and_the_shadow_falls_behind(monkeypatch, away):
    monkeypatch.setattr(foliage, "_direction", lambda _random: np.array(away, np.float32))
    y, x = np.mgrid[-1:1:200j, -1:1:200j].astype(np.float32)
    dome = Drawing(
        np.full((200, 200, 3), 120, np.float32), (np.hypot(x, y) < 0.6).astype(np.float32), 1 - np.hypot(x, y), 120.0
    )
    before = x * away[0] + y * away[1] < 0  # the half that the light comes to first
    sunny = [0, 0]
    for seed in range(20):
        seen = laid(np.full((200, 200, 3), 200, np.uint8), dome, np.random.default_rng(seed)).mean(axis=2)
        on, off = dome.cover > 0, (dome.cover == 0) & (np.hypot(x, y) < 0.75)
        sunny[0] += seen[on & before].mean() > seen[on & ~before].mean()
        sunny[1] += seen[off & before].mean() > seen[off & ~before].mean()
    assert min(sunny) >= 16  # clouds go over the picture as well


def test_the_same_seed_draws_the_same():
    first, again, other = (with_foliage(ground(), np.random.default_rng(seed)).image for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()
