"""Laws of the geometry that detection and training share."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.boxes import (
    area,
    at_most,
    fit_into,
    intersection,
    iou,
    letterbox,
    letterbox_xyxy,
    nms,
    shrink,
    tiles,
    unletterbox,
    without_rivals,
)
from edge.errors import BadFrameError
from tests.strategies import boxes_in, sizes

SIDE_PX = 416
CLASSES = st.integers(0, 2)


@given(sizes(), st.data())
def test_unletterbox_undoes_letterbox_to_half_a_pixel(size: tuple[int, int], data: st.DataObject) -> None:
    xyxy = data.draw(boxes_in(*size))
    fit = fit_into(*size, SIDE_PX)
    assert np.abs(unletterbox(letterbox_xyxy(xyxy, fit), fit) - xyxy).max(initial=0) <= 0.5


@given(sizes(), boxes_in(2 * SIDE_PX, 2 * SIDE_PX))
def test_unletterbox_keeps_every_box_within_the_picture(size: tuple[int, int], xyxy: np.ndarray) -> None:
    source = unletterbox(xyxy - SIDE_PX / 2, fit_into(*size, SIDE_PX))
    assert (source >= 0).all()
    assert (source[:, ::2] <= size[0]).all()
    assert (source[:, 1::2] <= size[1]).all()


@pytest.mark.parametrize(("width_px", "height_px"), [(640, 480), (2304, 1296), (480, 1000), (417, 333), (100, 90)])
def test_a_patch_lies_in_the_letterbox_where_its_box_says(width_px: int, height_px: int) -> None:
    picture = np.zeros((height_px, width_px, 3), np.uint8)
    left, top, right, bottom = width_px // 2, height_px // 3, width_px // 2 + width_px // 4, height_px // 3 * 2
    picture[top:bottom, left:right] = 255
    square, fit = letterbox(picture, SIDE_PX, pad=0)
    bright = np.argwhere(square[..., 0] > 127)
    seen = np.array([*bright.min(axis=0)[::-1], *(bright.max(axis=0)[::-1] + 1)])
    assert np.abs(seen - np.array([left, top, right, bottom]) * fit.scale).max() <= 1


@pytest.mark.parametrize("shape", [(30, 90, 3), (90, 30, 3)])
def test_a_letterbox_written_over_an_old_one_keeps_nothing_of_it(shape: tuple[int, int, int]) -> None:
    square = np.full((64, 64, 3), 255, np.uint8)
    again, _ = letterbox(np.full(shape, 7, np.uint8), 64, into=square)
    assert again is square
    assert (again == letterbox(np.full(shape, 7, np.uint8), 64)[0]).all()
    assert set(np.unique(again)) == {7, 114}


@given(st.integers(1, 700), st.integers(1, 700), st.integers(8, 300))
def test_a_picture_made_smaller_keeps_its_aspect_and_is_never_larger(
    width_px: int, height_px: int, longest_px: int
) -> None:
    small = at_most(np.zeros((height_px, width_px, 3), np.uint8), longest_px)
    assert max(small.shape[:2]) == min(longest_px, max(width_px, height_px))
    scale = max(small.shape[:2]) / max(width_px, height_px)
    assert abs(small.shape[1] - width_px * scale) <= 1
    assert abs(small.shape[0] - height_px * scale) <= 1


def test_a_picture_of_one_column_keeps_it_in_a_square_and_made_smaller() -> None:
    column = np.full((2000, 1, 3), 7, np.uint8)
    square, _ = letterbox(column, 64)
    assert (square[:, 0] == 7).all()
    assert (square[:, 1:] == 114).all()
    assert at_most(column, 64).shape == (64, 1, 3)


def test_a_picture_without_pixels_is_refused() -> None:
    with pytest.raises(BadFrameError, match="0x5") as why:
        letterbox(np.zeros((5, 0, 3), np.uint8), SIDE_PX)
    assert why.value.reason == "empty"


@given(st.integers(0, 2**32 - 1))
def test_shrinking_keeps_the_mean_brightness(seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (97, 211, 3), dtype=np.uint8)
    assert abs(shrink(picture, 40, 20).mean() - picture.mean()) < 4


def test_a_pattern_too_fine_for_the_small_picture_becomes_grey_and_no_false_pattern() -> None:
    checkers = np.indices((256, 256)).sum(axis=0) % 2 * 255
    small = shrink(np.repeat(checkers[..., None], 3, axis=2).astype(np.uint8), 64, 64)
    assert small.min() >= 120
    assert small.max() <= 135


@pytest.mark.parametrize("column", range(4))
def test_what_is_thinner_than_a_pixel_of_the_small_picture_keeps_its_light_wherever_it_lies(column: int) -> None:
    """One white column in four: a picture that only looks at every second of them sees none, or half of it white."""
    lines = np.zeros((256, 256, 3), np.uint8)
    lines[:, column::4] = 255
    assert np.abs(shrink(lines, 64, 64) - 255 / 4).max() <= 1
    assert np.abs(shrink(np.ascontiguousarray(lines.transpose(1, 0, 2)), 64, 64) - 255 / 4).max() <= 1


@given(boxes_in(600, 400), boxes_in(600, 400))
def test_iou_is_symmetric_and_between_0_and_1(a: np.ndarray, b: np.ndarray) -> None:
    assert np.allclose(iou(a, b), iou(b, a).T, atol=1e-6)
    assert ((iou(a, b) >= 0) & (iou(a, b) <= 1 + 1e-5)).all()
    assert (intersection(a, b) <= np.minimum(area(a)[:, None], area(b)[None, :]) * (1 + 1e-5) + 1e-3).all()


@given(boxes_in(600, 400))
def test_iou_of_a_box_with_itself_is_1_unless_it_is_empty(xyxy: np.ndarray) -> None:
    own = np.diag(iou(xyxy, xyxy))
    assert np.allclose(own[area(xyxy) > 1e-3], 1, atol=1e-5)


def test_iou_of_boxes_worked_out_by_hand() -> None:
    a = np.array([[0, 0, 10, 10], [20, 20, 10, 10]], np.float32)  # the second is turned inside out
    b = np.array([[5, 0, 15, 10], [10, 0, 20, 10], [2, 2, 4, 4]], np.float32)
    assert np.allclose(iou(a, b), [[50 / 150, 0, 4 / 100], [0, 0, 0]])


@given(boxes_in(100, 100, most=20), st.data(), st.floats(0.1, 0.9))
def test_nms_keeps_the_strongest_of_what_overlaps_and_nothing_else(
    xyxy: np.ndarray, data: st.DataObject, threshold: float
) -> None:
    n = len(xyxy)
    confidence = np.array(data.draw(st.lists(st.floats(0, 1, width=32), min_size=n, max_size=n)), np.float32)
    class_id = np.array(data.draw(st.lists(CLASSES, min_size=n, max_size=n)), np.int64)
    kept, lies = nms(xyxy, confidence, class_id, threshold)
    rivals = (iou(xyxy, xyxy) > threshold) & (class_id[:, None] == class_id[None, :])
    np.fill_diagonal(rivals, val=False)
    assert not rivals[np.ix_(kept, kept)].any()
    assert (np.diff(confidence[kept]) <= 0).all()
    for gone in set(range(n)) - set(kept.tolist()):
        stronger = confidence[kept] >= confidence[gone]
        assert (rivals[gone, kept] & stronger).any()
    assert (lies >= xyxy.min(axis=0, initial=200) - 1e-3).all()
    assert (lies <= xyxy.max(axis=0, initial=-200) + 1e-3).all()


def test_a_box_lies_in_the_mean_by_confidence_of_itself_and_of_those_half_as_sure_that_it_removes() -> None:
    xyxy = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [0, 2, 10, 12], [0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    confidence = np.array([0.8, 0.4, 0.39, 0.8, 0.9], np.float32)
    kept, lies = nms(xyxy, confidence, np.array([0, 0, 0, 1, 0], np.int64), 0.5)
    assert kept.tolist() == [4, 0, 3]
    assert np.allclose(lies, [[50, 50, 60, 60], [2 / 3, 0, 10 + 2 / 3, 10], [0, 0, 10, 10]])


def test_nms_looks_at_the_strongest_only_when_there_are_too_many() -> None:
    xyxy = np.array([[i * 10, 0, i * 10 + 5, 5] for i in range(1100)], np.float32)
    confidence = np.linspace(0, 1, 1100, dtype=np.float32)
    kept, _ = nms(xyxy, confidence, np.zeros(1100, np.int64), 0.5)
    assert kept.tolist() == list(range(1099, 99, -1))


def test_what_was_removed_removes_nothing_and_only_what_comes_later_is_removed() -> None:
    chain = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.bool_)
    assert without_rivals(chain).tolist() == [True, False, True]
    assert [without_rivals(one).tolist() for one in (np.triu(chain), np.tril(chain))] == [
        [True, False, True],
        [True] * 3,
    ]


def test_the_same_card_is_as_many_tiles_in_a_larger_picture_and_tiles_shrink_to_a_half_at_most() -> None:
    asked = (576, 64, 2592 * 1944)
    card, twice, half, tiny = (tiles(side * 4, side * 3, *asked) for side in (648, 1296, 324, 162))
    assert len(card) == len(twice) == len(half) == 20
    assert np.array_equal(np.array(card) * 2, twice)
    assert np.array_equal(np.array(card) // 2, half)
    assert tiny[0] == (0, 0, 288, 288)
    assert tiles(900, 900, 576, 64)[0] == (0, 0, 576, 576)  # where no picture is named, the same in every one


@given(sizes(5000), st.integers(128, 1000), st.floats(0, 0.75))
def test_tiles_cover_every_pixel_with_the_overlap_asked_for(
    size: tuple[int, int], side_px: int, overlap: float
) -> None:
    width_px, height_px = size
    overlap_px = int(side_px * overlap)
    squares = tiles(width_px, height_px, side_px, overlap_px)
    for low, high, length_px in ((0, 2, width_px), (1, 3, height_px)):
        spans = sorted({(square[low], square[high]) for square in squares})
        assert spans[0][0] == 0
        assert spans[-1][1] == length_px
        assert all(end - start == min(side_px, length_px) for start, end in spans)
        assert all(end - start >= overlap_px for (_, end), (start, _) in pairwise(spans))
        columns = len(spans)
    assert len(squares) == columns * len({(s[0], s[2]) for s in squares})
