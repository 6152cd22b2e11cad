"""What somebody has done about a warning is remembered, with who and when, and may be taken back."""

from typing import NamedTuple

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from edge.advice.against_threshold import RISE
from edge.page.access import needs
from edge.page.glance import glance
from edge.page.node import node
from edge.page.now.levels import done_at, done_words
from edge.page.now.sightings import deed_about, deed_key
from edge.page.trust import Role, visitor
from edge.page.words import Moments, gettext
from edge.store import Deed, if_readable

deeds = Blueprint("deeds", __name__)


class Asked(NamedTuple):
    """What the page asks for now."""

    about: float  # its figure
    is_done: bool


@deeds.post("/done")
@needs(Role.FARMER)
def done() -> Response:
    """Only what the page asks for now can be done, at about the figure that the person saw, and by whoever is first."""
    decisions, key = node().store.decisions, request.form.get("key", "")
    before, asked, now = decisions.deed(key), _asked(key), node().clock.now()
    shown = request.form.get("about", 0.0, type=float)
    if asked is None or (not asked.is_done and asked.about >= RISE * shown):
        return redirect(url_for("pages.now", meanwhile="changed"), 303)
    mine = Deed(visitor().name, now.utc, asked.about)
    is_kept = not asked.is_done and decisions.do(key, mine, now, after=before)
    return redirect("/" if is_kept else url_for("pages.now", meanwhile=key), 303)


@deeds.post("/done/undo")
@needs(Role.FARMER)
def not_done() -> Response:
    """The page asks for it again, if it is still what the person saw that stands, and not the station's word."""
    decisions, key = node().store.decisions, request.form.get("key", "")
    deed, asked, shown = decisions.deed(key), _asked(key), request.form.get("done_at")
    if deed is None or asked is None or deed.is_taken_on:
        return redirect("/", 303)
    is_back = done_at(deed) == shown and decisions.undo(key, deed)
    return redirect("/" if is_back else url_for("pages.now", meanwhile="changed"), 303)


def _asked(key: str) -> Asked | None:
    """Under this key. None: at another level, which stands there now."""
    here = glance()
    seen = here.in_sight(key.partition("|")[2]) if key.startswith(deed_key("")) else None
    if seen is not None:
        return Asked(seen.count, deed_about(seen, node().store, here.when) is not None)
    asking = {one.key: one for one in here.against if one.action}
    if key in asking:
        return Asked(asking[key].about, bool(asking[key].done) and not asking[key].is_taken_on)
    if _what(key) not in map(_what, asking):
        abort(400, gettext("This warning is over."))
    return None


def _what(key: str) -> str:
    """Taxon and unit, without level and time."""
    return key.rsplit("|", 2)[0]


def meanwhile_words(when: Moments) -> str:
    """Why an answer was not kept: somebody was faster, or it was to what stands there no more."""
    key = request.args.get("meanwhile")
    deed = if_readable(node().store.decisions.deed, key, None) if key else None
    if deed is not None:
        return "" if deed.who == visitor().name else done_words(deed, when)
    return gettext("This has changed meanwhile: read it again. Nothing was noted.") if key else ""
