"""What each address asks of whoever calls it: a view without a declaration asks for a technician."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from flask import Flask, Response, current_app, g, redirect, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.http import parse_cookie  # what Flask reads cookies with: of any bytes
from werkzeug.wrappers import Response as Answer

from edge.errors import StoreError
from edge.page.trust import COOKIE, COOKIE_DAYS, DEVICE_COOKIE, VISITOR_COOKIE, Role, Trust, Visitor, trust, visitor
from edge.page.words import gettext

TOKEN = "csrf"  # noqa: S105  the field's name
FORM_BYTES = 64 * 1024
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
DEVICE_DAYS = 400  # browsers keep none longer
Refusal = Answer | tuple[str, int] | tuple[dict[str, str], int]
View = TypeVar("View", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Need:
    """What a view asks for."""

    role: Role
    body_bytes: int = FORM_BYTES


class Allowance(NamedTuple):
    """How many bytes of body may follow a header, and where whoever brings more is told so; empty: nowhere."""

    body_bytes: int
    else_at: str = ""


_NEEDS: dict[Callable[..., object], Need] = {}


def needs(role: Role, *, body_bytes: int = FORM_BYTES) -> Callable[[View], View]:
    """Declares who may call a view and how much they may send: below the route, above the function."""

    def declare(view: View) -> View:
        _NEEDS[view] = Need(role, body_bytes)
        return view

    return declare


def form_token() -> str:
    """What a form of this visitor must bring back; it tells nothing of the cookie that it is made from.

    A visitor who has not logged in gets one only for a form.
    """
    cookie = request.cookies.get(COOKIE) or request.cookies.get(VISITOR_COOKIE) or g.get("visitor_cookie")
    if not cookie:
        cookie = g.visitor_cookie = secrets.token_urlsafe(32)
    return hashlib.sha256(b"form " + cookie.encode()).hexdigest()


def install(app: Flask, known: Trust) -> None:
    """Each request is admitted or turned away before its view is called."""
    app.extensions["fieldeye_trust"] = known
    app.before_request(_admit)
    app.after_request(_remember)
    app.after_request(_note_visit)

    @app.context_processor
    def every_page() -> dict[str, object]:
        who = g.get("visitor", Visitor(role=Role.NOBODY))
        return {
            "form_token": form_token,
            "visitor_name": who.name,
            "is_farmer": who.role >= Role.FARMER,
            "is_technician": who.role >= Role.TECHNICIAN,
        }


def need_of(app: Flask, endpoint: str | None) -> Need:
    """Of a view by its endpoint. Files of the page itself, and addresses that do not exist, ask for nothing."""
    if endpoint is None or endpoint == "static":
        return Need(Role.NOBODY)
    return _NEEDS.get(app.view_functions[endpoint], Need(Role.TECHNICIAN))


def may_bring(app: Flask, method: str, path: str, cookies: str) -> Allowance:
    """What may follow this header: what the view takes, if its sender may call it, else a form."""
    try:
        endpoint, _ = app.url_map.bind("").match(path, method)
    except HTTPException:  # no such address: the view will say so
        return Allowance(FORM_BYTES)
    need = need_of(app, endpoint)
    if need.body_bytes <= FORM_BYTES:
        return Allowance(FORM_BYTES)
    if _role_by(app, cookies) < need.role:
        return Allowance(FORM_BYTES, f"/log-in?next={path}&unsent=1")
    return Allowance(need.body_bytes, f"{path}?wrong=too_large")


def _role_by(app: Flask, cookies: str) -> Role:
    """Asked in the server's loop, in which all wait for whoever waits."""
    known: Trust = app.extensions["fieldeye_trust"]
    try:
        return known.visitor(parse_cookie(cookies).get(COOKIE, "")).role
    except StoreError:  # nobody can be known now: the view will say so
        return Role.NOBODY


def _admit() -> Refusal | None:
    need = need_of(current_app, request.endpoint)
    request.max_content_length = need.body_bytes
    g.visitor = trust().visitor(request.cookies.get(COOKIE, ""))
    g.need = need
    if visitor().role < need.role:
        return _turned_away(need.role)
    if request.method not in SAFE and not _has_token():
        words = gettext("This form is too old. Go back, load the page again and send it once more.")
        return render_template("plain.html", words=words), 400
    return None


def keep_sessions(app: Flask) -> None:
    """Tells the card what was found of sessions. Called when an answer is handed over: no reader waits for that."""
    known: Trust = app.extensions["fieldeye_trust"]
    with suppress(StoreError):  # the next request finds it again, and the loop tells what the card refuses
        known.keep_sessions()


def _has_token() -> bool:
    sent = request.form.get(TOKEN, "")
    return hmac.compare_digest(sent.encode(), form_token().encode())


def _turned_away(wanted: Role) -> Refusal:
    if visitor().name:
        words = gettext("This is for the technician. Log in with another name.")
        if wanted is not Role.TECHNICIAN:
            words = gettext("This is for the farmer and the technician. Log in with another name.")
        return render_template("plain.html", words=words, log_in=True), 403
    if is_for_scripts():
        return {"error": "log in first: this node is not open to read"}, 401
    if not trust().accounts.is_claimed():
        return not_set_up(wanted)
    if request.method in SAFE:
        return redirect(current_app.url_for("people.log_in", next=request.full_path.rstrip("?")), 303)
    return redirect(current_app.url_for("people.log_in", next=page_above(request.path), unsent=1), 303)


def not_set_up(wanted: Role) -> Refusal:
    """Who came to set the node up is led to its claim; a farmer is not asked to become its technician."""
    if wanted is not Role.FARMER:
        return redirect("/claim", 303)
    words = gettext("Your technician has to set up this node first.")
    return render_template("plain.html", words=words, asks_technician=True), 403


def is_for_scripts() -> bool:
    """Does a program ask, which reads JSON also where something is wrong?"""
    return request.path.startswith("/api/")


def page_above(path: str) -> str:
    """The page of this address, else the nearest one above it: an answer to a form has none of its own."""
    pages = current_app.url_map.bind("")
    while path != "/" and not pages.test(path, "GET"):
        path = path.rpartition("/")[0] or "/"
    return path


def _remember(response: Response) -> Response:
    """Cookies that this request has earned; and nothing that is not for everybody stays in a phone."""
    if "cookie" in g:
        _set_cookie(response, COOKIE, g.cookie)
    if "device_cookie" in g:
        _set_cookie(response, DEVICE_COOKIE, g.device_cookie, DEVICE_DAYS)
    if "visitor_cookie" in g:
        _set_cookie(response, VISITOR_COOKIE, g.visitor_cookie)
    if "need" in g and (g.need.role > trust().least or "visitor_cookie" in g):
        response.headers["Cache-Control"] = "no-store"
    return response


def _note_visit(response: Response) -> Response:
    """After the view, so that whoever has just logged in counts."""
    if "visitor" in g and visitor().role >= Role.FARMER and _is_by_hand():
        trust().visited()
    return response


def _is_by_hand() -> bool:
    """Not what an open page asks for by itself, which may lie forgotten: a script and a picture do not accept pages."""
    return request.method not in SAFE or "text/html" in request.headers.get("Accept", "")


def _set_cookie(response: Response, name: str, value: str, days: int = COOKIE_DAYS) -> None:
    """Out of reach of scripts and of forms on other sites; an empty value removes it."""
    age_s = days * 86_400 if value else 0
    response.set_cookie(name, value, max_age=age_s, httponly=True, samesite="Lax", secure=request.is_secure)
