import cv2
import numpy as np

from tests.training.conftest import TINY
from training.report import copies, lines_of, look_of
from training.samples import Sample, read_image


def sample(path):
    return Sample(path, "tiny", np.array([[1, 1, 31, 11]], np.float32), np.array([1], np.int64))


def test_a_copy_that_was_scaled_and_saved_again_is_found_and_another_picture_is_not(tmp_path):
    originals = sorted((TINY / "pest-vision" / "images").glob("*.jpg"))[:4]
    small = cv2.resize(read_image(originals[1]), None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "copy.jpg"), small, [cv2.IMWRITE_JPEG_QUALITY, 60])
    found = copies([sample(path) for path in originals], [sample(tmp_path / "copy.jpg")])
    assert found == [(originals[1], tmp_path / "copy.jpg")]


def test_a_mirrored_picture_looks_different():
    image = read_image(TINY / "pest-vision" / "images" / "pest_00.jpg")
    assert (look_of(image) ^ look_of(image[:, ::-1].copy())).bit_count() > 10


def test_each_label_is_listed_with_its_boxes_and_their_size_also_when_it_has_none():
    lines = lines_of([sample(TINY / "pest-vision/images/pest_00.jpg")] * 3, ("Pieris", "Aphis"))
    assert lines == [
        "3 pictures, 0 of them empty, 3 boxes, 0 ignored regions",
        "  Pieris: 0 boxes, 0 px",
        "  Aphis: 3 boxes, 30 px",
    ]
