"""What the doctor says of a whole node and of its parts, before anybody drives out with it."""

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from msgspec.structs import replace

from edge.calibration import Calibration, Scale, save_calibration
from edge.changes import NAME
from edge.cli import main
from edge.cli.doctor import _battery as on_battery
from edge.cli.doctor import _broker as on_broker
from edge.cli.doctor import diagnose
from edge.cli.page_verdict import on_page
from edge.cli.verdict import Verdict
from edge.clock import ClockState, SystemClock
from edge.config import (
    CameraTable,
    MqttTable,
    NodeTable,
    PowerTable,
    StoreTable,
    load_config,
)
from edge.power.gauge import Battery, read_battery
from edge.status import CameraStatus, LinkStatus, StatusBoard
from edge.store import Store, inspect_store
from tests.broker import Broker
from tests.cameras.sources import FRAMES, video_of_pictures
from tests.cli.nodes import config, level, running_page, told, verdict_on
from tests.clocks import NOON, SetClock
from tests.ports import free_port
from tests.records import sighting
from tests.test_app import configuration
from tests.updates.debian import put_apt


def test_doctor_finds_a_whole_node_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Broker() as broker:
        config = configuration(tmp_path, free_port(), broker.port)
        assert main(["doctor", "--config", str(config), "--json"]) == 0
    verdicts = told(capsys)
    assert list(verdicts)[:6] == ["configuration", "clock", "store", "updates", "camera", "model"]
    assert "was acknowledged" in verdicts["broker publish"]["sentence"]


@pytest.mark.parametrize(
    ("clock", "verdict"),
    [
        (ClockState.SYNCED, ("ok", "12:00:00 UTC, known since the power came")),  # by a phone or a cell, perhaps
        (ClockState.UNSYNCED, ("worth a look", "12:00:00 UTC, but nothing keeps it in time yet")),
    ],
)
def test_doctor_says_of_a_clock_no_more_than_that_it_is_known(
    tmp_path: Path, clock: ClockState, verdict: tuple[str, str]
) -> None:
    told = verdict_on("clock", config(tmp_path), SetClock(state=clock))
    assert (told.state, told.sentence.partition(" ")[2]) == verdict


def test_a_test_message_that_nobody_receives_is_worth_a_look(tmp_path: Path) -> None:
    def published() -> Verdict:
        return next(verdict for verdict in on_broker(settings, SystemClock()) if verdict.what == "broker publish")

    with Broker() as broker:
        settings = replace(config(tmp_path), mqtt=MqttTable(host="127.0.0.1", port=broker.port, tls=False))
        unheard = published()
        with broker.connect("platform") as platform:
            platform.subscribe("fieldeye/#")
            heard = published()
    assert "was acknowledged; nobody subscribes yet" in unheard.sentence
    assert (unheard.state, heard.state) == ("worth a look", "ok")


def test_a_second_device_under_the_nodes_name_is_worth_a_look_although_the_broker_takes_the_doctor(
    tmp_path: Path,
) -> None:
    board = StatusBoard(SetClock().now())
    camera = CameraStatus(state="ok", frames=1, looked=1)
    with (
        running_page(tmp_path, board, camera) as page,
        Broker() as broker,
        broker.connect("platform") as platform,
    ):
        platform.subscribe("fieldeye/#")
        settings = replace(page, mqtt=MqttTable(host="127.0.0.1", port=broker.port, tls=False))
        assert "broker link" not in {verdict.what for verdict in on_broker(settings, SystemClock())}
        board.show(link=LinkStatus(state="connected", word="taken_over", detail="another client used this node's name"))
        *others, link = on_broker(settings, SystemClock())
    assert {verdict.state for verdict in others} == {"ok"}
    assert link == Verdict("broker link", "worth a look", "the running node says: another client used this node's name")


def test_doctor_names_the_first_step_that_fails_on_the_way_to_the_broker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Broker(users={"n1": "secret"}) as broker:
        config = configuration(tmp_path, free_port(), broker.port)
        assert main(["doctor", "--config", str(config), "--json"]) == 1
        told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (told[-1]["what"], told[-1]["state"]) == ("broker log-in", "not well")
    assert "users and ACL" in told[-1]["sentence"]
    assert main(["doctor", "--config", str(config), "--json"]) == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (told[-1]["what"], told[-1]["state"]) == ("broker port", "not well")


def test_doctor_tries_the_next_password_where_the_broker_has_changed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("old", "new"):
        (tmp_path / name).write_text(f"{name}-password")
        (tmp_path / name).chmod(0o600)
    with Broker(users={"n1": "new-password"}, acl="user n1\ntopic readwrite fieldeye/v1/#\n") as broker:
        config = configuration(tmp_path, free_port(), broker.port)
        logins = f'username = "n1"\npassword_file = "{tmp_path}/old"\nnext_password_file = "{tmp_path}/new"\n'
        config.write_text(config.read_text().replace("[mqtt]\n", f"[mqtt]\n{logins}"))
        assert main(["doctor", "--config", str(config), "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["state"] for one in told if one["what"] == "broker log-in"] == ["ok"]
    assert "was acknowledged" in told[-1]["sentence"]


def test_doctor_says_what_is_wrong_with_camera_model_and_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.cli.doctor.FIRST_PICTURE_S", 0.5)  # an empty folder gives none in 12 s either
    config = configuration(tmp_path, free_port(), None, model="moths")
    (tmp_path / "fieldeye.db").write_bytes(b"this is no database, but it is long enough to be looked at" * 20)
    text = config.read_text()
    config.write_text(text.replace(text.split('source = "')[1].split('"')[0], f"{tmp_path}-empty"))
    assert main(["doctor", "--config", str(config), "--json"]) == 1
    verdicts = told(capsys)
    assert {what for what, one in verdicts.items() if one["state"] == "not well"} == {"store", "camera", "model"}
    assert "moths" in verdicts["model"]["sentence"]


def test_a_port_that_another_program_holds_is_not_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.cli.page_verdict.ANSWERS_S", 0.3)
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        other.settimeout(0)
        node_toml = configuration(tmp_path, other.getsockname()[1], None)
        assert main(["doctor", "--config", str(node_toml), "--json"]) == 1
    page = told(capsys)["page"]
    assert page["state"] == "not well"
    assert "is used by another program" in page["sentence"]


def test_a_port_whose_program_answers_with_nesting_without_end_is_not_well(tmp_path: Path) -> None:
    class Nesting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b'HTTP/1.0 200 OK\r\n\r\n{"x":' + 50_000 * b"[")

    with HTTPServer(("127.0.0.1", 0), Nesting) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        (verdict,) = on_page(load_config(configuration(tmp_path, other.server_port, None)))
        other.shutdown()
    assert (verdict.state, "is used by another program" in verdict.sentence) == ("not well", True)


@pytest.mark.parametrize(
    ("site", "node", "open_to_read", "state", "says"),
    [
        ("s", "n", True, "ok", "answers at http://127.0.0.1:"),
        ("s", "n", False, "ok", "answers at http://127.0.0.1:"),
        ("s2", "n", True, "not well", "in node.toml; or restart the node if its name is new"),
        ("s", "n2", True, "not well", "in node.toml; or restart the node if its name is new"),
        ("s", "n2", False, "not well", "in node.toml; or restart the node if its name is new"),
    ],
)
def test_a_page_that_answers_is_well_also_while_the_node_does_not_look_unless_it_is_another_node_s(
    site: str, node: str, state: str, says: str, tmp_path: Path, *, open_to_read: bool
) -> None:
    board = StatusBoard(SetClock().now())
    board.show(problem="no model")
    with running_page(tmp_path, board, CameraStatus(), open_to_read=open_to_read) as page:
        (verdict,) = on_page(replace(page, node=NodeTable(site=site, node=node)))
    assert (verdict.state, says in verdict.sentence) == (state, True)


def test_settings_of_the_page_that_do_not_fit_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    node_toml = configuration(tmp_path, free_port(), None)
    (tmp_path / NAME).write_text('{"camera": {"every_s": -5}}')
    assert main(["doctor", "--config", str(node_toml), "--json"]) == 0
    verdict = told(capsys)["configuration"]
    assert verdict["state"] == "worth a look"
    assert "camera.every_s" in verdict["sentence"]


@pytest.mark.parametrize(
    ("source", "mode", "is_told"),
    [
        ("http://u:hush@127.0.0.1:9/a.jpg", 0o644, True),
        ("http://u:hush@127.0.0.1:9/a.jpg", 0o640, False),  # as a node's card has it, for the service's group
        ("http://127.0.0.1:9/a.jpg", 0o644, False),
    ],
)
def test_a_cameras_password_that_anybody_may_read_is_worth_a_look(
    source: str, mode: int, is_told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node_toml = configuration(tmp_path, free_port(), None)
    table = f'kind = "opencv"\nsource = "{source}"'
    node_toml.write_text(re.sub(r'kind = "folder"\nsource = .*\nloop = true', table, node_toml.read_text()))
    node_toml.chmod(mode)
    assert main(["doctor", "--config", str(node_toml), "--json"]) == 1  # nothing answers at that address
    said = capsys.readouterr().out
    assert "hush" not in said
    verdicts = {one["what"]: one for one in map(json.loads, said.splitlines())}
    assert ("password" in verdicts) == is_told
    if is_told:
        assert verdicts["password"]["state"] == "worth a look"
        assert verdicts["password"]["sentence"].endswith(f"; run: chmod o-r {node_toml}")


def test_without_a_broker_nothing_waits_for_one(tmp_path: Path) -> None:
    with closing(Store(StoreTable(folder=str(tmp_path)), "n")) as store:
        store.commit([sighting()])
        alone, linked = (inspect_store(StoreTable(folder=str(tmp_path)), has_broker=has) for has in (False, True))
    assert "sound, 1 records, 1 waiting for the broker" in linked
    assert "sound, 1 records" in alone
    assert "waiting" not in alone


def test_a_gauge_that_is_named_and_cannot_be_read_is_not_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the kernel's form: there is no gauge here."""
    monkeypatch.setattr("edge.cli.doctor.read_battery", partial(read_battery, root=tmp_path, supplies=tmp_path))
    settings = replace(config(tmp_path), power=PowerTable(gauge="max17040", low_v=3.4))
    verdict = verdict_on("battery", settings)
    assert verdict.state == "not well"
    for words in ("max17040", "/sys/class/hwmon", "/sys/class/power_supply", "power.low_v"):
        assert words in verdict.sentence
    (tmp_path / "max17040").mkdir()
    (tmp_path / "max17040" / "voltage_now").write_text("3912000\n")
    assert verdict_on("battery", settings) == Verdict("battery", "ok", "max17040: 3.91 V, power.low_v is 3.4 V")
    assert not [one for one in diagnose(config(tmp_path), SystemClock()) if one.what == "battery"]


def test_one_missed_reading_of_a_gauge_is_not_told_as_a_wrong_name(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([None, Battery(12.9)])
    monkeypatch.setattr("edge.cli.doctor.read_battery", lambda _gauge: next(readings))
    (verdict,) = on_battery(PowerTable(gauge="ina219"))
    assert verdict.state == "ok"


@pytest.mark.parametrize(
    ("microvolts", "percent", "low_v", "state", "says"),
    [
        (12_840_000, None, 11.8, "ok", "bat: 12.84 V, power.low_v is 11.8 V"),
        (12_100_000, None, 11.8, "worth a look", "bat: 12.10 V, power.low_v is 11.8 V: getting low; wipe"),
        (10_200_000, None, 11.8, "not well", "bat: 10.20 V, power.low_v is 11.8 V: nearly empty; charge"),
        (3_912_000, 64, None, "ok", "bat: 3.91 V, 64%"),
        (3_400_000, 3, None, "not well", "bat: 3.40 V, 3%: nearly empty; charge"),
    ],
)
def test_a_battery_that_is_low_is_worth_a_look_and_an_empty_one_is_not_well(
    microvolts: int,
    percent: int | None,
    low_v: float | None,
    state: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A folder of the kernel's form: there is no gauge here."""
    monkeypatch.setattr("edge.cli.doctor.read_battery", partial(read_battery, root=tmp_path, supplies=tmp_path))
    (tmp_path / "bat").mkdir()
    (tmp_path / "bat/voltage_now").write_text(f"{microvolts}\n")
    if percent is not None:
        (tmp_path / "bat/capacity").write_text(f"{percent}\n")
    (verdict,) = on_battery(PowerTable(gauge="bat", low_v=low_v))
    assert verdict.state == state
    assert verdict.sentence.startswith(says)
    assert (verdict.sentence == says) == (state == "ok")


def test_a_damaged_store_that_was_set_aside_is_worth_a_look_as_long_as_it_lies_there(tmp_path: Path) -> None:
    for _ in range(10):
        (tmp_path / "fieldeye.db").write_bytes(b"this is no database" * 1000)
        Store(StoreTable(folder=str(tmp_path)), "n").close()
    said = [one for one in diagnose(config(tmp_path), SystemClock()) if "store" in one.what]
    assert [(one.what, one.state) for one in said] == [("store", "ok"), ("damaged store", "worth a look")]
    assert said[1].sentence.startswith(f"{tmp_path}/fieldeye.db.damaged-10: the store was damaged and set aside")
    assert "docs/delivery.md" in said[1].sentence
    for aside in tmp_path.glob("*.damaged-*"):
        aside.unlink()
    said = [one for one in diagnose(config(tmp_path), SystemClock()) if "store" in one.what]
    assert [(one.what, one.state) for one in said] == [("store", "ok")]


def test_a_calibration_that_cannot_be_read_is_not_well_and_one_that_can_says_whose_it_is(tmp_path: Path) -> None:
    def verdicts() -> list[tuple[str, str]]:
        found = diagnose(config(tmp_path), SystemClock())
        return [(one.state, one.sentence) for one in found if one.what == "calibration"]

    assert verdicts() == []
    save_calibration(tmp_path, Calibration(at=NOON, who="Mei", rotation_deg=0))
    assert verdicts() == [("ok", f"of {NOON:%Y-%m-%d}, by Mei")]
    save_calibration(tmp_path, Calibration(at=NOON, who="Mei", rotation_deg=90))
    ((_, sentence),) = verdicts()
    assert "made with camera.rotation_deg 90, which is 0 now; calibrate the camera again" in sentence
    (tmp_path / "calibration.json").write_bytes(b'{"at":')
    ((state, sentence),) = verdicts()
    assert state == "not well"
    assert sentence.startswith(f"the whole picture is counted, without an area: {tmp_path}/calibration.json: no calib")


def test_a_calibration_of_a_picture_of_another_shape_is_not_well_and_gives_no_area(tmp_path: Path) -> None:
    scale = Scale((0.1, 0, 0, 0, 0.1, 0, 0, 0, 1), 720, 1280, error_px=0.1, uneven=0.0, corners=24)
    save_calibration(tmp_path, Calibration(at=NOON, who="Mei", rotation_deg=0, scale=scale))
    film = video_of_pictures(tmp_path)
    per_area = config(tmp_path, "live", None, level("Delphacidae", "insects/m2"))
    said = {}
    for camera in (
        CameraTable(kind="opencv", source=str(film)),
        CameraTable(kind="folder", source=str(FRAMES), fed=True),
    ):
        found = diagnose(replace(per_area, camera=camera), SystemClock())
        said[camera.kind] = {one.what: one for one in found if one.what in {"advice", "calibration"}}
    assert {verdict.state for verdict in said["folder"].values()} == {"ok"}  # its next picture may be of another camera
    refused = said["opencv"]["calibration"]
    assert refused.state == "not well"
    assert "made on a picture of 720x1280 px, which is 320x240 now" in refused.sentence
    assert "insects/m2 is never told" in said["opencv"]["advice"].sentence


def test_accounts_that_cannot_be_used_are_named_beside_a_sound_store(tmp_path: Path) -> None:
    (tmp_path / "accounts.sqlite").mkdir()
    with closing(Store(StoreTable(folder=str(tmp_path)), "n")):
        said = [one for one in diagnose(config(tmp_path), SystemClock()) if one.what in {"store", "accounts"}]
    assert [(one.what, one.state) for one in said] == [("store", "ok"), ("accounts", "not well")]
    assert said[1].sentence.startswith(f"{tmp_path}/accounts.sqlite: cannot read it")


@pytest.mark.parametrize("name", ["accounts", "decisions"])
def test_a_small_file_of_newer_software_is_named(tmp_path: Path, name: str) -> None:
    Store(StoreTable(folder=str(tmp_path)), "n").close()
    with closing(sqlite3.connect(tmp_path / f"{name}.sqlite")) as db:
        db.execute("PRAGMA user_version = 99")
        db.execute("PRAGMA application_id = 0")
    (said,) = [one for one in diagnose(config(tmp_path), SystemClock()) if one.what == name]
    assert said.state == "not well"
    assert said.sentence.startswith(f"{tmp_path}/{name}.sqlite: written by a newer Fieldeye (version 99")


def test_of_a_calibration_in_a_folder_that_this_user_may_not_read_nothing_is_said(tmp_path: Path) -> None:
    """Root may read everything, so the right to do so is given up in a process of its own."""
    store = tmp_path / "store"
    store.mkdir()
    save_calibration(store, Calibration(at=NOON, who="Mei", rotation_deg=0))
    store.chmod(0o000)
    if os.geteuid() == 0:
        os.chown(store, 65534, 65534)
    settings = tmp_path / "node.toml"
    settings.write_text(
        f'[node]\nsite = "s"\nnode = "n"\n[camera]\nkind = "folder"\nsource = "/none"\n[store]\nfolder = "{store}"\n'
    )
    right = "-dac_override,-dac_read_search"
    without = ["setpriv", f"--bounding-set={right}", f"--inh-caps={right}"] if os.geteuid() == 0 else []
    words = [*without, sys.executable, "-m", "edge", "doctor", "--json", "--config", str(settings)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)
    store.chmod(0o700)
    said = {one["what"]: one["sentence"] for one in map(json.loads, ended.stdout.splitlines())}
    assert "cannot be written by this user" in said["store"]
    assert "calibration" not in said


def test_a_wrong_configuration_is_a_verdict_for_programs_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--config", str(tmp_path / "none.toml"), "--json"]) == 2
    assert told(capsys)["configuration"]["state"] == "not well"


@pytest.mark.parametrize(
    ("since", "listed", "ran", "state", "sentence"),
    [
        (40, 2, 0, "ok", "security updates: last looked for on 2026-07-01, by a list of 2026-06-29"),
        (40, None, None, "ok", "security updates: never looked for yet, no list of them is here yet"),
        (
            40,
            41,
            0,
            "worth a look",
            "no security updates for 41 days (last looked for on 2026-07-01, by a list of 2026-05-21); for a night, "
            "give the node a line that is not metered, or run: sudo apt-get update && sudo unattended-upgrade -v",
        ),
        (
            41,
            3,
            None,
            "worth a look",
            "nothing looked for security updates for 41 days (never looked for yet, by a list of 2026-06-28); for "
            "a night, give the node a line that is not metered, or run: sudo apt-get update && sudo "
            "unattended-upgrade -v",
        ),
    ],
)
def test_security_updates_that_do_not_come_are_worth_a_look(
    since: int,
    listed: int | None,
    ran: int | None,
    state: str,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_apt(tmp_path, NOON, monkeypatch, since=since, listed=listed, ran=ran)
    verdict = verdict_on("Debian updates", config(tmp_path), SetClock())
    assert (verdict.state, verdict.sentence) == (state, sentence)
