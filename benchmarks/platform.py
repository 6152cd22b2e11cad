"""The subscriber's side: ingest beside bare COPY of the same rows, memory, and the county desk's questions."""

import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from psycopg import Copy
from psycopg.types.json import Jsonb

from benchmarks._alone import alone
from edge.cli.ingest_database import calm_collector
from edge.counts import Record
from edge.platform.areas.population import Wanted, population, range_of, taxa_of, trend
from edge.platform.areas.week import nodes_of, places_of
from edge.platform.database import Database, open_database
from edge.platform.decode import Message
from edge.platform.intake.database_intake import Intake
from edge.platform.tables import migrate
from edge.wire import Key, Stored, encode_batch
from tests.platform.postgres import BIN, QUICK, Postgres
from tests.records import interval, sighting

NODES, BATCHES, A_BATCH, AT_ONCE = 100, 25, 20, 100  # 50,000 records; a worker commits 100 messages at once
TAXA, FLEET, FIRST, NIGHTS = 30, 1000, date(2026, 1, 1), 365
ASKED = 60
COUNTY = "330106"
TABLES = ("record", "interval_effort", "interval_count")


def main() -> None:
    """Print each figure with what was promised."""
    if not (BIN / "initdb").exists() or shutil.which("postgres", path=str(BIN)) is None:
        print("needs PostgreSQL 17: sudo apt-get install postgresql-17", file=sys.stderr)
        return
    for measure, config in ((ingest, ""), (desk, QUICK)):  # what is only asked need not be durable to be filled
        server = Postgres(f"shared_buffers = 512MB\nmax_wal_size = 4GB\n{config}")
        with server, open_database(server.url()) as database:
            migrate(database)
            measure(database)


def ingest(database: Database) -> None:
    """Messages as they come from a broker, decoded and committed; then the same rows by COPY into the same tables."""
    calm_collector()
    messages = list(_messages())
    intake = Intake(database)
    intake.keep(messages[:AT_ONCE])  # partitions, taxa, caches
    rest = messages[AT_ONCE:]
    records = len(rest) * A_BATCH
    half = len(rest) // 2 // AT_ONCE * AT_ONCE
    before_s = _processor_s(database)
    first_s = _timed(lambda: _keep(intake, rest[:half]))
    at_half_mb = _peak_mb()
    keep_s = first_s + _timed(lambda: _keep(intake, rest[half:]))
    processor_s = _processor_s(database) - before_s
    added_mb = _peak_mb() - at_half_mb
    values, text = bare_copy(database, len(rest) // AT_ONCE)
    again_s = _timed(lambda: _keep(intake, rest))
    print(
        f"ingest: {records / keep_s:,.0f} records/s a worker (promised 5,000); repeated ones {records / again_s:,.0f}"
    )
    print(f"ingest: {records / processor_s:,.0f} records a second of processor time, the server's own included")
    for name, (clock_s, cost_s) in {"values": values, "ready text": text}.items():
        print(
            f"ratio to bare COPY of the same rows as {name}: {clock_s / keep_s:.2f} on the clock,"
            f" {cost_s / processor_s:.2f} in processor time (promised 0.4)"
        )
    print(f"memory added by the second half of the records: {added_mb:.1f} MB")


def bare_copy(database: Database, batches: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Seconds on the clock and of processor time for COPY alone of what the ingest wrote, in as many transactions.

    Same tables, keys and indexes; first from rows as Python values, as a program has them; then from text that is ready
    to be sent, with nothing to decode.
    """
    values: dict[str, list[list[Any]]] = {}
    text: dict[str, list[bytes]] = {}
    for table in TABLES:
        rows = database.execute(_select(table)).fetchall()
        values[table] = _parts([_copyable(row) for row in rows], batches)
        text[table] = [b"".join(part) for part in _parts(_copied(database, table), batches)]

    def copy_values(into: Copy, table: str, number: int) -> None:
        for row in values[table][number]:
            into.write_row(row)

    def copy_text(into: Copy, table: str, number: int) -> None:
        into.write(text[table][number])

    return _bare(database, batches, copy_values), _bare(database, batches, copy_text)


def _bare(database: Database, batches: int, write: Callable[[Copy, str, int], None]) -> tuple[float, float]:
    for table in TABLES:
        database.execute(f"DROP TABLE IF EXISTS bare_{table}".encode())
        database.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)".encode())

    def copy() -> None:
        for number in range(batches):
            with database.transaction():
                for table in TABLES:
                    with database.cursor().copy(f"COPY bare_{table} FROM STDIN".encode()) as into:
                        write(into, table, number)

    before_s = _processor_s(database)
    return _timed(copy), _processor_s(database) - before_s


def desk(database: Database) -> None:
    """A year of 1,000 nodes and 30 taxa; the questions of a county, asked in turn."""
    fill(database)
    last = FIRST + timedelta(days=NIGHTS - 1)
    labels = [f"Taxon {number}" for number in range(TAXA)]
    asked: dict[str, Callable[[str], object]] = {
        "population of a year": lambda label: population(database, _wanted(label, last)),
        "trend of a year": lambda label: trend(database, _wanted(label, last)),
        "spread of a year": lambda label: range_of(database, _wanted(label, last)),
        "all taxa of a year": lambda _: taxa_of(database, COUNTY, FIRST, last),
        "places of a year": lambda label: places_of(database, _wanted(label, last)),
        "nodes of a year": lambda _: nodes_of(database, COUNTY, FIRST, last),
    }
    database.execute("SELECT add_reader('desk', %s)", (COUNTY,))
    database.execute("SET ROLE desk")  # as the desk asks: under row-level security
    for name, ask in asked.items():
        took = sorted(_timed(partial(ask, labels[n % TAXA])) for n in range(ASKED))
        p95_ms = took[int(0.95 * ASKED)] * 1000
        print(f"{name}, {FLEET} nodes: median {median(took) * 1000:.0f} ms, p95 {p95_ms:.0f} ms (promised 300)")
    database.execute("RESET ROLE")


def fill(database: Database) -> None:
    """The sums of a fleet as `roll_up` makes them, written by SQL: 2.7 million rows, 40 townships of 5 villages."""
    database.execute("TRUNCATE node, taxon, record CASCADE")
    database.execute(
        "INSERT INTO node (site, node, area_code, latitude_deg, longitude_deg, since)"
        " SELECT 's', 'n' || n, %s || lpad((n %% 40)::text, 3, '0') || lpad((n / 200)::text, 3, '0'),"
        " 30 + (n %% 40) * 0.01, 120 + (n / 40) * 0.01, %s FROM generate_series(0, %s) AS n",
        (COUNTY, FIRST, FLEET - 1),
    )
    database.execute("INSERT INTO taxon (label) SELECT 'Taxon ' || n FROM generate_series(0, %s) AS n", (TAXA - 1,))
    nights = "generate_series(%s::timestamp, %s::timestamp, '1 day') AS night"
    span = (FIRST, FIRST + timedelta(days=NIGHTS - 1))
    database.execute(
        f"INSERT INTO area_effort SELECT left(area_code, digits), night, 'new', count(*), count(*), 60 * count(*),"  # noqa: S608
        f" 3600 * count(*), 0, 0 FROM node, {nights}, unnest(ARRAY[0, 2, 4, 6, 9, 12]) AS digits GROUP BY 1, 2",
        span,
    )
    database.execute("ALTER TABLE area_count SET UNLOGGED; DROP INDEX area_count_below")
    database.execute(
        "INSERT INTO area_count SELECT prefix, night, 'new', taxon_id, nodes, c, c, c + 9, 0, NULL, NULL"
        " FROM area_effort, taxon,"
        " LATERAL (SELECT nodes * (1 + (taxon_id + extract(doy FROM night)::int) % 7) AS c) AS counts"
        " ORDER BY prefix, taxon_id, night"
    )
    database.execute(
        "INSERT INTO week_presence SELECT taxon_id, week, node_id, week::date, week::date + 6, 127 FROM node, taxon,"
        " generate_series(date_trunc('week', %s::timestamp), %s::timestamp, '7 days') AS week"
        " WHERE (node_id + taxon_id) %% 3 > 0",
        span,
    )
    database.execute(
        f"INSERT INTO night_effort SELECT node_id, night, 'cam0', 'new', 60, 3600, 12, 0, 0 FROM node, {nights}",  # noqa: S608
        span,
    )
    database.execute(
        "INSERT INTO night_count SELECT node_id, night, 'cam0', 'new', taxon_id, (node_id + taxon_id) % 7, 0, 9"
        " FROM night_effort, taxon WHERE (node_id + taxon_id) % 10 = 0 ORDER BY night, node_id"
    )
    database.execute(
        "INSERT INTO week_effort SELECT u.unit, date_trunc('week', night) AS week, node_id, count(*), sum(frames), 0"
        " FROM night_effort e, unnest(ARRAY['', 'new']) AS u (unit) GROUP BY 1, 2, 3"
    )
    database.execute(
        "INSERT INTO week_count SELECT taxon_id, unit, date_trunc('week', night) AS week, node_id, camera, sum(count)"
        " FROM night_count GROUP BY 1, 2, 3, 4, 5"
    )
    database.execute("VACUUM ANALYZE")


def _wanted(label: str, last: date) -> Wanted:
    return Wanted(area=COUNTY, label=label, first=FIRST, last=last)


def _messages() -> Iterator[Message]:
    for batch in range(BATCHES):
        for node in range(NODES):
            name, first = f"n{node}", batch * A_BATCH + 1
            records = [_record(first + n) for n in range(A_BATCH)]
            stored = [Stored(Key(name, UUID(int=node + 1), first + n), record) for n, record in enumerate(records)]
            yield Message(f"fieldeye/v1/farm/{name}/records", encode_batch(stored))


def _record(seq: int) -> Record:
    return interval(seq * 60.0) if seq % 5 == 0 else sighting(seq * 60.0)


def _keep(intake: Intake, messages: list[Message]) -> None:
    for first in range(0, len(messages), AT_ONCE):
        intake.keep(messages[first : first + AT_ONCE])


def _select(table: str) -> bytes:
    return f"SELECT * FROM {table}".encode()  # noqa: S608  our own words


def _copyable(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(Jsonb(value) if isinstance(value, dict) else value for value in row)


def _copied(database: Database, table: str) -> list[bytes]:
    with database.cursor().copy(b"COPY (" + _select(table) + b") TO STDOUT") as out:
        return b"".join(bytes(part) for part in out).splitlines(keepends=True)


def _parts(rows: list[Any], number: int) -> list[list[Any]]:
    size = -(-len(rows) // number)
    return [rows[n * size : (n + 1) * size] for n in range(number)]


def _timed(work: Callable[[], object]) -> float:
    before_s = time.perf_counter()
    work()
    return time.perf_counter() - before_s


def _processor_s(database: Database) -> float:
    """Seconds of processor time of this process and of the server's process for it: the same on a busy machine."""
    told = Path(f"/proc/{database.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    alone(main, __doc__)
