"""Who reads what: a role sees its own subtree of the area code, changes nothing, and has no way round."""

from collections.abc import Iterator

import psycopg
import pytest

from edge.platform.areas.population import population, range_of, taxa_of, trend
from edge.platform.database import Database, open_database
from tests.platform.fleet import FIRST, VILLAGES, Fleet, moths
from tests.records import MOTH, count

READABLE = ("node", "ledger", "record", "interval_effort", "interval_count", "alert", "night_effort", "night_count",
            "week_presence", "week_effort", "week_count", "area_effort", "area_count")  # fmt: skip


def test_a_township_reads_its_own_subtree_and_no_other(fleet: Fleet) -> None:
    for node in VILLAGES:
        fleet.place(node, latitude_deg=30.0, longitude_deg=120.0)
        fleet.counts(node, 0, count(MOTH, 1, 1, 1))
    fleet.sum_up()
    database = fleet.database
    database.execute("SELECT add_reader('town_011', '330106011000'), add_reader('county_330106', '330106')")
    everything = {name: _many(database, name) for name in READABLE}
    with database.transaction(force_rollback=True):
        database.execute("SET LOCAL ROLE town_011")
        assert (
            population(database, moths("330106011"))[0].count
            == population(database, moths("330106011000"))[0].count
            == 2
        )
        for area in ("330106012", "330106012001", "330106", "3301", "33", "42", ""):
            for asked in (population, trend, range_of):
                with (
                    pytest.raises(psycopg.errors.InsufficientPrivilege, match="reads 330106011 and"),
                    database.transaction(),
                ):
                    asked(database, moths(area))
            assert taxa_of(database, area, FIRST, FIRST) == []
        assert {row[0] for row in database.execute("SELECT node FROM node")} == {"a", "b"}
        assert [cell.nodes for cell in range_of(database, moths("330106011")).cells] == [2]
        mine = {name: _many(database, name) for name in READABLE}
    with database.transaction(force_rollback=True):
        database.execute("SET LOCAL ROLE county_330106")
        assert population(database, moths("330106"))[0].count == 3
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction():
            population(database, moths("330108"))
    assert mine == {
        "node": 2, "ledger": 2, "record": 2, "interval_effort": 2, "interval_count": 2, "alert": 0, "night_effort": 2,
        "night_count": 2, "week_presence": 2, "week_effort": 4, "week_count": 2, "area_effort": 3, "area_count": 3,
    }  # fmt: skip
    assert everything["record"] == 5


@pytest.mark.parametrize(
    "of_its_own",
    ["CREATE TEMP TABLE reader AS SELECT 'town_011'::name AS role, ''::text AS prefix",
     "CREATE FUNCTION mine.left(text, integer) RETURNS text IMMUTABLE RETURN '';"
     " SET LOCAL search_path = mine, pg_catalog, public"],
)  # fmt: skip
def test_a_reader_sees_no_more_for_tables_and_functions_of_its_own(fleet: Fleet, of_its_own: str) -> None:
    """Which stand before ours wherever a search_path decides."""
    fleet.database.execute("SELECT add_reader('town_011', '330106011')")
    with fleet.database.transaction(force_rollback=True):
        fleet.database.execute("CREATE SCHEMA mine AUTHORIZATION town_011")
        fleet.database.execute("SET LOCAL ROLE town_011")
        fleet.database.execute(of_its_own.encode())
        assert _many(fleet.database, "node") == 2


def test_no_function_in_the_owners_rights_reads_what_a_reader_made(fleet: Fleet) -> None:
    """A temporary `node` stands before ours wherever a search_path decides."""
    database = fleet.database
    database.execute("SELECT add_reader('town_011', '330106011')")
    with database.transaction(force_rollback=True):
        database.execute("SET LOCAL ROLE town_011")
        database.execute(
            "CREATE TEMP TABLE node AS SELECT 1 AS node_id, 's' AS site, gen_random_uuid() AS epoch, now() AS heard"
        )
        database.execute("INSERT INTO pg_temp.node SELECT 2, site, epoch, heard + interval '1 hour' FROM pg_temp.node")
        assert database.execute("SELECT is_renamed(1)").fetchone() == (False,)


@pytest.fixture(scope="module")
def town(still_url: str) -> Iterator[Database]:
    """A township's role in a database with a count."""
    with open_database(still_url) as database:
        fleet = Fleet(database)
        fleet.place("a")
        fleet.counts("a", 0, count(MOTH, 1, 1, 1))
        database.execute("SELECT add_reader('town_011', '330106011')")
        database.execute("SET ROLE town_011")
        yield database


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM quarantine", "SELECT * FROM record_2026_07", "INSERT INTO node (site, node) VALUES ('x', 'y')",
     "UPDATE reader SET prefix = ''", "SELECT add_reader('town_011', '')", "SELECT roll_up()", "DELETE FROM area_count",
     "SELECT ensure_month('2027-01-01')", "UPDATE acknowledgement SET who = 'x'", "SELECT * FROM desk_secret",
     "UPDATE question SET answer = 'x', answered = now()", "UPDATE question SET deleted = now()",
     "SELECT add_desk_role('town_011', '330106011')", "SELECT FROM turn FOR UPDATE",
     "SELECT take_turn('lead', gen_random_uuid())", "SELECT note FROM question", "SELECT who FROM care",
     "SELECT who FROM acknowledgement", "SELECT health FROM node",
     "INSERT INTO acknowledgement (node_id, label, unit, level, since, who) SELECT node_id, 'x', 'x', 'act', now(), 'x'"
     " FROM node"],
)  # fmt: skip
def test_a_reader_can_change_nothing_and_reach_no_table_behind_the_policies(town: Database, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        town.execute(statement.encode())


def test_a_reader_reads_all_of_a_node_but_what_names_who_takes_care_of_its_alerts(town: Database) -> None:
    kept = town.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'node'::regclass AND attnum > 0"
        " AND NOT has_column_privilege(attrelid, attnum, 'SELECT')"
    )
    assert kept.fetchall() == [("health",)]


def test_a_reader_may_call_no_function_that_writes(town: Database) -> None:
    named = town.execute(
        "SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND provolatile = 'v'"
        " AND has_function_privilege(oid, 'EXECUTE')"
    )
    assert named.fetchall() == []


def test_a_role_that_is_no_reader_of_this_database_sees_nothing(fleet: Fleet) -> None:
    fleet.database.execute("SELECT add_reader('stranger', '33')")
    fleet.database.execute("DELETE FROM reader WHERE role = 'stranger'")
    with fleet.database.transaction(force_rollback=True):
        fleet.database.execute("SET LOCAL ROLE stranger")
        assert _many(fleet.database, "node") == 0


def _many(database: Database, table: str) -> int:
    row = database.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608
    return int(row[0]) if row else 0
