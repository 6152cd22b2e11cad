"""What nodes say of themselves, kept beside the ledger: JSON lines, of which the last of a node holds."""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from edge.errors import StoreError, to_read
from edge.wire import Info

NodeName = tuple[str, str]  # site, node


class _Introduced(Struct, frozen=True):
    site: str
    node: str
    info: Info


class NodeBook:
    """Owned by the ledger's thread. Grows only when a node says something new, so it stays small."""

    def __init__(self, ledger: Path) -> None:
        self._path = nodes_path(ledger)
        self._known = read_nodes(ledger)
        self._cut_half_line()

    def note(self, name: NodeName, info: Info) -> None:
        """Keep it, if it is not what the node said before. Raises StoreError."""
        if self._known.get(name) == info:
            return
        try:
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(_Introduced(*name, info)) + b"\n")
        except OSError as why:
            raise StoreError(f"{self._path}: cannot be written ({why.strerror}); free space and start again") from why
        self._known[name] = info

    def note_carried(self, name: NodeName, info: Info) -> None:
        """Of a stick, which may be old: keep it of a node that has told nothing itself. Raises StoreError."""
        known = self._known.get(name)
        if known is None or not known.capabilities:  # which no stick tells
            self.note(name, info)

    def _cut_half_line(self) -> None:
        """Of a power cut, or what is told next would stand behind it in one line."""
        if not self._path.exists():
            return
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self._path, whole)


def nodes_path(ledger: Path) -> Path:
    """Where the nodes of a ledger stand."""
    return ledger.with_name(f"{ledger.name}.nodes")


def read_nodes(ledger: Path) -> dict[NodeName, Info]:
    """What each node said last; empty where nothing was noted. Raises StoreError."""
    path = nodes_path(ledger)
    try:
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    except OSError as why:
        then = to_read(why, "check its disk, or delete it: nodes tell it again")
        raise StoreError(f"{path}: cannot be read ({why.strerror}); {then}") from why
    known: dict[NodeName, Info] = {}
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):  # a power cut; the node will say it again
            break
        try:
            told = msgspec.json.decode(line, type=_Introduced)
        except (ValueError, RecursionError) as why:  # the second: of nesting without end
            raise StoreError(f"{path}:{number}: says nothing of a node ({why}); mend or delete that line") from why
        known[told.site, told.node] = told.info
    return known
