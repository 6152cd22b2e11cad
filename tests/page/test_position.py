"""Positions as people have them on their phones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.page.position import position


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("31.2304, 121.4737", (31.2304, 121.4737)),
        ("31.2304,121.4737", (31.2304, 121.4737)),
        ("(-1.2921, 36.8219)", (-1.2921, 36.8219)),
        ("-1.2921 36.8219", (-1.2921, 36.8219)),
        ("31,2304; 121,4737", (31.2304, 121.4737)),
        ("31,2304 121,4737", (31.2304, 121.4737)),
        ("31, 121", (31.0, 121.0)),
        ("geo:31.2304,121.4737?z=17", (31.2304, 121.4737)),
        ("https://maps.example/@-33.8688,151.2093,17z", (-33.8688, 151.2093)),
        ("31°13'49\"N 121°28'25\"E", (31.230278, 121.473611)),
        ("S 1° 17.526' E 36° 49.314'", (-1.2921, 36.8219)),
        ("33°27′S, 70°40′W", (-33.45, -70.666667)),
        ("31.23° N, 121.47° E", (31.23, 121.47)),
        ("31.23040°N,121.47070°E", (31.2304, 121.4707)),
        ("1,2921° S 36,8219° E", (-1.2921, 36.8219)),
        ("N 31,5° W 7,25°", (31.5, -7.25)),
        ("-1.2921°, 36.8219°", (-1.2921, 36.8219)),
        ("-31,5° 28,4°", (-31.5, 28.4)),
        ("３１．２３０４，１２１．４７３７", (31.2304, 121.4737)),
        ("31º13′49″N 121º28′25″E", (31.230278, 121.473611)),
    ],
)
def test_a_pair_is_read_as_it_was_copied(typed: str, expected: tuple[float, float]) -> None:
    assert position(typed) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "31.2",
        "31,2304",
        "31,121",
        "north field",
        "91.5, 10",
        "31.2, 181.0",
        "31°13'N",
        "31°N 121°N",
        "31°13 121°28",
        "31°13'49, 121°28'25",
        "31 13 49, 121 28 25",
        "1031.23° N, 121.47° E",
        "1.31.23° N, 121.47° E",
        "-33.4489° N, 70.6693° W",
        "1,2,3",
        "121.4737, 31.2304",
        "121.4737,31.2304",
        "121.4737 31.2304",
        "121,4737; 31,2304",
        "-100.5, 40.2",
        "121.4737, 31.2304, 12.5",
    ],
)
def test_what_is_no_pair_or_lies_nowhere_is_none(typed: str) -> None:
    assert position(typed) is None


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_any_place_in_decimals_reads_back(latitude: float, longitude: float) -> None:
    assert position(f"{latitude:.6f}, {longitude:.6f}") == (round(latitude, 6), round(longitude, 6))
