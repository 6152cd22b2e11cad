"""What is released beside a model."""

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from edge.errors import BadFrameError
from tests.training.conftest import TINY
from training.manifest import GOLDEN_PX, golden_copy
from training.samples import Sample, load_example, read_image

PICTURE = next(TINY.rglob("*.jpg"))


def test_a_golden_picture_is_upright_small_enough_for_a_node_and_does_not_tell_where_it_was_taken(tmp_path):
    phone = cv2.resize(read_image(PICTURE), (4080, 3060))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (36.0, 52.0, 48.0)
    Image.fromarray(phone[..., ::-1]).save(tmp_path / "phone.jpg", exif=exif)
    copy = golden_copy(tmp_path / "phone.jpg", tmp_path, "mine")
    assert copy == tmp_path / "golden" / "mine.jpg"
    with Image.open(copy) as opened:
        assert (opened.size, dict(opened.getexif())) == ((960, GOLDEN_PX), {})
    turned = cv2.resize(cv2.rotate(phone, cv2.ROTATE_90_CLOCKWISE), (960, GOLDEN_PX), interpolation=cv2.INTER_AREA)
    assert np.abs(read_image(copy).astype(int) - turned).mean() < 3


def test_a_golden_picture_is_not_made_larger(tmp_path):
    assert read_image(golden_copy(PICTURE, tmp_path, "mine")).shape == read_image(PICTURE).shape


@pytest.mark.parametrize("marks", [0, 1])
def test_twelve_bits_in_sixteen_are_no_picture_to_learn_a_mark_by(tmp_path, marks):
    path = tmp_path / "dark.png"
    cv2.imwrite(str(path), read_image(PICTURE).astype(np.uint16) << 4)
    sample = Sample(path, "mine", np.array([[1, 1, 20, 20]] * marks, np.float32).reshape(-1, 4), np.zeros(marks, int))
    if marks:
        with pytest.raises(BadFrameError, match=r"dark\.png is black: .* multiply them by 16"):
            load_example(sample)
    else:
        assert load_example(sample).image.max() <= 16, "an empty picture, as at night"
