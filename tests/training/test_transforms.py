"""Boxes follow pixels: a bright rectangle is found where its box says, whatever was done to the picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.samples import Example
from training.transforms import changed, cut, letterboxed, mosaic, placed, shaded, tinted, weathered

SIDE_PX = 128
BRIGHT = 190  # above the grey pad and every darkened background, below the darkened rectangle


@st.composite
def examples(draw):
    """A black picture with one white rectangle."""
    width, height = draw(st.integers(60, 300)), draw(st.integers(60, 300))
    left, top = draw(st.integers(0, width - 40)), draw(st.integers(0, height - 40))
    right, bottom = draw(st.integers(left + 30, width)), draw(st.integers(top + 30, height))
    image = np.zeros((height, width, 3), np.uint8)
    image[top:bottom, left:right] = 255
    return Example(image, np.array([[left, top, right, bottom]], np.float32), np.array([0], np.int64))


def seen(image):
    """Bounding box of the bright pixels, or None."""
    rows, columns = np.nonzero(image.max(axis=2) > BRIGHT)
    return None if not len(rows) else [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def assert_follows(example):
    for box in example.xyxy:
        assert seen(example.image) == pytest.approx(box, abs=2.5)


@given(examples())
@settings(max_examples=40, deadline=None)
def test_boxes_follow_pixels_through_the_letterbox(example):
    result = letterboxed(example, SIDE_PX)
    assert len(result.xyxy) == 1
    assert_follows(result)


@given(examples(), st.integers(50, 120))
@settings(max_examples=60, deadline=None)
def test_boxes_follow_pixels_into_every_tile(example, side_px):
    for tile in cut(example, side_px, 40):
        assert_follows(tile)


@given(examples(), st.integers(100, 200))
@settings(max_examples=60, deadline=None)
def test_an_insect_shorter_than_the_overlap_is_whole_in_one_tile(example, side_px):
    width, height = example.xyxy[0, 2:] - example.xyxy[0, :2]
    overlap_px = min(90, side_px - 1)
    sizes = [tuple(box[2:] - box[:2]) for tile in cut(example, side_px, overlap_px) for box in tile.xyxy]
    assert max(width, height) > overlap_px or (width, height) in sizes


@given(examples(), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_boxes_follow_pixels_through_random_placement(example, seed):
    assert_follows(placed(example, SIDE_PX, (0.6, 1.6), np.random.default_rng(seed)))


@given(examples(), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_boxes_follow_pixels_through_flips_quarter_turns_colour_and_blur(example, seed):
    fitted = letterboxed(example, SIDE_PX)
    bright = Example(fitted.image // 255 * 255, fitted.xyxy, fitted.class_id)  # black pad
    result = changed(bright, np.random.default_rng(seed))
    level = int(result.image.max()) // 2  # brightness is changed too
    rows, columns = np.nonzero(result.image.max(axis=2) > level)
    assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == pytest.approx(result.xyxy[0], abs=3.5)


@given(examples(), st.integers(0, 3), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_boxes_follow_pixels_into_each_quarter_of_a_mosaic(example, quarter, seed):
    empty = Example(np.zeros((90, 90, 3), np.uint8), np.empty((0, 4), np.float32), np.empty(0, np.int64))
    parts = [example if index == quarter else empty for index in range(4)]
    result = mosaic(parts, SIDE_PX, np.random.default_rng(seed))
    assert len(result.class_id) == len(result.xyxy)
    assert_follows(result)


@given(examples(), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_box_that_was_cut_nearly_away_is_dropped_and_none_is_empty(example, seed):
    result = placed(example, SIDE_PX, (0.6, 1.6), np.random.default_rng(seed))
    sides = result.xyxy[:, 2:] - result.xyxy[:, :2]
    assert (sides >= 3).all()
    assert (result.xyxy >= 0).all()
    assert (result.xyxy <= SIDE_PX).all()


def test_the_same_seed_gives_the_same_picture():
    image = np.random.default_rng(1).integers(0, 255, (90, 120, 3)).astype(np.uint8)
    example = Example(image, np.array([[20, 20, 70, 70]], np.float32), np.array([2], np.int64))
    randoms = map(np.random.default_rng, (7, 7))
    once, again = (changed(placed(example, SIDE_PX, (0.6, 1.6), random), random) for random in randoms)
    assert np.array_equal(once.image, again.image)
    assert np.array_equal(once.xyxy, again.xyxy)


@pytest.mark.parametrize("seed", range(10))
def test_a_tint_changes_each_colour_by_its_own_factor_and_no_box(seed):
    image = np.full((40, 60, 3), 100, np.uint8)
    example = Example(image, np.array([[5, 5, 20, 20]], np.float32), np.array([0], np.int64))
    result = tinted(example, 0.3, np.random.default_rng(seed))
    colours = np.unique(result.image.reshape(-1, 3), axis=0)
    assert len(colours) == 1
    assert ((colours >= 69) & (colours <= 130)).all()
    assert len(set(colours[0].tolist())) > 1
    assert np.array_equal(result.xyxy, example.xyxy)


@given(seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_a_shadow_takes_light_softly_from_a_part_and_moves_no_box(seed):
    example = Example(
        np.full((90, 130, 3), 100, np.uint8), np.array([[3, 4, 50, 60]], np.float32), np.zeros(1, np.int64)
    )
    result = shaded(example, np.random.default_rng(seed))
    assert result.image.max() <= 101  # cubic enlarging overshoots by a hair
    assert result.image.min() >= 20
    steps = np.abs(np.diff(result.image[..., 0].astype(int), axis=1))
    assert steps.max() <= 40, "no edge as hard as an insect's"
    assert np.array_equal(result.xyxy, example.xyxy)


def test_most_shadows_are_seen():
    example = Example(np.full((90, 130, 3), 100, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    dark = [shaded(example, np.random.default_rng(seed)).image.min() < 80 for seed in range(100)]
    assert np.mean(dark) > 0.8


def test_weather_spoils_pixels_now_by_noise_now_by_specks_and_moves_no_box():
    box = np.array([[3, 4, 50, 60]], np.float32)
    example = Example(np.full((300, 400, 3), 160, np.uint8), box, np.zeros(1, np.int64))
    seen = [weathered(example, np.random.default_rng(seed)) for seed in range(60)]
    assert all(np.array_equal(one.xyxy, box) and one.class_id.tolist() == [0] for one in seen)
    dusty = [np.array_equal(one.image[..., 0], one.image[..., 2]) for one in seen]  # noise is each colour's own
    assert 15 < sum(dusty) < 45
    for one, is_dusty in zip(seen, dusty, strict=True):
        assert one.image.std() > 0.5
        if is_dusty:
            assert one.image.max() <= 160, "dust takes light and gives none"
        else:
            assert 0.3 * 160 < one.image.mean() < 1.02 * 160
