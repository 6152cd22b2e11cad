"""Of a model that was sent and one that came with newer software, which is in use: real bundles, real slots."""

import json
from pathlib import Path

import pytest

from edge.bundle import MANIFEST
from edge.cli import main
from edge.updates.install import install
from edge.updates.models import BESIDE, models_folder
from tests.updates.bundles import MODELS, Begun, Bench, one


@pytest.fixture
def sent(bench: Bench, begun: Begun) -> Path:
    """The folder of a model that was sent beside software number 1; then number 2 came."""
    begun.put(bench, model_and_newer_software)
    return bench.places.opt / "models"


def model_and_newer_software(bench: Bench, begun: Begun) -> None:
    begun.put(bench, one)
    bench.prove()
    install(bench.sign_models(["pests-int8"], 1), bench.places)
    bench.prove()
    update(bench, 2)


def update(bench: Bench, counter: int) -> None:
    install(bench.sign_software(f"{counter}.0", counter), bench.places)
    bench.prove()


def with_another(name: str, folder: Path) -> Path:
    """The software's own models, had another `name` come with it."""
    told = json.loads((MODELS / MANIFEST).read_text())
    told["bundles"][name]["sha256"] = "0" * 64
    folder.mkdir()
    (folder / MANIFEST).write_text(json.dumps(told))
    return folder


def test_newer_software_that_brings_another_model_takes_its_own_and_the_former_software_the_one_that_was_sent(
    bench: Bench, sent: Path, tmp_path: Path
) -> None:
    own = with_another("pests-int8", tmp_path / "own")
    assert models_folder("pests-int8", sent, own) == own
    bench.slots("back", "venv")
    assert models_folder("pests-int8", sent, own) == sent


def test_a_model_that_was_sent_stays_in_use_under_newer_software_that_brings_none(sent: Path, tmp_path: Path) -> None:
    assert models_folder("pests-int8", sent) == sent
    assert models_folder("pests-int8", sent, with_another("pests", tmp_path / "own")) == sent


def test_another_model_that_is_sent_does_not_make_an_old_one_new(bench: Bench, sent: Path, tmp_path: Path) -> None:
    own = with_another("pests-int8", tmp_path / "own")
    install(bench.sign_models(["diseases-int8"], 2), bench.places)
    assert models_folder("pests-int8", sent, own) == own
    bench.prove()
    install(bench.sign_models(["pests-int8"], 3), bench.places)
    assert models_folder("pests-int8", sent, own) == sent


@pytest.mark.parametrize(
    ("others", "noted"),
    [
        ([], None),  # a former build wrote none
        (["diseases-int8"], None),
        ([], b'{"\xf0ests-int8":{"software":1,"sha256":null}}'),  # one flipped bit
    ],
)
def test_a_model_that_a_former_build_installed_is_in_use_until_software_after_the_next_brings_another(
    bench: Bench, sent: Path, tmp_path: Path, others: list[str], noted: bytes | None
) -> None:
    (sent / BESIDE).unlink()
    if noted is not None:
        (sent / BESIDE).write_bytes(noted)
    own = with_another("pests-int8", tmp_path / "own")
    if others:
        install(bench.sign_models(others, 2), bench.places)
        bench.prove()
    assert models_folder("pests-int8", sent, own) == sent
    update(bench, 3)
    assert models_folder("pests-int8", sent) == sent
    assert models_folder("pests-int8", sent, own) == own


def test_list_says_which_of_two_of_a_name_is_in_use(
    bench: Bench, sent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def listed() -> list[str]:
        assert main(["model", "list", "--opt", str(bench.places.opt)]) == 0
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith("pests-int8 ")]

    own, installed = listed()
    assert "int8  not in use: another is installed  " in own
    assert "int8  installed  " in installed
    (sent / BESIDE).write_text(json.dumps({"pests-int8": {"software": 1, "sha256": "0" * 64}}))
    own, installed = listed()
    assert "in use" not in own
    assert "int8  installed, not in use: newer software brought its own  " in installed
