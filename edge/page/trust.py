"""Who is looking: roles, sessions, and what is written down of whoever changes something."""

import hashlib
import hmac
import logging
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from threading import Lock

from flask import current_app, g, request

from edge.clock import Clock
from edge.errors import StoreError
from edge.mqtt.secret import Secret
from edge.status import StatusBoard
from edge.store import Account, Entry, Store

log = logging.getLogger(__name__)

COOKIE, VISITOR_COOKIE, DEVICE_COOKIE = "fieldeye", "fieldeye_visitor", "fieldeye_device"
COOKIE_DAYS = 90


class Role(IntEnum):
    """What somebody may do; each may also do what stands before it."""

    NOBODY = 0  # log in, and what needs no secret
    READER = 1  # read; everybody in the node's network, unless page.open_to_read is false
    FARMER = 2  # say what was done, check what was seen, ask about a photograph
    TECHNICIAN = 3  # set up and change


IDLE = dict.fromkeys(Role, timedelta(days=60)) | {Role.TECHNICIAN: timedelta(hours=12)}
MOST_USES = 200  # a script may log in each minute
USED_EVERY = timedelta(minutes=5)  # written at most so often: cards wear out


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who sent this request."""

    role: Role
    name: str = ""  # empty: has not logged in

    @property
    def who(self) -> str:
        """For the audit trail, which is read in each language."""
        return " · ".join(filter(None, (self.name, request.remote_addr)))


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
        self._untold = dict[bytes, tuple[datetime, datetime] | None]()  # begun, used; None: run out
        self._telling = Lock()
        self.least = Role.READER if open_to_read else Role.NOBODY

    def now_utc(self) -> datetime:
        """By the node's clock."""
        return self._clock.now().utc

    def visitor(self, token: str) -> Visitor:
        """Whom a cookie belongs to; anybody if it has run out. Either is remembered until `keep_sessions`."""
        key, now = digest(token), self._clock.now()
        session = self.accounts.session(key) if token else None
        if session is None:
            return Visitor(role=self.least)
        kept = [now.monotonic_s - (now.utc - utc).total_seconds() for utc in (session.begun_utc, session.used_utc)]
        role, (begun_s, used_s) = role_of(session.account), self._uses.get(key, kept)
        age, idle = (timedelta(seconds=now.monotonic_s - one_s) for one_s in (begun_s, used_s))
        is_over = idle > IDLE[role] or age > timedelta(days=COOKIE_DAYS)
        if is_over:
            self._untold[key] = None
            return Visitor(role=self.least)
        self._use(key, begun_s, now.monotonic_s)
        if abs(now.utc - session.used_utc) > USED_EVERY:  # also if the clock was set
            self._untold[key] = now.utc - age, now.utc
        elif self._untold.get(key, now) is None:  # it had run out by a clock that was wrong
            self._untold.pop(key, None)
        return Visitor(role=max(role, self.least), name=session.account.name)

    def keep_sessions(self) -> None:
        """Tell the card which are in use and which have run out; a second thread leaves it to the next request.

        Raises StoreError; the next request finds again what the card was not told.
        """
        if not self._telling.acquire(blocking=False):
            return
        try:
            while self._untold and not self.accounts.is_being_written():  # one is enough to wait for a slow card
                key, times = self._untold.popitem()
                if times is None:
                    self.accounts.end(key)
                else:
                    self.accounts.used(key, begun=times[0], used=times[1])
        finally:
            self._telling.release()

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
        """Into the audit trail: who, when, from where. What was done stands, also where the trail takes nothing."""
        who = visitor().who
        entry = Entry(utc=self.now_utc(), who=who[:120], what=what[:200], outcome=outcome[:200])
        try:
            self._store.note_audit(entry)
        except StoreError as why:
            log.warning("audit_not_written", extra={"who": who, "what": what, "outcome": outcome, "why": str(why)})


def trust() -> Trust:
    """That of this app."""
    return current_app.extensions["fieldeye_trust"]  # type: ignore[no-any-return]


def visitor() -> Visitor:
    """Who sent this request."""
    return g.visitor  # type: ignore[no-any-return]


def mark_of(account: Account) -> str:
    """What a browser keeps that has logged in as that person. It opens nothing, and another password ends it."""
    return hmac.new(account.hash.encode(), b"device of " + account.name.encode(), hashlib.sha256).hexdigest()


def is_known_browser(account: Account) -> bool:
    """Has somebody logged in as that person with the browser that sent this request?"""
    brought = request.cookies.get(DEVICE_COOKIE, "")
    return hmac.compare_digest(brought.encode(), mark_of(account).encode())


def role_of(account: Account) -> Role:
    """A word that this version does not know gives no rights."""
    return Role.__members__.get(account.role.upper(), Role.NOBODY)


def digest(token: str) -> bytes:
    """What the store keeps of a token."""
    return hashlib.sha256(token.encode()).digest()
