"""Space set apart for the day when the disk is full: SQLite can delete nothing before it has written the deletion."""

import os
import shutil
from pathlib import Path

from edge.store.file import LOG_BYTES

RESERVE_BYTES = 1024 * 1024  # a whole log (see file.LOG_BYTES) can be checkpointed into it
REFILL_BYTES = 4 * RESERVE_BYTES  # refilled only when so much is free: it must not fill the disk itself
_START_BYTES = RESERVE_BYTES // 4  # what a start writes before anything can be shed: a log's index for each file


class Reserve:
    """A file of zeros beside the database."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "reserve"

    def is_there(self) -> bool:
        """Is the space still set apart? A power cut between its name and its length leaves an empty file."""
        return self._path.exists() and self._path.stat().st_size >= RESERVE_BYTES

    def is_needed_to_start(self) -> bool:
        """Is the disk so full that the store could not even be opened?"""
        return self._free_bytes() < _START_BYTES

    def beyond_bytes(self) -> int:
        """What may be used up before no space is left that could be set apart again."""
        return max(0, self._free_bytes() - RESERVE_BYTES)

    def spare_bytes(self, log_bytes: int) -> int:
        """What may be used up once the space is given back, and the log, so long now, still gets its room."""
        return max(0, self._free_bytes() + log_bytes - LOG_BYTES)

    def fill(self) -> bool:
        """Make the file if it is missing and the disk has room; True if it was made."""
        if self.is_there() or self._free_bytes() < REFILL_BYTES:
            return False
        with self._path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
        return True

    def release(self) -> bool:
        """Give the space back; False if it was already given."""
        was_there = self.is_there()
        self._path.unlink(missing_ok=True)
        return was_there

    def _free_bytes(self) -> int:
        return shutil.disk_usage(self._path.parent).free
