"""A count carries its effort and its range; no data is not a zero."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.counts import Interval, Lost, NoData, TaxonCount, decimals_of, newest_unit
from edge.ranges import count_range
from tests.clocks import SetClock
from tests.records import interval

shares = st.floats(0.3, 1.0)


@given(st.integers(0, 60), shares, shares)
def test_a_range_holds_its_count_and_has_no_negative_end(count: int, precision: float, recall: float) -> None:
    low, high = count_range(count, precision, recall)
    assert 0 <= low <= count <= high


@given(st.integers(0, 60))
def test_a_perfect_model_leaves_no_doubt(count: int) -> None:
    assert count_range(count, 1.0, 1.0) == (count, count)


@given(st.integers(1, 40), shares)
def test_a_model_that_finds_less_leaves_more_above(count: int, precision: float) -> None:
    assert count_range(count, precision, 0.5)[1] >= count_range(count, precision, 0.9)[1]


@pytest.mark.parametrize(("precision", "recall"), [(0.0, 0.9), (0.9, 0.0), (1.2, 0.9)])
def test_impossible_accuracy_is_refused(precision: float, recall: float) -> None:
    with pytest.raises(ValueError, match="precision and recall"):
        count_range(3, precision, recall)


@pytest.mark.parametrize(
    ("frames", "skipped", "watched_s"),
    [
        (60, (), 3600.0),
        (0, (("still", 60),), 3600.0),  # a short interval between two looks at a still scene
        (1, (("dark", 15), ("still", 44)), 2700.0),
        (0, (("dark", 60),), 0.0),
        (30, (("colourless", 20), ("board", 10)), 1800.0),  # a night in infrared, and a visit
        (30, (("overexposed", 10), ("blocked", 10), ("blurred", 10)), 1800.0),
        (0, (("unmatched", 6),), 0.0),
        (10, (("unmatched", 5),), 3600.0),
        (0, (), 0.0),
    ],
)
def test_watched_is_the_time_of_pictures_that_showed_something(
    frames: int, skipped: tuple[tuple[str, int], ...], watched_s: float
) -> None:
    counts = () if frames else NoData("dark")
    assert interval(frames=frames, skipped=skipped, awake_s=3600.0, counts=counts).watched_s == watched_s


def test_the_newest_unit_is_that_of_the_last_look_and_without_one_of_the_last_interval() -> None:
    of_night = interval(unit="visits", frames=0, counts=NoData("dark"))
    assert newest_unit([interval(unit="visits"), interval(unit="max_per_frame"), of_night]) == "max_per_frame"
    assert newest_unit([replace(of_night, unit="new"), of_night]) == "visits"
    assert newest_unit([]) is None


@pytest.mark.parametrize(
    ("figure", "mark", "told"),
    [
        (0.304, 0.3, "0.304"),
        (6.0, 5.0, "6.0"),
        (12.34, 10.0, "12.3"),
        (999.6, 1000.0, "999.6"),
        (0.9996, 1.0, "0.9996"),
    ],
)
def test_a_figure_is_told_so_that_its_rounding_crosses_no_mark(figure: float, mark: float, told: str) -> None:
    assert f"{figure:.{decimals_of(figure, mark)}f}" == told


def test_a_loss_is_whole_where_nothing_of_its_span_is_left() -> None:
    at = SetClock().now()
    assert [Lost(at=at, first_seq=4, last_seq=6, count=n, reason="full").is_whole for n in (2, 3)] == [False, True]


@pytest.mark.parametrize(("frames", "counts"), [(0, ()), (3, NoData("dark"))])
def test_an_interval_cannot_mix_up_zero_and_no_data(frames: int, counts: tuple[TaxonCount, ...] | NoData) -> None:
    at = SetClock().now()
    with pytest.raises(ValueError, match="if and only if"):
        Interval(
            start=at, end=at, camera="c", model="m", mode="live", unit="max_per_frame",
            frames=frames, skipped=(), awake_s=0.0, counts=counts,
        )  # fmt: skip
