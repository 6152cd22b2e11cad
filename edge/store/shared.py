"""A small file beside the records that any thread may ask, one at a time, and whose errors are sentences."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from edge.store.file import Cap, sentences
from edge.store.schema import transaction


class SharedFile:
    """An open SQLite file. Every use raises StoreError where the disk does not do its part."""

    def __init__(self, path: Path, db: sqlite3.Connection, cap: Cap) -> None:
        self.path = path
        self._cap = cap
        self._db = db
        self._lock = Lock()

    def close(self) -> None:
        """May be called twice."""
        with self._lock:
            self._db.close()

    @contextmanager
    def reading(self, doing: str) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time; `doing` says in an error what was wanted."""
        with self._lock, sentences(self.path, doing):
            yield self._db

    @contextmanager
    def writing(self, doing: str) -> Iterator[sqlite3.Connection]:
        """The same in a transaction: all of it or nothing."""
        with self._lock, sentences(self.path, doing, self._cap), transaction(self._db):
            yield self._db
