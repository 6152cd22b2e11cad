"""The tables of fieldeye.db and how an older file becomes a newer one: forward only, one step a version."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from edge.errors import StoreNewerError, StoreOlderError

# As it has run on nodes, its comments too, and stays so; what it calls edge.late is edge.loop.late now.
TABLES = """
CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch BLOB NOT NULL,                    -- 16 bytes, new with each file
    sessions INTEGER NOT NULL DEFAULT 0,    -- starts of the node
    lost INTEGER NOT NULL DEFAULT 0         -- undelivered records that were shed
);
CREATE TABLE record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again, not even after the newest was deleted
    kind INTEGER NOT NULL,
    priority INTEGER NOT NULL,              -- 0 leaves first and is shed last
    utc_ms INTEGER NOT NULL,                -- of the moment, or of the interval's end
    clock INTEGER NOT NULL,                 -- how far utc_ms can be trusted
    body BLOB NOT NULL,                     -- the record as a batch of one, see edge.wire
    crc INTEGER NOT NULL,                   -- CRC-32 of body: SQLite does not notice a flipped bit in a row
    revision INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX record_by_time ON record (kind, utc_ms);
CREATE INDEX record_unsynced ON record (seq) WHERE clock = 1;
CREATE TABLE waiting (                      -- the outbox: what the broker has not acknowledged
    priority INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (priority, seq)
) WITHOUT ROWID;
CREATE TABLE delivered (                    -- records that do not wait; oldest are shed first
    seq INTEGER PRIMARY KEY
) WITHOUT ROWID;
CREATE TABLE picture (
    seq INTEGER PRIMARY KEY,                -- first record that was committed with it
    id TEXT NOT NULL UNIQUE,                -- name of the file without .jpg
    bytes INTEGER NOT NULL
);
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    utc_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    outcome TEXT NOT NULL,
    command TEXT UNIQUE                     -- transaction id, if a command over the network did it
);
CREATE TABLE question (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,                -- name of the photograph's file without .jpg
    utc_ms INTEGER NOT NULL,
    clock INTEGER NOT NULL,                 -- as in record
    boot TEXT NOT NULL,
    monotonic_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    note TEXT NOT NULL,
    guess TEXT NOT NULL,
    eppo TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0,
    answered_ms INTEGER,
    answered_by TEXT,
    answer TEXT,
    answer_label TEXT,
    answer_eppo TEXT
);
CREATE TABLE draft (                        -- intervals that a late picture can still correct
    seq INTEGER PRIMARY KEY,
    end_ms INTEGER NOT NULL,
    state BLOB NOT NULL,                    -- what was counted, see edge.late
    crc INTEGER NOT NULL                    -- as in record
);
CREATE TABLE counted (                      -- pictures of a folder that are in an interval already
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
"""


def create(tables: str, db: sqlite3.Connection) -> None:
    """Within the caller's transaction: each statement by itself, since `executescript` would commit."""
    for statement in tables.split(";\n"):
        db.execute(statement)


def _to_4(db: sqlite3.Connection) -> None:
    create(TABLES, db)
    db.execute("INSERT INTO identity (id, epoch) VALUES (1, ?)", (uuid4().bytes,))


Steps = Mapping[int, Callable[[sqlite3.Connection], None]]
# A step leads to its version from the one before, the first from nothing. After an update that was taken back the
# former software finds the newer file. It refuses it, unless a step has set `PRAGMA application_id` to the oldest
# version that may write the file. A step does so where all that this version reads and writes stays right: for a new
# table that need not follow the others, or a column with a default that no INSERT without names meets; never for a new
# kind of record.
STEPS: Steps = {4: _to_4}


def migrate(db: sqlite3.Connection, steps: Steps = STEPS) -> None:
    """Bring the file to the newest version, each step in a transaction of its own. Raises as `check_version` does."""
    version = check_version(db, steps)
    for number in sorted(number for number in steps if number > version):
        with transaction(db):
            db.execute("PRAGMA application_id = 0")  # the leave of a step before ends here
            steps[number](db)
            db.execute(f"PRAGMA user_version = {number}")


def check_version(db: sqlite3.Connection, steps: Steps = STEPS) -> int:
    """The file's version.

    Raises StoreNewerError if it is newer and not for software of this version to write, StoreOlderError if it is from
    before the first step.
    """
    version, oldest = (int(db.execute(f"PRAGMA {of}").fetchone()[0]) for of in ("user_version", "application_id"))
    (_, _, path) = db.execute("PRAGMA database_list").fetchone()
    newest = max(steps)
    if version > newest and not 0 < oldest <= newest:
        raise StoreNewerError(
            f"{path}: written by a newer Fieldeye (version {version}, this one knows {newest}); "
            f"install the newer program again, or rename it to {Path(path).name}.older-1 to begin with an empty store"
        )
    if 0 < version < min(steps):
        raise StoreOlderError(
            f"{path}: from before the first release (version {version}, this Fieldeye begins at {min(steps)}); "
            f"rename it to {Path(path).name}.older-1 to begin with an empty store"
        )
    return version


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK if the block or the COMMIT raises."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    finally:
        if db.in_transaction:  # SQLite has already rolled back after some errors
            db.execute("ROLLBACK")
