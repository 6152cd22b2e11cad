"""Tiles see pieces; the picture has whole insects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.boxes import iou, tiles
from edge.detections import Detections, no_detections
from edge.seams import Seen, merge_tiles

WIDTH_PX, HEIGHT_PX, SIDE_PX, _ = CARD = 1300, 900, 416, 64


def seen_through_tiles(
    truth: Detections, jitter_px: float = 0, seed: int = 0, card: tuple[int, int, int, int] = CARD
) -> list[Seen]:
    """What a perfect detector, but for `jitter_px`, finds in each tile: every insect cut at the tile's edges."""
    noise = np.random.default_rng(seed)
    seen = []
    for tile in tiles(*card):
        low, high = np.array(tile[:2], np.float32), np.array(tile[2:], np.float32)
        loose = truth.xyxy + noise.uniform(-jitter_px, jitter_px, truth.xyxy.shape).astype(np.float32)
        part = np.concatenate([np.maximum(loose[:, :2], low), np.minimum(loose[:, 2:], high)], axis=1)
        least_px = 6 + 3 * jitter_px  # no detector boxes a sliver
        visible = ((part[:, 2:] - part[:, :2]) >= least_px).all(axis=1)
        confidence = noise.uniform(0.3, 1, len(truth)).astype(np.float32)
        seen.append(Seen(tile, Detections(part[visible], confidence[visible], truth.class_id[visible])))
    return seen


@st.composite
def insects(draw: st.DrawFn, largest_px: int, least_px: int = 12) -> Detections:
    """Insects that do not touch each other: at most one in each cell of a grid that knows nothing of the tiles."""
    cell_px = largest_px + 8
    cells = [(x, y) for x in range(0, WIDTH_PX - cell_px, cell_px) for y in range(0, HEIGHT_PX - cell_px, cell_px)]
    chosen = draw(st.lists(st.sampled_from(cells), unique=True, max_size=12))
    boxes = []
    for x, y in chosen:
        w, h = draw(st.integers(least_px, largest_px)), draw(st.integers(least_px, largest_px))
        left, top = x + draw(st.integers(0, largest_px - w)), y + draw(st.integers(0, largest_px - h))
        boxes.append((left, top, left + w, top + h))
    n = len(boxes)
    class_id = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    return Detections(
        np.array(boxes, np.float32).reshape(n, 4), np.full(n, 0.9, np.float32), np.array(class_id, np.int64)
    )


def assert_same(found: Detections, truth: Detections, least_iou: float) -> None:
    assert len(found) == len(truth)
    overlap = iou(truth.xyxy, found.xyxy)
    for row in range(len(truth)):
        best = overlap[row].argmax()
        assert overlap[row, best] >= least_iou
        assert found.class_id[best] == truth.class_id[row]


@pytest.mark.parametrize(
    ("box", "tile", "other"),
    [
        ((0, 300, 30, 320), (0, 0, 416, 416), (0, 242, 416, 658)),
        ((300, 0, 320, 30), (0, 0, 416, 416), (242, 0, 658, 416)),
        ((1270, 300, 1300, 320), (884, 0, 1300, 416), (884, 242, 1300, 658)),
        ((300, 870, 320, 900), (0, 484, 416, 900), (242, 484, 658, 900)),
    ],
)
def test_an_insect_at_the_edge_of_the_picture_is_no_piece_though_one_of_two_tiles_overlooked_it(
    box: tuple[int, ...], tile: tuple[int, int, int, int], other: tuple[int, int, int, int]
) -> None:
    edge = Detections(np.array([box], np.float32), np.array([0.9], np.float32), np.array([0], np.int64))
    seen = [Seen(tile, edge), Seen(other, no_detections())]
    assert_same(merge_tiles(seen, WIDTH_PX, HEIGHT_PX, 0.6), edge, 0.99)


@pytest.mark.parametrize("largest_px", [50, 200])
@settings(max_examples=60)
@given(data=st.data())
def test_each_insect_comes_back_once_and_whole_whether_or_not_it_fits_the_overlap(
    largest_px: int, data: st.DataObject
) -> None:
    truth = data.draw(insects(largest_px))
    found = merge_tiles(seen_through_tiles(truth), WIDTH_PX, HEIGHT_PX, 0.6)
    assert_same(found, truth, 0.999)


@settings(max_examples=60)
@given(truth=insects(120, least_px=24), seed=st.integers(0, 1000))
def test_boxes_that_differ_by_two_pixels_between_tiles_are_still_one_insect(truth: Detections, seed: int) -> None:
    found = merge_tiles(seen_through_tiles(truth, jitter_px=2, seed=seed), WIDTH_PX, HEIGHT_PX, 0.6)
    assert_same(found, truth, 0.5)


def two_tiles(left: list[list[float]], right: list[list[float]], confidence: float = 0.5) -> Detections:
    """Boxes in the tile 0..416 and in the tile 352..768 of a picture of 768x416, those of the right one surer."""
    seen = []
    for tile, boxes, sure in (((0, 0, 416, 416), left, confidence), ((352, 0, 768, 416), right, 0.9)):
        n = len(boxes)
        xyxy = np.array(boxes, np.float32).reshape(n, 4)
        seen.append(Seen(tile, Detections(xyxy, np.full(n, sure, np.float32), np.zeros(n, np.int64))))
    return merge_tiles(seen, 768, 416, 0.6)


def test_a_piece_goes_even_if_it_is_surer_than_the_whole() -> None:
    found = two_tiles([[380, 100, 416, 140]], [[380, 100, 440, 140]], confidence=0.99)
    assert found.xyxy.tolist() == [[380, 100, 440, 140]]


def test_an_insect_longer_than_the_overlap_becomes_one_box_with_the_surer_confidence() -> None:
    found = two_tiles([[300, 100, 416, 150]], [[352, 100, 500, 150]])
    assert found.xyxy.tolist() == [[300, 100, 500, 150]]
    assert found.confidence.tolist() == pytest.approx([0.9])


def test_a_tiny_insect_that_two_tiles_place_three_px_apart_is_one() -> None:
    found = two_tiles([[379, 99, 391, 111]], [[382, 102, 394, 114]])
    assert found.xyxy.tolist() == [[382, 102, 394, 114]]


def test_a_poor_piece_inside_a_better_one_goes() -> None:
    found = two_tiles([[392, 100, 416, 150]], [[352, 100, 500, 150]])
    assert found.xyxy.tolist() == [[352, 100, 500, 150]]


@pytest.mark.parametrize(("left_px", "stays"), [(360, 0), (353, 0), (340, 1)])
def test_a_piece_stays_alone_only_where_no_other_tile_had_all_of_it_in_view(left_px: int, stays: int) -> None:
    assert len(two_tiles([[left_px, 100, 416, 140]], [])) == stays


def test_pieces_that_end_a_fiftieth_of_a_tiles_side_before_its_edge_are_of_one_insect() -> None:
    """Whole boxes from two tiles that overlap so little would be two. The tiles of a flat picture are flat."""
    tiles_and_boxes = (((0, 0, 416, 160), [300, 100, 410, 150]), ((352, 0, 768, 160), [358, 100, 500, 150]))
    seen = [Seen(tile, Detections(*_one(box, 0))) for tile, box in tiles_and_boxes]
    assert merge_tiles(seen, 768, 160, 0.6).xyxy.tolist() == [[300, 100, 500, 150]]


@pytest.mark.parametrize(("sure", "insects"), [(0.5, 1), (0.2, 0)])
def test_an_insect_as_wide_as_the_overlap_is_a_piece_in_both_tiles_and_counts_once_where_both_are_sure(
    sure: float, insects: int
) -> None:
    assert len(two_tiles([[356, 100, 412, 140]], [[356, 100, 412, 140]], confidence=sure)) == insects


def test_a_part_of_an_insect_that_its_tile_boxed_beside_its_piece_goes_with_it() -> None:
    found = two_tiles([[300, 100, 416, 150], [340, 112, 416, 136]], [[352, 100, 500, 150]])
    assert found.xyxy.tolist() == [[300, 100, 500, 150]]


def test_an_insect_that_three_of_four_tiles_cut_is_one_though_two_of_its_pieces_agree_only_with_the_third() -> None:
    """Its pieces at the top left and at the bottom right have little of the corner in common."""
    seen = [
        Seen(tile, Detections(np.array([box], np.float32), np.array([sure], np.float32), np.zeros(1, np.int64)))
        for tile, box, sure in (
            ((0, 0, 416, 416), [300, 300, 416, 370], 0.9),
            ((352, 352, 768, 768), [352, 352, 470, 560], 0.8),
            ((352, 0, 768, 416), [352, 300, 470, 416], 0.5),
        )
    ]
    assert merge_tiles(seen, 768, 768, 0.6).xyxy.tolist() == [[300, 300, 470, 560]]


def test_two_that_touch_in_one_tile_stay_two_if_one_of_them_ends_at_the_seam() -> None:
    assert len(two_tiles([], [[360, 112, 450, 154], [400, 118, 466, 148]])) == 2


def test_two_pieces_of_one_tile_that_overlap_are_two_insects() -> None:
    found = two_tiles([[300, 100, 416, 150], [300, 115, 416, 165]], [])
    assert sorted(found.xyxy[:, 1].tolist()) == [100, 115]


def test_two_insects_side_by_side_at_a_seam_stay_two() -> None:
    found = two_tiles([[370, 100, 412, 140]], [[370, 100, 412, 140], [413, 100, 460, 140]])
    assert sorted(found.xyxy[:, 0].tolist()) == [370, 413]


def test_two_insects_one_above_the_other_across_a_seam_stay_two() -> None:
    found = two_tiles([[300, 100, 416, 150], [300, 155, 416, 200]], [[352, 100, 500, 150], [352, 155, 500, 200]])
    assert sorted(found.xyxy[:, 1].tolist()) == [100, 155]


@pytest.mark.parametrize(("top_px", "bottom_px", "insects"), [(60, 190, 1), (120, 190, 2)])
def test_a_piece_goes_only_where_most_of_it_lies_in_the_whole_insect(top_px: int, bottom_px: int, insects: int) -> None:
    """Two thirds of the piece, and one third: that one is of a neighbour."""
    assert len(two_tiles([[340, 100, 416, 140]], [[365, top_px, 560, bottom_px]])) == insects


@pytest.mark.parametrize(("top_px", "tops"), [(110, [100]), (122, [100, 122]), (140, [100, 140])])
def test_pieces_that_agree_in_less_than_half_of_the_strip_are_of_two_insects(top_px: int, tops: list[int]) -> None:
    found = two_tiles([[300, 100, 416, 150]], [[352, top_px, 500, top_px + 50]])
    assert sorted(found.xyxy[:, 1].tolist()) == tops


def test_two_that_touch_and_of_which_each_tile_saw_one_stay_two() -> None:
    found = two_tiles([[362, 100, 392, 140]], [[384, 100, 407, 140]])
    assert sorted(found.xyxy[:, 0].tolist()) == [362, 384]


@pytest.mark.parametrize(("sure", "kept"), [(0.5, [330, 95, 405, 145]), (0.2, [352, 100, 430, 140])])
def test_a_faint_whole_box_does_not_hide_a_sure_piece(sure: float, kept: list[float]) -> None:
    found = two_tiles([[330, 95, 405, 145]], [[352, 100, 430, 140]], confidence=sure)
    assert found.xyxy.tolist() == [kept]


@pytest.mark.parametrize(("sure", "left_px"), [(0.5, 300), (0.2, 352)])
def test_a_faint_piece_does_not_stretch_a_sure_one(sure: float, left_px: int) -> None:
    found = two_tiles([[300, 100, 416, 150]], [[352, 100, 500, 150]], confidence=sure)
    assert found.xyxy.tolist() == [[left_px, 100, 500, 150]]


def test_a_faint_whole_box_goes_that_covers_most_of_the_insect_once_its_pieces_are_joined() -> None:
    """With either of them alone it has too little in common."""
    left = [330, 100, 416, 130], [325, 100, 405, 150]
    pieces_and_faint = Detections(np.array(left, np.float32), np.array([0.95, 0.2], np.float32), np.zeros(2, np.int64))
    seen = [Seen((0, 0, 416, 416), pieces_and_faint)]
    seen.append(Seen((352, 0, 768, 416), Detections(*_one([352, 100, 430, 150], 0))))
    assert merge_tiles(seen, 768, 416, 0.6).xyxy.tolist() == [[330, 100, 430, 150]]


def test_of_more_boxes_than_memory_has_room_to_compare_the_strongest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.seams.MOST", 3)
    found = two_tiles([[x, 10, x + 20, 30] for x in (20, 60, 100)], [[x, 10, x + 20, 30] for x in (450, 500)])
    assert found.confidence.tolist() == pytest.approx([0.9, 0.9, 0.5])
    monkeypatch.setattr("edge.seams.MOST_PIECES", 1)
    assert two_tiles([[300, 10, 416, 30], [300, 100, 416, 120]], []).xyxy.tolist() == [[300, 10, 416, 30]]


@pytest.mark.parametrize("card", [(2592, 1944, 576, 64), (2304, 1296, 443, 49)], ids=["20 tiles", "24 tiles"])
def test_a_thousand_insects_on_a_card_are_a_thousand(card: tuple[int, int, int, int]) -> None:
    width_px, height_px, *_ = card
    x, y = np.meshgrid(np.arange(0.5, 40) * width_px / 40 - 8, np.arange(0.5, 25) * height_px / 25 - 8)
    corners = np.stack([x, y, x + 16, y + 16], axis=-1).reshape(-1, 4).astype(np.float32)
    truth = Detections(corners, np.ones(1000, np.float32), np.zeros(1000, np.int64))
    assert len(merge_tiles(seen_through_tiles(truth, card=card), width_px, height_px, 0.5)) == 1000


def test_pieces_of_two_classes_are_never_joined() -> None:
    seen = [
        Seen((0, 0, 416, 416), Detections(*_one([300, 100, 416, 150], 0))),
        Seen((352, 0, 768, 416), Detections(*_one([352, 100, 500, 150], 1))),
    ]
    assert len(merge_tiles(seen, 768, 416, 0.6)) == 2


def _one(xyxy: list[float], class_id: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.array([xyxy], np.float32), np.array([0.8], np.float32), np.array([class_id], np.int64)


def test_no_tiles_with_anything_give_a_picture_with_nothing() -> None:
    assert len(two_tiles([], [])) == 0
