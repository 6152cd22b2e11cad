"""What the doctor says of advice, of the page's port and of settings, before anybody drives out with the node."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from edge.calibration import Calibration, Scale, save_calibration
from edge.cameras.watch import FIRST_PICTURE_S
from edge.changes import NAME
from edge.cli import main
from edge.cli.advice_verdict import on_advice
from edge.cli.doctor import diagnose
from edge.cli.loopback import free_port
from edge.clock import SystemClock
from edge.config import (
    AdviceTable,
    CameraTable,
    Mode,
    ModelTable,
    NodeConfig,
    NodeTable,
    OwnThreshold,
    PageTable,
    PowerTable,
    StoreTable,
)
from edge.fallback import open_detector
from edge.page import create_app, serve
from edge.status import CameraStatus, StatusBoard
from edge.store import Store, inspect_store
from tests.cameras.sources import FRAMES, PICTURES, film_of, network_camera, video_of_pictures
from tests.clocks import NOON, SetClock
from tests.onnx_files import Net, facts, write_release
from tests.records import sighting
from tests.test_app import configuration

LABELS = ("Plutella xylostella", "Delphacidae")


@contextmanager
def running_page(
    folder: Path, board: StatusBoard, camera: CameraStatus, *, open_to_read: bool = True
) -> Iterator[NodeConfig]:
    """The store and the page of a node that has a camera."""
    board.show(camera=camera)
    settings = replace(
        IN_USE, store=StoreTable(folder=str(folder)), page=PageTable(port=free_port(), open_to_read=open_to_read)
    )
    assert settings.page is not None
    with closing(Store(settings.store, settings.node.node)) as store:
        server = serve(create_app(store, board, settings, SetClock()), "127.0.0.1", settings.page.port)
        try:
            yield settings
        finally:
            server.close()


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    return {verdict["what"]: verdict for verdict in map(json.loads, capsys.readouterr().out.splitlines())}


def config(folder: Path, mode: Mode = "live", crop: str | None = None, *own: OwnThreshold) -> NodeConfig:
    return NodeConfig(
        node=NodeTable(site="s", node="n"),
        camera=CameraTable(kind="folder", mode=mode),
        store=StoreTable(folder=str(folder)),
        advice=AdviceTable(crop=crop, threshold=own),
    )


def level(label: str, unit: str) -> OwnThreshold:
    return OwnThreshold(label=label, unit=unit, act_at=10)


@pytest.mark.parametrize(
    ("crop", "own", "state", "says"),
    [
        ("ryce", None, "worth a look", "did you mean rice?"),
        ("tea", None, "worth a look", "no action level is packaged for the crop tea; known are apple,"),
        ("apple", None, "worth a look", "no action level for apple is of a pest that the model pests tells"),
        ("cabbage", None, "worth a look", "(Plutella xylostella 3 larvae/leaf) are for people who count in the field"),
        (None, level("Plutela xylostella", "insects/picture"), "worth a look", "did you mean Plutella xylostella?"),
        (None, level("Delphacidae", "furlongs"), "worth a look", "furlongs is never told in mode live with"),
        (None, level("Delphacidae", "visits/day"), "worth a look", "with a picture every 60 s; give one of insects/p"),
        (None, level("Delphacidae", "insects/m2"), "worth a look", "insects/m2 is never told in mode live"),
        ("rice", level("Delphacidae", "insects/picture"), "ok", "held against Delphacidae 10 insects/picture"),
    ],
)
def test_an_action_level_that_no_count_can_reach_is_named(
    crop: str | None, own: OwnThreshold | None, state: str, says: str, tmp_path: Path
) -> None:
    (verdict,) = on_advice(config(tmp_path, "live", crop, *([own] if own else [])), LABELS)
    assert (verdict.what, verdict.state) == ("advice", state)
    assert says in verdict.sentence


def test_a_share_of_the_leaf_is_never_told_of_a_pod(tmp_path: Path) -> None:
    own = level("Phytophthora palmivora", "% leaf area")
    (verdict,) = on_advice(config(tmp_path, "leaf", None, own), (own.label,))
    assert verdict.sentence.endswith("% leaf area is never told in mode leaf; give one of % pictures")


def test_a_level_of_what_the_modes_model_does_not_tell_names_that_model(tmp_path: Path) -> None:
    (verdict,) = on_advice(config(tmp_path, "leaf", None, level("Delphacidae", "% pictures")), ("Hemileia vastatrix",))
    assert "the model diseases does not tell it" in verdict.sentence


@pytest.mark.parametrize(
    ("mode", "sleep", "every_s", "state"),
    [
        ("leaf", "never", 6480, "ok"),
        ("leaf", "never", 7200, "worth a look"),
        ("leaf", "between", 3600, "ok"),
        ("leaf", "between", 14_400, "worth a look"),
        ("live", "between", 14_400, "ok"),
    ],
)
def test_a_leaf_that_is_looked_at_too_seldom_for_a_share_is_worth_a_look(
    mode: Mode, sleep: Literal["never", "between"], every_s: float, state: str, tmp_path: Path
) -> None:
    looked = config(tmp_path, mode, None, level("Delphacidae", "% pictures" if mode == "leaf" else "insects/picture"))
    camera = replace(looked.camera, every_s=every_s)
    seldom = replace(looked, camera=camera, power=PowerTable(sleep=sleep))
    (verdict,) = on_advice(seldom, LABELS)
    assert verdict.state == state
    assert ("20 pictures in 3 days; set camera.every_s to 6480 or less" in verdict.sentence) == (state != "ok")


def test_who_asked_for_no_advice_hears_nothing_of_it(tmp_path: Path) -> None:
    assert list(on_advice(config(tmp_path), LABELS)) == []


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


def test_a_page_that_answers_is_well_also_while_the_node_does_not_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock, settings = SetClock(), config(tmp_path)
    board = StatusBoard(clock.now())
    board.show(problem="no model")
    with closing(Store(settings.store, settings.node.node)) as store:
        server = serve(create_app(store, board, settings, clock), "127.0.0.1", 0)
        try:
            assert main(["doctor", "--config", str(configuration(tmp_path, server.port, None)), "--json"]) == 0
        finally:
            server.close()
    assert told(capsys)["page"]["sentence"] == f"answers at http://127.0.0.1:{server.port}/"


IN_USE = replace(config(Path(), "trap"), camera=CameraTable(kind="opencv", source="/dev/video97", mode="trap"))
AT = SetClock().now()


def camera_of(settings: NodeConfig) -> tuple[str, str]:
    verdict = next(verdict for verdict in diagnose(settings, SystemClock()) if verdict.what == "camera")
    return verdict.state, verdict.sentence


@pytest.mark.parametrize(
    ("camera", "state", "says"),
    [
        (
            CameraStatus(state="ok", frames=7, last_frame=AT),
            "ok",
            "has it: 7 pictures, the last at 2026-07-01 12:00:00",
        ),
        (CameraStatus(), "worth a look", "is opening it; ask again in a minute"),
        (CameraStatus(state="missing"), "not well", "gets no new pictures from it (missing); look at its cable"),
        (CameraStatus(state="ended", frames=7), "ok", "has shown all its 7 pictures"),
    ],
)
def test_a_camera_that_the_running_node_has_is_not_opened_and_told_as_the_node_sees_it(
    camera: CameraStatus, state: str, says: str, tmp_path: Path
) -> None:
    with running_page(tmp_path, StatusBoard(AT), camera) as settings:
        assert camera_of(settings)[0] == state
        assert says in camera_of(settings)[1]


@pytest.mark.parametrize("options", [{}, {"fed": True}, {"loop": True}], ids=str)
@pytest.mark.parametrize(
    ("beside", "state", "says"), [(True, "ok", "2.jpg: "), (False, "not well", "1.heic is no JPEG, PNG")]
)
def test_a_folders_file_that_is_no_picture_is_told_where_no_picture_follows(
    options: dict[str, bool], beside: bool, state: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "1.heic").write_bytes(b"\0\0\0\x18ftypheic")
    if beside:
        shutil.copy(PICTURES[0], tmp_path / "2.jpg")
    camera = CameraTable(kind="folder", source=str(tmp_path), **options)
    told_state, sentence = camera_of(replace(config(tmp_path / "state"), camera=camera))
    assert (told_state, sentence.startswith(says)) == (state, True)


@pytest.mark.parametrize(("every_s", "state"), [(1.0, "worth a look"), (4.0, "ok")])
def test_a_running_node_whose_looks_take_too_long_for_visits_is_worth_a_look_unless_it_is_set_to_count_none(
    every_s: float, state: str, tmp_path: Path
) -> None:
    slow = CameraStatus(state="ok", frames=7, last_frame=AT, ms_per_frame=3100.0)
    with running_page(tmp_path, StatusBoard(AT), slow) as settings:
        camera = CameraTable(kind="opencv", source="/dev/video97", every_s=every_s)
        told_state, sentence = camera_of(replace(settings, camera=camera))
    assert told_state == state
    assert ("a look takes 3.1 s" in sentence) == (state != "ok")


class SlowBoard(SetClock):
    """Three seconds pass between any two glances at the clock."""

    def monotonic_s(self) -> float:
        self.advance(3)
        return super().monotonic_s()


def test_a_model_that_is_too_slow_for_visits_on_this_board_is_worth_a_look(tmp_path: Path) -> None:
    film = video_of_pictures(tmp_path)
    settings = replace(config(tmp_path), camera=CameraTable(kind="opencv", source=str(film), every_s=1.0))
    model = next(verdict for verdict in diagnose(settings, SlowBoard()) if verdict.what == "model")
    assert model.state == "worth a look"
    assert "a look takes 3.0 s, and above 2 s no insect is known again" in model.sentence


def test_a_stream_whose_pictures_are_seconds_apart_is_well(tmp_path: Path) -> None:
    with network_camera() as source:
        source.every_s = 6.0
        settings = replace(config(tmp_path), camera=CameraTable(kind="opencv", source=source.address))
        state, sentence = camera_of(settings)
    assert (state, "s3cret" in sentence) == ("ok", False)
    assert "px" in sentence


def test_a_stream_that_would_take_the_nodes_memory_is_not_well(tmp_path: Path) -> None:
    with network_camera([film_of(3072, 2048, tmp_path)]) as source:
        source.health = "a snapshot"
        settings = replace(config(tmp_path), camera=CameraTable(kind="opencv", source=source.address))
        state, sentence = camera_of(settings)
    assert state == "not well"
    assert sentence.endswith("choose a smaller one, the camera's second stream, or JPEG")


def test_a_node_that_does_not_look_leaves_its_camera_to_the_doctor(tmp_path: Path) -> None:
    board = StatusBoard(AT)
    board.show(problem="no model")
    with running_page(tmp_path, board, CameraStatus()) as settings:
        assert "look at plug or network" in camera_of(settings)[1]


@pytest.mark.parametrize("page", [PageTable(port=1), None], ids=["page does not answer", "no page"])
def test_a_running_node_that_does_not_tell_of_its_camera_is_no_node_that_is_not_ready(
    page: PageTable | None, tmp_path: Path
) -> None:
    settings = replace(IN_USE, store=StoreTable(folder=str(tmp_path)), page=page)
    with closing(Store(settings.store, settings.node.node)):
        state, sentence = camera_of(settings)
    assert state == "worth a look"
    assert "the running node has it and does not say how it is" in sentence
    assert camera_of(settings)[0] == "not well"  # once that node has ended


def test_a_page_that_only_opens_to_those_who_log_in_does_not_make_the_camera_bad(tmp_path: Path) -> None:
    with running_page(tmp_path, StatusBoard(AT), CameraStatus(), open_to_read=False) as settings:
        assert camera_of(settings)[0] == "worth a look"


def test_settings_of_the_page_that_do_not_fit_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    node_toml = configuration(tmp_path, free_port(), None)
    (tmp_path / NAME).write_text('{"camera": {"every_s": -5}}')
    assert main(["doctor", "--config", str(node_toml), "--json"]) == 0
    verdict = told(capsys)["configuration"]
    assert verdict["state"] == "worth a look"
    assert "camera.every_s" in verdict["sentence"]


def test_where_an_installed_model_is_refused_the_one_that_the_node_runs_is_named_and_stays(tmp_path: Path) -> None:
    net, kept = Net(metadata=facts(version="2026.1.1")), tmp_path / "bundles"
    folder = write_release(tmp_path / "models", {"pests-int8": net})  # one of that name comes with the software, too
    open_detector("pests-int8", kept=kept, folder=folder)
    (folder / "pests-int8.onnx").write_bytes(b"")
    manifest = (kept / "manifest.json").read_bytes()
    camera, wanted = CameraTable(kind="folder", source=str(tmp_path)), ModelTable(name="pests-int8", folder=str(folder))
    settings = replace(config(tmp_path), camera=camera, model=wanted)
    model = next(verdict for verdict in diagnose(settings, SystemClock()) if verdict.what == "model")
    assert "2026.1.1 runs instead" in model.sentence
    assert (kept / "manifest.json").read_bytes() == manifest


@pytest.mark.parametrize(
    ("name", "state", "says"),
    [
        (None, "ok", "diseases 20"),
        ("diseases-int8", "ok", "diseases 20"),
        ("pests", "worth a look", "pests is made for mode live, and camera.mode is leaf; leave out model.name"),
    ],
)
def test_a_node_for_leaves_has_the_model_for_leaves_and_hears_of_another(
    name: str | None, state: str, says: str, tmp_path: Path
) -> None:
    camera = CameraTable(kind="folder", source=str(tmp_path), mode="leaf")
    settings = replace(config(tmp_path), camera=camera, model=ModelTable(name=name, folder=str(tmp_path)))
    model = next(verdict for verdict in diagnose(settings, SystemClock()) if verdict.what == "model")
    assert model.state == state
    assert model.sentence.startswith(says)


@pytest.mark.parametrize(("confidence", "is_told"), [(None, False), (0.6, True)])
def test_a_node_that_counts_at_its_own_confidence_hears_that_its_counts_have_no_range(
    confidence: float | None, is_told: bool, tmp_path: Path
) -> None:
    camera, wanted = CameraTable(kind="folder", source=str(tmp_path)), ModelTable(confidence=confidence)
    settings = replace(config(tmp_path), camera=camera, model=wanted)
    model = next(verdict for verdict in diagnose(settings, SystemClock()) if verdict.what == "model")
    assert model.state == "ok"
    assert ("counts have no range, since precision and recall were not measured" in model.sentence) == is_told


def test_without_a_broker_nothing_waits_for_one(tmp_path: Path) -> None:
    with closing(Store(StoreTable(folder=str(tmp_path)), "n")) as store:
        store.commit([sighting()])
        alone, linked = (inspect_store(StoreTable(folder=str(tmp_path)), has_broker=has) for has in (False, True))
    assert "sound, 1 records, 1 waiting for the broker" in linked
    assert "sound, 1 records" in alone
    assert "waiting" not in alone


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


@pytest.mark.parametrize("kind", ["folder", "opencv"])
def test_a_folder_or_video_that_is_not_there_is_said_at_once(kind: Literal["folder", "opencv"], tmp_path: Path) -> None:
    there = config(tmp_path)
    missing = replace(there, camera=CameraTable(kind=kind, source=str(tmp_path / "nowhere")))
    clock = SystemClock()
    began_s = clock.monotonic_s()
    camera = next(verdict for verdict in diagnose(missing, clock) if verdict.what == "camera")
    assert clock.monotonic_s() - began_s < FIRST_PICTURE_S / 2
    assert camera.state == "not well"
    assert "correct camera.source" in camera.sentence


def test_a_wrong_configuration_is_a_verdict_for_programs_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--config", str(tmp_path / "none.toml"), "--json"]) == 2
    assert told(capsys)["configuration"]["state"] == "not well"
