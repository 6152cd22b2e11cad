"""Batches carried on a stick instead of sent: a JSON line each, so that a torn file loses its last line only."""

import msgspec
from msgspec import Struct

from edge.errors import WireError
from edge.wire.documents import decode_document
from edge.wire.images import Properties


class Carried(Struct, frozen=True, omit_defaults=True):
    """One message as the broker would have got it; `payload` is base64 in the file."""

    topic: str
    payload: bytes
    properties: Properties = ()  # user properties, where the message has some


def carried_line(topic: str, payload: bytes, properties: Properties = ()) -> bytes:
    """The line, with its end."""
    return msgspec.json.encode(Carried(topic, payload, properties)) + b"\n"


def read_carried(line: bytes) -> Carried:
    """The message in a line. Raises WireError."""
    try:
        return decode_document(line, Carried)
    except WireError as why:
        raise WireError(f"this line was not written by `fieldeye export`, or only in part ({why})") from why
