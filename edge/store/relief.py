"""How a write gets done on a full disk: pictures go first, then the reserve; from then on the file grows no further."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from edge.store.file import is_full, log_bytes, page_bytes
from edge.store.jpegs import Jpegs
from edge.store.pictures import oldest
from edge.store.reserve import REFILL_BYTES, Reserve
from edge.store.room import MARGIN_PAGES, lacking_pages

log = logging.getLogger(__name__)

_PICTURES_BYTES = 1_000_000  # that go at once
_Done = TypeVar("_Done")


class Relief:
    """Owned by the store, which holds its lock around every call."""

    def __init__(
        self, db: sqlite3.Connection, path: Path, reserve: Reserve, picture_files: Jpegs, most_pages: int
    ) -> None:
        self._db, self._path, self._reserve = db, path, reserve
        self._picture_files, self._most_pages = picture_files, most_pages
        self.unlinked: list[str] = []  # pictures whose files went before their rows could

    def prepare(self) -> None:
        """At start, where the reserve was spent: pictures go for it, and until it is there the file stays as it is."""
        if not self._reserve.is_there():
            self._spend_pictures(REFILL_BYTES)
            self._grow_no_further()
            self._restore_reserve()

    def despite_full_disk(self, write: Callable[[], _Done]) -> _Done:
        """Do it; while the disk is full, free what can be spared and do it again."""
        self._restore_reserve()
        for relieve in (self._spend_pictures, self._spend_reserve):
            try:
                return write()
            except (sqlite3.OperationalError, OSError) as why:
                if not is_full(why):
                    raise
                relieve()
        return write()

    def is_short_of_disk(self) -> bool:
        """Does the file take no more because of the disk, and not for its own cap?"""
        return bool(self._db.execute("PRAGMA max_page_count").fetchone()[0] < self._most_pages)

    def drop_pictures(self, at_least_bytes: int = _PICTURES_BYTES) -> int:
        """Files of the oldest: on a full disk their rows cannot be deleted before there is room; returns how many."""
        names = oldest(self._db, at_least_bytes)
        self._picture_files.remove(names)
        self.unlinked += names
        return len(names)

    def _spend_pictures(self, at_least_bytes: int = _PICTURES_BYTES) -> None:
        log.warning("disk_full", extra={"pictures_dropped": self.drop_pictures(at_least_bytes)})

    def _spend_reserve(self) -> None:
        if self._reserve.release():
            log.warning("reserve_spent", extra={"store": str(self._path)})
        self._grow_no_further()  # again, for a log that cannot grow either: it is written from its start once more

    def _grow_no_further(self) -> None:
        """Not into the room that the log needs: from now on what is written takes the place of what is shed.

        A file with little to shed grows a little all the same, as long as the log keeps its room.
        """
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        pages, page = self._db.execute("PRAGMA page_count").fetchone()[0], page_bytes(self._db)
        spare = self._reserve.spare_bytes(log_bytes(self._path)) // page
        pages += max(self._reserve.beyond_bytes() // page, min(lacking_pages(self._db), spare))
        pages = max(pages, 2 * MARGIN_PAGES)  # a new file holds some records all the same
        self._db.execute(f"PRAGMA max_page_count = {min(pages, self._most_pages)}")

    def _restore_reserve(self) -> None:
        """The disk has room again: set the reserve apart and let the file grow to its cap."""
        if self._reserve.fill():
            self._db.execute(f"PRAGMA max_page_count = {self._most_pages}")
