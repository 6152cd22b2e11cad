"""`fieldeye-platform report`: the week or month of an area as HTML and PDF."""

import argparse
from datetime import UTC, date, datetime
from pathlib import Path

from edge.cli.arguments import ALL_AREAS, THRESHOLD_COLUMNS, database_argument
from edge.cli.exits import DONE
from edge.errors import StoreError, UsageError, one_line
from edge.languages import LANGUAGES
from edge.platform.areas.outlines import read_outlines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `report`."""
    database_argument(parser)
    help_ = f"2, 4, 6, 9 or 12 digits of the area code, or {ALL_AREAS}"
    parser.add_argument("--area", required=True, metavar="CODE", help=help_)
    of = parser.add_mutually_exclusive_group(required=True)
    of.add_argument("--week", type=int, metavar="N", help="of ISO 8601, 1 to 53")
    of.add_argument("--month", metavar="YYYY-MM", help="in place of a week; one that is not over up to now")
    parser.add_argument("--year", type=int, metavar="YEAR", help="of the week; default: the newest that has begun")
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="folder of the report; default: here")
    parser.add_argument("--outline", type=Path, metavar="FILE", help="borders as GeoJSON; default: hull of the nodes")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the report; default: en")
    thresholds = "the station's own, kept from then on, also for weeks of before: a CSV with " + ", ".join(
        THRESHOLD_COLUMNS
    )
    parser.add_argument("--thresholds", type=Path, metavar="FILE", help=thresholds)


def run(args: argparse.Namespace) -> int:
    """Write the report and name its files."""
    from edge.cli.station_thresholds import keep_thresholds  # noqa: PLC0415  only once more than --help is asked for
    from edge.platform.areas.population import as_area  # noqa: PLC0415
    from edge.platform.areas.report import html, pdf  # noqa: PLC0415
    from edge.platform.areas.week import week  # noqa: PLC0415
    from edge.platform.database import open_database  # noqa: PLC0415

    area = as_area("" if args.area == ALL_AREAS else args.area)
    first, last, of = _nights(args)
    outlines = read_outlines(args.outline) if args.outline else []
    with open_database(args.database, "fieldeye report", only_reads=not args.thresholds) as database:
        if args.thresholds:
            keep_thresholds(database, args.thresholds)
        page = html(week(database, area, first, last), outlines, datetime.now(UTC), args.language)
    name = f"report-{area or ALL_AREAS}-{of}"
    _write(args.out / f"{name}.html", page.encode())
    _write(args.out / f"{name}.pdf", pdf(page, args.language))
    return DONE


def _nights(args: argparse.Namespace) -> tuple[date, date, str]:
    """The first one, the last one, and what they are called."""
    from edge.platform.areas.population import month_of, newest_week, week_of  # noqa: PLC0415

    today = date.today()  # noqa: DTZ011  on the wall
    if args.month is not None:
        if args.year is not None:
            raise UsageError(f"--month {args.month} names its year; leave out --year")
        first, last = month_of(args.month, today)
        return first, last, f"{first:%Y-%m}"
    first, last = newest_week(args.week, today) if args.year is None else week_of(args.year, args.week)
    return first, last, f"{first.isocalendar().year}-W{args.week:02}"


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as why:
        raise StoreError(f"{path}: cannot be written ({why.strerror}); name another folder with --out") from why
    print(one_line(str(path)))
