"""Log-in and log-out at the desk, and the role in which each page asks the database."""

from collections.abc import Callable
from functools import wraps
from secrets import token_urlsafe
from typing import Any, NoReturn

from flask import Blueprint, abort, current_app, g, make_response, redirect, render_template, request, session, url_for

from edge.platform.database import Database
from edge.platform.desk.people import composed, stamp_of
from edge.platform.words import gettext

desk = Blueprint("desk", __name__)  # all pages of the desk
Answer = Any  # what a Flask view may return


def refuse(code: int, says: str) -> NoReturn:
    """What a person reads who asked for what cannot be."""
    abort(make_response(render_template("refused.html", says=says), code))


def logged_in(view: Callable[..., Answer]) -> Callable[..., Answer]:
    """The view in the role of who logged in; others are sent to the log-in, whoever was removed since among them."""

    @wraps(view)
    def guarded(**arguments: Any) -> Answer:
        if "stamp" not in session:
            return redirect(url_for("desk.log_in"))
        with current_app.config["AS_PERSON"](session["name"], session["stamp"]) as g.database:
            if g.database is None:
                session.clear()
                return redirect(url_for("desk.log_in"))
            if request.method == "POST" and request.form.get("token") != session["token"]:
                refuse(400, gettext("This form is not of this log-in: open the page again."))
            g.area = _own_area(g.database)
            return view(**arguments)

    return guarded


@desk.route("/log-in", methods=["GET", "POST"])
def log_in() -> Answer:
    """Five wrong passwords let a name rest for a quarter of an hour."""
    if request.method == "GET":
        return render_template("log_in.html", failed=False)
    name = composed(request.form.get("name", ""))
    with current_app.config["AS_DESK"]() as database:
        stamp = stamp_of(database, name, request.form.get("password", ""))
    if stamp is None:
        return render_template("log_in.html", failed=True), 403
    session.clear()
    session.update(name=name, stamp=stamp, token=token_urlsafe(16))
    return redirect(url_for("desk.map_page"))


@desk.post("/log-out")
@logged_in
def log_out() -> Answer:
    """Forget who this is."""
    session.clear()
    return redirect(url_for("desk.log_in"))


def _own_area(database: Database) -> str:
    row = database.execute("SELECT my_area()").fetchone()
    if row is None or row[0] is None:
        session.clear()
        refuse(403, gettext("This log-in has no area any more."))
    return str(row[0])
