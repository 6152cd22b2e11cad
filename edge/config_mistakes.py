"""What is wrong with a value of a configuration, in a sentence with its key and what to do. Pure.

msgspec says it in the words of programmers. A pattern says at its end, in a comment, what it asks for.
"""

import difflib
import re
from collections.abc import Iterable
from typing import get_args

import msgspec

from edge.errors import one_line

_UNKNOWN_KEY = re.compile(r"unknown field `(?P<key>.+?)`(?: - at `\$\.?(?P<table>.*?)`)?$")
_WRITTEN = re.compile(r"matching regex .*\(\?#(?P<words>[^)]+)\)['\"]$")
_MISTYPED = re.compile(r"^expected `(?P<wanted>\w+)[^`]*`, got `(?P<got>\w+)`$")
_OUTSIDE = re.compile(r"^expected `\w+` (?P<range>[<>]=? .+)$")
_TOO_LONG = re.compile(r"^expected `str` of length <= (?P<letters>\d+)$")
_TOML = {"str": "a text in quotes", "int": "a whole number", "float": "a number", "bool": "true or false",
         "array": "a list in [ ]", "object": "a table",
         "date": "a day", "datetime": "a day and a time", "time": "a time"}  # fmt: skip
_LACKS = "lacks"
_AT = re.compile(r"^(?P<what>.+?) - at `\$\.?(?P<where>.*)`$")


def explained(message: str, record: type) -> str:
    """A ValidationError's message about a `record`, as such a sentence."""
    message = one_line(message)  # a key in quotes may hold anything
    unknown = _UNKNOWN_KEY.search(message)
    if unknown:
        table = unknown["table"] or ""
        key = f"{table}.{unknown['key']}" if table else unknown["key"]
        known = _keys_of(record, table)
        near = difflib.get_close_matches(unknown["key"], known, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        return f"unknown key {key}; {remedy}"
    at = _AT.match(message)
    what, where = (at["what"], at["where"]) if at else (message, "")
    what = _plain(what[0].lower() + what[1:], where, record)
    remedy = "add it" if what.startswith(_LACKS) else "correct it"
    return f"{where}: {what}; {remedy}" if where else f"{what}; {remedy}"


def _plain(what: str, where: str, record: type) -> str:
    """Without the words of programmers where there are others."""
    written, mistyped, outside = _WRITTEN.search(what), _MISTYPED.match(what), _OUTSIDE.match(what)
    too_long = _TOO_LONG.match(what)
    if written:
        return f"must be {written['words']}"
    if too_long:
        return f"must have at most {too_long['letters']} letters"
    if outside:
        return f"must be {outside['range']}"
    if mistyped and {mistyped["wanted"], mistyped["got"]} <= _TOML.keys():
        return f"must be {_TOML[mistyped['wanted']]} and is {_TOML[mistyped['got']]}"
    if what.startswith("invalid enum value"):
        return f"there is no {what.removeprefix('invalid enum value ')}, only {_choices(record, where)}"
    return what.replace("object missing required field", _LACKS)


def _choices(record: type, where: str) -> str:
    """What the key at `where` may be, where that is one of a few words."""
    *tables, key = re.sub(r"\[.*?\]", "", where).split(".")
    field = next(f for f in msgspec.structs.fields(_record_at(record, tables)) if f.encode_name == key)
    return ", ".join(map(str, get_args(field.type)))


def _keys_of(record: type, table: str) -> list[str]:
    parts = re.sub(r"\[.*?\]", "", table).split(".")  # `nodes[3].camera`: the index names no key
    return [field.encode_name for field in msgspec.structs.fields(_record_at(record, parts))]


def _record_at(record: type, parts: Iterable[str]) -> type:
    """The record of the table that lies below `record` at these names."""
    for part in filter(None, parts):
        field = next(f for f in msgspec.structs.fields(record) if f.encode_name == part)
        record = next(t for t in (field.type, *get_args(field.type)) if isinstance(t, type))
    return record
