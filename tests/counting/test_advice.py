"""Degree days against published vectors; units converted or refused; levels that do not flutter."""

import csv
from dataclasses import replace
from datetime import UTC, date, timedelta
from difflib import get_close_matches
from math import fsum, pi, sin
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.advice import Measured, Period, Stand, Standing, Threshold, defaults, key_of
from edge.advice.against_threshold import Evidence, asks_again, judged, timed
from edge.advice.alert import alert_of
from edge.advice.degree_days import DayRange, degree_days, development, heat_sum, read_days, species
from edge.advice.first_catch import Biofix, Night, first_catch
from edge.advice.heat import Catch, after_catch, caught_by_evening, nights, progress, season_begin
from edge.advice.units import converted, is_of_trap, nights_of
from edge.clock import ClockState
from edge.config import AdviceTable
from edge.errors import UsageError
from edge.taxa import taxa, taxon
from tests.clocks import SetClock
from tests.records import MOTH, count, instant, interval

DATA = Path(__file__).parent / "data"
VECTORS = list(csv.DictReader((DATA / "single_sine_testvectors.csv").read_text().splitlines()))
JULY = date(2026, 7, 1)
celsius = st.floats(-20, 50)


@pytest.mark.parametrize("row", VECTORS, ids=lambda r: f"{r['case']} {r['tmin']}-{r['tmax']}")
def test_a_day_gives_the_degree_days_of_the_published_vector(row: dict[str, str]) -> None:
    day = DayRange(float(row["tmin"]), float(row["tmax"]))
    upper = float(row["upper"]) if row["upper"] else None
    assert degree_days(day, float(row["lower"]), upper) == pytest.approx(float(row["degree_days"]), abs=1e-5)


IN_THE_HEAT = {"horizontal": (1.0, 0.0), "vertical": (0.0, 0.0), "intermediate": (1.0, 1.0)}  # of the rate, less excess


@pytest.mark.parametrize("cutoff", IN_THE_HEAT)
@pytest.mark.parametrize(
    ("low", "high"), [(20, 36), (18, 34), (5, 40), (12, 27), (33, 39), (34, 34), (32.2, 32.2), (2, 8)]
)
def test_each_cut_off_gives_the_heat_of_its_rate_along_the_sine(cutoff: str, low: float, high: float) -> None:
    lower, upper, parts = 10.6, 32.2, 20_000
    curve = [(high + low) / 2 + (high - low) / 2 * sin(2 * pi * (n + 0.5) / parts) for n in range(parts)]
    goes_on, slows = IN_THE_HEAT[cutoff]
    hot = [goes_on * (upper - lower) - slows * (c - upper) for c in curve]
    rates = [max(0.0, c - lower) if c <= upper else rate for c, rate in zip(curve, hot, strict=True)]
    assert degree_days(DayRange(low, high), lower, upper, cutoff) == pytest.approx(fsum(rates) / parts, abs=2e-3)


def test_a_scale_that_rests_in_the_heat_has_not_the_heat_of_one_that_goes_on() -> None:
    days = {JULY + timedelta(n): DayRange(20, 36) for n in range(35)}
    steps = progress("Comstockaspis perniciosa", days, JULY, max(days))
    (males,) = [one for one in steps if one.row.stage_to == "first male of next generation"]
    assert males.heat.known_c == pytest.approx(35 * 9.59, abs=0.2)  # of 583; going on as at 32.2 it would be 581
    assert males.reached is None


def test_each_cut_off_of_the_table_is_one_that_is_reckoned_or_has_no_upper_threshold() -> None:
    rows = [row for name in species() for row in development(name)]
    assert {row.cutoff for row in rows if row.upper_c is not None} == {*IN_THE_HEAT}


@given(celsius, celsius, st.floats(0, 15), st.floats(16, 40), st.floats(0, 5))
def test_a_warmer_day_never_gives_less_heat(a: float, b: float, lower: float, upper: float, warmer: float) -> None:
    low, high = sorted((a, b))
    cool, warm = DayRange(low, high), DayRange(low + warmer, high + warmer)
    assert degree_days(warm, lower, upper) >= degree_days(cool, lower, upper) - 1e-9


def test_a_day_whose_least_is_a_mean_a_hair_below_the_threshold_has_its_degree_days() -> None:
    least_c = (7.1 + 7.3) / 2  # as a spreadsheet reckons it: 7.199999999999999
    assert degree_days(DayRange(least_c, 25), 7.2, 31.1) == pytest.approx((7.2 + 25) / 2 - 7.2)


def test_a_missing_day_is_a_gap_and_not_a_cold_day() -> None:
    days = {JULY: DayRange(15, 25), JULY + timedelta(2): DayRange(19, 29)}
    heat = heat_sum(days, JULY, JULY + timedelta(2), 10, None)
    assert (heat.known_c, heat.filled_c, heat.missing) == (24.0, 36.0, (JULY + timedelta(1),))


def test_a_missing_day_has_the_heat_of_its_nearest_neighbours_and_of_the_only_one_at_an_end() -> None:
    warmth = {1: 12, 2: 20, 4: 30, 5: 14}  # of days without a swing: 2, 10, 20 and 4 above the threshold
    days = {JULY + timedelta(n): DayRange(c, c) for n, c in warmth.items()}
    heat = heat_sum(days, JULY, JULY + timedelta(6), 10, None)
    assert (heat.known_c, heat.filled_c) == (pytest.approx(36), pytest.approx(36 + 2 + 15 + 4))
    assert heat.missing == (JULY, JULY + timedelta(3), JULY + timedelta(6))


def test_development_that_would_end_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="upper threshold must be above the lower"):
        degree_days(DayRange(12, 25), 10, 10)


def test_a_season_without_a_single_temperature_has_no_heat_sum() -> None:
    assert heat_sum({}, JULY, JULY + timedelta(3), 10, None).filled_c is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("date,tmin,tmax\n2026-07-01,12,25\n\n2026-07-02,warm,25\n", r"days.csv, line 4: .*write it as"),
        ("tmin,tmax,date\n12,25\n", r"days.csv, line 2: .*write it as"),
        ("", r"days.csv: .*begin it with date,tmin,tmax"),
    ],
    ids=["a word for a number", "cut off before the date", "empty"],
)
def test_a_table_of_days_that_cannot_be_read_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_days(text, "days.csv")


@pytest.mark.parametrize("cells", ["nan,25", "12,nan", "12,inf", "-inf,25", "25,12", "63,88", "-70,12"])  # 88 °F
def test_a_typed_day_that_no_thermometer_shows_is_refused_with_its_line(cells: str) -> None:
    with pytest.raises(UsageError, match=r"days.csv, line 2: .*write it as"):
        read_days(f"date,tmin,tmax\n2026-07-01,{cells}\n", "days.csv")


@pytest.mark.parametrize("cells", ["12,", ",25", ","])
def test_a_typed_day_of_which_a_figure_is_missing_is_a_missing_day(cells: str) -> None:
    days = read_days(f"date,tmin,tmax\n2026-07-01,{cells}\n2026-07-02,0,25\n", "days.csv")
    assert days == {JULY + timedelta(1): DayRange(0, 25)}


def test_a_species_heat_comes_with_the_thresholds_of_its_own_source() -> None:
    lower_c = {(d.stage_from, d.stage_to): d.lower_c for d in development("Spodoptera frugiperda")}
    assert lower_c[("egg", "larva")] == 10.27  # He et al. 2019, table; the whole life has one of its own
    assert lower_c[("egg", "adult")] == 11.34


@pytest.mark.parametrize(
    ("today", "latitude_deg", "begins"),
    [
        ("2026-01-01", 30.0, "2026-01-01"),
        ("2026-12-31", 30.0, "2026-01-01"),
        ("2026-08-01", 0.0, "2026-01-01"),
        ("2026-08-01", None, "2026-01-01"),  # nobody said where
        ("2026-06-30", -30.0, "2025-07-01"),
        ("2026-07-01", -30.0, "2026-07-01"),
        ("2026-12-31", -0.5, "2026-07-01"),
    ],
)
def test_a_season_begins_at_midwinter_on_either_side_of_the_equator(
    today: str, latitude_deg: float | None, begins: str
) -> None:
    assert season_begin(date.fromisoformat(today), latitude_deg) == date.fromisoformat(begins)


def test_a_stage_is_reached_within_the_days_that_were_asked_for() -> None:
    days = {JULY + timedelta(n): DayRange(20, 36) for n in range(4)}
    reached = []
    for last in (1, 2, 3):
        steps = progress("Helicoverpa armigera", days, JULY, JULY + timedelta(last))
        reached += [step.reached for step in steps if step.row.stage_from == "egg"]
    assert reached == [None, JULY + timedelta(2), JULY + timedelta(2)]  # 17.4 a day of the 48 that are needed


def test_a_stage_whose_heat_is_complete_to_the_degree_is_reached_on_that_day() -> None:
    days = {JULY + timedelta(n): DayRange(20, 20) for n in range(12)}  # 8.3 a day of 83, which sum up to 82.999...
    (eggs,) = [s for s in progress("Thaumatotibia leucotreta", days, JULY, max(days)) if s.row.stage_from == "adult"]
    assert eggs.reached == JULY + timedelta(9)


def test_a_stage_is_reached_by_the_days_that_are_known_and_a_gap_brings_it_no_nearer() -> None:
    days = {JULY + timedelta(n): DayRange(20.9, 20.9) for n in (*range(5), *range(15, 21))}  # 9.2 a day of 83
    (eggs,) = [s for s in progress("Thaumatotibia leucotreta", days, JULY, max(days)) if s.row.stage_from == "adult"]
    assert eggs.reached == JULY + timedelta(19)


def test_a_day_above_what_a_species_bears_gives_a_sum_and_a_stage_no_more_than_the_upper_end() -> None:
    days = {JULY + timedelta(n): DayRange(40, 44) for n in range(4)}
    (larva,) = [s for s in progress("Helicoverpa armigera", days, JULY, max(days)) if s.row.stage_from == "adult"]
    assert larva.heat.known_c == pytest.approx(4 * (38 - 10.56))
    assert larva.reached is None  # of 117; without an upper end, 31.4 a day, on the fourth


@pytest.mark.parametrize(
    ("species", "steps"),
    [
        ("Helicoverpa armigera", 1),
        ("Anarsia lineatella", 3),
        ("Comstockaspis perniciosa", 2),
        ("Cydia pomonella", 3),
    ],
)
def test_heat_after_a_first_catch_is_told_by_whatever_word_its_source_has_for_one(species: str, steps: int) -> None:
    """The adult, the first male, also in a pheromone trap, the first moth."""
    assert len(after_catch(progress(species, {JULY: DayRange(20, 36)}, JULY, JULY))) == steps


def test_nights_go_from_the_begin_of_the_season_to_the_last_that_was_seen_and_else_nobody_looked() -> None:
    caught = {JULY + timedelta(3): Catch({}, None), JULY + timedelta(1): Catch({"moth": 2}, None)}
    assert [night.catch for night in nights(caught, "moth", JULY)] == [None, 2, None, 0]
    assert nights(caught, "moth", JULY + timedelta(2)) == [
        Night(JULY + timedelta(2), None), Night(JULY + timedelta(3), 0),
    ]  # fmt: skip
    assert nights(caught, "moth", JULY + timedelta(4)) == nights({}, "moth", JULY) == []


def test_a_night_is_blind_for_what_none_of_its_models_can_tell() -> None:
    kept = {"pests@1": frozenset({MOTH[0]}), "cards@1": frozenset({"Insecta"})}
    models = [
        ["cards@1"],
        ["cards@1"],
        ["cards@1", "pests@1"],
        ["pests@1"],
        ["cards@1"],
        ["pests@0"],
        ["cards@1", "pests@0"],
    ]
    hours = [
        interval(
            86_400.0 * n, mode="trap", unit="new", model=model,
            counts=(count(MOTH, 3),) if model == "pests@1" else (),
        )
        for n, those in enumerate(models) for model in those
    ]  # fmt: skip
    caught = caught_by_evening(hours, UTC, kept)
    told = nights(caught, MOTH[0], min(caught))
    assert [night.catch for night in told] == [None, None, 3, 3, None, 0, 0]  # of pests@0 nothing is kept
    found = first_catch(told, 2)
    assert found is not None
    assert found.blind_before == 2
    alone = caught_by_evening(hours[:1], UTC, {"cards@1": kept["cards@1"]})  # the one model that ever ran
    assert [night.catch for night in nights(alone, MOTH[0], min(alone))] == [None]


def test_the_catch_of_a_night_is_that_of_all_life_stages() -> None:
    hour = interval(0.0, mode="trap", unit="new", counts=(count(MOTH, 5, stage="adult"), count(MOTH, 0, stage="larva")))
    caught = caught_by_evening([hour], UTC, {})
    assert [night.catch for night in nights(caught, MOTH[0], min(caught))] == [5]


def test_what_a_node_saw_before_it_hung_in_a_trap_is_no_catch() -> None:
    assert caught_by_evening([interval(0.0, mode="live", unit="max_per_frame")], UTC, {}) == {}


@pytest.mark.parametrize("lost", ["start", "end"])
def test_a_catch_of_a_boot_that_never_knew_the_time_belongs_to_no_night(lost: str) -> None:
    hour = interval(0.0, mode="trap", unit="new", counts=(count(MOTH, 3),))
    moment = replace(getattr(hour, lost), state=ClockState.UNSYNCED)
    assert caught_by_evening([hour], UTC, {}).keys() == {JULY}
    assert caught_by_evening([replace(hour, **{lost: moment})], UTC, {}) == {}


def test_a_catch_under_a_version_that_tells_other_labels_now_is_kept() -> None:
    own = interval(0.0, mode="trap", unit="new", model="own@1", counts=(count(MOTH, 3),))
    caught = caught_by_evening([own], UTC, {"own@1": frozenset({"Insecta"})})
    assert [night.catch for night in nights(caught, MOTH[0], min(caught))] == [3]


@pytest.mark.parametrize(
    ("catches", "first", "blind"),
    [
        ([2, None], 0, 0),  # nobody knows of a night before
        ([None, 2], 1, 1),
        ([None, 2, None], 1, 1),
        ([0, None, None, 2], 3, 2),
        ([None, 0, 2, None], 2, 0),
    ],
)
def test_a_first_catch_says_on_how_many_nights_before_it_nobody_looked(
    catches: list[int | None], first: int, blind: int
) -> None:
    seen = [Night(JULY + timedelta(n), catch) for n, catch in enumerate(catches)]
    assert first_catch(seen, running=1) == Biofix(JULY + timedelta(first), blind)


def test_a_stray_moth_is_no_first_catch_where_two_nights_running_are_wanted() -> None:
    nights = [Night(JULY + timedelta(n), catch) for n, catch in enumerate([0, 1, 0, None, 2, None, 1])]
    assert first_catch(nights, running=2) == Biofix(JULY + timedelta(4), blind_before=1)
    assert first_catch(nights[:5], running=2) is None


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "answer"),
    [
        (6, "larvae/20 plants", "larvae/plant", 0.3),
        (30, "insects/10 leaves", "insects/leaf", 3),
        (2, "adults/trap/night", "adults/trap/week", 14),
        (14, "adults/trap/week", "adults/trap/night", 2),
        (3, "visits/day", "visits/week", 21),
        (14, "adults/trap/2 weeks", "adults/trap/week", 7),
        (5, "insects/leaf", "insects/plant", 60),
        (60, "insects/plant", "insects/leaf", 5),
        (2, "insects/leaf", "insects/m2", 192),
        (100, "insects/m2", "insects/hill", 4),
        (24, "insects/m2", "insects/plant", 3),
        (3, "larvae/m2", "number/m2", 3),
        (3, "larvae/m2", "insects/m2", 3),
        (3, "larvae/0.5 m2", "individuals/m2", 6),
        (40, "%plants", "% plants", 40),
        (40, "% plants", "% plants", 40),
    ],
)
def test_a_figure_is_converted_with_its_effort_and_the_configured_stand(
    value: float, unit: str, wanted: str, answer: float
) -> None:
    stand = Stand.of(AdviceTable(leaves_per_plant=12, plants_per_m2=8, hills_per_m2=25))
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
        ("% plant", "number/plant"),
        ("insects/m2", "insects/"),
    ],
)
def test_a_comparison_that_needs_a_guess_is_refused(unit: str, wanted: str) -> None:
    assert converted(1, unit, wanted, Stand()) is None


def test_leaves_become_plants_where_only_their_number_on_one_is_known_and_shares_of_them_never() -> None:
    stand = Stand(leaves_per_plant=12)
    assert converted(5, "insects/leaf", "insects/plant", stand) == 60
    assert converted(5, "% leaf", "% plant", stand) is None


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [("insects/leaf", "insects/plant"), ("insects/plant", "insects/leaf"), ("insects/leaf", "insects/m2")],
)
def test_leaves_are_not_counted_on_plants_of_which_nobody_said_how_many_they_have(unit: str, wanted: str) -> None:
    assert converted(1, unit, wanted, Stand(plants_per_m2=8)) is None


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        ("adults/trap/night", "insects/m2/night"),
        ("insects/plant", "insects/card"),
        ("insects/20 sweeps", "insects/m2"),
    ],
)
def test_a_catch_is_no_number_in_a_field_whatever_its_stand(unit: str, wanted: str) -> None:
    assert converted(1, unit, wanted, Stand(leaves_per_plant=12, plants_per_m2=8, hills_per_m2=25)) is None


def threshold(unit: str = "larvae/20 plants", low: float = 6, high: float | None = 8) -> Threshold:
    return Threshold(
        scientific_name="Spodoptera frugiperda", crop="maize", stage_of_crop="whorl", method="scouting", unit=unit,
        quantity="larvae", low=low, high=high, region="China", action="release Trichogramma", basis="economic",
        source="a paper",
    )  # fmt: skip


def told(value: float, unit: str = "larvae/20 plants", low: float | None = None, high: float | None = None) -> Evidence:
    return Evidence(
        period=Period(first=JULY, last=JULY, is_over=True), count=7, told=(Measured(value, unit, low, high),)
    )


def so_far(value: float, unit: str = "larvae/20 plants") -> Evidence:
    return replace(told(value, unit), period=Period(first=JULY, last=JULY, is_over=False))


def after(standing: Standing, over: Evidence | None, running: Evidence | None = None) -> Standing:
    return judged(standing, over, running, SetClock().now(), Stand())


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


def test_a_count_below_the_threshold_whose_range_reaches_it_asks_to_look() -> None:
    standing = after(Standing(threshold=threshold()), told(5, low=3, high=9))
    assert (standing.level, standing.task) == ("look", "count_by_eye")
    assert "(up to 9) may have reached" in alert_of(standing, SetClock().now(), "cam0", "m").reason


def test_a_count_above_what_the_source_is_sure_at_says_to_do_as_it_says_however_wide_the_range() -> None:
    standing = after(Standing(threshold=threshold()), told(9, low=4, high=30))
    assert (standing.level, standing.task) == ("act", "follow_source")
    alert = alert_of(standing, SetClock().now(), "cam0", "m")
    assert alert.look_at.startswith("Release Trichogramma, as the source says")
    assert (alert.low, alert.value, alert.high) == (4, 9, 30)


DAY: dict[str, Any] = {"watched_s": 43_200.0, "frames": 3540}  # of visits that were watched for twelve hours


@pytest.mark.parametrize(
    ("day", "level"),
    [
        ({"watched_s": 3600.0, "frames": 295}, "act"),  # an hour of it
        ({"watched_s": 21_600.0, "frames": 1770}, "calm"),
        ({"watched_s": 43_200.0, "frames": 60}, "calm"),  # a still scene
        ({"watched_s": 3600.0, "frames": 3540}, "calm"),  # as many pictures
    ],
)
def test_a_day_watched_less_than_half_as_much_as_that_of_the_figure_takes_no_level_back(
    day: dict[str, Any], level: str
) -> None:
    standing = after(Standing(threshold=threshold()), replace(told(9), **DAY))
    assert after(standing, replace(told(1), **day)).level == level


@pytest.mark.parametrize(("pictures", "level"), [(1, "act"), (4, "act"), (5, "calm")])
def test_of_single_pictures_fewer_than_half_as_many_take_no_level_back(pictures: int, level: str) -> None:
    standing = after(Standing(threshold=threshold()), replace(told(9), frames=9))
    assert after(standing, replace(told(0), frames=pictures)).level == level


def test_a_day_watched_little_raises_a_level_and_one_watched_as_little_takes_it_back() -> None:
    hour: dict[str, Any] = {"watched_s": 3600.0, "frames": 295}
    calm = after(Standing(threshold=threshold()), replace(told(1), **DAY))
    raised = after(calm, replace(told(9), **hour))
    assert raised.level == "act"
    assert after(raised, replace(told(1), **hour)).level == "calm"


def test_a_level_is_one_thing_to_do_while_it_lasts_and_another_when_it_is_reached_again() -> None:
    clock, standing, keys = SetClock(), Standing(threshold=threshold()), []
    for value in (9, 12, 1, 9):
        clock.advance(86_400)
        standing = judged(standing, told(value), None, clock.now(), Stand())
        keys.append(key_of(standing))
    first, lasting, ended, again = keys
    assert first == lasting
    assert len({first, ended, again}) == 3


def test_of_two_boots_without_the_time_that_reached_a_level_when_equally_old_each_has_its_own_thing_to_do() -> None:
    boots = [instant(60.0, ClockState.UNSYNCED, boot_id) for boot_id in ("one", "other")]
    assert len({key_of(Standing(threshold=threshold(), level="act", since=since)) for since in boots}) == 2


@pytest.mark.parametrize(
    ("first", "last", "moved"),
    [
        (-6, -1, 0),  # over before the boot
        (0, 0, 3),
        (-6, 0, 3),  # a week that the boot's first day ends
    ],
)
def test_a_period_moves_with_the_clock_that_is_set_where_the_boot_has_counted_in_it(
    first: int, last: int, moved: int
) -> None:
    """The board woke at noon, counted for an hour, and hears then that it is three days later."""
    days = Period(first=JULY + timedelta(first), last=JULY + timedelta(last), is_over=False)
    at = replace(instant(3600.0, ClockState.UNSYNCED), monotonic_s=3600.0)
    known = replace(instant(3 * 86_400.0 + 3660.0), monotonic_s=3660.0)
    told = timed(Standing(threshold=threshold(), period=days, at=at), known, lambda utc: utc.date())
    assert told.period is not None
    assert (told.period.first - days.first, told.period.last - days.last) == (timedelta(moved), timedelta(moved))


@pytest.mark.parametrize(
    ("unit", "first", "last", "value", "about", "asks"),
    [
        ("larvae/20 plants", 1, 1, 60, 6, False),  # the day of the deed
        ("larvae/20 plants", 2, 2, 9, 6, True),
        ("larvae/20 plants", 2, 2, 8.9, 6, False),  # less than half as much again
        ("larvae/20 plants", 2, 2, 60, None, False),
        ("larvae/20 plants", 4, 4, 6, None, True),
        ("adults/trap/night", 1, 1, 9, 6, True),  # the night after it
        ("adults/trap/night", 2, 2, 6, 6, False),
        ("adults/trap/night", 3, 3, 6, 6, True),
        ("adults/trap/week", -5, 1, 9, 6, True),
        ("adults/trap/week", -3, 3, 6, 6, False),  # most of it was before
    ],
)
def test_after_a_deed_of_july_1_it_asks_again_where_that_has_not_helped(
    unit: str, first: int, last: int, value: float, about: float | None, asks: bool
) -> None:
    period = Period(first=JULY + timedelta(first - 1), last=JULY + timedelta(last - 1), is_over=True)
    now = Standing(threshold=threshold(unit), level="look", figure=Measured(value, unit), period=period)
    assert asks_again(now, JULY, about) is asks
    assert not asks_again(replace(now, period=None), JULY, about)  # its action level was edited since


def test_a_figure_without_a_range_is_told_without_one() -> None:
    alert = alert_of(after(Standing(threshold=threshold()), told(9)), SetClock().now(), "cam0", "m")
    assert (alert.low, alert.value, alert.high) == (None, 9, None)


def test_a_zero_is_calm_however_much_the_model_may_have_missed() -> None:
    assert after(Standing(threshold=threshold()), told(0, low=0, high=30)).level == "calm"


@pytest.mark.parametrize(
    ("unit", "caught_in"),
    [
        ("adults/trap/week", "adults/trap/night"),
        ("insects/card/night", "insects/card/night"),
        ("insects/15 sweeps", "insects/15 sweeps"),
    ],
)
def test_a_catch_says_go_and_look_however_high_it_is(unit: str, caught_in: str) -> None:
    standing = after(Standing(threshold=threshold(unit, 5, None)), told(90, caught_in))
    assert (standing.level, standing.task) == ("look", "go_and_look")
    assert alert_of(standing, SetClock().now(), "cam0", "m").look_at.startswith("Go and look")


def test_a_week_whose_catch_is_the_threshold_has_reached_it() -> None:
    weekly = Standing(threshold=threshold("adults/trap/week", 61, None))
    assert after(weekly, told(61 / 7, "adults/trap/night")).level == "look"


def test_a_blind_night_leaves_the_level_where_it_was() -> None:
    standing = replace(Standing(threshold=threshold(), level="act"), at=instant(-3600.0), before=instant(-1e7))
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
    by_night, by_now = after(calm, replace(told(9), nights=3), so_far(7)), after(calm, told(1), so_far(7))
    assert by_night.period is not None and by_night.period.is_over  # noqa: PT018
    assert by_now.period is not None and not by_now.period.is_over  # noqa: PT018
    assert [(s.figure.value, s.nights) for s in (by_night, by_now) if s.figure] == [(9, 3), (7, 1)]
    assert after(by_night, None, so_far(5)).figure == by_night.figure  # that keeps a level, and would raise none


@pytest.mark.parametrize(
    ("over", "running", "is_today"),
    [(7, 60, True), (60, 7, False), (7, 7, True), (3, 5, True), (0, 0, True), (60, 5, False)],
)
def test_of_two_days_at_the_same_level_the_larger_figure_is_told_and_of_equal_ones_today_s(
    over: float, running: float, is_today: bool
) -> None:
    first = after(Standing(threshold=threshold()), told(over))
    later = after(first, told(over), so_far(running))
    assert later.figure is not None
    assert later.figure.value == max(over, running)
    assert later.period == (so_far if is_today else told)(0).period
    assert (later.level, later.since) == (first.level, first.since)
    assert after(later, told(over), so_far(running)) == later


def test_a_rise_in_the_running_day_asks_again_though_the_day_before_has_the_same_level() -> None:
    tomorrow = Period(first=JULY + timedelta(1), last=JULY + timedelta(1), is_over=False)
    yesterday = after(Standing(threshold=threshold()), told(10))
    today = [after(yesterday, told(10), replace(so_far(value), period=tomorrow)) for value in (10, 15)]
    assert [asks_again(one, JULY, 10) for one in today] == [False, True]


def test_a_share_that_falls_in_the_running_day_is_told_as_it_is_now_and_keeps_the_level() -> None:
    by_now = after(Standing(threshold=threshold()), told(1), so_far(7))
    later = after(by_now, told(1), replace(so_far(2), count=3))
    assert later.figure is not None
    assert (later.level, later.figure.value, later.count, later.period) == ("act", 2, 3, by_now.period)
    assert later.since == by_now.since


def test_a_count_in_another_unit_leaves_the_level_where_it_was() -> None:
    standing = replace(Standing(threshold=threshold(), level="act"), at=instant(-3600.0), before=instant(-1e7))
    assert after(standing, told(1, "%  leaves")) == standing


def test_a_level_that_was_edited_is_held_against_the_last_figure_also_on_a_day_that_cannot_be_told() -> None:
    standing = after(Standing(threshold=threshold()), told(9))
    edited = replace(standing, threshold=threshold(low=40, high=None), period=None)
    assert [after(edited, day).level for day in (None, replace(told(0), told=()))] == ["calm", "calm"]


def test_an_alert_names_figure_threshold_and_source_and_no_forecast() -> None:
    alert = alert_of(after(Standing(threshold=threshold()), told(0.4, "larvae/plant")), SetClock().now(), "cam0", "m")
    assert "8 larvae/20 plants has reached the threshold of 6 to 8" in alert.reason
    assert alert.source == "a paper; China; economic"
    assert "forecast" not in f"{alert}".lower()


@pytest.mark.parametrize(
    ("evidence", "says"),
    [
        (told(4), "4 larvae/20 plants is below"),
        (told(5), "5 larvae/20 plants is close to"),  # which keeps a level that was reached
        (told(6), "6 larvae/20 plants has reached"),
        (told(5, low=3, high=5.5), "5 larvae/20 plants is close to"),
        (told(5, low=3, high=6), "5 larvae/20 plants (up to 6) may have reached"),
    ],
)
def test_an_alert_says_how_the_figure_stands_to_the_threshold_of_its_crop(evidence: Evidence, says: str) -> None:
    alert = alert_of(after(Standing(threshold=threshold(), level="act"), evidence), SetClock().now(), "cam0", "m")
    assert alert.reason == f"{says} the threshold of 6 to 8 (maize, whorl)"


@pytest.mark.parametrize(
    ("value", "high", "start_at", "says"),
    [
        (999.6, None, 1000, "999.6 larvae/20 plants is below the threshold of 1000"),
        (9.96, None, 10, "9.96 larvae/20 plants is below the threshold of 10"),
        (1234, None, 1000, "1234 larvae/20 plants has reached the threshold of 1000"),
        (998, 1297.4, 1000, "998 larvae/20 plants (up to 1297.4) may have reached the threshold of 1000"),
        (1.25e6, None, 1.5e6, "1250000 larvae/20 plants is below the threshold of 1500000"),
        (1 / 3, None, 0.25, "0.333 larvae/20 plants has reached the threshold of 0.25"),
        (0.0104, None, 0.05, "0.0104 larvae/20 plants is below the threshold of 0.05"),
    ],
)
def test_a_figure_in_a_sentence_is_no_power_of_ten_and_stands_where_the_sentence_says(
    value: float, high: float | None, start_at: float, says: str
) -> None:
    evidence = told(value, low=value if high else None, high=high)
    standing = after(Standing(threshold=threshold(low=start_at, high=None)), evidence)
    assert alert_of(standing, SetClock().now(), "cam0", "m").reason == f"{says} (maize, whorl)"


def test_an_alert_tells_both_ends_of_a_threshold_of_millions_in_full() -> None:
    standing = after(Standing(threshold=threshold(low=1.5e6, high=2.5e6)), told(1e6))
    assert "the threshold of 1500000 to 2500000 " in alert_of(standing, SetClock().now(), "cam0", "m").reason


def test_packaged_thresholds_carry_region_and_source_and_known_pests() -> None:
    rows = defaults()
    assert all(row.region and row.source and row.unit for row in rows)
    assert {row.scientific_name for row in rows if not taxon(row.scientific_name).group} <= {"mixed defoliators"}
    assert all(0 < row.low <= (row.high or row.low) for row in rows)
    catches = {row.unit for row in rows if row.method in {"pheromone trap", "sweep net"}}
    assert catches == {row.unit for row in rows if is_of_trap(row.unit)}
    assert [row.unit for row in rows if row.method == "pheromone trap" and not nights_of(row.unit)] == []


def test_a_pest_with_a_heat_sum_or_a_packaged_level_is_spelled_as_where_its_names_are() -> None:
    known = [one.scientific_name for one in taxa()]
    packaged = {*species(), *(row.scientific_name for row in defaults())}
    assert {name: near for name in packaged - {*known} if (near := get_close_matches(name, known, cutoff=0.9))} == {}
