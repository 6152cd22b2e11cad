"""How a record lies in the table: what is searched for in columns, the whole in its wire form."""

import sqlite3
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

from edge.counts import Alert, Interval, Lost, Record, Sighting, moment
from edge.errors import StoreError, WireError
from edge.wire import (
    ALERT,
    CLOCKS,
    INTERVAL,
    LOST,
    SIGHTING,
    Decoded,
    Key,
    Stored,
    Unknown,
    decode_batch,
    encode_batch,
    utc_ms,
)

KINDS: dict[type[Record], int] = {Sighting: SIGHTING, Interval: INTERVAL, Lost: LOST, Alert: ALERT}
PRIORITIES: dict[type[Record], int] = {Alert: 0, Lost: 1, Interval: 2, Sighting: 3}
MUST_GO = PRIORITIES[Interval]  # the least urgent that still goes where little of a data budget is left
ALERTS_ONLY = PRIORITIES[Alert]  # and where nothing is: they are few and short, and what they ask for is today's
LEAST_URGENT = PRIORITIES[Sighting]

# Of a row, for `read`. A flipped bit may make text or a number of the body: as bytes its checksum tells.
COLUMNS = "seq, revision, CAST(body AS BLOB), crc"


class Row(NamedTuple):
    """`COLUMNS`, in their order."""

    seq: int
    revision: int
    body: bytes
    crc: int


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
    """Within the caller's transaction: put the record in its own place, if no newer revision has taken that."""
    at, body = moment(stored.record), encode_batch([stored])
    db.execute(
        "UPDATE record SET utc_ms = ?, clock = ?, body = ?, crc = ? WHERE seq = ? AND revision = ?",
        (utc_ms(at.utc), CLOCKS.index(at.state), body, crc32(body), *stored.mark),
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

    SQLite's check does not see it. The row in the outbox would wait for ever, be in the way of a record to come, or
    stand for one that was delivered: which of the two rows lost the bit nobody knows, so that one leaves again, too.
    """
    parted = db.execute(
        "DELETE FROM waiting WHERE NOT EXISTS"
        " (SELECT 1 FROM record r WHERE r.seq = waiting.seq AND r.priority = waiting.priority)"
    ).rowcount
    parted += db.execute(
        "DELETE FROM delivered WHERE seq IN (SELECT seq FROM waiting) OR seq NOT IN (SELECT seq FROM record)"
    ).rowcount
    if parted:
        _put_strays_right(db)
        db.execute(
            "INSERT OR IGNORE INTO waiting SELECT priority, seq FROM record"
            " WHERE seq NOT IN (SELECT seq FROM delivered)"
        )
    return parted


def _put_strays_right(db: sqlite3.Connection) -> None:
    """Rows that neither wait nor are delivered get the key and the priority of the record in them.

    Damaged ones get a priority with which they are met, and told.
    """
    strays = db.execute(
        "SELECT seq, CAST(body AS BLOB), crc FROM record WHERE seq NOT IN (SELECT seq FROM delivered)"
        " AND NOT EXISTS (SELECT 1 FROM waiting w WHERE w.seq = record.seq AND w.priority = record.priority)"
    ).fetchall()
    for seq, body, crc in strays:
        try:
            found = _sound(seq, body, crc)
            priority = LEAST_URGENT if isinstance(found.record, Unknown) else PRIORITIES[type(found.record)]
            right = (found.key.seq, priority)
        except WireError:
            right = (seq, LEAST_URGENT)
        db.execute("UPDATE OR IGNORE record SET seq = ?, priority = ? WHERE seq = ?", (*right, seq))


def _sound(seq: int, body: bytes, crc: int, node: str = "") -> Decoded:
    if crc32(body) != crc:
        raise WireError(f"record {seq} was damaged on the disk; check the memory card")
    (decoded,) = decode_batch(body, node)
    return decoded


def read(row: Row, node: str, epoch: UUID) -> Stored:
    """A record from its row. Raises WireError if the row is damaged, StoreError if a newer program wrote it.

    Of another key or revision than its record's it would be sent for ever: no acknowledgement would be for it.
    """
    decoded = _sound(row.seq, row.body, row.crc, node)
    if isinstance(decoded.record, Unknown):
        raise StoreError(f"a record of kind {decoded.record.kind} was written by a newer Fieldeye; install it again")
    stored = Stored(Key(node, epoch, decoded.key.seq), decoded.record)
    if (row.seq, row.revision) != stored.mark:
        raise WireError(f"record {row.seq} was damaged on the disk; check the memory card")
    return stored
