"""Text that other people's programs wrote: Windows puts a mark before UTF-8."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from edge.errors import ConfigError


def text_of(path: Path) -> str:
    """What is written in the file. Raises ConfigError for another encoding than UTF-8, and for a NUL."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as why:
        raise ConfigError(f"{path}: byte {why.start} is no UTF-8; save the file as UTF-8") from why
    if "\0" in text:  # as UTF-16 has them, and the end of what was written when the power went
        raise ConfigError(f"{path}: has a NUL, which no text has; save the file anew as UTF-8")
    return text


def rows_of(table: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV file but for empty ones, cells without blanks round them, empty where a row lacks them.

    Raises ConfigError for one without these columns, and for a quote that nobody closed: it would swallow rows.
    """
    rows = csv.DictReader(io.StringIO(text_of(table), newline=""), restval="", strict=True)
    try:
        missing = [column for column in columns if column not in (rows.fieldnames or ())]
        listed = [{name: cell.strip() for name, cell in row.items() if name is not None} for row in rows]
    except csv.Error as why:
        told = f"{table}, line {rows.line_num + 1}: {why}"
        raise ConfigError(f"{told}; put a quote at both ends of a cell, or none") from why
    if missing:
        raise ConfigError(f"{table}: no column {missing[0]!r}; begin it with the line {','.join(columns)}")
    return [row for row in listed if any(row.values())]  # spreadsheets write rows of commas at the end
