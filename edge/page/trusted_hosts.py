"""Which host names this page answers to, whom it believes about them, and what browsers are told about it."""

import ipaddress
import socket
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Response
from werkzeug.middleware.proxy_fix import ProxyFix

from edge.config import NodeConfig

# Nothing from outside, nothing inline: a label or a file name that turned out to be markup still could not run.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self' blob:",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(self), microphone=()",
}


def own_names(config: NodeConfig) -> frozenset[str]:
    """The names under which this node may be called, beside addresses and what ends in .local."""
    names = {"localhost", config.node.node.lower(), socket.gethostname().lower()}
    if config.page is not None:
        names |= {name.lower().rstrip(".") for name in (config.page.host, *config.page.names)}
    return frozenset(names)


def is_allowed(host: str, names: frozenset[str]) -> bool:
    """May a request with this Host header be answered?

    A foreign site can point its own name at this node (DNS rebinding) and read the page through the visitor's browser;
    it cannot do so with an address, a .local name or a name of ours. A public address is refused by IPv4, for a node is
    not there; by IPv6 it is often the only one that a phone can open.
    """
    name = _without_port(host).lower().rstrip(".")
    if name in names or name.endswith(".local"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.version == 6 or not address.is_global


def behind(proxies: Iterable[str], app: WSGIApplication) -> WSGIApplication:
    """The app, where a request from one of these addresses is its sender's as X-Forwarded-For, -Proto and -Host say.

    A phone may send such headers too: it stays who it is.
    """
    believed = {str(ipaddress.ip_address(one)) for one in proxies}
    forwarded = ProxyFix(app, x_for=1, x_proto=1, x_host=1)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        whose = forwarded if environ.get("REMOTE_ADDR") in believed else app
        return whose(environ, start_response)

    return answer


def protect(response: Response) -> Response:
    """Add the headers that every answer carries."""
    response.headers.update(HEADERS)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-cache"
    return response


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
