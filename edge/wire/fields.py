"""Reads a decoded CBOR map or array: each value is there and of its type and range, or WireError says which is not."""

from collections.abc import Mapping, Sequence
from typing import Any

from edge.errors import WireError

LARGEST = 2**53 - 1  # an integer that JSON readers keep exactly
# Letters of a text. A receiver's index takes names up to a few kilobytes: what goes beyond must not reach it.
LABEL_LETTERS, NAME_LETTERS, SENTENCE_LETTERS = 80, 200, 2000


class Fields:
    """A CBOR map with integer keys. Keys that nobody asks for are ignored: newer nodes may send more."""

    def __init__(self, value: object, what: str) -> None:
        if type(value) is not dict and not isinstance(value, Mapping):  # the first is quick, and nearly always so
            raise WireError(f"{what}: not a CBOR map but {type(value).__name__}; send a map with integer keys")
        self._values: Mapping[Any, Any] = value
        self._what = what

    def __contains__(self, key: int) -> bool:
        return key in self._values

    def uint(self, key: int, name: str, *, most: int = LARGEST, absent: int | None = None) -> int:
        """An integer 0..`most`; `absent` if the key may be missing."""
        value = self._values.get(key, absent)
        if type(value) is int and 0 <= value <= most:  # nearly always: a platform reads thousands of these a second
            return value
        return integer(self.raw(key, name, absent), f"{self._what}.{name}", least=0, most=most)

    def integer(self, key: int, name: str) -> int:
        """A signed integer."""
        return integer(self.raw(key, name), f"{self._what}.{name}")

    def octets(self, key: int, name: str, length: int) -> bytes:
        """A byte string of `length`."""
        value = self.raw(key, name)
        if not isinstance(value, bytes) or len(value) != length:
            raise WireError(f"{self._what}.{name}: must be a byte string of {length} bytes")
        return value

    def items(self, key: int, name: str, *, absent: bool = False) -> list[Any]:
        """An array; empty if `absent` allows it to be missing."""
        return array(self.raw(key, name, [] if absent else None), f"{self._what}.{name}")

    def flag(self, key: int, name: str) -> bool:
        """true or false; false if missing."""
        value = self.raw(key, name, absent=False)
        if not isinstance(value, bool):
            raise WireError(f"{self._what}.{name}: must be true or false")
        return value

    def raw(self, key: int, name: str, absent: object = None) -> object:
        """Any value that is there; `absent` in place of a missing one, unless that is None."""
        value = self._values.get(key, absent)
        if value is None:
            raise WireError(f"{self._what}.{name}: missing (key {key}); every v1 sender gives it")
        return value


def integer(value: object, what: str, *, least: int = -LARGEST, most: int = LARGEST) -> int:
    """An integer in a range; true and false are none."""
    if type(value) is int and least <= value <= most:  # bool is no int here
        return value
    raise WireError(f"{what}: must be an integer from {least} to {most}")


def text(value: object, what: str, *, most: int = NAME_LETTERS) -> str:
    """A text string of at most `most` letters."""
    if not isinstance(value, str) or len(value) > most:
        raise WireError(f"{what}: must be text of at most {most} letters")
    return value


def array(value: object, what: str, length: int | None = None) -> list[Any]:
    """An array, of `length` if given."""
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise WireError(f"{what}: must be an array" + (f" of {length}" if length is not None else ""))
    return value


def one_of(table: Sequence[Any], index: int, what: str) -> Any:
    """An entry of a table of the batch's header."""
    if index >= len(table):
        raise WireError(f"{what}: points at entry {index} of a table of {len(table)}")
    return table[index]
