"""The reader's language: which one it is, its messages, and moments and numbers as people write them."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from pathlib import Path

import flask_babel
from babel import Locale
from babel.dates import format_skeleton, format_time, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from flask import Request

LANGUAGES = {  # code -> its own name, in the order of the menu
    "en": "English",
    "zh": "简体中文",
    "es": "Español",
    "fr": "Français",
    "pt": "Português",
    "hi": "हिन्दी",
    "id": "Bahasa Indonesia",
    "vi": "Tiếng Việt",
    "sw": "Kiswahili",
}
HTML_LANGUAGE = {code: "zh-Hans" if code == "zh" else code for code in LANGUAGES}
REVIEWED = frozenset({"en", "zh"})  # the others were translated by a machine, and say so
COOKIE = "lang"
CATALOGUES = Path(__file__).parent / "translations"
JUST_NOW_S = 5.0


class PoDomain(flask_babel.Domain):  # type: ignore[misc]  # flask_babel is untyped
    """Messages straight from the .po files, so that no compiled file can lag behind or be missing from a clone."""

    def get_translations(self) -> NullTranslations:
        """The messages of this request's language."""
        return catalogue(str(flask_babel.get_locale() or "en"))


class PoBabel(flask_babel.Babel):  # type: ignore[misc]  # flask_babel is untyped
    """Flask-Babel on top of PoDomain."""

    domain_instance = PoDomain()


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(language: str) -> NullTranslations:
    """The messages of a language; English is the source and needs none. About 20 ms the first time."""
    path = CATALOGUES / language / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as lines:
        write_mo(compiled, read_po(lines, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def gettext(message: str, **values: str) -> str:
    """The message in the reader's language, with its %(values)s."""
    return str(flask_babel.gettext(message, **values))


def ngettext(one: str, many: str, n: int, /, **values: str) -> str:
    """As gettext, in the form that goes with `n`."""
    return str(flask_babel.ngettext(one, many, n, **values))


def chosen_language(request: Request, default: str) -> str:
    """What the address asks for, else an earlier choice, else the phone's languages, else the node's own."""
    for wish in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if wish in LANGUAGES:
            return wish
    return request.accept_languages.best_match(LANGUAGES) or default


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
        """The time of day; on another day with its date."""
        local = self.local(utc)
        time = format_time(local.replace(tzinfo=None), "short", locale=_locale())
        if local.date() == self.today():
            return time
        return gettext("%(day)s, %(time)s", day=day_in_words(local.date()), time=time)


def ago(passed_s: float) -> str:
    """A time that has passed, in its largest unit."""
    if passed_s < JUST_NOW_S:
        return gettext("just now")
    return format_timedelta(timedelta(seconds=-passed_s), add_direction=True, threshold=1, locale=_locale())


def day_in_words(day: date) -> str:
    """Month and day."""
    return format_skeleton("MMMd", datetime(day.year, day.month, day.day, tzinfo=UTC), locale=_locale())


def duration(seconds: float) -> str:
    """A length of time in its largest unit."""
    return format_timedelta(timedelta(seconds=seconds), threshold=1, locale=_locale())


def listed(parts: Iterable[str]) -> str:
    """Several things in a row."""
    return gettext(", ").join(parts)


def number(value: float, digits: int = 0) -> str:
    """A number with at most `digits` decimals, grouped as the reader's language does."""
    return format_decimal(round(value, digits), locale=_locale())


def _locale() -> Locale:
    return flask_babel.get_locale() or Locale("en")
