"""Pictures of nodes, put together from their parts, and kept as files."""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from edge.durable import sync_names, write_durably
from edge.errors import StoreError, WireError, to_read
from edge.platform.decode import Message
from edge.wire import MAX_IMAGE_BYTES, ImageHeader, Topic, carried_line, parse_topic, read_carried, read_image

_MOST_BYTES = 4 * MAX_IMAGE_BYTES  # of a file of parts: a node may send the same one again and again
MOST_UNFINISHED = 50  # pictures of which parts are missing; the one that waited longest goes
_LONGEST_NAME = 200  # of letters in a file's name, which may have 255 with its ending
_Key = tuple[str, str, str, str, str | None]


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole JPEG and what is known of it."""

    topic: Topic
    header: ImageHeader
    jpeg: bytes

    @property
    def name(self) -> str:
        """A file name without ending: the same picture, sent again, has the same.

        No name or id has a full stop in it, so that no other picture has it.
        """
        return _name(self.topic, self.header)


@dataclass(slots=True)
class _Unfinished:
    jpeg: bytearray
    missing: bytearray  # 1 for each byte that has not come
    first: ImageHeader | None = None


class Album:
    """Owned by one thread. Memory is bounded: 50 pictures of at most 1 MiB, with a mask as large beside each.

    With a `folder` the parts of a picture lie there, through restarts, until somebody says that it is kept: the broker
    does not send them again.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._unfinished: OrderedDict[_Key, _Unfinished] = OrderedDict()
        self._folder: Path | None = None
        for message in _parts_in(folder) if folder else ():
            with suppress(WireError):  # of a disk that spoiled it
                self.take(message)
        self._folder = folder

    def take(self, message: Message) -> Picture | None:
        """The picture that this part completes, if it does.

        Raises WireError for a message outside the contract, StoreError.
        """
        topic, header = parse_topic(message.topic), read_image(message.properties, message.payload)
        if self._folder is not None and _lies_whole(self._folder / f"{_name(topic, header)}.jpg", header.bytes):
            return None  # its last part once more, after a line that broke
        key = _key(topic, header)
        parts = self._unfinished.pop(key, None)
        if parts is None or len(parts.jpeg) != header.bytes:
            parts = _Unfinished(bytearray(header.bytes), bytearray(b"\1" * header.bytes))
        end = header.offset + len(message.payload)
        parts.jpeg[header.offset : end] = message.payload
        parts.missing[header.offset : end] = bytes(len(message.payload))
        parts.first = header if header.offset == 0 else parts.first
        if parts.first is not None and 1 not in parts.missing:
            return Picture(topic, parts.first, bytes(parts.jpeg))
        self._unfinished[key] = parts
        if self._folder is not None:
            _add_part(self._folder / _file_name(key), message)
        if len(self._unfinished) > MOST_UNFINISHED:
            self._let_go(self._unfinished.popitem(last=False)[0])
        return None

    def is_kept(self, picture: Picture) -> None:
        """Its parts are needed no more."""
        self._let_go(_key(picture.topic, picture.header))

    def _let_go(self, key: _Key) -> None:
        if self._folder is not None:
            with suppress(OSError):  # of a disk that fails the next writing tells
                (self._folder / _file_name(key)).unlink(missing_ok=True)


def _name(topic: Topic, header: ImageHeader) -> str:
    of_command = f".{header.command}" if header.kind == "excerpt" else ""
    name = f"{topic.site}.{topic.node}.{header.id}{of_command}"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{topic.site}.{topic.node}.{sha256(name.encode()).hexdigest()}"


def _lies_whole(path: Path, size_bytes: int) -> bool:
    with suppress(OSError):
        return path.with_suffix(".json").exists() and path.stat().st_size == size_bytes
    return False


def _key(topic: Topic, header: ImageHeader) -> _Key:
    return (topic.site, topic.node, header.kind, header.id, header.command)


def _file_name(key: _Key) -> str:
    """Short, however long the names are."""
    return f"{sha256(repr(key).encode()).hexdigest()[:16]}.parts"


def _add_part(path: Path, message: Message) -> None:
    """Durable when it returns. Raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            if file.tell() < _MOST_BYTES:
                # Begins a line: of the one before a power cut may have left half.
                file.write(b"\n" + carried_line(message.topic, message.payload, message.properties))
                file.flush()
                os.fsync(file.fileno())
        sync_names(path.parent)
    except OSError as why:
        raise StoreError(f"{path}: cannot be written ({why.strerror}); free space and start again") from why


def _parts_in(folder: Path) -> Iterator[Message]:
    """Of each picture in turn, that which waited longest first. Raises StoreError."""
    path = folder
    try:
        for path in sorted(folder.glob("*.parts"), key=lambda one: one.stat().st_mtime):
            for line in path.read_bytes().splitlines():
                with suppress(WireError):  # empty, or half of one, which the broker sends again
                    carried = read_carried(line)
                    yield Message(carried.topic, carried.payload, properties=carried.properties)
    except OSError as why:
        raise StoreError(f"{path}: cannot be read ({why.strerror}); {to_read(why, 'check its disk')}") from why


def keep_picture(picture: Picture, folder: Path) -> Path:
    """Write the JPEG, then what is known of it as JSON beside it, each whole and durable; returns the JPEG's path.

    Raises StoreError.
    """
    path = folder / f"{picture.name}.jpg"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(path, picture.jpeg)
        write_durably(path.with_suffix(".json"), msgspec.json.encode(picture.header))
    except OSError as why:
        raise StoreError(f"{path}: cannot be written ({why.strerror or why}); name another folder") from why
    return path
