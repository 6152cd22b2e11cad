"""The loop's way into the store: commit first, only then may anybody see it.

What the card refuses is kept here, in order, and tried again with the next commit. A damaged store ends the loop, and
the node with it: to wait would lose more than what is not yet committed.
"""

import logging
from collections.abc import Callable, Sequence

from edge.census import Census
from edge.clock import Clock, ClockState
from edge.counts import Interval, Record
from edge.errors import StoreDamagedError, StoreError
from edge.loop.kept_card import KeptCard
from edge.status import StatusBoard
from edge.store import PRIORITIES, Draft, Store

log = logging.getLogger(__name__)

MOST_UNKEPT = 1000  # records held in memory while the card takes none; the oldest of the least urgent go


class Commits:
    """Owned by the loop's thread. `committed` is called after each commit; `trouble` says why the card refuses."""

    def __init__(self, store: Store, board: StatusBoard, trap_card: KeptCard, committed: Callable[[], None]) -> None:
        self._store, self._board, self._trap_card, self._committed = store, board, trap_card, committed
        self._records: list[Record] = []
        self._intervals: list[tuple[Interval, Draft]] = []
        self._lost = 0  # went from memory, and the store has not counted them yet
        self.trouble = ""
        self._in_memory = board.snapshot().store  # why results are kept there, which no commit mends

    def commit(self, records: Sequence[Record], picture: bytes | None = None) -> None:
        """These records, after those that wait, which are not of this `picture`'s time."""
        self._trap_card.keep_again()
        self._commit(records, picture)

    def commit_interval(self, interval: Interval, census: Census | None, draft: Draft | None = None) -> None:
        """An interval, after the trap's card up to its end; one of a fed folder with its `draft`."""
        self._trap_card.keep(census)
        if draft is None:
            self._commit([interval])
            return
        self._intervals.append((interval, draft))
        self._lost += max(0, len(self._intervals) - MOST_UNKEPT)
        self._intervals = self._intervals[-MOST_UNKEPT:]
        self._commit_intervals()

    def commit_waiting(self) -> bool:
        """A fed folder's intervals that the card did not take; False: it still does not."""
        if not self._intervals:
            return True
        self._trap_card.keep_again()
        return self._commit_intervals()

    def _commit(self, records: Sequence[Record], picture: bytes | None = None) -> None:
        try:
            self._store.commit(self._records)
            self._records = []
            self._store.commit(records, picture)
            records = ()
            if self._lost:
                self._store.count_lost(self._lost)
                self._lost = 0
        except StoreDamagedError:
            raise
        except StoreError as why:
            self._hold([*self._records, *records])
            self.tell(str(why))
            return
        if not self._intervals:  # else they are still refused, and an alert alone was taken
            self.tell("")
        self._committed()

    def _hold(self, records: list[Record]) -> None:
        """In memory, in their order, as many as it takes: what leaves first goes last, as in a full store."""
        oldest_first = sorted(enumerate(records), key=lambda one: (-PRIORITIES[type(one[1])], one[0]))
        gone = {number for number, _ in oldest_first[: max(0, len(records) - MOST_UNKEPT)]}
        self._records = [record for number, record in enumerate(records) if number not in gone]
        self._lost += len(gone)

    def _commit_intervals(self) -> bool:
        try:
            while self._intervals:
                self._store.commit_interval(*self._intervals[0])
                del self._intervals[0]
        except StoreDamagedError:
            raise
        except StoreError as why:
            self.tell(str(why))
            return False
        self._commit([])  # what was refused before, and the publisher wakes
        return True

    def tell(self, trouble: str) -> None:
        """Why the card refuses, on the board; the log tells when that begins and ends."""
        if bool(trouble) != bool(self.trouble):
            log.warning("store_trouble_changed", extra={"now": trouble or "none", "unkept": len(self._records)})
        if trouble != self.trouble:
            self.trouble = trouble
            self._board.show(store=trouble or self._in_memory)

    def end(self) -> None:
        """Raises StoreError if something is left that the card did not take."""
        if self._records or self._intervals:
            raise StoreError(self.trouble)


def put_times_right(store: Store, clock: Clock) -> None:
    """After a commit, where no publisher does it: records of this boot from before its clock was set get their time."""
    now = clock.now()
    if now.state is not ClockState.SYNCED:
        return
    try:
        store.correct_clock(now)
    except StoreDamagedError:
        raise
    except StoreError as why:  # the next commit tries again
        log.warning("times_not_corrected", extra={"why": str(why)})
