"""The leaf reader on a real, tiny network that knows three colours: white ground, green leaf, red lesion."""

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.bundle import MANIFEST
from edge.errors import BundleError, UsageError
from edge.leaf_network import LeafReader, find_leaf
from tests.onnx_files import sha256_of

SIDE_PX, CELLS = 128, 32
WHITE, GREEN, RED = (255, 255, 255), (0, 255, 0), (0, 0, 255)  # BGR


def facts(**changes):
    return {
        "format": 1, "name": "leaf", "version": "2026.1.1", "head": "leaf", "crop": "coffee",
        "input": {"side_px": SIDE_PX, "colour": "BGR", "mean": [0, 0, 0], "std": [1, 1, 1], "pad": 255},
        "stresses": [{"label": "", "eppo": ""}, {"label": "Hemileia vastatrix", "eppo": "HEMIVA"}],
        "floor": 0.0, "slope": 1.0, "limits": [0.001, 0.05, 0.10, 0.15], "source": "a test",
        "training": {"commit": "0", "command": "none", "start_weights": "none", "datasets": []}, "metrics": None,
    } | changes  # fmt: skip


def write_network(path: Path, **changes) -> Path:
    """Shares by the colour of each cell; sick when the picture has more red than blue."""
    sharp = 0.2  # logits of tens: a cell of one colour is wholly that
    colours = np.array([[1, 1, 1], [-1, 2, -1], [-1, -1, 2]], np.float32) * sharp  # ground, leaf, lesion over B, G, R
    bias = np.array([-300, 0, 0], np.float32) * sharp
    ruling = np.array([[1, 0, -1], [-1, 0, 1]], np.float32)
    weights = [
        numpy_helper.from_array(colours.reshape(3, 3, 1, 1), "colours"), numpy_helper.from_array(bias, "bias"),
        numpy_helper.from_array(ruling.reshape(2, 3, 1, 1), "ruling"),
    ]  # fmt: skip
    nodes = [
        helper.make_node("AveragePool", ["image"], ["cells"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Conv", ["cells", "colours", "bias"], ["masks"]),
        helper.make_node("Softmax", ["masks"], ["shares"], axis=1),
        helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
        helper.make_node("Conv", ["mean", "ruling"], ["ruled"]),
        helper.make_node("Flatten", ["ruled"], ["flat"]),
        helper.make_node("Softmax", ["flat"], ["stress"], axis=1),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIDE_PX, SIDE_PX])
    outputs = [
        helper.make_tensor_value_info("shares", TensorProto.FLOAT, [1, 3, CELLS, CELLS]),
        helper.make_tensor_value_info("stress", TensorProto.FLOAT, [1, 2]),
    ]
    graph = helper.make_graph(nodes, "leaf", [image], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"fieldeye": json.dumps(facts(**changes))})
    onnx.save(model, path)
    return path


@pytest.fixture
def network(tmp_path):
    return write_network(tmp_path / "leaf.onnx")


def leaf(lesions: int):
    """A green leaf of 128x256 px on white, with so many red squares of 32 px, each 1/32 of it."""
    image = np.full((256, 512, 3), WHITE, np.uint8)
    cv2.rectangle(image, (128, 64), (383, 191), GREEN, cv2.FILLED)
    for number in range(lesions):
        left, top = 128 + 32 * (number % 8), 64 + 32 * (number // 8)
        cv2.rectangle(image, (left, top), (left + 31, top + 31), RED, cv2.FILLED)
    return image


@pytest.mark.parametrize(("lesions", "grade"), [(0, 0), (1, 1), (2, 2), (4, 3), (8, 4)])
def test_severity_is_the_lesions_share_of_the_leaf_and_its_grade_that_of_the_scale(network, lesions, grade):
    told = LeafReader(network)(leaf(lesions))
    assert told.leaf == pytest.approx(0.25, abs=0.01)
    assert told.severity == pytest.approx(lesions / 32, abs=0.005)
    assert told.grade == grade
    assert told.stress == ("Hemileia vastatrix" if lesions else told.stress)


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2)])
def test_a_leaf_has_no_top(network, axes):
    reader = LeafReader(network)
    image = leaf(3)[:248].transpose(axes)  # fifteen and a half cells high, or wide
    seen = [reader(np.ascontiguousarray(view)) for view in (image, image[::-1], image[:, ::-1])]
    assert [one.severity for one in seen] == pytest.approx([seen[0].severity] * 3, abs=1e-5)


def test_what_is_seen_on_a_healthy_leaf_is_taken_off(tmp_path):
    reader = LeafReader(write_network(tmp_path / "leaf.onnx", floor=0.03125, slope=1.5))
    assert reader(leaf(1)).severity == pytest.approx(0, abs=0.005)
    assert reader(leaf(3)).severity == pytest.approx(1.5 * 2 / 32, abs=0.01)


def test_severity_is_a_share_whatever_the_floor_and_slope(tmp_path):
    reader = LeafReader(write_network(tmp_path / "leaf.onnx", floor=0.25, slope=8.0))
    assert [reader(leaf(lesions)).severity for lesions in (0, 16)] == [0.0, 1.0]


def test_how_sure_the_network_is_of_the_stress_is_told(network):
    told = LeafReader(network)(leaf(1))
    redder = 255 / 256  # one lesion, of 32x32 in a square of 512x512 px, is red and has no blue
    assert told.confidence == pytest.approx(1 / (1 + np.exp(-2 * redder)), abs=0.01)
    assert LeafReader(network)(leaf(0)).confidence == pytest.approx(0.5, abs=0.01)


def test_a_network_of_other_stresses_than_it_names_is_refused(tmp_path):
    three = [{"label": name, "eppo": ""} for name in ("", "one", "other")]
    with pytest.raises(BundleError, match="not masks and a stress"):
        LeafReader(write_network(tmp_path / "leaf.onnx", stresses=three))(leaf(1))


def test_a_network_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BundleError, match=r"none\.onnx: cannot be read"):
        LeafReader(tmp_path / "none.onnx")


def test_a_picture_without_a_leaf_has_no_severity_rather_than_none_sick(network):
    told = LeafReader(network)(np.full((256, 512, 3), WHITE, np.uint8))
    assert (told.severity, told.grade, told.stress) == (None, None, None)


def test_a_scrap_of_a_leaf_is_too_little_to_have_a_severity(network):
    picture = np.full((256, 512, 3), WHITE, np.uint8)
    picture[96:128, 96:128] = GREEN  # 0.8 % of the picture
    told = LeafReader(network)(picture)
    assert told.leaf == pytest.approx(0.008, abs=0.001)
    assert told.severity is None


def released(path: Path, **golden) -> Path:
    """Its folder with a manifest, whose golden picture has two lesions on 1/16 of the leaf."""
    folder, picture = path.parent, path.with_name("golden.png")
    picture.write_bytes(cv2.imencode(".png", leaf(2))[1].tobytes())
    seen = {
        "image": picture.name, "sha256": sha256_of(picture), "severity": 0.0625, "stress": "Hemileia vastatrix",
        "confidence": 1.0,
    } | golden  # fmt: skip
    entry = {
        "file": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size, "version": "2026.1.1",
        "golden": seen,
    }  # fmt: skip
    (folder / MANIFEST).write_text(json.dumps({"format": 1, "bundles": {}, "leaves": {"coffee": entry}}), "utf-8")
    return folder


def test_the_network_of_a_crop_is_found_in_the_manifest(tmp_path, network):
    released(network)
    assert find_leaf("coffee", tmp_path).bundle.crop == "coffee"
    with pytest.raises(UsageError, match=r"no leaf network for 'tea' .*\(coffee\)"):
        find_leaf("tea", tmp_path)


@pytest.mark.parametrize(
    "golden", [{"severity": 0.1}, {"stress": ""}, {"confidence": 0.5}, {"sha256": "0" * 64}, {"image": "none.png"}]
)
def test_a_network_that_no_longer_sees_what_it_did_or_lost_its_picture_is_refused(tmp_path, network, golden):
    released(network, **golden)
    with pytest.raises(BundleError, match=golden.get("image", "golden.png")):
        find_leaf("coffee", tmp_path)


def test_a_flipped_bit_is_refused(tmp_path, network):
    released(network)
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    network.write_bytes(content)
    with pytest.raises(BundleError, match=r"not the file in manifest\.json"):
        find_leaf("coffee", tmp_path)


def test_a_detector_is_no_leaf_network(tmp_path):
    with pytest.raises(BundleError, match="not a leaf network"):
        LeafReader(write_network(tmp_path / "other.onnx", head="yolox"))
