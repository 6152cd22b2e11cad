"""Sunrise and sunset against a library that astronomers keep, and what must hold anywhere on earth."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from astral import Observer
from astral.sun import elevation, sunrise, sunset
from hypothesis import example, given
from hypothesis import strategies as st

from edge.power.sun import day_length_h, irradiation_above_kwh_m2, sun_day, sun_height_deg

DAYS = st.dates(date(2026, 1, 1), date(2035, 12, 31))


@given(latitude=st.floats(-50, 50), longitude=st.floats(-75, 75), day=DAYS)
@example(latitude=43.0, longitude=68.5, day=date(2026, 5, 19))  # two sunrises within one day of UTC
def test_sunrise_and_sunset_are_within_five_minutes_of_astral(latitude: float, longitude: float, day: date) -> None:
    told = sun_day(latitude, longitude, day)
    assert apart(told.sunrise, sunrise, latitude, longitude) < timedelta(minutes=5)
    assert apart(told.sunset, sunset, latitude, longitude) < timedelta(minutes=5)


def apart(ours: datetime | None, event: Callable[..., datetime], latitude: float, longitude: float) -> timedelta:
    """Astral counts an event to the UTC day on which it falls, tells one of two, and has none on a day between two.

    So it is also asked two degrees to the west and to the east, where the same comes eight minutes later and earlier.
    """
    assert ours
    found = []
    for shift, east in product((-1, 0, 1), (-2, 0, 2)):
        with suppress(ValueError):
            beside = event(Observer(latitude, longitude + east), ours.date() + timedelta(days=shift), tzinfo=UTC)
            found.append(abs(ours - (beside + timedelta(minutes=4 * east))))
    return min(found)


@given(latitude=st.floats(-89, 89), longitude=st.floats(-180, 180), day=DAYS, minute=st.integers(0, 1439))
def test_the_height_of_the_sun_is_within_a_degree_of_astral(
    latitude: float, longitude: float, day: date, minute: int
) -> None:
    utc = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=UTC)
    told = elevation(Observer(latitude, longitude), utc, with_refraction=False)
    assert sun_height_deg(latitude, longitude, utc) == pytest.approx(told, abs=1)


@given(latitude=st.floats(-90, 90), longitude=st.floats(-180, 180), day=DAYS)
def test_the_sun_is_up_between_rise_and_set_and_a_day_has_at_most_24_hours(
    latitude: float, longitude: float, day: date
) -> None:
    told = sun_day(latitude, longitude, day)
    if told.sunrise and told.sunset:
        hours = (told.sunset - told.sunrise) / timedelta(hours=1)
        assert 0 < hours < 24
        assert hours == pytest.approx(day_length_h(latitude, day), abs=0.01)
    else:
        assert day_length_h(latitude, day) == (24 if told.is_light else 0)


@pytest.mark.parametrize(
    ("latitude", "day", "is_light"),
    [(80, "2026-06-21", True), (80, "2026-12-21", False), (-80, "2026-12-21", True), (-80, "2026-06-21", False)],
)
def test_beyond_the_polar_circle_the_sun_stays_up_or_down(latitude: float, day: str, is_light: bool) -> None:
    told = sun_day(latitude, 0, date.fromisoformat(day))
    assert (told.sunrise, told.sunset, told.is_light) == (None, None, is_light)


def test_irradiation_above_the_air_is_that_of_a_worked_example() -> None:
    """Allen et al., Crop evapotranspiration, FAO Irrigation and Drainage Paper 56 (1998), example 8: 32.2 MJ/m2."""
    assert irradiation_above_kwh_m2(-20, date(2026, 9, 3)) * 3.6 == pytest.approx(32.2, rel=0.02)


@pytest.mark.parametrize(
    ("latitude", "day", "kwh_m2"),
    [
        (0, "2026-03-20", 24 / 3.1416 * 1.361 / 0.9962**2),  # overhead at noon, over the distance of the sun squared
        (0, "2026-06-21", 24 / 3.1416 * 1.361 / 1.0163**2 * 0.9175),  # at noon 23.44 degrees from overhead
        (90, "2026-06-21", 24 * 1.361 / 1.0163**2 * 0.3978),  # 23.44 degrees high all day
        (90, "2026-12-21", 0.0),
        (50, "2026-12-16", 24 * 1.361 / 0.9843**2 * 0.06165),  # mean sine of astral's height at each minute above 0
    ],
)
def test_irradiation_above_the_air_is_what_geometry_gives_where_it_is_simple(
    latitude: float, day: str, kwh_m2: float
) -> None:
    assert irradiation_above_kwh_m2(latitude, date.fromisoformat(day)) == pytest.approx(kwh_m2, rel=0.005)
