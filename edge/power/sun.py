"""Where the sun stands: day length, sunrise and sunset, and what falls on a level square metre. Pure.

Declination and equation of time: J. W. Spencer, Fourier series representation of the position of the sun, Search 2
(1971), 172. Irradiation above the air: Duffie and Beckman, Solar Engineering of Thermal Processes, 4th ed., eq. 1.10.3.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import acos, asin, cos, degrees, pi, radians, sin, tan

SOLAR_CONSTANT_W_M2 = 1361.0  # Kopp and Lean, Geophys. Res. Lett. 38 (2011), L01706
HORIZON_DEG = -0.833  # refraction and the sun's radius: when its upper edge is seen on the horizon


@dataclass(frozen=True, slots=True)
class Day:
    """Sunrise and sunset in UTC; both None where the sun stays up or down, which `is_light` tells."""

    sunrise: datetime | None
    sunset: datetime | None
    is_light: bool


def sun_day(latitude_deg: float, longitude_deg: float, day: date) -> Day:
    """The day whose noon at that place is nearest to noon of `day`; within 5 minutes below 50 degrees of latitude."""
    angle = _angle(day)
    noon_min = 720 - 4 * longitude_deg - _equation_of_time_min(angle)
    half = _half_day_rad(latitude_deg, _declination_rad(angle), HORIZON_DEG)
    if half in {0.0, pi}:
        return Day(None, None, half == pi)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    half_min = half / pi * 720
    rises, sets = (midnight + timedelta(minutes=noon_min + sign * half_min) for sign in (-1, 1))
    return Day(rises, sets, is_light=True)


def sun_height_deg(latitude_deg: float, longitude_deg: float, utc: datetime) -> float:
    """How high above the horizon the sun's middle stands, without refraction; within a degree."""
    angle, latitude = _angle(utc.date()), radians(latitude_deg)
    declination = _declination_rad(angle)
    minute = utc.hour * 60 + utc.minute + 4 * longitude_deg + _equation_of_time_min(angle)
    hour_rad = (minute - 720) / 720 * pi
    sine = sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(hour_rad)
    return degrees(asin(max(-1.0, min(1.0, sine))))


def day_length_h(latitude_deg: float, day: date) -> float:
    """Hours from sunrise to sunset, 0 to 24."""
    return _half_day_rad(latitude_deg, _declination_rad(_angle(day)), HORIZON_DEG) / pi * 24


def irradiation_above_kwh_m2(latitude_deg: float, day: date) -> float:
    """What a day's sun would bring to a level square metre if there were no air."""
    declination, latitude = _declination_rad(_angle(day)), radians(latitude_deg)
    half = _half_day_rad(latitude_deg, declination, 0.0)
    distance = 1 + 0.033 * cos(2 * pi * day.timetuple().tm_yday / 365)
    height = cos(latitude) * cos(declination) * sin(half) + half * sin(latitude) * sin(declination)
    return 24 / pi * SOLAR_CONSTANT_W_M2 * distance * max(0.0, height) / 1000


def _angle(day: date) -> float:
    return 2 * pi * (day.timetuple().tm_yday - 1) / 365


def _declination_rad(angle: float) -> float:
    return (
        0.006918 - 0.399912 * cos(angle) + 0.070257 * sin(angle) - 0.006758 * cos(2 * angle)
        + 0.000907 * sin(2 * angle) - 0.002697 * cos(3 * angle) + 0.00148 * sin(3 * angle)
    )  # fmt: skip


def _equation_of_time_min(angle: float) -> float:
    return 229.18 * (
        0.000075 + 0.001868 * cos(angle) - 0.032077 * sin(angle) - 0.014615 * cos(2 * angle) - 0.04089 * sin(2 * angle)
    )


def _half_day_rad(latitude_deg: float, declination: float, height_deg: float) -> float:
    """Hour angle at which the sun stands `height_deg` high: 0 if never, pi if always."""
    latitude = radians(latitude_deg)
    cosine = sin(radians(height_deg)) / (cos(latitude) * cos(declination)) - tan(latitude) * tan(declination)
    return acos(max(-1.0, min(1.0, cosine)))
