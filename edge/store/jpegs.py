"""A folder of JPEG files that are named by an id, each written before a row names it. Files of others stay.

Nobody looks at a file before its row is there, so it is not written beside and renamed. What a power cut leaves behind
is a file without a row, or of another size than its row says: both are removed at the next start. A synced file is on
the disk before its row is; syncing costs ext4's journal as much again as the picture itself.
"""

import logging
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from edge.durable import sync_names

log = logging.getLogger(__name__)


class Jpegs:
    """`<id>.jpg` in `folder`, for ids that `ids` matches. `sweep`, `write` and `delete` raise OSError of the disk."""

    def __init__(self, folder: Path, ids: str, *, is_synced: bool) -> None:
        self._folder = folder
        self._is_synced = is_synced
        self._id = re.compile(ids)

    def sweep(self, named: Mapping[str, int]) -> set[str]:
        """At start: remove own files that nobody names by id and bytes; returns the ids of `named` without a file."""
        self._folder.mkdir(exist_ok=True)
        there = set()
        for path in self._folder.iterdir():
            if path.suffix != ".jpg" or not self._id.fullmatch(path.stem):  # a stranger's: not ours to delete
                continue
            if _may_have(path, named.get(path.stem)):
                there.add(path.stem)
            else:
                self.remove([path.stem])
        return named.keys() - there

    def write(self, name: str, jpeg: bytes) -> None:
        """Put the file in place; leaves nothing behind if it cannot."""
        path = self._path(name)
        try:
            with path.open("wb") as file:
                file.write(jpeg)
                file.flush()
                if self._is_synced:
                    os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise
        if self._is_synced:
            sync_names(self._folder)

    def read(self, name: str) -> bytes | None:
        """The JPEG, or None if it was never there, is gone or cannot be read. A name that is no id finds nothing."""
        if not self._id.fullmatch(name):
            return None
        try:
            return self._path(name).read_bytes()
        except OSError:  # not there, or on a bad sector, which must not hold up what goes after it
            return None

    def remove(self, names: Iterable[str]) -> None:
        """Remove files whose rows are gone. What stays nevertheless goes at a later start, and undoes no commit."""
        for name in names:
            try:
                self._path(name).unlink(missing_ok=True)
            except OSError as why:
                _tell_left(why)

    def delete(self, name: str) -> None:
        """Remove a file of which somebody wants nothing kept. Raises OSError where the disk does not do it."""
        self._path(name).unlink(missing_ok=True)
        sync_names(self._folder)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.jpg"


def _may_have(path: Path, size: int | None) -> bool:
    """Has it that size, or does the disk not tell now? The next start may know: a row is nothing to lose by a guess."""
    try:
        return path.stat().st_size == size
    except OSError as why:
        _tell_left(why)
        return True


def _tell_left(why: OSError) -> None:
    log.warning("jpeg_left", extra={"why": str(why)})
