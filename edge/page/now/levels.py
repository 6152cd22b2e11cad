"""Counts against their action levels, as a person acts on them: a sentence, a bar, one thing to do, and "done"."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from edge.advice import Measured, Period, Standing, asks_again, is_share, key_of
from edge.advice.tellable import units_told
from edge.config import Mode
from edge.counts import Unit
from edge.languages.tasks import taken_words, task_words
from edge.languages.units import threshold_unit_words
from edge.page import names
from edge.page.tones import ICONS, Tone
from edge.page.words import Moments, day_in_words, figure_words, gettext, ngettext, number
from edge.store import Deed, if_readable

WIDE = 350  # units of the bar's own grid
MOST_BARS = 4
DeedOf = Callable[[str], Deed | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A count as a bar with its range, and the action level as a line; from 0 to WIDE."""

    count_x: float
    low_x: float
    range_wide: float  # from low_x on
    level_x: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """One pest against one action level."""

    key: str  # of the deed
    about: float  # the figure that it would be about
    label: str
    tone: Tone
    word: str
    headline: str
    fact: str
    action: str  # empty when there is nothing to do
    asks_station: bool
    done: str  # who has done it or takes care of it, and when, or empty
    done_at: str  # as its form says it
    is_taken_on: bool  # by the station: what is asked for is not done yet
    again: str  # why it asks again after that, or empty
    gauge: Gauge
    is_fresh: bool  # of yesterday or today

    @property
    def is_open(self) -> bool:
        """Does it still ask for something?"""
        return bool(self.action) and not self.done

    @property
    def icon(self) -> str:
        """As the word."""
        if self.is_taken_on:
            return "person"
        return "check" if self.done else ICONS[self.tone]


def against(standings: Iterable[Standing], mode: Mode, deed_of: DeedOf, when: Moments) -> tuple[Against, ...]:
    """In their order, the most urgent first; what was done goes behind what was not, and what was taken on between."""
    listed = [_against(one, one.figure, mode, deed_of, when) for one in standings if one.figure is not None]
    return tuple(sorted(listed, key=lambda one: (not one.is_open, not one.is_taken_on, not one.action)))


def done_words(deed: Deed, when: Moments) -> str:
    """Who has done it or takes care of it, and when."""
    if deed.is_taken_on:
        return taken_words(deed.who, when.at(deed.utc))
    return gettext("Done by %(who)s, %(ago)s", who=deed.who, ago=when.ago(deed.utc))


def done_at(deed: Deed) -> str:
    """Which deed a form is about, in its own words: another one of the same warning has another time."""
    return deed.utc.isoformat()


def marks(standings: Iterable[Standing], unit: Unit | None) -> dict[str, float]:
    """The action level of each label that can stand as a line in the chart of days: there a share has no scale."""
    units = [] if unit in (None, "affected_frames") else units_told(unit, has_area=False)
    return {one.threshold.scientific_name: one.threshold.low for one in standings if one.threshold.unit in units}


def _against(standing: Standing, figure: Measured, mode: Mode, deed_of: DeedOf, when: Moments) -> Against:
    threshold = standing.threshold
    name, key = names.name(threshold.scientific_name), key_of(standing)
    deed = if_readable(deed_of, key, None) if standing.level != "calm" else None
    again = ""
    if deed is not None and asks_again(standing, when.local(deed.utc).date(), deed.about):
        again = "" if deed.is_taken_on else _again(figure, deed, when)
        deed = None
    tone: Tone = {"calm": "calm", "look": "look", "act": "stop"}[standing.level]  # type: ignore[assignment]
    words = {"calm": gettext("Below the action level"), "look": gettext("Look at it"), "act": gettext("Act")}
    word = words[standing.level]
    if deed is not None:
        tone, word = "wait", gettext("In progress") if deed.is_taken_on else gettext("Done")
    return Against(
        key=key,
        about=figure.value,
        label=threshold.scientific_name,
        tone=tone,
        word=word,
        headline=_headline(name, standing, figure, period_words(standing.period, mode, when.today(), standing.nights)),
        fact=_fact(standing, figure),
        action=task_words(standing.task),
        asks_station=standing.task == "follow_source",
        done="" if deed is None else done_words(deed, when),
        done_at="" if deed is None else done_at(deed),
        is_taken_on=deed is not None and deed.is_taken_on,
        again=again,
        gauge=gauge(figure, threshold.low),
        is_fresh=standing.is_fresh(when.today()),
    )


def _again(figure: Measured, deed: Deed, when: Moments) -> str:
    """Why it asks again after what was done."""
    ago = when.ago(deed.utc)
    if deed.about is not None and figure.value > deed.about:
        return gettext("Done %(ago)s; since then it has become more.", ago=ago)
    return gettext("Done %(ago)s; it is still at the action level.", ago=ago)


def _headline(name: str, standing: Standing, figure: Measured, period: str) -> str:
    """How many and when; of a share not of how many pictures, which beside a share of the leaf reads as its number."""
    if is_share(standing.threshold.unit):
        return gettext("%(name)s: %(count)s", name=name, count=period) if period else name
    count = standing.count if standing.count is not None else round(figure.value)
    return gettext("%(name)s: %(count)s %(period)s", name=name, count=number(count), period=period).strip()


def _fact(standing: Standing, figure: Measured) -> str:
    threshold = standing.threshold
    values = {
        "figure": figure_words(figure.value, threshold.low),
        "level": number(threshold.low, 3),
        "unit": threshold_unit_words(threshold.unit),
    }
    if figure.value >= threshold.low:
        return gettext("%(figure)s %(unit)s: the action level of %(level)s is reached.", **values)
    if standing.level == "calm":
        return gettext("%(figure)s %(unit)s: below the action level of %(level)s.", **values)
    if figure.high is not None and figure.high >= threshold.low:
        return gettext("%(figure)s %(unit)s: the true number may have reached the action level of %(level)s.", **values)
    if figure.high is None and standing.period is not None and not standing.period.is_over:
        return gettext("%(figure)s %(unit)s: the action level of %(level)s was reached earlier.", **values)
    return gettext("%(figure)s %(unit)s: still close to the action level of %(level)s.", **values)


def period_words(period: Period | None, mode: Mode, today: date, nights: int) -> str:
    """When it was counted: in `nights`, which are more than the period's where a trap was off before."""
    if period is None:
        return ""
    if nights > (period.last - period.first).days + 1:
        return _nights(nights, period.last, today)
    if period.first != period.last:
        return gettext("from %(first)s to %(last)s", first=_day(period.first, today), last=_day(period.last, today))
    is_night = mode == "trap"
    if period.last == today:
        return gettext("tonight so far") if is_night else gettext("today so far")
    if period.last == today - timedelta(days=1):
        return gettext("last night") if is_night else gettext("yesterday")
    return gettext("on %(day)s", day=_day(period.last, today))


def _nights(nights: int, last: date, today: date) -> str:
    if last >= today - timedelta(days=1):
        return ngettext("in the last %(num)s night", "in the last %(num)s nights", nights)
    return ngettext(
        "in the %(num)s night up to %(day)s", "in the %(num)s nights up to %(day)s", nights, day=_day(last, today)
    )


def _day(day: date, today: date) -> str:
    return day_in_words(day, with_year=day.year != today.year)


def gauge(figure: Measured, level: float) -> Gauge:
    """Everything fits, and the level stands at three quarters or left of it. Nothing seen has no range: it is calm."""
    high = figure.high if figure.high is not None and figure.value else figure.value
    low = figure.low if figure.low is not None else figure.value
    most = max(level * 4 / 3, figure.value, high)
    return Gauge(
        count_x=round(WIDE * figure.value / most, 1),
        low_x=round(WIDE * low / most, 1),
        range_wide=round(WIDE * (high - low) / most, 1),
        level_x=round(WIDE * level / most, 1),
    )


def said_first(listed: Sequence[Against], in_sight: Container[str], asked: str) -> Against | None:
    """What the page says first: what nobody has taken on; else, unless a pest in sight that nobody has answered is
    `asked` about (its label, or empty), what the station has, or what was done about the newest pests `in_sight`.

    Somebody who has acted is not told to go and look at the same pest again.
    """
    open_ones = (one for one in listed if one.is_open)
    answered = [one for one in listed if one.done]
    is_quiet = not asked or asked in {one.label for one in listed if not one.is_open}
    first = (one for one in answered if is_quiet and (one.label in in_sight or one.is_taken_on))
    return next(open_ones, None) or next(first, None)


def said_without_data(listed: Sequence[Against]) -> Against | None:
    """What cannot wait for the camera."""
    return next((one for one in listed if one.is_open and one.tone == "stop" and one.is_fresh), None)
