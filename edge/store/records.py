"""Reads what a store holds. Any number of threads, and other programs beside the node, may do so at once."""

import logging
import math
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID
from zlib import crc32

from edge.config import MEGABYTE
from edge.counts import Interval, Record, Sighting
from edge.errors import StoreError, WireError
from edge.store.audit import Entry, is_known, trail
from edge.store.drafts import CORRECTED, numbered_names, without_former
from edge.store.file import NAME, page_bytes, sentences
from edge.store.jpegs import Jpegs
from edge.store.pictures import newest_after, pictures_in, total_bytes
from edge.store.questions import Question, number_waiting, questions_in, select
from edge.store.readers import Readers
from edge.store.rows import COLUMNS, KINDS, LEAST_URGENT, PRIORITIES, Row, read
from edge.store.times import kept_utc
from edge.wire import Mark, Stored, StoreHealth, boot_bytes, utc_ms

log = logging.getLogger(__name__)

BATCH_RECORDS = 20
BATCH_BYTES = 8192
EPOCH_BYTES = 16


class Waiting(NamedTuple):
    """The depth and age of the outbox."""

    records: int
    oldest_utc: datetime | None


class Records:
    """The reading side of the store in `folder`. Every method raises StoreError where the disk does not do its part."""

    def __init__(self, folder: Path, node: str) -> None:
        self._path = folder / NAME
        self._node = node
        self._readers = Readers(self._path)
        self._damaged: set[int] = set()  # seqs whose rows could not be read
        self._folder = folder
        self._picture_files = pictures_in(folder)

    @property
    def damaged(self) -> int:
        """How many records that were asked for could not be read."""
        return len(self._damaged)

    @cached_property
    def epoch(self) -> UUID:
        """New whenever the file was created anew."""
        with sentences(self._path, "read its epoch"):
            (epoch,) = self._readers.mine().execute("SELECT CAST(epoch AS BLOB) FROM identity").fetchone()
        if len(epoch) != EPOCH_BYTES:
            raise StoreError(f"{self._path}: its epoch is damaged; rename it to {NAME}.older-1 to begin an empty one")
        return UUID(bytes=epoch)

    def close(self) -> None:
        """Close the connections. May be called twice."""
        self._readers.close()

    def next_batch(
        self,
        limit_records: int = BATCH_RECORDS,
        limit_bytes: int = BATCH_BYTES,
        *,
        without: Collection[Mark] = (),
        least_urgent: int = LEAST_URGENT,
        undated: str | None = None,
    ) -> list[Stored]:
        """The records to send next: urgent before old, old before new, except `without`; at least one if any waits.

        Priorities beyond `least_urgent` stay where they are, and so do counts of the boot `undated` whose clock was not
        set: intervals and sightings.
        """
        boot = None if undated is None else boot_bytes(undated)
        with sentences(self._path, "read the outbox"):
            db = self._readers.mine()
            urgent = db.execute(
                "SELECT w.seq, r.revision FROM waiting w CROSS JOIN record r ON r.seq = w.seq"
                " WHERE w.priority <= ? AND NOT (r.clock = 1 AND w.priority >= ? AND ifnull(instr(r.body, ?), 0))"
                " ORDER BY w.priority, w.seq",
                (least_urgent, PRIORITIES[Interval], boot),
            )
            one = f"SELECT {COLUMNS} FROM record WHERE seq = ?"  # noqa: S608
            rows = (db.execute(one, (seq,)).fetchone() for seq, revision in urgent if (seq, revision) not in without)
            # None: shed since; Python ends a statement, and its snapshot, before it gives the last row
            return self._batch((row for row in rows if row is not None), limit_records, limit_bytes)

    def waiting(self) -> Waiting:
        """How many records wait for the broker, and since when."""
        with sentences(self._path, "read the outbox"):
            db = self._readers.mine()
            count, first = db.execute("SELECT count(*), min(seq) FROM waiting").fetchone()
            row = db.execute("SELECT utc_ms FROM record WHERE seq = ?", (first,)).fetchone()
            return Waiting(count, None if row is None else kept_utc(row[0]))

    def delivered(self) -> int:
        """How many records are kept that do not wait for the broker."""
        with sentences(self._path, "count what was delivered"):
            return int(self._readers.mine().execute("SELECT count(*) FROM delivered").fetchone()[0])

    def has_to_send(self, now_utc: datetime) -> bool:
        """Does a record wait for the broker, or a question of the last day? Nobody may ever take photographs."""
        waits = "SELECT EXISTS (SELECT 1 FROM waiting) OR EXISTS (SELECT 1 FROM question WHERE sent = 0 AND utc_ms > ?)"
        with sentences(self._path, "read the outbox"):
            row = self._readers.mine().execute(waits, (utc_ms(now_utc - timedelta(days=1)),)).fetchone()
            return bool(row[0])

    def is_awaited(self, model: str) -> bool:
        """Does an interval wait that names this model? Names stand in a record as they are; a longer one will do."""
        found = (
            "SELECT EXISTS (SELECT 1 FROM waiting w CROSS JOIN record r ON r.seq = w.seq"
            " WHERE w.priority = ? AND instr(r.body, ?))"
        )
        with sentences(self._path, "read the outbox"):
            return bool(self._readers.mine().execute(found, (PRIORITIES[Interval], model.encode())).fetchone()[0])

    def latest_sightings(self, limit: int) -> list[Stored]:
        """Newest first."""
        return self._newest(Sighting, limit)

    def latest_interval(self) -> Stored | None:
        """The newest interval, if any; damaged ones are passed over, though not without end."""
        return next(iter(self._newest(Interval, 1) or self._newest(Interval, 9)), None)

    def intervals_between(self, start_utc: datetime, end_utc: datetime) -> list[Stored]:
        """Intervals that ended in [start, end), by their end."""
        where = "utc_ms >= ? AND utc_ms < ? ORDER BY utc_ms, seq"
        return self._of(Interval, where, utc_ms(start_utc), utc_ms(end_utc))

    def sightings_after(self, seq: int, start_utc: datetime, limit: int) -> list[Stored]:
        """Sightings from `start_utc` on that were committed after `seq`, at most the newest `limit`, newest first."""
        where = "utc_ms >= ? AND seq > ? ORDER BY seq DESC LIMIT ?"
        return self._of(Sighting, where, utc_ms(start_utc), seq, limit)

    def records_between_seq(
        self, first: int, last: int, limit: int | None = None, limit_bytes: float = math.inf
    ) -> list[Stored]:
        """The first `limit`, or all, of the records first..last that are still there and can be read."""
        return self._select("seq BETWEEN ? AND ? ORDER BY seq", first, last, most=limit, most_bytes=limit_bytes)

    def after(self, seq: int, limit: int, limit_bytes: int, *, waiting_only: bool) -> list[Stored]:
        """The next `limit` records after `seq` that can be read: of those that wait, or of all that are kept."""
        waits = " AND EXISTS (SELECT 1 FROM waiting w WHERE w.priority = record.priority AND w.seq = record.seq)"
        where = f"seq > ?{waits if waiting_only else ''} ORDER BY seq"
        return self._select(where, seq, most=limit, most_bytes=limit_bytes)

    def delivered_corrections(
        self, after: float, before: float, now_utc: datetime, limit_bytes: int = BATCH_BYTES
    ) -> list[Stored]:
        """The newest delivered intervals between two seqs that were corrected, one batch, newest first.

        A day beyond the time in which they may be: so the last correction, too, is still among them a day later.
        """
        where = (
            "utc_ms > ? AND seq > ? AND seq < ? AND revision > 0"
            " AND EXISTS (SELECT 1 FROM delivered d WHERE d.seq = record.seq) ORDER BY seq DESC"
        )
        values = utc_ms(now_utc - CORRECTED - timedelta(days=1)), after, before
        return self._of(Interval, where, *values, most=BATCH_RECORDS, most_bytes=limit_bytes)

    def drafts(self, first_utc: datetime, last_utc: datetime) -> list[tuple[int, bytes]]:
        """Seq and state of the intervals that end in (first, last] and can be corrected, see Draft; no damaged one."""
        with sentences(self._path, "read drafts"):
            found = "SELECT seq, CAST(state AS BLOB), crc FROM draft WHERE end_ms > ? AND end_ms <= ?"
            rows = self._readers.mine().execute(found, (utc_ms(first_utc), utc_ms(last_utc)))
            return [(seq, state) for seq, state, crc in rows if crc32(state) == crc]

    def counted_pictures(self) -> set[str]:
        """Names of a folder's pictures that are in an interval already; a file's own where no more is known of it."""
        with sentences(self._path, "read which pictures were counted"):
            return without_former([name for _, name in numbered_names(self._readers.mine())])

    def last_seq(self) -> int:
        """The newest that was ever committed, kept or not; 0 before the first."""
        with sentences(self._path, "read its last number"):
            found = "SELECT seq FROM sqlite_sequence WHERE name = 'record'"
            row = self._readers.mine().execute(found).fetchone()
            return 0 if row is None else int(row[0])

    def audit_trail(self, limit: int = 100) -> list[Entry]:
        """Who asked for what, newest first."""
        with sentences(self._path, "read the audit trail"):
            return trail(self._readers.mine(), limit)

    def is_known_command(self, command: str) -> bool:
        """Was a command of this transaction id seen?"""
        with sentences(self._path, "read the audit trail"):
            return is_known(self._readers.mine(), command)

    def picture(self, name: str) -> bytes | None:
        """The JPEG of a sighting's `picture`, or None if it is no longer kept or cannot be read."""
        return self._picture_files.read(name)

    def questions(self) -> list[Question]:
        """What people asked the station, all that is kept, newest first, with its answers."""
        return self._questions("1 ORDER BY number DESC")

    def question(self, name: str) -> Question | None:
        """One question by its id, or None if it is no longer kept."""
        return next(iter(self._questions("id = ?", name)), None)

    def question_photo(self, name: str) -> bytes | None:
        """The JPEG of a question, or None if it is no longer kept or cannot be read."""
        return self._question_files.read(name)

    def next_question(self) -> tuple[Question, bytes] | None:
        """The oldest that no subscriber has got, with its photograph."""
        for waiting in self._questions("sent = 0 ORDER BY number"):
            photo = self.question_photo(waiting.id)
            if photo is not None:
                return waiting, photo
        return None

    def newest_picture(self, after_seq: int) -> tuple[int, str] | None:
        """Seq and id of the newest kept picture, if it is newer than `after_seq`."""
        with sentences(self._path, "look for a picture"):
            return newest_after(self._readers.mine(), after_seq)

    def setting(self, name: str) -> str | None:
        """A setting, if it was ever set."""
        with sentences(self._path, f"read the setting {name}"):
            found = "SELECT CAST(value AS TEXT) FROM setting WHERE name = ?"
            row = self._readers.mine().execute(found, (name,)).fetchone()
            return None if row is None else str(row[0])

    def health(self) -> StoreHealth:
        """The store's part of `health`."""
        with sentences(self._path, "read its own state"):
            db = self._readers.mine()
            first, last = db.execute(
                "SELECT min(seq), (SELECT seq FROM sqlite_sequence WHERE name = 'record') FROM record"
            ).fetchone()
            lost = db.execute("SELECT CAST(lost AS INTEGER) FROM identity").fetchone()[0]
            pages = db.execute("PRAGMA page_count").fetchone()[0] - db.execute("PRAGMA freelist_count").fetchone()[0]
            pictures_mb, asked = total_bytes(db) / MEGABYTE, number_waiting(db)
        waiting = self.waiting()
        return StoreHealth(
            waiting=waiting.records,
            oldest_waiting_utc=waiting.oldest_utc,
            first_seq=first,
            last_seq=last,
            used_mb=round(pages * page_bytes(db) / MEGABYTE, 3),
            pictures_mb=round(pictures_mb, 3),
            lost=lost,
            questions=asked,
        )

    @cached_property
    def _question_files(self) -> Jpegs:
        return questions_in(self._folder, self.epoch.hex)

    def _questions(self, where: str, *values: object) -> list[Question]:
        with sentences(self._path, "read questions"):
            return select(self._readers.mine(), where, *values)

    def _newest(self, kind: type[Record], limit: int) -> list[Stored]:
        """Back from the last row: by the index, which a `+` keeps away, all of a season would have to be sorted."""
        return self._of(kind, "1 ORDER BY seq DESC LIMIT ?", limit, by="+kind")

    def _of(
        self,
        kind: type[Record],
        where: str,
        *values: float,
        by: str = "kind",
        most: int | None = None,
        most_bytes: float = math.inf,
    ) -> list[Stored]:
        """A row of another kind than its record, by a flipped bit, is passed over: it leaves as what it is."""
        found = self._select(f"{by} = ? AND {where}", KINDS[kind], *values, most=most, most_bytes=most_bytes)
        return [one for one in found if isinstance(one.record, kind)]

    def _select(
        self, where: str, *values: float, most: int | None = None, most_bytes: float = math.inf
    ) -> list[Stored]:
        """A LIMIT in `where` counts damaged rows, which `most` passes over."""
        with sentences(self._path, "read records"):
            rows = self._readers.mine().execute(f"SELECT {COLUMNS} FROM record WHERE {where}", values)  # noqa: S608
            return self._batch(rows, most, most_bytes)

    def _batch(self, rows: Iterable[tuple[Any, ...]], most: int | None, most_bytes: float) -> list[Stored]:
        """The first that can be read, in so many bytes at most by themselves; one, however large it is."""
        batch: list[Stored] = []
        size = 0
        for row in map(Row._make, rows):
            found = self._read(row)
            size += len(row.body) if found else 0
            if batch and size > most_bytes:
                break
            batch += found
            if len(batch) == most:
                break
        return batch

    def _read(self, row: Row) -> list[Stored]:
        """The record, or nothing if its row is damaged: one bad row must not hide the others."""
        try:
            return [read(row, self._node, self.epoch)]
        except WireError as why:
            if row.seq not in self._damaged:
                log.error("record_damaged", extra={"why": str(why)})  # noqa: TRY400
            self._damaged.add(row.seq)
            return []


@contextmanager
def kept_records(folder: Path, node: str) -> Iterator[Records]:
    """What a node keeps, for a command beside it. Raises StoreError where it has not kept anything yet."""
    if not (folder / NAME).exists():
        raise StoreError(f"{folder}: there is no store yet; start the node once, or correct store.folder")
    with closing(Records(folder, node)) as records:
        yield records
