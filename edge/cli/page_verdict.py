"""What the doctor says of the page: it answers, its port is free, or somebody else has the port."""

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from edge.cli.verdict import Verdict
from edge.config import PageTable
from edge.errors import FieldeyeError
from edge.page.server import address_of, answering, listen

ANSWERS_S = 5.0
MOST_BYTES = 100_000  # a stranger may have the port


def on_page(config: PageTable | None) -> Iterator[Verdict]:
    """Nothing for a node without a page."""
    if config is None:
        return
    host, port = config.host, config.port
    try:
        listen(host, port).close()
    except FieldeyeError as why:
        is_ours = answer(config, "/healthz").lstrip().startswith(b'{"ok":')  # a node, whether it looks or not
        said = f"answers at {address_of(host, port)}" if is_ours else str(why)
        yield Verdict("page", "ok" if is_ours else "not well", said)
    else:
        yield Verdict("page", "ok", f"port {port} on {host} is free for it")


def answer(config: PageTable, address: str) -> bytes:
    """What whoever has the page's port answers to a GET of `address`; empty where nobody does."""
    with closing(HTTPConnection(answering(config.host), config.port, timeout=ANSWERS_S)) as line:
        try:
            line.request("GET", address)
            return line.getresponse().read(MOST_BYTES)
        except (OSError, HTTPException):
            return b""
