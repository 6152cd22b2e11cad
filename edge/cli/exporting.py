"""Writes what a format makes of records: a file, a folder, or a zip, whole or not at all."""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

from tqdm import tqdm

from edge.durable import sync_names
from edge.errors import StoreError, UsageError
from edge.exports import FORMATS, About, Format, Piece
from edge.wire import PlainRecord

_LEDGER_BEGINS = b'{"kind":"'  # each of its lines, and no line of another file of ours


def formats_help() -> str:
    """One clause a format."""
    return "; ".join(f"{name}: {one.says}" for name, one in FORMATS.items())


class Written(NamedTuple):
    """How many records something of is in a file, and of how many others nothing is."""

    records: int
    left_out: int


def written_words(name: str, written: Written, out: Path) -> str:
    """What is in a file of that format, for whoever asked for it."""
    said = f"{written.records} records in {out}"
    if not written.left_out:
        return said
    return f"{said}; {written.left_out} left out, since {name} has no place for {FORMATS[name].leaves_out}"


def write_export(name: str, records: Iterable[PlainRecord], about: About, out: Path) -> Written:
    """Write the records to `out` in that format. Raises StoreError, UsageError."""
    chosen = FORMATS[name]
    counted = Counter[bool]()
    try:
        pieces_of = chosen.open()
    except ImportError as why:
        why.add_note(f"--format {name}")  # what needs the library: another format may do without
        raise
    pieces = pieces_of(_watched(records, chosen.takes, counted), about)
    with whole(out, folder_of=name if chosen.holds == "folder" else "") as beside:
        _write(chosen, pieces, beside)
    return Written(counted[True], counted[False])


def check_ending(name: str, out: Path) -> None:
    """Raises UsageError where `out` is named as a file of another format than `name`."""
    ending = out.suffix.lower()
    meant = next((one for one, known in FORMATS.items() if ending and known.ending == ending), name)
    if meant != name:
        says = f"--format {name} makes no {ending} file; give --format {meant}, or end the name otherwise"
        raise UsageError(f"{out}: {says}")


def keep_apart(out: Path, kept: Iterable[Path]) -> None:
    """Raises UsageError where writing `out` would replace one of these files, or something in one of these folders."""
    for path in kept:
        if any(written.is_relative_to(os.path.realpath(path)) for written in _places(out)):
            raise UsageError(f"{out}: could overwrite what is kept in {path}; name another place with --out")


@contextmanager
def whole(out: Path, folder_of: str = "") -> Iterator[Path]:
    """Where to write what gets the name `out` at the end; `folder_of` is the format, if it makes a folder.

    What fails leaves nothing there, and what a power cut left there goes. Raises StoreError, UsageError.
    """
    try:
        if folder_of and out.exists():
            raise UsageError(f"{out}: is there already; {folder_of} makes a folder, so name a new one with --out")
        if out.is_dir():
            raise UsageError(f"{out}: is a folder; name a file in it with --out")
        if out.exists() and not out.is_file():
            raise UsageError(f"{out}: is no file; name one with --out")
        place, beside = _places(out)
        if _is_ledger(place) or _is_ledger(beside):  # an `ingest` that runs would go on into a file without a name
            raise UsageError(
                f"{out}: would replace a ledger of fieldeye-platform ingest; name another place with --out"
            )
        _clear(beside)
        try:
            yield beside
            beside.replace(place)
            sync_names(place.parent)
        finally:
            _clear(beside)
    except StoreError:
        raise
    except OSError as why:
        then = "check the stick or disk, or name another place with --out"
        raise StoreError(f"{out}: cannot be written ({why.strerror or why}); {then}") from why


def _places(out: Path) -> tuple[Path, Path]:
    """The file that `out` leads to, which of a link is not the link, and the one beside it that is written first."""
    place = Path(os.path.realpath(out))
    return place, place.parent / f"{place.name}.new"


def _is_ledger(place: Path) -> bool:
    """By what nodes said of themselves, which lies beside it, often before their first record, or by its first line."""
    if place.with_name(f"{place.name}.nodes").exists():
        return True
    if not place.is_file():
        return False
    with place.open("rb") as file:
        return file.read(len(_LEDGER_BEGINS)) == _LEDGER_BEGINS


def _watched(
    records: Iterable[PlainRecord], takes: Callable[[PlainRecord], bool], counted: Counter[bool]
) -> Iterator[PlainRecord]:
    """What passes, counted by whether the format takes it, and shown to whoever waits at a terminal."""
    for record in tqdm(records, unit=" records", disable=not sys.stderr.isatty()):
        counted[takes(record)] += 1
        yield record


def _write(chosen: Format, pieces: Iterator[Piece], beside: Path) -> None:
    if chosen.holds == "file":
        with beside.open("wb") as file:
            file.writelines(piece.content for piece in pieces)
            sync(file)
        return
    if chosen.holds == "folder":
        _write_folder(pieces, beside)
        return
    parts = beside.with_name(f"{beside.name}.parts")
    try:
        _write_folder(pieces, parts)
        _zip(parts, beside)
    finally:
        _clear(parts)


def _write_folder(pieces: Iterator[Piece], folder: Path) -> None:
    _clear(folder)
    folder.mkdir()
    with ExitStack() as closing:
        files: dict[str, BinaryIO] = {}
        for name, content in pieces:
            if name not in files:
                files[name] = closing.enter_context((folder / name).open("wb"))
            files[name].write(content)
        for file in files.values():
            sync(file)


def _zip(folder: Path, path: Path) -> None:
    with path.open("wb") as file:
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            for one in sorted(folder.iterdir()):
                archive.write(one, one.name)
        sync(file)


def sync(file: BinaryIO) -> None:
    """Onto the disk or stick."""
    file.flush()
    os.fsync(file.fileno())


def _clear(path: Path) -> None:
    """What is left of an export that did not end well."""
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():  # a disk that takes no writing refuses to remove even what is not there
        path.unlink()
