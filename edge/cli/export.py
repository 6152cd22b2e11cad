"""`fieldeye export`: records into a file, to be carried where no network goes, or for other programs."""

import argparse
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from edge.changes import load_changed
from edge.cli.arguments import config_argument
from edge.cli.exits import DONE
from edge.cli.exporting import Written, check_ending, formats_help, keep_apart, write_export, written_words
from edge.cli.results import show
from edge.cli.stick import batches, stick_words, write_stick
from edge.clock import SystemClock
from edge.config import NodeTable
from edge.exports import FORMATS, About, place_of
from edge.introduction import introduction
from edge.store import Records, kept_records
from edge.wire import Decoded, Info, PlainRecord, plain

STICK = "stick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `export`."""
    stick = f"{STICK} (default): for `fieldeye-platform ingest --file`"
    config_argument(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="such as a file on a USB stick")
    parser.add_argument("--format", choices=[STICK, *FORMATS], default=STICK, help=f"{stick}; {formats_help()}")
    parser.add_argument("--all", action="store_true", help="stick: delivered records too; default: those that wait")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")


def run(args: argparse.Namespace) -> int:
    """The node may go on meanwhile. Nothing is taken out of its outbox: keys keep the platform from counting twice."""
    config, _ = load_changed(args.config)
    folder, node = Path(config.store.folder), config.node
    check_ending(args.format, args.out)
    keep_apart(args.out, [args.config, folder])
    with kept_records(folder, node.node) as records:
        if args.format == STICK:
            number, photographs = write_stick(config, records, args.out, delivered=args.all)
            written = Written(number, left_out=0)
            delivered = 0 if number or args.all else records.delivered()
            said = stick_words(args.out, number, photographs, delivered)
        else:
            about = _about(node, introduction(config, records.epoch, []))
            written, photographs = write_export(args.format, _plain(records, node.site), about, args.out), 0
            said = written_words(args.format, written, args.out)
    if records.damaged:
        said += f"; {records.damaged} more could not be read in {folder}: check the memory card"
    told = {"file": str(args.out), "format": args.format, **written._asdict(), "photographs": photographs}
    show(told | {"damaged": records.damaged}, said, as_json=args.json)
    return DONE


def _about(node: NodeTable, info: Info) -> About:
    places = {(node.site, node.node): place_of(info)}
    return About(created=SystemClock().now().utc, publisher=node.site, places=places)


def _plain(records: Records, site: str) -> Iterator[PlainRecord]:
    kept = chain.from_iterable(batches(records, waiting_only=False))
    return (plain(Decoded(stored.key, stored.record), site) for stored in kept)
