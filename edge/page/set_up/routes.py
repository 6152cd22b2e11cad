"""The technician's way through a visit: steps that can be left and taken up again, and a record at the end."""

from datetime import UTC, date, datetime
from time import sleep
from zoneinfo import ZoneInfo

import msgspec
from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from edge.calibration import last_calibration
from edge.clock import ClockState, a_phone_may_correct_it
from edge.errors import FieldeyeError
from edge.languages.typed import plain
from edge.mqtt import probe
from edge.page import optics
from edge.page.access import needs
from edge.page.forms import is_untouched, stands
from edge.page.glance import Glance, glance
from edge.page.link_words import link_words
from edge.page.node import node
from edge.page.set_up import calibration, steps
from edge.page.set_up.visit import Past, Tick, change, compared, load
from edge.page.settings.own_levels import reach_of
from edge.page.trust import Role, trust, visitor
from edge.page.words import duration, gettext, number

set_up = Blueprint("set_up", __name__, url_prefix="/set-up")

LONGEST_NOTE = 500
CARE = ("card", "card_days", "lure", "lure_days")
AGREES_S = 60.0  # two clocks that differ by less serve the same night
SETS_S = 5.0  # a root unit starts within one


@set_up.get("")
@needs(Role.TECHNICIAN)
def overview() -> ResponseReturnValue:
    """All steps, and whether the node may be left."""
    here = glance()
    listed = steps.steps(_facts(here))
    tone, ready = steps.readiness(listed)
    past = [
        (here.when.at(one.at), one.who, one.note, gettext("ready") if not one.open_steps else gettext("not ready"))
        for one in here.visit.past[:10]
    ]
    return render_template(
        "set_up.html",
        steps=listed,
        tone=tone,
        ready=ready,
        past=past,
        after=here.visit.after,
        last=last_calibration(node().folder),
    )


@set_up.post("/finish")
@needs(Role.TECHNICIAN)
def finish() -> ResponseReturnValue:
    """The record of the visit; the next one begins with nothing done. A form that was shown before the end of a visit
    does nothing: of two taps the second ends none."""
    here = glance()
    after = request.form.get("after", here.visit.after)
    left = tuple(step.id for step in steps.steps(_facts(here)) if step.tone != steps.DONE)
    note = request.form.get("note", "").replace("\r\n", "\n").strip()[:LONGEST_NOTE]  # one letter to `maxlength`
    past = Past(at=trust().now_utc(), who=visitor().name, note=note, open_steps=left)
    visit = change(node().store, lambda visit: visit.over(past) if visit.after == after else visit)
    if past in visit.past:
        trust().note(f"visit {note}" if note else "visit", f"open: {', '.join(left)}" if left else "done")
    return redirect("/set-up", 303)


@set_up.post("/focus")
@needs(Role.TECHNICIAN)
def remember_focus() -> ResponseReturnValue:
    """From now on the node says when the picture is less sharp than now."""
    frame = node().board.frame()
    if frame is None:
        return render_template("plain.html", words=gettext("The camera has not given a picture yet.")), 400
    reference = calibration.keep_focus(node(), frame)
    return done("focus", number(reference.sharpness, 1))


@set_up.get("/model")
@needs(Role.TECHNICIAN)
def model() -> ResponseReturnValue:
    """The live picture with what the model frames on it."""
    return _model_page()


def _model_page(*, is_wrong: bool = False) -> str:
    shot = node().live.shot(needs_seen=True)
    words = "" if shot is None else optics.seen_words(shot.seen)
    seen = "" if shot is None or shot.seen is None else str(len(shot.seen))
    return render_template(
        "set_up_model.html", words=words, seen=seen, picture=node().live.size_px(), is_wrong=is_wrong
    )


@set_up.post("/model")
@needs(Role.TECHNICIAN)
def model_is_right() -> ResponseReturnValue:
    """A person has compared the frames with what is there, on the picture that was shown: others came since."""
    seen = request.form.get("seen", "")
    if not (seen.isdecimal() and len(seen) <= 5):
        return redirect("/set-up/model", 303)
    if "wrong" in request.form:
        change(node().store, lambda visit: visit.without("model"))
        trust().note(f"visit model {steps.AGAIN}")
        return _model_page(is_wrong=True)
    return done("model", number(int(seen)))


@set_up.get("/clock")
@needs(Role.TECHNICIAN)
def clock() -> ResponseReturnValue:
    """The node's time beside the phone's."""
    return _clock_page()


@set_up.post("/clock")
@needs(Role.TECHNICIAN)
def clock_is_right() -> ResponseReturnValue:
    """The phone's time comes along where scripts run; without, the person has compared, or typed it.

    A clock that agrees with it and that nothing has set is set by it: no count has a night by one that was never set.
    """
    is_asked = "set" in request.form
    true = _true_time() or (None if is_asked else node().clock.now().utc)
    if true is None:
        return _clock_page(is_tried=True), 400
    is_tried = is_asked or (_off_s(true) <= AGREES_S and not _is_right(true))
    if is_tried and _is_open_to_phones():
        _set_clock(true)
    if _is_right(true):
        return done("clock")
    return _clock_page(_off_s(true), is_tried=is_tried), 400


@set_up.get("/care")
@needs(Role.TECHNICIAN)
def care() -> ResponseReturnValue:
    """When lure and card were put in, and how long they last."""
    return _care_page({})


@set_up.post("/care")
@needs(Role.TECHNICIAN)
def keep_care() -> ResponseReturnValue:
    """Kept for the reminder."""
    values, wrong = _dates()
    if wrong:
        return _care_page(wrong), 400
    change(node().store, lambda visit: msgspec.structs.replace(visit, **values))
    return done("care")


@set_up.get("/server")
@needs(Role.TECHNICIAN)
def server() -> ResponseReturnValue:
    """What will be tried."""
    return _server_page([], "")


@set_up.post("/server")
@needs(Role.TECHNICIAN)
def try_server() -> ResponseReturnValue:
    """Name, port, TLS, log-in and a test message, each with its answer; where a line loses packets, minutes."""
    this = node()
    if this.config.mqtt is None:
        return redirect("/set-up", 303)
    tried: list[tuple[str, bool, str]] = []
    unheard = ""
    try:
        for step in probe(this.config.mqtt, this.config.node, this.clock):
            tried.append((_server_words(step.what), step.is_well, step.sentence))
            unheard = unheard if step.is_heard else steps.UNHEARD
    except FieldeyeError as why:
        tried.append((_server_words("broker log-in"), False, str(why)))
    if tried and all(is_well for _, is_well, _ in tried):
        _tick("server", unheard)
    return _server_page(tried, link_words(unheard))


def done(step: str, figure: str = "") -> ResponseReturnValue:
    """Remember a step with who and when, and go on with the list."""
    _tick(step, figure)
    return redirect(f"/set-up#{step}", 303)


def _tick(step: str, figure: str) -> None:
    tick = Tick(at=trust().now_utc(), who=visitor().name, figure=figure)
    change(node().store, lambda visit: visit.ticked(step, tick))
    trust().note(f"visit {step} {figure}".rstrip())


def _facts(here: Glance) -> steps.Facts:
    this = node()
    shot = this.live.shot()
    lights = () if shot is None else optics.lights(shot.light)
    reach = reach_of(this)
    return steps.Facts(
        config=this.config,
        snapshot=here.snapshot,
        lines={line.id: line for line in here.lines},
        visit=here.visit,
        light=next((light for light in lights if light.is_shown), None),
        agreed=compared(here.visit),
        calibration=calibration.known(this),
        clock=here.now.state,
        today=here.when.today(),
        levels=len(reach.levels()) if reach.labels else None,
    )


def _server_page(tried: list[tuple[str, bool, str]], unheard: str) -> str:
    wifi = next((line for line in glance().lines if line.id == "wifi"), None)
    return render_template("set_up_server.html", tried=tried, unheard=unheard, mqtt=node().config.mqtt, wifi=wifi)


def _true_time() -> datetime | None:
    """UTC by the phone, or as it was typed in the node's time zone; None if neither."""
    sent = request.form.get("phone_ms", "")
    if sent.isdecimal() and len(sent) < 15:
        return datetime.fromtimestamp(int(sent) / 1000, UTC)
    try:
        typed = datetime.fromisoformat(plain(request.form.get("typed", "")))
        return typed.replace(tzinfo=ZoneInfo(node().config.node.time_zone)).astimezone(UTC)
    except (ValueError, OverflowError):  # no time, or one of another era
        return None


def _is_open_to_phones() -> bool:
    """A clock that no time server has set: a first phone may have been wrong, and a cell keeps what it set."""
    return node().clock.now().state is ClockState.UNSYNCED or a_phone_may_correct_it()


def _off_s(true: datetime) -> float:
    return abs((node().clock.now().utc - true).total_seconds())


def _is_right(true: datetime) -> bool:
    """Set, and to the time that a phone shows."""
    return node().clock.now().state is ClockState.SYNCED and _off_s(true) <= AGREES_S


def _set_clock(true: datetime) -> None:
    """By who may: a root unit beside the service, which answers by the clock alone."""
    this, since_s = node(), node().clock.monotonic_s()
    if this.set_clock is None or not this.set_clock(true):
        return
    while not _is_right(true):
        if this.clock.monotonic_s() - since_s > SETS_S:
            return
        sleep(0.1)
    _stay_logged_in()
    trust().note("clock phone")


def _stay_logged_in() -> None:
    """By the new time the session of who set it may be older than any is allowed to be."""
    known = trust().accounts.account(visitor().name)
    if known is not None:
        trust().log_in(known)


def _clock_page(off_s: float = 0.0, *, is_tried: bool = False) -> str:
    this, when = node(), node().moments()
    wrong = gettext("The two clocks differ by %(time)s.", time=duration(off_s)) if off_s > AGREES_S else ""
    is_set = this.clock.now().state is ClockState.SYNCED
    may_set, is_known = _is_open_to_phones(), bool(wrong) or is_tried
    return render_template(
        "set_up_clock.html",
        time=when.dated(when.now_utc),
        zone=this.config.node.time_zone,
        is_set=is_set,
        wrong=wrong,
        is_tried=is_tried,
        may_type=may_set,
        may_set=may_set and (is_known or not is_set),
        may_agree=not (may_set and is_known),
    )


def _care_page(wrong: dict[str, str]) -> str:
    visit = load(node().store)
    fields = {name: stands(name, str(getattr(visit, name) or ""), request.form) for name in CARE}
    today = node().moments().today().isoformat()
    return render_template("set_up_care.html", fields=fields, today=today, wrong=wrong)


def _dates() -> tuple[dict[str, date | int | None], dict[str, str]]:
    """What somebody touched in the form, and what is wrong with it."""
    values: dict[str, date | int | None] = {}
    wrong: dict[str, str] = {}
    for name in CARE:
        if is_untouched(request.form, name):
            continue
        typed = plain(request.form.get(name, ""))
        values[name], words = _length(typed) if name.endswith("_days") else _put_in(typed)
        if words:
            wrong[name] = words
    return values, wrong


def _put_in(typed: str) -> tuple[date | None, str]:
    """The day that was typed, and what is wrong with it."""
    try:
        day = date.fromisoformat(typed) if typed else None
    except ValueError:
        return None, gettext("A date such as 2026-07-01.")
    is_to_come = day is not None and day > node().moments().today()
    return day, gettext("This day is still to come.") if is_to_come else ""


def _length(typed: str) -> tuple[int, str]:
    """The days that were typed, and what is wrong with them."""
    if typed.isdecimal() and len(typed) <= 3 and 1 <= int(typed) <= 366:
        return int(typed), ""
    return 0, gettext("A number from 1 to 366.")


def _server_words(what: str) -> str:
    words = {
        "broker name": gettext("The server's name is known."),
        "broker port": gettext("The server answers."),
        "broker TLS": gettext("The line is secured."),
        "broker log-in": gettext("The server lets this node in."),
        "broker publish": gettext("A test message was acknowledged."),
        "broker commands": gettext("The server sends this node commands."),
    }
    return words.get(what, what)
