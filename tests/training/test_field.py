from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.bundle import MODELS
from tests.training.conftest import TINY
from training.judging.field import HARMS, SEEN_PX, spoilt
from training.judging.figures import Cost
from training.judging.judge import figures_of
from training.judging.looks import Looks
from training.samples import Example, Sample, read_image

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


@pytest.mark.parametrize(("bundle", "at"), [("pests", (832, 543)), ("cards", (1500, 979))])  # twice its side; whole
def test_a_phone_s_picture_is_spoilt_at_the_size_that_is_seen_since_to_blur_12_megapixels_takes_a_minute(
    bundle, at, tmp_path, monkeypatch
):
    spoilt_px = []

    def harm(image, _scale, _random):
        spoilt_px.append(image.shape[1::-1])
        return image

    cv2.imwrite(str(tmp_path / "phone.jpg"), cv2.resize(read_image(PICTURE), (1500, 979)))
    phone = Sample(tmp_path / "phone.jpg", "tiny", np.array([[144, 288, 800, 900]], np.float32), np.array([0]))
    monkeypatch.setattr("training.judging.judge.HARMS", {"seen": harm})
    cost = Cost(size_bytes=0, width_px=0, height_px=0, ms=0.0, bare_ms=0.0, start_ms=None)
    figures_of(Looks(MODELS / f"{bundle}.onnx"), [phone], [], cost, "test", in_field=True)
    assert spoilt_px == [at]
