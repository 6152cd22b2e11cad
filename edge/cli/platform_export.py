"""`fieldeye-platform export`: records of a ledger as files that other programs read."""

import argparse
from pathlib import Path

from edge.cli.exits import DONE
from edge.cli.exporting import formats_help, write_export
from edge.clock import SystemClock
from edge.exports import FORMATS, About, place_of
from edge.platform.kept import read_ledger
from edge.platform.nodes import read_nodes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `export`."""
    ledger = "the file of `fieldeye-platform ingest`; where its nodes stand is read from LEDGER.nodes"
    parser.add_argument("--ledger", type=Path, required=True, metavar="LEDGER", help=ledger)
    parser.add_argument("--format", choices=list(FORMATS), required=True, help=formats_help())
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--publisher", default="unnamed", metavar="NAME", help="who answers for the data, in the file")


def run(args: argparse.Namespace) -> int:
    """One pass; the ledger may grow meanwhile."""
    places = {name: place_of(info) for name, info in read_nodes(args.ledger).items()}
    about = About(created=SystemClock().now().utc, publisher=args.publisher, places=places)
    number = write_export(args.format, read_ledger(args.ledger), about, args.out)
    print(f"{number} records in {args.out}")
    return DONE
