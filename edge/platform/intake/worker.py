"""From a broker into the database: takes a batch, commits it, acknowledges it. Several run side by side."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event

import psycopg

from edge.clock import Clock
from edge.errors import StoreError, StoreNewerError
from edge.platform.broker.sources import WINDOW, Delivery, Source
from edge.platform.database import GONE, NO_TABLES, Database, disk_full, first_line, without_tables
from edge.platform.intake.database_intake import Intake, Kept
from edge.platform.intake.leader import Leader
from edge.platform.intake.registry import Registry
from edge.platform.intake.worker_metrics import WorkerMetrics

log = logging.getLogger(__name__)
AGAIN_S = 1.0
# The last: the server has become a standby, and another one writes.
_GONE = (*GONE, psycopg.InterfaceError, StoreError, psycopg.errors.ReadOnlySqlTransaction)
_SENTENCES = (((psycopg.errors.DiskFull,), disk_full), (NO_TABLES, without_tables))


class Worker:
    """One thread, one connection to each side. While the database is away nothing is acknowledged: the broker keeps."""

    def __init__(
        self, source: Source, connect: Callable[[], Database], leader: Leader, metrics: WorkerMetrics, clock: Clock
    ) -> None:
        self._source, self._connect, self._leader, self._metrics, self._clock = source, connect, leader, metrics, clock
        self._opened: tuple[Database, Intake, Registry] | None = None
        self._told: set[type[Exception] | str] = set()  # in the log, of a database that is lost until a turn ends well

    def run(self, stop: Event) -> Iterator[Kept]:
        """Until `stop` is set; yields what became of each batch.

        Raises StoreError, BrokerError at the start, StoreNewerError once newer software has changed the tables.
        """
        self._open()
        self._source.connect()
        held: list[Delivery] = []
        while not stop.is_set():
            held += self._source.take(stop, WINDOW - len(held))
            self._metrics.waiting.set(len(held))
            self._metrics.broker_up.set(self._source.is_up)
            kept = self._commit(held, stop)
            if kept is not None:
                self._source.acknowledge(held)
                held = []
                yield kept
        self._source.close()
        if self._opened is not None:
            with suppress(psycopg.Error):  # else it lasts for a minute more
                self._leader.give_back(self._opened[0])
            self._opened[0].close()

    def _commit(self, held: list[Delivery], stop: Event) -> Kept | None:
        """None while the database is away."""
        try:
            database, intake, registry = self._opened or self._open()
            kept = self._take_in(intake, registry, held)
            self._leader.turn(database, self._clock.monotonic_s())
        except StoreNewerError:
            raise
        except psycopg.ProgrammingError:  # a batch may meet changed tables before the leader's turn
            try:
                self._leader.refuse_newer(database)
            except (*NO_TABLES, psycopg.OperationalError) as why:
                self._lost(why, stop)  # to end here is to be started again, which makes tables in the backup's way
                return None
            raise
        except _GONE as why:
            self._lost(why, stop)
            return None
        self._told.clear()
        self._metrics.database_up.set(1)
        return kept

    def _take_in(self, intake: Intake, registry: Registry, held: list[Delivery]) -> Kept:
        if not held:
            return Kept()
        messages = [delivery.message for delivery in held]
        self._leader.hear(messages)
        with self._metrics.batch_s.time():
            kept = intake.keep(messages)
            kept += Kept(set_aside=registry.note(messages))
        self._metrics.count(kept)
        return kept

    def _open(self) -> tuple[Database, Intake, Registry]:
        database = self._connect()
        intake = Intake(database)
        self._opened = database, intake, Registry(intake)
        return self._opened

    def _lost(self, why: Exception, stop: Event) -> None:
        self._tell(why)
        if self._opened is not None:
            self._opened[0].close()
        self._opened = None
        self._metrics.database_up.set(0)
        self._leader.lost_database()
        stop.wait(AGAIN_S)

    def _tell(self, why: Exception) -> None:
        """Each reason once, also why it lets us in no more: it is opened in vain, or lost, every second or two."""
        reason = str(why) if isinstance(why, StoreError) else type(why)  # others name a file or row
        if reason not in self._told:
            says = next((says for kinds, says in _SENTENCES if isinstance(why, kinds)), first_line)
            log.warning("database_lost", extra={"why": says(why)})
        self._told.add(reason)
