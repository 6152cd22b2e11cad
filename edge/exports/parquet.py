"""Parquet: the table of `columns` with its types, for DuckDB, Spark and pandas."""

from collections.abc import Iterable, Iterator
from io import RawIOBase
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from edge.exports.about import About, Piece
from edge.exports.columns import Kind, columns, rows
from edge.wire import PlainRecord

ROWS_AT_ONCE = 20_000  # a row group: some megabytes of memory, and enough for statistics to skip by
_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "truth": pa.bool_(),
    "day": pa.date32(),
    "moment": pa.timestamp("us", tz="UTC"),
    "json": pa.string(),
}


def pieces(found: Iterable[PlainRecord], about: About) -> Iterator[Piece]:
    """Row groups as they fill, then the footer."""
    schema = pa.schema([(column.name, _TYPES[column.kind]) for column in columns()])
    drain = _Drain()
    writer = pq.ParquetWriter(drain, schema, compression="zstd")
    table: list[dict[str, Any]] = []
    for record in found:
        table += rows(record, about.place(record))
        if len(table) >= ROWS_AT_ONCE:
            writer.write_table(pa.Table.from_pylist(table, schema))
            table = []
            yield Piece("", drain.taken())
    writer.write_table(pa.Table.from_pylist(table, schema))
    writer.close()
    yield Piece("", drain.taken())


class _Drain(RawIOBase):
    """A file that gives away what was written, so that a year of records needs the memory of one row group."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        """Keep a copy: the writer uses its buffer again."""
        self._parts.append(bytes(part))
        self._at += len(part)
        return len(part)

    def tell(self) -> int:
        return self._at

    def taken(self) -> bytes:
        """What was written since it was asked before."""
        taken, self._parts = b"".join(self._parts), []
        return taken
