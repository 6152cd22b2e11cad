"""`fieldeye-platform report`: the week of an area as HTML and PDF."""

import argparse
import csv
import difflib
from collections.abc import Collection
from datetime import UTC, date, datetime
from math import inf
from pathlib import Path
from typing import get_args

from edge.cli.arguments import read_csv
from edge.cli.exits import DONE
from edge.counts import Unit
from edge.errors import StoreError, UsageError
from edge.languages import LANGUAGES
from edge.platform.database import Database, open_database, reachable
from edge.platform.outlines import read_outlines
from edge.platform.population import as_area, keep_threshold, newest_week, week_of
from edge.platform.report import html, pdf
from edge.platform.week import week
from edge.taxa import taxa

UNITS: tuple[str, ...] = get_args(Unit)
_COUNTED = "SELECT DISTINCT label FROM taxon"
COLUMNS = ("label", "unit", "start_at", "sure_at", "source")  # of a station's own thresholds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `report`."""
    parser.add_argument("--database", required=True, metavar="URL", help="PostgreSQL: postgresql://user@host/name")
    parser.add_argument("--area", required=True, metavar="CODE", help="2, 4, 6, 9 or 12 digits of the area code")
    parser.add_argument("--week", required=True, type=int, metavar="N", help="of ISO 8601, 1 to 53")
    parser.add_argument("--year", type=int, metavar="YEAR", help="default: the newest in which that week has begun")
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="default: here")
    parser.add_argument("--outline", type=Path, metavar="FILE", help="borders as GeoJSON; default: hull of the nodes")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the report; default: en")
    thresholds = "the station's own, kept from then on, also for weeks of before: a CSV with " + ", ".join(COLUMNS)
    parser.add_argument("--thresholds", type=Path, metavar="FILE", help=thresholds)


def run(args: argparse.Namespace) -> int:
    """Write the report and name its files."""
    area = as_area(args.area)
    today = date.today()  # noqa: DTZ011  on the wall
    first, last = newest_week(args.week, today) if args.year is None else week_of(args.year, args.week)
    outlines = read_outlines(args.outline) if args.outline else []
    with open_database(args.database, "fieldeye report", only_reads=not args.thresholds) as database:
        if args.thresholds:
            keep_thresholds(database, args.thresholds)
        page = html(week(database, area, first, last), outlines, datetime.now(UTC), args.language)
    name = f"report-{area}-{first.isocalendar().year}-W{args.week:02}"
    _write(args.out / f"{name}.html", page.encode())
    _write(args.out / f"{name}.pdf", pdf(page, args.language))
    return DONE


@reachable()
def keep_thresholds(database: Database, path: Path) -> None:
    """Each line of a CSV. Raises UsageError with file, line and remedy, StoreError."""
    reader = csv.DictReader(read_csv(path, ",".join(COLUMNS)).splitlines())
    known = {taxon.scientific_name for taxon in taxa()} | {label for (label,) in database.execute(_COUNTED).fetchall()}
    rows = [_threshold(row, f"{path}:{reader.line_num}", known) for row in reader]
    with database.transaction():
        for row in rows:
            keep_threshold(database, *row)


def _threshold(
    row: dict[str, str | None], where: str, known: Collection[str]
) -> tuple[str, str, float | None, float | None, str]:
    """What `keep_threshold` takes. Raises UsageError."""
    try:
        label, unit, start_at, sure_at, source = (row[name] or "" for name in COLUMNS)
        is_over = row["start_at"] == row["sure_at"] == ""
        start, sure = None if is_over else float(start_at), float(sure_at) if sure_at else None
    except (KeyError, ValueError) as why:
        raise UsageError(f"{where}: {why} is missing or no number; columns: {', '.join(COLUMNS)}") from why
    if start is not None and (not 0 < start < inf or not (sure is None or start <= sure < inf)):
        raise UsageError(f"{where}: start_at {start:g} is no number above 0, or sure_at is not above it; correct it")
    if not (label and unit and (source or is_over)) or "\0" in label + unit + source:
        raise UsageError(f"{where}: label, unit or source is empty or holds a NUL; write them again")
    if unit not in UNITS:
        raise UsageError(f"{where}: nodes count in no unit {unit!r}; give one of: {', '.join(UNITS)}")
    if label not in known:
        near = ", ".join(difflib.get_close_matches(label, known)) or "a scientific name, as nodes tell it"
        raise UsageError(f"{where}: {label!r} is in no list of taxa, and nobody has counted it; give {near}")
    return label, unit, start, sure, source


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as why:
        raise StoreError(f"{path}: cannot be written ({why.strerror}); name another folder with --out") from why
    print(path)
