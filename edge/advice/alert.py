"""From a count and a threshold to a level with hysteresis, and to an Alert when the level changes."""

from dataclasses import dataclass, replace
from math import inf
from typing import Literal

from edge.advice.thresholds import Threshold
from edge.advice.units import UNKNOWN_STAND, Refused, Stand, converted, is_of_trap
from edge.clock import Instant
from edge.counts import NoData

Level = Literal["calm", "look", "act"]
ORDER: tuple[Level, ...] = ("calm", "look", "act")
FALL_SHARE = 0.8  # of a threshold: a level is left only below it, or a count at the threshold would cry twice a day


@dataclass(frozen=True, slots=True)
class Measured:
    """A count with its effort in the unit, and the range that the model leaves open (None: never measured)."""

    value: float
    unit: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A level was reached or left: why, what to look at, and who says so."""

    at: Instant
    label: str
    level: Level
    reason: str  # one sentence with the figure, its unit and the threshold
    look_at: str  # one sentence: what a person should do
    source: str  # of the threshold, with its region


@dataclass(frozen=True, slots=True)
class Watch:
    """One pest against one threshold, and where it stands."""

    threshold: Threshold
    level: Level = "calm"
    stand: Stand = UNKNOWN_STAND


def judged(watch: Watch, measured: Measured | NoData, at: Instant) -> tuple[Watch, Alert | Refused | None]:
    """The watch after a count, with an Alert if the level changed, or why the two cannot be compared.

    No data leaves the level where it was: nobody looked, which is not good news. Pure.
    """
    if isinstance(measured, NoData):
        return watch, None
    values = [converted(v, measured.unit, watch.threshold.unit, watch.stand) for v in _bounds(measured)]
    refused = next((value for value in values if isinstance(value, Refused)), None)
    if refused is not None:
        return watch, refused
    low, value, high = (float(v) for v in values if not isinstance(v, Refused))
    level = _level(watch, low, value, high)
    after = replace(watch, level=level)
    return after, None if level == watch.level else _alert(after, value, at)


def _bounds(measured: Measured) -> tuple[float, float, float]:
    low = measured.value if measured.low is None else measured.low
    high = measured.value if measured.high is None else measured.high
    return low, measured.value, high


def _level(watch: Watch, low: float, value: float, high: float) -> Level:
    """A catch asks to look, never to spray; so does a count whose range has the threshold inside it."""
    start, sure = watch.threshold.low, watch.threshold.high or inf
    steps: tuple[tuple[Level, float, float], ...] = (("act", low, start), ("act", value, sure), ("look", high, start))
    reached = _highest(steps, watch.level)
    return "look" if reached == "act" and is_of_trap(watch.threshold.unit) else reached


def _highest(steps: tuple[tuple[Level, float, float], ...], held: Level) -> Level:
    for level, figure, mark in steps:
        keeps = ORDER.index(held) >= ORDER.index(level)
        if figure >= mark * (FALL_SHARE if keeps else 1.0):
            return level
    return "calm"


def _alert(watch: Watch, value: float, at: Instant) -> Alert:
    threshold = watch.threshold
    upper = f" to {threshold.high:g}" if threshold.high else ""
    where = f"{threshold.crop}, {threshold.stage_of_crop}"
    verb = "is below" if watch.level == "calm" else "has reached"
    return Alert(
        at=at,
        label=threshold.scientific_name,
        level=watch.level,
        reason=f"{value:.3g} {threshold.unit} {verb} the threshold of {threshold.low:g}{upper} ({where})",
        look_at=_look_at(watch),
        source=f"{threshold.source}; {threshold.region}; {threshold.basis}",
    )


def _look_at(watch: Watch) -> str:
    threshold = watch.threshold
    if watch.level == "calm":
        return "Nothing to do; the next count is watched."
    if is_of_trap(threshold.unit):
        return f"Go and look in the field: a catch says that {threshold.scientific_name} flies, not how many there are."
    if watch.level == "look":
        return f"Count {threshold.quantity} by eye at several places: the camera's figure alone is not sure enough."
    return f"{threshold.action[0].upper()}{threshold.action[1:]}, as the source says; ask the local station first."
