"""Drawn pictures: seen at any size, and never the original."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.detections import Detections
from edge.draw import COLOURS, draw, jpeg
from tests.strategies import detections

LABELS = ["Plutella xylostella", "Uroleucon compositae", "Helicoverpa armigera"]


def grey(width_px: int, height_px: int) -> np.ndarray:
    return np.full((height_px, width_px, 3), 114, np.uint8)


def one(xyxy: list[float], class_id: int = 0) -> Detections:
    return Detections(np.array([xyxy], np.float32), np.array([0.9], np.float32), np.array([class_id], np.int64))


@settings(max_examples=40)
@given(st.sampled_from([(32, 24), (160, 120), (640, 480), (1200, 90)]), st.data())
def test_any_boxes_on_any_size_give_a_picture_of_that_size(size: tuple[int, int], data: st.DataObject) -> None:
    picture = grey(*size)
    drawn = draw(picture, data.draw(detections(*size)), LABELS)
    assert drawn.shape == picture.shape
    assert (picture == 114).all()


def test_a_read_only_frame_can_be_drawn_on() -> None:
    picture = grey(64, 64)
    picture.setflags(write=False)
    assert (draw(picture, one([5, 5, 40, 40]), LABELS) != 114).any()


@pytest.mark.parametrize("width_px", [160, 640, 2304, 4608])
def test_a_box_keeps_its_share_of_line_in_every_size(width_px: int) -> None:
    height_px = width_px * 3 // 4
    box = [width_px * 0.25, height_px * 0.5, width_px * 0.75, height_px * 0.9]
    drawn = draw(grey(width_px, height_px), one(box), LABELS)
    row = (drawn[round(height_px * 0.7)] == COLOURS[0]).all(axis=1)  # across the box, clear of the label
    line_px = row.sum() / 2
    assert line_px >= 2
    assert line_px / width_px > 1 / 400


@pytest.mark.parametrize("corner", [(0, 0), (600, 0), (0, 460), (620, 470), (300, 200)])
def test_a_label_is_wholly_in_the_picture(corner: tuple[int, int]) -> None:
    assert _coloured_px(corner) > 0.9 * _coloured_px((200, 240))


def _coloured_px(corner: tuple[int, int]) -> int:
    x, y = corner
    return int((draw(grey(640, 480), one([x, y, x + 15, y + 8]), LABELS) == COLOURS[0]).all(axis=2).sum())


def many(boxes: list[list[float]]) -> Detections:
    """The strongest first."""
    return Detections(
        np.array(boxes, np.float32), np.linspace(0.9, 0.5, len(boxes), dtype=np.float32), np.zeros(len(boxes), np.int64)
    )


def is_hidden(drawn: np.ndarray, box: list[float]) -> bool:
    """Is anything but the grey picture seen within its lines?"""
    left, top, right, bottom = (int(side) for side in box)
    return bool((drawn[top + 4 : bottom - 4, left + 4 : right - 4] != 114).any())


def coloured_px(drawn: np.ndarray, top: int, bottom: int) -> int:
    return int((drawn[top:bottom] == COLOURS[0]).all(axis=2).sum())


def test_in_a_crowd_no_label_hides_a_box() -> None:
    crowd = [[x, y, x + 30, y + 24] for x in range(4, 1240, 48) for y in range(4, 930, 40)]
    drawn = draw(grey(1280, 960), many(crowd), LABELS)
    assert not any(is_hidden(drawn, box) for box in crowd)


def test_a_label_that_would_cover_a_neighbour_stands_below_its_own_box() -> None:
    lower, upper = [300, 200, 340, 240], [300, 160, 340, 190]
    drawn = draw(grey(640, 480), many([lower, upper]), LABELS)
    assert not is_hidden(drawn, upper)
    assert coloured_px(drawn, 242, 265) > 2000
    assert coloured_px(drawn, 135, 158) > 2000  # the other's, above it


def test_a_label_hides_no_small_box_at_the_upper_edge() -> None:
    small = [300, 2, 340, 30]
    drawn = draw(grey(640, 480), one(small), LABELS)
    assert not is_hidden(drawn, small)
    assert coloured_px(drawn, 32, 60) > 2000


def test_a_label_stands_within_a_box_that_fills_the_picture() -> None:
    assert coloured_px(draw(grey(640, 480), one([2, 2, 637, 477]), LABELS), 6, 30) > 2000


def test_labels_stand_side_by_side_and_below_where_they_would_cover_each_other() -> None:
    drawn = draw(grey(960, 480), many([[60, 200, 100, 240], [110, 200, 150, 240], [640, 200, 680, 240]]), LABELS)
    above, below = (drawn == COLOURS[0]).all(axis=2)[170:198].any(axis=0), (drawn == COLOURS[0]).all(axis=2)[245:270]
    assert (above[60], above[640], above[500]) == (True, True, False)
    assert below[:, 110:].any(axis=0).sum() > 200
    assert not below[:, 640:].any()


def test_of_two_boxes_that_cross_the_stronger_is_drawn_over_the_other() -> None:
    both = replace(many([[100, 100, 300, 300], [200, 150, 400, 400]]), class_id=np.array([0, 1], np.int64))
    assert tuple(draw(grey(640, 480), both, LABELS)[150, 300]) == COLOURS[0]


def test_a_class_keeps_its_name_and_its_colour_and_the_letters_are_seen_on_it() -> None:
    names = [f"Plutella {letter}" for letter in "ABCDEFG"]
    inks = []
    for class_id in range(7):
        drawn = draw(grey(640, 480), one([100, 200, 300, 400], class_id), names)
        assert np.array_equal(drawn, draw(grey(640, 480), one([100, 200, 300, 400], class_id), [names[class_id]] * 7))
        assert tuple(drawn[178, 101]) == tuple(drawn[300, 100]) == COLOURS[class_id]
        inks.append("black" if (drawn[178:196] < 60).all(axis=2).any() else "white")
    assert inks == ["black", "black", "white", "black", "white", "black", "black"]


def test_a_label_tells_the_confidence_in_per_cent() -> None:
    sure, surer = (replace(one([100, 200, 300, 400]), confidence=np.array([c], np.float32)) for c in (0.9, 0.93))
    assert (draw(grey(640, 480), sure, LABELS) != draw(grey(640, 480), surer, LABELS)).any()


def test_a_box_is_seen_by_its_rim_on_ground_of_its_own_colour() -> None:
    ground = np.full((480, 640, 3), COLOURS[0], np.uint8)
    assert (draw(ground, one([100, 200, 300, 400]), LABELS)[300] == 0).all(axis=1).sum() >= 4


def test_a_label_that_is_wider_than_the_picture_shows_its_beginning() -> None:
    narrow, wide = (draw(grey(width_px, 640), one([0, 300, 60, 340]), LABELS) for width_px in (120, 640))
    assert np.array_equal(narrow[270:296, :110], wide[270:296, :110])


def test_letters_are_high_enough_to_be_read_in_a_thumbnail() -> None:
    drawn = draw(grey(160, 120), one([2, 60, 40, 100]), LABELS)
    assert (drawn[:58] == COLOURS[0]).all(axis=2).any(axis=1).sum() >= 11


def test_classes_are_told_by_colours_that_colour_blind_people_tell_apart() -> None:
    rgb = {colour[::-1] for colour in COLOURS}
    okabe_ito = {
        (230, 159, 0),
        (86, 180, 233),
        (0, 158, 115),
        (240, 228, 66),
        (0, 114, 178),
        (213, 94, 0),
        (204, 121, 167),
    }
    assert rgb == okabe_ito
    first, second = (draw(grey(64, 64), one([5, 30, 60, 60], c), LABELS) for c in (0, 1))
    assert (first != second).any()


def test_a_jpeg_is_one_that_another_program_reads_as_the_same_picture() -> None:
    picture = np.tile(np.arange(0, 200, 2, dtype=np.uint8)[None, :, None], (80, 1, 3))
    data = jpeg(picture, 90)
    assert data[:3] == b"\xff\xd8\xff"
    again = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(again.astype(int) - picture).mean() < 2
    assert len(jpeg(picture, 30)) < len(data)
