"""What somebody has done about a warning is remembered, with who and when, and may be taken back."""

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response

from edge.advice import key_of
from edge.page.routes import node
from edge.page.trust import Role, needs, trust, visitor
from edge.page.words import gettext
from edge.store import Deed

deeds = Blueprint("deeds", __name__)


@deeds.post("/done")
@needs(Role.FARMER)
def done() -> Response:
    """Only what the page asks for now can be done."""
    node().store.decisions.do(_key(), Deed(visitor().name, trust().now_utc()))
    return redirect("/", 303)


@deeds.post("/done/undo")
@needs(Role.FARMER)
def not_done() -> Response:
    """The page asks for it again."""
    node().store.decisions.undo(_key())
    return redirect("/", 303)


def _key() -> str:
    key = request.form.get("key", "")
    asked = {key_of(one) for one in node().board.snapshot().alerts if one.level != "calm"}
    if key not in asked and _what(key) in {_what(one) for one in asked}:  # at another level, which stands there now
        abort(redirect("/", 303))
    if key not in asked:
        abort(400, gettext("This warning is over."))
    return key


def _what(key: str) -> str:
    """Taxon and unit, without level and time."""
    return key.rsplit("|", 2)[0]
