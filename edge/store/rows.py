"""How a record lies in the table: what is searched for in columns, the whole in its wire form."""

import sqlite3
from uuid import UUID
from zlib import crc32

from edge.clock import Instant
from edge.counts import Alert, Interval, Lost, Record, Sighting
from edge.errors import StoreError, WireError
from edge.wire import ALERT, CLOCKS, INTERVAL, LOST, SIGHTING, Key, Stored, Unknown, decode_batch, encode_batch, utc_ms

KINDS: dict[type[Record], int] = {Sighting: SIGHTING, Interval: INTERVAL, Lost: LOST, Alert: ALERT}
PRIORITIES: dict[type[Record], int] = {Alert: 0, Lost: 1, Interval: 2, Sighting: 3}
MUST_GO = PRIORITIES[Interval]  # the least urgent that still goes where little of a data budget is left
ALERTS_ONLY = PRIORITIES[Alert]  # and where nothing is: they are few and short, and what they ask for is today's
LEAST_URGENT = PRIORITIES[Sighting]


def moment(record: Record) -> Instant:
    """The instant that a record is filed under."""
    return record.end if isinstance(record, Interval) else record.at


def insert(db: sqlite3.Connection, stored: Stored) -> None:
    """Within the caller's transaction: the record and its place in the outbox."""
    record, seq = stored.record, stored.key.seq
    priority, at, body = PRIORITIES[type(record)], moment(record), encode_batch([stored])
    db.execute(
        "INSERT INTO record (seq, kind, priority, utc_ms, clock, body, crc) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (seq, KINDS[type(record)], priority, utc_ms(at.utc), CLOCKS.index(at.state), body, crc32(body)),
    )
    db.execute("INSERT INTO waiting (priority, seq) VALUES (?, ?)", (priority, seq))


def rewrite(db: sqlite3.Connection, stored: Stored) -> None:
    """Within the caller's transaction: put the record in the place of the one with its key."""
    at, body = moment(stored.record), encode_batch([stored])
    db.execute(
        "UPDATE record SET utc_ms = ?, clock = ?, body = ?, crc = ? WHERE seq = ?",
        (utc_ms(at.utc), CLOCKS.index(at.state), body, crc32(body), stored.key.seq),
    )


def revise(db: sqlite3.Connection, stored: Stored) -> None:
    """Within the caller's transaction: a newer revision of a record, in the outbox whatever became of the one before.

    That one may wait, be on its way, be delivered, or be gone.
    """
    seq, priority = stored.key.seq, PRIORITIES[type(stored.record)]
    db.execute("DELETE FROM record WHERE seq = ?", (seq,))
    db.execute("DELETE FROM delivered WHERE seq = ?", (seq,))
    db.execute("DELETE FROM waiting WHERE priority = ? AND seq = ?", (priority, seq))
    insert(db, stored)
    db.execute("UPDATE record SET revision = ? WHERE seq = ?", (stored.mark.revision, seq))


def mend_outbox(db: sqlite3.Connection) -> int:
    """Within the caller's transaction: records wait again that a flipped bit parted from the outbox; returns how many.

    SQLite's check does not see it. The row in the outbox would wait for ever, or be in the way of a record to come.
    """
    parted = db.execute(
        "DELETE FROM waiting WHERE NOT EXISTS"
        " (SELECT 1 FROM record r WHERE r.seq = waiting.seq AND r.priority = waiting.priority)"
    ).rowcount
    if parted:
        for kind, number in KINDS.items():
            priority = PRIORITIES[kind]
            db.execute("UPDATE record SET priority = ?1 WHERE kind = ?2 AND priority != ?1", (priority, number))
        db.execute(
            "INSERT OR IGNORE INTO waiting SELECT priority, seq FROM record"
            " WHERE seq NOT IN (SELECT seq FROM delivered)"
        )
    return parted


def read(seq: int, body: bytes, crc: int, node: str, epoch: UUID) -> Stored:
    """A record from its row. Raises WireError if the row is damaged, StoreError if a newer program wrote it."""
    if crc32(body) != crc:
        raise WireError(f"record {seq} was damaged on the disk; check the memory card")
    (decoded,) = decode_batch(body, node)
    if isinstance(decoded.record, Unknown):
        raise StoreError(f"a record of kind {decoded.record.kind} was written by a newer Fieldeye; install it again")
    return Stored(Key(node, epoch, decoded.key.seq), decoded.record)
