"""Fourteen days of intervals, and how they are drawn."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from edge.clock import ClockState, Instant
from edge.counts import Interval, TaxonCount
from edge.page.chart import bars
from edge.page.days import Figure, days, most_seen
from tests.page.scenes import BUG, HOPPER, interval

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 7, 1)


def at(day: int, hour: int) -> Instant:
    """A moment of June or July by UTC."""
    utc = datetime(2026, 6, day, hour, tzinfo=UTC) if day > 1 else datetime(2026, 7, 1, hour, tzinfo=UTC)
    return Instant(utc, ClockState.SYNCED, "b" * 36, 0.0)


def visits(start: Instant, count: int) -> Interval:
    taxon = TaxonCount(label=HOPPER, eppo="", count=count, low=count - 1, high=count + 1)
    return replace(interval(start, {HOPPER: count}), unit="visits", counts=(taxon,))


def test_a_day_begins_at_midnight_where_the_node_stands() -> None:
    before, after = interval(at(30, 15), {HOPPER: 1}), interval(at(30, 16), {HOPPER: 2})
    *_, yesterday, today = days([before, after], SHANGHAI, TODAY)
    assert yesterday.figures[HOPPER].count == 1
    assert today.figures[HOPPER].count == 2


def test_the_most_on_one_picture_of_a_day_is_the_largest_of_its_hours() -> None:
    today = days([interval(at(1, 1), {HOPPER: 4}), interval(at(1, 2), {HOPPER: 3})], SHANGHAI, TODAY)[-1]
    assert today.figures[HOPPER] == Figure(4, 2, 7)


def test_visits_of_a_day_are_added_with_their_ranges() -> None:
    today = days([visits(at(1, 1), 4), visits(at(1, 2), 3)], SHANGHAI, TODAY)[-1]
    assert today.figures[HOPPER] == Figure(7, 5, 9)


def test_a_range_that_is_not_known_for_one_hour_is_not_known_for_the_day() -> None:
    unknown = TaxonCount(label=HOPPER, eppo="", count=2, low=None, high=None)
    hours = [visits(at(1, 1), 4), replace(visits(at(1, 2), 2), counts=(unknown,))]
    assert days(hours, SHANGHAI, TODAY)[-1].figures[HOPPER] == Figure(6, None, None)


def test_figures_of_another_unit_are_not_mixed_in() -> None:
    today = days([visits(at(1, 1), 40), interval(at(1, 2), {HOPPER: 3})], SHANGHAI, TODAY)[-1]
    assert today.figures[HOPPER].count == 3


def test_a_day_without_a_look_is_a_gap_and_one_without_an_insect_a_zero() -> None:
    hours = [
        interval(at(28, 3), {}), interval(at(29, 3), None), interval(at(30, 3), {}), interval(at(1, 3), {HOPPER: 2})
    ]  # fmt: skip
    kinds = [bar.kind for bar in bars(days(hours, SHANGHAI, TODAY), HOPPER)]
    assert kinds[-5:] == ["before", "zero", "gap", "zero", "count"]


def test_effort_of_a_day_is_the_sum_of_its_hours() -> None:
    today = days([interval(at(1, 1), {}, frames=60), interval(at(1, 2), {}, frames=50)], SHANGHAI, TODAY)[-1]
    assert today.frames == 110
    assert today.awake_s == 7200


def test_taxa_stand_in_the_order_of_their_best_day() -> None:
    fortnight = days([interval(at(30, 3), {BUG: 5, HOPPER: 2}), interval(at(1, 3), {HOPPER: 4})], SHANGHAI, TODAY)
    assert most_seen(fortnight, 2) == [BUG, HOPPER]
    assert most_seen(fortnight, 1) == [BUG]


def test_a_bar_of_twice_the_count_is_twice_as_high() -> None:
    fortnight = days([interval(at(30, 3), {HOPPER: 10}), interval(at(1, 3), {HOPPER: 20})], SHANGHAI, TODAY)
    heights = [layer.height for bar in bars(fortnight, HOPPER)[-2:] for layer in bar.layers if layer.kind == "bar"]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)


def test_no_bar_is_taller_than_the_drawing_even_with_its_range() -> None:
    fortnight = days([interval(at(1, 3), {HOPPER: 1000})], SHANGHAI, TODAY)
    for bar in bars(fortnight, HOPPER):
        assert all(layer.y >= 24 and layer.height <= 80 for layer in bar.layers)
        assert bar.text_y >= 16 or not bar.text


def test_a_great_figure_over_the_first_or_the_last_bar_stays_within_the_drawing() -> None:
    fortnight = days([interval(at(18, 3), {HOPPER: 12345}), interval(at(1, 3), {HOPPER: 1234})], SHANGHAI, TODAY)
    for bar in bars(fortnight, HOPPER):
        half = 9.5 / 2 * len(bar.text)  # digits of 16 px, bold
        assert half <= bar.middle <= 350 - half


def test_days_before_the_first_data_are_left_empty() -> None:
    assert [bar.kind for bar in bars(days([], SHANGHAI, TODAY), HOPPER)] == ["before"] * 14
