"""A picture carries what was seen on it."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.annotations import MOST, annotate, annotated, found_outside
from edge.cameras.pictures import decode_picture
from edge.counts import Seen

PICTURE = cv2.imencode(".jpg", np.random.default_rng(1).integers(0, 255, (48, 64, 3)).astype(np.uint8))[1].tobytes()
PIERIS = [Seen("Pieris", "", 0.9, (0, 0, 1, 1))]
BEFORE = (
    b'\xff\xd8\xff\xfe\x00\x28fieldeye1[["Pieris","",0.9,[0,0,1,1]]]' + PICTURE[2:]
)  # as software of before wrote it
shares = st.floats(0, 1)
seen_ones = st.builds(Seen, st.text(max_size=30), st.text("ABC", max_size=6), shares, st.tuples(*[shares] * 4))


@given(st.lists(seen_ones, max_size=12), st.lists(seen_ones, max_size=12))
def test_what_is_written_into_a_picture_is_read_from_it(seen: list[Seen], outside: list[Seen]) -> None:
    picture = annotate(PICTURE, seen, outside)
    for read, written in ((annotated(picture), seen), (found_outside(picture), outside)):
        strongest = sorted(written, key=lambda one: -one.confidence)
        assert [(one.label, one.eppo) for one in read] == [(one.label, one.eppo) for one in strongest]
        for one, other in zip(read, strongest, strict=True):
            assert (*one.box, one.confidence) == pytest.approx((*other.box, other.confidence), abs=1e-3)


def test_the_picture_itself_does_not_change() -> None:
    noted = annotate(PICTURE, PIERIS, PIERIS)
    assert (decode_picture(noted, "noted") == decode_picture(PICTURE, "plain")).all()


def test_a_picture_that_was_kept_before_what_lay_outside_was_written_is_read_as_before() -> None:
    assert annotated(BEFORE) == tuple(PIERIS)
    assert found_outside(BEFORE) == ()
    assert annotate(PICTURE, PIERIS) == BEFORE


def test_software_of_before_meets_what_it_knows_first() -> None:
    assert annotate(PICTURE, PIERIS, PIERIS).startswith(BEFORE.removesuffix(PICTURE[2:]))


@pytest.mark.parametrize(("letters", "most"), [(7, MOST), (80, 226)])  # of three bytes each: 290 of a comment's 65,533
def test_more_than_fit_leaves_out_the_weakest(letters: int, most: int) -> None:
    many = [Seen("虫" * letters, "ABCDEF", n / 1000, (0.1111, 0.2222, 0.3333, 0.4444)) for n in range(MOST + 50)]
    picture = annotate(PICTURE, many, many)
    for read in (annotated(picture), found_outside(picture)):
        assert most - 1 <= len(read) <= most
        assert read[-1].confidence == pytest.approx((MOST + 50 - len(read)) / 1000)


@pytest.mark.parametrize(
    "picture",
    [
        PICTURE,
        b"",
        PICTURE[:3],
        b"\xff\xd8\xff\xfe\x00",
        b"\xff\xd8\xff\xfe\x00\x0dfieldeye1[{",
        BEFORE.replace(b"Pieris", b"\xd0ieris"),  # one flipped bit
        b"text",
        b"\xff\xd8\xff\xfe\x00\x00",
    ],
)
def test_a_picture_without_a_sound_comment_has_none(picture: bytes) -> None:
    assert annotated(picture) == found_outside(picture) == ()


@given(st.binary(max_size=200))
def test_no_bytes_make_reading_fail_or_hang(content: bytes) -> None:
    assert isinstance(annotated(b"\xff\xd8" + content), tuple)
    assert isinstance(found_outside(b"\xff\xd8" + content), tuple)


def test_what_is_no_jpeg_cannot_be_annotated() -> None:
    with pytest.raises(ValueError, match="JPEG"):
        annotate(b"\x89PNG", [])
