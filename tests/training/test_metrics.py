import numpy as np
import pytest

from edge.detections import Detections, no_detections
from training.metrics import Judged, Truth, at_threshold, average_precision, cooled, judged, together
from training.samples import IGNORE
from training.thresholds import best_threshold, choose, fitted_temperature


def found(*rows):
    """Detections from (left, top, right, bottom, confidence, class)."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4].copy(), table[:, 4].copy(), table[:, 5].astype(np.int64))


def marked(*rows):
    """Truth from (left, top, right, bottom, class)."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Truth(table[:, :4].copy(), table[:, 4].astype(np.int64))


INSECT, OTHER = (10, 10, 50, 50), (60, 60, 90, 90)


def test_a_perfect_detector_has_average_precision_one():
    average = average_precision([marked((*INSECT, 0), (*OTHER, 1))], [found((*INSECT, 0.9, 0), (*OTHER, 0.6, 1))], 2)
    assert average.map50 == pytest.approx(1)
    assert average.map50_95 == pytest.approx(1)


def test_a_class_that_is_not_in_the_split_is_left_out_of_the_mean():
    average = average_precision([marked((*INSECT, 0))], [found((*INSECT, 0.9, 0))], 2)
    assert average.map50 == pytest.approx(1)
    assert np.isnan(average.ap50[1])


def test_a_detector_that_finds_nothing_has_average_precision_zero():
    average = average_precision([marked((*INSECT, 0))], [no_detections()], 2)
    assert average.map50 == average.ap50[0] == 0
    assert np.isnan([average.ap50[1], average.ap50_95[1]]).all(), "nobody marked one"


def test_a_loose_box_counts_at_iou_half_and_not_at_iou_nine_tenths():
    average = average_precision([marked((0, 0, 100, 100, 0))], [found((0, 0, 100, 72, 0.9, 0))], 1)  # IoU 0.72
    assert average.map50 == pytest.approx(1)
    assert average.map50_95 == pytest.approx(0.5)  # 0.50, 0.55, 0.60, 0.65, 0.70 of ten


def test_an_insect_that_is_found_twice_is_one_hit_and_one_false_alarm():
    twice = found((*INSECT, 0.9, 0), (11, 11, 51, 51, 0.8, 0))
    shown = at_threshold(judged([marked((*INSECT, 0))], [twice], 0), 0.5)
    assert (shown.hits, shown.false_alarms, shown.misses) == (1, 1, 0)


def test_the_right_place_with_the_wrong_class_is_a_false_alarm_and_a_miss():
    wrong = [found((*INSECT, 0.9, 1))]
    truth = [marked((*INSECT, 0))]
    assert at_threshold(judged(truth, wrong, 0), 0.5).misses == 1
    assert at_threshold(judged(truth, wrong, 1), 0.5).false_alarms == 1


CROWD = (60, 60, 100, 100)


def test_what_is_found_in_an_ignored_region_is_neither_right_nor_wrong():
    truth = [marked((*INSECT, 0), (*CROWD, IGNORE))]
    in_crowd = [found((*INSECT, 0.8, 0), (70, 70, 80, 80, 0.9, 0), (85, 85, 95, 95, 0.9, 1))]
    shown = at_threshold(judged(truth, in_crowd, 0), 0.5)
    assert (shown.hits, shown.false_alarms, shown.misses) == (1, 0, 0)
    assert judged(truth, in_crowd, 1).real == 0
    average = average_precision(truth, in_crowd, 2)
    assert average.ap50[0] == pytest.approx(1)
    assert np.isnan(average.ap50[1])


def test_a_false_alarm_beside_an_ignored_region_stays_one():
    truth = [marked((*INSECT, 0), (*CROWD, IGNORE))]
    beside = [found((*INSECT, 0.8, 0), (10, 70, 30, 90, 0.9, 0))]
    assert at_threshold(judged(truth, beside, 0), 0.5).false_alarms == 1
    assert average_precision(truth, beside, 1).ap50[0] == pytest.approx(0.5)


NOTHING = Judged(np.empty(0, np.float32), np.empty(0, np.bool_), 0)


def test_the_threshold_parts_hits_from_false_alarms():
    one = Judged(np.array([0.9, 0.8, 0.4, 0.3], np.float32), np.array([True, True, False, False]), 2)
    assert 0.4 < best_threshold(one, NOTHING) <= 0.8


def many(hit, alarm, count):
    """`count` insects found at confidence `hit`, as many false alarms at `alarm`."""
    confidence = np.array([hit] * count + [alarm] * count, np.float32)
    return Judged(confidence, np.array([True] * count + [False] * count), count)


def test_a_class_with_few_marks_takes_the_common_threshold_and_one_with_many_its_own():
    everything = many(hit=0.35, alarm=0.3, count=300)
    assert best_threshold(many(hit=0.75, alarm=0.7, count=2), everything) <= 0.35
    assert best_threshold(many(hit=0.75, alarm=0.7, count=300), everything) > 0.7


def test_of_two_thresholds_as_good_the_one_that_counts_right_is_taken():
    confidence = np.array([0.7] * 80 + [0.4] * 23, np.float32)  # F1 0.889 with the first alone, 0.887 with all
    one = Judged(confidence, np.array([True] * 90 + [False] * 13), 100)
    assert best_threshold(one, NOTHING) <= 0.4


def test_a_class_without_marks_takes_the_common_threshold():
    assert 0.3 < best_threshold(NOTHING, many(hit=0.35, alarm=0.3, count=300)) <= 0.35


def test_overconfident_detections_are_cooled():
    rng = np.random.default_rng(0)
    truly = rng.uniform(0.1, 0.9, 4000)
    said = cooled(truly.astype(np.float32), 0.5)  # twice the logit
    one = Judged(said, rng.uniform(size=4000) < truly, 0)
    assert fitted_temperature(one) == pytest.approx(2.0, abs=0.25)
    faint = Judged(np.full(40_000, 0.03, np.float32), np.zeros(40_000, np.bool_), 0)  # is never shown, and never right
    assert fitted_temperature(together([one, faint])) == fitted_temperature(one)


def test_a_class_without_marks_gets_a_threshold_all_the_same():
    choice = choose([marked((*INSECT, 0))], [found((*INSECT, 0.9, 0))], 2)
    assert all(0.25 <= threshold <= 0.8 for threshold in choice.thresholds)
