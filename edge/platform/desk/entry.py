"""Log-in and log-out at the desk, and the role in which each page asks the database."""

from collections.abc import Callable
from functools import wraps
from secrets import token_urlsafe
from typing import Any, NoReturn

from flask import Blueprint, abort, current_app, g, make_response, redirect, render_template, request, session, url_for

from edge.platform.database import Database, only_row, open_database
from edge.platform.desk.people import CONNECTION_NAME, as_person, end_log_ins, name_of, stamp_of
from edge.platform.words import gettext

desk = Blueprint("desk", __name__)  # all pages of the desk
Answer = Any  # what a Flask view may return
CHECKS_AT_ONCE = 2  # of passwords, slow as they are made, for strangers too: more would slow down all pages
LOG_INS_AT_ONCE = 8  # those who wait for a check among them; more are sent away, so that the other threads show pages
_PAGE_OF = {
    "desk.answer_question": "desk.questions_page",
    "desk.delete_question": "desk.questions_page",
    "desk.acknowledge_alert": "desk.alerts_page",
    "desk.acknowledge_alerts": "desk.alerts_page",
}
_SHARED = {"desk.map_page", "desk.alerts_page", "desk.nodes_page", "desk.questions_page"}  # people send their addresses


def refused(code: int, says: str) -> tuple[str, int]:
    """What a person reads who asked for what cannot be."""
    return render_template("refused.html", says=says), code


def refuse(code: int, says: str) -> NoReturn:
    """That, in place of the page."""
    abort(make_response(refused(code, says)))


def page_of_form() -> str:
    """The address of the page on which the form stands that was sent."""
    return url_for(_PAGE_OF.get(str(request.endpoint), "desk.map_page"))


def logged_in(view: Callable[..., Answer]) -> Callable[..., Answer]:
    """The view in the role of who logged in; others are sent to the log-in, whoever was removed since among them."""

    @wraps(view)
    def guarded(**arguments: Any) -> Answer:
        if "stamp" not in session:
            return _to_log_in()
        with as_person(current_app.config["DATABASE"], session["name"], session["stamp"]) as g.database:
            if g.database is None:
                session.clear()
                return _to_log_in()
            if request.method == "POST" and request.form.get("token") != session["token"]:
                refuse(400, gettext("This form is not of this log-in: open the page again."))
            g.area = _own_area(g.database)
            return view(**arguments)

    return guarded


def _to_log_in() -> Answer:
    """Who sent what they wrote is told so: behind a redirect the browser would not find back to it.

    Who followed a link finds what it is of behind the log-in.
    """
    if request.endpoint in _SHARED:
        session["to"] = request.full_path
    if request.endpoint not in _PAGE_OF:
        return redirect(url_for("desk.log_in"))
    session["to"] = page_of_form()
    refuse(
        403,
        gettext(
            "You are logged out and nothing was sent: open another tab, log in there, then go back and send it again."
        ),
    )


@desk.route("/log-in", methods=["GET", "POST"])
def log_in() -> Answer:
    """Five wrong passwords let a name rest for a quarter of an hour."""
    if request.method == "GET":
        return render_template("log_in.html")
    name = name_of(request.form.get("name", ""))
    places = current_app.config["LOG_INS"]
    if not places.acquire(blocking=False):
        wrong = gettext("Too many people log in just now: try again.")
        return render_template("log_in.html", wrong=wrong, name=name), 429
    try:
        with current_app.config["CHECKS"], open_database(current_app.config["DATABASE"], CONNECTION_NAME) as database:
            stamp = stamp_of(database, name, request.form.get("password", ""))
    finally:
        places.release()
    if stamp is None:
        wrong = gettext(
            "Name and password do not fit. After five wrong ones nobody can log in with this name for 15 minutes."
        )
        return render_template("log_in.html", wrong=wrong, name=name), 403
    page = session.get("to", url_for("desk.map_page"))
    session.clear()
    session.update(name=name, stamp=stamp, token=token_urlsafe(16))
    return redirect(page)


@desk.post("/log-out")
@logged_in
def log_out() -> Answer:
    """Forget who this is, on every device: a cookie cannot be called back."""
    g.database.execute("RESET ROLE")
    end_log_ins(g.database, session["name"])
    session.clear()
    return redirect(url_for("desk.log_in"))


def _own_area(database: Database) -> str:
    (area,) = only_row(database, "SELECT my_area()")
    if area is None:
        session.clear()
        refuse(403, gettext("This account has no area any more."))
    return str(area)
