"""Who may change what on this node: accounts, their sessions, and failed attempts, in a file apart from the records.

Passwords arrive here as hashes and session tokens as digests: nothing in the file opens a door by itself.
"""

import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from unicodedata import normalize

from edge.config import MEGABYTE
from edge.errors import StoreError
from edge.store.file import Cap, connect_to_read, open_checked, open_in_memory, sentences
from edge.store.schema import Steps, create
from edge.store.shared import SharedFile
from edge.store.times import kept_utc
from edge.wire import utc_ms

NAME = "accounts.sqlite"
CAP = Cap(4, "wait a day, until failed attempts are forgotten, or remove people")
SESSIONS_EACH = 10  # phones of one person; the one that was longest away has to log in again
FORGOTTEN_AFTER = timedelta(days=1)  # without a further failure
_COLUMNS = "CAST(name AS TEXT), CAST(role AS TEXT), CAST(hash AS TEXT)"  # whatever a flipped bit makes of them
TABLES = """
CREATE TABLE account (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    role TEXT NOT NULL,
    hash TEXT NOT NULL                      -- Argon2id, with its parameters and salt
) WITHOUT ROWID;
CREATE TABLE session (
    digest BLOB PRIMARY KEY,                -- SHA-256 of the token in the cookie
    name TEXT NOT NULL COLLATE NOCASE REFERENCES account (name) ON DELETE CASCADE ON UPDATE CASCADE,
    begun_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE failure (source TEXT PRIMARY KEY, count INTEGER NOT NULL, last_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE claim (id INTEGER PRIMARY KEY CHECK (id = 1), utc_ms INTEGER NOT NULL)  -- there once a code was used
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person who may log in. `role` is a word of the page."""

    name: str
    role: str
    hash: str

    def __repr__(self) -> str:
        return f"Account(name={self.name!r}, role={self.role!r}, hash=***)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A phone that has logged in."""

    account: Account
    begun_utc: datetime
    used_utc: datetime


class Accounts(SharedFile):
    """The file `accounts.sqlite` in `folder`. Any thread may call anything, as may `reset-password` beside the node.

    A damaged file is set aside; then the node is claimed again with the code on its label. `unusable`: why the file is
    left alone; then there is nobody, and the label's code opens nothing, since it may have been used.
    """

    def __init__(self, folder: Path, unusable: str = "") -> None:
        path, self.unusable = folder / NAME, unusable
        if unusable:
            db = open_in_memory(STEPS)
            db.execute("INSERT INTO claim (id, utc_ms) VALUES (1, 0)")
            super().__init__(path, db, CAP)
            return
        with sentences(path, "open the accounts"):
            folder.mkdir(parents=True, exist_ok=True)
            if path.is_symlink():  # whoever may write here could have root close what it points to
                raise StoreError(f"{path}: is a link; put the file itself there, or take the link away")
            path.touch(0o600)  # SQLite's log takes on the mode of the file
            path.chmod(0o600)
            db = open_checked(path, CAP.max_mb * MEGABYTE, STEPS)
            path.chmod(0o600)  # once more: a damaged one was replaced
            db.execute("PRAGMA foreign_keys = 1")
            super().__init__(path, db, CAP, reads=connect_to_read(path))

    def is_claimed(self) -> bool:
        """Has somebody ever become this node's technician?"""
        with self.reading("read whether the node is claimed") as db:
            return db.execute("SELECT 1 FROM claim").fetchone() is not None

    def claim(self, first: Account, utc: datetime) -> None:
        """The first account of a node. Raises StoreError if somebody was faster."""
        with self.writing("claim the node") as db:
            if db.execute("SELECT 1 FROM claim").fetchone() is not None:
                raise StoreError(f"{self.path}: this node is claimed already; log in")
            db.execute("INSERT INTO claim (id, utc_ms) VALUES (1, ?)", (utc_ms(utc),))
            _put(db, first)

    def account(self, name: str) -> Account | None:
        """By its name, in whichever case it is typed, accents composed or apart; of two alike, just as it is typed."""
        with self.reading("read an account") as db:
            return _known(db, name)

    def everybody(self) -> list[Account]:
        """All accounts by name."""
        with self.reading("read the accounts") as db:
            return _everybody(db)

    def put(self, account: Account, utc: datetime, *, keep_one: str = "") -> bool:
        """Add an account, or change the one of that name; either way its phones have to log in again.

        False, and nothing is changed, where that would take the role `keep_one` from the only one who has it.
        """
        with self.writing(f"keep the account {account.name}") as db:
            known = _known(db, account.name) or account
            if account.role != keep_one and _is_only(db, known.name, keep_one):
                return False
            db.execute("INSERT OR IGNORE INTO claim (id, utc_ms) VALUES (1, ?)", (utc_ms(utc),))
            _change(db, replace(account, name=known.name))
            return True

    def change_hash(self, known: Account, new: str) -> bool:
        """Another password for it, as `put`; False where somebody has removed or changed the account meanwhile."""
        with self.writing(f"keep the account {known.name}") as db:
            if _known(db, known.name) != known:
                return False
            _change(db, replace(known, hash=new))
            return True

    def remove(self, name: str, *, keep_one: str = "") -> bool:
        """With its sessions. An unknown name is no error. False where it is the only one of the role `keep_one`."""
        with self.writing(f"remove the account {name}") as db:
            known = _known(db, name)
            if known is None or _is_only(db, known.name, keep_one):
                return known is None
            db.execute("DELETE FROM account WHERE name = ?", (known.name,))
            return True

    def begin(self, digest: bytes, name: str, utc: datetime) -> None:
        """A session of that account, under the digest of its token."""
        with self.writing("begin a session") as db:
            db.execute("INSERT INTO session VALUES (?, ?, ?, ?)", (digest, name, utc_ms(utc), utc_ms(utc)))
            db.execute(
                "DELETE FROM session WHERE name = :name AND digest NOT IN"
                " (SELECT digest FROM session WHERE name = :name"
                " ORDER BY digest = :own DESC, used_ms DESC, begun_ms DESC LIMIT :most)",
                {"name": name, "most": SESSIONS_EACH, "own": digest},  # this stays even where the clock was set back
            )

    def session(self, digest: bytes) -> Session | None:
        """The session under that digest, however old."""
        with self.reading("read a session") as db:
            row = db.execute(
                f"SELECT {_COLUMNS}, begun_ms, used_ms FROM session JOIN account USING (name) WHERE digest = ?",  # noqa: S608
                (digest,),
            ).fetchone()
        if row is None:
            return None
        return Session(account=_account(row[:3]), begun_utc=kept_utc(row[3]), used_utc=kept_utc(row[4]))

    def used(self, digest: bytes, *, begun: datetime, used: datetime) -> None:
        """That session is in use; `begun` has moved if the clock was set since."""
        with self.writing("keep a session") as db:
            times = (utc_ms(begun), utc_ms(used), digest)
            db.execute("UPDATE session SET begun_ms = ?, used_ms = ? WHERE digest = ?", times)

    def end(self, digest: bytes) -> None:
        """Log out. An unknown one is no error."""
        with self.writing("end a session") as db:
            db.execute("DELETE FROM session WHERE digest = ?", (digest,))

    def failures(self, source: str, utc: datetime) -> tuple[int, float]:
        """How often attempts from there failed, and the seconds since the last time.

        A clock that was set back makes the last time now, so that nobody waits for years nor goes on at once.
        """
        with self.writing("read failed attempts") as db:
            db.execute("UPDATE failure SET last_ms = :now WHERE last_ms > :now", {"now": utc_ms(utc)})
            row = db.execute("SELECT count, last_ms FROM failure WHERE source = ?", (source,)).fetchone()
        return (0, 0.0) if row is None else (int(row[0]), (utc - kept_utc(row[1])).total_seconds())

    def failed(self, sources: tuple[str, ...], utc: datetime) -> None:
        """One more failure from each of `sources`; what has failed last a day ago is forgotten."""
        with self.writing("keep a failed attempt") as db:
            db.execute("DELETE FROM failure WHERE last_ms < ?", (utc_ms(utc - FORGOTTEN_AFTER),))
            db.executemany(
                "INSERT INTO failure VALUES (?, 1, ?) ON CONFLICT (source)"
                " DO UPDATE SET count = count + 1, last_ms = excluded.last_ms",
                [(source, utc_ms(utc)) for source in sources],
            )

    def forgive(self, source: str) -> None:
        """It was the right password in the end."""
        with self.writing("forget failed attempts") as db:
            db.execute("DELETE FROM failure WHERE source = ?", (source,))


def _put(db: sqlite3.Connection, account: Account) -> None:
    db.execute(
        "INSERT INTO account VALUES (?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET role = excluded.role, hash = excluded.hash",
        (account.name, account.role, account.hash),
    )


def _change(db: sqlite3.Connection, account: Account) -> None:
    db.execute("DELETE FROM session WHERE name = ?", (account.name,))
    _put(db, account)


def _is_only(db: sqlite3.Connection, name: str, role: str) -> bool:
    """Asked by whoever writes: two who remove each other at once may find each other there before."""
    return [one.name for one in _everybody(db) if one.role == role] == [name]


def _everybody(db: sqlite3.Connection) -> list[Account]:
    rows = db.execute(f"SELECT {_COLUMNS} FROM account ORDER BY name")  # noqa: S608  our own words
    return [_account(row) for row in rows]


def _known(db: sqlite3.Connection, name: str) -> Account | None:
    """SQLite itself knows the case of Latin letters without accents only."""
    alike = [one for one in _everybody(db) if _plain(one.name) == _plain(name)]
    return min(alike, key=lambda one: one.name != name, default=None)


def _plain(name: str) -> str:
    return normalize("NFC", name).casefold()


def _account(row: tuple[str, str, str]) -> Account:
    return Account(name=row[0], role=row[1], hash=row[2])


STEPS: Steps = {1: partial(create, TABLES)}
