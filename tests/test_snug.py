"""A box ends where the insect ends, on a card of one colour; elsewhere it is left alone."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.boxes import Floats, Image, iou
from edge.detections import Detections, no_detections
from edge.snug import WEIGHT, snug

YELLOW = (20, 200, 220)
TAKES = np.array([True, False])
INSECT = (100, 80, 148, 110)


def card(noise: float = 3.0) -> Image:
    """A card of 300x240 px with the grain of a sensor, lit more on the right."""
    light = np.linspace(0.9, 1.1, 300)[None, :, None]
    grain = np.random.default_rng(0).normal(0, noise, (240, 300, 3))
    return np.clip(np.array(YELLOW) * light + grain, 0, 255).astype(np.uint8)


def with_insect(box: tuple[int, int, int, int] = INSECT, dark: float = 0.3, scale: int = 1) -> Image:
    image = card()
    left, top, right, bottom = box
    image[top:bottom, left:right] = (image[top:bottom, left:right] * dark).astype(np.uint8)
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale), np.uint8)


def found(*boxes: tuple[float, ...], class_id: int = 0) -> Detections:
    n = len(boxes)
    xyxy = np.array(boxes, np.float32).reshape(n, 4)
    return Detections(xyxy, np.full(n, 0.7, np.float32), np.full(n, class_id, np.int64))


def overlap(box: Floats, truth: tuple[float, ...]) -> float:
    return float(iou(np.asarray(box, np.float32)[None], np.array([truth], np.float32))[0, 0])


@given(loose=st.tuples(*[st.integers(-2, 9)] * 4), dark=st.sampled_from([0.3, 0.6, 0.85]))
def test_each_edge_goes_most_of_the_way_to_the_insect(loose: tuple[int, int, int, int], dark: float) -> None:
    left, top, right, bottom = INSECT
    box = (left - loose[0], top - loose[1], right + loose[2], bottom + loose[3])
    closer = snug(found(box), with_insect(dark=dark), TAKES)
    expected = WEIGHT * np.array(INSECT) + (1 - WEIGHT) * np.array(box)
    assert closer.xyxy[0] == pytest.approx(expected, abs=2.0)  # the blur against grain is a pixel wide


def test_a_large_insect_is_looked_at_smaller_and_comes_out_as_well() -> None:
    large = tuple(4.0 * value for value in INSECT)
    box = (large[0] - 30, large[1] - 30, large[2] + 30, large[3] + 30)
    closer = snug(found(box), with_insect(scale=4), TAKES)
    assert overlap(closer.xyxy[0], large) > 0.6 > overlap(np.array(box), large)
    expected = WEIGHT * np.array(large) + (1 - WEIGHT) * np.array(box)
    assert closer.xyxy[0] == pytest.approx(expected, abs=3.0)  # a px of what is looked at smaller is three


@pytest.mark.parametrize(
    ("image", "box"),
    [
        pytest.param(card(), (100, 80, 150, 120), id="bare card"),
        pytest.param(with_insect((110, 90, 122, 100)), (100, 80, 150, 120), id="a speck in a large box"),
        pytest.param(with_insect((0, 0, 300, 95)), (100, 80, 150, 120), id="the edge of a shadow"),
        pytest.param(card(), (0, 0, 300, 240), id="a box of the whole picture"),
        pytest.param(np.zeros((240, 300, 3), np.uint8), (100, 80, 150, 120), id="a black picture"),
        pytest.param(card(), (299.2, 239.4, 299.9, 239.9), id="less than a pixel in the corner"),
    ],
)
def test_a_box_with_no_insect_to_see_stays_as_it_was(image: Image, box: tuple[float, ...]) -> None:
    assert snug(found(box), image, TAKES).xyxy[0] == pytest.approx(np.array(box))


def flat(*parts: tuple[tuple[int, int, int, int], float | tuple[float, float, float]]) -> Image:
    """A card without grain under even light, and what takes away so much of its light, in all colours or in each."""
    image = np.full((240, 300, 3), YELLOW, np.float32)
    for (left, top, right, bottom), left_over in parts:
        image[top:bottom, left:right] *= left_over
    return np.asarray(image.round(), np.uint8)


@pytest.mark.parametrize(
    ("left_over", "is_seen"),
    [(0.96, False), (0.9, True), ((1, 0.5, 1), True), ((1, 1, 0.5), True), ((0.5, 1, 1), False)],
)
def test_what_takes_away_a_twentieth_of_the_light_in_any_colour_is_an_insect_on_yellow_and_on_blue(
    left_over: float | tuple[float, float, float], is_seen: bool
) -> None:
    box = (90, 70, 158, 120)
    expected = WEIGHT * np.array(INSECT) + (1 - WEIGHT) * np.array(box)
    yellow = flat((INSECT, left_over))
    for image in (yellow, np.ascontiguousarray(yellow[..., ::-1])):
        closer = snug(found(box), image, TAKES).xyxy[0]
        assert closer == pytest.approx(expected if is_seen else np.array(box), abs=1)


@pytest.mark.parametrize(("width", "height", "over"), [(40, 40, 2), (300, 300, 10), (316, 46, 8)])
def test_a_box_that_an_insect_of_any_size_fills_and_exceeds_grows_towards_its_edges(
    width: int, height: int, over: int
) -> None:
    """The ring shows ground beyond the insect, also round a small one and round a long one."""
    insect = np.array([100, 100, 100 + width, 100 + height])
    image = np.full((500, 500, 3), YELLOW, np.uint8)
    image[100 : insect[3], 100 : insect[2]] //= 3
    box = insect + np.array([over, over, -over, -over])
    closer = snug(found(tuple(box.tolist())), image, TAKES).xyxy[0]
    assert closer == pytest.approx(WEIGHT * insect + (1 - WEIGHT) * box, abs=2)
    assert (np.abs(closer - insect) < over).all()


def test_an_insect_on_a_card_with_the_grain_of_night_is_drawn_in_by_its_own_edges() -> None:
    image, box = card(noise=20), (90, 70, 158, 120)
    left, top, right, bottom = INSECT
    image[top:bottom, left:right] //= 4
    expected = WEIGHT * np.array(INSECT) + (1 - WEIGHT) * np.array(box)
    assert snug(found(box), image, TAKES).xyxy[0] == pytest.approx(expected, abs=1)


def test_a_body_and_a_wing_apart_from_it_are_one_insect_and_a_speck_beside_them_is_none() -> None:
    body, wing, speck = (100, 80, 130, 110), (136, 84, 151, 99), (163, 115, 167, 119)
    image = flat((body, 0.3), (wing, 0.6), (speck, 0.3))
    box = (94, 74, 168, 120)
    expected = WEIGHT * np.array((100, 80, 151, 110)) + (1 - WEIGHT) * np.array(box)
    assert snug(found(box), image, TAKES).xyxy[0] == pytest.approx(expected, abs=1)


def test_an_insect_in_the_corner_of_the_picture_is_drawn_in_like_any_other() -> None:
    for insect, box in [((0, 0, 48, 30), (0, 0, 56, 38)), ((252, 210, 300, 240), (244, 202, 300, 240))]:
        closer = snug(found(box), flat((insect, 0.3)), TAKES).xyxy[0]
        assert closer == pytest.approx(WEIGHT * np.array(insect) + (1 - WEIGHT) * np.array(box), abs=1)


@pytest.mark.parametrize(
    ("box", "neighbour"),
    [
        pytest.param((96, 70, 152, 114), (60, 60, 104, 75), id="of which a corner is in the box"),
        pytest.param((92, 68, 156, 118), (0, 0, 300, 72), id="that is a third of the ground around it"),
    ],
)
def test_a_neighbour_that_lies_mostly_beside_the_box_does_not_widen_it(
    box: tuple[int, ...], neighbour: tuple[int, int, int, int]
) -> None:
    closer = snug(found(box), flat((INSECT, 0.3), (neighbour, 0.3)), TAKES).xyxy[0]
    assert closer == pytest.approx(WEIGHT * np.array(INSECT) + (1 - WEIGHT) * np.array(box), abs=1)


def test_only_the_classes_that_lie_on_plain_ground_are_drawn_in() -> None:
    box = (92, 72, 156, 118)
    assert snug(found(box, class_id=1), with_insect(), TAKES).xyxy[0].tolist() == list(box)
    assert len(snug(no_detections(), with_insect(), TAKES)) == 0
