"""What somebody has done about a warning is remembered, with who and when, and may be taken back."""

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response

from edge.advice import Standing, key_of
from edge.page.admission import needs
from edge.page.node import node
from edge.page.trust import Role, visitor
from edge.page.words import gettext
from edge.store import Deed

deeds = Blueprint("deeds", __name__)


@deeds.post("/done")
@needs(Role.FARMER)
def done() -> Response:
    """Only what the page asks for now can be done."""
    one = _asked()
    about, now = None if one.figure is None else one.figure.value, node().clock.now()
    node().store.decisions.do(key_of(one), Deed(visitor().name, now.utc, about), now)
    return redirect("/", 303)


@deeds.post("/done/undo")
@needs(Role.FARMER)
def not_done() -> Response:
    """The page asks for it again."""
    node().store.decisions.undo(key_of(_asked()))
    return redirect("/", 303)


def _asked() -> Standing:
    key = request.form.get("key", "")
    asked = {key_of(one): one for one in node().board.snapshot().alerts if one.level != "calm"}
    if key not in asked and _what(key) in map(_what, asked):  # at another level, which stands there now
        abort(redirect("/", 303))
    if key not in asked:
        abort(400, gettext("This warning is over."))
    return asked[key]


def _what(key: str) -> str:
    """Taxon and unit, without level and time."""
    return key.rsplit("|", 2)[0]
