"""What `fieldeye-platform tell` does: alerts out to people, in turns, and who is told of them."""

import argparse
import sys
from datetime import UTC, datetime, time
from email.utils import parseaddr
from threading import Event
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edge.cli.arguments import area_for, is_port
from edge.cli.exits import DONE, NOT_WELL
from edge.cli.stopping import stop_on_signal
from edge.cli.tell import NEVER
from edge.errors import StoreError, UsageError, one_line
from edge.mqtt import read_secret
from edge.platform.alerts.recipients import (
    Recipient,
    add_recipient,
    area_told,
    recipients,
    remove_recipient,
    told_by_email,
    without_zone,
)
from edge.platform.alerts.telling_people import Away, Turn, tell_people
from edge.platform.alerts.webhook_and_mail import MailServer
from edge.platform.areas.area_names import told
from edge.platform.database import Database, open_database, reachable
from edge.platform.tables import migrate

EVERY_S = 10.0
ZONES = "install tzdata-legacy, or add them once more with another --zone"


@reachable()
def tell(args: argparse.Namespace) -> int:
    """Until stopped; or add, list or remove recipients."""
    with open_database(args.database, "fieldeye tell") as database:
        migrate(database)
        if args.add:
            return _add(database, args)
        if args.recipients:
            listed = [_of(one, told(database, one.prefix)) for one in recipients(database)]
            print("\n".join(listed) or "nobody yet; give --add")
            return DONE
        if args.remove is not None:
            remove_recipient(database, args.remove)
            print(f"{args.remove} is told nothing from now on")
            return DONE
        for address, zone in without_zone(database):
            print(f"{address}: this machine does not know {zone}, UTC is taken; {ZONES}", file=sys.stderr)
        mail = _mail_server(args)
        if mail is None and (waiting := told_by_email(database)):
            print(f"{waiting} recipients by e-mail wait: there is no mail server; give --mail-server", file=sys.stderr)
    stop = Event()
    stop_on_signal(stop)
    return _tell_once(args.database, mail, stop) if args.once else _tell_on(args.database, mail, stop)


def _add(database: Database, args: argparse.Namespace) -> int:
    kind, address = args.add
    area = area_for(address, args.area, area_told(database, kind, address))
    area = add_recipient(database, kind, address, area, _quiet(args.quiet), _zone(args.zone), args.language)
    print(f"{address} is told from now on: {told(database, area)}")
    return DONE


def _of(one: Recipient, area: str) -> str:
    """A line about a recipient."""
    quiet = "" if one.quiet_from == one.quiet_until else f", quiet {one.quiet_from:%H:%M}-{one.quiet_until:%H:%M}"
    language = f", in {one.language}" if one.kind == "email" else ""
    zone = f"{' ' if quiet else ', '}{one.zone}" if quiet or one.kind == "email" else ""  # a webhook's times are of UTC
    return f"{one.address}: {area}{quiet}{zone}{language}"


def _tell_once(url: str, mail: MailServer | None, stop: Event) -> int:
    """What is due now, in as many turns as it takes: what fails in a slow one would be due again in the next."""
    reasons: dict[str, str] = {}
    away: Away = {}
    is_well, began = True, datetime.now(UTC)
    while not stop.is_set() and (turn := _turn(url, mail, away, began)).answers:
        say(turn, reasons)
        is_well &= not any(turn.answers.values())
    return DONE if is_well else NOT_WELL


def _tell_on(url: str, mail: MailServer | None, stop: Event) -> int:
    """Until stopped. A database that restarts is there again at one of the next turns."""
    reasons: dict[str, str] = {}
    away: Away = {}  # of all turns: mail servers lock who logs in in vain forty times a second
    said = ""
    while not stop.is_set():
        try:
            turn = _turn(url, mail, away)
        except StoreError as why:
            if str(why) != said:
                said = str(why)
                print(one_line(said), file=sys.stderr)
        else:
            said = ""
            say(turn, reasons)
            if turn.answers:  # more may be due than one turn sends
                continue
        stop.wait(EVERY_S)
    return DONE


def _turn(url: str, mail: MailServer | None, away: Away, due_by: datetime | None = None) -> Turn:
    with open_database(url, "fieldeye tell") as database:
        return tell_people(database, mail, datetime.now(UTC), away, due_by)


def say(turn: Turn, said: dict[str, str]) -> None:
    """Each reason once, until that address was told something or has another."""
    for address, why in turn.answers.items():
        if why and why != said.get(address):
            told_not = f"{address} was not told of an alert ({why}); check the address and its server"
            print(one_line(told_not), file=sys.stderr)
    said.update(turn.answers)


def _quiet(text: str | None) -> tuple[time, time] | None:
    if text == NEVER:
        return time(0), time(0)  # a span of no hour
    if not text:
        return None
    try:
        first, last = (time.fromisoformat(one) for one in text.split("-"))
    except ValueError as why:
        raise UsageError(f"--quiet {text} is no span of hours; write for example 21:00-06:30, or {NEVER}") from why
    if first.tzinfo or last.tzinfo:
        raise UsageError(f"--quiet {text}: its hours are those of --zone; write for example 21:00-06:30")
    return first, last


def _zone(name: str | None) -> str | None:
    try:
        return None if name is None else ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as why:
        raise UsageError(f"--zone {name} is no time zone; write for example Asia/Shanghai") from why


def _mail_server(args: argparse.Namespace) -> MailServer | None:
    if not args.mail_server:
        return None
    host, _, port = args.mail_server.rpartition(":")
    if not (_is_host(host) and is_port(port)):
        raise UsageError(f"--mail-server {args.mail_server} is no HOST:PORT; write for example mail.example.org:587")
    if not parseaddr(args.sender)[1]:
        raise UsageError(f"--from {args.sender!r} is no address; write for example station@example.org")
    secret = args.mail_password_file
    password = read_secret(secret, "--mail-password-file").reveal() if secret else None
    if not f"{args.mail_user or ''}{password or ''}".isascii():  # smtplib sends no others
        raise UsageError("--mail-user or its password has letters beyond ASCII; choose others at the mail server")
    return MailServer(
        host=host,
        port=int(port),
        sender=args.sender,
        user=args.mail_user,
        password=password,
        starttls=not args.no_starttls,
    )


def _is_host(name: str) -> bool:
    """Whether name servers can be asked for it."""
    try:
        return name.encode("idna") != b""
    except UnicodeError:  # a full stop too many, or too long
        return False
