"""The desk where its database has gone, is restored, is of an older program, or has an owner who is no superuser."""

import subprocess
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from psycopg.errors import InsufficientPrivilege

from edge.cli import platform_main
from edge.errors import StoreError
from edge.platform.database import _SETTINGS, Database, open_database
from edge.platform.desk import create_app
from edge.platform.desk.people import add_person
from edge.platform.tables import migrate
from tests.platform.desk.visitors import JPEG, PASSWORD, log_in, three_nodes, token
from tests.platform.fleet import Fleet
from tests.platform.postgres import BIN, QUICK, Postgres
from tests.waiting import wait_until


def test_whoever_owns_the_database_and_may_make_roles_need_be_no_superuser() -> None:
    """A server of its own, since roles are the server's: here the owner makes the first."""
    with Postgres(QUICK) as server:
        with open_database(server.url()) as root:
            root.execute("CREATE ROLE station LOGIN CREATEROLE")
            root.execute("CREATE ROLE other LOGIN")
            root.execute("CREATE DATABASE own OWNER station")
            root.execute("CREATE DATABASE second OWNER other")
        own = server.url("own", "station")
        with open_database(own) as database:
            migrate(database)
            add_person(database, "county", PASSWORD, "330106")
        client = create_app(own).test_client()
        assert log_in(client, "county") == 302
        assert client.get("/").status_code == 200
        with open_database(server.url("own")) as root:
            add_person(root, "city", PASSWORD, "3301")
        client = create_app(own).test_client()
        assert log_in(client, "city") == 302
        assert client.get("/").status_code == 200, "a superuser added them, for the owner"
        with open_database(own) as database:
            add_person(database, "city", PASSWORD, "3301")
        with open_database(server.url("second", "other")) as database:
            migrate(database)
            with pytest.raises(StoreError, match=r"may not make the role fieldeye_area_330106 .*CREATEROLE"):
                add_person(database, "county", PASSWORD, "330106")
        with open_database(server.url()) as root:
            root.execute("ALTER ROLE other CREATEROLE")
        with (
            open_database(server.url("second", "other")) as database,
            pytest.raises(StoreError, match=r"another user made .*: give these one owner, or two servers"),
        ):
            add_person(database, "county", PASSWORD, "330106")


RIGHTS = """
    SELECT relname, NULL::name, relacl::text FROM pg_class WHERE relacl::text ~ 'fieldeye_[rd]e' UNION ALL
    SELECT proname, NULL, proacl::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proacl IS NOT NULL
    UNION ALL
    SELECT attrelid::regclass::name, attname, attacl::text FROM pg_attribute WHERE attacl::text ~ 'fieldeye_[rd]e'
    ORDER BY 1, 2
"""


@pytest.mark.parametrize("more", [[], ["--no-privileges"]])
def test_a_backup_that_is_restored_on_a_new_server_lets_everybody_in_as_before(
    more: list[str],
    tmp_path: Path,
    fleet: Fleet,
    url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rights = fleet.database.execute(RIGHTS.encode()).fetchall()
    assert rights
    subprocess.run([BIN / "pg_dump", "-Fc", "--no-owner", "-f", tmp_path / "dump", url], check=True)
    with Postgres(QUICK) as server:
        with open_database(server.url()) as root:
            root.execute("CREATE ROLE fieldeye_station LOGIN CREATEROLE")
            root.execute("CREATE DATABASE own OWNER fieldeye_station")
        own = server.url("own", "fieldeye_station")
        restore = [BIN / "pg_restore", *more, "-d", own, tmp_path / "dump"]
        restored = subprocess.run(restore, capture_output=True, check=False)
        assert (b'role "fieldeye_reader" does not exist' in restored.stderr) is (not more)
        client = create_app(own).test_client()
        assert (log_in(client), client.get("/").status_code) == (302, 503)
        assert '/: the role fieldeye_area_330106011 cannot be taken on (role "' in caplog.messages[-1]
        with open_database(own) as database:
            assert (migrate(database), migrate(database)) == ([], []), "as each command does at its start"
            now = database.execute(RIGHTS.encode()).fetchall()
            assert [(*of, acl.replace("fieldeye_station", "fieldeye")) for *of, acl in now] == rights
            database.execute("GRANT EXECUTE ON FUNCTION add_reader, move_node TO PUBLIC")  # as an earlier build left it
            assert migrate(database) == []
            now = database.execute(RIGHTS.encode()).fetchall()
            assert [(*of, acl.replace("fieldeye_station", "fieldeye")) for *of, acl in now] == rights
        assert client.get("/").status_code == 200
        assert client.get("/questions/1/00000000-q1.jpg").data == JPEG
        assert (
            client.post("/questions/1/00000000-q1", data={"token": token(client), "text": "a moth"}).status_code == 302
        )
        monkeypatch.setattr("edge.cli.desk._password", lambda: PASSWORD)
        assert platform_main(["desk", "--database", own, "--add-person", "boss", "--area", "all"]) == 0


def test_the_desks_people_answer_and_who_was_made_to_read_does_not() -> None:
    """SQL of a QGIS or Grafana that reads went out to farmers as an answer."""
    with Postgres(QUICK) as server:
        with open_database(server.url()) as root:
            root.execute("CREATE ROLE station LOGIN CREATEROLE")
            root.execute("CREATE DATABASE own OWNER station")
        own = server.url("own", "station")
        with open_database(own) as database:
            migrate(database)
            database.execute("SELECT add_reader('qgis', '330106')")
            add_person(database, "former", PASSWORD, "33")
            database.execute("REVOKE fieldeye_desk FROM fieldeye_area_33")
            three_nodes(database)
            migrate(database)
            for change in ("UPDATE question SET answer = 'x'", "INSERT INTO acknowledgement (who) VALUES ('x')"):
                with database.transaction(force_rollback=True):
                    database.execute("SET LOCAL ROLE qgis")
                    with pytest.raises(InsufficientPrivilege):
                        database.execute(change.encode())
            database.execute("REVOKE fieldeye_reader FROM qgis")
            migrate(database)
            assert database.execute("SELECT pg_has_role('qgis', 'fieldeye_reader', 'MEMBER')").fetchone() == (False,)
            database.execute("DELETE FROM reader WHERE role = 'qgis'; DROP ROLE qgis")
            migrate(database)
            assert database.execute("SELECT to_regrole('qgis')").fetchone() == (None,), "as docs/platform.md says"
        client = create_app(own).test_client()
        assert log_in(client, "former") == 302
        assert (
            client.post("/questions/1/00000000-q1", data={"token": token(client), "text": "a moth"}).status_code == 302
        )


def test_a_page_in_which_the_desks_machine_stood_still_is_to_be_asked_for_again(
    client: FlaskClient, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stand_still(ended: Database) -> str:
        process = "SELECT FROM pg_stat_activity WHERE pid = %s"
        wait_until(lambda: fleet.database.execute(process, (ended.info.backend_pid,)).rowcount == 0, within_s=10)
        return ""

    log_in(client)
    monkeypatch.setattr("edge.platform.desk.entry._own_area", stand_still)
    monkeypatch.setattr("edge.platform.database._SETTINGS", _SETTINGS.replace("'30s'", "'200ms'"))
    assert client.get("/nodes").status_code == 503
    assert "Traceback" not in capsys.readouterr().err


def test_a_desk_whose_database_has_gone_says_so_and_goes_on_once_it_is_back(capsys: pytest.CaptureFixture[str]) -> None:
    with Postgres(QUICK) as postgres:
        with open_database(postgres.url()) as database:
            migrate(database)
            three_nodes(database)
        client = create_app(postgres.url()).test_client()
        log_in(client)
        postgres.kill()
        answer = client.get("/")
        assert (answer.status_code, "cannot answer this now" in answer.text) == (503, True)
        assert "Traceback" not in capsys.readouterr().err
        postgres.start()
        assert client.get("/").status_code == 200
        with open_database(postgres.url()) as database:
            database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")  # as before a backup is restored
        answer = client.get("/")
        assert (answer.status_code, "cannot answer this now" in answer.text) == (503, True)
        assert "Traceback" not in capsys.readouterr().err
