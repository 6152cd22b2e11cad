"""What the doctor says of the page: it answers, its port is free, or somebody else has the port."""

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from edge.cli.verdict import Verdict
from edge.config import PageTable
from edge.errors import FieldeyeError
from edge.page.server import address_of, answering, listen

ANSWERS_S = 5.0


def on_page(config: PageTable | None) -> Iterator[Verdict]:
    """Nothing for a node without a page."""
    if config is None:
        return
    host, port = config.host, config.port
    try:
        listen(host, port).close()
    except FieldeyeError as why:
        is_ours = _is_node(answering(host), port)
        said = f"answers at {address_of(host, port)}" if is_ours else str(why)
        yield Verdict("page", "ok" if is_ours else "not well", said)
    else:
        yield Verdict("page", "ok", f"port {port} on {host} is free for it")


def _is_node(host: str, port: int) -> bool:
    """Is it a node that answers there, whether it looks or not?"""
    with closing(HTTPConnection(host, port, timeout=ANSWERS_S)) as line:
        try:
            line.request("GET", "/healthz")
            return bool(line.getresponse().read(64).lstrip().startswith(b'{"ok":'))
        except (OSError, HTTPException):
            return False
