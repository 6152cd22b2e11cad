"""Calls to web and mail servers that are cut off once they took too long, however the other side spends the time.

A timeout is for each wait alone: a server that sends a byte now and then would hold the caller as long as it likes.
"""

import smtplib
import socket
import ssl
from contextlib import ExitStack, suppress
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from threading import Timer
from typing import Any
from urllib.request import HTTPHandler, HTTPSHandler, Request


class Call(ExitStack):
    """One, which ends `longest_s` after it was answered at the latest; its timer has ended when it is closed."""

    def __init__(self, wait_s: float, longest_s: float) -> None:
        super().__init__()
        self.wait_s, self._longest_s = wait_s, longest_s
        self.is_cut = False

    def dial(self, address: tuple[str, int], *_: object) -> socket.socket:
        """A line to there. Raises OSError."""
        line = socket.create_connection(address, self.wait_s)
        line.settimeout(None)  # who is not waited for while it looks a letter through gets it once more each time
        same = self.enter_context(line.dup())  # TLS makes another object of the first, which shuts down unsafely
        cut = Timer(self._longest_s, self._cut, (same,))
        cut.daemon = True
        cut.start()
        self.callback(cut.join)
        self.callback(cut.cancel)
        return line

    def _cut(self, line: socket.socket) -> None:
        self.is_cut = True
        with suppress(OSError):  # the other side was first
            line.shutdown(socket.SHUT_RDWR)


class WebHandler(HTTPHandler, HTTPSHandler):
    """For `build_opener`."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._call = call

    def http_open(self, req: Request) -> HTTPResponse:
        """As the library does, by the call."""
        return self.do_open(partial(_Http, self._call), req)

    def https_open(self, req: Request) -> HTTPResponse:
        """As the library does, by the call."""
        return self.do_open(partial(_Https, self._call), req)


class _Http(HTTPConnection):
    def __init__(self, call: Call, host: str, **more: Any) -> None:
        super().__init__(host, **more)
        self._create_connection = call.dial


class _Https(HTTPSConnection):
    def __init__(self, call: Call, host: str, **more: Any) -> None:
        super().__init__(host, **more)
        self._create_connection = call.dial


class Smtp(smtplib.SMTP):
    """In the clear at first."""

    def __init__(self, call: Call, host: str, port: int) -> None:
        self._call = call
        super().__init__(host, port, timeout=call.wait_s)

    def _get_socket(self, host: str, port: int, _timeout: float) -> socket.socket:
        return self._call.dial((host, port))


class SmtpTls(smtplib.SMTP_SSL):
    """By TLS from the first byte."""

    def __init__(self, call: Call, host: str, port: int, *, tls: ssl.SSLContext) -> None:
        self._call, self._name = call, host
        super().__init__(host, port, timeout=call.wait_s, context=tls)

    def _get_socket(self, host: str, port: int, _timeout: float) -> socket.socket:
        return self.context.wrap_socket(self._call.dial((host, port)), server_hostname=self._name)
