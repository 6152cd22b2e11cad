"""What the doctor says of advice, of the page's port and of settings, before anybody drives out with the node."""

import json
import socket
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from edge.changes import NAME
from edge.cli import main
from edge.cli.advice_verdict import on_advice
from edge.cli.doctor import FIRST_FRAME_S, diagnose
from edge.cli.loopback import free_port
from edge.clock import SystemClock
from edge.config import AdviceTable, CameraTable, Mode, ModelTable, NodeConfig, NodeTable, OwnThreshold, StoreTable
from edge.fallback import open_detector
from edge.page import create_app, serve
from edge.status import StatusBoard
from edge.store import Store, inspect_store
from tests.clocks import SetClock
from tests.onnx_files import Net, facts, write_release
from tests.records import sighting
from tests.test_app import configuration

LABELS = ("Plutella xylostella", "Delphacidae")


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


def test_who_asked_for_no_advice_hears_nothing_of_it(tmp_path: Path) -> None:
    assert list(on_advice(config(tmp_path), LABELS)) == []


def test_a_port_that_another_program_holds_is_not_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_without_a_broker_nothing_waits_for_one(tmp_path: Path) -> None:
    with closing(Store(StoreTable(folder=str(tmp_path)), "n")) as store:
        store.commit([sighting()])
        alone, linked = (inspect_store(StoreTable(folder=str(tmp_path)), has_broker=has) for has in (False, True))
    assert "sound, 1 records, 1 waiting for the broker" in linked
    assert "sound, 1 records" in alone
    assert "waiting" not in alone


@pytest.mark.parametrize("kind", ["folder", "opencv"])
def test_a_folder_or_video_that_is_not_there_is_said_at_once(kind: Literal["folder", "opencv"], tmp_path: Path) -> None:
    there = config(tmp_path)
    missing = replace(there, camera=CameraTable(kind=kind, source=str(tmp_path / "nowhere")))
    clock = SystemClock()
    began_s = clock.monotonic_s()
    camera = next(verdict for verdict in diagnose(missing, clock) if verdict.what == "camera")
    assert clock.monotonic_s() - began_s < FIRST_FRAME_S / 2
    assert camera.state == "not well"
    assert "correct camera.source" in camera.sentence


def test_a_wrong_configuration_is_a_verdict_for_programs_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--config", str(tmp_path / "none.toml"), "--json"]) == 2
    assert told(capsys)["configuration"]["state"] == "not well"
