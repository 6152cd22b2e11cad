"""Pictures of nodes, put together from their parts, and kept as files."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.errors import StoreError
from edge.platform.decode import Message
from edge.wire import ImageHeader, Topic, parse_topic, read_image

MOST_UNFINISHED = 50  # pictures of which parts are missing; the one that waited longest goes
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
        of_command = f".{self.header.command}" if self.header.kind == "excerpt" else ""
        return f"{self.topic.site}.{self.topic.node}.{self.header.id}{of_command}"


@dataclass(slots=True)
class _Unfinished:
    jpeg: bytearray
    missing: bytearray  # 1 for each byte that has not come
    first: ImageHeader | None = None


class Album:
    """Owned by one thread. Memory is bounded: 50 pictures of at most 1 MiB, with a mask as large beside each."""

    def __init__(self) -> None:
        self._unfinished: OrderedDict[_Key, _Unfinished] = OrderedDict()

    def take(self, message: Message) -> Picture | None:
        """The picture that this part completes, if it does. Raises WireError for a message outside the contract."""
        topic, header = parse_topic(message.topic), read_image(message.properties, message.payload)
        key = (topic.site, topic.node, header.kind, header.id, header.command)
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
        if len(self._unfinished) > MOST_UNFINISHED:
            self._unfinished.popitem(last=False)
        return None


def keep_picture(picture: Picture, folder: Path) -> Path:
    """Write the JPEG, and what is known of it as JSON beside it; returns the JPEG's path. Raises StoreError."""
    path = folder / f"{picture.name}.jpg"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".json").write_bytes(msgspec.json.encode(picture.header))
        path.write_bytes(picture.jpeg)
    except OSError as why:
        raise StoreError(f"{path}: cannot be written ({why.strerror or why}); name another folder") from why
    return path
