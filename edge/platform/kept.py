"""The records of a ledger, for whoever works with them after they were kept."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from edge.errors import StoreError
from edge.wire import PlainInterval, PlainRecord


def read_ledger(path: Path) -> Iterator[PlainRecord]:
    """The records of a ledger, in its order, of each key the highest revision. Raises StoreError.

    What `ingest` appends meanwhile is left out.
    """
    try:
        with path.open("rb") as file:
            yield from _of_each_key(path, file)
    except FileNotFoundError as why:
        raise StoreError(f"{path}: there is no such ledger; give the file of `fieldeye-platform ingest`") from why
    except OSError as why:
        if isinstance(why, StoreError):
            raise
        raise StoreError(
            f"{path}: cannot be read ({why.strerror}); give the file of `fieldeye-platform ingest`"
        ) from why


def _of_each_key(path: Path, file: BinaryIO) -> Iterator[PlainRecord]:
    newest: dict[tuple[str, str, int], int] = {}  # of intervals that were revised, which are few
    end = os.fstat(file.fileno()).st_size
    for record in _records(path, file, end):
        if isinstance(record, PlainInterval) and record.revision:
            newest[record.node, record.epoch, record.seq] = record.revision  # a ledger's revisions rise
    for record in _records(path, file, end):
        revision = record.revision if isinstance(record, PlainInterval) else 0
        if revision == newest.get((record.node, record.epoch, record.seq), revision):
            yield record


def _records(path: Path, file: BinaryIO, end: int) -> Iterator[PlainRecord]:
    file.seek(0)
    for number, line in enumerate(file, start=1):
        end -= len(line)
        if end < 0 or not line.endswith(b"\n"):  # not whole when it began, or a power cut took its end
            return
        yield _record(path, number, line)


def _record(path: Path, number: int, line: bytes) -> PlainRecord:
    try:
        record: PlainRecord = msgspec.json.decode(line, type=PlainRecord)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise StoreError(f"{path}:{number}: not a record ({why}); give the file of `fieldeye-platform ingest`") from why
    return record
