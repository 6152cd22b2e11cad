"""What the page says: the words of all languages, and moments as people write them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path

from babel.dates import format_skeleton, format_time, format_timedelta

from edge.languages import figure_words, gettext, locale, ngettext, number

__all__ = [
    "CATALOGUES", "THOUSANDS", "Moments", "ago", "caught_in", "day_in_words", "duration", "figure_words", "gettext",
    "listed", "ngettext", "number",
]  # fmt: skip

CATALOGUES = Path(__file__).parent / "translations"
JUST_NOW_S = 5.0
THOUSANDS = re.compile(r"[1-9]\d{0,2}([.,]\d{3})+")  # 1,000 and 1.000, which the next language reads as one


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments as the reader says them, in the node's time zone."""

    now_utc: datetime  # aware
    zone: tzinfo

    def today(self) -> date:
        """The day it is where the node stands."""
        return self.local(self.now_utc).date()

    def local(self, utc: datetime) -> datetime:
        """An aware moment on the wall clock where the node stands."""
        return utc.astimezone(self.zone)

    def ago(self, utc: datetime) -> str:
        """How long ago, in words. A moment to come, left by a clock that was set back, is named by its date."""
        passed = self.now_utc - utc
        if passed < -timedelta(minutes=1):
            return self.at(utc)
        return ago(passed.total_seconds())

    def at(self, utc: datetime) -> str:
        """The time of day; on another day with its date, in another year with that, too."""
        day, today = self.local(utc).date(), self.today()
        return self._time(utc) if day == today else self.dated(utc, with_year=day.year != today.year)

    def dated(self, utc: datetime, *, with_year: bool = True) -> str:
        """Day and time, today's too: a clock that was never set may be days or years behind."""
        day = day_in_words(self.local(utc).date(), with_year=with_year)
        return gettext("%(day)s, %(time)s", day=day, time=self._time(utc))

    def _time(self, utc: datetime) -> str:
        return format_time(self.local(utc).replace(tzinfo=None), "short", locale=locale())


def ago(passed_s: float) -> str:
    """A time that has passed, in its largest unit."""
    if passed_s < JUST_NOW_S:
        return gettext("just now")
    return format_timedelta(timedelta(seconds=-passed_s), add_direction=True, threshold=1, locale=locale())


def day_in_words(day: date, *, with_year: bool = False) -> str:
    """Month and day."""
    skeleton = "yMMMd" if with_year else "MMMd"
    return format_skeleton(skeleton, datetime(day.year, day.month, day.day, tzinfo=UTC), locale=locale())


def caught_in(nights: int, count: int) -> str:
    """A count, with the nights in which it came where these are several."""
    if nights == 1:
        return number(count)
    return ngettext("%(count)s in %(num)s night", "%(count)s in %(num)s nights", nights, count=number(count))


def duration(seconds: float) -> str:
    """A length of time in its largest unit."""
    return format_timedelta(timedelta(seconds=seconds), threshold=1, locale=locale())


def listed(parts: Iterable[str]) -> str:
    """Several things in a row."""
    return gettext(", ").join(parts)
