"""What the doctor says of the model."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.config import (
    CameraTable,
    ModelTable,
)
from edge.fallback import open_detector
from tests.cameras.sources import video_of_pictures
from tests.cli.nodes import config, verdict_on
from tests.clocks import SetClock
from tests.onnx_files import Net, facts, write_model, write_release


class SlowBoard(SetClock):
    """Three seconds pass between any two glances at the clock."""

    def monotonic_s(self) -> float:
        self.advance(3)
        return super().monotonic_s()


def test_a_model_that_is_too_slow_for_visits_on_this_board_is_worth_a_look(tmp_path: Path) -> None:
    film = video_of_pictures(tmp_path)
    settings = replace(config(tmp_path), camera=CameraTable(kind="opencv", source=str(film), every_s=1.0))
    model = verdict_on("model", settings, SlowBoard())
    assert model.state == "worth a look"
    assert "a look takes 3.0 s, and above 2 s no insect is known again" in model.sentence


def test_where_an_installed_model_is_refused_the_one_that_the_node_runs_is_named_and_stays(tmp_path: Path) -> None:
    net, kept = Net(metadata=facts(version="2026.1.1")), tmp_path / "bundles"
    folder = write_release(tmp_path / "models", {"pests-int8": net})  # one of that name comes with the software, too
    open_detector("pests-int8", kept=kept, folder=folder)
    (folder / "pests-int8.onnx").write_bytes(b"")
    manifest = (kept / "manifest.json").read_bytes()
    camera, wanted = CameraTable(kind="folder", source=str(tmp_path)), ModelTable(name="pests-int8", folder=str(folder))
    settings = replace(config(tmp_path), camera=camera, model=wanted)
    model = verdict_on("model", settings)
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
    model = verdict_on("model", settings)
    assert model.state == state
    assert model.sentence.startswith(says)


@pytest.mark.parametrize(("confidence", "is_told"), [(None, False), (0.6, True)])
def test_a_node_that_counts_at_its_own_confidence_hears_that_its_counts_have_no_range(
    confidence: float | None, is_told: bool, tmp_path: Path
) -> None:
    camera, wanted = CameraTable(kind="folder", source=str(tmp_path)), ModelTable(confidence=confidence)
    settings = replace(config(tmp_path), camera=camera, model=wanted)
    model = verdict_on("model", settings)
    assert model.state == "ok"
    assert ("counts have no range, since precision and recall were not measured" in model.sentence) == is_told


def test_a_node_hears_that_nothing_vouches_for_a_model_that_stands_in_no_manifest(tmp_path: Path) -> None:
    film, mine = video_of_pictures(tmp_path), write_model(tmp_path / "mine.onnx")
    camera = CameraTable(kind="opencv", source=str(film), every_s=60.0)
    settings = replace(config(tmp_path), camera=camera, model=ModelTable(name=str(mine)))
    model = verdict_on("model", settings)
    assert model.state == "worth a look"
    assert "ms, but it is in no manifest.json: neither hash nor golden picture vouches for it; " in model.sentence
