"""Records as rows of one flat table. Its columns follow from the wire's long form: a field added there is one here.

A row is a record; an interval with counts has a row a taxon, all with the interval's effort. `taxa` says how many there
are: an interval that was looked at and showed nothing has one row with `taxa` 0 and `count` 0; one without data has
neither, and `no_data` says why. `night` is the one to which the platform counts an interval. A nested field is
joined to its parent's name (`start_utc`), a list or table is JSON.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import cache
from typing import Literal, NamedTuple, get_args

import msgspec
from msgspec import Struct
from msgspec import inspect as types

from edge.exports.about import Place
from edge.exports.moments import is_dated
from edge.nights import day_at
from edge.wire import PlainInterval, PlainRecord

Kind = Literal["text", "integer", "number", "truth", "day", "moment", "json"]
Cell = str | int | float | bool | date | datetime | None
PLACE: dict[str, Kind] = {
    "latitude_deg": "number", "longitude_deg": "number", "area_code": "text", "area_name": "text", "crop": "text",
}  # fmt: skip
TAXA, NIGHT = "taxa", "night"
_KINDS: dict[type[types.Type], Kind] = {
    types.StrType: "text",
    types.LiteralType: "text",
    types.IntType: "integer",
    types.FloatType: "number",
    types.BoolType: "truth",
    types.DateTimeType: "moment",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column; which records fill it follows from its name."""

    name: str
    kind: Kind


@cache
def columns() -> tuple[Column, ...]:
    """The key, the place, and then each field of each kind of record, in the order of the wire's long form."""
    found: dict[str, Kind] = {"kind": "text", "site": "text", "node": "text", "epoch": "text", "seq": "integer"}
    found |= PLACE | {TAXA: "integer", NIGHT: "day"}
    for record in get_args(PlainRecord):
        for name, kind in _leaves(record, ""):
            found[name] = "number" if {found.get(name), kind} == {"integer", "number"} else kind
    return tuple(Column(name, kind) for name, kind in found.items())


def rows(record: PlainRecord, place: Place) -> Iterator[dict[str, Cell]]:
    """The record's rows; a column that is not named is empty."""
    common: dict[str, Cell] = {name: getattr(place, name) for name in PLACE} | _flat(record, "")
    common["kind"] = str(record.__struct_config__.tag)
    if isinstance(record, PlainInterval):
        common[NIGHT] = _night(record, place.zone)
    taxa = next((of for name in _lists(type(record)) if (of := getattr(record, name)) is not None), None)
    if taxa is None:
        yield common
        return
    for taxon in taxa:
        yield common | {TAXA: len(taxa)} | _flat(taxon, "")
    if not taxa:
        yield common | {TAXA: 0, "count": 0}


def _night(interval: PlainInterval, zone: tzinfo) -> date | None:
    """The one to which the platform counts it, whatever its mode: of the evening, noon to noon.

    None where the clock was never set: it counts it to none.
    """
    if not is_dated(interval):
        return None
    middle = interval.start.utc + (interval.end.utc - interval.start.utc) / 2
    try:
        return day_at(middle, "trap", zone)
    except OverflowError:  # a clock at the end of the calendar
        return middle.date()


def _bare(of: types.Type) -> types.Type:
    """The type without None; a union of anything else stays."""
    if isinstance(of, types.UnionType):
        rest = [one for one in of.types if not isinstance(one, types.NoneType)]
        return rest[0] if len(rest) == 1 else of
    return of


class _Field(NamedTuple):
    """Where a field of a record stands in a row: in one column, or in those of the record or records that it holds."""

    name: str
    column: str  # or what the names of its columns begin with
    kind: Kind
    holds: type[Struct] | None
    is_list: bool  # of which a row takes one


@cache
def _fields(of: type[Struct], prefix: str) -> tuple[_Field, ...]:
    """Found once for all records: to ask for types took longer than to write what is there."""
    struct = types.type_info(of)
    assert isinstance(struct, types.StructType)  # noqa: S101  of a Struct it is one
    found: list[_Field] = []
    for field in struct.fields:
        bare = _bare(field.type)
        item = bare.item_type if isinstance(bare, types.ListType) else bare
        holds = item.cls if isinstance(item, types.StructType) else None
        kind = _KINDS.get(type(bare), "json")
        is_list = holds is not None and item is not bare
        column = prefix if is_list else f"{prefix}{field.name}{'_' * (holds is not None)}"
        found.append(_Field(field.name, column, kind, holds, is_list))
    return tuple(found)


@cache
def _lists(of: type[Struct]) -> tuple[str, ...]:
    return tuple(field.name for field in _fields(of, "") if field.is_list)


def _leaves(of: type[Struct], prefix: str) -> Iterator[tuple[str, Kind]]:
    for field in _fields(of, prefix):
        if field.holds is None:
            yield field.column, field.kind
        else:
            yield from _leaves(field.holds, field.column)


def _flat(value: Struct, prefix: str) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for name, column, kind, holds, is_list in _fields(type(value), prefix):
        inner = getattr(value, name)
        if inner is None or is_list:
            continue
        if holds is not None:
            cells |= _flat(inner, column)
        else:
            cells[column] = msgspec.json.encode(inner).decode() if kind == "json" else inner
    return cells
