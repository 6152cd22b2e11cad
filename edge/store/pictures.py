"""Kept pictures: files beside the database, within a budget of bytes of their own; the oldest go first.

A file is written beside, synced and renamed before the row that names it is committed. So a row never points at half a
picture; what a power cut leaves behind is a file without a row, which the next start removes.
"""

import os
import re
import sqlite3
from pathlib import Path

from edge.durable import write_durably
from edge.wire import picture_id

_SAFE_ID = re.compile(r"[0-9a-f]{8}-[0-9]{1,19}")


class Pictures:
    """The folder of pictures. Owned by the store, which holds its lock around every call."""

    def __init__(self, folder: Path, max_bytes: int, epoch_hex: str) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._epoch_hex = epoch_hex

    def sweep(self, db: sqlite3.Connection) -> None:
        """At start: remove files that no row names and rows whose file is gone. Pictures of earlier epochs go too."""
        self._folder.mkdir(exist_ok=True)
        named = {str(row[0]) for row in db.execute("SELECT id FROM picture")}
        there = {path.stem for path in self._folder.glob("*.jpg")}
        for path in self._folder.iterdir():
            if path.stem not in named or path.suffix != ".jpg":
                path.unlink()
        self.forget(db, sorted(named - there))

    def write(self, first_seq: int, jpeg: bytes) -> str:
        """Put the file in place, durable; returns its id. Raises OSError, and leaves nothing behind, if it cannot."""
        name = picture_id(self._epoch_hex, first_seq)
        write_durably(self._path(name), jpeg)
        self._sync_folder()
        return name

    def note(self, db: sqlite3.Connection, first_seq: int, name: str, size: int) -> list[str]:
        """Within the caller's transaction: the picture's row, and no more rows than the budget allows.

        Returns the ids whose files the caller removes once the transaction is committed.
        """
        db.execute("INSERT INTO picture (seq, id, bytes) VALUES (?, ?, ?)", (first_seq, name, size))
        surplus = self.oldest(db, total_bytes(db) - self._max_bytes)
        self.forget(db, surplus)
        return surplus

    def oldest(self, db: sqlite3.Connection, at_least_bytes: int) -> list[str]:
        """Ids of the oldest pictures that together have so many bytes."""
        found, total = [], 0
        for name, size in db.execute("SELECT id, bytes FROM picture ORDER BY seq"):
            if total >= at_least_bytes:
                break
            found.append(str(name))
            total += size
        return found

    def forget(self, db: sqlite3.Connection, names: list[str]) -> None:
        """Within the caller's transaction: delete rows."""
        db.executemany("DELETE FROM picture WHERE id = ?", [(name,) for name in names])

    def remove(self, names: list[str]) -> None:
        """Remove files whose rows are gone."""
        for name in names:
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.jpg"

    def _sync_folder(self) -> None:
        """The new name is durable only once the folder is."""
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_picture(folder: Path, name: str) -> bytes | None:
    """The JPEG, or None if it was never there or is shed. A name that is no id finds nothing."""
    if not _SAFE_ID.fullmatch(name):
        return None
    try:
        return (folder / f"{name}.jpg").read_bytes()
    except FileNotFoundError:
        return None


def total_bytes(db: sqlite3.Connection) -> int:
    """Bytes of all pictures."""
    return int(db.execute("SELECT coalesce(sum(bytes), 0) FROM picture").fetchone()[0])
