"""Behind a pooler: what programs ask for holds whichever of the server's processes answers."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from edge.platform.areas.population import population
from edge.platform.database import Database, only_row, open_database
from edge.platform.decode import Message
from edge.platform.desk.people import add_person, as_person, stamp_of
from edge.platform.intake import database_intake
from edge.platform.intake.database_intake import Intake
from edge.wire import Key, Stored, encode_batch
from tests.platform.fleet import EVENING, Fleet, epoch, moment, moths
from tests.platform.postgres import Postgres
from tests.platform.test_database_intake import batch
from tests.ports import free_port
from tests.records import MOTH, count, interval
from tests.waiting import wait_until

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
PASSWORD = "long enough"  # noqa: S105
BATCHES = 8  # psycopg prepares a statement on the server at its sixth time
TOWNSHIPS = {"Li": "330106011", "Wang": "330106012"}


def takes_connections(address: Path) -> bool:
    """Its file is there a moment before."""
    with socket.socket(socket.AF_UNIX) as line:
        return line.connect_ex(str(address)) == 0


@contextmanager
def pooled(postgres: Postgres, url: str, mode: str) -> Iterator[str]:
    """The same database's address by way of PgBouncer."""
    port, config = free_port(), postgres.folder / f"{mode}.ini"
    config.write_text(
        f"[databases]\n* = host={postgres.folder} port={postgres.port} user=fieldeye\n[pgbouncer]\nauth_type = any\n"
        f"pool_mode = {mode}\nlisten_addr =\nunix_socket_dir = {postgres.folder}\nlisten_port = {port}\n"
    )
    config.chmod(0o644)
    become = ["-u", postgres.owner] if os.geteuid() == 0 else []
    with subprocess.Popen([str(PGBOUNCER), "-q", *become, config], stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: takes_connections(postgres.folder / f".s.PGSQL.{port}"), within_s=10)
            yield url.replace(f"port={postgres.port}", f"port={port}")
        finally:
            process.kill()


@pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed")
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_behind_a_pooler_each_record_counts_once_and_each_person_sees_their_own_area(
    mode: str, postgres: Postgres, url: str
) -> None:
    with pooled(postgres, url, mode) as through:
        with open_database(through) as one, open_database(through) as other:
            fleet, repeated = Fleet(one), Intake(other)
            for node in "abc":  # of which two are in Li's township
                fleet.place(node)
            told = {"start": moment(EVENING), "end": moment(EVENING), "unit": "new", "counts": [count(MOTH, 1, 1, 1)]}
            for seq in range(1, BATCHES + 1):
                batch = [
                    Message(
                        f"fieldeye/v1/s/{node}/records",
                        encode_batch([Stored(Key(node, epoch(node), seq), interval(**told))]),
                    )
                    for node in "abc"
                ]
                assert [intake.keep(batch).new for intake in (fleet.intake, repeated)] == [3, 0]
            fleet.sum_up()
            for name, area in TOWNSHIPS.items():
                add_person(one, name, PASSWORD, area)
            li, wang = (str(stamp_of(other, name, PASSWORD)) for name in TOWNSHIPS)
        with (
            as_person(through, "Li", li) as hers,
            as_person(through, "Wang", wang) as his,
            open_database(through) as all_,
        ):
            asked = [(hers, "330106011"), (his, "330106012"), (all_, "330106")]
            seen = [
                (population(one, moths(area))[0].count, one.execute("SELECT FROM node").rowcount) for one, area in asked
            ]
        with open_database(through) as once_more:
            assert population(once_more, moths("330106"))[0].count == 3 * BATCHES
    assert seen == [(2 * BATCHES, 2), (BATCHES, 1), (3 * BATCHES, 3)]


@pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed")
@pytest.mark.parametrize("step", ["record_line", "effort_row"], ids=["during a COPY", "before a COPY"])
def test_a_server_that_ends_behind_a_pooler_is_a_lost_database_and_the_batch_is_kept_once_it_is_back(
    step: str, postgres: Postgres, url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PgBouncer tells it twice, and psycopg takes one answer to a COPY: a worker ended with its ValueError."""

    def cut(*told: Any) -> Any:
        database.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        return take_step(*told)

    with pooled(postgres, url, "session") as through:
        with open_database(through) as one, monkeypatch.context() as patch:
            (pid,) = only_row(one, "SELECT pg_backend_pid()")
            take_step = getattr(database_intake, step)
            patch.setattr(database_intake, step, cut)
            with pytest.raises(psycopg.OperationalError):
                Intake(one).keep([batch(interval())])
        with open_database(through) as one:
            assert Intake(one).keep([batch(interval())]) == (1, 0, 0)
