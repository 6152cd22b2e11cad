"""Who asked for what, when, and what came of it; also remembers which commands were seen."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from edge.store.times import kept_utc
from edge.wire import utc_ms

KEPT = 2000  # entries; older ones go
_COLUMNS = (  # text, whatever a flipped bit makes of it
    "utc_ms, CAST(who AS TEXT), CAST(what AS TEXT), CAST(outcome AS TEXT), CAST(command AS TEXT)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the audit trail."""

    utc: datetime
    who: str
    what: str
    outcome: str
    command: str | None = None  # transaction id of a command over the network


def note(db: sqlite3.Connection, entry: Entry) -> None:
    """Within the caller's transaction: add it, and forget the oldest."""
    db.execute(
        "INSERT INTO audit (utc_ms, who, what, outcome, command) VALUES (?, ?, ?, ?, ?)",
        (utc_ms(entry.utc), entry.who, entry.what, entry.outcome, entry.command),
    )
    db.execute("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?", (KEPT,))


def is_known(db: sqlite3.Connection, command: str) -> bool:
    """Was a command of this transaction id seen?"""
    return db.execute("SELECT 1 FROM audit WHERE command = ?", (command,)).fetchone() is not None


def trail(db: sqlite3.Connection, limit: int) -> list[Entry]:
    """Newest first."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM audit ORDER BY id DESC LIMIT ?", (limit,))  # noqa: S608
    return [
        Entry(utc=kept_utc(ms), who=who, what=what, outcome=outcome, command=command)
        for ms, who, what, outcome, command in rows
    ]
