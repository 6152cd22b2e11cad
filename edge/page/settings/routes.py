"""The settings page: change, undo, and a node that begins anew with what was changed."""

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from edge.calibration import EVERYTHING, let_turn
from edge.changes import keep, last_change, undo
from edge.page.access import needs
from edge.page.health import unkept_words, unmeant
from edge.page.node import node
from edge.page.set_up.calibration import region_of
from edge.page.set_up.visit import change as change_visit
from edge.page.settings.form import changed, shown, told
from edge.page.settings.own_levels import reach_of
from edge.page.trust import Role, trust
from edge.page.words import gettext

settings_form = Blueprint("settings", __name__)


@settings_form.get("/settings")
@needs(Role.TECHNICIAN)
def settings() -> ResponseReturnValue:
    """What holds now."""
    why = hindrance()
    if why:
        return render_template("plain.html", words=why, detail=node().board.snapshot().notice)
    return _page()


@settings_form.post("/settings")
@needs(Role.TECHNICIAN)
def change() -> ResponseReturnValue:
    """All or nothing: with one field that is wrong nothing is kept, and all that was typed stands there still."""
    this, sent = node(), request.form.to_dict()
    values, wrong = changed(this.config, sent)
    if hindrance() or wrong:
        hint = hindrance() or gettext("Nothing was changed: look at the fields that are marked.")
        return _page(hint, sent, wrong), 400
    if not values:
        return redirect(url_for("settings.settings"), 303)
    if "rotation_deg" in values.get("camera", {}):
        _turn(this.config.camera.rotation_deg, values["camera"]["rotation_deg"])
    keep(this.folder, this.config, values)
    for line in told(this.config, values):
        trust().note(f"setting {line}")
    return begun_again()


@settings_form.post("/settings/undo")
@needs(Role.TECHNICIAN)
def go_back() -> ResponseReturnValue:
    """What held before the last change. A form that was shown before it undoes nothing: an undo is a change, too."""
    last = last_change(node().folder)
    if not last:
        return render_template("plain.html", words=gettext("Nothing has been changed yet.")), 400
    if not undo(node().folder, request.form.get("last", last)):
        hint = gettext("The settings were changed meanwhile: look at them before you undo.")
        return _page(hint), 400
    trust().note("setting undo")
    return begun_again()


def _page(hint: str = "", sent: dict[str, str] | None = None, wrong: dict[str, str] | None = None) -> str:
    known = reach_of(node())
    groups = shown(node().config, sent, wrong, within_reach=known.crops() if known.labels else None)
    return render_template("settings.html", groups=groups, hint=hint, last=last_change(node().folder))


def _turn(from_deg: int, to_deg: int) -> None:
    """What was drawn and measured turns with the picture; as the camera may have been turned too, somebody looks."""
    let_turn(node().folder, from_deg, to_deg)
    if region_of(node()) != EVERYTHING:
        change_visit(node().store, lambda visit: visit.without("region"))


def begun_again() -> ResponseReturnValue:
    """After a change. The answer first: the node goes when it has been handed over."""
    again = node().begin_again
    words = gettext("This is a demonstration: it goes on with the settings that it began with.")
    if again is not None:
        words = gettext("Kept. The node begins anew with it, which takes some seconds.")
    response = current_app.make_response(render_template("begun_again.html", words=words))
    if again is not None:
        response.call_on_close(again)
    return response


def hindrance() -> str:
    """Why nothing can be changed now, or nothing."""
    snapshot = node().board.snapshot()
    if snapshot.store:
        return unkept_words(snapshot)
    if snapshot.notice:
        return unmeant(snapshot)
    return ""
