"""People of the desk are added, changed and removed."""

import io
import os
import subprocess
import sys
from pathlib import Path
from unicodedata import normalize

import pytest
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash

from edge.cli import platform_main
from edge.errors import UsageError
from edge.platform.database import Database
from edge.platform.desk import create_app
from edge.platform.desk.people import add_person, area_of, remove_person
from tests.platform.desk.visitors import PASSWORD, log_in
from tests.platform.fleet import Fleet

WANG = ["--add-person", "Wang", "--area", "330106000000"]


def test_a_short_password_or_a_wrong_area_makes_no_log_in(database: Database) -> None:
    for password, area in (("short", "33"), (PASSWORD, "331")):
        with pytest.raises(UsageError):
            add_person(database, "x", password, area)


def test_a_password_costs_whoever_guesses_it_32_mb_a_guess(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.platform.desk.people.generate_password_hash", generate_password_hash)
    add_person(database, "x", PASSWORD, "33")
    (kept,) = database.execute("SELECT password_hash FROM person WHERE name = 'x'")
    assert kept[0].startswith("scrypt:32768:8:1$")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])  # the second of a file that Windows wrote
def test_a_person_is_added_from_the_command_line(
    url: str,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line_end: str,
) -> None:
    before = database.execute("SELECT name, role FROM person").fetchall()
    with (Path("/dev/null")).open() as nothing:
        monkeypatch.setattr("sys.stdin", _Pipe(nothing.fileno(), f"{PASSWORD}{line_end}"))
        assert platform_main(["desk", "--database", url, *WANG]) == 0
    assert capsys.readouterr().out == "Wang may log in: County 330106, 3 nodes\n"
    people = database.execute("SELECT name, role FROM person").fetchall()
    assert sorted(people) == sorted([*before, ("Wang", "fieldeye_area_330106")])
    assert log_in(create_app(url).test_client(), "Wang") == 302


def test_who_types_no_password_is_told_how_long_one_is(still_url: str) -> None:
    run = f"from edge.cli import platform_main; exit(platform_main({['desk', '--database', still_url, *WANG]}))"
    keyboard, terminal = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", run], stdin=terminal, stderr=subprocess.PIPE, start_new_session=True
    ) as command:
        assert command.stderr is not None
        assert command.stderr.read(10) == b"Password: "
        os.write(keyboard, b"\x04")  # Ctrl-D
        assert b"a password has at least 10 letters" in command.stderr.read()
    assert command.returncode == 2
    os.close(keyboard)
    os.close(terminal)


def test_a_new_password_leaves_the_area_as_it_was(
    fleet: Fleet, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It raised a village's person to all areas."""
    monkeypatch.setattr("edge.cli.desk._password", lambda: f"{PASSWORD}er")
    here, everywhere = "Township 330106011, 2 nodes", "All areas, 3 nodes"
    for more, says in (([], here), (["--area", "all"], everywhere), ([], everywhere)):
        assert platform_main(["desk", "--database", url, "--add-person", "town", *more]) == 0
        told = capsys.readouterr()
        assert told.out == f"town may log in: {says}\n"
        assert (f"who had this name saw {here} and is out" in told.err) is (more != []), "another county's, it may be"
        (prefix,) = fleet.database.execute("SELECT prefix FROM person JOIN reader USING (role) WHERE name = 'town'")
        assert prefix[0] == ("330106011" if says == here else "")
    assert platform_main(["desk", "--database", url, "--people"]) == 0
    assert f"town: {everywhere}\n" in capsys.readouterr().out
    assert log_in(create_app(url).test_client(), "town", f"{PASSWORD}er") == 302


def test_a_name_and_a_password_are_the_same_with_accents_apart_and_a_phones_blank_behind_the_name(
    client: FlaskClient, fleet: Fleet
) -> None:
    kept, apart = ([normalize(form, text) for text in ("Nguyễn Lan", "mật khẩu của tôi")] for form in ("NFC", "NFD"))
    apart[0] += " "
    add_person(fleet.database, *apart, "330106")
    assert area_of(fleet.database, apart[0]) == "330106"
    assert [log_in(client, *typed) for typed in (kept, apart)] == [302, 302]
    assert client.get("/nodes").status_code == 200
    remove_person(fleet.database, apart[0])
    assert area_of(fleet.database, kept[0]) is None


def test_who_is_removed_is_out_at_once(client: FlaskClient, fleet: Fleet, url: str) -> None:
    log_in(client)
    assert client.get("/nodes").status_code == 200
    assert platform_main(["desk", "--database", url, "--remove-person", "town"]) == 0
    assert client.get("/nodes").location == "/log-in"
    assert log_in(client) == 403
    with pytest.raises(UsageError, match="nobody is called 'town'; give one of: county"):
        remove_person(fleet.database, "town")


class _Pipe(io.StringIO):
    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self._number = number

    def fileno(self) -> int:
        return self._number
