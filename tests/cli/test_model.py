"""`fieldeye model list` and `fieldeye model verify`."""

import json
from pathlib import Path

import pytest

from edge.cli import main
from tests.onnx_files import LABELS, Net, facts, write_model, write_release
from tests.test_leaf_network import released, write_network


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    nets = {"good": Net(), "unmeasured": Net(metadata=facts(metrics=None, precision="int8"))}
    return write_release(tmp_path / "models", nets)


def test_list_tells_name_version_precision_size_accuracy_and_classes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "list", "--folder", str(folder), "--json"]) == 0
    good, unmeasured = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (good["name"], good["version"], good["precision"], good["map50"]) == ("good", "2026.1.1", "fp32", 1.0)
    assert good["bytes"] == (folder / "good.onnx").stat().st_size
    assert [c["label"] for c in good["classes"]] == list(LABELS)
    assert (unmeasured["precision"], unmeasured["map50"]) == ("int8", None)


def test_list_for_people_is_a_line_a_model(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["model", "list", "--folder", str(folder)])
    good, unmeasured = capsys.readouterr().out.splitlines()
    assert good.split()[:3] == ["good", "2026.1.1", "fp32"]
    assert "mAP50 1.000" in good
    assert "2 classes: Pieris, Aleyrodidae" in good
    assert "not measured" in unmeasured


def test_verify_passes_what_was_released_and_says_what_was_checked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "verify", "--folder", str(folder), "--json"]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [r["name"] for r in results] == ["good", "unmeasured"]
    assert all(r["ok"] and r["checked"] == ["hash", "load", "golden picture"] for r in results)


def test_a_file_that_is_no_model_is_named_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.onnx").touch()
    assert main(["model", "verify", str(tmp_path / "a.onnx")]) == 1
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'a.onnx'}: not a Fieldeye model")


@pytest.mark.parametrize("verb", ["verify", "list"])
def test_one_flipped_bit_is_exit_1_and_the_other_models_are_still_told(
    folder: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    content = bytearray((folder / "good.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "good.onnx").write_bytes(bytes(content))
    assert main(["model", verb, "--folder", str(folder)]) == 1
    good, unmeasured = capsys.readouterr().out.splitlines()
    assert "sha256 differs" in good
    assert "unmeasured" in unmeasured


def test_verify_takes_a_file_and_says_that_no_manifest_vouches_for_it(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_model(tmp_path / "mine.onnx")
    assert main(["model", "verify", str(path), "--folder", str(folder)]) == 0
    assert "outside the manifest" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["rats", ""])  # the last as of a script's variable that is not set
def test_verify_of_a_name_nobody_knows_is_wrong_use(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "verify", name, "--folder", str(folder)]) == 2
    assert "good" in capsys.readouterr().err


@pytest.fixture
def leaf_folder(tmp_path: Path) -> Path:
    return released(write_network(tmp_path / "leaf.onnx"))


def test_a_leaf_network_is_listed_with_its_crop_and_stresses(
    leaf_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "list", "--folder", str(leaf_folder)]) == 0
    assert "not measured  1 stresses of coffee leaves: Hemileia vastatrix" in capsys.readouterr().out
    assert main(["model", "list", "--folder", str(leaf_folder), "--json"]) == 0
    (told,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (told["name"], told["crop"], told["bytes"]) == (
        "leaf",
        "coffee",
        (leaf_folder / "leaf.onnx").stat().st_size,
    )


def test_a_leaf_network_is_verified_by_hash_load_and_golden_picture(
    leaf_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "verify", "--folder", str(leaf_folder)]) == 0
    assert capsys.readouterr().out == "leaf: ok (hash, load, golden picture)\n"
    released(leaf_folder / "leaf.onnx", severity=0.2)
    assert main(["model", "verify", "leaf", "--folder", str(leaf_folder)]) == 1
    assert "does not see in golden.png what it should" in capsys.readouterr().out
