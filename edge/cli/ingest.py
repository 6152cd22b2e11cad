"""`fieldeye-platform ingest`: from a broker into a file of JSON lines, each record once, gaps asked for again."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

from tqdm import tqdm

from edge.cli.exits import DONE
from edge.cli.listen import add_broker_arguments, subscriber_of
from edge.cli.stopping import stop_on_signal
from edge.clock import SystemClock
from edge.platform import Ledger, ingest, ingest_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `ingest`."""
    files = "a file of `fieldeye export`, instead of a broker; may be given again"
    parser.add_argument("--file", type=Path, action="append", default=[], metavar="FILE", help=files)
    add_broker_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON lines; goes on where it stopped")


def run(args: argparse.Namespace) -> int:
    """Until Ctrl-C or SIGTERM; with files, until they are read."""
    stop = Event()
    stop_on_signal(stop)
    with Ledger(args.out) as ledger:
        news = _of_files(args.file, ledger) if args.file else ingest(subscriber_of(args), ledger, SystemClock(), stop)
        with tqdm(unit=" records", disable=not sys.stderr.isatty()) as progress:
            for new in news:
                progress.update(new)
        print(f"{ledger.seen.counted} records kept, {ledger.seen.repeated} sent again, {ledger.bad} set aside as bad")
    return DONE


def _of_files(paths: Sequence[Path], ledger: Ledger) -> Iterator[int]:
    for path in paths:
        yield from ingest_file(path, ledger)
