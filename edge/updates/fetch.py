"""Fetches bundles that were asked for, from where the last attempt ended. Any server will do: the signature tells."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPException, HTTPResponse
from typing import NoReturn
from urllib.error import HTTPError, URLError
from urllib.request import FTPHandler, build_opener
from urllib.request import Request as Call

from edge.errors import UpdateError
from edge.updates.inbox import MOST_DAYS, Inbox, Request, place

_BLOCK_BYTES = 1 << 16
_SILENT_S = 60.0
_NEVER = {400, 403, 404, 410}  # a server's codes that no waiting mends
_MOST_TOLD = 200  # letters of what a server says, which may be 64 kB of any signs: each `health` tells it


class _NoFtp(FTPHandler):
    """A server may send on to ftp, whose answer has neither status nor length."""

    def ftp_open(self, req: Call) -> NoReturn:
        raise URLError(f"it sends to {req.type}, by which no bundle comes")


_OPENER = build_opener(_NoFtp)


class _GivenUpError(UpdateError):
    """What was asked for does not come; to try again would only cost power and a metered line."""


def fetch_all(inbox: Inbox) -> int:
    """Fetch what is asked for; returns how many bundles came. Raises UpdateError when one has to be tried again."""
    came = 0
    for request in inbox.requests():
        try:
            _fetch_in_time(inbox, request)
        except UpdateError as why:
            if not inbox.is_asked_for(request):
                continue  # another took its place, and is fetched at the next call
            inbox.say(str(why))
            if isinstance(why, _GivenUpError):
                inbox.give_up(request)
            raise
        inbox.forget(request)
        inbox.be_quiet()  # the installer has the word
        came += 1
    return came


def _fetch_in_time(inbox: Inbox, request: Request) -> None:
    try:
        _fetch(inbox, request)
    except UpdateError as why:
        if isinstance(why, _GivenUpError) or not inbox.is_old(request, datetime.now(UTC)):
            raise
        if request.is_undated:  # once: where no clock is ever set, it is a week more
            inbox.date(request)
            raise
        raise _GivenUpError(
            f"{place(request.url)}: nothing of it came for {MOST_DAYS} days; tell the node of it again"
        ) from why


def _fetch(inbox: Inbox, request: Request) -> None:
    have = begun = inbox.have_bytes(request.sha256, request.bytes)
    if have >= request.bytes:
        return  # it waits for the installer
    if not have:
        _check_room(inbox, request)
    with _answer(request, have) as answer:
        _check_it_is_the_rest(answer, request, have)
        if have and answer.status != 206:  # this server always begins at the begin
            _skip(answer, have)
        while have < request.bytes and (block := answer.read(min(_BLOCK_BYTES, request.bytes - have))):
            if not inbox.is_asked_for(request):
                raise UpdateError(f"{place(request.url)}: another bundle took its place")
            before, have = have, inbox.add(request.sha256, request.bytes, have, block)
            if have < before:
                raise _dropped(inbox, request, begun)
            if have not in {before + len(block), request.bytes}:
                raise UpdateError(f"{place(request.url)}: somebody else sends it as well; the rest is tried again")
    if have < request.bytes:
        raise UpdateError(f"{place(request.url)}: ended after {have} of {request.bytes} bytes; the rest is tried again")


def _check_room(inbox: Inbox, request: Request) -> None:
    try:
        inbox.check_room(request.bytes)
    except UpdateError as why:  # to wait would keep a node awake
        raise _GivenUpError(str(why)) from why


def _dropped(inbox: Inbox, request: Request, begun: int) -> UpdateError:
    """Why all that came was dropped. Anything may have answered the times before: then it is fetched anew, once."""
    if begun and not request.is_anew:
        inbox.begin_anew(request)
        return UpdateError(f"{place(request.url)}: what came at several times does not fit; it is fetched anew")
    return _another_file(request)


def _another_file(request: Request) -> _GivenUpError:
    return _GivenUpError(f"{place(request.url)}: is another file than was announced; tell the node of the right one")


def _check_it_is_the_rest(answer: HTTPResponse, request: Request, have: int) -> None:
    """Pages often come without their length, bundles hardly ever as HTML. Raises UpdateError."""
    kind, is_part = answer.headers.get_content_type(), answer.status == 206
    is_html, may_be_page = kind == "text/html", kind.startswith("text/") or kind == "application/xhtml+xml"
    left_bytes = request.bytes - (have if is_part else 0)
    if answer.length is not None and answer.length > left_bytes and not may_be_page:
        raise _another_file(request)
    may_differ = not is_html and (is_part or answer.length is None)  # a part of it: RFC 9110, 15.3.7
    if answer.length != left_bytes and not may_differ:
        raise UpdateError(
            f"{place(request.url)}: gives another file than was announced, or a network's page to log in; "
            "what came is kept, the rest is tried again"
        )


def _skip(answer: HTTPResponse, have: int) -> None:
    while have and (block := answer.read(min(_BLOCK_BYTES, have))):
        have -= len(block)


@contextmanager
def _answer(request: Request, have: int) -> Iterator[HTTPResponse]:
    call = Call(request.url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310  the scheme was checked
    try:
        with _OPENER.open(call, timeout=_SILENT_S) as answer:
            yield answer
    except UpdateError:  # a ValueError as well
        raise
    except (OSError, HTTPException, ValueError, OverflowError) as why:  # the last two: it sends where nothing can be
        reason = "".join(filter(str.isprintable, str(getattr(why, "reason", why))))[:_MOST_TOLD]
        if isinstance(why, HTTPError) and why.code in _NEVER:
            raise _GivenUpError(
                f"{place(request.url)}: gives nothing ({why.code} {reason}); tell the node where it is"
            ) from why
        raise UpdateError(f"{place(request.url)}: {reason}; what came is kept, the rest is tried again") from why
