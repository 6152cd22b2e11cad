"""Room for new records in a store that is full: which old ones go, and how the loss is announced."""

import sqlite3
from dataclasses import dataclass

from edge.clock import Instant
from edge.counts import Lost

CHUNK = 256  # records shed at once: one announcement each time, so announcements stay below 1 % of the store
MARGIN_PAGES = 24  # free pages that the trees may need beside the records themselves
RECORDS_A_PAGE = 4  # careful: a usual record takes 150 to 220 bytes of 4096


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
    used, freed, most = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "max_page_count")
    )
    return most - used + freed


def shed(db: sqlite3.Connection) -> Shed:
    """Within the caller's transaction: delete the oldest delivered records, or else the oldest of least priority."""
    delivered = _oldest_delivered(db)
    if delivered:
        delete(db, delivered)
        return Shed(delivered=len(delivered))
    lost = _oldest_of_least_priority(db)
    if not lost:
        return Shed(delivered=0)
    delete(db, lost)
    db.execute("UPDATE identity SET lost = lost + ?", (len(lost),))
    return Shed(delivered=0, first_seq=min(lost), last_seq=max(lost), undelivered=len(lost))


def _oldest_delivered(db: sqlite3.Connection) -> list[int]:
    kept, waiting = db.execute("SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM waiting)").fetchone()
    if kept == waiting:  # counting is cheap, the search below would go through all of them
        return []
    rows = db.execute(
        "SELECT seq FROM record r WHERE NOT EXISTS"
        " (SELECT 1 FROM waiting w WHERE w.priority = r.priority AND w.seq = r.seq) ORDER BY seq LIMIT ?",
        (CHUNK,),
    )
    return [int(row[0]) for row in rows]


def _oldest_of_least_priority(db: sqlite3.Connection) -> list[int]:
    rows = db.execute(
        "SELECT seq FROM waiting WHERE priority = (SELECT max(priority) FROM waiting) ORDER BY seq LIMIT ?", (CHUNK,)
    )
    return [int(row[0]) for row in rows]


def delete_waiting(db: sqlite3.Connection, seqs: list[int]) -> None:
    """Within the caller's transaction: take records out of the outbox."""
    db.executemany(
        "DELETE FROM waiting WHERE seq = ?1 AND priority = (SELECT priority FROM record WHERE seq = ?1)",
        [(seq,) for seq in seqs],
    )


def delete(db: sqlite3.Connection, seqs: list[int]) -> list[int]:
    """Within the caller's transaction: delete records; returns those of them that still waited."""
    rows = [(seq,) for seq in seqs]
    still = "SELECT 1 FROM waiting WHERE seq = ?1 AND priority = (SELECT priority FROM record WHERE seq = ?1)"
    waited = [seq for seq in seqs if db.execute(still, (seq,)).fetchone()]
    delete_waiting(db, waited)
    db.executemany("DELETE FROM record WHERE seq = ?", rows)
    return waited
