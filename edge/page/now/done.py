"""What somebody has done about a warning is remembered, with who and when, and may be taken back."""

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

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
    """Only what the page asks for now can be done, and at the figure that the person saw."""
    key = request.form.get("key", "")
    about = _figure(key)
    if about is None or request.form.get("about") != str(about):
        return redirect(url_for("pages.now", meanwhile="changed"), 303)
    now = node().clock.now()
    node().store.decisions.do(key, Deed(visitor().name, now.utc, about), now)
    return redirect("/", 303)


@deeds.post("/done/undo")
@needs(Role.FARMER)
def not_done() -> Response:
    """The page asks for it again. What the station takes care of is the station's to give back."""
    decisions, key = node().store.decisions, request.form.get("key", "")
    deed = decisions.deed(key)
    if _figure(key) is not None and (deed is None or not deed.is_taken_on):
        decisions.undo(key)
    return redirect("/", 303)


def _figure(key: str) -> float | None:
    """Of what the page asks for under this key. None: at another level, which stands there now."""
    here = glance()
    seen = here.in_sight(key.partition("|")[2]) if key.startswith(deed_key("")) else None
    if seen is not None:
        return seen.count
    asking = {one.key: one.about for one in here.against if one.action}
    if key not in asking and _what(key) not in map(_what, asking):
        abort(400, gettext("This warning is over."))
    return asking.get(key)


def _what(key: str) -> str:
    """Taxon and unit, without level and time."""
    return key.rsplit("|", 2)[0]


def meanwhile_words() -> str:
    """Why an answer was not kept."""
    if "meanwhile" not in request.args:
        return ""
    return gettext("This has changed meanwhile: read it again. Nothing was noted.")
