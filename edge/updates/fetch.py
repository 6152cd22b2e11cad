"""Fetches bundles that were asked for, from where the last attempt ended. Any server will do: the signature tells."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from urllib.request import Request as Call
from urllib.request import urlopen

from edge.errors import UpdateError
from edge.updates.inbox import Inbox, Request

_BLOCK_BYTES = 1 << 16
_SILENT_S = 60.0


def fetch_all(inbox: Inbox) -> int:
    """Fetch what is asked for; returns how many bundles came. Raises UpdateError when one has to be tried again."""
    requests = inbox.requests()
    for request in requests:
        _fetch(inbox, request)
        inbox.forget(request)
    return len(requests)


def _fetch(inbox: Inbox, request: Request) -> None:
    have = inbox.have_bytes(request.sha256, request.bytes)
    if have >= request.bytes:
        return  # it waits for the installer
    with _answer(request, have) as answer:
        if have and answer.status != 206:  # this server always begins at the begin
            _skip(answer, have)
        while have < request.bytes and (block := answer.read(min(_BLOCK_BYTES, request.bytes - have))):
            before, have = have, inbox.add(request.sha256, request.bytes, have, block)
            if have < before:
                inbox.forget(request)  # a metered line must not pay for it again and again
                raise UpdateError(f"{request.url}: is another file than was announced; tell the node of the right one")
    if have < request.bytes:
        raise UpdateError(f"{request.url}: ended after {have} of {request.bytes} bytes; the rest is tried again")


def _skip(answer: HTTPResponse, have: int) -> None:
    while have and (block := answer.read(min(_BLOCK_BYTES, have))):
        have -= len(block)


@contextmanager
def _answer(request: Request, have: int) -> Iterator[HTTPResponse]:
    call = Call(request.url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310  the scheme was checked
    try:
        with urlopen(call, timeout=_SILENT_S) as answer:  # noqa: S310
            yield answer
    except (OSError, HTTPException) as why:
        reason = getattr(why, "reason", why)
        raise UpdateError(f"{request.url}: {reason}; what came is kept, the rest is tried again") from why
