"""The database that is opened: which server, under whose settings, and with this version's tables."""

import re
import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from hashlib import sha256

import pytest

from edge.cli import platform_main
from edge.errors import ConfigError, StoreError
from edge.platform.areas.areas_below import areas_below
from edge.platform.areas.population import population, trend
from edge.platform.database import Database, open_database
from edge.platform.intake.database_intake import Intake
from edge.platform.tables import functions, migrate, migrations
from tests.platform.conftest import fresh
from tests.platform.fleet import Fleet, moths
from tests.platform.postgres import QUICK, Postgres
from tests.platform.test_database_intake import batch
from tests.records import MOTH, count, sighting
from tests.waiting import wait_until

NEXT = max(migrations()) + 1
OF_LINES = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)


def test_tables_are_made_once_and_a_later_version_builds_on_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert migrate(database) == []
    knows_a_next(monkeypatch, "CREATE TABLE later ()")
    assert (migrate(database), migrate(database)) == ([NEXT], [])
    assert database.execute("SELECT FROM later").fetchall() == []


def words_of(scripts: Iterable[str]) -> str:
    """Without comments, which may change."""
    return sha256(" ".join(re.sub("--.*", "", "\n".join(scripts)).split()).encode()).hexdigest()


def test_scripts_that_databases_of_earlier_builds_have_run_stay_as_they_are() -> None:
    """No database runs one twice: what is put into it later is missing in a county's, where it ends workers and pages.

    A change is a script of its own. A number above 46 belongs here once a build has it.
    """
    ran = [script for number, scripts in migrations().items() if number <= 46 for script in scripts.values()]
    assert words_of(ran) == "8a4100e1fde9db190c6b335629a82cb1d31398e3fa53adb5cc3380dc820a0cf2"


def test_functions_change_with_a_new_version_alone() -> None:
    """Else a database that is up to date never hears of it: add a script of the next number, and write both here."""
    assert (max(migrations()), words_of(functions().values())) == (
        48,
        "f953f894d88444ec8f07dff8df6a610530b4809fc35674335249b7f0a1660888",
    )


def knows_a_next(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    known = migrations() | {NEXT: {"next.sql": script}}
    monkeypatch.setattr("edge.platform.tables.migrations", lambda: known)


def test_views_of_others_that_are_in_an_updates_way_are_named(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute("CREATE VIEW my_weeks AS SELECT node_id, night_bits FROM week_presence")
    knows_a_next(monkeypatch, "ALTER TABLE week_presence DROP COLUMN night_bits")
    with pytest.raises(StoreError, match="view my_weeks depends on column night_bits of table week_presence"):
        migrate(database)
    database.execute("DROP VIEW my_weeks")
    assert migrate(database) == [NEXT]


def test_an_update_that_somebody_is_in_the_way_of_names_them_and_lets_the_others_go_on(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All who read that table wait behind it meanwhile, whatever they hold themselves."""
    monkeypatch.setattr("edge.platform.tables.WAIT_S", 1)
    knows_a_next(monkeypatch, "ALTER TABLE week_presence ADD COLUMN more integer")
    with ExitStack() as parts:
        threads = parts.enter_context(ThreadPoolExecutor(1))
        reader, behind = (parts.enter_context(open_database(url)) for _ in range(2))
        reader.execute("BEGIN; SELECT FROM week_presence")
        behind.execute("BEGIN; SELECT FROM quarantine")
        waits = "SELECT FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"

        def read_behind() -> None:
            wait_until(lambda: reader.execute(waits, (reader.info.backend_pid,)).rowcount == 1, within_s=10)
            behind.execute("SELECT FROM week_presence")

        read = threads.submit(read_behind)
        with pytest.raises(StoreError, match=rf"\(fieldeye \(process {reader.info.backend_pid}\)\); end that"):
            migrate(database)
        read.result(10)
        for other in (reader, behind):
            other.execute("COMMIT")
    assert migrate(database) == [NEXT]


def test_an_update_and_a_backup_that_wait_for_each_other_both_come_through(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup locks all tables in turn, an update those that it changes."""
    knows_a_next(monkeypatch, "LOCK TABLE week_presence; LOCK TABLE quarantine; LOCK TABLE interval_effort")
    with ExitStack() as parts:
        threads = parts.enter_context(ThreadPoolExecutor(2))
        other, backup = (parts.enter_context(open_database(url)) for _ in range(2))
        database.execute("SET lock_timeout = '10ms'; SET deadlock_timeout = '10ms'")  # as who keeps has the first
        backup.execute("SET deadlock_timeout = '1min'")  # it looked when it began to wait

        def waits_for(one: Database) -> bool:
            blocked = "SELECT FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
            return other.execute(blocked, (one.info.backend_pid,)).rowcount == 1

        other.execute("BEGIN; LOCK TABLE quarantine")
        updating = threads.submit(migrate, database)
        wait_until(lambda: waits_for(other), within_s=10)
        with backup.transaction():
            backup.execute("LOCK TABLE interval_effort IN ACCESS SHARE MODE")
            reading = threads.submit(backup.execute, "LOCK TABLE week_presence IN ACCESS SHARE MODE")
            wait_until(lambda: waits_for(database), within_s=10)
            other.execute("COMMIT")
            reading.result()
        assert updating.result() == [NEXT]


@pytest.fixture
def at_42(postgres: Postgres) -> Iterator[Database]:
    """A database of version 42, with such functions as need no later table."""
    old = {name: script for name, script in functions().items() if name != "note_care.sql"}
    first = {42: migrations()[42]}
    with fresh(postgres, "template1") as url, open_database(url) as database:
        with pytest.MonkeyPatch.context() as earlier:
            earlier.setattr("edge.platform.tables.migrations", lambda: first)
            earlier.setattr("edge.platform.tables.functions", lambda: old)
            migrate(database)
        yield database


def test_a_database_that_an_earlier_build_brought_to_42_goes_on(at_42: Database) -> None:
    """In steps from 19, each a row, whose scripts stand in those of 42 now."""
    at_42.execute("INSERT INTO schema_version (version, name) SELECT one, '' FROM generate_series(19, 41) AS one")
    assert migrate(at_42) == [version for version in migrations() if version > 42]


FUNCTIONS = (
    "SELECT oid::regprocedure::text, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
)


def test_an_update_puts_each_function_that_has_changed_in_place(at_42: Database, database: Database) -> None:
    there = {str(name).partition("(")[0] for name, _ in at_42.execute(FUNCTIONS)}
    changed = {name for script in functions().values() for name in re.findall(r"REPLACE FUNCTION (\w+)", script)}
    for name in changed & there:
        at_42.execute(f"ALTER FUNCTION {name} COST 7".encode())  # what another one costs: a difference to be seen
    migrate(at_42)
    assert dict(at_42.execute(FUNCTIONS).fetchall()) == dict(database.execute(FUNCTIONS).fetchall())


def test_densities_that_42_kept_are_summed_anew_a_night(at_42: Database) -> None:
    """Also of a night whose intervals are gone."""
    fleet = Fleet(at_42)
    fleet.place("a")
    fleet.counts("a", 0, count(MOTH, 70, 56, 91), area_mm2=20_000, exposed_s=7 * 86_400.0)
    fleet.sum_up()
    at_42.execute("TRUNCATE interval_effort, interval_count")
    at_42.execute("UPDATE area_count SET (on_area, on_area_low, on_area_high) = (count, low, high)")
    assert population(at_42, moths())[0].per_m2 == 3500
    assert migrate(at_42) == [version for version in migrations() if version > 42]
    fleet.sum_up()
    (night, *_), (below,) = population(at_42, moths()), areas_below(at_42, moths())
    assert (night.per_m2, night.per_m2_low, night.per_m2_high, below.per_m2) == pytest.approx((500, 400, 650, 500))


@pytest.mark.parametrize(
    ("version", "says"),
    [
        (NEXT, f"{NEXT}, this program knows {NEXT - 1}; update this program"),
        (41, "41, from before 42; bring it to 42 with the last build of 1 December 2026, or name a new one"),
        (18, "18, from before 42; name a new one"),
    ],
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
