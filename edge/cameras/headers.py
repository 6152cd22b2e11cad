"""What a picture file says of itself before it is decoded: kind, size, whether it is whole, when it was taken.

Decoding first would cost 600 MB for 100 megapixels on a board that has 512, and older decoders fill the missing half of
a truncated JPEG with grey, in which nothing will be counted: a confident zero.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import BinaryIO

from edge.errors import BadFrameError

# In entropy-coded data FF00 is a byte and FFD0..D7 a restart; FF01 has no length either. Before a marker may stand any
# number of FF, which are not sought with it: a megabyte of them, as of erased flash, would take hours in which nothing
# else of the node runs.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_JPEG_SIZE = {0xC0 + n for n in range(16)} - {0xC4, 0xC8, 0xCC}  # ITU T.81 table B.1: start of frame
_JPEG_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_JPEG_END, _JPEG_SCAN, _JPEG_APP1 = 0xD9, 0xDA, 0xE1
_MOST_SCANS = 100  # a program writes ten; each costs a pass over all of the picture, and 64 MB hold two million
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_PX_BYTES = 9  # at most: four channels of 16 bits, and one a line for its filter
_PNG_TEXTS, _MOST_TEXTS = (b"zTXt", b"iTXt", b"iCCP"), 100  # packed, too: each may unpack to 8 MB
_PIECE_BYTES = 8_192  # of which a thousand times as many may come
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT, _EXIF_TABLE = 256, 257, 322, 323, 0x8769
_EXIF_TIME_ORIGINAL, _EXIF_OFFSET_ORIGINAL = 0x9003, 0x9011
_EXIF_WITHIN_BYTES = 65_536  # of a file: it stands at the front
_TIFF_SHORT = 3  # TIFF 6.0 section 2; every other form of these tags is a LONG or the place of the value,
_TIFF_LONG8 = (16, 17)  # and BigTIFF's, which a decoder takes here too, have eight bytes at that place


@dataclass(frozen=True, slots=True)
class Header:
    """What the file says of itself."""

    width_px: int
    height_px: int
    is_whole: bool  # as far as the format can tell: JPEG's end marker, PNG's checksums, the length that others state
    in_one_scan: bool = False  # a JPEG whose coefficients need not all be kept: others take 3 to 6 bytes a px


def read_header(data: bytes) -> Header:
    """The header of a JPEG, PNG, BMP, WebP or TIFF. Raises BadFrameError, not_an_image or truncated."""
    for starts_with, read in _KINDS.items():
        if data.startswith(starts_with):
            try:
                return read(data)
            except (struct.error, KeyError) as why:
                raise BadFrameError("ends inside its header; take it again", reason="truncated") from why
    raise BadFrameError("is no JPEG, PNG, BMP, WebP or TIFF; convert it or take it away", reason="not_an_image")


def check_unpacked(data: bytes) -> None:
    """Raises BadFrameError, damaged, for a PNG that unpacks to more than its picture and some words about it.

    This takes half as long as decoding does: it is for a file whose header was found whole and not too large.
    """
    if not data.startswith(_PNG):
        return
    width_px, height_px = struct.unpack_from(">II", data, 16)
    texts = sum(kind in _PNG_TEXTS for kind, *_ in _png_chunks(data))
    if texts > _MOST_TEXTS or _png_unpacks_beyond(_PNG_PX_BYTES * width_px * height_px, data):
        text = "holds more than the picture that its header tells of, which takes too long to read; save it anew"
        raise BadFrameError(text, reason="damaged")


def exif_time(file: BinaryIO) -> datetime | None:
    """When a JPEG was taken by its own EXIF (CIPA DC-008, DateTimeOriginal), if it says so.

    Local time; its zone is the EXIF's (OffsetTimeOriginal, since version 2.31), or none. Of a new file it reads the
    first 4 kB, and more only where the EXIF block is longer or lies further back.
    """
    at = 2
    try:
        while file.seek(at) < _EXIF_WITHIN_BYTES:
            mark, marker, length = struct.unpack(">BBH", file.read(4))
            if mark != 0xFF or marker == _JPEG_SCAN:
                return None
            if marker == _JPEG_APP1 and file.read(6) == b"Exif\0\0":
                return _time_in(file.read(max(length - 8, 0)))
            at += 1 if marker == 0xFF else 2 + length  # a marker may stand behind any number of FF
    except (struct.error, KeyError, ValueError):
        return None  # an odd EXIF block says nothing; the picture may be fine
    return None


def _jpeg(data: bytes) -> Header:
    frame: tuple[int, int, int, bytes] | None = None
    scans, components, is_whole = 0, b"", False
    for marker, start in _jpeg_segments(data):
        if marker in _JPEG_SIZE and frame is None:  # when a decoder refuses a second one, it has the memory for this
            frame = (marker, *struct.unpack_from(">HHc", data, start + 1))
        if marker == _JPEG_SCAN:
            scans, components = scans + 1, data[start : start + 1]
        is_whole = marker == _JPEG_END
    if frame is None:
        raise struct.error("no start of frame")
    if scans > _MOST_SCANS:
        raise BadFrameError(f"is made of {scans} scans, which takes too long to read; save it anew", reason="damaged")
    kind, height_px, width_px, of_frame = frame
    in_one_scan = scans == 1 and kind not in _JPEG_PROGRESSIVE and components == of_frame
    return Header(width_px, height_px, is_whole, in_one_scan)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and first byte of each segment's content; a thumbnail inside a segment is stepped over."""
    position = 2
    while found := _JPEG_MARKER.search(data, position):
        marker, start = data[found.end() - 1], found.end() + 2
        if marker == _JPEG_END:
            yield marker, found.end()
            return
        if start > len(data):
            return
        position = found.end() + struct.unpack_from(">H", data, found.end())[0]
        yield marker, start


def _png(data: bytes) -> Header:
    width_px, height_px = struct.unpack_from(">II", data, 16)
    return Header(width_px, height_px, is_whole=_png_is_whole(data))


def _png_is_whole(data: bytes) -> bool:
    """Every chunk up to IEND is there and its CRC agrees."""
    kind, view = b"", memoryview(data)
    for kind, start, end in _png_chunks(data):  # noqa: B007  the last is looked at
        if end + 4 > len(data) or zlib.crc32(view[start - 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            return False
    return kind == b"IEND"


def _png_unpacks_beyond(most_bytes: int, data: bytes) -> bool:
    """libpng unpacks all before it throws away what is too much: of 64 MB for many minutes."""
    unpacker, view, left = zlib.decompressobj(), memoryview(data), most_bytes
    pieces = (
        view[at : min(at + _PIECE_BYTES, end)]
        for kind, start, end in _png_chunks(data)
        if kind == b"IDAT"
        for at in range(start, end, _PIECE_BYTES)
    )
    with suppress(zlib.error):  # the decoder will see
        for piece in pieces:
            left -= len(unpacker.decompress(piece))
            if left < 0 or unpacker.eof:
                break
    return left < 0


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind of each up to IEND, and where its content begins and ends, be it behind the file's end."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at + 8, at + 8 + length
        if kind == b"IEND":
            return
        at += length + 12


def _bmp(data: bytes) -> Header:
    length, width_px, height_px = struct.unpack_from("<2xI12xii", data)
    return Header(width_px, abs(height_px), is_whole=len(data) >= length)


def _webp(data: bytes) -> Header:
    if data[8:12] != b"WEBP":
        raise BadFrameError("is a RIFF file without a picture; take it away", reason="not_an_image")
    is_whole = len(data) >= struct.unpack_from("<I", data, 4)[0] + 8
    if data[12:16] == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif data[12:16] == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif data[12:16] == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:  # a decoder takes a picture without a chunk round it, too, whose size stands elsewhere
        raise BadFrameError("is a WebP that begins with no picture; save it anew", reason="not_an_image")
    return Header(width, height, is_whole)


def _tiff(data: bytes) -> Header:
    """A tile is unpacked whole, also where it is larger than the picture."""
    fields = _tiff_fields(data, struct.unpack_from(_order(data) + "I", data, 4)[0])
    width_px = max(fields[_TIFF_WIDTH], fields.get(_TIFF_TILE_WIDTH, 0))
    height_px = max(fields[_TIFF_HEIGHT], fields.get(_TIFF_TILE_HEIGHT, 0))
    return Header(width_px, height_px, is_whole=True)  # strips lie anywhere: the decoder will see


def _order(data: bytes) -> str:
    return "<" if data[:2] == b"II" else ">"


def _tiff_fields(data: bytes, at: int) -> dict[int, int]:
    """By tag the value, or the value's place, of each field of the table at `at`; the first, as decoders take it."""
    order = _order(data)
    (count,) = struct.unpack_from(order + "H", data, at)
    fields: dict[int, int] = {}
    for field in range(count):
        start = at + 2 + 12 * field
        tag, form = struct.unpack_from(order + "HH", data, start)
        (value,) = struct.unpack_from(order + ("H" if form == _TIFF_SHORT else "I"), data, start + 8)
        if form in _TIFF_LONG8:
            (value,) = struct.unpack_from(order + "Q", data, value)
        fields.setdefault(tag, value)
    return fields


def _time_in(tiff: bytes) -> datetime | None:
    order = _order(tiff)
    main = _tiff_fields(tiff, struct.unpack_from(order + "I", tiff, 4)[0])
    if _EXIF_TABLE not in main:
        return None
    fields = _tiff_fields(tiff, main[_EXIF_TABLE])
    at = fields[_EXIF_TIME_ORIGINAL]
    taken = datetime.strptime(tiff[at : at + 19].decode("ascii"), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 may have no zone
    return taken.replace(tzinfo=_zone_at(tiff, fields.get(_EXIF_OFFSET_ORIGINAL, len(tiff))))


def _zone_at(tiff: bytes, at: int) -> tzinfo | None:
    """None: there stands none, or blanks, as a camera writes that does not know it."""
    try:
        return datetime.strptime(tiff[at : at + 6].decode("ascii"), "%z").tzinfo
    except ValueError:
        return None


_KINDS: dict[bytes, Callable[[bytes], Header]] = {
    b"\xff\xd8\xff": _jpeg,
    _PNG: _png,
    b"BM": _bmp,
    b"RIFF": _webp,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
}
