"""Degree days against published vectors; units converted or refused; levels that do not flutter."""

import csv
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import advice
from edge.advice import (
    DayRange,
    Evidence,
    Measured,
    Night,
    Period,
    Refused,
    Stand,
    Standing,
    Threshold,
    alert_of,
    converted,
    degree_days,
    judged,
)
from edge.advice.degree_days import development, read_days
from edge.errors import UsageError
from edge.taxa import taxon
from tests.clocks import SetClock

DATA = Path(__file__).parent / "data"
VECTORS = list(csv.DictReader((DATA / "single_sine_testvectors.csv").read_text().splitlines()))
JULY = date(2026, 7, 1)
celsius = st.floats(-20, 50)


@pytest.mark.parametrize("row", VECTORS, ids=lambda r: f"{r['case']} {r['tmin']}-{r['tmax']}")
def test_a_day_gives_the_degree_days_of_the_published_vector(row: dict[str, str]) -> None:
    day = DayRange(float(row["tmin"]), float(row["tmax"]))
    upper = float(row["upper"]) if row["upper"] else None
    assert degree_days(day, float(row["lower"]), upper) == pytest.approx(float(row["degree_days"]), abs=1e-5)


@given(celsius, celsius, st.floats(0, 15), st.floats(16, 40), st.floats(0, 5))
def test_a_warmer_day_never_gives_less_heat(a: float, b: float, lower: float, upper: float, warmer: float) -> None:
    low, high = sorted((a, b))
    cool, warm = DayRange(low, high), DayRange(low + warmer, high + warmer)
    assert degree_days(warm, lower, upper) >= degree_days(cool, lower, upper) - 1e-9


def test_a_missing_day_is_a_gap_and_not_a_cold_day() -> None:
    days = {JULY: DayRange(15, 25), JULY + timedelta(2): DayRange(19, 29)}
    heat = advice.heat_sum(days, JULY, JULY + timedelta(2), 10)
    assert (heat.known_c, heat.filled_c, heat.missing) == (24.0, 36.0, (JULY + timedelta(1),))


def test_a_season_without_a_single_temperature_has_no_heat_sum() -> None:
    assert advice.heat_sum({}, JULY, JULY + timedelta(3), 10).filled_c is None


def test_a_typed_day_with_words_for_numbers_is_refused_with_its_line() -> None:
    text = "date,tmin,tmax\n2026-07-01,12,25\n2026-07-02,warm,25\n"
    with pytest.raises(UsageError, match=r"days.csv, line 3: .*write it as"):
        read_days(text, "days.csv")


def test_a_species_heat_comes_with_the_thresholds_of_its_own_source() -> None:
    lower_c = {(d.stage_from, d.stage_to): d.lower_c for d in development("Spodoptera frugiperda")}
    assert lower_c[("egg", "larva")] == 10.27  # He et al. 2019, table; the whole life has one of its own
    assert lower_c[("egg", "adult")] == 11.34


def test_a_stray_moth_is_no_first_catch_where_two_nights_running_are_wanted() -> None:
    nights = [Night(JULY + timedelta(n), catch) for n, catch in enumerate([0, 1, 0, None, 2, None, 1])]
    assert advice.first_catch(nights, running=2) == advice.Biofix(JULY + timedelta(4), blind_before=1)
    assert advice.first_catch(nights[:5], running=2) is None


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "answer"),
    [
        (6, "larvae/20 plants", "larvae/plant", 0.3),
        (2, "adults/trap/night", "adults/trap/week", 14),
        (5, "insects/leaf", "insects/plant", 60),
        (100, "insects/m2", "insects/hill", 4),
        (3, "larvae/m2", "number/m2", 3),
        (40, "% plants", "% plants", 40),
    ],
)
def test_a_figure_is_converted_with_its_effort(value: float, unit: str, wanted: str, answer: float) -> None:
    stand = Stand(leaves_per_plant=12, hills_per_m2=25)
    assert converted(value, unit, wanted, stand) == pytest.approx(answer)


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        ("adults/trap/night", "insects/m2"),
        ("insects/card/week", "insects/leaf"),
        ("insects/leaf", "insects/hill"),
        ("adults/trap", "adults/trap/week"),
        ("adults/leaf", "nymphs/leaf"),
        ("% plants", "% tillers"),
        ("% pictures", "% leaves"),
        ("% plants", "number/plants"),
    ],
)
def test_a_comparison_that_needs_a_guess_is_refused(unit: str, wanted: str) -> None:
    assert isinstance(converted(1, unit, wanted), Refused)


def test_a_catch_is_refused_with_the_advice_to_go_and_look() -> None:
    refused = converted(1, "adults/trap/night", "insects/m2/night")
    assert isinstance(refused, Refused)
    assert "go and look" in refused.reason


def threshold(unit: str = "larvae/20 plants", low: float = 6, high: float | None = 8) -> Threshold:
    return Threshold(
        scientific_name="Spodoptera frugiperda", crop="maize", stage_of_crop="whorl", method="scouting", unit=unit,
        quantity="larvae", low=low, high=high, region="China", action="control", basis="economic", source="a paper",
    )  # fmt: skip


def told(value: float, unit: str = "larvae/20 plants", low: float | None = None, high: float | None = None) -> Evidence:
    return Evidence(
        period=Period(first=JULY, last=JULY, is_over=True), count=7, told=(Measured(value, unit, low, high),)
    )


def so_far(value: float, unit: str = "larvae/20 plants") -> Evidence:
    return replace(told(value, unit), period=Period(first=JULY, last=JULY, is_over=False))


def after(standing: Standing, over: Evidence | None, running: Evidence | None = None) -> Standing:
    judged_now = judged(standing, over, running, SetClock().now())
    assert isinstance(judged_now, Standing)
    return judged_now


def levels(standing: Standing, values: list[float]) -> list[str]:
    found: list[str] = []
    for value in values:
        standing = after(standing, told(value))
        found.append(standing.level)
    return found


def test_a_count_that_trembles_at_the_threshold_changes_its_level_once() -> None:
    values = [5, 6, 5.9, 6.1, 5.5, 4.7]
    assert levels(Standing(threshold=threshold()), values) == ["calm", "act", "act", "act", "act", "calm"]


def test_a_count_whose_range_has_the_threshold_inside_asks_to_count_by_eye() -> None:
    standing = after(Standing(threshold=threshold()), told(6.5, low=4, high=9))
    assert (standing.level, standing.task) == ("look", "count_by_eye")
    assert "by eye" in alert_of(standing, SetClock().now(), "cam0", "m").look_at


def test_a_zero_is_calm_however_much_the_model_may_have_missed() -> None:
    assert after(Standing(threshold=threshold()), told(0, low=0, high=30)).level == "calm"


def test_a_catch_says_go_and_look_however_high_it_is() -> None:
    standing = after(Standing(threshold=threshold("adults/trap/week", 5, None)), told(90, "adults/trap/night"))
    assert (standing.level, standing.task) == ("look", "go_and_look")
    assert alert_of(standing, SetClock().now(), "cam0", "m").look_at.startswith("Go and look")


def test_a_blind_night_leaves_the_level_where_it_was() -> None:
    standing = Standing(threshold=threshold(), level="act")
    assert after(standing, None) == standing


def test_the_running_night_raises_a_level_and_never_lowers_it() -> None:
    calm, act = Standing(threshold=threshold()), Standing(threshold=threshold(), level="act")
    assert [after(calm, told(1), so_far(v)).level for v in (5, 6)] == ["calm", "act"]
    assert after(act, told(9), so_far(1)).level == "act"
    assert after(act, None, so_far(1)).level == "act"


def test_a_night_whose_pictures_come_late_raises_a_level_of_the_running_one() -> None:
    by_now = after(Standing(threshold=threshold()), None, so_far(1))
    assert by_now.period == so_far(1).period
    assert after(by_now, told(9), so_far(1)).level == "act"


def test_a_day_that_cannot_be_told_does_not_silence_the_running_one() -> None:
    calm, act = Standing(threshold=threshold()), Standing(threshold=threshold(), level="act")
    few = replace(told(0), told=())
    assert [after(calm, few, so_far(v)).level for v in (5, 6)] == ["calm", "act"]
    assert after(act, few, so_far(1)).level == "act"


def test_the_figure_shown_is_of_the_day_that_gives_the_level() -> None:
    calm = Standing(threshold=threshold())
    by_night, by_now = after(calm, told(9), so_far(7)), after(calm, told(1), so_far(7))
    assert by_night.period is not None and by_night.period.is_over  # noqa: PT018
    assert by_now.period is not None and not by_now.period.is_over  # noqa: PT018
    assert [s.figure.value for s in (by_night, by_now) if s.figure] == [9, 7]


def test_a_share_that_falls_in_the_running_day_is_told_as_it_is_now_and_keeps_the_level() -> None:
    by_now = after(Standing(threshold=threshold()), told(1), so_far(7))
    later = after(by_now, told(1), replace(so_far(2), count=3))
    assert later.figure is not None
    assert (later.level, later.figure.value, later.count, later.period) == ("act", 2, 3, by_now.period)
    assert later.since == by_now.since


def test_a_count_in_another_unit_is_refused() -> None:
    assert isinstance(judged(Standing(threshold=threshold()), told(1, "%  leaves"), None, SetClock().now()), Refused)


def test_an_alert_names_figure_threshold_and_source_and_no_forecast() -> None:
    alert = alert_of(after(Standing(threshold=threshold()), told(0.4, "larvae/plant")), SetClock().now(), "cam0", "m")
    assert "8 larvae/20 plants has reached the threshold of 6 to 8" in alert.reason
    assert "a paper" in alert.source
    assert "forecast" not in f"{alert}".lower()


def test_packaged_thresholds_carry_region_and_source_and_known_pests() -> None:
    rows = advice.defaults()
    assert len(rows) == 97
    assert all(row.region and row.source and row.unit for row in rows)
    assert {row.scientific_name for row in rows if not taxon(row.scientific_name).group} <= {"mixed defoliators"}


def test_a_threshold_file_with_a_word_for_a_number_is_refused_with_its_line() -> None:
    with pytest.raises(UsageError, match=r"own\.csv, line 2"):
        advice.read_thresholds("threshold_low,threshold_high\nmany,\n", "own.csv")
