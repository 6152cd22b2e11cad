"""What the doctor says of the page: it answers, its port is free, or somebody else has it; and what it answers."""

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import TypeVar

import msgspec

from edge.cli.verdict import Verdict
from edge.config import NodeConfig, PageTable
from edge.errors import FieldeyeError
from edge.page.answers import State
from edge.page.server import address_of, answering, listen

T = TypeVar("T")
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


def running_state(config: NodeConfig) -> State | None:
    """Of this node; None where it does not run, has no page or does not say it to anybody."""
    state = asked(config, "/api/v1/state", State)
    is_ours = state is not None and (state.site, state.node) == (config.node.site, config.node.node)
    return state if is_ours else None


def asked(config: NodeConfig, address: str, kind: type[T]) -> T | None:
    """What the page of this node answers; None where there is none, or only those who have logged in may read it."""
    if config.page is None:
        return None
    try:
        return msgspec.json.decode(answer(config.page, address), type=kind)
    except ValueError:
        return None
