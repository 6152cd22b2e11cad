"""`fieldeye-platform export`: what was taken in, as files that other programs read."""

import argparse
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path

from edge.cli.arguments import as_day
from edge.cli.exits import DONE
from edge.cli.exporting import check_ending, formats_help, keep_apart, write_export, written_words
from edge.cli.platform_pictures import write_pictures
from edge.clock import SystemClock
from edge.errors import UsageError, one_line
from edge.exports import FORMATS, About, Place, place_of
from edge.platform.ledger.ledger_records import read_ledger
from edge.platform.ledger.nodes import NodeName, read_nodes
from edge.wire import PlainInterval, PlainRecord, PlainUnknown

_ENDINGS = ("", ".nodes", ".bad", ".pictures")  # what a ledger is made of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `export`."""
    of = parser.add_mutually_exclusive_group(required=True)
    ledger = "the file of `ingest --out`; where its nodes stand is read from LEDGER.nodes"
    of.add_argument("--ledger", type=Path, metavar="LEDGER", help=ledger)
    of.add_argument("--database", metavar="URL", help="that of `ingest --database`: postgresql://user@host/name")
    coco = "coco: pictures that nodes sent (--ledger), with the model's boxes, for people to decide on"
    parser.add_argument("--format", choices=[*FORMATS, "coco"], required=True, help=f"{formats_help()}; {coco}")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="or a folder, of a format that is one")
    parser.add_argument("--since", type=as_day, metavar="DATE", help="first day, UTC")
    parser.add_argument("--until", type=as_day, metavar="DATE", help="last day, UTC")
    parser.add_argument("--publisher", default="unnamed", metavar="NAME", help="who answers for the data, in the file")


def run(args: argparse.Namespace) -> int:
    """One pass; more may come in meanwhile."""
    if args.since and args.until and args.until < args.since:
        raise UsageError(f"--until {args.until} is before --since {args.since}; give the earlier day to --since")
    check_ending(args.format, args.out)
    if args.ledger:
        keep_apart(args.out, [Path(f"{args.ledger}{ending}") for ending in _ENDINGS])
    if args.format == "coco":
        return _pictures(args)
    with ExitStack() as closing:
        records, places = _of_database(args, closing) if args.ledger is None else _of_ledger(args)
        about = About(created=SystemClock().now().utc, publisher=args.publisher, places=places)
        written = write_export(args.format, records, about, args.out)
    print(one_line(written_words(args.format, written, args.out)))
    return DONE


def _pictures(args: argparse.Namespace) -> int:
    if args.ledger is None:
        raise UsageError("--format coco needs pictures, which only `ingest --out` keeps; give --ledger")
    if args.since or args.until:
        raise UsageError("--format coco takes all: a node's picture tells no day; leave out --since and --until")
    print(one_line(f"{write_pictures(args.ledger, args.out)} pictures in {args.out}"))
    return DONE


def _of_ledger(args: argparse.Namespace) -> tuple[Iterable[PlainRecord], dict[NodeName, Place]]:
    places = {name: place_of(info) for name, info in read_nodes(args.ledger).items()}
    return _within(read_ledger(args.ledger), args.since, args.until), places


def _of_database(args: argparse.Namespace, closing: ExitStack) -> tuple[Iterable[PlainRecord], dict[NodeName, Place]]:
    from edge.platform.database import open_database  # noqa: PLC0415  PostgreSQL only if asked for
    from edge.platform.intake.database_records import names_of_database, nodes_of_database, read_database  # noqa: PLC0415

    database = closing.enter_context(open_database(args.database, "fieldeye export", only_reads=True))
    records = read_database(database, args.since, args.until)
    closing.callback(records.close)  # before the connection: a reader that stopped half-way has a transaction open
    called = names_of_database(database)
    nodes = nodes_of_database(database).items()
    return records, {name: replace(place_of(info), area_name=called.get(name)) for name, info in nodes}


def _within(records: Iterable[PlainRecord], since: date | None, until: date | None) -> Iterator[PlainRecord]:
    """A record whose kind is not known tells no time; it is kept."""
    for record in records:
        if isinstance(record, PlainUnknown):
            yield record
            continue
        day = (record.start if isinstance(record, PlainInterval) else record.at).utc.date()
        if (since is None or since <= day) and (until is None or day <= until):
            yield record
