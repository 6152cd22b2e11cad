"""Drawn pictures: seen at any size, and never the original."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.detections import Detections, no_detections
from edge.draw import COLOURS, draw, jpeg, thumbnail
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
    drawn = draw(picture, data.draw(detections(*size)), LABELS, mm_per_px=0.05)
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


@pytest.mark.parametrize(("mm_per_px", "length_mm"), [(0.05, 10), (0.1, 20), (0.021, 2), (1.0, 200)])
def test_the_scale_bar_is_as_long_as_it_says(mm_per_px: float, length_mm: float) -> None:
    drawn = draw(grey(640, 480), no_detections(), LABELS, mm_per_px)
    bar = (drawn[469] == 255).all(axis=1).sum()  # its middle row, 2 px lines: 8 px from below
    assert bar == pytest.approx(length_mm / mm_per_px, abs=3)


@given(st.integers(1, 700), st.integers(1, 700), st.integers(8, 300))
def test_a_thumbnail_keeps_the_aspect_and_is_never_larger(width_px: int, height_px: int, longest_px: int) -> None:
    small = thumbnail(grey(width_px, height_px), longest_px)
    assert max(small.shape[:2]) == min(longest_px, max(width_px, height_px))
    scale = max(small.shape[:2]) / max(width_px, height_px)
    assert abs(small.shape[1] - width_px * scale) <= 1
    assert abs(small.shape[0] - height_px * scale) <= 1


def test_a_jpeg_is_one_that_another_program_reads_as_the_same_picture() -> None:
    picture = np.tile(np.arange(0, 200, 2, dtype=np.uint8)[None, :, None], (80, 1, 3))
    data = jpeg(picture, 90)
    assert data[:3] == b"\xff\xd8\xff"
    again = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(again.astype(int) - picture).mean() < 2
    assert len(jpeg(picture, 30)) < len(data)
