"""How a record lies in the table: what is searched for in columns, the whole in its wire form."""

import sqlite3
from uuid import UUID

from edge.clock import Instant
from edge.counts import Interval, Lost, Record, Sighting
from edge.errors import StoreError
from edge.wire import CLOCKS, INTERVAL, LOST, SIGHTING, Key, Stored, Unknown, decode_batch, encode_batch, utc_ms

KINDS: dict[type[Record], int] = {Sighting: SIGHTING, Interval: INTERVAL, Lost: LOST}
PRIORITIES: dict[type[Record], int] = {Lost: 1, Interval: 2, Sighting: 3}  # 0 is kept for alerts
MUST_GO = PRIORITIES[Interval]  # what a spent data budget still lets through
LEAST_URGENT = PRIORITIES[Sighting]


def moment(record: Record) -> Instant:
    """The instant that a record is filed under."""
    return record.end if isinstance(record, Interval) else record.at


def insert(db: sqlite3.Connection, stored: Stored) -> None:
    """Within the caller's transaction: the record and its place in the outbox."""
    record, seq = stored.record, stored.key.seq
    priority, at = PRIORITIES[type(record)], moment(record)
    db.execute(
        "INSERT INTO record (seq, kind, priority, utc_ms, clock, body) VALUES (?, ?, ?, ?, ?, ?)",
        (seq, KINDS[type(record)], priority, utc_ms(at.utc), CLOCKS.index(at.state), encode_batch([stored])),
    )
    db.execute("INSERT INTO waiting (priority, seq) VALUES (?, ?)", (priority, seq))


def rewrite(db: sqlite3.Connection, stored: Stored) -> None:
    """Within the caller's transaction: put the record in the place of the one with its key."""
    at = moment(stored.record)
    db.execute(
        "UPDATE record SET utc_ms = ?, clock = ?, body = ? WHERE seq = ?",
        (utc_ms(at.utc), CLOCKS.index(at.state), encode_batch([stored]), stored.key.seq),
    )


def read(body: bytes, node: str, epoch: UUID) -> Stored:
    """A record from its row. Raises WireError if the row is damaged."""
    (decoded,) = decode_batch(body, node)
    if isinstance(decoded.record, Unknown):
        raise StoreError(f"a record of kind {decoded.record.kind} was written by a newer Fieldeye; install it again")
    return Stored(Key(node, epoch, decoded.key.seq), decoded.record)
