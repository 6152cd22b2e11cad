"""How an alert is handed over: posted to a webhook, or as a letter to a mail server."""

import re
import smtplib
import ssl
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from email.errors import MessageError
from http.client import HTTPException, HTTPMessage
from typing import IO, NoReturn
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec

from edge.platform.alerts.alert_letters import Risen, letter
from edge.platform.alerts.timed_calls import Call, Smtp, SmtpTls, WebHandler

GIVE_UP_S = 10.0  # until a call is taken
LONGEST_S = 30.0  # of one that was: all others wait meanwhile, and a turn is lost after a minute
TOO_LARGE = 552  # what a mail server says to a letter's length before it has seen the letter (RFC 1870, 6.1)
TLS_PORT = 465  # speaks TLS from the first byte (RFC 8314, 3.3); at others STARTTLS begins it


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where e-mails are handed in."""

    host: str
    port: int
    sender: str
    starttls: bool
    user: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an alert did not get out."""

    why: str
    is_of_server: bool  # which was not there to take any: costs the alert no try
    is_unsure: bool = False  # may have taken this one, which costs it a try: else it would get it for ever


_CUT = Failure("has not answered to the end", is_of_server=True)
_CUT_UNSURE = replace(_CUT, is_unsure=True)


class _NoRedirects(HTTPRedirectHandler):
    """Where one is followed a POST becomes a GET without the alert, whose 2xx says nothing."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> NoReturn:
        raise HTTPError(req.full_url, code, f"{msg}, which is not followed: give {newurl}", headers, fp)


def post(risen: Risen) -> Failure | None:
    """None once the other side has answered 2xx."""
    body = msgspec.json.encode(risen.as_json())
    with Call(GIVE_UP_S, LONGEST_S) as call:
        try:
            address = _in_ascii(risen.address)
            request = Request(address, body, {"Content-Type": "application/json"})  # noqa: S310  http(s): checked when added
            with build_opener(_NoRedirects, WebHandler(call)).open(request, timeout=GIVE_UP_S):
                return _CUT_UNSURE if call.is_cut else None  # a header that was cut off looks like a whole one
        except (URLError, HTTPException, OSError, ValueError) as why:  # the last: an address that is none
            is_of_server = isinstance(why, URLError) and not isinstance(why, HTTPError)
            if call.is_cut:
                return _CUT if is_of_server else _CUT_UNSURE
            return Failure(_says(why), is_of_server=is_of_server)


def _in_ascii(address: str) -> str:
    """With the host's name as name servers know it, of 告警.example the xn-- form. Raises ValueError."""
    return re.sub(r"[^/:.?#]*[^\x00-\x7f][^/:.?#]*", lambda label: label[0].encode("idna").decode(), address)


def mail(server: MailServer, risen: Risen) -> Failure | None:
    """None once the mail server has taken it."""
    with Call(GIVE_UP_S, LONGEST_S) as call:
        failure = _hand_in(server, risen, call)
        return replace(failure, why=_CUT.why) if failure and call.is_cut else failure


def _hand_in(server: MailServer, risen: Risen, call: Call) -> Failure | None:
    try:
        session = _log_in(server, call)
    except (smtplib.SMTPException, OSError) as why:
        return Failure(_says(why), is_of_server=True)
    try:
        session.send_message(letter(risen, server.sender))
    except (smtplib.SMTPException, OSError, MessageError, ValueError, OverflowError) as why:
        is_of_server = isinstance(why, smtplib.SMTPSenderRefused) and why.smtp_code != TOO_LARGE
        return Failure(_says(why), is_of_server=is_of_server)
    finally:  # whatever it answers to this: what was taken is not sent again
        with suppress(smtplib.SMTPException):
            session.quit()
    return None


def _log_in(server: MailServer, call: Call) -> smtplib.SMTP:
    """A session that takes letters. Raises smtplib.SMTPException, OSError."""
    tls, has_tls = ssl.create_default_context(), server.port == TLS_PORT
    with ExitStack() as on_failure:
        session = on_failure.enter_context(
            SmtpTls(call, server.host, server.port, tls=tls) if has_tls else Smtp(call, server.host, server.port)
        )
        if server.starttls and not has_tls:
            session.starttls(context=tls)
        if server.user is not None:
            session.login(server.user, server.password or "")
        session.ehlo_or_helo_if_needed()
        on_failure.pop_all()
    return session


def _says(why: Exception) -> str:
    return f"{type(why).__name__}: {why}"
