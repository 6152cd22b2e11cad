"""The desk's pages: the map with its filters, the nodes, the photographs that farmers ask about."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from secrets import token_urlsafe
from typing import Any, NoReturn

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)

from edge.errors import UsageError
from edge.platform.acknowledged import Standing, acknowledge, standing
from edge.platform.database import Database
from edge.platform.desk.people import role_of
from edge.platform.population import Range, TaxonSum, Wanted, population, range_of, taxa_of, trend
from edge.platform.questions import MOST_LETTERS, answer, photograph, questions
from edge.platform.sentences import area_words, change, density, level_words, taxon_words, threshold_unit_words, when
from edge.platform.week import nodes_of, places_of
from edge.platform.words import gettext, number

desk = Blueprint("desk", __name__)
DAYS_SHOWN, MOST_DAYS = 7, 400
_Answer = Any  # what a Flask view may return


def _refuse(code: int, says: str, detail: str = "") -> NoReturn:
    """What a person reads who asked for what cannot be; `detail` is in English."""
    abort(make_response(render_template("refused.html", says=says, detail=detail), code))


def logged_in(view: Callable[..., _Answer]) -> Callable[..., _Answer]:
    """The view in the role of who logged in; others are sent to the log-in."""

    @wraps(view)
    def guarded(**arguments: Any) -> _Answer:
        if "role" not in session:
            return redirect(url_for("desk.log_in"))
        if request.method == "POST" and request.form.get("token") != session["token"]:
            _refuse(400, gettext("This form is not of this log-in: open the page again."))
        with current_app.config["AS_ROLE"](session["role"]) as g.database:
            g.area = _own_area(g.database)
            return view(**arguments)

    return guarded


@desk.route("/log-in", methods=["GET", "POST"])
def log_in() -> _Answer:
    """Five wrong passwords let a name rest for a quarter of an hour."""
    if request.method == "GET":
        return render_template("log_in.html", failed=False)
    name = request.form.get("name", "")
    with current_app.config["AS_DESK"]() as database:
        role = role_of(database, name, request.form.get("password", ""))
    if role is None:
        return render_template("log_in.html", failed=True), 403
    session.clear()
    session.update(name=name, role=role, token=token_urlsafe(16))
    return redirect(url_for("desk.map_page"))


@desk.post("/log-out")
@logged_in
def log_out() -> _Answer:
    """Forget who this is."""
    session.clear()
    return redirect(url_for("desk.log_in"))


@desk.get("/")
@logged_in
def map_page() -> _Answer:
    """Filters, table and, with a script, map and chart."""
    area, first, last = _filters()
    taxa = taxa_of(g.database, area, first, last)
    chosen = _chosen(taxa)
    view: dict[str, Any] = {"taxa": taxa, "chosen": chosen, "first": first, "last": last, "area": area}
    if chosen is not None:
        view |= _of_taxon(g.database, _wanted(chosen, area, first, last))
    return render_template("map.html", area_says=area_words(area), **view)


@desk.get("/api/map")
@logged_in
def map_data() -> _Answer:
    """What the script draws: places with counts (null: no data), nights, borders."""
    area, first, last = _filters()
    chosen = _chosen(taxa_of(g.database, area, first, last))
    outlines = current_app.config["OUTLINES"]
    if chosen is None:
        return jsonify(places=[], nights=[], outlines=outlines)
    wanted = _wanted(chosen, area, first, last)
    shown = _wanted(chosen, area, last - timedelta(days=55), last)
    return jsonify(
        places=[[place.name, *place.at, place.count] for place in places_of(g.database, wanted)],
        nights=[[one.night.isoformat(), one.per_camera_night, one.week_mean] for one in trend(g.database, shown)],
        outlines=outlines,
    )


@desk.get("/nodes")
@logged_in
def nodes_page() -> _Answer:
    """How each node is, those that need somebody first."""
    rows = g.database.execute(
        "SELECT site, node, area_code, heard, status->>'state', health->>'problem', health->'camera'->>'state',"
        " (health->'store'->>'waiting')::bigint, (health->>'battery_share')::float8 FROM node ORDER BY heard"
    ).fetchall()
    now = datetime.now(UTC)
    nodes = sorted((_node(row, now) for row in rows), key=lambda node: bool(node["is_well"]))
    return render_template("nodes.html", nodes=nodes)


@desk.get("/alerts")
@logged_in
def alerts_page() -> _Answer:
    """What stands above its action level, and who takes care of it."""
    return render_template("alerts.html", alerts=[_alert(one) for one in standing(g.database)])


@desk.post("/alerts/<int:node_id>")
@logged_in
def acknowledge_alert(node_id: int) -> _Answer:
    """Somebody takes care of it; the leading worker tells the node."""
    form = request.form
    try:
        since = datetime.fromisoformat(form.get("since", ""))
    except ValueError:
        _refuse(400, gettext("This alert is over."))
    label, unit, level = (form.get(name, "") for name in ("label", "unit", "level"))
    if not acknowledge(g.database, node_id, label=label, unit=unit, level=level, since=since, who=session["name"]):
        _refuse(404, gettext("This alert is over."))
    return redirect(url_for("desk.alerts_page"))


@desk.get("/questions")
@logged_in
def questions_page() -> _Answer:
    """What people ask, unanswered ones first."""
    return render_template("questions.html", questions=questions(g.database), wrong=None)


@desk.get("/questions/<int:node_id>/<question>.jpg")
@logged_in
def question_photo(node_id: int, question: str) -> _Answer:
    """The photograph."""
    jpeg = photograph(g.database, node_id, question)
    return Response(jpeg, mimetype="image/jpeg") if jpeg is not None else abort(404)


@desk.post("/questions/<int:node_id>/<question>")
@logged_in
def answer_question(node_id: int, question: str) -> _Answer:
    """Keep the answer; the leading worker brings it to the node."""
    text, label = request.form.get("text", ""), request.form.get("label", "")
    try:
        if not answer(g.database, node_id, question, text=text, who=session["name"], label=label):
            abort(404)
    except UsageError:
        most = number(MOST_LETTERS)
        wrong = gettext("An answer has 1 to %(most)s letters, and a name at most 80.", most=most)
        return render_template("questions.html", questions=questions(g.database), wrong=wrong), 400
    return redirect(url_for("desk.questions_page"))


def _own_area(database: Database) -> str:
    row = database.execute("SELECT my_area()").fetchone()
    if row is None or row[0] is None:
        session.clear()
        _refuse(403, gettext("This log-in has no area any more."))
    return str(row[0])


def _filters() -> tuple[str, date, date]:
    """Area and nights as asked for; anything that makes no sense is answered with what would."""
    try:
        last = date.fromisoformat(request.args.get("last") or _newest(g.database).isoformat())
        first = date.fromisoformat(request.args.get("first") or (last - timedelta(days=DAYS_SHOWN - 1)).isoformat())
        wanted = Wanted(area=request.args.get("area", g.area).strip(), label="", first=first, last=last)
    except (UsageError, ValueError) as why:
        _refuse(400, gettext("An area code has 2, 4, 6, 9 or 12 digits, and nights are dates."), str(why))
    if (last - first).days > MOST_DAYS:
        _refuse(400, gettext("At most %(nights)s nights are shown at once.", nights=number(MOST_DAYS)))
    return wanted.area, first, last


def _newest(database: Database) -> date:
    (newest,) = database.execute("SELECT max(night) FROM area_effort WHERE prefix = %s", (g.area,)).fetchone() or (
        None,
    )
    return newest or datetime.now(UTC).date()


def _chosen(taxa: list[TaxonSum]) -> TaxonSum | None:
    """The taxon asked for as `label|stage|unit`, else the most counted one."""
    asked = request.args.get("taxon", "")
    return next((one for one in taxa if f"{one.label}|{one.stage}|{one.unit}" == asked), taxa[0] if taxa else None)


def _wanted(taxon: TaxonSum, area: str, first: date, last: date) -> Wanted:
    return Wanted(area=area, label=taxon.label, stage=taxon.stage, unit=taxon.unit, first=first, last=last)


def _of_taxon(database: Database, wanted: Wanted) -> dict[str, Any]:
    nights, weeks, spread = population(database, wanted), trend(database, wanted), range_of(database, wanted)
    return {
        "nights": nights,
        "density": density(nights),
        "change": change(weeks[-1].week_mean, weeks[-1].week_before),
        "level_now": weeks[-1].level,
        "level_says": level_words(weeks[-1].level),
        "cells": number(len(spread.cells)),
        "spread": _spread(spread),
        "places": places_of(database, wanted),
        "silent": ", ".join(
            f"{node.site}/{node.node}"
            for node in nodes_of(database, wanted.area, wanted.first, wanted.last)
            if not node.nights
        ),
    }


def _spread(found: Range) -> str:
    hull = number(found.hull_km2)
    if found.front_km_per_week is None:
        return gettext("occupied, hull %(hull)s km²", hull=hull)
    front = number(found.front_km_per_week, 1)
    return gettext("occupied, hull %(hull)s km², front %(front)s km a week", hull=hull, front=front)


def _alert(one: Standing) -> dict[str, Any]:
    told = one.told
    return {
        "node_id": one.node_id,
        "taxon": taxon_words(told.label, ""),
        "label": told.label,
        "unit": told.unit,
        "level": told.level,
        "since": told.since,
        "level_says": level_words(told.level),
        "says": gettext(
            "%(node)s, since %(since)s UTC: %(value)s %(unit)s; the action level is %(start)s.",
            node=f"{one.site}/{one.node}",
            since=when(told.since),
            value=number(told.value, 1),
            unit=threshold_unit_words(told.unit),
            start=number(told.start_at, 1),
        ),
        "done": _care_words(one),
    }


def _care_words(one: Standing) -> str:
    """Who takes care, and whether the node knows; empty for nobody."""
    if one.is_open or one.at is None:
        return ""
    who = gettext("%(who)s takes care of it, %(at)s UTC.", who=one.who, at=when(one.at))
    if one.outcome is None:
        then = gettext("On its way to the node.")
    elif one.outcome == "done":
        then = gettext("The node shows it too.")
    else:
        then = gettext("The node did not take it: %(code)s.", code=one.outcome)
    return f"{who} {then}"


def _node(row: tuple[Any, ...], now: datetime) -> dict[str, Any]:
    site, node, area, heard, state, problem, camera, waiting, battery = row
    hours = (now - heard).total_seconds() / 3600
    silent = gettext("silent for a day") if hours > 24 else gettext("offline") if state == "offline" else ""
    says = gettext("It says:") if problem else silent or _camera_words(camera)
    return {
        "name": f"{site}/{node}",
        "area": area,
        "heard": when(heard),
        "is_well": not says,
        "says": says or gettext("well"),
        "problem": problem,  # in English, as the node tells it
        "waiting": "" if waiting is None else number(waiting),
        "battery": "" if battery is None else f"{battery:.0%}",
    }


def _camera_words(state: str | None) -> str:
    """What is wrong with the camera; empty for nothing."""
    words = {
        "missing": gettext("no camera"),
        "stalled": gettext("the camera gives nothing new"),
        "repeating": gettext("the camera repeats its picture"),
    }
    if state in {None, "ok", "starting", "ended"}:
        return ""
    return words.get(str(state), gettext("camera: %(state)s", state=str(state)))
