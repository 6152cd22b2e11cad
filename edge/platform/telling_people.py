"""Alerts out to people: a webhook or an e-mail, one a cause, not in the quiet hours, tried again until it is taken."""

import re
import smtplib
import ssl
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from email.errors import MessageError
from functools import partial
from http.client import HTTPException, HTTPMessage
from typing import IO, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec
import psycopg
from psycopg.rows import class_row

from edge.errors import UsageError
from edge.platform.database import Database, reachable
from edge.platform.intake import storable
from edge.platform.population import as_area
from edge.platform.risen import Risen, letter

GIVE_UP_S = 10.0
TLS_PORT = 465  # speaks TLS from the first byte (RFC 8314, 3.3); at others STARTTLS begins it
FIRST_AGAIN, MOST_AGAIN = timedelta(minutes=1), timedelta(hours=2)
MOST_TRIES = 20
AWAY_AGAIN = timedelta(minutes=5)  # a server that is away, or does not let us in
MOST_AT_ONCE = 50  # a turn; more wait for the next
MOST_A_DAY = 20  # of a node to a recipient: a stolen card can invent causes by the thousand
MOST_LETTERS = 200  # of a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where e-mails are handed in."""

    host: str
    port: int
    sender: str
    user: str | None = None
    password: str | None = None
    starttls: bool = True


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an alert did not get out."""

    why: str
    is_of_server: bool  # which was not there to take any: costs the alert no try


Away = dict[str, tuple[Failure, datetime]]  # server -> why it took nothing, and when
_ON_ITS_WAY = Failure("on its way", is_of_server=True)  # what stands there after a crash: sent again, never lost


@dataclass(frozen=True, slots=True)
class Turn:
    """What became of the alerts that were due."""

    taken: int
    answers: Mapping[str, str]  # address -> why not, empty where all were taken


_FITS = {
    "webhook": re.compile(r"^https?://[^\s/?#@]+([/?#][!-~]*)?\Z"),  # beyond ASCII: in the host's name alone
    "email": re.compile(r"^[^\s@,;:<>()\[\]\\\"]+@[^\s@,;:<>()\[\]\\\"]+\Z"),
}
# A node that was cut off for months brings all of that time along. Of what is older than a day a cause's newest rise
# in a unit is news, unless that has been calm for a day since. A short rise in quiet hours is told when they end.
# Nobody knows how old one is whose clock was not set: it is of when it `came`, and news if it is the newest.
# Each node has its turn: `nth` numbers what a recipient was told of it within a day, and then what waits, the newest
# first. What lies beyond is never told; the others are, in the order of their times.
_DUE = """
    WITH alive AS (  -- causes of which something may be news: at each turn a year's others need not be ranked
        SELECT node_id, ledger_id, camera, label FROM alert GROUP BY node_id, ledger_id, camera, label, unit
        HAVING max(at) >= %(day_ago)s OR max(seq) FILTER (WHERE level <> 'calm')
            > coalesce(max(seq) FILTER (WHERE level = 'calm' AND coalesce(came, at) < %(day_ago)s), 0)
        UNION
        SELECT node_id, ledger_id, camera, label FROM told JOIN alert USING (ledger_id, seq) WHERE done > %(day_ago)s
    ), risen AS (
        SELECT one.*, max(seq) OVER (PARTITION BY one.ledger_id, one.camera, one.label, unit) AS newest
        FROM alive CROSS JOIN LATERAL (
            SELECT * FROM risen_alert
            WHERE (node_id, ledger_id, camera, label) = (alive.node_id, alive.ledger_id, alive.camera, alive.label)
            OFFSET 0  -- keeps the planner from ranking all first
        ) AS one
    ), news AS (
        SELECT recipient_id, r.kind, address, zone, language, a.ledger_id, a.seq, a.node_id,
               coalesce(tries, 0) AS tries, site, node, area_code, coalesce(came, at) AS at, camera, label, eppo, level,
               value, unit, start_at, reason, look_at, source, done, next_try,
               row_number() OVER (
                   PARTITION BY recipient_id, a.node_id ORDER BY done, coalesce(came, at) DESC, a.seq DESC
               ) AS nth
        FROM recipient r JOIN risen a ON area_code ^@ prefix AND coalesce(came, at) >= r.since
        LEFT JOIN told t USING (recipient_id, ledger_id, seq)
        WHERE (came IS NULL AND at >= %(day_ago)s OR done > %(day_ago)s OR a.seq = newest AND NOT EXISTS (
            SELECT FROM alert c
            WHERE (c.node_id, c.ledger_id, c.camera, c.label, c.unit)
                  = (a.node_id, a.ledger_id, a.camera, a.label, a.unit)
              AND c.level = 'calm' AND c.seq > a.seq AND coalesce(c.came, c.at) < %(day_ago)s
        )) AND NOT EXISTS (
            SELECT FROM acknowledgement k  -- somebody takes care of it: an alert that waited for the morning is no news
            WHERE (k.node_id, k.label, k.unit, k.level) = (a.node_id, a.label, a.unit, a.level)
              AND abs(extract(epoch FROM k.since - a.at)) < 1
        ) AND r.kind = ANY(%(kinds)s) AND recipient_id <> ALL(%(quiet)s)
          AND (done IS NULL OR done > %(day_ago)s AND tries > 0) AND coalesce(tries, 0) < %(most)s
    ), held_back AS (
        INSERT INTO told (recipient_id, ledger_id, seq, done)
        SELECT recipient_id, ledger_id, seq, %(now)s FROM news WHERE nth > %(most_a_day)s AND done IS NULL
        ON CONFLICT (recipient_id, ledger_id, seq) DO UPDATE SET done = excluded.done, tries = 0
    ), chosen AS (
        SELECT *, row_number() OVER (PARTITION BY recipient_id, node_id ORDER BY done, at, seq) AS turn
        FROM news WHERE nth <= %(most_a_day)s
    )
    SELECT recipient_id, kind, address, zone, language, ledger_id, seq, tries, site, node, area_code, at, camera, label,
           eppo, level, value, unit, start_at, reason, look_at, source,
           (SELECT body->>'task' FROM record r WHERE (r.ledger_id, r.seq) = (chosen.ledger_id, chosen.seq)) AS task,
           CASE turn WHEN %(most_a_day)s THEN turn END AS last_of
    FROM chosen WHERE done IS NULL AND (
        coalesce(next_try, %(due_by)s) <= %(due_by)s OR next_try > %(latest)s  -- noted while the clock ran ahead
    )
    ORDER BY turn, at LIMIT %(limit)s
"""


def add_recipient(
    database: Database,
    kind: str,
    address: str,
    prefix: str,
    quiet: tuple[time, time] | None = None,
    zone: str | None = None,
    language: str | None = None,
) -> str:
    """Told from now on, of the area that is returned; who was before keeps what is None.

    Raises UsageError for an address of no such kind.
    """
    prefix = as_area(prefix)
    try:
        fits = kind in _FITS and _FITS[kind].match(address) and urlsplit(address).port != 0
    except ValueError:  # brackets that do not end, or a port that is none
        fits = False
    if not fits:
        raise UsageError(
            f"{address!r} is no address for {kind}; give https://… without a user name for webhook, name@host for email"
        )
    quiet_from, quiet_until = quiet or (None, None)
    database.execute(
        "INSERT INTO recipient (kind, address, prefix, quiet_from, quiet_until, zone, language)"
        " VALUES (%(kind)s, %(address)s, %(prefix)s, %(from)s, %(until)s, coalesce(%(zone)s, 'UTC'),"
        " coalesce(%(language)s, 'en'))"
        " ON CONFLICT (kind, address) DO UPDATE SET prefix = excluded.prefix,"
        " quiet_from = coalesce(excluded.quiet_from, recipient.quiet_from),"
        " quiet_until = coalesce(excluded.quiet_until, recipient.quiet_until),"
        " zone = coalesce(%(zone)s, recipient.zone), language = coalesce(%(language)s, recipient.language)",
        {
            "kind": kind,
            "address": address,
            "prefix": prefix,
            "from": quiet_from,
            "until": quiet_until,
            "zone": zone,
            "language": language,
        },
    )
    return prefix


def area_told(database: Database, kind: str, address: str) -> str | None:
    """Of whose nodes somebody is told; None for nobody yet."""
    row = database.execute("SELECT prefix FROM recipient WHERE (kind, address) = (%s, %s)", (kind, address)).fetchone()
    return None if row is None else str(row[0])


def remove_recipient(database: Database, address: str) -> None:
    """Told nothing any more. Raises UsageError."""
    if database.execute("DELETE FROM recipient WHERE address = %s", (address,)).rowcount == 0:
        there = [one for (one,) in database.execute("SELECT address FROM recipient ORDER BY address").fetchall()]
        raise UsageError(f"--remove: nobody is told at {address!r}; give one of: {', '.join(there) or 'nobody yet'}")


@reachable()
def tell_people(
    database: Database, mail: MailServer | None, now: datetime, away: Away, due_by: datetime | None = None
) -> Turn:
    """Send what is due by now or `due_by`, unless another `tell` is at it. What fails is tried again, ever more rarely.

    A server that is `away`, and so was found in this turn or one shortly before, is not asked and costs no try; without
    a mail server e-mails wait for one. Raises StoreError.
    """
    me = uuid4()
    if not _has_turn(database, me):
        return Turn(0, {})
    try:
        return _send_due(database, mail, now, me, away, due_by or now)
    finally:
        with suppress(psycopg.Error):  # else it lasts for a minute more
            database.execute("SELECT give_back_turn('tell', %s)", (me,))


def _has_turn(database: Database, me: UUID) -> bool:
    return database.execute("SELECT take_turn('tell', %s)", (me,)).fetchone() == (True,)


def _send_due(
    database: Database, mail: MailServer | None, now: datetime, me: UUID, away: Away, due_by: datetime
) -> Turn:
    taken = 0
    answers: dict[str, str] = {}
    with database.cursor(row_factory=class_row(Risen)) as cursor:
        kinds = [kind for kind in SEND if kind != "email" or mail]
        wanted = {"now": now, "most": MOST_TRIES, "limit": MOST_AT_ONCE, "kinds": kinds, "quiet": _quiet(database, now)}
        wanted |= {"due_by": due_by, "latest": now + MOST_AGAIN, "day_ago": now - timedelta(days=1)}
        wanted["most_a_day"] = MOST_A_DAY
        due = cursor.execute(_DUE, wanted).fetchall()
    for risen in due:
        if not _has_turn(database, me):  # it was held up for a minute, and another tells since
            break
        server = risen.address if risen.kind == "webhook" else risen.kind
        failure, since = away.get(server, (None, now))
        if failure is None or not since <= now < since + AWAY_AGAIN:  # a clock may be set back
            failure, since = _send(database, risen, mail, now), now
        if failure and failure.is_of_server:
            away[server] = failure, since
        taken += failure is None
        answers[risen.address] = _note(database, risen, failure, since) or answers.get(risen.address, "")
    return Turn(taken, answers)


def _send(database: Database, risen: Risen, mail: MailServer | None, now: datetime) -> Failure | None:
    """Noted first: what a database that keeps nothing does not know to be sent would go out again at each turn."""
    _note(database, risen, _ON_ITS_WAY, now)
    return SEND[risen.kind](risen, mail)


def without_server(database: Database) -> int:
    """Recipients by e-mail, who are told nothing without a mail server."""
    (many,) = database.execute("SELECT count(*) FROM recipient WHERE kind = 'email'").fetchone() or (0,)
    return int(many)


def _quiet(database: Database, now: datetime) -> list[int]:
    """Recipients in their quiet hours."""
    rows = database.execute("SELECT recipient_id, quiet_from, quiet_until, zone FROM recipient").fetchall()
    return [one for one, first, end, zone in rows if is_quiet(first, end, now.astimezone(ZoneInfo(zone)).time())]


def is_quiet(quiet_from: time | None, quiet_until: time | None, at: time) -> bool:
    """Within the quiet hours, which may run over midnight; their end is no longer quiet."""
    if quiet_from is None or quiet_until is None:
        return False
    if quiet_from <= quiet_until:
        return quiet_from <= at < quiet_until
    return at >= quiet_from or at < quiet_until


def _note(database: Database, risen: Risen, failure: Failure | None, now: datetime) -> str:
    """Says why it was not taken; empty if it was."""
    is_away = failure is not None and failure.is_of_server
    again = AWAY_AGAIN if is_away else min(FIRST_AGAIN * 2**risen.tries, MOST_AGAIN)
    tries = risen.tries + (not is_away)
    why = storable(" ".join(failure.why.split()))[:MOST_LETTERS] if failure else ""
    done = None if failure else now
    database.execute(
        "INSERT INTO told VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (recipient_id, ledger_id, seq) DO UPDATE"
        " SET done = excluded.done, tries = excluded.tries, next_try = excluded.next_try, why = excluded.why",
        (risen.recipient_id, risen.ledger_id, risen.seq, done, tries, now + again, why),
    )
    return f"given up after {tries} tries: {why}" if why and tries == MOST_TRIES else why


class _NoRedirects(HTTPRedirectHandler):
    """Where one is followed a POST becomes a GET without the alert, whose 2xx says nothing."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> NoReturn:
        raise HTTPError(req.full_url, code, f"{msg}, which is not followed: give {newurl}", headers, fp)


def _post(risen: Risen, _server: MailServer | None) -> Failure | None:
    """None once the other side has answered 2xx."""
    body = msgspec.json.encode(risen.as_json())
    try:
        request = Request(risen.address, body, {"Content-Type": "application/json"})  # noqa: S310  http(s): checked when added
        with build_opener(_NoRedirects).open(request, timeout=GIVE_UP_S):
            return None
    except (URLError, HTTPException, OSError, ValueError) as why:  # the last: an address that is none
        return Failure(_says(why), is_of_server=isinstance(why, URLError) and not isinstance(why, HTTPError))


def _mail(risen: Risen, server: MailServer | None) -> Failure | None:
    """None once the mail server has taken it."""
    if server is None:
        return Failure("no mail server: give --mail-server", is_of_server=True)
    try:
        session = _log_in(server)
    except (smtplib.SMTPException, OSError) as why:
        return Failure(_says(why), is_of_server=True)
    try:
        session.send_message(letter(risen, server.sender))
    except (smtplib.SMTPException, OSError, MessageError, ValueError, OverflowError) as why:
        return Failure(_says(why), is_of_server=isinstance(why, smtplib.SMTPSenderRefused))
    finally:  # whatever it answers to this: what was taken is not sent again
        with suppress(smtplib.SMTPException):
            session.quit()
    return None


def _log_in(server: MailServer) -> smtplib.SMTP:
    """A session that takes letters. Raises smtplib.SMTPException, OSError."""
    tls, has_tls = ssl.create_default_context(), server.port == TLS_PORT
    connect: Callable[..., smtplib.SMTP] = partial(smtplib.SMTP_SSL, context=tls) if has_tls else smtplib.SMTP
    with ExitStack() as on_failure:
        session = on_failure.enter_context(connect(server.host, server.port, timeout=GIVE_UP_S))
        if server.starttls and not has_tls:
            session.starttls(context=tls)
        if server.user is not None:
            session.login(server.user, server.password or "")
        on_failure.pop_all()
    return session


def _says(why: Exception) -> str:
    return f"{type(why).__name__}: {why}"


SEND: Mapping[str, Callable[[Risen, MailServer | None], Failure | None]] = {"webhook": _post, "email": _mail}
