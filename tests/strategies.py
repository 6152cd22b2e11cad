"""Generators of pictures' sizes, boxes and detections for property tests."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from edge.boxes import Floats
from edge.detections import Detections


def sizes(most_px: int = 3000) -> st.SearchStrategy[tuple[int, int]]:
    """Width and height of a picture."""
    return st.tuples(st.integers(1, most_px), st.integers(1, most_px))


@st.composite
def boxes_in(draw: Any, width_px: float, height_px: float, most: int = 12) -> Floats:
    """(n, 4) float32, upright boxes within a picture of that size."""
    n = draw(st.integers(0, most))
    shares = draw(st.lists(st.tuples(*[st.floats(0, 1, width=32)] * 4), min_size=n, max_size=n))
    corners = np.array(shares, np.float32).reshape(n, 2, 2)
    upright = np.sort(corners, axis=1) * np.array([width_px, height_px], np.float32)
    return np.asarray(upright.reshape(n, 4), np.float32)


@st.composite
def detections(draw: Any, width_px: int = 640, height_px: int = 480, classes: int = 3, most: int = 12) -> Detections:
    """Detections of one frame, strongest first."""
    xyxy = draw(boxes_in(width_px, height_px, most))
    n = len(xyxy)
    confidence = sorted(draw(st.lists(st.floats(0, 1, width=32), min_size=n, max_size=n)), reverse=True)
    class_id = draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))
    return Detections(xyxy, np.array(confidence, np.float32), np.array(class_id, np.int64))
