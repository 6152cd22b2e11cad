"""What extensions of PostgreSQL add where they are installed, and why one of them is not used."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from edge.platform.database import Database, migrate, open_database
from tests.platform.postgres import BIN, QUICK, Postgres
from tests.platform.test_population import FIRST, Fleet
from tests.records import MOTH, count

TIMESCALE = BIN.parent / "lib" / "timescaledb.so"


def test_without_postgis_there_are_no_points(database: Database) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        database.execute("SELECT FROM node_point")


def test_with_postgis_a_role_gets_its_own_nodes_and_nights_as_points(database: Database) -> None:
    if not database.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'").fetchone():
        pytest.skip("PostGIS is not installed")
    database.execute("CREATE EXTENSION postgis")
    assert migrate(database) == []
    assert migrate(database) == [], "each start makes the views anew"
    fleet = Fleet(database)
    for n, node in enumerate("ac"):
        fleet.place(node, latitude_deg=30.5, longitude_deg=120.25 + n)
        fleet.counts(node, 0, count(MOTH, 3 + n, 2, 9))
    fleet.sum_up()
    database.execute("SELECT add_reader('points_011', '330106011')")
    database.execute("SET ROLE points_011")
    points = "SELECT node, ST_AsText(geom) FROM node_point"
    assert database.execute(points.encode()).fetchall() == [("a", "POINT(120.25 30.5)")]
    nights = "SELECT node, night, label, count, ST_X(geom) FROM night_point"
    assert database.execute(nights.encode()).fetchall() == [("a", FIRST, MOTH[0], 3, 120.25)]


@pytest.fixture
def timescale() -> Iterator[Database]:
    if not any(Path(path).exists() for path in (TIMESCALE, *BIN.parent.glob("lib/timescaledb*.so"))):
        pytest.skip("TimescaleDB is not installed")
    more = "shared_preload_libraries = 'timescaledb'\ntimescaledb.telemetry_level = off\n"
    with Postgres(QUICK + more) as server, open_database(server.url()) as database:
        database.execute("CREATE EXTENSION timescaledb")
        migrate(database)
        yield database


@pytest.mark.platform
def test_a_hypertable_would_show_a_township_the_records_of_the_next(timescale: Database) -> None:
    """Why `record` has plain partitions. If this fails, TimescaleDB guards its chunks: choose anew (DECISIONS.md)."""
    timescale.execute("CREATE TABLE hyper (area text, at timestamptz NOT NULL)")
    timescale.execute("SELECT create_hypertable('hyper', by_range('at', INTERVAL '1 month'))")
    timescale.execute("ALTER TABLE hyper ENABLE ROW LEVEL SECURITY")
    timescale.execute("CREATE POLICY subtree ON hyper USING (area ^@ (SELECT my_area()))")
    timescale.execute("GRANT SELECT ON hyper TO fieldeye_reader")
    timescale.execute("INSERT INTO hyper VALUES ('330106011', '2026-07-01'), ('330106012', '2026-07-01')")
    timescale.execute("SELECT add_reader('hyper_011', '330106011')")
    (chunk,) = timescale.execute("SELECT show_chunks('hyper')::text").fetchone() or ("",)
    timescale.execute("SET ROLE hyper_011")
    assert timescale.execute("SELECT count(*) FROM hyper").fetchall() == [(1,)]
    assert timescale.execute(f"SELECT count(*) FROM {chunk}".encode()).fetchall() == [(2,)]  # noqa: S608


def test_a_partition_shows_nobody_more_than_its_table(database: Database) -> None:
    fleet = Fleet(database)
    fleet.place("a")
    fleet.counts("a", 0, count(MOTH, 3, 2, 9))
    (partition,) = database.execute("SELECT tableoid::regclass::text FROM record").fetchone() or ("",)
    database.execute("SELECT add_reader('part_011', '330106011')")
    database.execute("SET ROLE part_011")
    assert database.execute("SELECT count(*) FROM record").fetchall() == [(1,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.execute(f"SELECT FROM {partition}".encode())
