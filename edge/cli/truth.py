"""A person's counts, to compare with: a CSV with the columns picture and count, new or present."""

import csv
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Literal, get_args

from edge.cli.arguments import read_csv
from edge.errors import UsageError

What = Literal["count", "new", "present"]  # on the picture, new since the one before, on the card


@dataclass(frozen=True, slots=True)
class Truth:
    """Counts by picture, and what was counted."""

    name: str
    what: What
    counts: tuple[tuple[str, float], ...]


def read_truth(path: Path) -> Truth:
    """Raises UsageError with file, line and remedy."""
    reader = csv.DictReader(read_csv(path, "picture,count").splitlines())
    rows = [(reader.line_num, row) for row in reader]
    columns = reader.fieldnames or ()
    what: What | None = next((w for w in get_args(What) if w in columns), None)
    if not rows or "picture" not in columns or what is None:
        needs = f"needs the columns picture and one of {', '.join(get_args(What))}, and a row"
        raise UsageError(f"{path}: {needs}; write them")
    counts = []
    for line, row in rows:
        try:
            number = float(row[what])
        except (TypeError, ValueError) as why:
            raise UsageError(f"{path}, line {line}: {row[what]!r} is no number; write how many there are") from why
        if not 0 <= number < inf:
            raise UsageError(f"{path}, line {line}: {row[what]!r} is not 0 or more; write how many there are")
        if not row["picture"]:
            raise UsageError(f"{path}, line {line}: names no picture; write the name of its file")
        counts.append((row["picture"], number))
    return Truth(path.name, what, tuple(counts))
