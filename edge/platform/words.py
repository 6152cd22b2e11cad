"""The reader's language at the station: which one it is, its messages, numbers, and what taxa are called in it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import flask_babel
from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from flask import Flask, Request

from edge.taxa import taxon

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


class PoDomain(flask_babel.Domain):  # type: ignore[misc]  # flask_babel is untyped
    """Messages straight from the .po files, as the node's page has them: no compiled file can lag behind."""

    def get_translations(self) -> NullTranslations:
        """The messages of this request's language."""
        return catalogue(language())


class PoBabel(flask_babel.Babel):  # type: ignore[misc]  # flask_babel is untyped
    """Flask-Babel on top of PoDomain."""

    domain_instance = PoDomain()


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(code: str) -> NullTranslations:
    """The messages of a language; English is the source and needs none."""
    path = CATALOGUES / code / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as lines:
        write_mo(compiled, read_po(lines, locale=code))
    compiled.seek(0)
    return Translations(compiled)


def chosen_language(request: Request) -> str:
    """What the address asks for, else an earlier choice, else the browser's languages, else English."""
    for wish in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if wish in LANGUAGES:
            return wish
    return request.accept_languages.best_match(LANGUAGES) or "en"


@contextmanager
def speaking(app: Flask, code: str) -> Iterator[None]:
    """Words outside any request, for paper."""
    with app.app_context(), flask_babel.force_locale(code):
        yield


def language() -> str:
    """Of this request, or of `speaking`; else English."""
    return str(flask_babel.get_locale() or "en")


def gettext(message: str, **values: str) -> str:
    """The message in the reader's language, with its %(values)s."""
    return str(flask_babel.gettext(message, **values))


def number(value: float, digits: int = 0) -> str:
    """A number with at most `digits` decimals, grouped as the reader's language does."""
    return str(format_decimal(round(value, digits), locale=Locale(language())))


def named(label: str) -> str:
    """The local name with the scientific one behind it; a label outside the table as it is."""
    if label == "healthy":  # a class of leaf models that is no taxon
        return gettext("Healthy leaf")
    local = taxon(label).name(language())
    return label if local in {"", label} else f"{local[:1].upper()}{local[1:]} ({label})"
