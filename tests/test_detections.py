"""The record of one frame checks itself."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given

from edge.detections import Detections, no_detections
from tests.strategies import detections

XYXY = np.array([[0, 0, 5, 5], [1, 1, 9, 9]], np.float32)
CONFIDENCE = np.array([0.9, 0.4], np.float32)
CLASS_ID = np.array([1, 0], np.int64)


@pytest.mark.parametrize(
    ("xyxy", "confidence", "class_id"),
    [
        (XYXY[:1], CONFIDENCE, CLASS_ID),
        (XYXY, CONFIDENCE[:1], CLASS_ID),
        (XYXY, CONFIDENCE, CLASS_ID[:1]),
        (XYXY[:, :3], CONFIDENCE, CLASS_ID),
        (XYXY, CONFIDENCE[:, None], CLASS_ID),
    ],
)
def test_columns_that_do_not_belong_together_are_refused(
    xyxy: np.ndarray, confidence: np.ndarray, class_id: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=r"\(n, 4\)"):
        Detections(xyxy, confidence, class_id)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_refused_in_boxes_and_in_confidence(bad: float) -> None:
    spoilt = XYXY.copy()
    spoilt[1, 2] = bad
    with pytest.raises(ValueError, match="finite"):
        Detections(spoilt, CONFIDENCE, CLASS_ID)
    with pytest.raises(ValueError, match="finite"):
        Detections(XYXY, np.array([0.9, bad], np.float32), CLASS_ID)


def test_nothing_can_be_changed_after_it_was_made() -> None:
    made = Detections(XYXY.copy(), CONFIDENCE.copy(), CLASS_ID.copy())
    with pytest.raises(ValueError, match="read-only"):
        made.xyxy[0, 0] = 7
    with pytest.raises(FrozenInstanceError):
        made.confidence = CONFIDENCE  # type: ignore[misc]


def test_a_frame_that_holds_nothing_is_a_frame_with_no_rows() -> None:
    assert len(no_detections()) == 0
    assert no_detections().xyxy.shape == (0, 4)


@given(detections())
def test_where_takes_the_same_rows_of_every_column(all_of_them: Detections) -> None:
    odd = np.arange(len(all_of_them)) % 2 == 1
    by_mask, by_index = all_of_them.where(odd), all_of_them.where(np.flatnonzero(odd))
    for rows in (by_mask, by_index):
        assert (rows.xyxy == all_of_them.xyxy[1::2]).all()
        assert (rows.confidence == all_of_them.confidence[1::2]).all()
        assert (rows.class_id == all_of_them.class_id[1::2]).all()
