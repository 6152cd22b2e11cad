"""Who is looking, and what each address asks of them: a view without a declaration asks for a technician."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple, TypeVar

from flask import Flask, Response, current_app, g, redirect, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.http import parse_cookie  # what Flask reads cookies with: of any bytes
from werkzeug.wrappers import Response as Answer

from edge.clock import Clock
from edge.errors import StoreError
from edge.mqtt.secret import Secret
from edge.page.attempts import mark_of
from edge.page.words import gettext
from edge.status import StatusBoard
from edge.store import Account, Entry, Store

COOKIE, VISITOR_COOKIE, DEVICE_COOKIE = "fieldeye", "fieldeye_visitor", "fieldeye_device"
TOKEN = "csrf"  # noqa: S105  the field's name
FORM_BYTES = 64 * 1024
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
COOKIE_DAYS = 90
DEVICE_DAYS = 400  # browsers keep none longer
Refusal = Answer | tuple[str, int] | tuple[dict[str, str], int]
View = TypeVar("View", bound=Callable[..., object])


class Role(IntEnum):
    """What somebody may do; each may also do what stands before it."""

    NOBODY = 0  # log in, and what needs no secret
    READER = 1  # read; everybody in the node's network, unless page.open_to_read is false
    FARMER = 2  # say what was done, check what was seen, ask about a photograph
    TECHNICIAN = 3  # set up and change


IDLE = dict.fromkeys(Role, timedelta(days=60)) | {Role.TECHNICIAN: timedelta(hours=12)}
MOST_USES = 200  # a script may log in each minute
USED_EVERY = timedelta(minutes=5)  # written at most so often: cards wear out


@dataclass(frozen=True, slots=True)
class Need:
    """What a view asks for."""

    role: Role
    body_bytes: int = FORM_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who sent this request."""

    role: Role
    name: str = ""  # empty: has not logged in

    @property
    def who(self) -> str:
        """For the audit trail, which is read in each language."""
        return " · ".join(filter(None, (self.name, request.remote_addr)))


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


class Trust:
    """Sessions, tokens and the audit trail of one node's page. Any thread may ask."""

    def __init__(
        self, store: Store, board: StatusBoard, clock: Clock, claim_code: Secret | None, *, open_to_read: bool
    ) -> None:
        self.accounts = store.accounts
        self.claim_code = claim_code
        self._store = store
        self._board = board
        self._clock = clock
        self._uses = OrderedDict[bytes, tuple[float, float]]()  # begun, used: by monotonic time, which nobody sets
        self.least = Role.READER if open_to_read else Role.NOBODY

    def now_utc(self) -> datetime:
        """By the node's clock."""
        return self._clock.now().utc

    def visitor(self, token: str) -> Visitor:
        """Whom a cookie belongs to; anybody if it has run out."""
        key, now = digest(token), self._clock.now()
        session = self.accounts.session(key) if token else None
        if session is None:
            return Visitor(role=self.least)
        kept = [now.monotonic_s - (now.utc - utc).total_seconds() for utc in (session.begun_utc, session.used_utc)]
        role, (begun_s, used_s) = role_of(session.account), self._uses.get(key, kept)
        age, idle = (timedelta(seconds=now.monotonic_s - one_s) for one_s in (begun_s, used_s))
        if idle > IDLE[role] or age > timedelta(days=COOKIE_DAYS):
            self.accounts.end(key)
            return Visitor(role=self.least)
        self._use(key, begun_s, now.monotonic_s)
        if abs(now.utc - session.used_utc) > USED_EVERY:  # also if the clock was set
            self.accounts.used(key, begun=now.utc - age, used=now.utc)
        return Visitor(role=max(role, self.least), name=session.account.name)

    def log_in(self, account: Account) -> None:
        """A new session for whoever sent this request; a former one ends, so that no token outlives a log-in."""
        self.log_out()
        token = secrets.token_urlsafe(32)
        now = self._clock.now()
        self.accounts.begin(digest(token), account.name, now.utc)
        self._use(digest(token), now.monotonic_s, now.monotonic_s)
        g.cookie, g.visitor = token, Visitor(role=role_of(account), name=account.name)
        g.device_cookie = mark_of(account)

    def log_out(self) -> None:
        """End the session of this request."""
        self.accounts.end(digest(request.cookies.get(COOKIE, "")))
        g.cookie, g.visitor = "", Visitor(role=self.least)

    def _use(self, key: bytes, begun_s: float, used_s: float) -> None:
        """A session beyond those that are kept goes by the store's times once more."""
        self._uses[key] = begun_s, used_s
        self._uses.move_to_end(key)
        if len(self._uses) > MOST_USES:
            self._uses.popitem(last=False)

    def visited(self) -> None:
        """Somebody who has logged in opened a page or sent a form."""
        self._board.visit(self._clock.monotonic_s())

    def note(self, what: str, outcome: str = "done") -> None:
        """Into the audit trail: who, when, from where."""
        who = visitor().who
        self._store.note_audit(Entry(utc=self.now_utc(), who=who[:120], what=what[:200], outcome=outcome[:200]))


class FormToken:
    """`{{ csrf }}` in a form's hidden field; a visitor who has not logged in gets a cookie for it only then."""

    def __html__(self) -> str:
        return form_token()

    __str__ = __html__


def trust() -> Trust:
    """That of this app."""
    return current_app.extensions["fieldeye_trust"]  # type: ignore[no-any-return]


def visitor() -> Visitor:
    """Who sent this request."""
    return g.visitor  # type: ignore[no-any-return]


def is_known_browser(account: Account | None) -> bool:
    """Has somebody logged in as that person with the browser that sent this request?"""
    brought = request.cookies.get(DEVICE_COOKIE, "")
    return account is not None and hmac.compare_digest(brought.encode(), mark_of(account).encode())


def role_of(account: Account) -> Role:
    """A word that this version does not know gives no rights."""
    return Role[account.role.upper()] if account.role.upper() in Role.__members__ else Role.NOBODY


def digest(token: str) -> bytes:
    """What the store keeps of a token."""
    return hashlib.sha256(token.encode()).digest()


def form_token() -> str:
    """What a form of this visitor must bring back. It tells nothing of the cookie that it is made from."""
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
            "csrf": FormToken(),
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


def _has_token() -> bool:
    sent = request.form.get(TOKEN, "")
    return hmac.compare_digest(sent.encode(), form_token().encode())


def _turned_away(wanted: Role) -> Refusal:
    if visitor().name:
        words = gettext("This is for the technician. Log in with another name.")
        if wanted is not Role.TECHNICIAN:
            words = gettext("This is for the farmer and the technician. Log in with another name.")
        return render_template("plain.html", words=words, log_in=True), 403
    if request.path.startswith("/api/"):
        return {"error": "log in first: this node is not open to read"}, 401
    if not trust().accounts.is_claimed():
        return redirect("/claim", 303)
    unsent = None if request.method in SAFE else 1
    return redirect(current_app.url_for("people.log_in", next=_place_after(), unsent=unsent), 303)


def _place_after() -> str:
    """Where somebody goes on who has logged in for this: after a form, the page of its address or of one above."""
    if request.method in SAFE:
        return request.full_path.rstrip("?")
    place = request.path
    while not _is_page(place):
        place = place.rpartition("/")[0] or "/"
    return place


def _is_page(path: str) -> bool:
    try:
        current_app.url_map.bind("").match(path, "GET")
    except HTTPException:
        return False
    return True


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
