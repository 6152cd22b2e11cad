"""The records of a ledger, for whoever works with them after they were kept."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import msgspec

from edge.errors import StoreError, to_read
from edge.platform.deduplicate import Deduplicator
from edge.wire import Key, PlainInterval, PlainRecord


def read_ledger(path: Path) -> Iterator[PlainRecord]:
    """The records of a ledger, in its order, each key once and in its highest revision. Raises StoreError.

    What `ingest` appends meanwhile is left out. Memory grows with gaps and revisions, not with records.
    """
    try:
        with path.open("rb") as file:
            yield from _of_each_key(path, file)
    except FileNotFoundError as why:
        raise StoreError(f"{path}: there is no such ledger; give the file of `fieldeye-platform ingest`") from why
    except StoreError:
        raise
    except OSError as why:
        then = to_read(why, "give the file of `fieldeye-platform ingest`")
        raise StoreError(f"{path}: cannot be read ({why.strerror}); {then}") from why


def _of_each_key(path: Path, file: BinaryIO) -> Iterator[PlainRecord]:
    newest: dict[Key, int] = {}  # of intervals that were revised, which are few
    seen = Deduplicator()  # a ledger that two programs wrote holds records twice
    end = os.fstat(file.fileno()).st_size
    for record in _records(path, file, end):
        if isinstance(record, PlainInterval) and record.revision:
            key = _key(record)
            newest[key] = max(record.revision, newest.get(key, 0))
    for record in _records(path, file, end):
        key, revision = _key(record), record.revision if isinstance(record, PlainInterval) else 0
        if revision == newest.get(key, revision) and seen.is_new(key):
            yield record


def _key(record: PlainRecord) -> Key:
    return Key(record.node, UUID(record.epoch), record.seq)


def _records(path: Path, file: BinaryIO, end: int) -> Iterator[PlainRecord]:
    decoder = msgspec.json.Decoder(PlainRecord)  # to make one takes longer than to decode a record
    file.seek(0)
    for number, line in enumerate(file, start=1):
        end -= len(line)
        if end < 0 or not line.endswith(b"\n"):  # not whole when it began, or a power cut took its end
            return
        try:
            record: PlainRecord = decoder.decode(line)
        except (ValueError, RecursionError) as why:  # the last: of nesting without end
            then = "give the file of `fieldeye-platform ingest`"
            raise StoreError(f"{path}:{number}: not a record ({why}); {then}") from why
        yield record
