"""What extensions of PostgreSQL add where they are installed, and why one of them is not used."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from edge.platform.database import Database, open_database
from edge.platform.tables import migrate
from edge.wire import ModelInfo
from tests.platform.conftest import filled, fresh
from tests.platform.fleet import FIRST, Fleet
from tests.platform.postgres import BIN, QUICK, Postgres
from tests.records import APHID, MOTH, count

TIMESCALE = BIN.parent / "lib" / "timescaledb.so"


def test_without_postgis_there_are_no_points(database: Database) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        database.execute("SELECT FROM node_point")


@pytest.fixture(scope="module")
def with_postgis(postgres: Postgres) -> Iterator[str]:
    """A database that is only copied."""
    with filled(postgres, _create_postgis) as (name, _):
        yield name


def _create_postgis(database: Database, more: str = "") -> None:
    if not database.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'").fetchone():
        pytest.skip("PostGIS is not installed")
    database.execute(f"CREATE EXTENSION postgis {more}".encode())
    assert migrate(database) == []


@pytest.fixture
def points_url(postgres: Postgres, with_postgis: str) -> Iterator[str]:
    with fresh(postgres, with_postgis) as url:
        yield url


@pytest.fixture
def points(points_url: str) -> Iterator[Fleet]:
    """A node in each of two areas, with PostGIS, and the night of 1 July."""
    with open_database(points_url) as database:
        fleet = Fleet(database)
        for n, node in enumerate("ac"):
            fleet.place(node, latitude_deg=30.5, longitude_deg=120.25 + n)
            fleet.counts(node, 0, count(MOTH, 3 + n, 2, 9), count(APHID, 5, 4, 7), frames=20, awake_s=90.0, skipped=())
        fleet.sum_up()
        yield fleet


def test_with_postgis_a_role_gets_its_own_nodes_and_nights_as_points(points: Fleet) -> None:
    database = points.database
    database.execute("SELECT add_reader('points_011', '330106011')")
    database.execute("SET ROLE points_011")
    nodes = "SELECT node, ST_AsText(geom) FROM node_point"
    assert database.execute(nodes.encode()).fetchall() == [("a", "POINT(120.25 30.5)")]
    nights = "SELECT node, night, label, count, frames, awake_s, ST_X(geom) FROM night_point ORDER BY count"
    assert database.execute(nights.encode()).fetchall() == [
        ("a", FIRST, MOTH[0], 3, 20, 90.0, 120.25),
        ("a", FIRST, APHID[0], 5, 20, 90.0, 120.25),
    ]
    assert database.execute("SELECT node FROM effort_point").fetchall() == [("a",)]


def test_a_night_that_saw_nothing_is_a_point_of_effort_with_what_could_be_told(points: Fleet) -> None:
    told = ModelInfo(name="pests", version="0.1.0", sha256="", labels=[MOTH[0]])
    points.place("e", latitude_deg=30.5, longitude_deg=110.0, models=[told])
    points.counts("e", 0, frames=7, awake_s=60.0, skipped=(), model="pests@0.1.0")
    points.sum_up()
    seen = "SELECT label FROM night_point WHERE node = 'e'"
    assert points.database.execute(seen.encode()).fetchall() == []
    looked = "SELECT night, unit, frames, awake_s, labels, ST_X(geom) FROM effort_point WHERE node = %s"
    assert points.database.execute(looked.encode(), ("e",)).fetchall() == [(FIRST, "new", 7, 60.0, [MOTH[0]], 110.0)]
    assert points.database.execute(looked.encode(), ("a",)).fetchall() == [(FIRST, "new", 20, 90.0, None, 120.25)]


def test_a_points_id_is_its_own_in_whatever_order_rows_come(points: Fleet) -> None:
    """As QGIS asks first for the ids of what it selects, and later for what stands behind them."""
    for view, key, many in (("night_point", "node, label", 4), ("effort_point", "node, camera", 2)):
        asked = f"SELECT id, {key} FROM {view}"  # noqa: S608
        before = set(points.database.execute(asked.encode()).fetchall())
        points.counts("a", 0, count(APHID, 5, 4, 7))
        points.sum_up()  # writes its night anew, behind that of the other node
        assert set(points.database.execute(asked.encode()).fetchall()) == before
        assert len({row[0] for row in before}) == many


def test_who_reads_points_holds_no_start_up_nor_does_a_newer_form_of_them(
    points: Fleet, points_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = points.database
    database.execute("SET statement_timeout = '5s'")
    with open_database(points_url) as qgis, qgis.transaction():
        qgis.execute("SELECT FROM night_point")
        assert (migrate(database), caplog.messages) == ([], [])
        database.execute("COMMENT ON VIEW effort_point IS 'of an earlier version'")
        assert (migrate(database), caplog.messages) == ([], ["points_not_made"])
    changed = "SELECT xmin FROM pg_class WHERE relname = 'night_point'"
    earlier = database.execute(changed.encode()).fetchall()
    assert migrate(database) == []
    made = database.execute(changed.encode()).fetchall()
    assert made != earlier, "nobody reads them now"
    assert (migrate(database), database.execute(changed.encode()).fetchall()) == ([], made)
    assert caplog.messages == ["points_not_made"]


@pytest.mark.parametrize("lost", ["REVOKE ALL ON night_point FROM fieldeye_reader", "DROP VIEW effort_point"])
def test_what_points_lack_comes_back_to_them(lost: str, points: Fleet) -> None:
    points.database.execute(lost.encode())
    migrate(points.database)
    has = "SELECT has_table_privilege('fieldeye_reader', to_regclass(name), 'SELECT') FROM unnest(%s::text[]) AS name"
    views = ["node_point", "night_point", "effort_point"]
    assert points.database.execute(has.encode(), (views,)).fetchall() == [(True,)] * 3


def test_postgis_is_found_in_whatever_schema_it_lies(database: Database, url: str) -> None:
    database.execute('CREATE SCHEMA "Gis"; CREATE SCHEMA pests')
    _create_postgis(database, 'SCHEMA "Gis"')
    with open_database(f"{url}&options=-csearch_path%3Dpests") as own:
        migrate(own)
        assert own.execute("SELECT current_setting('search_path')").fetchone() == ("pests",)
    there = "SELECT schemaname FROM pg_views WHERE viewname = 'night_point' ORDER BY 1"
    assert database.execute(there.encode()).fetchall() == [("pests",), ("public",)]


def test_in_a_schema_of_its_own_a_reader_finds_the_functions_as_the_document_says(
    postgres: Postgres, with_postgis: str
) -> None:
    with fresh(postgres, with_postgis) as url:
        with open_database(url) as root:
            root.execute("CREATE SCHEMA pests")
        with open_database(f"{url}&options=-csearch_path%3Dpests") as own:
            migrate(own)
            own.execute("SELECT add_reader('pests_011', '330106011')")
            own.execute("GRANT USAGE ON SCHEMA pests TO fieldeye_reader")
            own.execute("ALTER ROLE pests_011 SET search_path = pests, public; ALTER ROLE pests_011 LOGIN")
            name = own.info.dbname
        with open_database(postgres.url(name, "pests_011")) as reader:
            asked = "SELECT count(*) FROM pests.population('330106011', 'new', 'x', NULL, '2026-07-01', '2026-07-02')"
            assert reader.execute(asked.encode()).fetchall() == [(2,)]
            assert reader.execute("SELECT ST_AsText(geom) FROM pests.night_point").fetchall() == []


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
