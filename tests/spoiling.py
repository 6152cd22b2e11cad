"""Damage that SQLite notices only when it comes by: an index that tells something else than its table."""

import sqlite3
from contextlib import closing
from pathlib import Path


def spoil_an_index(path: Path) -> None:
    """Each record's time is a bit off from what the index holds. May be done beside a running node."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        index = db.execute("SELECT * FROM sqlite_master WHERE name = 'record_by_time'").fetchone()
        db.execute("PRAGMA writable_schema = 1")
        db.execute("DELETE FROM sqlite_master WHERE name = 'record_by_time'")
        db.execute("PRAGMA writable_schema = RESET")
        db.execute("UPDATE record SET utc_ms = utc_ms + 1")  # the index is not known now
        db.execute("PRAGMA writable_schema = 1")
        db.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", index)


def spoil_a_record_and_its_index(path: Path) -> None:
    """The first record, which a node that notices it deletes; last, for it may do so at once."""
    spoil_an_index(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE record SET crc = crc + 1 WHERE seq = 1")
