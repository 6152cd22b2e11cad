"""The steps of a visit that need hands and eyes: the region by finger, the board by ruler, ten pictures by counting."""

from collections.abc import Iterable

import msgspec
from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from edge.calibration import EVERYTHING, Region, calibrating, last_calibration, undo_calibration
from edge.errors import BadFrameError, ConfigError
from edge.label_sets import names_of
from edge.languages.typed import decimal, plain
from edge.page import names
from edge.page.access import needs
from edge.page.forms import is_untouched, stands
from edge.page.node import node
from edge.page.now.sightings import size_px
from edge.page.set_up import calibration
from edge.page.set_up.routes import done
from edge.page.set_up.steps import agreement_words
from edge.page.set_up.visit import CHECK_PICTURES, Tick, Visit, change, compared, load
from edge.page.trust import Role, trust, visitor
from edge.page.words import THOUSANDS, gettext, listed, number

measuring = Blueprint("measuring", __name__, url_prefix="/set-up")


@measuring.get("/region")
@needs(Role.TECHNICIAN)
def region() -> ResponseReturnValue:
    """The live picture with the corners of what is counted."""
    return _region_page(calibration.region_text(calibration.region_of(node())))


@measuring.post("/region")
@needs(Role.TECHNICIAN)
def keep_region() -> ResponseReturnValue:
    """Counts of another region are other counts: the loop begins an interval of its own."""
    typed = request.form.get("corners", "")
    try:
        found = EVERYTHING if "whole" in request.form else calibration.parsed_region(typed)
    except ConfigError:
        words = gettext("This is no region: three or more corners, each with two numbers from 0 to 100.")
        return _region_page(typed, words), 400
    calibration.keep_region(node(), found)
    return done("region", calibration.share_percent(found))


@measuring.get("/scale")
@needs(Role.TECHNICIAN)
def scale() -> ResponseReturnValue:
    """The board, the ruler, or the area."""
    return _scale_page({})


@measuring.post("/scale")
@needs(Role.TECHNICIAN)
def keep_scale() -> ResponseReturnValue:
    """From the board on the live picture, from a typed area, or neither."""
    if "without" in request.form:
        calibration.keep_scale(node())
        return done("scale")
    if "area" in request.form:
        area_cm2 = _positive(request.form["area"], 1e7)
        if area_cm2 is None:
            return _scale_page({"area": gettext("A number above 0.")}), 400
        calibration.keep_scale(node(), typed_area_mm2=area_cm2 * 100)
        return done("scale", f"{area_cm2:g} cm²")
    return _measure()


@measuring.get("/hand")
@needs(Role.TECHNICIAN)
def hand() -> ResponseReturnValue:
    """Pictures to count on, without the node's frames, so that the eye is not led."""
    return _hand_page(calibration.check_pictures(node().store, calibration.region_of(node())), {})


@measuring.post("/hand")
@needs(Role.TECHNICIAN)
def keep_hand() -> ResponseReturnValue:
    """As many as were counted; the others wait. A field that somebody emptied takes a count back."""
    found = calibration.check_pictures(node().store, calibration.region_of(node()), request.form)
    touched = {name: request.form[name].strip() for name in found if not is_untouched(request.form, name)}
    typed = {name: count for name, count in touched.items() if count}
    no_count = [name for name, count in typed.items() if not (count.isdecimal() and len(count) <= 5)]
    if no_count:
        wrong = dict.fromkeys(no_count, gettext("A whole number."))
        return _hand_page(found, wrong), 400

    def with_counts(visit: Visit) -> Visit:
        others = {name: count for name, count in visit.counted.items() if name not in touched}
        counted = others | {name: int(count) for name, count in typed.items()}
        return msgspec.structs.replace(visit, counted=counted, found={**visit.found, **found})

    agreed = compared(change(node().store, with_counts))
    if agreed is None:
        return redirect("/set-up/hand", 303)
    calibration.keep_hand(node(), agreed.n)
    return done("hand", f"{agreed.n}: {agreed.mae:.1f} {agreed.bias:+.1f}")


@measuring.post("/undo")
@needs(Role.TECHNICIAN)
def undo() -> ResponseReturnValue:
    """What held before the last measurement; another undo brings it back. A form that was shown before the last
    measurement or undo does nothing: the list shows what holds."""
    with calibrating:
        before, last = calibration.figures(calibration.known(node())), last_calibration(node().folder)
        if not undo_calibration(node().folder, request.form.get("last", last)):
            return redirect("/set-up", 303)
        after = calibration.figures(calibration.known(node()))
        tick = Tick(at=trust().now_utc(), who=visitor().name)
        change(node().store, lambda visit: visit.back_to(before, after, tick))
    trust().note("visit undo")
    return redirect("/set-up", 303)


def _measure() -> ResponseReturnValue:
    """The board on the newest frame."""
    side_mm, frame = _positive(request.form.get("side", ""), 200), node().board.frame()
    if side_mm is None or frame is None:
        words = gettext("A number above 0.") if side_mm is None else gettext("The camera has not given a picture yet.")
        return _scale_page({"side": words}), 400
    try:
        found = calibration.scale_on(frame, side_mm)
    except BadFrameError as why:
        words = gettext("The board is not seen well: show it whole, sharp, evenly lit and flat, and try again.")
        return _scale_page({"side": words}, detail=str(why)), 400
    calibration.keep_scale(node(), found, side_mm)
    return done("scale", f"{found.mm_per_px():.4f} mm/px")


def _region_page(corners: str, wrong: str = "") -> str:
    try:
        shown = calibration.parsed_region(corners)
    except ConfigError:
        shown = calibration.region_of(node())
    return render_template(
        "set_up_region.html",
        corners=corners,
        points=_points(shown),
        wrong=wrong,
        picture=node().live.size_px(),
    )


def _points(region: Region) -> str:
    """Of a polygon that lies over the picture, in percent of it."""
    return " ".join(f"{x * 100:.2f},{y * 100:.2f}" for x, y in region.corners)


def _scale_page(wrong: dict[str, str], detail: str = "") -> str:
    known = calibration.known(node())
    words = ""
    if known is not None and known.mm_per_px is not None and known.error_px is not None:
        words = gettext(
            "%(mm)s mm a pixel, corners off by %(error)s px",
            mm=number(known.mm_per_px, 4),
            error=number(known.error_px, 2),
        )
    return render_template(
        "set_up_scale.html",
        wrong=wrong,
        known=words,
        detail=detail,
        side=request.form.get("side", ""),
        area=request.form.get("area", ""),
        picture=node().live.size_px(),
    )


def _hand_page(found: Iterable[str], wrong: dict[str, str]) -> str:
    visit, region = load(node().store), calibration.region_of(node())
    agreed = compared(visit)
    pictures = [
        (
            name,
            size_px(node().store.picture(name)),
            number(place),
            stands(name, str(visit.counted.get(name, "")), request.form),
            wrong.get(name, ""),
        )
        for place, name in enumerate(found, start=1)
    ]
    return render_template(
        "set_up_hand.html",
        pictures=pictures,
        what=_what_is_counted(),
        points="" if region == EVERYTHING else _points(region),
        result=agreement_words(agreed.n, agreed.mae, agreed.bias) if agreed else "",
        wanted=number(CHECK_PICTURES),
    )


def _what_is_counted() -> str:
    """What to count, in which unit: as the model frames it."""
    what = gettext("Count the insects on each picture, one by one.")
    if node().config.camera.mode == "leaf":
        what = gettext("Count the places with signs of disease on each picture, one by one.")
    told = [names.name(label) for label in names_of(node().board.snapshot().model.labels)]
    return " ".join([what, gettext("The model tells: %(names)s.", names=listed(told))] if told else [what])


def _positive(typed: str, most: float) -> float | None:
    """Above 0. None also for what a language reads as thousands and another does not, where a thousand may be meant."""
    typed = plain(typed)
    if most >= 1000 and THOUSANDS.fullmatch(typed):
        return None
    try:
        value = decimal(typed)
    except ValueError:
        return None
    return value if 0 < value <= most else None
