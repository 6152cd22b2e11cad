"""Units of counts with their effort (larvae/20 plants, adults/trap/week): converted, or not where that is a guess."""

import re
from dataclasses import dataclass
from functools import cache

from edge.config import AdviceTable

TRAPS = frozenset({"trap", "card", "sweep"})  # what is caught tells of flight, not of how many sit in a field
GENERIC = frozenset({"insect", "number", "individual"})
NIGHTS = {"night": 1.0, "day": 1.0, "week": 7.0}
_SINGULAR = {"larvae": "larva", "pupae": "pupa", "leaves": "leaf"}
_PART = re.compile(r"^(?:(\d+(?:\.\d+)?) )?(.+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """What a field must be known by to convert densities; None: not known here."""

    leaves_per_plant: float | None = None
    plants_per_m2: float | None = None
    hills_per_m2: float | None = None

    @staticmethod
    def of(advice: AdviceTable) -> "Stand":
        """As it is configured."""
        return Stand(
            leaves_per_plant=advice.leaves_per_plant,
            plants_per_m2=advice.plants_per_m2,
            hills_per_m2=advice.hills_per_m2,
        )


@dataclass(frozen=True, slots=True)
class _Unit:
    noun: str
    place: str  # plant, hill, m2, trap, "share of plants"; "" where nothing is named
    amount: float  # of the place
    nights: float | None  # of the time, where the unit has one


def converted(value: float, unit: str, wanted: str, stand: Stand) -> float | None:
    """`value` of `unit` as a figure of `wanted`; 6 larvae/20 plants is 0.3 larvae/plant. None: that needs a guess."""
    have, want = _parsed(unit), _parsed(wanted)
    if "%" in {have.noun, want.noun} and have != want:  # not shares of the same thing
        return None
    if have.noun != want.noun and want.noun not in GENERIC:
        return None
    if (have.nights is None) != (want.nights is None):  # nobody knows how many nights the count took
        return None
    density = value / have.amount / (have.nights or 1.0)
    factor = _of_place(have.place, want.place, stand)
    if factor is None:
        return None
    return round(density * factor * want.amount * (want.nights or 1.0), 9)  # 61 / 7 * 7 is less than 61


def is_of_trap(unit: str) -> bool:
    """Does the unit speak of a catch? Then it says "go and look" and never how many are in the field."""
    return _parsed(unit).place in TRAPS


def noun_of(unit: str) -> str:
    """What the unit counts, one of them: larva of larvae/20 plants."""
    return _parsed(unit).noun


def nights_of(unit: str) -> float | None:
    """How many nights or days the unit speaks of: 7 for adults/trap/week, None where it names no time."""
    return _parsed(unit).nights


def _of_place(have: str, want: str, stand: Stand) -> float | None:
    """Factor from a number per `have` to one per `want`; None: a catch of a trap, or a stand that is not known here."""
    if have == want:
        return 1.0
    per_m2 = {
        "m2": 1.0,
        "hill": stand.hills_per_m2,
        "plant": stand.plants_per_m2,
        "leaf": _times(stand.leaves_per_plant, stand.plants_per_m2),
    }
    if {have, want} == {"leaf", "plant"} and stand.leaves_per_plant is not None:
        return stand.leaves_per_plant if have == "leaf" else 1 / stand.leaves_per_plant
    have_m2, want_m2 = per_m2.get(have), per_m2.get(want)
    return None if have_m2 is None or want_m2 is None else have_m2 / want_m2


def _times(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a * b


@cache
def _parsed(unit: str) -> _Unit:
    """`larvae/20 plants`, `adults/trap/week`, `% leaf area`."""
    if unit.startswith("%"):
        return _Unit("%", unit.removeprefix("%").strip(), 1.0, None)
    noun, *parts = unit.split("/")
    place, amount, nights = "", 1.0, None
    for part in parts:
        match = _PART.match(part.strip())
        number, word = (float(match[1] or 1), _singular(match[2])) if match else (1.0, part)
        if word in NIGHTS:
            nights = number * NIGHTS[word]
        else:
            place, amount = word, number
    return _Unit(_singular(noun), place, amount, nights)


def _singular(word: str) -> str:
    return _SINGULAR.get(word) or word.removesuffix("s")
