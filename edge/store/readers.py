"""A reading connection for each thread: WAL lets them read while the loop commits."""

import sqlite3
from pathlib import Path
from threading import Lock, local

from edge.store.file import connect


class Readers:
    """Connections of the threads that have asked so far. Few: page, publisher and loop live as long as the node."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = local()
        self._lock = Lock()
        self._all: list[sqlite3.Connection] = []

    def mine(self) -> sqlite3.Connection:
        """The calling thread's connection."""
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = connect(self._path)
            db.execute("PRAGMA query_only = 1")
            with self._lock:
                self._all.append(db)
        return db

    def close(self) -> None:
        """Close all; a thread that reads on gets an error."""
        with self._lock:
            for db in self._all:
                db.close()
            self._all.clear()
