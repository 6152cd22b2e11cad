"""`fieldeye-platform ingest`: from a broker into PostgreSQL, or into a file of JSON lines; each record once."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from socket import gethostname
from threading import Event
from urllib.parse import urlsplit

from tqdm import tqdm

from edge.cli.broker_arguments import add_broker_arguments, broker_address
from edge.cli.exits import DONE
from edge.cli.stopping import stop_on_signal
from edge.clock import SystemClock
from edge.config import LOOPBACK
from edge.errors import StoreError, UsageError
from edge.platform import Ledger, Subscriber, ingest, ingest_file
from edge.platform.broker.shared_subscription import end_session, worker_name
from edge.platform.broker.subscriber import ledger_name

LAST_PORT = 65_535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `ingest`."""
    files = "a file of `fieldeye export`, instead of a broker; may be given again"
    parser.add_argument("--file", type=Path, action="append", default=[], metavar="FILE", help=files)
    add_broker_arguments(parser)
    into = parser.add_mutually_exclusive_group(required=True)
    into.add_argument("--database", metavar="URL", help="PostgreSQL 16 to 18: postgresql://user@host/name")
    out = "JSON lines; goes on where it stopped; asks for missing records, for no photograph"
    into.add_argument("--out", type=Path, metavar="FILE", help=out)
    leave = "the broker keeps nothing more for workers that run no more, of this machine or of HOST"
    into.add_argument("--leave", nargs="?", const=gethostname(), metavar="HOST", help=leave)
    of_workers = parser.add_argument_group("with --database or --leave")
    of_workers.add_argument("--workers", type=int, default=1, metavar="N", help="processes; default: 1")
    of_workers.add_argument(
        "--group", default="fieldeye", metavar="NAME", help="workers of one name share the messages"
    )
    of_database = parser.add_argument_group("with --database")
    of_database.add_argument("--queue", metavar="URL", help="a RabbitMQ quorum queue (amqps://…) instead of --broker")
    of_database.add_argument("--metrics", type=int, metavar="PORT", help="Prometheus, on loopback; a port a worker")


def run(args: argparse.Namespace) -> int:
    """Until Ctrl-C or SIGTERM; with files, until they are read."""
    if args.workers < 1:
        raise UsageError(f"--workers {args.workers} does nothing; give 1 or more")
    if not args.group or not args.group.isprintable() or set("/+#") & set(args.group):
        raise UsageError(f"--group {args.group!r} is no name of a group; write letters, none of them / + or #")
    if args.database is None and (args.queue or args.metrics is not None):
        raise UsageError("--queue and --metrics are for --database; give that, or leave them out")
    if args.metrics is not None and args.metrics + args.workers - 1 > LAST_PORT:
        raise UsageError(f"--metrics {args.metrics} and a port a worker go beyond {LAST_PORT}; take a lower one")
    if args.out and (args.workers, args.group) != (1, "fieldeye"):
        raise UsageError("--workers and --group are for --database; give that, or leave them out: one writes to --out")
    if args.leave is not None:
        return _leave(args)
    if args.queue and not args.insecure:
        _keep_secret(args.queue.split(","))
    spoiled: list[Path] = []
    if args.database is not None:
        from edge.cli.ingest_database import run_workers  # noqa: PLC0415  PostgreSQL only if asked for

        code = run_workers(args, spoiled)
    else:
        code = _into_ledger(args, spoiled)
    if spoiled:
        names = ", ".join(map(str, spoiled))
        raise StoreError(f"{names}: no record in it can be read; carry what `fieldeye export` writes once more")
    return code


def _leave(args: argparse.Namespace) -> int:
    address = broker_address(args)
    for number in range(args.workers):
        end_session(address, worker_name(args.group, number, args.leave))
    of_whom = f"{args.workers} workers of {args.leave}"
    print(f"{args.broker} keeps nothing more for {of_whom}; nodes are asked again for what waited there")
    return DONE


def _keep_secret(urls: Sequence[str]) -> None:
    """Raises UsageError where a password would leave this machine in the open."""
    for url in urls:
        try:
            told = urlsplit(url)
            _ = told.port
        except ValueError as why:  # whose text has the password in it
            raise UsageError(
                "--queue is no address of a queue; write amqps://USER:PASSWORD@HOST, with %2F for / in the password"
            ) from why
        if told.scheme == "amqp" and told.password and told.hostname not in LOOPBACK:
            raise UsageError(
                f"--queue amqp://{told.hostname}: the password would cross the network in the open; "
                "write amqps://, or add --insecure in a laboratory"
            )


def _into_ledger(args: argparse.Namespace, spoiled: list[Path]) -> int:
    with Ledger(args.out) as ledger:
        if args.file:  # whoever stops it gives them once more: what was kept counts once
            news = _of_files(args.file, ledger, spoiled)
        else:
            stop = Event()
            stop_on_signal(stop)
            subscriber = Subscriber(broker_address(args), ledger_name(args.out))
            news = ingest(subscriber, ledger, SystemClock(), stop)
        with tqdm(unit=" records", disable=not sys.stderr.isatty()) as progress:
            for new in news:
                progress.update(new)
        print(f"{ledger.seen.counted} records kept, {ledger.seen.repeated} sent again, {ledger.bad} set aside as bad")
    return DONE


def _of_files(paths: Sequence[Path], ledger: Ledger, spoiled: list[Path]) -> Iterator[int]:
    """Notes in `spoiled` the files with lines that were set aside and not one record."""
    for path in paths:
        bad, read = ledger.bad, ledger.seen.counted + ledger.seen.repeated
        yield from ingest_file(path, ledger)
        if ledger.bad > bad and ledger.seen.counted + ledger.seen.repeated == read:
            spoiled.append(path)
