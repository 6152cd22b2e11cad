"""What people decided: whether a box shows what the model says, and what they have done about a warning.

In a file apart from the records: it is asked for once a season, and a damaged one costs no count.
"""

import logging
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from edge.clock import ClockState, Instant, reckoned
from edge.config import MEGABYTE
from edge.errors import StoreError
from edge.store.file import Cap, connect_to_read, open_checked, open_in_memory, sentences
from edge.store.schema import Steps, check_version, create
from edge.store.shared import SharedFile
from edge.store.times import kept_utc
from edge.taxa import is_within
from edge.wire import utc_ms

log = logging.getLogger(__name__)
NAME = "decisions.sqlite"
CAP = Cap(16, "stop the node, move the file to another disk and start the node, which begins a new one")  # 90,000
KEPT_DEEDS = 500
TABLES = """
CREATE TABLE decision (
    picture TEXT NOT NULL,                  -- id of a kept picture
    box INTEGER NOT NULL,                   -- which of its boxes, the surest is 0
    said TEXT NOT NULL,                     -- what the model called it
    confidence REAL NOT NULL,
    model TEXT NOT NULL,
    is_right INTEGER NOT NULL,              -- when it was kept; tallies judge anew by label
    label TEXT NOT NULL,                    -- what the person calls it; empty: nothing of interest
    who TEXT NOT NULL,
    utc_ms INTEGER NOT NULL,
    PRIMARY KEY (picture, box)
) WITHOUT ROWID;
CREATE TABLE deed (what TEXT PRIMARY KEY, who TEXT NOT NULL, utc_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX deed_by_time ON deed (utc_ms)
"""
OWN_GOES = "DELETE FROM decision WHERE picture = ? AND box = ? AND who = ?"
NEW_STAYS = "INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
Verdict = Literal["right", "wrong", "other"]
Found = TypeVar("Found")


class BoxKey(NamedTuple):
    """A box on a kept picture: the pictures' own order, surest first."""

    picture: str
    box: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A person on one box. `label` is theirs: that of the model, another one, or empty for nothing of interest."""

    key: BoxKey
    said: str
    confidence: float
    model: str
    label: str
    who: str
    utc: datetime

    @property
    def verdict(self) -> Verdict:
        """What the person answered."""
        if self.label == self.said:
            return "right"
        return "other" if self.label else "wrong"

    @property
    def is_right(self) -> bool:
        """Was the model right? A finer name than it can tell is no fault of its."""
        return is_within(self.label, self.said)


class Deed(NamedTuple):
    """Somebody has done what a warning asked for. `about`: its figure then, None from before that was kept."""

    who: str
    utc: datetime
    about: float | None = None
    is_taken_on: bool = False  # the station's word: somebody there takes care of it, and nothing is done yet


class Tally(NamedTuple):
    """Of one label of one model: how often people looked, and how often it was right."""

    said: str
    model: str
    right: int
    looked: int


class Decisions(SharedFile):
    """The file `decisions.sqlite` in `folder`. Any thread may call anything; a damaged file is set aside.

    `unusable`: why the file is left alone, and what is decided kept in memory.
    """

    def __init__(self, folder: Path, unusable: str = "") -> None:
        path, self.unusable = folder / NAME, unusable
        if unusable:
            super().__init__(path, open_in_memory(STEPS), CAP)
            return
        with sentences(path, "open the decisions"):
            db = open_checked(path, CAP.max_mb * MEGABYTE, STEPS)
            super().__init__(path, db, CAP, reads=connect_to_read(path))

    def decide(self, decision: Decision) -> bool:
        """Keep it, in place of an earlier one of the same person on that box. False: another person's stands."""
        one = decision
        row = (*one.key, one.said, one.confidence, one.model, one.is_right, one.label, one.who)
        with self.writing("keep a decision") as db:
            db.execute(OWN_GOES, (*one.key, one.who))
            return db.execute(NEW_STAYS, (*row, utc_ms(one.utc))).rowcount == 1

    def take_back(self, key: BoxKey, who: str) -> None:
        """As if that person had not decided. An unknown one, or another person's, is no error and stays."""
        with self.writing("take a decision back") as db:
            db.execute(OWN_GOES, (*key, who))

    def on(self, picture: str) -> dict[int, Decision]:
        """Decisions on the boxes of a picture."""
        with self.reading("read decisions") as db:
            rows = db.execute("SELECT * FROM decision WHERE picture = ?", (picture,))
            return {row[1]: _decision(row) for row in rows}

    def tallies(self) -> list[Tally]:
        """How often each label was right, by label and model."""
        right, looked = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        with self.reading("read decisions") as db:
            for said, model, label, count in db.execute(
                "SELECT said, model, label, count(*) FROM decision GROUP BY said, model, label ORDER BY said, model"
            ):
                looked[said, model] += count
                right[said, model] += count if is_within(label, said) else 0
        return [Tally(said, model, right[said, model], count) for (said, model), count in looked.items()]

    def do(self, what: str, deed: Deed, now: Instant | None = None, *, after: Deed | None = None) -> bool:
        """Somebody has done it, in place of what is known as `after`. False: another one stands, who was faster.

        `now`: the moment of it by the node's clock, which is reckoned anew if that is set later.
        """
        with self.writing("keep what was done") as db:
            if _deed(db, what) != after:
                return False
            done_ms = utc_ms(deed.utc)
            db.execute("INSERT OR REPLACE INTO deed (what, who, utc_ms) VALUES (?, ?, ?)", (what, deed.who, done_ms))
            db.execute("INSERT OR REPLACE INTO deed_about VALUES (?, ?, ?)", (what, done_ms, deed.about))
            db.execute("DELETE FROM deed_taken_on WHERE what = ?", (what,))
            if deed.is_taken_on:
                db.execute("INSERT INTO deed_taken_on VALUES (?, ?)", (what, done_ms))
            if now is not None and now.state is ClockState.UNSYNCED:
                untimed = (what, done_ms, now.boot_id, now.monotonic_s)
                db.execute("INSERT OR REPLACE INTO deed_untimed VALUES (?, ?, ?, ?)", untimed)
            newest = "SELECT what FROM deed ORDER BY utc_ms DESC LIMIT ?"
            db.execute(f"DELETE FROM deed WHERE what NOT IN ({newest})", (KEPT_DEEDS,))  # noqa: S608  our own words
            db.execute("DELETE FROM deed_about WHERE what NOT IN (SELECT what FROM deed)")
            db.execute("DELETE FROM deed_taken_on WHERE what NOT IN (SELECT what FROM deed)")
        return True

    def put_times_right(self, known: Instant) -> None:
        """Of deeds of this boot from before its clock was set; those of boots that are over stay as they are."""
        with self.writing("correct the time of what was done") as db:
            rows = db.execute("SELECT * FROM deed_untimed WHERE boot = ?", (known.boot_id,)).fetchall()
            for what, done_ms, boot_id, monotonic_s in rows:
                done = Instant(kept_utc(done_ms), ClockState.UNSYNCED, boot_id, monotonic_s)
                right = (utc_ms(reckoned(done, known).utc), what, done_ms)
                db.execute("UPDATE deed SET utc_ms = ? WHERE what = ? AND utc_ms = ?", right)
                db.execute("UPDATE deed_about SET utc_ms = ? WHERE what = ? AND utc_ms = ?", right)
                db.execute("UPDATE deed_taken_on SET utc_ms = ? WHERE what = ? AND utc_ms = ?", right)
            db.execute("DELETE FROM deed_untimed")

    def undo(self, what: str, deed: Deed) -> bool:
        """`deed` was not done after all. False: it is another one that stands."""
        with self.writing("take back what was done") as db:
            if _deed(db, what) != deed:
                return False
            db.execute("DELETE FROM deed WHERE what = ?", (what,))
        return True

    def deed(self, what: str) -> Deed | None:
        """Who has done it or taken it on, and when."""
        with self.reading("read what was done") as db:
            return _deed(db, what)


def kept_decisions(folder: Path) -> dict[str, dict[int, Decision]]:
    """By picture, whether or not that is still kept, for a command beside the node. Raises StoreError."""
    path, found = folder / NAME, defaultdict[str, dict[int, Decision]](dict)
    if not path.exists():
        return found
    with sentences(path, "read decisions"), closing(connect_to_read(path)) as db:
        check_version(db, STEPS)
        for decision in map(_decision, db.execute("SELECT * FROM decision ORDER BY picture")):
            found[decision.key.picture][decision.key.box] = decision
    return found


def if_readable(read: Callable[[str], Found], what: str, nothing: Found) -> Found:
    """What people decided; `nothing` where that file turns out damaged: counts, health and page go on."""
    try:
        return read(what)
    except StoreError as why:
        log.warning("decisions_not_read", extra={"why": str(why)})
        return nothing


def _deed(db: sqlite3.Connection, what: str) -> Deed | None:
    found = (
        "SELECT who, utc_ms, a.about, t.what IS NOT NULL FROM deed "
        "LEFT JOIN deed_about a USING (what, utc_ms) LEFT JOIN deed_taken_on t USING (what, utc_ms) "
        "WHERE what = ?"
    )
    row = db.execute(found, (what,)).fetchone()
    return None if row is None else Deed(row[0], kept_utc(row[1]), row[2], bool(row[3]))


def _decision(row: tuple) -> Decision:  # type: ignore[type-arg]
    picture, box, said, confidence, model, _, label, who, ms = row
    return Decision(
        key=BoxKey(picture, box),
        said=said,
        confidence=confidence,
        model=model,
        label=label,
        who=who,
        utc=kept_utc(ms),
    )


ABOUT = """
CREATE TABLE deed_about (                   -- version 1 does not know it: of another time than the deed's it is of none
    what TEXT PRIMARY KEY,
    utc_ms INTEGER NOT NULL,
    about REAL
) WITHOUT ROWID;
PRAGMA application_id = 1
"""
UNTIMED = """
CREATE TABLE deed_untimed (                 -- done before the clock was set; as in deed_about
    what TEXT PRIMARY KEY,
    utc_ms INTEGER NOT NULL,
    boot TEXT NOT NULL,
    monotonic_s REAL NOT NULL
) WITHOUT ROWID;
PRAGMA application_id = 1
"""
TAKEN_ON = """
CREATE TABLE deed_taken_on (                -- the station's word; as in deed_about
    what TEXT PRIMARY KEY,
    utc_ms INTEGER NOT NULL
) WITHOUT ROWID;
PRAGMA application_id = 1
"""
STEPS: Steps = {  # no release had 2
    1: partial(create, TABLES),
    3: partial(create, ABOUT),
    4: partial(create, UNTIMED),
    5: partial(create, TAKEN_ON),
}
