"""JSON from strangers: decoded strictly, and whatever is wrong with it is a WireError."""

from typing import TypeVar

import msgspec
from msgspec import Struct

from edge.errors import WireError

_Document = TypeVar("_Document", bound=Struct)


def decode_document(payload: bytes, kind: type[_Document]) -> _Document:
    """The record in a JSON payload; unknown fields are ignored. Raises WireError, and nothing else, for any bytes."""
    try:
        return msgspec.json.decode(payload, type=kind)
    except (ValueError, RecursionError) as why:  # bad text, and nesting without end
        raise WireError(f"{kind.__name__}: {why}; see docs/contract") from why
