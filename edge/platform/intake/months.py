"""Records lie in a partition a month; those of clocks that were years off, and of months to come, are undated."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

import psycopg

from edge.platform.database import Database

FIRST_MONTH = date(2020, 1, 1)  # records before it come from a clock that was off
MONTH_AGAIN = timedelta(minutes=1)  # while a backup reads, each try costs a batch a second


class Months:
    """Owned by its intake's thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made: set[date] = set()
        self._again = datetime.min.replace(tzinfo=UTC)  # when to try for others

    def ensure(self, times: Collection[datetime], received: datetime) -> None:
        """Where somebody reads all records, a month's first ones lie among the undated until a later batch."""
        for month in {_month_of(at) for at in times} - self._made:
            if FIRST_MONTH <= month <= received.date() and received >= self._again:
                try:
                    self._database.execute("SELECT ensure_month(%s)", (month,))
                    self._made.add(month)
                except psycopg.errors.LockNotAvailable:
                    self._again = received + MONTH_AGAIN

    def lock_undated(self, times: Collection[datetime]) -> None:
        """Before all else: from a month that is made meanwhile older forms would not go, and new records be refused."""
        if any(_month_of(at) not in self._made for at in times):
            self._database.execute("LOCK TABLE record_undated IN ROW EXCLUSIVE MODE")


def _month_of(at: datetime) -> date:
    """By its first day, in UTC as the partitions are."""
    return date(at.year, at.month, 1)
