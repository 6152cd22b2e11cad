"""Keeps decoded messages in the database: each record once, all of a batch or none of it."""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from edge.clock import zone_of
from edge.counts import Alert, Interval, Lost
from edge.platform.database import BAD_VALUE, Database, first_line
from edge.platform.decode import Bad, Heard, Message, decode
from edge.platform.intake.months import Months
from edge.platform.intake.quarantine import set_aside
from edge.platform.intake.spans import Spans, multirange_text
from edge.platform.intake.whose_card import ledger_of, note_gone
from edge.platform.rows import (
    Arrived,
    Taxon,
    alert_row,
    at_of,
    count_rows,
    effort_row,
    is_another,
    record_line,
    revision_of,
)

log = logging.getLogger(__name__)
_LINES = 200
_EFFORT = (
    "COPY interval_effort (ledger_id, seq, node_id, camera, model, mode, unit, started, ended, night, revision,"
    " frames, awake_s, no_data, saturated, area_mm2, exposed_s) FROM STDIN"
)
_ALERT = (
    "COPY alert (ledger_id, seq, node_id, at, camera, label, eppo, level, value, unit, start_at, sure_at, reason,"
    " look_at, source, came) FROM STDIN"
)
_COUNT = "COPY interval_count (ledger_id, seq, taxon_id, count, low, high) FROM STDIN"
MOST_TAXA = 10_000  # known without asking: a stolen card makes up thousands in a message
_TAXA = """
    INSERT INTO taxon (label, stage, eppo) SELECT DISTINCT ON (label, stage) label, stage, eppo
        FROM unnest(%s::text[], %s::text[], %s::text[]) AS told (label, stage, eppo) ORDER BY label, stage, eppo DESC
    ON CONFLICT (label, stage) DO UPDATE SET eppo = coalesce(nullif(excluded.eppo, ''), taxon.eppo)
    RETURNING label, stage, taxon_id
"""

_KEPT = """
    SELECT ledger_id, body FROM record JOIN unnest(%s::int[], %s::bigint[]) AS told (id, number)
        ON (ledger_id, seq) = (id, number)
"""
_TAKE_AWAY = """
    WITH gone AS (
        DELETE FROM interval_effort USING unnest(%s::int[], %s::bigint[], %s::bigint[]) AS told (id, number, revised)
        WHERE (ledger_id, seq) = (id, number) AND revision < revised RETURNING ledger_id, seq, node_id, night
    ), counts AS (
        DELETE FROM interval_count USING gone
        WHERE (interval_count.ledger_id, interval_count.seq) = (gone.ledger_id, gone.seq)
    ), records AS (
        DELETE FROM record USING gone WHERE (record.ledger_id, record.seq) = (gone.ledger_id, gone.seq)
    ), nights AS (INSERT INTO dirty_night SELECT DISTINCT node_id, night FROM gone WHERE night IS NOT NULL)
    SELECT ledger_id, seq FROM gone
"""


class Kept(NamedTuple):
    """What became of a batch."""

    new: int = 0
    repeated: int = 0
    set_aside: int = 0  # messages

    def __add__(self, other: "Kept") -> "Kept":  # type: ignore[override]
        return Kept(*(one + another for one, another in zip(self, other, strict=True)))


class Intake:
    """Owned by one thread, as is its connection. When `keep` returns, what it was given is committed."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._ledgers: dict[tuple[str, str, UUID], tuple[int, int]] = {}  # of them and their nodes, which stay the same
        self._taxa: dict[Taxon, int] = {}
        self._months = Months(database)
        self._warned: set[tuple[str, str, str]] = set()  # of what, site and node

    def keep(self, messages: Sequence[Message]) -> Kept:
        """Decode and commit; what breaks the contract goes to quarantine, in the way of nothing else.

        Raises psycopg.OperationalError if the database has gone: nothing is committed then, or all.
        """
        heard = [(message, decode(message)) for message in messages]
        good = [one for _, one in heard if isinstance(one, Heard) and one.records]
        bad = [(message, one.error) for message, one in heard if isinstance(one, Bad)]
        try:
            return self._commit(good, bad)
        except (*BAD_VALUE, psycopg.IntegrityError) as why:
            if len(messages) == 1:
                return self._commit([], [(messages[0], f"the database refuses it ({first_line(why)})")])
            middle = len(messages) // 2
            return self.keep(messages[:middle]) + self.keep(messages[middle:])
        except (ValueError, psycopg.ProgrammingError):  # to a COPY PgBouncer answers twice that the server ended
            self.database.execute("SELECT")  # says so
            raise

    def warn_once(self, event: str, site: str, node: str, **told: str) -> None:
        """In the log, of a node that tells it at each connection."""
        if (event, site, node) not in self._warned:
            self._warned.add((event, site, node))
            log.warning(event, extra={"site": site, "node": node, **told})

    def _commit(self, heard: Sequence[Heard], bad: Sequence[tuple[Message, str]]) -> Kept:
        received = datetime.now(UTC)
        arrived = [one for each in heard for one in self._arrived(each, received)]
        self._prepare(arrived, received)
        with self.database.transaction():
            self._months.lock_undated([one.at for one in arrived])
            new = self._new_of(arrived)
            self._copy_records(new)
            self._copy_intervals(new)
            self._copy_alerts(new)
            self._note_in_ledger(new)
            set_aside(self.database, bad)
        return Kept(len(new), len(arrived) - len(new), len(bad))

    def _arrived(self, heard: Heard, received: datetime) -> Iterable[Arrived]:
        site = heard.topic.site
        epoch = heard.records[0].key.epoch  # a batch is of one
        first_seq = min(one.key.seq for one in heard.records)
        card = (site, heard.topic.node, epoch)
        if card not in self._ledgers:
            self._ledgers[card] = ledger_of(self.database, *card, first_seq)
        ledger_id, node_id = self._ledgers[card]
        return [Arrived(ledger_id, node_id, site, one, at_of(one, received), received) for one in heard.records]

    def _prepare(self, arrived: Sequence[Arrived], received: datetime) -> None:
        """Partitions and taxa, committed on their own: what a batch refers to is there whatever becomes of it."""
        self._months.ensure([one.at for one in arrived], received)
        taxa = {
            taxon
            for one in arrived
            if isinstance(one.decoded.record, Interval)
            for taxon, _ in count_rows(one.decoded.record)
        }
        if len(taxa | self._taxa.keys()) > MOST_TAXA:
            self._taxa.clear()
        new = list(taxa - self._taxa.keys())
        if new:  # at once: each statement waits for the disk
            rows = self.database.execute(_TAXA, tuple(map(list, zip(*new, strict=True))))
            ids = {(label, stage): taxon_id for label, stage, taxon_id in rows}
            self._taxa |= {(label, stage, eppo): ids[label, stage] for label, stage, eppo in new}

    def _new_of(self, arrived: Sequence[Arrived]) -> list[Arrived]:
        """Those that have not come before, or come with a higher revision, whose older form goes.

        Locks their ledgers, in one order for all workers.
        """
        rows = self.database.execute(
            "SELECT ledger_id, seen FROM ledger WHERE ledger_id = ANY (%s) ORDER BY ledger_id FOR UPDATE",
            (sorted({one.ledger_id for one in arrived}),),
        )
        seen = {ledger_id: Spans(spans) for ledger_id, spans in rows}
        new: dict[tuple[int, int], Arrived] = {}
        revised: dict[tuple[int, int], Arrived] = {}
        for one in arrived:
            seq = one.decoded.key.seq
            among = new if seq not in seen[one.ledger_id] else revised
            before = among.get((one.ledger_id, seq))
            if before is None or revision_of(one.decoded) > revision_of(before.decoded):
                among[one.ledger_id, seq] = one
        self._compare(revised)
        revised = {key: one for key, one in revised.items() if revision_of(one.decoded)}
        return [*new.values(), *(revised[key] for key in self._outdated(revised))]

    def _compare(self, repeated: Mapping[tuple[int, int], Arrived]) -> None:
        """Of each card the highest number that came again: on an older copy the newest are the first to be others."""
        if not repeated:
            return
        highest = dict(sorted(repeated))
        rows = self.database.execute(_KEPT, (list(highest), list(highest.values()))).fetchall()
        for ledger_id, body in rows:
            one = repeated[ledger_id, highest[ledger_id]]
            if is_another(one.decoded, body):
                why = f"another record came before as its number {one.decoded.key.seq}: what it counts under numbers"
                why += " that came is lost, for its store is an older copy; move that aside, as docs/platform.md says"
                self.warn_once("card_put_back", one.site, one.decoded.key.node, why=why)

    def _outdated(self, revised: Mapping[tuple[int, int], Arrived]) -> list[tuple[int, int]]:
        """Keys whose kept form is older than this one; it is taken away."""
        if not revised:
            return []
        ids, seqs = zip(*revised, strict=True)
        revisions = [revision_of(one.decoded) for one in revised.values()]
        return self.database.execute(_TAKE_AWAY, (list(ids), list(seqs), revisions)).fetchall()

    def _copy_records(self, new: Sequence[Arrived]) -> None:
        with self.database.cursor().copy("COPY record (ledger_id, seq, at, kind, body) FROM STDIN") as copy:
            for first in range(0, len(new), _LINES):  # the server reads one part while the next is written
                copy.write(b"".join([record_line(one) for one in new[first : first + _LINES]]))

    def _copy_intervals(self, new: Sequence[Arrived]) -> None:
        intervals = [(one, one.decoded.record) for one in new if isinstance(one.decoded.record, Interval)]
        if not intervals:
            return
        zones = self._zones({one.ledger_id for one, _ in intervals})
        efforts = [effort_row(one, interval, zones[one.ledger_id]) for one, interval in intervals]
        with self.database.cursor().copy(_EFFORT) as copy:
            for row in efforts:
                copy.write_row(row)
        with self.database.cursor().copy(_COUNT) as copy:
            for one, interval in intervals:
                for taxon, numbers in count_rows(interval):
                    copy.write_row((one.ledger_id, one.decoded.key.seq, self._taxa[taxon], *numbers))
        self.database.execute(
            "INSERT INTO dirty_night SELECT DISTINCT * FROM unnest(%s::int[], %s::date[]) AS told (id, night)"
            " WHERE night IS NOT NULL",
            ([row[2] for row in efforts], [row[9] for row in efforts]),
        )

    def _zones(self, ledger_ids: Collection[int]) -> Mapping[int, ZoneInfo]:
        """Of the nodes of locked ledgers. Whoever changes a zone waits for these locks, and dates anew what it finds.

        The statement that took the locks would not do: while it waited the zone may have changed.
        """
        rows = self.database.execute(
            "SELECT ledger_id, time_zone FROM ledger JOIN node USING (node_id) WHERE ledger_id = ANY (%s)",
            (list(ledger_ids),),
        )
        return {ledger_id: zone_of(zone) for ledger_id, zone in rows}

    def _copy_alerts(self, new: Sequence[Arrived]) -> None:
        alerts = [alert_row(one, one.decoded.record) for one in new if isinstance(one.decoded.record, Alert)]
        if alerts:
            with self.database.cursor().copy(_ALERT) as copy:
                for row in alerts:
                    copy.write_row(row)

    def _note_in_ledger(self, new: Sequence[Arrived]) -> None:
        seqs: dict[int, list[int]] = defaultdict(list)
        for one in new:
            seqs[one.ledger_id].append(one.decoded.key.seq)
        self.database.execute(
            "UPDATE ledger SET seen = seen + told.seqs::int8multirange"
            " FROM unnest(%s::int[], %s::text[]) AS told (id, seqs) WHERE ledger_id = id",
            (list(seqs), [multirange_text(each) for each in seqs.values()]),
        )
        gone = [
            (one.ledger_id, lost.first_seq, lost.last_seq)
            for one in new
            if isinstance(lost := one.decoded.record, Lost) and lost.is_whole
        ]
        if gone:
            note_gone(self.database, gone)
