"""Photographs that people ask the station about: the queue of what it has not got yet, and its answers.

A question is a row and a JPEG. It stays until it was sent, however long that takes; then, with its answer, until
its room is needed: the JPEG until bytes are short, the row, which an answer finds, until there are too many. A
photograph that does not fit any more is refused, so that the person knows.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge.clock import ClockState, Instant
from edge.errors import StoreError
from edge.store.jpegs import Jpegs
from edge.store.times import kept_utc
from edge.wire import CLOCKS, MAX_PHOTO_BYTES, ImageHeader, question_id, utc_ms

FOLDER = "questions"
MOST_NOTE_LETTERS = 500
MOST_NAME_LETTERS = 80  # of a person's name, and of a label
KEPT_QUESTIONS = 120
SPARED_PART = 6  # a sixth of them, the last answers, goes last: beside those a hundred wait for one, as at the desk
KEPT_BYTES = 16_000_000
_NUMBERS = ("utc_ms", "clock", "monotonic_ms", "bytes", "sent", "answered_ms")
_COLUMNS = ", ".join(  # of their types, whatever a flipped bit makes of them
    f"CAST({name} AS {'INTEGER' if name in _NUMBERS else 'TEXT'})"
    for name in (
        "id", "utc_ms", "clock", "boot", "monotonic_ms", "who", "note", "guess", "eppo", "bytes", "sent",
        "answered_ms", "answered_by", "answer", "answer_label", "answer_eppo",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the station says. `label` and `eppo`: the taxon's scientific name and code, empty where none is given."""

    utc: datetime
    who: str  # the station or its person
    text: str
    label: str = ""
    eppo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A photograph with a note. `id` is its key for ever, on the node and at the station."""

    id: str
    at: Instant
    who: str  # who took it, empty if not told
    note: str
    guess: str  # label that the node or the person guessed, empty for none
    eppo: str  # its EPPO code where checked
    size_bytes: int  # of the JPEG; 0 where that has made room and only the words are kept
    is_sent: bool  # a subscriber has got it
    answer: Answer | None

    def header(self, command: str | None = None) -> ImageHeader:
        """What goes with the photograph to the station; `command` asked for it again."""
        return ImageHeader(
            kind="question",
            id=self.id,
            bytes=self.size_bytes,
            command=command,
            utc=self.at.utc,
            clock=self.at.state.value,
            who=self.who,
            note=self.note,
            guess=self.guess,
            eppo=self.eppo,
        )


def questions_in(folder: Path, epoch_hex: str) -> Jpegs:
    """The photographs of one epoch: those of a store that was damaged stay where they are."""
    return Jpegs(folder / FOLDER, rf"{epoch_hex[:8]}-q[0-9]{{1,19}}", is_synced=True)


def check(jpeg: bytes, **texts: str) -> None:
    """Raises StoreError for a photograph or a text that a question cannot carry."""
    if not (jpeg.startswith(b"\xff\xd8") and jpeg.endswith(b"\xff\xd9")) or len(jpeg) > MAX_PHOTO_BYTES:
        raise StoreError(
            f"a question carries a whole JPEG of at most {MAX_PHOTO_BYTES // 1024} KiB; send a smaller one"
        )
    for name, text in texts.items():
        most = MOST_NOTE_LETTERS if name == "note" else MOST_NAME_LETTERS
        if len(text) > most or "\0" in text:
            raise StoreError(f"{name}: at most {most} letters are kept; write less")


def insert(db: sqlite3.Connection, asked: Question) -> None:
    """Within the caller's transaction."""
    at = asked.at
    values = (asked.id, utc_ms(at.utc), CLOCKS.index(at.state), at.boot_id, round(at.monotonic_s * 1000),
              asked.who, asked.note, asked.guess, asked.eppo, asked.size_bytes)  # fmt: skip
    db.execute(
        "INSERT INTO question (id, utc_ms, clock, boot, monotonic_ms, who, note, guess, eppo, bytes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )


def next_id(db: sqlite3.Connection, epoch_hex: str) -> str:
    """One more than was ever asked in this epoch."""
    (last,) = db.execute(
        "SELECT max(seq) FROM (SELECT seq FROM sqlite_sequence WHERE name = 'question'"
        " UNION ALL SELECT max(number) FROM question)"  # should the first have lost a bit
    ).fetchone()
    return question_id(epoch_hex, (last or 0) + 1)


def surplus(db: sqlite3.Connection, size_bytes: int) -> tuple[list[str], list[str]]:
    """Ids of old questions that go for one more of that size, and of those of which the JPEG alone goes.

    Sent ones only: those that were answered, then those that were not, then the last answers. Raises StoreError if
    they are too few.
    """
    number, total = db.execute("SELECT count(*), coalesce(sum(bytes), 0) FROM question").fetchone()
    sent = db.execute(
        "SELECT id, bytes FROM question WHERE sent = 1 ORDER BY CASE WHEN answered_ms IS NULL THEN 1 WHEN number IN"
        " (SELECT number FROM question WHERE answered_ms IS NOT NULL ORDER BY answered_ms DESC, number DESC LIMIT ?)"
        " THEN 2 ELSE 0 END, answered_ms, number",
        (KEPT_QUESTIONS // SPARED_PART,),
    ).fetchall()
    gone: list[str] = []
    bare: list[str] = []
    number, total = number + 1, total + size_bytes
    for name, bytes_ in sent:
        if number > KEPT_QUESTIONS:
            gone.append(name)
            number, total = number - 1, total - bytes_
        elif total > KEPT_BYTES and bytes_:
            bare.append(name)
            total -= bytes_
    if number > KEPT_QUESTIONS or total > KEPT_BYTES:
        raise StoreError("too many photographs wait for the station; ask again once the node has reached it")
    return gone, bare


def forget(db: sqlite3.Connection, names: list[str]) -> None:
    """Within the caller's transaction: delete rows."""
    db.executemany("DELETE FROM question WHERE id = ?", [(name,) for name in names])


def strip(db: sqlite3.Connection, names: list[str]) -> None:
    """Within the caller's transaction: these have no JPEG any more."""
    db.executemany("UPDATE question SET bytes = 0 WHERE id = ?", [(name,) for name in names])


def mark_sent(db: sqlite3.Connection, name: str) -> None:
    """Within the caller's transaction: a subscriber has got it."""
    db.execute("UPDATE question SET sent = 1 WHERE id = ?", (name,))


def answer(db: sqlite3.Connection, name: str, given: Answer) -> bool:
    """Within the caller's transaction: the answer, in place of an earlier one. False: there is no such question."""
    found = db.execute(
        "UPDATE question SET sent = 1, answered_ms = ?, answered_by = ?, answer = ?, answer_label = ?, answer_eppo = ?"
        " WHERE id = ?",
        (utc_ms(given.utc), given.who, given.text, given.label, given.eppo, name),
    )
    return found.rowcount == 1


def correct(db: sqlite3.Connection, known: Instant, names: list[str]) -> None:
    """Within the caller's transaction: the times of these questions, reckoned back from `known`, of the same boot."""
    now = (utc_ms(known.utc), round(known.monotonic_s * 1000))
    db.executemany(
        "UPDATE question SET utc_ms = ? - (? - monotonic_ms), clock = 2 WHERE id = ?", [(*now, name) for name in names]
    )


def number_waiting(db: sqlite3.Connection) -> int:
    """How many no subscriber has got."""
    return int(db.execute("SELECT count(*) FROM question WHERE sent = 0").fetchone()[0])


def select(db: sqlite3.Connection, where: str, *values: object) -> list[Question]:
    """Questions by a WHERE clause of this package."""
    return [_read(row) for row in db.execute(f"SELECT {_COLUMNS} FROM question WHERE {where}", values)]  # noqa: S608


def _read(row: tuple) -> Question:  # type: ignore[type-arg]
    name, ms, clock, boot, monotonic_ms, who, note, guess, eppo, size, sent, *given = row
    answered_ms, answered_by, text, label, answer_eppo = given
    return Question(
        id=name,
        at=Instant(kept_utc(ms), dict(enumerate(CLOCKS)).get(clock, ClockState.UNSYNCED), boot, monotonic_ms / 1000),
        who=who,
        note=note,
        guess=guess,
        eppo=eppo,
        size_bytes=size,
        is_sent=bool(sent),
        answer=None
        if answered_ms is None
        else Answer(utc=kept_utc(answered_ms), who=answered_by, text=text, label=label, eppo=answer_eppo),
    )
