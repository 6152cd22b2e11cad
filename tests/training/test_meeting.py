import numpy as np
import pytest

from edge.detections import no_detections
from tests.training.test_metrics import CROWD, INSECT, OTHER, found, marked
from training.judging.meeting import alarms_of, confusion, counting, counts_of, found_of
from training.samples import IGNORE

TWO = [marked((*INSECT, 0), (*OTHER, 1)), marked((*INSECT, 0))]
SAID = [found((*INSECT, 0.9, 0), (*OTHER, 0.8, 0)), no_detections()]  # the second insect is called by the first's name


def test_each_picture_has_its_hits_false_alarms_and_misses():
    counts = counts_of(TWO, SAID, 2)
    assert counts[0].tolist() == [[1, 1, 0], [0, 0, 1]]
    assert counts[1].tolist() == [[0, 0, 1], [0, 0, 0]]


def test_precision_and_recall_are_of_all_pictures_and_lie_in_their_intervals():
    pictures = np.array([[3, 1, 0], [2, 0, 2], [1, 1, 1], [4, 0, 0]] * 5)
    told = found_of(pictures)
    assert told.precision.value == pytest.approx(10 / 12)
    assert told.recall.value == pytest.approx(10 / 13)
    assert told.f1.value == pytest.approx(20 / 25)
    for share in (told.precision, told.recall, told.f1):
        low, high = share.interval
        assert 0 < low < share.value < high < 1


def test_an_interval_narrows_with_more_pictures():
    few, many = (found_of(np.array([[3, 1, 0], [0, 2, 2]] * n)).f1.interval for n in (5, 80))
    assert many[1] - many[0] < (few[1] - few[0]) / 3


def test_without_marks_there_is_no_figure_whatever_was_found():
    told = found_of(np.array([[0, 3, 0]]))
    assert (told.precision.value, told.recall.value, told.f1.value) == (None, None, None)


def test_a_wrong_name_is_confusion_and_a_missed_insect_goes_to_the_ground():
    assert confusion(TWO, SAID, 2).tolist() == [[1, 0, 1], [1, 0, 0], [0, 0, 0]]


def test_a_detection_on_bare_ground_stands_in_the_last_row():
    assert confusion([marked()], [found((*INSECT, 0.9, 1))], 2).tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_what_is_found_in_an_ignored_region_is_neither_confusion_nor_counted():
    truth, said = [marked((*INSECT, 0), (*CROWD, IGNORE))], [found((*INSECT, 0.9, 0), (70, 70, 80, 80, 0.9, 1))]
    assert confusion(truth, said, 2).sum() == 1
    assert counting(truth, said).mae == 0


def test_counts_are_compared_a_picture_at_a_time():
    both = counting(TWO, SAID)
    assert (both.n, both.mae, both.bias) == (2, 0.5, -0.5)


def test_false_alarms_are_per_100_pictures():
    alarms = alarms_of([found((*INSECT, 0.9, 0), (*OTHER, 0.9, 1)), *[no_detections()] * 7])
    assert (alarms.pictures, alarms.alarms, alarms.per_100.value) == (8, 2, 25.0)
    assert alarms.per_100.interval[0] == 0
