"""Faces are hidden before a picture is kept, and nothing else is touched."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.boxes import Image
from edge.faces import faces, hidden

DATA = Path(__file__).parent / "data"


def picture(name: str) -> Image:
    return np.asarray(cv2.imread(str(DATA / name)), np.uint8)


def test_a_face_is_found_and_cannot_be_found_again_once_it_is_hidden() -> None:
    image = picture("people/astronaut.jpg")
    (face,) = faces(image)
    left, top, right, bottom = face
    assert left < 120 < right
    assert top < 60 < bottom
    after = hidden(image, [face])
    assert faces(after) == []
    assert len(np.unique(after[top:bottom, left:right].reshape(-1, 3), axis=0)) <= 36
    after[top:bottom, left:right] = image[top:bottom, left:right]
    assert (after == image).all()


@pytest.mark.parametrize("name", [f"frames/{path.name}" for path in sorted((DATA / "frames").glob("*.jpg"))])
def test_insects_and_leaves_are_no_faces(name: str) -> None:
    assert faces(picture(name)) == []


@pytest.mark.parametrize("shape", [(16, 16, 3), (480, 20, 3)])
def test_a_picture_too_small_for_a_face_has_none(shape: tuple[int, int, int]) -> None:
    assert faces(np.zeros(shape, np.uint8)) == []


@pytest.mark.parametrize("part", [np.s_[20:, 60:], np.s_[:110, :140], np.s_[35:, 70:]])
def test_a_face_at_the_edge_stays_within_the_picture(part: tuple[slice, slice]) -> None:
    image = picture("people/astronaut.jpg")[part]
    ((left, top, right, bottom),) = faces(image)
    assert 0 <= left < right <= image.shape[1]
    assert 0 <= top < bottom <= image.shape[0]
