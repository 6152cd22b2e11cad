"""A station's own thresholds, which it keeps in a CSV, into the database."""

import csv
import difflib
from collections.abc import Collection
from math import inf
from pathlib import Path
from typing import get_args

from edge.cli.arguments import THRESHOLD_COLUMNS, read_csv
from edge.counts import Unit
from edge.errors import UsageError
from edge.platform.areas.population import is_incidence, keep_threshold
from edge.platform.database import Database, reachable
from edge.taxa import taxa

UNITS: tuple[str, ...] = get_args(Unit)
_COUNTED = "SELECT DISTINCT label FROM taxon"
Threshold = tuple[str, str, float | None, float | None, str]  # label, unit, start_at, sure_at, source


@reachable()
def keep_thresholds(database: Database, path: Path) -> None:
    """Each line of a CSV. Raises UsageError with file, line and remedy, StoreError."""
    reader = csv.DictReader(read_csv(path, ",".join(THRESHOLD_COLUMNS)).splitlines())
    known = {taxon.scientific_name for taxon in taxa()} | {label for (label,) in database.execute(_COUNTED).fetchall()}
    rows: dict[tuple[str, str], Threshold] = {}
    for row in reader:
        where = f"{path}:{reader.line_num}"
        told = _threshold(row, where, known)
        if told[:2] in rows:
            raise UsageError(f"{where}: {told[0]},{told[1]} stands in an earlier line, too; keep one of them")
        rows[told[:2]] = told
    if not rows:
        raise UsageError(f"{path}: holds no threshold; give a CSV with the columns {','.join(THRESHOLD_COLUMNS)}")
    with database.transaction():
        for kept in rows.values():
            keep_threshold(database, *kept)


def _threshold(row: dict[str, str | None], where: str, known: Collection[str]) -> Threshold:
    """What `keep_threshold` takes. Raises UsageError."""
    try:
        label, unit, start_at, sure_at, source = (row[name] or "" for name in THRESHOLD_COLUMNS)
        is_over = row["start_at"] == row["sure_at"] == ""
        start = None if is_over else float(start_at)
        sure = float(sure_at) if sure_at else None
    except (KeyError, ValueError) as why:
        raise UsageError(f"{where}: {why} is missing or no number; columns: {', '.join(THRESHOLD_COLUMNS)}") from why
    if start is not None and not 0 < start <= (start if sure is None else sure) < inf:
        raise UsageError(f"{where}: start_at {start:g} is no number above 0, or sure_at is not above it; correct it")
    if not (label and unit and (source or is_over)) or "\0" in label + unit + source:
        raise UsageError(f"{where}: label, unit or source is empty or holds a NUL; write them again")
    if unit not in UNITS:
        raise UsageError(f"{where}: nodes count in no unit {unit!r}; give one of: {', '.join(UNITS)}")
    if is_incidence(unit) and max(start or 0, sure or 0) > 100:  # per cent
        raise UsageError(f"{where}: {unit} is an incidence in per cent, which is never above 100; correct it")
    if label not in known:
        near = ", ".join(difflib.get_close_matches(label, known)) or "a scientific name, as nodes tell it"
        raise UsageError(f"{where}: {label!r} is in no list of taxa, and nobody has counted it; give {near}")
    return label, unit, start, sure, source
