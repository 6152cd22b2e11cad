"""CSV (RFC 4180, UTF-8, one header line): for spreadsheets and for R; nothing is lost.

A time has milliseconds also where they are 0: pandas takes a column of times for text where their forms differ.

Text that a spreadsheet would take for a formula gets an apostrophe in front, as does text that begins with one, so that
a reader may always take it off: labels and reasons come from the network.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO

from edge.exports.about import About, Piece
from edge.exports.columns import Cell, columns, rows
from edge.exports.moments import to_the_millisecond
from edge.wire import PlainRecord

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0", "'")  # NUL: LibreOffice reads what stands behind it


def csv_pieces(found: Iterable[PlainRecord], about: About) -> Iterator[Piece]:
    """The header, then the rows of one record after the other."""
    names = [column.name for column in columns()]
    yield Piece("", csv_lines([names]))
    for record in found:
        cells = [{name: csv_cell(value) for name, value in row.items()} for row in rows(record, about.place(record))]
        yield Piece("", csv_lines([[row.get(name, "") for name in names] for row in cells]))


def csv_lines(table: Iterable[Iterable[str]]) -> bytes:
    """Lines of cells that are text already."""
    out = StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(table)
    return out.getvalue().encode()


def csv_cell(value: Cell) -> str:
    """Text of a cell; empty where nothing is known."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return to_the_millisecond(value)
    return str(value)
