"""Writes what a format makes of records: a file, a folder, or a zip, whole or not at all."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from tqdm import tqdm

from edge.errors import StoreError, UsageError
from edge.exports import FORMATS, About, Format, Piece
from edge.wire import PlainRecord


def formats_help() -> str:
    """One clause a format."""
    return "; ".join(f"{name}: {one.says}" for name, one in FORMATS.items())


def write_export(name: str, records: Iterable[PlainRecord], about: About, out: Path) -> int:
    """Write the records to `out` in that format; says how many. Raises StoreError, UsageError."""
    chosen, counted = FORMATS[name], _Counted(records)
    beside = out.with_name(f"{out.name}.new")
    if chosen.holds == "folder" and out.exists():
        raise UsageError(f"{out}: is there already; {name} makes a folder, so name a new one with --out")
    try:
        pieces = chosen.open()(counted, about)
        _write(chosen, pieces, beside)
        beside.replace(out)
    except ModuleNotFoundError as why:
        raise UsageError(
            f"--format {name} needs {why.name}; install it with: pip install 'fieldeye[platform]'"
        ) from why
    except OSError as why:
        if isinstance(why, StoreError):
            raise
        raise StoreError(f"{out}: cannot be written ({why.strerror or why}); name another place with --out") from why
    finally:
        _clear(beside)
    return counted.number


class _Counted:
    """Counts what passes, and shows it to whoever waits at a terminal."""

    def __init__(self, records: Iterable[PlainRecord]) -> None:
        self._records, self.number = records, 0

    def __iter__(self) -> Iterator[PlainRecord]:
        for record in tqdm(self._records, unit=" records", disable=not sys.stderr.isatty()):
            self.number += 1
            yield record


def _write(chosen: Format, pieces: Iterator[Piece], beside: Path) -> None:
    if chosen.holds == "file":
        with beside.open("wb") as file:
            file.writelines(piece.content for piece in pieces)
            _sync(file)
        return
    folder = beside if chosen.holds == "folder" else beside.with_name(f"{beside.name}.parts")
    try:
        _write_folder(pieces, folder)
        if chosen.holds == "zip":
            _zip(folder, beside)
    finally:
        if chosen.holds == "zip":
            _clear(folder)


def _write_folder(pieces: Iterator[Piece], folder: Path) -> None:
    folder.mkdir()
    with ExitStack() as closing:
        files: dict[str, BinaryIO] = {}
        for name, content in pieces:
            if name not in files:
                files[name] = closing.enter_context((folder / name).open("wb"))
            files[name].write(content)
        for file in files.values():
            _sync(file)


def _zip(folder: Path, path: Path) -> None:
    with path.open("wb") as file:
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            for one in sorted(folder.iterdir()):
                archive.write(one, one.name)
        _sync(file)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _clear(path: Path) -> None:
    """What is left of an export that did not end well."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
