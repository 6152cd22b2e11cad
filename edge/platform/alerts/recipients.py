"""Who is told of alerts: by webhook or e-mail, of which area, and not in which hours."""

import re
from dataclasses import dataclass
from datetime import datetime, time
from urllib.parse import urlsplit

from edge.clock import zone_of
from edge.errors import UsageError
from edge.platform.areas.population import as_area
from edge.platform.database import Database

_FITS = {
    "webhook": re.compile(r"^https?://[^\s/?#@]+([/?#][!-~]*)?\Z"),  # beyond ASCII: in the host's name alone
    "email": re.compile(r"^[^\s@,;:<>()\[\]\\\"]+@[^\s@,;:<>()\[\]\\\"]+\Z"),
}


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who is told of alerts."""

    kind: str
    address: str
    prefix: str  # of the areas whose nodes
    quiet_from: time | None
    quiet_until: time | None
    zone: str
    language: str


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

    What has risen by now in an area that is new to them is no news. Raises UsageError for an address of no such kind.
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
    recipient = {"kind": kind, "address": address, "prefix": prefix, "zone": zone, "language": language}
    database.execute(
        "INSERT INTO told (recipient_id, ledger_id, seq, done) SELECT recipient_id, ledger_id, seq, now()"
        " FROM recipient JOIN risen_alert ON area_code ^@ %(prefix)s AND NOT area_code ^@ recipient.prefix"
        " WHERE (kind, address) = (%(kind)s, %(address)s) ON CONFLICT DO NOTHING",
        recipient,
    )
    database.execute(
        "INSERT INTO recipient (kind, address, prefix, quiet_from, quiet_until, zone, language)"
        " VALUES (%(kind)s, %(address)s, %(prefix)s, %(from)s, %(until)s, coalesce(%(zone)s, 'UTC'),"
        " coalesce(%(language)s, 'en'))"
        " ON CONFLICT (kind, address) DO UPDATE SET prefix = excluded.prefix,"
        " quiet_from = coalesce(excluded.quiet_from, recipient.quiet_from),"
        " quiet_until = coalesce(excluded.quiet_until, recipient.quiet_until),"
        " zone = coalesce(%(zone)s, recipient.zone), language = coalesce(%(language)s, recipient.language)",
        recipient | {"from": quiet_from, "until": quiet_until},
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


def recipients(database: Database) -> list[Recipient]:
    """Who is told, by area."""
    asked = (
        "SELECT kind, address, prefix, quiet_from, quiet_until, zone, language FROM recipient ORDER BY prefix, address"
    )
    return [Recipient(*row) for row in database.execute(asked).fetchall()]


def told_by_email(database: Database) -> int:
    """How many recipients are told nothing without a mail server."""
    return database.execute("SELECT FROM recipient WHERE kind = 'email'").rowcount


def who_sleeps(database: Database, now: datetime) -> list[int]:
    """Recipients in their quiet hours."""
    rows = database.execute("SELECT recipient_id, quiet_from, quiet_until, zone FROM recipient").fetchall()
    return [one for one, first, end, zone in rows if is_quiet(first, end, now.astimezone(zone_of(zone)).time())]


def without_zone(database: Database) -> list[tuple[str, str]]:
    """Addresses whose zone this machine does not know, and that."""
    rows = database.execute("SELECT address, zone FROM recipient ORDER BY address").fetchall()
    return [(address, zone) for address, zone in rows if zone_of(zone).key != zone]


def is_quiet(quiet_from: time | None, quiet_until: time | None, at: time) -> bool:
    """Within the quiet hours, which may run over midnight; their end is no longer quiet."""
    if quiet_from is None or quiet_until is None:
        return False
    if quiet_from <= quiet_until:
        return quiet_from <= at < quiet_until
    return at >= quiet_from or at < quiet_until
