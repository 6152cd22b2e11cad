"""The page on a port: waitress in one thread with a few workers, which stops within a second."""

import copy
import errno
import logging
import math
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from ipaddress import IPv6Address
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

from flask import Flask
from waitress import create_server, wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import Error, RequestEntityTooLarge

from edge.errors import FieldeyeError, ThreadStuckError
from edge.page.access import FORM_BYTES, SAFE, keep_sessions, may_bring
from edge.page.node import read_ahead
from edge.photographs import MOST_UPLOAD_BYTES

WORKERS = 3  # phones in front of one node; more would only take cores from the detector
FORMS = 2  # of their own, since each may wait a minute for the memory card: who only reads waits for none
WAKE_S = 0.5  # a quiet loop turns so often, or a connection that brings nothing would keep its place
STOP_S = 5.0  # it takes a tenth of a second where nothing else runs
BODY_BYTES = MOST_UPLOAD_BYTES + FORM_BYTES  # a photograph; each view says how much it takes
SMALL_BYTES = 2 * FORM_BYTES  # a form that is somewhat too large still gets an answer in the reader's words
DROPPED_BYTES = 4 * BODY_BYTES  # of a photograph that is not taken in; whoever brings more is cut off
HEADER_BYTES = 32 * 1024
PATIENCE_S = 30  # with a connection that brings nothing, or the head of a request bit by bit
SLOWEST_BYTES_S = 2000  # of a body or an answer, on average: a slow phone is ten times as fast
DROPPED_FASTER = 10  # than that: anybody may send what is dropped, and would hold a place with it
PLACES = 48  # of connections; a browser opens up to six and keeps them
QUIET_S = 0.5  # without a request, and a connection gives its place to another where all are taken
STALLED_S = 10.0  # without progress of a body or an answer: the same
HELD_S = 0.5  # since it came, and between two requests it does so however soon the next one would come

Guard = Callable[[Callable[[], None]], None]


class PageServer:
    """Serves an app until it is closed. Owns its thread and the listening socket; `close` may be called twice."""

    def __init__(self, app: Flask, listening: socket.socket, patience_s: int, guard: Guard) -> None:
        self.host, self.port = listening.getsockname()[:2]
        self._sockets: dict[int, object] = {}
        self._stop = Event()
        self._server = create_server(
            app,
            map=self._sockets,
            sockets=[listening],
            threads=WORKERS,
            ident=None,
            max_request_body_size=BODY_BYTES,
            max_request_header_size=HEADER_BYTES,
            connection_limit=PLACES + 2,  # the listening socket and the trigger count to waitress
            channel_timeout=patience_s,
            cleanup_interval=patience_s,
            clear_untrusted_proxy_headers=False,  # the app knows whose to believe, see trusted_hosts.py
        )
        self._forms = ThreadedTaskDispatcher()
        self._forms.set_thread_count(FORMS)
        self._server.add_task = self._hand_over
        self._server.channel_class = partial(Channel, app)
        self._server.fix_addr = _unmapped
        ahead = SimpleNamespace(service=partial(read_ahead, app), cancel=lambda: None)
        self._server.task_dispatcher.add_task(ahead)  # as the first request: a worker reads before anybody asks
        self._thread = Thread(target=guard, args=(self._run,), name="page", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address to type into a browser on this machine."""
        return address_of(self.host, self.port)

    def close(self) -> None:
        """Stop listening and end the thread. Raises ThreadStuckError if it does not end in time."""
        if not self._stop.is_set():
            self._server.trigger.pull_trigger(self._stop.set)  # in the loop itself, which wakes up for it
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            raise ThreadStuckError(f"the page on port {self.port} did not stop within {STOP_S:.0f} s; restart the node")
        wasyncore.close_all(self._sockets)  # not before: pull_trigger may write when the loop has ended

    def _run(self) -> None:
        while not self._stop.is_set():
            wasyncore.loop(timeout=WAKE_S, map=self._sockets, count=1)
            self._keep_a_place()
        for workers in (self._forms, self._server.task_dispatcher):
            workers.shutdown(cancel_pending=True, timeout=WAKE_S)

    def _hand_over(self, channel: HTTPChannel) -> None:
        """A whole request to those who answer it; one that could not be read has no method."""
        is_form = getattr(channel.requests[0], "command", "GET") not in SAFE
        (self._forms if is_form else self._server.task_dispatcher).add_task(channel)

    def _keep_a_place(self) -> None:
        """For the next phone, by closing who has been quiet longest: a turn of the loop takes in one connection.

        One machine could ask again and again in all places: where none is quiet, who came first gives way to who waits.
        """
        channels, now_s = self._server.active_channels.values(), time.time()
        if len(channels) < PLACES:
            return
        quiet = [one for one in channels if now_s - one.last_activity > one.patience_s]
        idle = [one for one in channels if one.patience_s == QUIET_S and now_s - one.creation_time > HELD_S]
        if quiet:
            min(quiet, key=lambda one: (one.patience_s, one.last_activity)).handle_close()
        elif idle and select.select([self._server.socket], [], [], 0)[0]:
            min(idle, key=lambda one: one.creation_time).handle_close()


class ElsewhereError(Error):  # type: ignore[misc]
    """In place of waitress's own words, which are English and no page."""

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:  # noqa: ARG002  its own
        """Where to read it in the reader's words."""
        return "303 See Other", [("Location", self.body)], b""


class Request(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """waitress takes a body in before it calls the app: here its header says how much, so that nobody without a right
    to send a photograph fills memory with one (48 connections of 8 MB)."""

    error: Error | None

    def __init__(self, app: Flask, adj: Adjustments) -> None:
        small = copy.copy(adj)
        small.max_request_body_size = SMALL_BYTES
        super().__init__(small)
        self._app = app
        self._large = adj
        self._else_at = ""
        self._dropping_bytes = 0  # of the body, to come

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as why:  # of an address as http://[::1, which waitress leaves without an answer
            raise ParsingError(str(why)) from why
        allowed = may_bring(self._app, self.command, self.path, self.headers.get("COOKIE", ""))
        self._else_at = allowed.else_at
        if allowed.body_bytes > FORM_BYTES:
            self.adj = self._large

    def received(self, data: bytes) -> int:
        """A browser reads an answer once it has sent all: what is not taken in is read and dropped until then."""
        if self._dropping_bytes:
            return self._dropped(len(data))
        taken: int = super().received(data)
        if isinstance(self.error, RequestEntityTooLarge) and self._else_at:
            self.error = ElsewhereError(self._else_at)
            self._dropping_bytes = self.content_length if self.content_length <= DROPPED_BYTES else 0
            self.completed = not self._dropping_bytes
        if self.completed and not self.empty and taken < len(data):
            self.headers["CONNECTION"] = "close"  # one at a time: 200 requests fit in what is read at once
            return len(data)
        return taken

    def _dropped(self, came_bytes: int) -> int:
        taken = min(came_bytes, self._dropping_bytes)
        self._dropping_bytes -= taken
        self.body_bytes_received += taken // DROPPED_FASTER
        self.completed = not self._dropping_bytes
        return taken


class Channel(HTTPChannel):  # type: ignore[misc]
    """One phone's line. Owned by the loop's thread; a worker takes each request and writes its answer."""

    last_activity: float
    _begun_s = 0.0

    def __init__(self, app: Flask, *of_waitress: Any, **more: Any) -> None:
        super().__init__(*of_waitress, **more)
        self.parser_class = partial(Request, app)
        self._app = app

    def service(self) -> None:
        """A worker gives the answer, and then the line takes the next request."""
        super().service()
        keep_sessions(self._app)

    def handle_read(self) -> None:
        """To waitress each byte is a sign of life, and one in 8 s kept a place for ever."""
        before = self.request
        super().handle_read()
        if self.request is None or self.request is not before:
            self._begun_s = self.last_activity
        else:
            earned_s = self.request.body_bytes_received / SLOWEST_BYTES_S
            self.last_activity = min(self.last_activity, self._begun_s + earned_s)

    def _flush_some(self, do_close: bool = True) -> bool:
        """So is each byte of an answer that is taken."""
        was_s, waited_bytes = self.last_activity, self.total_outbufs_len
        has_sent: bool = super()._flush_some(do_close)
        if self.total_outbufs_len and not self.requests:
            earned_s = (waited_bytes - self.total_outbufs_len) / SLOWEST_BYTES_S
            self.last_activity = min(self.last_activity, was_s + earned_s)
        return has_sent

    def del_channel(self, map: dict[int, object] | None = None) -> None:  # noqa: A002  its name there
        """However the line ends: waitress leaves open the file in which half a photograph lies."""
        super().del_channel(map)
        if self.request is not None:
            with suppress(OSError):  # of a full disk, on which the file is closed all the same
                self.request.close()

    @property
    def patience_s(self) -> float:
        """How long it keeps its place where all are taken."""
        if self.requests:  # the answer is ours to give
            return math.inf
        is_midway = self.total_outbufs_len or (self.request is not None and self.request.headers_finished)
        return STALLED_S if is_midway else QUIET_S


def _unmapped(peer: tuple[str, int]) -> tuple[str, int]:
    """Who comes by IPv4 to a page on `::` is `::ffff:192.168.4.7`; metrics, waits and people know the address in it."""
    mapped = IPv6Address(peer[0]).ipv4_mapped if ":" in peer[0] else None
    return str(mapped or peer[0]), peer[1]


def serve(
    app: Flask, host: str, port: int, *, patience_s: int = PATIENCE_S, guard: Guard = lambda work: work()
) -> PageServer:
    """Start serving `app`; port 0 takes a free one, and `.port` says which. Raises FieldeyeError.

    `guard` does the work of the page's thread, and knows what to do if that ends in a fault.
    """
    logging.getLogger("waitress").setLevel(logging.ERROR)  # a line for each of a crowd that waits
    return PageServer(app, listen(host, port), patience_s, guard)


def address_of(host: str, port: int) -> str:
    """What to type into a browser on this machine for a page that listens there."""
    shown = answering(host)
    return f"http://[{shown}]:{port}/" if ":" in shown else f"http://{shown}:{port}/"


def answering(host: str) -> str:
    """Where a page that listens on `host` answers on this machine."""
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104  asked, not bound


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises FieldeyeError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    has_both = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host, port), family=family, dualstack_ipv6=has_both)
    except OSError as why:
        taken = why.errno == errno.EADDRINUSE
        reason = "is used by another program" if taken else f"cannot be opened ({why.strerror})"
        raise FieldeyeError(
            f"port {port} on {host} {reason}; stop what uses it or set another [page] host or port in node.toml"
        ) from why
