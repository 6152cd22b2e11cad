"""A small file beside the records that any thread may ask, and whose errors are sentences."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from edge.store.file import Cap, sentences
from edge.store.schema import transaction


class SharedFile:
    """An open SQLite file. Every use raises StoreError where the disk does not do its part.

    With a connection that `reads` no reader waits for a writer, whom a card may keep for a minute; one in memory has
    `db` alone.
    """

    def __init__(self, path: Path, db: sqlite3.Connection, cap: Cap, reads: sqlite3.Connection | None = None) -> None:
        self.path = path
        self._cap = cap
        self._db, self._lock = db, Lock()
        self._reads, self._reads_lock = (db, self._lock) if reads is None else (reads, Lock())

    def close(self) -> None:
        """May be called twice."""
        with self._reads_lock:
            self._reads.close()
        with self._lock:
            self._db.close()

    def is_being_written(self) -> bool:
        """Would a writer wait for another one, whom a slow card may hold up?"""
        return self._lock.locked()

    @contextmanager
    def reading(self, doing: str) -> Iterator[sqlite3.Connection]:
        """A connection, for one thread at a time; `doing` says in an error what was wanted."""
        with self._reads_lock, sentences(self.path, doing):
            yield self._reads

    @contextmanager
    def writing(self, doing: str) -> Iterator[sqlite3.Connection]:
        """One that writes, in a transaction: all of it or nothing."""
        with self._lock, sentences(self.path, doing, self._cap), transaction(self._db):
            yield self._db
