"""Files of SQLite that take no change, and damage that is noticed only when SQLite comes by."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def refusing(path: Path, change: str) -> Iterator[None]:
    """Meanwhile the file of a running node has no room for a `change` such as INSERT ON record."""
    with closing(sqlite3.connect(path, timeout=10)) as db:
        db.execute(f"CREATE TRIGGER refuse_{change[:6]} BEFORE {change} BEGIN SELECT RAISE(ABORT, 'no room'); END")
        yield
        db.execute(f"DROP TRIGGER refuse_{change[:6]}")


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
