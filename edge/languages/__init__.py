"""The reader's language, at the node's page and at the station: which one it is, its messages, its numbers."""

import io
from functools import cache
from pathlib import Path

import flask_babel
from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from flask import Flask, Request

from edge.counts import decimals_of

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
OLD_CODES = {"in": "id"}  # until 1989, and still in what some programs in Java ask for
COOKIE = "lang"
COMMON = Path(__file__).parent / "translations"  # what page and desk both say


class PoDomain(flask_babel.Domain):  # type: ignore[misc]  # flask_babel is untyped
    """Messages straight from the .po files, so that no compiled file can lag behind or be missing from a clone."""

    def __init__(self, catalogues: Path) -> None:
        super().__init__()
        self._catalogues = catalogues

    def get_translations(self) -> NullTranslations:
        """The messages of this request's language."""
        return catalogue(self._catalogues, language())


class PoBabel(flask_babel.Babel):  # type: ignore[misc]  # flask_babel is untyped
    """Flask-Babel on top of PoDomain. `catalogues`: the folder of the program's own translations."""

    def __init__(self, app: Flask, catalogues: Path, **options: object) -> None:
        self.domain_instance = PoDomain(catalogues)
        super().__init__(app, **options)


@cache
def catalogue(folder: Path, code: str) -> NullTranslations:
    """The messages of a folder in a language, and behind them the common ones. About 20 ms the first time."""
    own = _read(folder, code)
    own.add_fallback(_read(COMMON, code))
    return own


def _read(folder: Path, code: str) -> NullTranslations:
    """English is the source and needs none."""
    path = folder / code / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as lines:
        write_mo(compiled, read_po(lines, locale=code))
    compiled.seek(0)
    return Translations(compiled)


def chosen_language(request: Request, default: str = "en") -> str:
    """What the address asks for, else an earlier choice, else the first of the browser's languages, else `default`."""
    for wish in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if wish in LANGUAGES:
            return wish
    spoken = (tag.partition("-")[0].lower() for tag, quality in request.accept_languages if quality > 0)
    codes = (OLD_CODES.get(code, code) for code in spoken)
    return next((code for code in codes if code in LANGUAGES), default)


def locale() -> Locale:
    """Of this request, or forced outside one; else English."""
    return flask_babel.get_locale() or Locale("en")


def language() -> str:
    """The code of `locale`."""
    return str(locale())


def gettext(message: str, **values: str) -> str:
    """The message in the reader's language, with its %(values)s."""
    return str(flask_babel.gettext(message, **values))


def ngettext(one: str, many: str, n: int, /, **values: str) -> str:
    """As gettext, in the form that goes with `n`."""
    return str(flask_babel.ngettext(one, many, n, **values))


def number(value: float, digits: int = 0) -> str:
    """A number with at most `digits` decimals, grouped as the reader's language does; what rounds to 0 has no minus."""
    return str(format_decimal(round(value, digits) + 0, locale=locale(), decimal_quantization=False))


def figure_words(figure: float, level: float) -> str:
    """With as many decimals as tell it from its action level; 0 where it has none."""
    return number(figure, decimals_of(figure, level))
