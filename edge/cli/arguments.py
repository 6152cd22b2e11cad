"""Arguments that several commands take, checked where they are read."""

import argparse
import csv
import re
from datetime import date
from pathlib import Path

from edge.errors import UsageError, to_read

DEFAULT_CONFIG = Path("/etc/fieldeye/node.toml")
MOST_THREADS = 16  # as model.threads in node.toml
ALL_AREAS = "all"
THRESHOLD_COLUMNS = ("label", "unit", "start_at", "sure_at", "source")  # of a station's own


def config_argument(parser: argparse.ArgumentParser) -> None:
    """`--config`, of a command of the node."""
    settings = f"the node's settings; default: {DEFAULT_CONFIG}"
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=settings)


def database_argument(parser: argparse.ArgumentParser) -> None:
    """`--database`, of a command of the platform."""
    parser.add_argument("--database", required=True, metavar="URL", help="PostgreSQL: postgresql://user@host/name")


def model_argument(parser: argparse.ArgumentParser) -> None:
    """`--model`."""
    help_ = "a name of `fieldeye model list` or a file; default: pests"
    parser.add_argument("--model", default="pests", metavar="NAME", help=help_)


def found_none(model: str) -> str:
    """Of a model that found nothing on any picture: another one may be meant."""
    models = "--model pests is for insects on plants, diseases for sick leaves and pods, cards for sticky cards"
    return f"{model} found none of what it knows; {models}"


def area_argument(parser: argparse._ActionsContainer, help_: str) -> None:
    """`--area`, of somebody who sees or is told of some nodes."""
    parser.add_argument("--area", metavar="CODE", help=f"{help_}, or {ALL_AREAS}; of somebody known: as before")


def area_for(who: str, asked: str | None, former: str | None) -> str:
    """What `--area` says, else the former one. Raises UsageError for who has none: all areas are never a default."""
    if asked == ALL_AREAS:
        return ""
    if asked is None and former is not None:
        return former
    if not asked:
        raise UsageError(f"{who!r}: whose nodes? give --area CODE, or --area {ALL_AREAS}")
    return asked


def read_csv(path: Path, columns: str) -> str:
    """Text of a CSV in UTF-8, with or without a mark before it. Raises UsageError, which names its `columns`.

    Also for a row with more cells than the first line names, empty ones apart: a comma would move or cut its cells.
    """
    try:
        text = path.read_text("utf-8-sig")
        rows = csv.reader(text.splitlines())
        named = len(next(rows, ()))
        surplus = next((rows.line_num for row in rows if named and any(cell.strip() for cell in row[named:])), None)
    except (OSError, UnicodeDecodeError, csv.Error) as why:
        then = to_read(why, f"give a CSV in UTF-8 with the columns {columns}")
        raise UsageError(f"{path}: cannot be read; {then}") from why
    if surplus:
        give = f"give a CSV with {columns}, decimals with a point, and text with a comma in quotes"
        raise UsageError(f"{path}:{surplus}: has more cells than columns; {give}")
    return text


def is_port(text: str) -> bool:
    """Is it the number of one?"""
    return re.fullmatch(r"\d{1,5}", text) is not None and 0 < int(text) < 65536


def as_day(text: str) -> date:
    """A day. Raises argparse's own error."""
    try:
        day = date.fromisoformat(text)
    except ValueError as why:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as 2026-05-01") from why
    if not 1900 <= day.year < 3000:  # at the calendar's ends there is no day before or after
        raise argparse.ArgumentTypeError(f"{text} is not of 1900 to 2999; write it as 2026-05-01")
    return day


def as_threads(text: str) -> int:
    """How many threads a network gets. Raises argparse's own error."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_THREADS:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 to {MOST_THREADS}; more than the cores gain nothing")
    return int(text)
