"""`image`: a JPEG as it is, whole or in parts, with what is known of it in the MQTT 5 user properties of the message.

A whole picture is one message that any MQTT client can show. On a slow line it comes in parts; each says where it
begins, so that a part may come twice, and parts of another length may follow after a lost connection.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from edge.errors import WireError
from edge.wire.commands import ImageId, Label, TransactionId
from edge.wire.instants import ClockWord, check_moments

MAX_IMAGE_BYTES = 1_048_576  # a receiver refuses more before it keeps a part
MAX_PART_BYTES = 65_536
ImageKind = Literal[
    "picture",  # kept with a sighting, whose `picture` is the id
    "excerpt",  # a part of a kept picture, or a smaller one, as `command` asked
    "question",  # a person's photograph: what is this?
]
Properties = tuple[tuple[str, str], ...]
# What people type has line breaks and tabs, for which a broker may close the line (MQTT 5, 1.5.4): Mosquitto does, and
# the platform's paho-mqtt reads no U+FEFF.
_LAST_OF_PLANES = "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
_REFUSED = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufeff{_LAST_OF_PLANES}]+")


class ImageHeader(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """User properties of an `image` message, as text. From the second part on without what is known of the picture."""

    kind: ImageKind
    id: ImageId  # with node and kind the key: the same again is the same picture
    bytes: Annotated[int, Meta(ge=1, le=MAX_IMAGE_BYTES)]  # of the whole JPEG
    offset: Annotated[int, Meta(ge=0)] = 0  # where this payload begins in it
    command: TransactionId | None = None  # of the `cmd/image` that asked for it
    utc: datetime | None = None  # when a question was asked
    clock: ClockWord | None = None
    who: Label = ""  # took the photograph
    note: Annotated[str, Meta(max_length=500)] = ""
    guess: Label = ""  # label, by the node or the person
    eppo: Label = ""

    def __post_init__(self) -> None:
        check_moments(self.utc)


def image_properties(header: ImageHeader) -> Properties:
    """The header as user properties, in which a space stands for what a broker does not take."""
    return tuple((name, _REFUSED.sub(" ", str(value))) for name, value in msgspec.to_builtins(header).items())


def read_image(properties: Properties, payload: bytes) -> ImageHeader:
    """The header of a message, which fits its payload; unknown properties are ignored. Raises WireError."""
    if not properties:
        says = "a bridge or proxy dropped its MQTT 5 properties; in Mosquitto set bridge_protocol_version mqttv50"
        raise WireError(f"image: no header: {says}")
    try:
        header = msgspec.convert(dict(properties), ImageHeader, strict=False)
    except (TypeError, ValueError) as why:
        raise WireError(f"image: {why}; see docs/contract") from why
    if len(payload) > MAX_PART_BYTES and len(payload) != header.bytes:
        raise WireError(f"image: a part of {len(payload)} bytes; send {MAX_PART_BYTES} at most, or the whole picture")
    if not 0 < len(payload) <= header.bytes - header.offset:
        raise WireError(
            f"image: {len(payload)} bytes at {header.offset} do not fit a JPEG of {header.bytes}; discard it"
        )
    return header


def image_parts(whole: ImageHeader, jpeg: bytes) -> Iterator[tuple[ImageHeader, bytes]]:
    """The picture in as few messages as there may be."""
    for offset in range(0, len(jpeg), MAX_PART_BYTES):
        yield next_part(whole, offset), jpeg[offset : offset + MAX_PART_BYTES]


def next_part(whole: ImageHeader, offset: int) -> ImageHeader:
    """The header of the part from `offset` on of the picture with the header `whole`."""
    if offset == 0:
        return whole
    return ImageHeader(kind=whole.kind, id=whole.id, bytes=whole.bytes, offset=offset, command=whole.command)
