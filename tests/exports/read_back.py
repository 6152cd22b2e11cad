"""The records of exported files, to see that a format loses nothing."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from typing import Any, get_args

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import inspect as types

from edge.exports.columns import _KINDS, TAXA, Cell, _bare, _fields, _leaves
from edge.wire import PlainRecord

_KINDS_OF_RECORD = {str(one.tag): one for one in map(types.type_info, get_args(PlainRecord))}


def read_csv(text: str) -> Iterator[PlainRecord]:
    """Of a CSV file."""
    table = csv.DictReader(StringIO(text, newline=""))
    yield from records({name: cell.removeprefix("'") for name, cell in row.items() if cell} for row in table)


def read_geojson(content: bytes) -> list[PlainRecord]:
    """Of a GeoJSON file."""
    features = msgspec.json.decode(content)["features"]
    return [msgspec.convert(feature["properties"], PlainRecord) for feature in features]


def read_parquet(content: bytes) -> Iterator[PlainRecord]:
    """Of a Parquet file."""
    yield from records(pq.read_table(pa.BufferReader(content)).to_pylist())


def records(table: Iterable[Mapping[str, Cell]]) -> Iterator[PlainRecord]:
    """Of rows in the order in which `rows` gave them."""
    taxa: list[dict[str, Any]] = []
    for row in table:
        struct = _KINDS_OF_RECORD[str(row["kind"])]
        told = {"kind": row["kind"], **_nested(row, struct, "")}
        number = row.get(TAXA)
        if number is not None:
            field, item = next((one.name, types.type_info(one.holds)) for one in _fields(struct.cls, "") if one.is_list)
            assert isinstance(item, types.StructType)
            taxa += [_nested(row, item, "")] if int(number) else []
            if len(taxa) < int(number):
                continue
            told[field], taxa = taxa, []
        yield msgspec.convert(told, PlainRecord, strict=False)


def _nested(row: Mapping[str, Cell], struct: types.StructType, prefix: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for field in struct.fields:
        bare, cell = _bare(field.type), row.get(f"{prefix}{field.name}")
        if isinstance(bare, types.StructType):
            if field.required or any(
                row.get(name) is not None for name, _ in _leaves(bare.cls, f"{prefix}{field.name}_")
            ):
                told[field.name] = _nested(row, bare, f"{prefix}{field.name}_")
        elif cell is not None:
            told[field.name] = cell if type(bare) in _KINDS else msgspec.json.decode(str(cell))
        elif field.required and isinstance(bare, types.StrType):
            told[field.name] = ""  # a table of text cannot tell an empty word from none
    return told
