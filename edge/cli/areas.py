"""`fieldeye-platform areas`: what people call the areas, beside their codes."""

import argparse
import csv
from pathlib import Path

from edge.cli.arguments import database_argument, read_csv
from edge.cli.exits import DONE
from edge.errors import UsageError

COLUMNS = "code,name"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `areas`."""
    database_argument(parser)
    names = f"a CSV with {COLUMNS}, kept from then on; an empty name takes one back; without: says how many there are"
    parser.add_argument("--names", type=Path, metavar="FILE", help=names)


def run(args: argparse.Namespace) -> int:
    """Keep them, and say how many there are."""
    from edge.platform.areas.area_names import keep_names  # noqa: PLC0415  only once more than --help is asked for
    from edge.platform.database import only_row, open_database, reachable  # noqa: PLC0415
    from edge.platform.tables import migrate  # noqa: PLC0415

    names = _read(args.names) if args.names else {}
    with reachable(), open_database(args.database, "fieldeye areas") as database:
        migrate(database)
        if names:
            keep_names(database, names)
        (many,) = only_row(database, "SELECT count(*) FROM area_name")
        print(f"areas with a name: {many}")
    return DONE


def _read(path: Path) -> dict[str, str]:
    """By code. Raises UsageError with file, line and remedy."""
    from edge.platform.areas.area_names import MOST_LETTERS  # noqa: PLC0415
    from edge.platform.areas.population import as_area  # noqa: PLC0415

    reader = csv.DictReader(read_csv(path, COLUMNS).splitlines())
    names: dict[str, str] = {}
    for row in reader:
        where, told, name = f"{path}:{reader.line_num}", row.get("code"), row.get("name")
        if not told or name is None:
            raise UsageError(f"{where}: code or name is missing; give a CSV with the columns {COLUMNS}")
        try:
            code, name = as_area(told.strip()), " ".join(name.split())
        except UsageError as why:
            raise UsageError(f"{where}: {why}; in Excel, make that column a text first") from why
        if not name.isprintable() or len(name) > MOST_LETTERS:
            raise UsageError(f"{where}: a name has at most {MOST_LETTERS} letters, none of them unseen; correct it")
        if names.setdefault(code, name) != name:
            raise UsageError(f"{where}: {told} stands in an earlier line with another name; keep one of them")
    if not names:
        raise UsageError(f"{path}: holds no area; give a CSV with the columns {COLUMNS}")
    return names
