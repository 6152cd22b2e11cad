"""The database that is opened: which server, under whose settings, and with this version's tables."""

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from hashlib import sha256

import pytest

from edge.cli import platform_main
from edge.counts import NoData
from edge.errors import ConfigError, StoreError
from edge.platform.areas.population import population, trend
from edge.platform.areas.week import undated
from edge.platform.database import Database, open_database
from edge.platform.intake.database_intake import Intake
from edge.platform.tables import migrate, migrations
from tests.platform.conftest import fresh
from tests.platform.fleet import Fleet, in_villages, moths, tonight
from tests.platform.postgres import QUICK, Postgres
from tests.platform.test_database_intake import batch
from tests.records import MOTH, count, sighting
from tests.waiting import wait_until

OF_LINES = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)


def migrate_below(database: Database, version: int) -> None:
    """As a program did that knew no later ones."""
    older = {number: scripts for number, scripts in migrations().items() if number < version}
    with pytest.MonkeyPatch.context() as before:
        before.setattr("edge.platform.tables.migrations", lambda: older)
        migrate(database)


def test_tables_are_made_once_and_a_later_version_builds_on_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert migrate(database) == []
    known = migrations()
    known[max(known) + 1] = {"later.sql": "CREATE TABLE later ()"}
    monkeypatch.setattr("edge.platform.tables.migrations", lambda: known)
    assert (migrate(database), migrate(database)) == ([max(known)], [])
    assert database.execute("SELECT FROM later").fetchall() == []


def test_scripts_that_databases_of_earlier_builds_have_run_stay_as_they_are() -> None:
    """No database runs one twice: what is put into it later is missing in a county's, where it ends workers and pages.

    A change is a script of its own. Comments may change; a number above 42 belongs here once a build has it.
    """
    ran = [script for number, scripts in migrations().items() if number <= 42 for script in scripts.values()]
    words = " ".join(re.sub("--.*", "", "\n".join(ran)).split())
    assert sha256(words.encode()).hexdigest() == "3fbf753db6ae21e9105e9ed4e0872f038e697822a3aab3b9da039f526227c1c0"


def test_views_of_others_ask_the_newer_functions_beside_any_of_their_names_and_those_in_the_way_are_named(
    postgres: Postgres,
) -> None:
    known = migrations()
    asked = {
        "population": "population('33', 'new', 'x', NULL, '2026-07-01', '2026-07-02')",
        "trend": "trend('33', 'new', 'x', NULL, '2026-07-01', '2026-07-02')",
        "occupied_cells": "occupied_cells('33', 'x', '2026-07-01', '2026-07-02')",
    }
    with fresh(postgres, "template1") as url, open_database(url) as database:
        migrate_below(database, 26)
        for name, call in asked.items():
            database.execute(f"CREATE VIEW my_{name} AS SELECT * FROM {call}".encode())  # noqa: S608
            database.execute(f"CREATE FUNCTION {name}(area text) RETURNS text LANGUAGE sql AS 'SELECT area'".encode())
        database.execute("CREATE VIEW my_weeks AS SELECT node_id, sum(nights) FROM week_presence GROUP BY node_id")
        with pytest.raises(StoreError, match="view my_occupied_cells depends on function occupied_cells"):
            migrate(database)
        database.execute("DROP VIEW my_occupied_cells")
        with pytest.raises(StoreError, match="view my_weeks depends on column nights of table week_presence"):
            migrate(database)
        database.execute("DROP VIEW my_weeks")
        assert migrate(database) == [version for version in known if version >= 26]
        for name in ("population", "trend"):
            (now,) = database.execute("SELECT pg_get_viewdef(%s)", (f"my_{name}",)).fetchone() or ("",)
            assert f"FROM {name}(" in now


def test_time_watched_is_made_anew_of_what_an_earlier_program_kept(postgres: Postgres) -> None:
    """It took all time in which frames came for watched. Of the last hour the record was dropped with its month."""
    known = migrations()
    hours = [(600, "still"), (0, "still"), (0, "dark"), (600, "dark"), (0, "dark")]
    with fresh(postgres, "template1") as url, open_database(url) as database:
        migrate_below(database, 30)
        fleet = in_villages(database)
        for frames, reason in hours:
            fleet.counts("a", 0, counts=() if frames else NoData(reason), frames=frames, skipped=((reason, 200),))
        now = "SELECT seq, awake_s FROM interval_effort ORDER BY seq"
        watched = database.execute(now.encode()).fetchall()
        database.execute("UPDATE interval_effort SET awake_s = 3600; DELETE FROM record WHERE seq = 5")
        fleet.sum_up()
        assert migrate(database) == [n for n in known if n >= 30]
        assert database.execute(now.encode()).fetchall() == watched
        fleet.sum_up()
        assert population(database, moths())[0].awake_s == 3600 + 3600 + 2700


def test_counts_under_a_clock_that_was_never_set_leave_the_nights_that_an_earlier_program_guessed(
    postgres: Postgres,
) -> None:
    known = migrations()
    with fresh(postgres, "template1") as url, open_database(url) as database:
        migrate_below(database, 39)
        fleet = in_villages(database)
        for night in range(3):
            fleet.counts("a", night, count(MOTH, 4))
        fleet.sum_up()
        unset = "UPDATE record SET body = jsonb_set(body, ARRAY[%s, 'clock'], '\"unsynced\"') WHERE seq = %s"
        for seq, end in enumerate(("start", "end"), start=1):
            database.execute(unset, (end, seq))
        assert migrate(database) == [n for n in known if n >= 39]
        fleet.sum_up()
        assert [one.count for one in population(database, moths())] == [None, None, 4]
        assert undated(database, "", tonight(), tonight()) == 1


@pytest.mark.parametrize(
    ("holds", "goes_on"),
    [
        ("SELECT FROM turn WHERE of_what = 'sums' FOR UPDATE", "SELECT FROM week_presence"),  # who sums
        ("DELETE FROM interval_effort WHERE seq = 2", "DELETE FROM interval_effort WHERE seq = 1"),  # who keeps
        ("LOCK TABLE record", "SELECT FROM week_presence"),
    ],
)
def test_an_update_waits_for_who_sums_or_keeps_and_not_for_a_role_that_reads_which_need_not_wait_for_it(
    postgres: Postgres, holds: str, goes_on: str
) -> None:
    with ExitStack() as parts:
        url = parts.enter_context(fresh(postgres, "template1"))
        database = parts.enter_context(open_database(url))
        threads = parts.enter_context(ThreadPoolExecutor(1))
        other, reader = (parts.enter_context(open_database(url)) for _ in range(2))
        migrate_below(database, 30)
        fleet = in_villages(database)
        for _ in range(2):
            fleet.counts("a", 0, counts=NoData("dark"), frames=0)
        database.execute("UPDATE interval_effort SET awake_s = 3600")
        database.execute("SET lock_timeout = '10ms'")  # 45 s of those who keep
        reader.execute("SELECT pg_advisory_lock(7043002)")  # once whoever summed
        with other.transaction():
            other.execute(holds.encode())
            updating = threads.submit(migrate, database)
            blocked = "SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
            wait_until(lambda: other.execute(blocked.encode()).rowcount == 1 or updating.done(), within_s=10)
            reader.execute("SET lock_timeout = '1s'")
            reader.execute("SELECT FROM week_presence")
            other.execute(goes_on.encode())
            assert not updating.done()
        assert updating.result()


def test_an_update_and_a_backup_that_wait_for_each_other_both_come_through(postgres: Postgres) -> None:
    """A backup locks all tables in turn, an update from before 30 `week_presence` and then `interval_effort`."""
    with ExitStack() as parts:
        url = parts.enter_context(fresh(postgres, "template1"))
        threads = parts.enter_context(ThreadPoolExecutor(2))
        database, other, backup = (parts.enter_context(open_database(url)) for _ in range(3))
        migrate_below(database, 30)
        database.execute("SET deadlock_timeout = '10ms'")
        backup.execute("SET deadlock_timeout = '1min'")  # it looked when it began to wait

        def waits_for(one: Database) -> bool:
            blocked = "SELECT FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
            return other.execute(blocked, (one.info.backend_pid,)).rowcount == 1

        other.execute("BEGIN; LOCK TABLE quarantine")  # 0032 takes its time
        updating = threads.submit(migrate, database)
        wait_until(lambda: waits_for(other), within_s=10)
        with backup.transaction():
            backup.execute("LOCK TABLE interval_effort IN ACCESS SHARE MODE")
            reading = threads.submit(backup.execute, "LOCK TABLE week_presence IN ACCESS SHARE MODE")
            wait_until(lambda: waits_for(database), within_s=10)
            other.execute("COMMIT")
            reading.result()
        assert updating.result()[-1] == max(migrations())


def test_nights_of_weeks_that_were_summed_before_are_those_that_would_be_summed_now(
    postgres: Postgres,
) -> None:
    """Two life stages over three weeks, of which 1 July 2026 is a Wednesday."""
    weeks = "SELECT * FROM week_presence ORDER BY taxon_id, week"
    with fresh(postgres, "template1") as url, open_database(url) as database:
        migrate_below(database, 31)
        fleet = Fleet(database)
        for night in range(14):
            fleet.counts("a", night, count(MOTH, night % 3), count(MOTH, night % 2, stage="larva"))
        fleet.sum_up()
        migrate(database)
        told = database.execute(weeks).fetchall()
        database.execute("INSERT INTO dirty_night SELECT node_id, night FROM night_effort")
        fleet.sum_up()
        assert told == database.execute(weeks).fetchall()
        assert sum(bits.bit_count() for *_, bits in told) == 9 + 7


def test_names_that_were_kept_with_blanks_are_those_that_log_in_now_and_each_stands_once(postgres: Postgres) -> None:
    kept = ("Li", "Li ", "\u3000Wang ", " Wang  ", "town", " ")
    with fresh(postgres, "template1") as url, open_database(url) as database:
        migrate_below(database, 35)
        database.execute("SELECT add_desk_role('fieldeye_area_33', '33')")
        for name in kept:
            told = "INSERT INTO person (name, password_hash, role) VALUES (%s, %s, 'fieldeye_area_33')"
            database.execute(told, (name, f"of {name}"))
        migrate(database)
        people = database.execute("SELECT name, password_hash FROM person ORDER BY name").fetchall()
    assert people == [("Li", "of Li"), ("Wang", "of \u3000Wang "), ("town", "of town")]


NEXT = max(migrations()) + 1


@pytest.mark.parametrize(
    ("version", "says"), [(NEXT, f"{NEXT}, this program knows {NEXT - 1}"), (18, "18, from before the first")]
)
def test_a_database_of_another_time_is_left_alone(database: Database, version: int, says: str) -> None:
    database.execute("TRUNCATE schema_version")
    database.execute("INSERT INTO schema_version (version, name) VALUES (%s, 'of another time')", (version,))
    with pytest.raises(StoreError, match=f"version {says}"):
        migrate(database)
    assert database.execute("SELECT version FROM schema_version").fetchall() == [(version,)]


def test_a_database_that_cannot_hold_every_name_is_refused_with_the_remedy(
    postgres: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_database(postgres.url()) as root:
        root.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    assert platform_main(["ingest", "--database", postgres.url("ascii")]) == 1
    told = capsys.readouterr().err
    assert (told.count("\n"), "has the encoding SQL_ASCII" in told, "--encoding UTF8" in told) == (1, True, True)


def test_a_server_that_is_too_old_is_refused_with_the_remedy(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.platform.tables.OLDEST_SERVER", 99)
    assert platform_main(["site", "s", "--database", url]) == 1
    says = "the database's server is PostgreSQL 17; bring it to 99 or later, or name another one in --database"
    assert capsys.readouterr().err == f"fieldeye-platform: {says}\n"


def test_of_several_servers_the_one_that_writes_is_used_and_what_only_reads_takes_any(postgres: Postgres) -> None:
    with Postgres(QUICK + "default_transaction_read_only = on\n") as standby:
        ports = f"port={standby.port},{postgres.port}"
        both = f"postgresql://fieldeye@/postgres?host={standby.folder},{postgres.folder}&{ports}"
        for url, only_reads, port in (
            (both, False, postgres.port), (both, True, standby.port),
            (f"{both}&target_session_attrs=read-only", False, standby.port),
        ):  # fmt: skip
            with open_database(url, only_reads=only_reads) as database:
                assert database.info.port == port
        with pytest.raises(StoreError, match=r"cannot be reached \(.*read-only.*\); check --database"):
            open_database(standby.url())


def test_a_server_whose_power_or_line_is_cut_is_given_up_after_40_s_or_as_its_address_says() -> None:
    """The system's own two hours would keep workers from going on with another server, or this one's next start."""

    def given_up_after(more: str = "") -> tuple[float, int]:
        with open_database(f"postgresql://fieldeye@127.0.0.1:{server.port}/postgres{more}") as database:
            line = socket.fromfd(database.fileno(), socket.AF_INET, socket.SOCK_STREAM)
            idle, every, times, unanswered = (line.getsockopt(socket.IPPROTO_TCP, option) for option in OF_LINES)
            line.close()
        return unanswered / 1000, idle + every * times

    with Postgres(QUICK + "listen_addresses = '127.0.0.1'\n") as server:
        assert given_up_after() == (40, 40)
        assert given_up_after("?tcp_user_timeout=5000&keepalives_idle=100") == (5, 120)


def test_options_in_the_address_hold_beside_our_own(postgres: Postgres) -> None:
    with open_database(f"{postgres.url()}&options=-csearch_path%3Dpests") as database:
        told = database.execute("SELECT current_setting('search_path'), current_setting('timezone')").fetchone()
    assert told == ("pests", "UTC")


# Variables of libpq come last.
OF_OTHERS = {"statement_timeout": "3s", "transaction_timeout": "3s", "idle_session_timeout": "3s", "lock_timeout": "0",
             "jit": "on", "row_security": "off", "default_transaction_isolation": "serializable",
             "client_encoding": "GBK", "datestyle": "German", "timezone": "Asia/Shanghai"}  # fmt: skip
OF_LIBPQ = ("PGCLIENTENCODING", "PGDATESTYLE", "PGTZ")


def test_what_a_server_a_role_or_the_environment_sets_changes_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_database(url) as database:
        for setting, value in OF_OTHERS.items():
            database.execute(f"ALTER DATABASE {database.info.dbname} SET {setting} = '{value}'".encode())
    for variable, value in zip(OF_LIBPQ, list(OF_OTHERS.values())[-3:], strict=True):
        monkeypatch.setenv(variable, value)
    with open_database(url) as database:
        Intake(database).keep([batch(sighting(label="粘虫"))])
        told = database.execute("SELECT body->>'label', date '2026-07-03' FROM record").fetchall()
        holds = {name: database.execute("SELECT current_setting(%s)", (name,)).fetchone() for name in OF_OTHERS}
    assert told == [("粘虫", date(2026, 7, 3))]
    assert " ".join(value for (value,) in holds.values()) == "0 0 0 45s off on read committed UTF8 ISO, DMY UTC"  # type: ignore[misc]


def test_where_a_database_was_moved_to_a_server_that_knows_fewer_time_zones_nights_are_of_utc(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    """As from Debian 12 to 13, or into a container, where Asia/Calcutta is in tzdata-legacy alone."""
    fleet.counts("a", 0, count(MOTH, 3))
    fleet.database.execute("UPDATE node SET time_zone = 'Asia/Nowhere' WHERE node = 'a'")
    fleet.counts("a", 1, count(MOTH, 4))  # worker and database may be on two machines
    fleet.sum_up()
    assert migrate(fleet.database) == []
    assert [(one.message, vars(one)["node"]) for one in caplog.records] == [("time_zone_refused", "a")]
    assert [one.count for one in population(fleet.database, moths())] == [3, 4, None]
    assert len(trend(fleet.database, moths())) == 3


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [("postgresql:///x?host=/nowhere", StoreError, "cannot be reached"), ("what is this", ConfigError, "no address")],
)
def test_a_database_that_is_not_there_is_a_sentence(url: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        open_database(url)
