"""A folder of JPEG files that are named by an id, each durable before anything names it. Files of others stay.

A file is written beside, synced and renamed, and the folder synced, before the row that names it is committed. So a row
never points at half a picture; what a power cut leaves behind is a file without a row, which the next start removes.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from edge.durable import write_durably


class Jpegs:
    """`<id>.jpg` in `folder`, for ids that `ids` matches. Every method raises OSError where the disk fails."""

    def __init__(self, folder: Path, ids: str) -> None:
        self._folder = folder
        self._id = re.compile(ids)
        self._own = re.compile(rf"({ids})\.jpg(\.new)?")

    def sweep(self, named: set[str]) -> set[str]:
        """At start: remove own files that nobody names; returns the ids among `named` whose file is gone."""
        self._folder.mkdir(exist_ok=True)
        there = set()
        for path in self._folder.iterdir():
            own = self._own.fullmatch(path.name)
            if own is None:  # a stranger's: not ours to delete
                continue
            if own[1] in named and path.suffix == ".jpg":
                there.add(own[1])
            else:
                path.unlink()
        return named - there

    def write(self, name: str, jpeg: bytes) -> None:
        """Put the file in place, durable; leaves nothing behind if it cannot."""
        write_durably(self._path(name), jpeg)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # the new name is durable only once the folder is
        finally:
            os.close(folder)

    def read(self, name: str) -> bytes | None:
        """The JPEG, or None if it was never there or is gone. A name that is no id finds nothing."""
        if not self._id.fullmatch(name):
            return None
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, names: Iterable[str]) -> None:
        """Remove files whose rows are gone."""
        for name in names:
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.jpg"
