"""Whatever happens to a model file, the node looks with the last one that started well, and says why."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.errors import BundleError, UsageError
from edge.fallback import open_detector
from tests.onnx_files import BLUE, Net, facts, picture_with, sha256_of, write_model, write_release


def old_and_new(folder: Path) -> Path:
    """A release of two models."""
    new = Net(metadata=facts(version="2026.2.2"))
    return write_release(folder, {"old": Net(metadata=facts(version="2026.1.1")), "new": new})


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(place: float) -> Callable[[Path], None]:
    def flip(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[int(place * (len(content) - 1))] ^= 16
        path.write_bytes(bytes(content))

    return flip


def write(net: Net) -> Callable[[Path], None]:
    """Another network in its place, with a manifest that knows it: a release that went out wrong."""

    def exchange(path: Path) -> None:
        write_model(path, net)
        manifest = json.loads((path.parent / "manifest.json").read_text())
        manifest["bundles"][path.stem]["sha256"] = sha256_of(path)
        (path.parent / "manifest.json").write_text(json.dumps(manifest))

    return exchange


def spoil_the_manifest(path: Path) -> None:
    (path.parent / "manifest.json").write_text("{")


FAULTS: dict[str, Callable[[Path], None]] = {
    "truncated": cut_off,
    "empty": lambda path: path.write_bytes(b"") and None,
    "gone": Path.unlink,
    "bit flipped at the start": flip_a_bit(0.0),
    "bit flipped in the weights": flip_a_bit(0.4),
    "bit flipped in the metadata": flip_a_bit(0.98),
    "wrong input shape": write(Net(side_px=128)),
    "wrong output shape": write(Net(classes=3)),
    "numbers that are none": write(Net(objectness_bias=math.nan)),
    "no metadata": write(Net(metadata=None)),
    "blind": write(Net(objectness_bias=-300.0)),
    "manifest spoilt": spoil_the_manifest,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_that_must_not_run_leaves_the_previous_one_running_with_the_reason(tmp_path: Path, fault: str) -> None:
    folder = old_and_new(tmp_path / "models")
    open_detector("old", kept=tmp_path / "bundles", folder=folder)
    FAULTS[fault](folder / "new.onnx")
    opened = open_detector("new", kept=tmp_path / "bundles", folder=folder)
    assert opened.detector.bundle.version == "2026.1.1"
    assert len(opened.detector(picture_with([(8, 8, BLUE)]))) == 1
    assert opened.refused is not None
    assert "\n" not in opened.refused
    assert "; " in opened.refused  # what to do
    with pytest.raises(BundleError):  # a node with no previous one
        open_detector("new", kept=tmp_path / "none", folder=folder)


def test_the_same_release_runs_from_its_copy_when_its_own_file_was_damaged(tmp_path: Path) -> None:
    folder = old_and_new(tmp_path / "models")
    open_detector("old", kept=tmp_path / "bundles", folder=folder)
    open_detector("new", kept=tmp_path / "bundles", folder=folder)
    flip_a_bit(0.5)(folder / "new.onnx")
    opened = open_detector("new", kept=tmp_path / "bundles", folder=folder)
    assert opened.detector.bundle.version == "2026.2.2"
    assert "sha256 differs" in str(opened.refused)


def test_a_copy_that_was_damaged_too_is_passed_over(tmp_path: Path) -> None:
    folder, kept = old_and_new(tmp_path / "models"), tmp_path / "bundles"
    open_detector("old", kept=kept, folder=folder)
    open_detector("new", kept=kept, folder=folder)
    flip_a_bit(0.5)(folder / "new.onnx")
    flip_a_bit(0.5)(next(kept.glob("new-*.onnx")))
    assert open_detector("new", kept=kept, folder=folder).detector.bundle.version == "2026.1.1"


def test_a_model_that_starts_well_is_not_refused_and_is_kept_once(tmp_path: Path) -> None:
    folder, kept = old_and_new(tmp_path / "models"), tmp_path / "bundles"
    assert open_detector("new", kept=kept, folder=folder).refused is None
    before = {path: path.stat().st_mtime_ns for path in kept.iterdir()}
    open_detector("new", kept=kept, folder=folder)
    assert {path: path.stat().st_mtime_ns for path in kept.iterdir()} == before  # the card wears


def test_two_models_are_kept_the_newest_last_and_nothing_else(tmp_path: Path) -> None:
    nets = {name: Net(metadata=facts(version=name)) for name in ("a", "b", "c")}
    folder, kept = write_release(tmp_path / "models", nets), tmp_path / "bundles"
    for name in ("a", "b", "c", "b"):
        open_detector(name, kept=kept, folder=folder)
    names = list(json.loads((kept / "manifest.json").read_text())["bundles"])
    assert [name[0] for name in names] == ["c", "b"]
    assert sorted(path.name[0] for path in kept.glob("*.onnx")) == ["b", "c"]
    assert len(list(kept.iterdir())) == 5  # two models, two golden pictures, the manifest


def test_a_kept_copy_that_is_asked_for_by_its_path_stays_as_it_is(tmp_path: Path) -> None:
    folder, kept = old_and_new(tmp_path / "models"), tmp_path / "bundles"
    for name in ("old", "new"):
        open_detector(name, kept=kept, folder=folder)
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    (tmp_path / "link").symlink_to(kept)
    (copy,) = kept.glob("old-*.onnx")
    for path in (copy, tmp_path / "link" / copy.name):
        opened = open_detector(path, kept=kept, folder=folder)
        assert (opened.refused, opened.detector.bundle.version) == (None, "2026.1.1")
        assert {path.name: path.read_bytes() for path in kept.iterdir()} == before


def test_a_copy_that_a_power_cut_left_unfinished_does_no_harm(tmp_path: Path) -> None:
    folder, kept = old_and_new(tmp_path / "models"), tmp_path / "bundles"
    open_detector("old", kept=kept, folder=folder)
    (kept / "new-00000000.onnx.new").write_bytes(b"half of it")
    (kept / "new-00000000.onnx").write_bytes(b"whole, but the manifest was not written yet")
    cut_off(folder / "new.onnx")
    assert open_detector("new", kept=kept, folder=folder).detector.bundle.version == "2026.1.1"


def test_a_node_that_cannot_write_its_copies_still_looks(tmp_path: Path) -> None:
    (tmp_path / "bundles").write_text("a file where the folder should be")
    opened = open_detector("new", kept=tmp_path / "bundles", folder=old_and_new(tmp_path / "models"))
    assert opened.refused is None


def test_a_name_nobody_knows_falls_back_as_well_and_is_wrong_use_on_a_new_node(tmp_path: Path) -> None:
    folder, kept = old_and_new(tmp_path / "models"), tmp_path / "bundles"
    with pytest.raises(UsageError):
        open_detector("rats", kept=kept, folder=folder)
    open_detector("old", kept=kept, folder=folder)
    assert "'rats'" in str(open_detector("rats", kept=kept, folder=folder).refused)


def test_a_file_outside_the_manifest_runs_but_is_not_kept(tmp_path: Path) -> None:
    path = write_model(tmp_path / "mine.onnx")
    assert open_detector(path, kept=tmp_path / "bundles", folder=old_and_new(tmp_path / "models")).refused is None
    assert not (tmp_path / "bundles").exists()
