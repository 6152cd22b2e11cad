"""Kept pictures: files beside the database, within a budget of bytes of their own; the oldest go first.

The file system writes them when it likes, on a node within half an hour: a power cut may cost the last ones, no record.
"""

import sqlite3
from datetime import datetime
from pathlib import Path

from edge.store.jpegs import Jpegs
from edge.wire import INTERVAL, utc_ms

FOLDER = "pictures"
_IDS = r"[0-9a-f]{8}-[0-9]{1,19}"


def pictures_in(folder: Path) -> Jpegs:
    """The files of kept pictures of the store in `folder`."""
    return Jpegs(folder / FOLDER, _IDS, is_synced=False)


def sweep(db: sqlite3.Connection, files: Jpegs) -> None:
    """At start, within the caller's transaction: remove files that no row names and rows whose file is gone.

    Pictures of earlier epochs go too.
    """
    named = {str(name): int(size) for name, size in db.execute("SELECT id, bytes FROM picture")}
    forget(db, sorted(files.sweep(named)))


def note(db: sqlite3.Connection, first_seq: int, name: str, size: int, max_bytes: int) -> list[str]:
    """Within the caller's transaction: the picture's row, and no more rows than `max_bytes` allow.

    Returns the ids whose files the caller removes once the transaction is committed.
    """
    db.execute("INSERT INTO picture (seq, id, bytes) VALUES (?, ?, ?)", (first_seq, name, size))
    surplus = oldest(db, total_bytes(db) - max_bytes)
    forget(db, surplus)
    return surplus


def oldest(db: sqlite3.Connection, at_least_bytes: int) -> list[str]:
    """Ids of the oldest pictures that together have so many bytes."""
    found, total = [], 0
    for name, size in db.execute("SELECT id, bytes FROM picture ORDER BY seq"):
        if total >= at_least_bytes:
            break
        found.append(str(name))
        total += size
    return found


def forget(db: sqlite3.Connection, names: list[str]) -> None:
    """Within the caller's transaction: delete rows."""
    db.executemany("DELETE FROM picture WHERE id = ?", [(name,) for name in names])


def total_bytes(db: sqlite3.Connection) -> int:
    """Bytes of all pictures."""
    return int(db.execute("SELECT coalesce(sum(bytes), 0) FROM picture").fetchone()[0])


def older_than(db: sqlite3.Connection, before: datetime) -> list[str]:
    """Ids of the pictures that were committed before the newest interval that ended then, oldest first.

    Intervals whose UTC nobody has put right tell no age. A picture whose own record is younger stays: that interval
    was late.
    """
    rows = db.execute(
        "SELECT id FROM picture p WHERE seq < (SELECT seq FROM record"
        " WHERE kind = :kind AND utc_ms < :before AND clock != 1 ORDER BY utc_ms DESC LIMIT 1)"
        " AND NOT EXISTS (SELECT 1 FROM record r WHERE r.seq = p.seq AND utc_ms >= :before AND clock != 1)"
        " ORDER BY seq",
        {"kind": INTERVAL, "before": utc_ms(before)},
    )
    return [str(row[0]) for row in rows]


def newest_after(db: sqlite3.Connection, seq: int) -> tuple[int, str] | None:
    """Seq and id of the newest picture, if it is newer than `seq`."""
    row = db.execute("SELECT seq, id FROM picture WHERE seq > ? ORDER BY seq DESC LIMIT 1", (seq,)).fetchone()
    return None if row is None else (int(row[0]), str(row[1]))
