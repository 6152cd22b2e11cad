"""The records of a ledger, for whoever works with them after they were kept."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge.errors import StoreError
from edge.wire import PlainRecord


def read_ledger(path: Path) -> Iterator[PlainRecord]:
    """The records of a ledger, in its order. Raises StoreError."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):  # else a power cut took its end; it was never promised
                    yield _record(path, number, line)
    except FileNotFoundError as why:
        raise StoreError(f"{path}: there is no such ledger; give the file of `fieldeye-platform ingest`") from why
    except OSError as why:
        if isinstance(why, StoreError):
            raise
        raise StoreError(
            f"{path}: cannot be read ({why.strerror}); give the file of `fieldeye-platform ingest`"
        ) from why


def _record(path: Path, number: int, line: bytes) -> PlainRecord:
    try:
        return msgspec.json.decode(line, type=PlainRecord)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise StoreError(f"{path}:{number}: not a record ({why}); give the file of `fieldeye-platform ingest`") from why
