"""The last fourteen days: a row of bars for the taxa that matter most, and all figures as a table."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import dropwhile

from edge.counts import Unit
from edge.page import names
from edge.page.now import chart
from edge.page.now.chart import Bar
from edge.page.now.days import Day, most_seen
from edge.page.words import caught_in, day_in_words, duration, figure_words, gettext, listed, ngettext, number

PANELS = 3  # taxa with a row of bars; all of them are in the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Fourteen days of one taxon."""

    id: str
    name: str
    summary: str
    view_box: str
    bars: tuple[Bar, ...]
    mark_y: float | None = None  # of the action level, where it can be drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Fortnight:
    """The last fourteen days."""

    words: str  # what a figure means, or why there is none
    panels: tuple[Panel, ...]
    has_ranges: bool
    first_day: str
    last_day: str
    gaps: str  # what the hatched and the empty days mean, or empty
    day_head: str  # of the table's first column
    names: tuple[str, ...]  # heads of the others
    table: tuple[tuple[str, ...], ...]  # day, one figure a name, effort


def fortnight(days: Sequence[Day], unit: Unit | None, marks: Mapping[str, float], urgent: Container[str]) -> Fortnight:
    """Bars for some taxa, and everything in a table for those who cannot see bars.

    The `urgent` labels come first, then those with an action level, then those seen most. `marks`: action levels by
    label, in the unit of the bars.
    """
    is_night = is_of_nights(unit)
    labels = sorted(most_seen(days), key=lambda label: (label not in urgent, label not in marks))
    looked = [day for day in days if day.frames]
    known = list(dropwhile(lambda day: not day.is_watched and day.told_by is None, days))
    panels = tuple(
        panel(index, days, label, marks.get(label), is_night=is_night) for index, label in enumerate(labels[:PANELS])
    )
    if looked and not labels:
        panels = (quiet_panel(days, len(looked), unit),)
    return Fortnight(
        words=unit_words(unit) if looked else gettext("The first counting time is not over yet."),
        panels=panels,
        has_ranges=any(bar.range_y for one in panels for bar in one.bars),
        first_day=day_in_words(days[0].day),
        last_day=day_in_words(days[-1].day) if is_night else gettext("today"),
        gaps=_gaps(days, panels) if panels else "",
        day_head=gettext("Night") if is_night else gettext("Day"),
        names=tuple(names.name(label) for label in labels),
        table=tuple(_table_row(day, labels) for day in reversed(known)),
    )


def is_of_nights(unit: Unit | None) -> bool:
    """A trap's days go from noon to noon: they are named by the date of their evening and never "today"."""
    return unit == "new"


def _gaps(days: Sequence[Day], panels: Sequence[Panel]) -> str:
    """What the missing days are: before the first, without data or counted in another way, and never zeros."""
    drawn = [{bar.kind for bar in of_day} for of_day in zip(*(one.bars for one in panels), strict=True)]
    known = next(day for day, kinds in zip(days, drawn, strict=True) if kinds != {"before"})
    since = "" if known is days[0] else gettext("Data since %(day)s.", day=day_in_words(known.day))
    missing = sum("gap" in kinds for kinds in drawn)
    hatched = ngettext(
        "%(num)s day without data is hatched: that is not a zero.",
        "%(num)s days without data are hatched: that is not a zero.",
        missing,
    )
    empty = gettext("Days that were counted in another way are left empty.")
    mean = gettext("A catch of several nights is drawn as high as its mean a night.")
    has_mean, has_other = any(bar.is_mean for one in panels for bar in one.bars), any("other" in one for one in drawn)
    told = (since, mean * has_mean, hatched * bool(missing), empty * has_other)
    return " ".join(filter(None, told))


def unit_words(unit: Unit | None) -> str:
    """What a figure of a day means."""
    words: Mapping[Unit, str] = {
        "max_per_frame": gettext("Most on one picture, each day"),
        "visits": gettext("Visits, each day"),
        "new": gettext("New on the trap, each night"),
        "affected_frames": gettext("Pictures with signs of it, each day"),
    }
    return words[unit] if unit else ""


def panel(index: int, days: Sequence[Day], label: str, mark: float | None, *, is_night: bool) -> Panel:
    """The bars of one taxon with a sentence that says the same; `mark` is its action level."""
    most = _highest(days, label, mark)
    so_far = "" if days[-1].is_other(label) else _so_far(days[-1], label, mark, is_night=is_night)
    level = "" if mark is None else gettext("action level: %(level)s", level=number(mark, 3))
    return Panel(
        id=f"days-{index}",
        name=names.name(label),
        summary=" · ".join(filter(None, (most, so_far, level))),
        view_box=chart.TALL,
        bars=chart.bars(days, label, mark),
        mark_y=chart.mark_y(days, label, mark),
    )


def _highest(days: Sequence[Day], label: str, mark: float | None) -> str:
    """As the bars are drawn."""
    best = max((day for day in days if label in day.figures), key=lambda day: _mean(day, label))
    return gettext("Highest: %(catch)s", catch=_with_mean(best, label, mark, _on(best, label)))


def _with_mean(day: Day, label: str, mark: float | None, catch: str) -> str:
    """As a bar of several nights is drawn, with the catch itself."""
    mean = _mean(day, label)
    if day.effort(label).nights == 1 or not mean:
        return catch
    return gettext("%(mean)s a night, %(catch)s", mean=figure_words(mean, mark or 0), catch=catch)


def _mean(day: Day, label: str) -> float:
    return (day.mean(label) or chart.ZERO).count


def _so_far(day: Day, label: str, mark: float | None, *, is_night: bool) -> str:
    name, count = day_in_words(day.day), _with_mean(day, label, mark, _figure(day, label))
    if not day.frames:
        return gettext("night of %(day)s: no data yet", day=name) if is_night else gettext("today: no data yet")
    if is_night:
        return gettext("night of %(day)s so far: %(count)s", day=name, count=count)
    return gettext("today so far: %(count)s", count=count)


def before_today(days: Sequence[Day], label: str, unit: Unit | None) -> str:
    """What the two days that are over were, so that today can be told from them; empty while both are unknown."""
    yesterday, before = days[-2], days[-3]
    if yesterday.figure(label) is None and before.figure(label) is None:
        return ""
    if is_of_nights(unit):
        told = [_on(day, label) for day in (yesterday, before) if not day.told_later(label)]
        return gettext("%(what)s: %(nights)s", what=unit_words(unit), nights=listed(told))
    return gettext(
        "%(what)s: yesterday %(yesterday)s, the day before %(before)s",
        what=unit_words(unit),
        yesterday=_of_pictures(yesterday, label, unit),
        before=_of_pictures(before, label, unit),
    )


def _of_pictures(day: Day, label: str, unit: Unit | None) -> str:
    """How many pictures have signs of it says little without how many were looked at."""
    figure = day.figure(label)
    if unit != "affected_frames" or figure is None:
        return _figure(day, label)
    frames = number(day.effort(label).frames)
    return gettext("%(count)s of %(frames)s", count=number(figure.count), frames=frames)


def _on(day: Day, label: str) -> str:
    nights, name = day.effort(label).nights, day_in_words(day.day)
    if nights == 1:
        return gettext("%(count)s on %(day)s", count=_figure(day, label), day=name)
    return ngettext(
        "%(count)s in the %(num)s night up to %(day)s",
        "%(count)s in the %(num)s nights up to %(day)s",
        nights,
        count=number(day.figures[label].count if label in day.figures else 0),
        day=name,
    )


def _figure(day: Day, label: str) -> str:
    """A day on which nobody looked who could tell it is no zero."""
    figure = day.figure(label)
    if figure is not None:
        return caught_in(day.effort(label).nights, figure.count)
    later = day.told_later(label)
    return gettext("no data") if later is None else gettext("in the catch of %(day)s", day=day_in_words(later.day))


def quiet_panel(days: Sequence[Day], looked: int, unit: Unit | None) -> Panel:
    """A row of zeros: looked, and nothing was there."""
    if unit == "affected_frames":
        name = gettext("All diseases")
        words = ngettext("Looked on %(num)s day: no disease seen.", "Looked on %(num)s days: no disease seen.", looked)
    elif is_of_nights(unit):
        name = gettext("All pests")
        words = ngettext("Looked on %(num)s night: nothing new.", "Looked on %(num)s nights: nothing new.", looked)
    else:
        name = gettext("All pests")
        words = ngettext("Looked on %(num)s day: no pest seen.", "Looked on %(num)s days: no pest seen.", looked)
    return Panel(id="days-quiet", name=name, summary=words, view_box=chart.LOW, bars=chart.bars(days, ""))


def _table_row(day: Day, labels: Sequence[str]) -> tuple[str, ...]:
    name = day_in_words(day.day)
    counts = (_figure(day, label) for label in labels)
    if not labels and day.told_later(""):
        return (name, _figure(day, ""))
    if all(day.figure(label) is None for label in labels or [""]):
        return (name, *counts, gettext("counted in another way") if day.is_watched else gettext("not looked"))
    effort = ngettext(
        "%(count)s picture in %(time)s",
        "%(count)s pictures in %(time)s",
        day.frames,
        count=number(day.frames),
        time=duration(day.watched_s),
    )
    return (name, *counts, effort)
