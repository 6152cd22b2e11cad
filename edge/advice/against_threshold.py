"""Where a pest stands against a threshold: calm, look or act, with hysteresis. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import inf

from edge.advice.thresholds import Threshold
from edge.advice.units import Stand, converted, is_of_trap
from edge.clock import ClockState, Instant, reckoned, seconds_between
from edge.counts import Level, Task

ORDER: tuple[Level, ...] = ("calm", "look", "act")
FALL_SHARE = 0.8  # of a threshold: a level is left only below it, or a count at the threshold would cry twice a day
FRESH_S = 14 * 86_400.0  # so long a level outlives its last figure; then a season may lie between
RISE = 1.5  # times the figure that a deed was about: clearly more, whatever a night's chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Local days `first` to `last`, both included; a trap's day is a night, named by its evening."""

    first: date
    last: date
    is_over: bool  # False: the last day still runs, and the figure may only rise


@dataclass(frozen=True, slots=True)
class Measured:
    """A count with its effort in the unit, and the range that the model leaves open (None: never measured)."""

    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    count: int | None = None  # what is behind it, where that is not the count of its evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One pest against one threshold. `figure` is in the threshold's unit; None: nothing was compared yet."""

    threshold: Threshold
    eppo: str = ""
    level: Level = "calm"
    since: Instant | None = None  # when the level was reached; None: calm from the beginning
    figure: Measured | None = None  # of `period`, which gives the level
    count: int | None = None  # individuals, visits or pictures behind the figure
    nights: int = 1  # in which the count came: more than the period's where a trap was off before
    period: Period | None = None  # None beside a figure: the action level was edited since
    watched_s: float = 0.0  # of the figure, as its `Evidence` has it
    frames: int = 0
    at: Instant | None = None  # when the figure was found; None: former software kept it
    before: Instant | None = None  # of the last figure before a gap that is long, or of which nobody knows the length
    last_elsewhere: int | None = None  # as the store of its place has it: where that differs, the node was moved since

    def is_fresh(self, today: date) -> bool:
        """Is the figure of yesterday or today?"""
        return self.period is not None and self.period.last >= today - timedelta(days=1)

    @property
    def task(self) -> Task:
        """What a person should do now."""
        if self.level == "calm":
            return "nothing"
        if is_of_trap(self.threshold.unit):
            return "go_and_look"
        return "count_by_eye" if self.level == "look" else "follow_source"


def key_of(standing: Standing) -> str:
    """A level that is reached again later is another thing to do. Setting the clock does not change the key."""
    since, when = standing.since, "0"
    if since is not None and since.state is ClockState.SYNCED:
        when = str(round(since.utc.timestamp()))
    elif since is not None:
        when = f"{since.boot_id} {since.monotonic_s:.0f}"
    return f"{standing.threshold.scientific_name}|{standing.threshold.unit}|{standing.level}|{when}"


def timed(standing: Standing, known: Instant, day_at: Callable[[datetime], date]) -> Standing:
    """With what was found before the clock was set reckoned back from `known`, and its days moved as far.

    Days that ended before the boot stay: they are by the clock of another one.
    """
    since = standing.since and reckoned(standing.since, known)
    if standing.at is None:
        return replace(standing, since=since)
    at = reckoned(standing.at, known)
    moved, period = day_at(at.utc) - day_at(standing.at.utc), standing.period
    booted = day_at(standing.at.utc - timedelta(seconds=standing.at.monotonic_s))
    if period is not None and period.last >= booted:
        period = replace(period, first=period.first + moved, last=period.last + moved)
    return replace(standing, since=since, at=at, period=period)


def is_outdated(standing: Standing, now: Instant, today: date) -> bool:
    """Is its figure too old to go by, or may a season lie in its gap? `now` is of a clock that is set.

    What is of an unknown age is at least younger than the level, and than the last figure before the gap.
    """
    at, before, period = standing.at, standing.before, standing.period
    if at is None:
        return period is not None and (today - period.last).total_seconds() > FRESH_S
    is_fresh = _is_soon(at, now) and (before is None or _is_soon(before, at))
    return not (is_fresh or any(one is not None and _is_soon(one, now) for one in (standing.since, before)))


def _is_soon(earlier: Instant, later: Instant) -> bool:
    passed_s = seconds_between(earlier, later)
    return passed_s is not None and passed_s <= FRESH_S


def asks_again(standing: Standing, done: date, about: float | None) -> bool:
    """Does it ask again, though somebody has done what it asked for?

    `done`: the local day of that; `about`: the figure then, None if it was not kept. It does once half as much again is
    counted, and where the third whole day after is still at the threshold. The day itself says nothing: it began
    before. A trap's night of that date comes after it.
    """
    figure, period, threshold = standing.figure, standing.period, standing.threshold
    if figure is None or period is None:
        return False
    first = done if is_of_trap(threshold.unit) else done + timedelta(days=1)
    has_risen = about is not None and period.last >= first and figure.value >= RISE * about
    return has_risen or (period.first >= first + timedelta(days=2) and figure.value >= threshold.low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was counted in a period, in each unit that it can be told in."""

    period: Period
    count: int
    told: tuple[Measured, ...]
    nights: int = 1  # in which the count came
    is_part: bool = False  # a night of which less than half is known, as where a trap's card was changed: no good news
    watched_s: float = 0.0  # and pictures looked at; none of a trap, whose card collects whenever it is looked at
    frames: int = 0

    def is_little_beside(self, figure: Standing) -> bool:
        """Was it watched for half as long or less, on fewer than half as many pictures: no good news either?

        A still scene is watched with few pictures. Of single pictures, as in a folder that a person fills, only their
        number is known.
        """
        return 2 * self.watched_s <= figure.watched_s and 2 * self.frames < figure.frames


def judged(standing: Standing, over: Evidence | None, so_far: Evidence | None, at: Instant, stand: Stand) -> Standing:
    """The standing after a count. Pure.

    `over`: the last day that is over, None where nobody looked; `so_far`: the running one. A day that is over may raise
    the level, and lower it until the running one has given it. The running one only raises it: where a share falls
    again, figure and count follow and the level stays. Of two days that both give it the larger figure is told, of
    equal ones the running one's. No data leaves the level where it was: nobody looked, which is not good news; so does
    a day that cannot be told in the threshold's unit: too few pictures, or an area nobody knows. After a fortnight of
    that it `is_outdated`. A day of which much less is known than of the figure's only raises it, too. Where the action
    level was edited, the last figure is held against the new one first.
    """
    runs = so_far is not None and standing.period == so_far.period
    told = [(one, in_unit_of(standing.threshold, one, stand)) for one in (over, so_far) if one is not None]
    known = [(one, figure) for one, figure in told if figure is not None]
    before = now = _held_anew(standing)
    most = -inf  # of the figures that this call gave
    for evidence, figure in known:
        is_whole = not evidence.is_part and not evidence.is_little_beside(before)
        may_lower = evidence is over and not runs and is_whole
        reached = level_of(standing.threshold, figure, before.level if may_lower else "calm")
        gives_level = may_lower or ORDER.index(reached) > ORDER.index(now.level)
        # Else it keeps the level and still gives the figure: at the same level, or lower in a period that is told again
        # (a share that fell), if nothing else of this call gave one.
        is_told_again = now is before and evidence.period == standing.period
        gives_figure = is_told_again or (reached == now.level and figure.value >= most)
        if gives_level or gives_figure:
            most = figure.value
            level = reached if gives_level else now.level
            count = evidence.count if figure.count is None else figure.count
            nights, period = evidence.nights, evidence.period
            watched_s, frames = evidence.watched_s, evidence.frames
            now = replace(
                now, level=level, figure=figure, count=count, nights=nights, period=period, at=at,
                watched_s=watched_s, frames=frames,
            )  # fmt: skip
    if now.level != standing.level:
        return replace(now, since=at, before=None)
    return replace(now, before=_before(standing, now)) if known else standing


def _before(standing: Standing, now: Standing) -> Instant | None:
    """Of a level that goes on; what is calm may have been so for any time."""
    if standing.at is None or now.at is None or now.level == "calm":
        return None
    if not _is_soon(standing.at, now.at):  # of a known length as well: while the clock is not set, nobody is told of it
        return standing.before or reckoned(standing.at, standing.since or standing.at)
    return standing.before if standing.at.state is ClockState.UNSYNCED else None  # else it was looked at since


def in_unit_of(threshold: Threshold, evidence: Evidence, stand: Stand) -> Measured | None:
    """The first of the ways to tell the count that can be turned into the threshold's unit; None: there is none."""
    for told in evidence.told:
        low, value, high = (converted(v, told.unit, threshold.unit, stand) for v in _bounds(told))
        if low is None or value is None or high is None:
            continue
        if told.low is None or told.high is None:
            return Measured(value, threshold.unit, count=told.count)
        return Measured(value, threshold.unit, low, high, told.count)
    return None


def level_of(threshold: Threshold, figure: Measured, held: Level = "calm") -> Level:
    """A catch asks to look, never to spray; so does a count whose range has the threshold inside it.

    Nothing seen is calm: a model that misses most would else send people out for every zero.
    """
    if figure.value == 0:
        return "calm"
    low, value, high = _bounds(figure)
    start, sure = threshold.low, threshold.high or inf
    steps: tuple[tuple[Level, float, float], ...] = (("act", low, start), ("act", value, sure), ("look", high, start))
    reached = _highest(steps, held)
    return "look" if reached == "act" and is_of_trap(threshold.unit) else reached


def _held_anew(standing: Standing) -> Standing:
    """With the level of its figure where the action level was edited: what another one gave is not held."""
    if standing.figure is None or standing.period is not None:
        return standing
    return replace(standing, level=level_of(standing.threshold, standing.figure))


def _bounds(measured: Measured) -> tuple[float, float, float]:
    low = measured.value if measured.low is None else measured.low
    high = measured.value if measured.high is None else measured.high
    return low, measured.value, high


def _highest(steps: tuple[tuple[Level, float, float], ...], held: Level) -> Level:
    for level, figure, mark in steps:
        keeps = ORDER.index(held) >= ORDER.index(level)
        if figure >= mark * (FALL_SHARE if keeps else 1.0):
            return level
    return "calm"
