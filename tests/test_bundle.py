"""What a model file says of itself is read strictly, from the file alone."""

from pathlib import Path
from typing import Any

import onnx
import pytest

from edge.bundle import Tile, find_bundle, load_bundle, load_manifest, load_release
from edge.errors import BundleError, UsageError
from tests.onnx_files import LABELS, Net, facts, sha256_of, write_model, write_release


def test_a_good_file_tells_all_that_a_node_needs(tmp_path: Path) -> None:
    path = write_model(tmp_path / "a.onnx", Net(metadata=facts(tile={"side_px": 416, "overlap_px": 64})))
    bundle = load_bundle(path)
    assert (bundle.name, bundle.version, bundle.head, bundle.precision) == ("squares", "2026.1.1", "yolox", "fp32")
    assert bundle.labels == LABELS
    assert bundle.thresholds.tolist() == [0.5, 0.5]
    assert bundle.tile == Tile(side_px=416, overlap_px=64)
    assert bundle.points(64, 32) == 8 * 4 + 4 * 2
    assert (bundle.sha256, bundle.size_bytes) == (sha256_of(path), path.stat().st_size)


def test_metadata_are_found_behind_those_of_other_programs(tmp_path: Path) -> None:
    path = write_model(tmp_path / "a.onnx")
    model = onnx.load(path)
    own = model.metadata_props[0].value
    onnx.helper.set_model_props(model, {"author": "fieldeye", "fieldeye": own, "zzz": "fieldeye"})
    onnx.save(model, path)
    assert load_bundle(path).name == "squares"


@pytest.mark.parametrize("key", sorted(facts()))
def test_a_fact_that_is_missing_is_never_guessed(tmp_path: Path, key: str) -> None:
    known = facts()
    del known[key]
    with pytest.raises(BundleError, match=f"a.onnx: .*`{key}`.*;"):
        load_bundle(write_model(tmp_path / "a.onnx", Net(metadata=known)))


def class_with(**changes: Any) -> dict[str, Any]:
    return {"classes": [facts()["classes"][0] | changes]}


def input_with(**changes: Any) -> dict[str, Any]:
    return {"input": facts()["input"] | changes}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": 2}, "format"),
        ({"precision": "fp8"}, "precision"),
        (input_with(side_px="64"), "side_px"),
        (input_with(side_px=60), "strides must divide"),
        (input_with(side_px=8192), "32 to 4096"),
        (input_with(colour="YUV"), "colour"),
        (input_with(mean=[0, 0]), "mean"),
        (input_with(std=[1, 0, 1]), "std must not be 0"),
        (input_with(pad=300), "pad must be"),
        ({"strides": []}, "strides"),
        ({"strides": [0]}, "strides"),
        ({"nms_iou": 0}, "nms_iou"),
        ({"temperature": 0}, "temperature"),
        ({"classes": []}, "labels"),
        ({"classes": facts()["classes"] + facts()["classes"]}, "labels must be given once"),
        (class_with(label="稻" * 81), "at most 80 letters"),
        (class_with(eppo="x" * 81), "at most 80 letters"),
        ({"name": "x" * 81}, "at most 80 letters"),
        ({"version": "x" * 81}, "at most 80 letters"),
        (class_with(threshold=0), "threshold"),
        (class_with(threshold=None), "threshold"),
        (class_with(precision="good"), "precision"),
        ({"tile": {"side_px": 64, "overlap_px": 64}}, "larger than its overlap"),
        ({"tile": {"side_px": 64}}, "overlap_px"),
        ({"tile": {"side_px": 64, "overlap_px": 8, "picture_px": 0}}, "picture_px must be above 0"),
    ],
)
def test_a_fact_that_cannot_be_is_refused_by_its_name(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(BundleError, match=says):
        load_bundle(write_model(tmp_path / "a.onnx", Net(metadata=facts(**changes))))


def test_what_only_later_software_knows_of_how_to_look_is_refused_and_what_else_it_tells_is_passed_over(
    tmp_path: Path,
) -> None:
    tile = {"side_px": 416, "overlap_px": 64}
    later = facts(tile=tile | {"in_mm": True}, **input_with(gamma=2.2), **class_with(by_night=0.2), told="later")
    says = r"a\.onnx: .*does not know \(classes\.by_night, input\.gamma, tile\.in_mm\); update fieldeye first"
    with pytest.raises(BundleError, match=says):
        load_bundle(write_model(tmp_path / "a.onnx", Net(metadata=later)))
    assert load_bundle(write_model(tmp_path / "a.onnx", Net(metadata=facts(told="later")))).labels == LABELS


def test_accuracy_that_nobody_measured_is_absent_not_zero(tmp_path: Path) -> None:
    unmeasured = facts(metrics=None, **class_with(precision=None, recall=None, ap50=None))
    bundle = load_bundle(write_model(tmp_path / "a.onnx", Net(metadata=unmeasured)))
    assert bundle.metrics is None
    assert bundle.classes[0].recall is None


def test_a_file_without_metadata_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no metadata .*; .*, or see training/README\.md"):
        load_bundle(write_model(tmp_path / "a.onnx", Net(metadata=None)))


NESTED = onnx.StringStringEntryProto(key="fieldeye", value='{"name":' * 9999)
NO_MODELS = [
    b"", b"not a model", b"\xff" * 100, bytes(1000), b"\x3a\xff\xff\xff\xff\x7f",
    onnx.ModelProto(metadata_props=[NESTED]).SerializeToString(),
]  # fmt: skip


@pytest.mark.parametrize("content", NO_MODELS)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"a\.onnx"):
        load_bundle(path)


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write_model(tmp_path / "a.onnx").read_bytes()
    for length in range(0, len(whole), 997):
        (tmp_path / "b.onnx").write_bytes(whole[:length])
        with pytest.raises(BundleError):
            load_bundle(tmp_path / "b.onnx")
    (tmp_path / "b.onnx").write_bytes(whole[:-3])
    with pytest.raises(BundleError, match="ends too early"):
        load_bundle(tmp_path / "b.onnx")


def test_a_file_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No such file"):
        load_bundle(tmp_path / "none.onnx")


def test_a_release_is_found_by_name_before_a_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_release(tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "squares").write_bytes(b"something else")
    release = find_bundle("squares", folder)
    assert release.path == folder / "squares.onnx"
    assert load_release(release).labels == LABELS


def test_a_file_outside_the_manifest_has_nothing_to_vouch_for_it(tmp_path: Path) -> None:
    path = write_model(tmp_path / "mine.onnx")
    release = find_bundle(path, write_release(tmp_path / "models"))
    assert (release.name, release.path, release.entry) == ("mine", path, None)


def test_a_file_named_by_its_path_is_checked_by_the_manifest_beside_it(tmp_path: Path) -> None:
    path = write_release(tmp_path / "mine") / "squares.onnx"
    release = find_bundle(path, write_release(tmp_path / "models"))
    assert (release.name, release.path, load_release(release).labels) == ("squares", path, LABELS)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(BundleError, match=r"mine/squares\.onnx: not the file in .*; copy the file again [a-z ]+$"):
        load_release(release)


def test_a_name_nobody_knows_is_wrong_use_and_the_known_names_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'rats'.*squares"):
        find_bundle("rats", write_release(tmp_path / "models"))


def test_one_flipped_bit_anywhere_in_a_released_file_is_noticed(tmp_path: Path) -> None:
    folder = write_release(tmp_path / "models")
    release = find_bundle("squares", folder)
    whole = release.path.read_bytes()
    for place in [0, 10, len(whole) // 3, len(whole) // 2, len(whole) - 1]:
        spoilt = bytearray(whole)
        spoilt[place] ^= 1
        release.path.write_bytes(bytes(spoilt))
        with pytest.raises(BundleError, match=r"sha256 differs\); copy"):
            load_release(release)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": 2, "bundles": {}}', '{"format": 1, "bundles": {"a": {}}}', '{"a":' * 9999]
)
def test_a_manifest_that_is_not_one_is_refused_with_its_path(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load_manifest(tmp_path)
