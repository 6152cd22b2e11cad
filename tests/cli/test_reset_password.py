"""`fieldeye reset-password` beside a running node."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge.cli import main
from edge.page.trust import Role
from edge.status import StatusBoard
from edge.store import Store
from tests.clocks import SetClock
from tests.page.scenes import Scene, config
from tests.page.visitors import log_in, person


@pytest.fixture
def node_toml(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(
        f'[node]\nsite = "s"\nnode = "n"\n[camera]\nkind = "folder"\n[store]\nfolder = "{tmp_path / "state"}"\n'
    )
    return path


def reset(node_toml: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, str]:
    assert main(["reset-password", "--config", str(node_toml), "--json", *more]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_the_new_password_opens_the_page_of_a_running_node(node_toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock, settings = SetClock(), config(node_toml.parent / "state")
    store = Store(settings.store, settings.node.node)
    try:
        scene = Scene(store, StatusBoard(clock.now()), settings, clock)
        client = scene.app().test_client()
        person(scene, Role.TECHNICIAN)
        other = client.application.test_client()
        log_in(other, "technician")
        made = reset(node_toml, capsys)
        assert made["role"] == "technician"
        assert log_in(client, "technician").status_code == 400
        assert log_in(client, "technician", made["password"]).status_code == 303
        assert other.get("/people").status_code == 303
    finally:
        store.close()


def test_beside_a_node_whose_accounts_are_damaged_it_says_that_the_new_password_waits_for_a_restart(
    node_toml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock, settings = SetClock(), config(node_toml.parent / "state")
    with closing(Store(settings.store, settings.node.node)) as store:
        scene = Scene(store, StatusBoard(clock.now()), settings, clock)
        client = scene.app().test_client()
        person(scene, Role.TECHNICIAN)
        accounts = node_toml.parent / "state/accounts.sqlite"
        with closing(sqlite3.connect(accounts)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with accounts.open("r+b") as file:
            file.seek(1024)
            file.write(b"\xff" * 2048)
        assert main(["reset-password", "--config", str(node_toml), "--json"]) == 0
        told = capsys.readouterr()
        password = json.loads(told.out)["password"]
        assert told.err.endswith("restart the node if it runs, then add the others anew\n")
        assert log_in(client, "technician", password).status_code == 503
    with closing(Store(settings.store, settings.node.node)) as store:
        again = Scene(store, StatusBoard(clock.now()), settings, clock).app().test_client()
        assert log_in(again, "technician", password).status_code == 303
    assert main(["reset-password", "--config", str(node_toml)]) == 0
    assert capsys.readouterr().err == ""


def test_it_makes_the_first_account_and_the_label_no_longer_does(
    node_toml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = reset(node_toml, capsys, "--name", "li")
    assert made["name"] == "li"
    state = node_toml.parent / "state"
    assert (state / "accounts.sqlite").stat().st_mode & 0o777 == 0o600
    assert b"argon2id" in b"".join(file.read_bytes() for file in state.glob("accounts.sqlite*"))


def test_a_farmer_stays_a_farmer(node_toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings, clock = config(node_toml.parent / "state"), SetClock()
    store = Store(settings.store, "n")
    person(Scene(store, StatusBoard(clock.now()), settings, clock), Role.FARMER, "Wang")
    store.close()
    assert reset(node_toml, capsys, "--name", "wang") | {"password": ""} == {
        "name": "Wang",
        "role": "farmer",
        "password": "",
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_run_by_root_the_file_belongs_to_the_service(node_toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = node_toml.parent / "state"
    state.mkdir()
    os.chown(state, 65534, 65534)
    reset(node_toml, capsys)
    assert {file.stat().st_uid for file in state.glob("accounts.sqlite*")} == {65534}
