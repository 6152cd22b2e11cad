"""Messages that do not follow the contract, beside the ledger with their reason: JSON lines, each once."""

import logging
from pathlib import Path

import msgspec

from edge.errors import StoreError, to_read
from edge.platform.decode import Bad

log = logging.getLogger(__name__)
MOST_BYTES = 10_000_000  # a node that goes mad fills no disk, for which all nodes would wait


class BadMessages:
    """Owned by the ledger's thread. The file and what is known of it are bounded: what is beyond is not written."""

    def __init__(self, ledger: Path) -> None:
        self._path = ledger.with_name(f"{ledger.name}.bad")
        self._is_told = False
        try:
            with self._path.open("rb") as file:
                self._known = set(file.read(MOST_BYTES).splitlines())
        except FileNotFoundError:
            self._known = set()
        except OSError as why:
            then = to_read(why, "check its disk, or move it away")
            raise StoreError(f"{self._path}: cannot be read ({why.strerror}); {then}") from why

    def keep(self, bad: Bad) -> None:
        """Append it, unless it stands there already, or the file would be too long. Raises StoreError."""
        line = msgspec.json.encode(bad.as_json()[0])
        if line in self._known and self._path.exists():
            return
        try:
            with self._path.open("ab") as file:
                if file.tell() == 0:  # somebody has moved it away
                    self._known.clear()
                    self._is_told = False
                if file.tell() + len(line) >= MOST_BYTES:
                    self._tell()
                    return
                file.write(line + b"\n")
        except OSError as why:
            raise StoreError(f"{self._path}: cannot be written ({why.strerror}); free space and start again") from why
        self._known.add(line)

    def _tell(self) -> None:
        if not self._is_told:
            why = "it is full: mend the nodes that it names, then move it away"
            log.warning("bad_messages_not_kept", extra={"path": str(self._path), "why": why})
        self._is_told = True
