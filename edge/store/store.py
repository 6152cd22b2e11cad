"""The node's one store: what was committed stays, through power cuts and a full card, until it was delivered."""

import logging
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import takewhile
from pathlib import Path
from threading import Lock
from typing import TypeVar

from msgspec.structs import replace as replace_fields

from edge.clock import Instant
from edge.config import MEGABYTE, StoreTable
from edge.counts import Interval, Lost, Record, Sighting, moment
from edge.errors import StoreError
from edge.store import drafts, pictures, questions
from edge.store.accounts import Accounts
from edge.store.audit import Entry, note
from edge.store.decisions import Decisions
from edge.store.drafts import Draft
from edge.store.file import empty_log, former_store, hold, is_full, max_pages, open_checked, sentences
from edge.store.questions import Answer, Question
from edge.store.records import Records
from edge.store.relief import Relief
from edge.store.reserve import Reserve
from edge.store.room import (
    MARGIN_PAGES,
    RECORDS_A_PAGE,
    Shed,
    count_lost,
    delete,
    free_pages,
    give_pages_back,
    is_too_long,
    mark_delivered,
    shed,
    shed_delivered,
)
from edge.store.rows import COLUMNS, Row, insert, mend_outbox, revise, rewrite
from edge.store.schema import transaction
from edge.store.times import consistent, corrected
from edge.store.wal import mend_log
from edge.wire import Key, Mark, Stored, StoreHealth, as_sent, picture_id, whole_ms

log = logging.getLogger(__name__)

OWED, _PLACE = "names_owed", "named"  # settings
AT_ONCE = 200  # records that are changed under one lock, so that no commit waits long
_Beside = TypeVar("_Beside", Accounts, Decisions)


class Store(Records):
    """SQLite file and picture folder below `config.folder`.

    Any thread may call anything: writers share one connection behind a lock, each reading thread has its own. One
    process at a time, held by a lock file. Every method raises StoreError where the disk does not do its part.
    A store in memory takes its `accounts` from another folder. Accounts or decisions whose file cannot be used are
    `unusable`, and cost no result. Records up to `last_elsewhere` were made under another name or at another site: to a
    platform they may be another node's.
    """

    def __init__(self, config: StoreTable, node: str, site: str = "", *, accounts: Path | None = None) -> None:
        super().__init__(Path(config.folder), node)
        self._site = site
        self._max_mb = config.max_mb
        self._pictures_bytes = config.pictures_mb * MEGABYTE
        self._lock = Lock()
        self._losing = False
        self.revised = 0  # counts changes to what is kept already (late pictures, a clock set): readers begin anew
        self.retimed = 0  # counts those by a clock: they alone reach further back than CORRECTED
        with ExitStack() as parts:
            self._open(config, parts, accounts)
            self._closing = parts.pop_all()

    def _open(self, config: StoreTable, parts: ExitStack, accounts: Path | None) -> None:
        with sentences(self._path, "open the store"):
            parts.callback(hold(self._folder).close)
            reserve = Reserve(self._folder)
            if reserve.is_needed_to_start() and reserve.release():
                log.warning("reserve_spent", extra={"store": str(self._path)})
            self._mend_log()
            self._db = open_checked(self._path, config.max_mb * MEGABYTE, replace_unreadable=True)
            parts.callback(self._db.close)
            self._most_pages = max_pages(self._db, config.max_mb * MEGABYTE)
            parts.callback(super().close)
            self._relief = Relief(self._db, self._path, reserve, self._picture_files, self._most_pages)
            self._session = self._relief.despite_full_disk(self._begin_session)
            self._relief.prepare()
            # Last, when a full disk may have room again. Other accounts than the card's would log nobody in.
            self.accounts = _opened(Accounts, accounts or self._folder)
            parts.callback(self.accounts.close)
            self.decisions = _opened(Decisions, self._folder)
            parts.callback(self.decisions.close)

    def _mend_log(self) -> None:
        """Whatever a spoiled log does to it: SQLite reads what it can, and tells what to do about a disk."""
        try:
            if mend_log(self._path):
                log.warning("log_mended", extra={"store": str(self._path)})
        except (OSError, ValueError, LookupError) as why:
            log.warning("log_not_mended", extra={"store": str(self._path), "why": str(why)})

    def _begin_session(self) -> int:
        with transaction(self._db) as db:
            mended = mend_outbox(db)
            db.execute("UPDATE identity SET sessions = sessions + 1")
            (session,) = db.execute("SELECT sessions FROM identity").fetchone()
            self.last_elsewhere = self._note_place(db)
            pictures.sweep(db, self._picture_files)
            named = {question.id: question.size_bytes for question in questions.select(db, "bytes > 0")}
            questions.forget(db, sorted(self._question_files.sweep(named)))
        if mended:
            log.warning("outbox_mended", extra={"rows": mended})
        return int(session)

    def _note_place(self, db: sqlite3.Connection) -> int:
        """Seq of the last record from elsewhere, or of all where no place was noted; the place is from here on."""
        noted, place = (self.setting(_PLACE) or "").split(), [self._node, self._site]  # once the name alone was noted
        is_known = noted[1:] in (place, place[:1]) and noted[0].isdecimal() and len(noted[0]) < 19
        elsewhere = int(noted[0]) if is_known else self._next_seq() - 1
        if noted[1:] != place:
            _set(db, _PLACE, " ".join([str(elsewhere), *place]))
        return elsewhere

    def session_number(self) -> int:
        """Which start of the node on this file this is, from 1."""
        return self._session

    def health(self) -> StoreHealth:
        """The store's part of `health`."""
        return replace_fields(super().health(), max_mb=float(self._max_mb))

    def close(self) -> None:
        """Close the file. May be called twice."""
        with self._lock:
            self._closing.close()

    # Writing: the loop commits, the publisher marks

    def commit(self, records: Sequence[Record], picture: bytes | None = None) -> tuple[Key, ...]:
        """Keep all of the records, or none and raise StoreError; durable when it returns.

        `picture` (JPEG) belongs to the sightings among them and gets its id. A picture that cannot be kept is left
        out: the records matter more. Makes room first when the store is full.
        """
        if not records:
            return ()
        timed = [consistent(record) if isinstance(record, Interval) else record for record in records]
        sent, at = [as_sent(record) for record in timed], moment(records[0])
        with self._lock, sentences(self._path, "commit"):
            return self._relief.despite_full_disk(lambda: self._commit(sent, picture, at))

    def commit_interval(self, interval: Interval, draft: Draft) -> Key:
        """Keep an interval, or a newer revision of it, with what its next correction needs: all or nothing.

        A revision takes the place of the one before, and only its own acknowledgement takes it out of the outbox.
        """
        sent, at = as_sent(consistent(interval)), interval.end
        with self._lock, sentences(self._path, "commit"):
            (key,) = self._relief.despite_full_disk(lambda: self._commit([sent], None, at, draft))
            self.revised += 1  # a fed folder's, which may fill any hour that a late picture still corrects
        return key

    def mark_delivered(self, marks: Iterable[Mark]) -> None:
        """Take records out of the outbox; they stay replayable until room is needed.

        Unknown ones are ignored, and those of which a newer revision waits.
        """
        gone = sorted(marks)
        while gone:
            step, gone = gone[:AT_ONCE], gone[AT_ONCE:]
            with self._lock, sentences(self._path, "mark records as delivered"):
                self._relief.despite_full_disk(partial(self._mark, step))

    def correct_clock(self, known: Instant, *, without: Collection[Mark] = (), without_question: str = "") -> int:
        """Put right what waits of the boot of `known` and was made before its clock was; returns how many.

        `without`: records and a question on their way, which must not change any more. Small steps, so that no commit
        waits long.
        """
        done, found = 0, self._unsynced(known, without)
        while found:
            step, found = found[:AT_ONCE], found[AT_ONCE:]
            with self._lock, sentences(self._path, "correct the time of records"):
                self._relief.despite_full_disk(partial(self._rewrite, step))
                self.retimed += (is_counted := any(isinstance(one.record, Interval) for one in step))
                self.revised += is_counted
            done += len(step)
        return done + self._correct_questions(known, without_question)

    def give_up_damaged(self, at: Instant) -> int:
        """Delete rows that could not be read since the start, announce those that still waited; returns how many."""
        if not self._damaged:
            return 0
        with self._writing("give up damaged records") as db:
            noted = set(self._damaged)
            damaged = [seq for seq in sorted(noted) if self._is_damaged(db, seq)]  # none that was revised since
            undelivered = delete(db, damaged)
            for seq in undelivered:
                lost = Lost(at=at, first_seq=seq, last_seq=seq, count=1, reason="damaged")
                insert(db, self._keyed(self._next_seq(), as_sent(lost)))
            count_lost(db, len(undelivered))
        self._damaged.difference_update(noted)
        return len(damaged)

    def count_lost(self, records: int) -> None:
        """So many never had a number, so none can be announced: the card took none while memory held no more."""
        with self._writing("count lost records") as db:
            count_lost(db, records)

    def note_audit(self, entry: Entry) -> None:
        """Add to the audit trail."""
        with self._writing("keep the audit trail") as db:
            note(db, entry)

    def forget_pictures(self, before: datetime) -> int:
        """Remove the kept pictures from before that time, by intervals whose clock was set; returns how many."""
        with self._lock, sentences(self._path, "remove old pictures"):
            with transaction(self._db) as db:
                names = pictures.older_than(db, before)
                pictures.forget(db, names)
            self._picture_files.remove(names)
        return len(names)

    def take_over_counted(self, present: Collection[str]) -> bool:
        """Into a store that begins after another one: pictures of a fed folder that were counted into that.

        If it cannot be read, all that are `present`: none counts twice, and some perhaps not at all. False: none is,
        as in a folder that is not mounted, and this is owed, over restarts too, until some are.
        """
        former, is_owed = former_store(self._folder), bool(self.setting(OWED))
        if not is_owed and (former is None or self.last_seq()):
            return True
        names = drafts.names_in(former) if former else None
        is_done = names is not None or bool(present)
        log.warning("names_taken_over", extra={"of": str(former), "are_read": names is not None, "is_done": is_done})
        with self._lock, sentences(self._path, "keep which pictures were counted"):
            self._relief.despite_full_disk(
                partial(self._note_names, present if names is None else names, is_done=is_done)
            )
        return is_done

    def forget_counted(self, present: Collection[str]) -> None:
        """Forget old names of counted pictures, but none of those that are `present` and would be counted again."""
        with self._writing("forget which pictures were counted") as db:
            drafts.forget_names(db, present)

    def set_setting(self, name: str, value: str) -> None:
        """Keep a setting."""
        with self._writing(f"keep the setting {name}") as db:
            _set(db, name, value)

    # Questions to the station: the page asks, the publisher sends and answers

    def ask_station(
        self, at: Instant, photo: bytes, *, who: str = "", note: str = "", guess: str = "", eppo: str = ""
    ) -> Question:
        """Keep a photograph (a JPEG, at most MAX_PHOTO_BYTES) for the station; durable when it returns.

        `who` took it, `guess` is the label that the node or the person would give it. Raises StoreError, with a
        sentence for the person, for what is too long and when too many photographs wait.
        """
        texts = {"who": who, "note": note, "guess": guess, "eppo": eppo}
        questions.check(photo, **texts)
        with self._lock, sentences(self._path, "keep the photograph"):
            return self._relief.despite_full_disk(partial(self._ask, at, photo, texts))

    def mark_question_sent(self, name: str) -> None:
        """A subscriber has got it. It stays until its room is needed."""
        with self._writing("mark a question as sent") as db:
            questions.mark_sent(db, name)

    def answer_question(self, name: str, answer: Answer) -> bool:
        """Keep the station's answer, in place of an earlier one. False: that question is not kept here."""
        with self._writing("keep an answer") as db:
            return questions.answer(db, name, answer)

    def delete_question(self, name: str) -> bool:
        """Photograph, words and answer, for good; durable when it returns. False: that question is not kept here.

        The photograph goes first: a row without one, which a power cut leaves, goes at the next start. Then the log is
        emptied, whose older pages hold the words; on a full disk, or beside whoever reads on and on, some time later.
        """
        with self._lock, sentences(self._path, "delete the question"):
            is_here = self._relief.despite_full_disk(partial(self._delete_question, name))
            if is_here:
                empty_log(self._db)
        return is_here

    def _is_damaged(self, db: sqlite3.Connection, seq: int) -> bool:
        row = db.execute(f"SELECT {COLUMNS} FROM record WHERE seq = ?", (seq,)).fetchone()  # noqa: S608
        return row is not None and not self._read(Row(*row))

    def _correct_questions(self, known: Instant, without: str) -> int:
        waiting = self._questions("sent = 0 AND clock = 1 AND boot = ? AND id <> ?", known.boot_id, without)
        if not waiting:  # looked at before each health and commit: no write for nothing
            return 0
        with self._writing("correct the time of questions") as db:
            questions.correct(db, known, [question.id for question in waiting])
        return len(waiting)

    def _ask(self, at: Instant, photo: bytes, texts: dict[str, str]) -> Question:
        self._make_room(1, at)
        (gone, bare), name = questions.surplus(self._db, len(photo)), questions.next_id(self._db, self.epoch.hex)
        asked = Question(id=name, at=whole_ms(at), **texts, size_bytes=len(photo), is_sent=False, answer=None)
        self._question_files.write(name, photo)
        with transaction(self._db) as db:
            questions.forget(db, gone)
            questions.strip(db, bare)
            questions.insert(db, asked)
        self._question_files.remove(gone + bare)
        return asked

    def _delete_question(self, name: str) -> bool:
        if not questions.select(self._db, "id = ?", name):
            return False
        self._question_files.delete(name)
        with transaction(self._db) as db:
            questions.forget(db, [name])
        return True

    def _commit(
        self, records: list[Record], picture: bytes | None, at: Instant, draft: Draft | None = None
    ) -> tuple[Key, ...]:
        self._make_room(len(records) + (draft.as_records if draft else 0), at)
        known = None if draft is None else draft.seq
        first, put = (self._next_seq(), insert) if known is None else (known, revise)
        name = None if picture is None else self._keep_picture(first, picture)
        keyed = [self._keyed(seq, _with_picture(record, name)) for seq, record in enumerate(records, start=first)]
        surplus: list[str] = []
        first_lost = 0
        with transaction(self._db) as db:
            pictures.forget(db, self._relief.unlinked)
            for one in keyed:
                put(db, one)
                if draft is not None and isinstance(one.record, Interval):
                    drafts.keep(db, one.key.seq, one.record, draft)
            if name is not None and picture is not None:
                surplus = pictures.note(db, first, name, len(picture), self._pictures_bytes)
            if is_too_long(db, self._most_pages):
                first_lost = self._shed_within(db, at).first_seq
            give_pages_back(db, self._most_pages)
        self._tell_full(first_lost)
        self._relief.unlinked.clear()
        self._picture_files.remove(surplus)
        return tuple(one.key for one in keyed)

    def _unsynced(self, known: Instant, without: Collection[Mark]) -> list[Stored]:
        """Waiting records that `known` can correct, corrected; clock 1 is unsynced, as its index says.

        Newest first, and no further than its boot: boots follow one another in the file (a revision keeps its place,
        but its time is known). A node without a broker may keep a year of records of earlier boots.
        """
        waits = "EXISTS (SELECT 1 FROM waiting w WHERE w.priority = r.priority AND w.seq = r.seq)"
        unsynced = f"SELECT {COLUMNS} FROM record r WHERE clock = 1 AND {waits} ORDER BY seq DESC"  # noqa: S608
        with sentences(self._path, "read records"), closing(self._readers.mine().execute(unsynced)) as rows:
            found = (one for row in rows for one in self._read(Row(*row)))
            read = list(takewhile(lambda one: moment(one.record).boot_id == known.boot_id, found))
        right = [replace(one, record=as_sent(corrected(one.record, known))) for one in read]
        return [new for old, new in zip(read, right, strict=True) if new != old and old.mark not in without]

    def _note_names(self, names: Collection[str], *, is_done: bool) -> None:
        with transaction(self._db) as db:
            drafts.note_names(db, names)
            _set(db, OWED, "" if is_done else "yes")

    def _mark(self, marks: list[Mark]) -> None:
        """A store at its cap sheds for it what was delivered before: nothing that would have to be announced."""
        with transaction(self._db) as db:
            if free_pages(db) < MARGIN_PAGES:
                shed_delivered(db)
            mark_delivered(db, marks)

    def _rewrite(self, records: list[Stored]) -> None:
        with transaction(self._db) as db:
            for one in records:
                rewrite(db, one)

    def _keyed(self, seq: int, record: Record) -> Stored:
        return Stored(Key(self._node, self.epoch, seq), record)

    def _next_seq(self) -> int:
        """One more than was ever committed in this epoch."""
        (last,) = self._db.execute(
            "SELECT max(seq) FROM (SELECT seq FROM sqlite_sequence WHERE name = 'record'"
            " UNION ALL SELECT max(seq) FROM record)"  # should the first have lost a bit
        ).fetchone()
        return (last or 0) + 1

    # Making room

    def _make_room(self, records: int, at: Instant) -> None:
        """Shed until the records fit below the cap. Raises StoreError, and sheds none, if all would not be enough."""
        needed = MARGIN_PAGES + records // RECORDS_A_PAGE
        if free_pages(self._db) >= needed:
            return
        first_lost = 0
        with transaction(self._db) as db:
            while free_pages(db) < needed:
                gone = self._shed_within(db, at)
                if not gone.delivered and not gone.undelivered:
                    raise StoreError(f"{self._path}: {records} records do not fit{self._why_full()}")
                first_lost = first_lost or gone.first_seq
        self._tell_full(first_lost)

    def _why_full(self) -> str:
        if self._relief.is_short_of_disk():
            return ": the disk is full; free some space on it"
        return f"; raise store.max_mb (now {self._max_mb})"

    def _shed_within(self, db: sqlite3.Connection, at: Instant) -> Shed:
        """Delete some old records, and announce those that were not delivered."""
        gone = shed(db)
        lost = gone.announcement(at)
        if lost is not None:
            insert(db, self._keyed(self._next_seq(), as_sent(lost)))
        return gone

    def _tell_full(self, first_lost: int) -> None:
        """Once: from then on `health` counts what is lost."""
        if first_lost and not self._losing:
            log.warning("store_full", extra={"first_lost": first_lost, "max_mb": self._max_mb})
            self._losing = True

    def _keep_picture(self, first_seq: int, jpeg: bytes) -> str | None:
        name = picture_id(self.epoch.hex, first_seq)
        try:
            self._picture_files.write(name, jpeg)
        except OSError as why:
            log.warning("picture_not_kept", extra={"why": str(why)})
            if is_full(why):
                self._relief.drop_pictures()
            return None
        return name

    @contextmanager
    def _writing(self, doing: str) -> Iterator[sqlite3.Connection]:
        """A transaction of its own; `doing` says in an error what was wanted."""
        with self._lock, sentences(self._path, doing), transaction(self._db) as db:
            yield db


def _set(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, value))


def _opened(kind: type[_Beside], folder: Path) -> _Beside:
    """A small file beside the records; one that cannot be used is left alone, and there is another in memory."""
    try:
        return kind(folder)
    except StoreError as why:
        unusable = f"{why}, then restart the node"
        log.error("file_unusable", extra={"why": unusable})  # noqa: TRY400  the sentence says all
        return kind(folder, unusable=unusable)


def _with_picture(record: Record, name: str | None) -> Record:
    return replace(record, picture=name) if name is not None and isinstance(record, Sighting) else record
