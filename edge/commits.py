"""The loop's way into the store: commit first, only then may anybody see it.

What the card refuses is kept here, in order, and tried again with the next commit. A damaged store ends the loop, and
the node with it: to wait would lose more than what is not yet committed.
"""

import logging
from collections.abc import Callable, Sequence

from edge.counts import Interval, Record
from edge.errors import StoreDamagedError, StoreError
from edge.status import StatusBoard
from edge.store import Draft, Store

log = logging.getLogger(__name__)

MOST_UNKEPT = 1000  # records held in memory while the card takes none; the oldest go


class Commits:
    """Owned by the loop's thread. `committed` is called after each commit; `trouble` says why the card refuses."""

    def __init__(self, store: Store, board: StatusBoard, committed: Callable[[], None]) -> None:
        self._store, self._board, self._committed = store, board, committed
        self._records: list[Record] = []
        self._intervals: list[tuple[Interval, Draft]] = []
        self.trouble = ""

    @property
    def has_intervals(self) -> bool:
        """Does an interval of a fed folder wait for the card?"""
        return bool(self._intervals)

    def commit(self, records: Sequence[Record], picture: bytes | None = None) -> None:
        """These records, after those that wait, which are not of this `picture`'s time."""
        try:
            self._store.commit(self._records)
            self._records = []
            self._store.commit(records, picture)
        except StoreDamagedError:
            raise
        except StoreError as why:
            self._records = [*self._records, *records][-MOST_UNKEPT:]
            self.tell(str(why))
            return
        self.tell("")
        self._committed()

    def commit_intervals(self, *more: tuple[Interval, Draft]) -> bool:
        """A fed folder's intervals with the names of their pictures, after those that wait; False: the card refuses."""
        self._intervals = [*self._intervals, *more][-MOST_UNKEPT:]
        try:
            while self._intervals:
                self._store.commit_interval(*self._intervals[0])
                del self._intervals[0]
        except StoreDamagedError:
            raise
        except StoreError as why:
            self.tell(str(why))
            return False
        self.commit([])  # what was refused before, and the publisher wakes
        return True

    def tell(self, trouble: str) -> None:
        """Why the card refuses, on the board; the log tells when that begins and ends."""
        if bool(trouble) != bool(self.trouble):
            log.warning("store_trouble_changed", extra={"now": trouble or "none", "unkept": len(self._records)})
        if trouble != self.trouble:
            self.trouble = trouble
            self._board.show(store=trouble)

    def end(self) -> None:
        """Raises StoreError if something is left that the card did not take."""
        if self._records or self._intervals:
            raise StoreError(self.trouble)
