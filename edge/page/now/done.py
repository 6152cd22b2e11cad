"""What somebody has done about a warning is remembered, with who and when, and may be taken back."""

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response

from edge.advice import key_of
from edge.page.access import needs
from edge.page.glance import glance
from edge.page.node import node
from edge.page.now.sightings import deed_key
from edge.page.trust import Role, visitor
from edge.page.words import gettext
from edge.store import Deed

deeds = Blueprint("deeds", __name__)


@deeds.post("/done")
@needs(Role.FARMER)
def done() -> Response:
    """Only what the page asks for now can be done."""
    key, about = _asked()
    now = node().clock.now()
    node().store.decisions.do(key, Deed(visitor().name, now.utc, about), now)
    return redirect("/", 303)


@deeds.post("/done/undo")
@needs(Role.FARMER)
def not_done() -> Response:
    """The page asks for it again. What the station takes care of is the station's to give back."""
    decisions, (key, _) = node().store.decisions, _asked()
    deed = decisions.deed(key)
    if deed is None or not deed.is_taken_on:
        decisions.undo(key)
    return redirect("/", 303)


def _asked() -> tuple[str, float | None]:
    """Its key and its figure."""
    key = request.form.get("key", "")
    seen = glance().in_sight(key.partition("|")[2]) if key.startswith(deed_key("")) else None
    if seen is not None:
        return key, float(seen.count)
    asked = {key_of(one): one for one in node().board.snapshot().alerts if one.level != "calm"}
    if key not in asked and _what(key) in map(_what, asked):  # at another level, which stands there now
        abort(redirect("/", 303))
    if key not in asked:
        abort(400, gettext("This warning is over."))
    figure = asked[key].figure
    return key, None if figure is None else figure.value


def _what(key: str) -> str:
    """Taxon and unit, without level and time."""
    return key.rsplit("|", 2)[0]
