from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import TINY
from training.judging.field import HARMS, SEEN_PX, spoilt
from training.samples import Example, read_image

PICTURE = TINY / "pest-vision" / "images" / "pest_00.jpg"


@pytest.fixture(scope="module")
def example():
    image = read_image(PICTURE)
    return Example(image, np.array([[10, 20, 110, 90]], np.float32), np.array([3]))


@pytest.mark.parametrize("name", HARMS)
def test_a_spoilt_picture_differs_and_is_the_same_each_time(example, name):
    first, second = (spoilt(example, HARMS[name], PICTURE, SEEN_PX) for _ in range(2))
    assert first.image.dtype == np.uint8
    assert np.array_equal(first.image, second.image)
    assert first.image.shape != example.image.shape or np.abs(first.image.astype(int) - example.image).mean() > 0.5


def test_another_picture_gets_other_dust(example):
    one, other = (spoilt(example, HARMS["dust"], Path(name), SEEN_PX) for name in ("a.jpg", "b.jpg"))
    assert not np.array_equal(one.image, other.image)


def test_boxes_shrink_with_the_picture(example):
    small = spoilt(example, HARMS["20 % scale"], PICTURE, SEEN_PX)
    ratio = small.image.shape[1] / example.image.shape[1]
    assert ratio == pytest.approx(0.2, abs=0.01)
    assert small.xyxy[0] == pytest.approx(example.xyxy[0] * 0.2, abs=0.5)


def test_half_the_light_is_darker_by_a_stop_and_not_by_half_the_number(example):
    dark = spoilt(example, HARMS["half exposure"], PICTURE, SEEN_PX).image
    assert dark.mean() / example.image.mean() == pytest.approx(0.5 ** (1 / 2.2), abs=0.02)


def test_a_card_is_blurred_as_much_as_its_tiles(example):
    whole, tiled = (spoilt(example, HARMS["blur"], PICTURE, side_px).image.astype(float) for side_px in (SEEN_PX, 150))
    before = np.abs(np.diff(example.image.astype(float), axis=1)).mean()
    assert np.abs(np.diff(whole, axis=1)).mean() < np.abs(np.diff(tiled, axis=1)).mean() < before
