import cv2
import numpy as np
import pytest

from tests.training.conftest import TINY
from training.copies import copies, look_of, symmetries
from training.samples import Sample, read_image

ORIGINALS = sorted((TINY / "pest-vision" / "images").glob("*.jpg"))[:4]
TURNS = {
    "as it is": lambda image: image,
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1],
    "half a turn": lambda image: image[::-1, ::-1],
    "a quarter": np.rot90,
    "a quarter back": lambda image: np.rot90(image, 3),
    "a quarter, mirrored": lambda image: np.rot90(image)[:, ::-1],
    "a quarter back, mirrored": lambda image: np.rot90(image, 3)[:, ::-1],
}


def sample(path):
    return Sample(path, "tiny", np.array([[1, 1, 31, 11]], np.float32), np.array([1], np.int64))


@pytest.mark.parametrize("turn", TURNS)
def test_a_copy_that_was_turned_scaled_and_saved_again_is_found_and_another_picture_is_not(tmp_path, turn):
    small = cv2.resize(read_image(ORIGINALS[1]), None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "copy.jpg"), TURNS[turn](small), [cv2.IMWRITE_JPEG_QUALITY, 60])
    (found,) = copies([sample(path) for path in ORIGINALS], [sample(tmp_path / "copy.jpg")])
    assert (found.first, found.second) == (ORIGINALS[1], tmp_path / "copy.jpg")
    assert found.is_turned == (turn != "as it is")


def test_a_blurred_and_a_noisy_copy_are_found(tmp_path):
    image = read_image(ORIGINALS[0])
    noise = np.random.default_rng(1).normal(0, 12, image.shape)
    cv2.imwrite(str(tmp_path / "noisy.png"), np.clip(image + noise, 0, 255).astype(np.uint8))
    cv2.imwrite(str(tmp_path / "blurred.png"), cv2.GaussianBlur(image, (0, 0), 3))
    assert len(copies([sample(ORIGINALS[0])], [sample(tmp_path / f"{name}.png") for name in ("noisy", "blurred")])) == 2


def test_the_eight_ways_are_different_and_lose_nothing():
    look = look_of(read_image(ORIGINALS[0]))[None]
    ways = symmetries(look)
    assert len({one.tobytes() for one in map(np.ascontiguousarray, ways)}) == 8
    assert all(np.array_equal(np.sort(one, axis=None), np.sort(look, axis=None)) for one in ways)


def test_a_picture_of_one_grey_is_like_nothing(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((40, 40, 3), 90, np.uint8))
    assert copies([sample(tmp_path / "grey.png")], [sample(tmp_path / "grey.png")]) == []


def test_no_pictures_are_like_none():
    assert copies([], [sample(ORIGINALS[0])]) == []
