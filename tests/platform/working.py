"""A worker of `fieldeye-platform ingest` in a thread of the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from edge.clock import SystemClock
from edge.platform.broker.sources import Source
from edge.platform.database import open_database
from edge.platform.intake.leader import Leader
from edge.platform.intake.worker import Worker
from edge.platform.intake.worker_metrics import WorkerMetrics


@contextmanager
def at_work(source: Source, url: str, every_s: float) -> Iterator[None]:
    """One that takes from `source` and leads, looking every so often whether records are missing."""
    stop, metrics = Event(), WorkerMetrics()
    leader = Leader(source, metrics, every_s=every_s)
    worker = Worker(source, lambda: open_database(url), leader, metrics, SystemClock())
    thread = Thread(target=lambda: list(worker.run(stop)))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
