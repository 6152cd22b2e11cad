"""Room for new records in a store that is full: which old ones go, and how the loss is announced."""

import sqlite3
from dataclasses import dataclass

from edge.clock import Instant
from edge.counts import Lost
from edge.store.file import page_bytes
from edge.store.rows import PRIORITIES
from edge.wire import Mark

CHUNK = 256  # records shed at once: one announcement each time, so announcements stay below 1 % of the store
MARGIN_PAGES = 48  # free pages that the trees may need beside the records themselves
GIVEN_BACK_PAGES = 32  # with each commit: a millisecond, and 32 kB through the log
_LEFT_PAGES = 2 * MARGIN_PAGES
RECORDS_A_PAGE = 2  # careful: a usual record takes 150 to 220 bytes of 1024
_RECORD_BYTES = 150  # at least comes free with one


@dataclass(frozen=True, slots=True)
class Shed:
    """What was deleted to make room."""

    delivered: int
    first_seq: int = 0  # of the undelivered
    last_seq: int = 0
    undelivered: int = 0

    def announcement(self, at: Instant) -> Lost | None:
        """The record that tells the platform, if it has not got all of them."""
        if not self.undelivered:
            return None
        return Lost(
            at=at, first_seq=self.first_seq, last_seq=self.last_seq, count=self.undelivered, reason="store_full"
        )


def free_pages(db: sqlite3.Connection) -> int:
    """Pages that can still be filled: never used ones below the cap and freed ones. Negative if the cap was lowered."""
    used, freed = _pages(db)
    return int(db.execute("PRAGMA max_page_count").fetchone()[0]) - used + freed


def lacking_pages(db: sqlite3.Connection) -> int:
    """How many pages a file needs beyond its own if little in it can be shed: drafts, names and audit trail cannot."""
    _, freed = _pages(db)
    records = int(db.execute("SELECT count(*) FROM record").fetchone()[0])
    return max(0, 2 * MARGIN_PAGES - freed - records * _RECORD_BYTES // page_bytes(db))


def is_too_long(db: sqlite3.Connection, most_pages: int) -> bool:
    """Is the file longer than its cap, which was lowered, and must records go before it can be shortened?"""
    used, freed = _pages(db)
    return used > most_pages and freed <= _LEFT_PAGES


def give_pages_back(db: sqlite3.Connection, most_pages: int) -> None:
    """Within the caller's transaction: shorten a file that is longer than its cap, a little, so that no commit waits.

    What the next commit needs stays free: otherwise it would shed records for which there is room.
    """
    used, freed = _pages(db)
    for _ in range(min(GIVEN_BACK_PAGES, used - most_pages, freed - _LEFT_PAGES)):
        db.execute("PRAGMA incremental_vacuum(1)")  # Python would stop after the first of more
    if used > most_pages:
        db.execute(f"PRAGMA max_page_count = {most_pages}")  # SQLite takes what is possible: the file as it is now


def _pages(db: sqlite3.Connection) -> tuple[int, int]:
    """Pages of the file, and how many of them are free."""
    used, freed = (int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count"))
    return used, freed


def shed(db: sqlite3.Connection) -> Shed:
    """Within the caller's transaction: delete the oldest delivered records, or else the oldest of least priority."""
    delivered = shed_delivered(db)
    if delivered:
        return Shed(delivered=delivered)
    priority, lost = _oldest_of_least_priority(db)
    if not lost or (priority == PRIORITIES[Lost] and len(lost) == 1):  # its own announcement would take its place
        return Shed(delivered=0)
    delete(db, lost)
    count_lost(db, len(lost))
    return Shed(delivered=0, first_seq=min(lost), last_seq=max(lost), undelivered=len(lost))


def count_lost(db: sqlite3.Connection, records: int) -> None:
    """Within the caller's transaction: so many that nobody was sent are no more."""
    db.execute("UPDATE identity SET lost = lost + ?", (records,))


def shed_delivered(db: sqlite3.Connection) -> int:
    """Within the caller's transaction: delete the oldest delivered records; returns how many there were."""
    oldest = [int(row[0]) for row in db.execute("SELECT seq FROM delivered ORDER BY seq LIMIT ?", (CHUNK,))]
    delete(db, oldest)
    return len(oldest)


def _oldest_of_least_priority(db: sqlite3.Connection) -> tuple[int | None, list[int]]:
    (priority,) = db.execute("SELECT max(priority) FROM waiting").fetchone()
    rows = db.execute("SELECT seq FROM waiting WHERE priority = ? ORDER BY seq LIMIT ?", (priority, CHUNK))
    return priority, [int(row[0]) for row in rows]


def mark_delivered(db: sqlite3.Connection, marks: list[Mark]) -> None:
    """Within the caller's transaction: take records out of the outbox. Unknown and revised ones are ignored."""
    is_newest = "SELECT 1 FROM record WHERE seq = ? AND revision = ?"
    for mark in marks:
        if db.execute(is_newest, mark).fetchone():
            db.execute("INSERT OR IGNORE INTO delivered VALUES (?)", (mark.seq,))
            _take_out(db, mark.seq)


def _take_out(db: sqlite3.Connection, seq: int) -> bool:
    """Did it wait in the outbox?"""
    gone = "DELETE FROM waiting WHERE seq = :seq AND priority = (SELECT priority FROM record WHERE seq = :seq)"
    return db.execute(gone, {"seq": seq}).rowcount == 1


def delete(db: sqlite3.Connection, seqs: list[int]) -> list[int]:
    """Within the caller's transaction: delete records; returns those of them that still waited."""
    waited = [seq for seq in seqs if _take_out(db, seq)]
    rows = [(seq,) for seq in seqs]
    db.executemany("DELETE FROM delivered WHERE seq = ?", rows)
    db.executemany("DELETE FROM record WHERE seq = ?", rows)
    return waited
