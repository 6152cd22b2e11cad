"""CSV (RFC 4180, UTF-8, one header line): for spreadsheets and for R; nothing is lost.

A time has milliseconds also where they are 0: pandas takes a column of times for text where their forms differ.

Text that a spreadsheet would take for a formula gets an apostrophe in front, as does text that begins with one, so that
a reader may always take it off: labels and reasons come from the network. So does an id of a picture that reads as a
number, as `1234567e-41`. Semicolons and tabs are quoted as commas are: LibreOffice begins a cell at each of the three,
unless told otherwise.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache

from edge.exports.about import About, Piece
from edge.exports.columns import Cell, columns, rows
from edge.exports.moments import to_the_millisecond
from edge.wire import PlainRecord

# NUL: LibreOffice reads what stands behind it; the wide ones begin a formula in an Excel of East Asia.
_NO_TEXT = re.compile(r"[-=+@\t\r\n\0'＝＋－＠]|[0-9]+e-?[0-9]+\Z")
_QUOTED = re.compile(r'[",;\t\r\n]')


def pieces(found: Iterable[PlainRecord], about: About) -> Iterator[Piece]:
    """The header, then the rows of one record after the other."""
    empty = dict.fromkeys(column.name for column in columns())
    yield Piece("", csv_lines([empty]))
    for record in found:
        yield Piece("", csv_lines([(empty | row).values() for row in rows(record, about.place(record))]))


def csv_lines(table: Iterable[Iterable[Cell]]) -> bytes:
    """A line a row."""
    return "".join(f"{','.join(map(_written, cells))}\r\n" for cells in table).encode()


def csv_cell(value: Cell) -> str:
    """Text of a cell; empty where nothing is known."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if _NO_TEXT.match(value) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return to_the_millisecond(value)
    return str(value)


def _written(value: Cell) -> str:
    """A cell as it stands in its line. What is no text needs no quotes."""
    return _quoted(value) if isinstance(value, str) else csv_cell(value)


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    """Looked up rather than looked through: records repeat most of their texts."""
    cell = csv_cell(text)
    if not _QUOTED.search(cell):
        return cell
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'
