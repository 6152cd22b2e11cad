"""What the station's desk and report say: the words of all languages, and what taxa are called."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import flask_babel
from flask import Flask
from jinja2 import StrictUndefined

from edge.languages import PoBabel, figure_words, gettext, language, ngettext, number
from edge.taxa import taxon

__all__ = ["CATALOGUES", "figure_words", "gettext", "named", "ngettext", "number", "speaking"]

CATALOGUES = Path(__file__).parent / "translations"


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Words and templates outside any request, for paper and letters."""
    with _speaker().app_context(), flask_babel.force_locale(code):
        yield


@cache
def _speaker() -> Flask:
    """It serves nothing."""
    app = Flask("edge.platform")
    app.jinja_options = {"undefined": StrictUndefined}
    PoBabel(app, CATALOGUES, default_timezone="UTC")
    return app


def named(label: str) -> str:
    """The local name with the scientific one behind it; a label outside the table as it is."""
    if label == "healthy":  # a class of leaf models that is no taxon
        return gettext("Healthy leaf")
    local = taxon(label).name(language())
    return label if local in {"", label} else f"{local[:1].upper()}{local[1:]} ({label})"
