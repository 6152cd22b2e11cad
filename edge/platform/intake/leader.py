"""The one worker of a broker that keeps its nodes' registry, asks for gaps and makes sums anew: whose turn it is."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

from edge.errors import WireError
from edge.platform.broker.sources import Source
from edge.platform.database import BAD_VALUE, Database, first_line, only_row
from edge.platform.decode import Message
from edge.platform.intake.commands_due import Following, answers_due, photographs_due, seen_due
from edge.platform.intake.gaps import missing, requests
from edge.platform.intake.worker_metrics import WorkerMetrics
from edge.platform.ledger.nodes import NodeName
from edge.platform.tables import migrations, version_of
from edge.wire import encode_message, parse_topic

log = logging.getLogger(__name__)
MOST_NIGHTS = 2000  # changes a turn: seconds, so that the broker is not left waiting


class Leader:
    """Owned by the worker's thread. One that does not lead does nothing here but try, and end once it is too old."""

    def __init__(self, source: Source, metrics: WorkerMetrics, *, every_s: float) -> None:
        self._source, self._metrics, self._every_s = source, metrics, every_s
        self._next_s, self.leads = 0.0, False
        self._of_what = f"lead {source.broker}"
        self._reached: set[NodeName] = set()  # by this broker: others send what is for others
        self._following = Following()  # anew whenever it leads: the database may be a restored one
        self._me = uuid4()
        self._newest = max(migrations())  # now: an update may lay others in their place

    def lost_database(self) -> None:
        """It leads no more until it has its turn again."""
        self._note_leads(False)
        self._next_s = 0.0

    def give_back(self, database: Database) -> None:
        """So that another leads at once. Raises psycopg.Error."""
        database.execute("SELECT give_back_turn(%s, %s)", (self._of_what, self._me))

    def hear(self, messages: Iterable[Message]) -> None:
        """Whose they are is reached by this broker."""
        for message in messages:
            with suppress(WireError):
                self._reached.add(parse_topic(message.topic)[:2])

    def turn(self, database: Database, now_s: float) -> None:
        """Every few seconds. Raises psycopg.OperationalError if the database has gone, StoreNewerError.

        A value that no table holds ends the part that met it, for one node must not keep the others waiting.
        """
        if now_s < self._next_s:
            return
        self._next_s = now_s + self._every_s
        self.refuse_newer(database)
        database.execute("INSERT INTO turn (of_what) VALUES (%s) ON CONFLICT DO NOTHING", (self._of_what,))
        self._note_leads(only_row(database, "SELECT take_turn(%s, %s)", (self._of_what, self._me)) == (True,))
        for part in (self._sum_up, self._ask_for_gaps, self._answer) if self.leads else ():
            try:
                part(database)
            except BAD_VALUE as why:
                log.warning("leading_failed", extra={"part": part.__name__.strip("_"), "why": first_line(why)})

    def refuse_newer(self, database: Database) -> None:
        """Raises StoreNewerError if newer software has changed the tables since this program started."""
        version_of(database, self._newest)

    def _sum_up(self, database: Database) -> None:
        if roll_up(database) == MOST_NIGHTS:
            self._next_s = 0.0  # more is due; meanwhile batches go on

    def _ask_for_gaps(self, database: Database) -> None:
        gaps = missing(database)
        self._metrics.missing.set(sum(gap.span.last - gap.span.first + 1 for gap in gaps))
        if gaps and self._source.is_up:
            for topic, command in requests(database, self._reached, datetime.now(UTC)):
                self._source.say(topic, encode_message(command))

    def _answer(self, database: Database) -> None:
        if self._source.is_up:
            for due in (answers_due, seen_due, photographs_due, self._following.photographs_due):
                for topic, command in due(database, self._reached):
                    self._source.say(topic, encode_message(command))

    def _note_leads(self, leads: bool) -> None:
        if leads and not self.leads:
            self._following = Following()
            self._source.listen_to_others()
        if not leads:
            self._metrics.missing.set(0)  # whoever leads now tells that
        self.leads = leads
        self._metrics.leads.set(leads)


def roll_up(database: Database) -> int:
    """Make the sums of changed nights anew, unless another does; says how many changes were looked at."""
    with database.transaction():
        if not database.execute("SELECT FROM turn WHERE of_what = 'sums' FOR UPDATE SKIP LOCKED").rowcount:
            return 0
        (looked_at,) = only_row(database, "SELECT roll_up(%s)", (MOST_NIGHTS,))
    return int(looked_at)
