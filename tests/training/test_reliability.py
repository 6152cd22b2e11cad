import numpy as np
import pytest

from training.judging.reliability import reliability
from training.metrics import Judged


def said(confidence, right, times=1000):
    """Detections of one confidence, of which that share is right."""
    return np.full(times, confidence, np.float32), np.arange(times) < right * times


def test_confidence_that_means_what_it_says_has_no_error():
    parts = [said(0.25, 0.25), said(0.75, 0.75)]
    told = reliability(Judged(*(np.concatenate(column) for column in zip(*parts, strict=True)), 0))
    assert told.error == pytest.approx(0, abs=1e-3)
    assert [(one.detections, round(one.precision, 2)) for one in told.bins] == [(1000, 0.25), (1000, 0.75)]


def test_the_error_is_how_far_off_a_detection_is_on_average():
    parts = [said(0.95, 0.65, 100), said(0.05, 0.05, 300)]
    told = reliability(Judged(*(np.concatenate(column) for column in zip(*parts, strict=True)), 0))
    assert told.error == pytest.approx(0.3 / 4, abs=1e-3)


def test_full_confidence_falls_into_the_last_bin():
    assert reliability(Judged(*said(1.0, 1.0), 0)).bins[0].detections == 1000


def test_nothing_found_is_no_error_and_no_bin():
    told = reliability(Judged(np.empty(0, np.float32), np.empty(0, np.bool_), 3))
    assert (told.error, told.bins) == (0, ())
