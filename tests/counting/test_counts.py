"""A range that covers as often as it says, over scenes drawn apart from it; density with an area or not at all."""

import time
import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest

from edge.count_agreement import agreement
from edge.counts import counted, per_m2
from edge.ranges import ALIKE, Dispersion, chances, count_range, steadied
from tests.counting.fields import World, drawn
from tests.records import MOTH, count, interval

RATES = [(0.95, 0.95), (0.9, 0.8), (0.8, 0.6), (0.5, 0.5)]
ROUNDS = 2000


def coverage(worlds: Sequence[World], dispersion: Dispersion) -> float:
    """In how many rounds, pictures of one world each, the range of the sum of their counts holds the true sum."""
    found = np.array([world.found for world in worlds])
    true = np.array([world.true for world in worlds]).sum(axis=0)
    hits = sum(int(world.hits.sum()) for world in worlds)
    precision, recall = hits / int(found.sum()), hits / int(true.sum())
    shares = np.round((found**2).sum(axis=0) / np.maximum(found.sum(axis=0), 1) ** 2, 2)
    told = {
        key: count_range(int(key[0]), precision, recall, dispersion, key[1] or 1.0)
        for key in set(zip(found.sum(axis=0).tolist(), shares.tolist(), strict=True))
    }
    spans = [told[key] for key in zip(found.sum(axis=0).tolist(), shares.tolist(), strict=True)]
    return float(np.mean([low <= n <= high for (low, high), n in zip(spans, true, strict=True)]))


@pytest.mark.parametrize(("precision", "recall"), RATES)
def test_a_95_per_cent_range_covers_95_per_cent_of_simulated_fields(precision: float, recall: float) -> None:
    """True numbers 1 to 80; each is found with `recall`, each detection is right with `precision`."""
    assert 0.93 <= coverage([drawn(ROUNDS, precision, recall, seed=4)], ALIKE) <= 0.97


@pytest.mark.parametrize(("precision", "recall"), RATES)
def test_it_covers_no_less_where_false_ones_come_by_themselves(precision: float, recall: float) -> None:
    chance = np.random.default_rng(4)
    truth = chance.integers(1, 81, ROUNDS)
    seen = chance.binomial(truth, recall) + chance.poisson(truth * recall * (1 - precision) / precision)
    ranges = {n: count_range(int(n), precision, recall) for n in np.unique(seen)}
    assert np.mean([ranges[n][0] <= t <= ranges[n][1] for n, t in zip(seen, truth, strict=True)]) >= 0.93


@pytest.mark.parametrize("pictures", [1, 10])
def test_pictures_that_differ_are_covered_with_their_dispersion_alone_and_in_sums(pictures: int) -> None:
    """Recall and precision are drawn anew for each picture."""
    worlds = [drawn(600, 0.9, 0.8, of_precision=0.09, of_recall=0.05, seed=7 + n) for n in range(pictures)]
    assert coverage(worlds, ALIKE) < 0.85
    assert 0.93 <= coverage(worlds, Dispersion(precision=0.09, recall=0.35)) <= 0.97


def test_what_differs_between_pictures_evens_out_over_many() -> None:
    for differing in (Dispersion(precision=0.1), Dispersion(recall=0.5)):
        ranges = [count_range(100, 0.9, 0.8, differing, share) for share in (1.0, 0.1, 0.01)]
        one, ten, hundred = (high - low for low, high in ranges)
        assert one > ten > hundred
    assert count_range(100, 0.9, 0.8, Dispersion(precision=0.1), share=0.01) == count_range(100, 0.9, 0.8)
    assert count_range(10, 0.7, 0.9, Dispersion(precision=0.6), share=0.1) == count_range(10, 0.7, 0.9)


def test_what_makes_insects_hard_to_see_stays_on_one_card_and_what_is_wrongly_told_evens_out() -> None:
    def width(differing: Dispersion, share: float) -> int:
        low, high = count_range(100, 0.9, 0.8, differing, share, is_one_card=True)
        return high - low

    assert width(Dispersion(recall=0.5), 0.01) == width(Dispersion(recall=0.5), 1.0)
    assert width(Dispersion(precision=0.1), 0.01) < width(Dispersion(precision=0.1), 1.0)


def test_a_trap_whose_camera_misses_much_has_the_truth_in_its_range() -> None:
    """New insects told and true on cameras that the network never saw (docs/counting.md), figures of that `cards`."""
    differing = Dispersion(precision=0.24, recall=1.647, rough=0.2)
    for told, true in ((145, 161), (141, 160), (318, 392)):
        low, high = count_range(told, 0.7971, 0.7801, differing, share=1 / 19, is_one_card=True)
        assert low <= true <= high < 2 * true
    assert count_range(318, 0.7971, 0.7801, differing, share=1 / 19)[1] < 392, "as if each picture were another card's"


def test_detections_of_one_picture_are_right_or_wrong_together_and_those_of_two_are_not() -> None:
    """Of two, 0.9 right and 0.9 correlated, none is right by 0.01 + 0.9 * 0.09, one by 0.018; of two pictures 0.18."""
    together = Dispersion(precision=0.9)
    assert count_range(2, 0.9, 1.0, together) == (0, 2)
    assert count_range(2, 0.9, 1.0, together, share=0.5) == (1, 2)


def test_chances_of_a_worked_example() -> None:
    """Two detections: each right by a half is 1 : 2 : 1; each insect found by a half is (m + 2 over 2) / 2^(m + 3)."""
    assert chances(2, 0.5, 1.0, ALIKE, 4) == pytest.approx([0.25, 0.5, 0.25, 0, 0])
    assert chances(2, 1.0, 0.5, ALIKE, 5) == pytest.approx([0, 0, 1 / 8, 3 / 16, 3 / 16, 5 / 32])


def moments(of_each: np.ndarray) -> tuple[float, float]:
    number = np.arange(len(of_each))
    mean = float(of_each @ number)
    return mean, float(of_each @ (number - mean) ** 2)


def test_chances_are_whole_and_spread_as_their_dispersion_says() -> None:
    right = chances(20, 0.8, 1.0, Dispersion(precision=0.1), 20)
    assert right.sum() == pytest.approx(1)
    assert moments(right) == pytest.approx((16, 20 * 0.8 * 0.2 * (1 + 19 * 0.1)))
    missed = chances(20, 1.0, 0.75, Dispersion(recall=0.25), 400)
    assert missed.sum() == pytest.approx(1)
    assert moments(missed) == pytest.approx((20 + 7, 7 / 0.75 + 0.25 * 7**2))


def test_rough_boxes_are_no_errors_of_a_count() -> None:
    rough = chances(20, 0.8, 0.6, Dispersion(rough=0.5), 60)
    assert rough == pytest.approx(chances(20, 0.9, 0.8, ALIKE, 60))


def test_a_range_holds_the_count_where_the_likeliest_numbers_are_far_above() -> None:
    low, high = count_range(40, 0.9, 0.4)  # 90 on average
    assert low == 40
    assert high > 90


def test_all_that_a_few_marks_told_is_not_taken_for_certain() -> None:
    assert steadied(1.0, 18) == pytest.approx(0.95)
    assert steadied(0.6, 1000) == pytest.approx(0.6, abs=0.001)
    assert steadied(None, 3) is None


@pytest.mark.parametrize("told", [{"precision": 1.0}, {"precision": -0.1}, {"recall": -1.0}, {"rough": 1.0}])
def test_an_impossible_dispersion_is_refused(told: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="dispersion"):
        Dispersion(**told)


def test_nothing_seen_by_a_model_that_misses_half_is_not_surely_nothing() -> None:
    assert count_range(0, 0.9, 0.5) == (0, 3)
    assert count_range(0, 0.9, 0.99) == (0, 0)
    assert count_range(0, 1.0, 0.2) == (0, 12)  # above 12, with half of 12 itself, lie 6.2 %, above 13 4.9
    assert count_range(100, 1.0, 0.5, Dispersion(recall=4))[1] > 500  # a gamma of shape 1/4: 5 % beyond 4.85 means


def test_a_single_find_of_a_model_that_is_often_wrong_may_be_nothing() -> None:
    assert count_range(1, 0.6, 0.9)[0] == 0
    assert count_range(1, 0.99, 0.9)[0] == 1


def test_a_thousand_insects_have_their_range_within_a_few_milliseconds() -> None:
    count_range(1000, 0.9, 0.8)
    began_s = time.process_time()
    low, high = count_range(1000, 0.91, 0.81)
    assert time.process_time() - began_s < 0.05
    assert low <= 1000 <= high < 1300


def test_a_great_catch_of_a_model_that_misses_much_has_its_range_in_the_memory_of_a_node() -> None:
    tracemalloc.start()
    try:
        low, high = count_range(1000, 0.583, 0.344, Dispersion(precision=0.6, recall=4, rough=0.45), 0.12)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 50e6
    assert low < 1000 < high


def test_neither_leaves_nor_visits_have_a_density_whatever_the_calibration() -> None:
    moths = count(MOTH, 12)
    assert per_m2(moths, interval(area_mm2=20_000, unit="max_per_frame")) == pytest.approx(600)
    assert per_m2(moths, interval(area_mm2=20_000, unit="affected_frames")) is None
    assert per_m2(moths, interval(area_mm2=20_000, unit="visits")) is None
    assert per_m2(moths, interval(area_mm2=None, unit="new")) is None
    assert per_m2(moths, interval(area_mm2=0, unit="new")) is None


@pytest.mark.parametrize(("precision", "recall"), [(0.0, 0.9), (0.9, 0.0), (None, None)])
def test_a_class_that_was_never_found_rightly_or_measured_is_counted_without_a_range(
    precision: float | None, recall: float | None
) -> None:
    told = counted(4, "Pieris", "", precision=precision, recall=recall)
    assert (told.count, told.low, told.high) == (4, None, None)


def test_agreement_shows_bias_that_a_correlation_would_hide() -> None:
    found = agreement([1, 2, 3, 4], [3, 4, 5, 6])
    assert (found.mae, found.rmse, found.bias) == (2, 2, 2)
    assert found.r2 == pytest.approx(1 - 16 / 5)


def test_agreement_tells_a_miss_from_a_false_alarm() -> None:
    found = agreement([0, 6, 9, 8], [7, 3, 9, 1], threshold=5)
    assert (found.same_side, found.missed, found.false_alarms) == (0.25, 2, 1)


def test_a_count_that_just_reaches_the_threshold_is_over_it() -> None:
    found = agreement([5, 5, 4, 5], [5, 4, 5, 6], threshold=5)
    assert (found.same_side, found.missed, found.false_alarms) == (0.5, 1, 1)


def test_errors_of_both_signs_add_up_in_all_but_the_bias() -> None:
    found = agreement([2, 4, 6], [3, 4, 2])
    assert (found.n, found.mae, found.bias) == (3, pytest.approx(5 / 3), -1)
    assert found.rmse == pytest.approx((17 / 3) ** 0.5)
    assert found.r2 == pytest.approx(1 - 17 / 8)
    assert found.same_side is None


def test_agreement_of_equal_true_counts_has_no_r2() -> None:
    assert agreement([2, 2], [2, 3]).r2 is None


def test_counts_that_do_not_pair_up_are_refused() -> None:
    with pytest.raises(ValueError, match="pair up"):
        agreement([1], [1, 2])
    with pytest.raises(ValueError, match="pair up"):
        agreement([], [])
