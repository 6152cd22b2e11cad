"""A picture's file in a folder: when the picture was taken, and by what it is known again.

Its time is the one in its name (`20260719_053000`, with or without separators and milliseconds; UTC with a `Z` behind
it), else its EXIF time, else the file's modification time. The name stands first because the program that took the
picture wrote it, and copying and editing leave it alone.
"""

import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO, RawIOBase
from pathlib import Path
from zlib import crc32

from edge.cameras.headers import exif_time
from edge.cameras.pictures import name_of

Identity = tuple[str, int, int]  # name, modification time in ns, bytes: a file written anew is a new picture
Shown = set[Identity]
# Milliseconds only after digits without separators, as a Pixel's `PXL_20260719_053000123` is UTC and no local time; and
# before a Z, as JavaScript's `2026-07-19T05:30:00.123Z`, also where a file's name takes no colon and no second dot.
_TIME_IN_NAME = re.compile(
    r"(?<!\d)(20\d\d)[-_]?(\d\d)[-_]?(\d\d)[-_T ]?(\d\d)[-_:]?(\d\d)[-_:]?(\d\d)"
    r"(?:(?<=\d{14})\d{3}|[-_.]\d{3}(?=Z))?(Z(?![A-Za-z]))?(?!\d)"
)

_PIECE_BYTES = 4096  # whole files would take minutes of a card at a start: 10,000 of them, see `_content_of`


def own_time(path: Path) -> datetime | None:
    """`told_time` without zone, as pictures of one place are put in order whether or not they tell it."""
    told = told_time(path)
    return told.replace(tzinfo=None) if told else None


def told_time(path: Path, data: bytes | None = None) -> datetime | None:
    """The time that stands in its name or its EXIF, with zone where that tells one; None: in neither.

    `data`: what was read of it; without, the file is opened.
    """
    return _time_in_name(path) or (_time_in_exif(path) if data is None else exif_time(BytesIO(data)))


def known_as(path: Path, told: datetime | None, data: bytes | None = None) -> str:
    """What a fed folder's picture is known by; no name has a slash, and a time stays while the file grows.

    `told`: see `told_time`. Its zone is left out, which may be added later. Former software knows NAME/SIZE/CRC by
    NAME/SIZE alone, and pictures of a camera that writes over one file name are often of one size.
    """
    if _time_in_name(path):
        return name_of(path)
    if told:
        return f"{name_of(path)}/{told.replace(tzinfo=None)}"
    return f"{name_of(path)}/{_content_in(path) if data is None else _content_of(BytesIO(data), len(data))}"


def known_formerly_as(known: str) -> str:
    """What former software knows that picture by: by less, and so perhaps another one of that file, too."""
    return known.rpartition("/")[0]


def unusable_as(picture: Identity) -> str:
    """What one that cannot be used is known by until its file changes. No name begins with a slash."""
    name, modified_ns, size = picture
    return f"/{name_of(Path(name))}/{modified_ns}/{size}"


def _time_in_name(path: Path) -> datetime | None:
    found = _TIME_IN_NAME.search(path.name)
    if found is None:
        return None
    *numbers, is_utc = found.groups()
    try:
        return datetime(*map(int, numbers), tzinfo=UTC if is_utc else None)  # type: ignore[misc, arg-type]
    except ValueError:
        return None  # digits that are no date


def _time_in_exif(path: Path) -> datetime | None:
    try:
        if not path.is_file():  # a pipe named .jpg would wait for ever
            return None
        with path.open("rb") as file:
            return exif_time(file)
    except OSError:
        return None  # gone or unreadable


def _content_in(path: Path) -> str:
    with suppress(OSError):
        if path.is_file():  # see `_time_in_exif`
            with path.open("rb", buffering=0) as file:
                return _content_of(file, os.fstat(file.fileno()).st_size)
    return f"{identity(path)[2]}/"  # gone or unreadable: reading it will say so


def _content_of(file: RawIOBase | BytesIO, size_bytes: int) -> str:
    """Its size and the CRC-32 of its beginning, middle and end: noise differs in each, and a header may tell a time.

    The end alone is not enough, as some cameras fill their files up to one size.
    """
    crc = 0
    for start in (0, size_bytes // 2, max(0, size_bytes - _PIECE_BYTES)):
        file.seek(start)
        crc = crc32(file.read(_PIECE_BYTES) or b"", crc)
    return f"{size_bytes}/{crc:08x}"


def identity(path: Path) -> Identity:
    """Of the file as it is now."""
    with suppress(OSError):
        file = path.stat()
        if os.access(path, os.R_OK):
            return path.name, file.st_mtime_ns, file.st_size
    return path.name, -1, -1  # a dangling link, taken away this moment, or not yet this user's to read


def modified(path: Path) -> datetime:
    """When its file was last written, local time without zone."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).astimezone().replace(tzinfo=None)
    except OSError:
        return datetime.min  # noqa: DTZ901 gone or unreadable: reading it will say so, and count it
