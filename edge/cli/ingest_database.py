"""Workers of `fieldeye-platform ingest --database`: one in this process, or several processes that are kept running."""

import argparse
import gc
import logging
import sys
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from socket import gethostname
from threading import Event

from tqdm import tqdm

from edge.cli.broker_arguments import broker_address
from edge.cli.exits import DONE, NOT_WELL
from edge.cli.logs import set_up_logs
from edge.cli.results import say
from edge.cli.stopping import stop_on_signal
from edge.clock import SystemClock
from edge.errors import FieldeyeError, SessionTakenError, StoreNewerError
from edge.platform.broker.shared_subscription import SharedSubscription, worker_name
from edge.platform.broker.sources import Source
from edge.platform.database import open_database, reachable
from edge.platform.intake.carried_files import keep_files
from edge.platform.intake.database_intake import Kept
from edge.platform.intake.leader import Leader
from edge.platform.intake.worker import Worker
from edge.platform.intake.worker_metrics import WorkerMetrics
from edge.platform.tables import migrate

log = logging.getLogger(__name__)
EVERY_S = 5.0  # registry, gaps and sums
_LOOK_S = 0.5
_REPLACED = 3  # exit code of a worker that another program has taken the place of, or newer software


def run_workers(args: argparse.Namespace, spoiled: list[Path]) -> int:
    """Bring the tables up to date, then work until told to stop; or take in the given files."""
    with open_database(args.database) as database:
        migrate(database)
        if args.file:
            with reachable():
                return _say(keep_files(args.file, database, spoiled))
    stop = Event()
    stop_on_signal(stop)
    if args.workers == 1:
        return work(args, 0, stop)
    return _keep_running(lambda number: _process(args, number), args.workers, stop)


def work(args: argparse.Namespace, number: int, stop: Event) -> int:
    """One worker, until `stop` is set."""
    calm_collector()
    metrics = WorkerMetrics(None if args.metrics is None else args.metrics + number)
    source = _source(args, number)
    leader = Leader(source, metrics, every_s=EVERY_S)
    name = f"fieldeye ingest {number}"
    worker = Worker(source, lambda: open_database(args.database, name), leader, metrics, SystemClock())
    return _say(worker.run(stop), quiet=args.workers > 1)


def calm_collector() -> None:
    """Batches are made and dropped whole: looking for cycles as often as usual costs a seventh of a worker's time."""
    gc.set_threshold(100_000)


def _source(args: argparse.Namespace, number: int) -> Source:
    if args.queue:
        from edge.platform.broker.quorum_queue import QuorumQueue  # noqa: PLC0415  pika only where it is used

        return QuorumQueue(args.queue, group=args.group)
    name = worker_name(args.group, number, gethostname())
    return SharedSubscription(broker_address(args), name=name, group=args.group)


def _say(batches: Iterator[Kept], *, quiet: bool = False) -> int:
    total = Kept()
    with tqdm(unit=" records", disable=quiet or not sys.stderr.isatty()) as progress:
        for kept in batches:
            total += kept
            progress.update(kept.new)
    print(f"{total.new} records kept, {total.repeated} sent again, {total.set_aside} set aside as bad")
    return DONE


def _process(args: argparse.Namespace, number: int) -> BaseProcess:
    process = get_context("spawn").Process(target=_child, args=(args, number), name=f"ingest-{number}")
    process.start()
    return process


def _child(args: argparse.Namespace, number: int) -> None:
    set_up_logs(logging.DEBUG if args.debug else logging.WARNING)  # a spawned process has none of its parent's
    stop = Event()
    stop_on_signal(stop)
    try:
        sys.exit(work(args, number, stop))
    except FieldeyeError as why:
        say(f"worker {number}: {why}", "fieldeye-platform")
        sys.exit(_REPLACED if isinstance(why, (SessionTakenError, StoreNewerError)) else NOT_WELL)


def _keep_running(start: Callable[[int], BaseProcess], workers: int, stop: Event) -> int:
    """A worker that ends is started again, until all are told to stop, or one ended for _REPLACED."""
    processes = [start(number) for number in range(workers)]
    while not stop.wait(_LOOK_S):
        for number, process in enumerate(processes):
            if process.exitcode == _REPLACED:
                stop.set()
            elif process.exitcode is not None:
                log.warning("worker_ended", extra={"worker": number, "exit_code": process.exitcode})
                processes[number] = start(number)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()
    return DONE if all(process.exitcode == DONE for process in processes) else NOT_WELL
