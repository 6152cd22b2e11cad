"""A reading connection for each thread: WAL lets them read while the loop commits."""

import sqlite3
from pathlib import Path
from threading import Lock, Thread, current_thread, local

from edge.store.file import connect_to_read


class Readers:
    """Connections of the threads that have asked so far. Few: page, publisher and loop live as long as the node."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = local()
        self._lock = Lock()
        self._all: list[tuple[Thread, sqlite3.Connection]] = []

    def mine(self) -> sqlite3.Connection:
        """The calling thread's connection."""
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = connect_to_read(self._path)
            with self._lock:
                self._all.append((current_thread(), db))
        return db

    def close(self) -> None:
        """Close the caller's own and those of threads that have ended.

        A thread that nobody waits for any more may be reading: closed under it, SQLite would take the process with it.
        Its connection goes with the garbage.
        """
        with self._lock:
            for thread, db in self._all:
                if thread is current_thread() or not thread.is_alive():
                    db.close()
            self._all.clear()
