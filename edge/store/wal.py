"""The log beside an SQLite file (`-wal`), mended where the card spoiled it.

SQLite reads it up to the first frame whose checksum is wrong and takes that for the end, as after a power cut: of what
was committed behind it nothing is left, without a word, and its numbers are given again. Format:
https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import os
import struct
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

from edge.store.file import PAGE_BYTES

_HEADER, _FRAME = 32, 24  # bytes, of the log and of each frame before its page
_PAGE_SIZE = slice(16, 18)  # in the file's header
_LITTLE_ENDIAN, _VERSION = 0x377F0682, 3007000  # as SQLite begins a log on all boards that a node runs on

Sums = tuple[int, int]


class _Frame(NamedTuple):
    """One page of one commit."""

    raw: bytes
    is_linked: bool  # it holds what was written, behind the frame before it

    @property
    def page(self) -> int:
        """Its number in the file, from 1."""
        return int.from_bytes(self.raw[:4], "big")

    @property
    def file_pages(self) -> int:
        """How long the file is with it if it ends a commit, else 0."""
        return int.from_bytes(self.raw[4:8], "big")

    @property
    def salt(self) -> bytes:
        """Which log it belongs to: older ones lie behind the end."""
        return self.raw[8:16]


def mend_log(path: Path) -> bool:
    """Make SQLite read the log of the file at `path` past what the card spoiled; returns whether there was anything.

    Not where it is sound, or ends in what a power cut tore: nothing was begun behind that commit. A page in which a bit
    flipped stays as it is, for the checks of the file; where nobody can tell which page it was, it is left out. Nobody
    else may have the file open. Raises OSError.
    """
    file = path.resolve()  # of a link SQLite keeps the log where it leads
    log = file.with_name(f"{file.name}-wal")
    if not log.exists() or not file.exists():
        return False
    before = log.read_bytes()
    after = _mended(before, _page_bytes(file))
    if after == before:
        return False
    with log.open("r+b") as written:  # in place: on a full card there is no room for another
        written.write(after)
        written.flush()
        os.fsync(written.fileno())
    return True


def _page_bytes(file: Path) -> int:
    with file.open("rb") as opened:
        told = int.from_bytes(opened.read(_PAGE_SIZE.stop)[_PAGE_SIZE], "big")
    is_size = told >= 512 and not told & (told - 1)  # none: all of a new file is in its log, or the card spoiled it
    return told if is_size else PAGE_BYTES


def _mended(log: bytes, page_bytes: int) -> bytes:
    """The log with checksums that are right up to the last commit that is whole."""
    if len(log) < _HEADER + _FRAME + page_bytes:
        return log
    header = log[:_HEADER]
    if header == bytes(_HEADER) or _packed(_sums(header[:24])) != header[24:]:
        header = struct.pack(">4I", _LITTLE_ENDIAN, _VERSION, page_bytes, 0) + _salt(log, page_bytes)
        header += _packed(_sums(header))
    frames = list(_frames(log, header, page_bytes))
    lasting = _lasting(frames, header[16:24])
    is_sound = header == log[:_HEADER] and all(frame.is_linked for frame in frames[:lasting])
    if is_sound or not lasting:
        return log
    most_pages = max((frame.file_pages for frame in frames if frame.is_linked), default=0)
    parts, sums = [header], _unpacked(header[24:])
    for number, frame in enumerate(frames):
        if number >= lasting and not frame.is_linked:  # torn, or of an older log
            break
        found = frame if number >= lasting else _usable(frames, number, lasting, header[16:24], most_pages)
        start = found.raw[:8] if found is frame else found.raw[:4] + bytes(4)
        sums = _sums(found.raw[_FRAME:], _sums(start, sums))
        parts += [start, header[16:24], _packed(sums), found.raw[_FRAME:]]
    mended = b"".join(parts)
    return mended + log[len(mended) :]


def _frames(log: bytes, header: bytes, page_bytes: int) -> Iterator[_Frame]:
    sums, size = _unpacked(header[24:]), _FRAME + page_bytes
    for at in range(_HEADER, len(log) - size + 1, size):
        raw = log[at : at + size]
        told = _unpacked(raw[16:24])
        is_linked = raw[8:16] == header[16:24] and _sums(raw[_FRAME:], _sums(raw[:8], sums)) == told
        yield _Frame(raw, is_linked)
        sums = told


def _salt(log: bytes, page_bytes: int) -> bytes:
    """That of the newest log, by its frames: the first that two in a row have. Zeros are of none, but wiped."""
    salts = [log[at + 8 : at + 16] for at in range(_HEADER, len(log), _FRAME + page_bytes)]
    return next((one for one, other in pairwise(salts) if one == other != bytes(8)), bytes(8))


def _lasting(frames: list[_Frame], salt: bytes) -> int:
    """How many are on the card for sure: those up to a commit behind which another was begun."""
    ends = (
        number
        for number in range(len(frames) - 1, 0, -1)
        if frames[number].is_linked and frames[number - 1].salt == salt and frames[number - 1].file_pages
    )
    return next(ends, 0)


def _usable(frames: list[_Frame], number: int, lasting: int, salt: bytes, most_pages: int) -> _Frame:
    """This frame; in place of one whose page is not known a neighbour's, which is there twice then."""
    near = chain(range(number, -1, -1), range(number + 1, lasting))
    told = (frames[other] for other in near)
    return next((one for one in told if one.salt == salt and 0 < one.page <= most_pages), frames[number])


def _sums(words: bytes, start: Sums = (0, 0)) -> Sums:
    """SQLite's checksum of pairs of 32-bit words, going on from `start`."""
    first, second = start
    for one, other in struct.iter_unpack("<2I", words):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second


def _packed(sums: Sums) -> bytes:
    return struct.pack(">2I", *sums)


def _unpacked(raw: bytes) -> Sums:
    first, second = struct.unpack(">2I", raw)
    return first, second
