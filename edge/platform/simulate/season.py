"""How many of a pest fly in an hour and how many leaves are sick, over a year: curves with the literature's shapes.

Flights are sums of Gaussian generations, epidemics are logistic (Vanderplank 1963, Plant Diseases). Heights and dates
are made up, plausible for rice at 30 degrees north, and say nothing of any field.
"""

from dataclasses import dataclass
from math import exp

DAYS_LATER_PER_DEGREE = 3.0  # a season begins later towards the pole; Hopkins (1920) has four days a degree


@dataclass(frozen=True, slots=True)
class Generation:
    """One flight: its middle as day of the year at 30 degrees, its width, its height in insects a night."""

    middle_day: float
    width_days: float
    a_night: float


@dataclass(frozen=True, slots=True)
class Flight:
    """A pest's year at a trap. `at_night`: flies from dusk to dawn, else by day."""

    label: str
    generations: tuple[Generation, ...]
    at_night: bool = True


@dataclass(frozen=True, slots=True)
class Epidemic:
    """A disease's year: the share of frames that show it, from nothing to `most`."""

    label: str
    middle_day: float
    rate_per_day: float
    most: float


FLIGHTS = (
    Flight("Nilaparvata lugens", (Generation(190, 9, 8), Generation(222, 10, 45), Generation(254, 11, 120))),
    Flight("Chilo suppressalis", (Generation(135, 8, 10), Generation(190, 9, 16), Generation(232, 9, 12))),
    Flight("Cnaphalocrocis medinalis", (Generation(182, 7, 14), Generation(213, 8, 30), Generation(246, 9, 18))),
    Flight("Leptocorisa", (Generation(225, 20, 12),), at_night=False),
)
BLAST = Epidemic("Pyricularia oryzae", 205, 0.12, 0.35)


def flying(flight: Flight, day: float, hour: int, latitude_deg: float) -> float:
    """Insects expected in that hour of local time at a middling trap."""
    shifted = day - DAYS_LATER_PER_DEGREE * (latitude_deg - 30)
    a_night = sum(
        one.a_night * exp(-0.5 * ((shifted - one.middle_day) / one.width_days) ** 2) for one in flight.generations
    )
    return a_night * _share(hour, at_night=flight.at_night)


def sick(epidemic: Epidemic, day: float, latitude_deg: float) -> float:
    """Share 0..1 of frames that show the disease."""
    shifted = day - DAYS_LATER_PER_DEGREE * (latitude_deg - 30)
    return epidemic.most / (1 + exp(-epidemic.rate_per_day * (shifted - epidemic.middle_day)))


def _share(hour: int, *, at_night: bool) -> float:
    """Of a night's or a day's insects in that hour; the most two hours after dusk, or at noon."""
    middle = 21 if at_night else 12
    away = min((hour - middle) % 24, (middle - hour) % 24)
    return exp(-0.5 * (away / 3.0) ** 2) / 7.52  # the sum over 24 hours
