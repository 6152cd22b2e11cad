"""What the doctor says of the page: it answers, its port is free, or somebody else has it; and what it answers."""

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import TypeVar

import msgspec

from edge.cli.verdict import Verdict
from edge.config import NodeConfig, PageTable
from edge.errors import FieldeyeError
from edge.page.api.schema import State
from edge.page.server import address_of, answering, listen

T = TypeVar("T")
ANSWERS_S = 5.0
MOST_BYTES = 100_000  # a stranger may have the port


def on_page(config: NodeConfig) -> Iterator[Verdict]:
    """Nothing for a node without a page."""
    if config.page is None:
        return
    host, port = config.page.host, config.page.port
    try:
        listen(host, port).close()
    except FieldeyeError as why:
        is_ours = _is_of_this_node(config)
        said = f"answers at {address_of(host, port)}" if is_ours else f"{why}; or restart the node if its name is new"
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
    return state if state is not None and _names(state, config) else None


def _names(state: State, config: NodeConfig) -> bool:
    return (state.site, state.node) == (config.node.site, config.node.node)


def _is_of_this_node(config: NodeConfig) -> bool:
    """Does its own page have the port? Where only those who have logged in may read, anybody is told its name alone."""
    state = asked(config, "/api/v1/state", State)
    if state is not None:
        return _names(state, config)
    told = asked(config, "/manifest.webmanifest", dict[str, object])
    return told is not None and told.get("name") == f"Fieldeye {config.node.node}"


def asked(config: NodeConfig, address: str, kind: type[T]) -> T | None:
    """What the page of this node answers; None where there is none, or only those who have logged in may read it."""
    if config.page is None:
        return None
    try:
        return msgspec.json.decode(answer(config.page, address), type=kind)
    except (ValueError, RecursionError):  # the second: of nesting without end
        return None
