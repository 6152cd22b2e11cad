"""Space set apart for the day when the disk is full: SQLite can delete nothing before it has written the deletion."""

import os
import shutil
from pathlib import Path

RESERVE_BYTES = 512 * 1024
_REFILL_BYTES = 4 * RESERVE_BYTES  # refilled only when so much is free: it must not fill the disk itself


class Reserve:
    """A file of zeros beside the database."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "reserve"

    def fill(self) -> None:
        """Make the file if it is missing and the disk has room. A disk without room has none for a reserve either."""
        if self._path.exists() or shutil.disk_usage(self._path.parent).free < _REFILL_BYTES:
            return
        with self._path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)

    def release(self) -> bool:
        """Give the space back; False if it was already given."""
        if not self._path.exists():
            return False
        self._path.unlink()
        return True
