"""A network in the layout of Ultralytics' YOLOv8, as a bundle that a node runs."""

from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.bundle import MANIFEST, load_bundle
from edge.detector import Detector
from edge.errors import BundleError, ConfigError
from training.config import DatasetConfig, TrainConfig
from training.evaluate import evaluate
from training.export import choose_again, export_again
from training.ultralytics import as_bundle

SIDE_PX, POINTS, LABELS = 416, 52 * 52 + 26 * 26 + 13 * 13, 6


@pytest.fixture
def config(tiny_config: TrainConfig) -> TrainConfig:
    sets = (DatasetConfig(name="rice-pests", annotation="yolo"),)
    return msgspec.structs.replace(tiny_config, datasets=sets, bundle="theirs", side_px=SIDE_PX)


def theirs(path: Path, labels: int = LABELS, kind: int = TensorProto.FLOAT, opset: int = 17, names: str = "") -> Path:
    """It sees two boxes where there is red, of what comes as RGB of 0 to 1."""
    boxes, scores = np.zeros((1, 4, POINTS), np.float32), np.zeros((1, labels, POINTS), np.float32)
    for point, box, class_id in ((20 * 52 + 3, (28, 164, 40, 20), 2), (2704 + 676 + 14, (60, 50, 100, 30.5), 5)):
        boxes[0, :, point], scores[0, class_id, point] = box, 0.999  # centre, width and height, in px
    steps = [
        helper.make_node("ReduceMean", ["images"], ["colour"], axes=[2, 3], keepdims=0),
        helper.make_node("Gather", ["colour", "first"], ["red"], axis=1),
        helper.make_node("Greater", ["red", "a fifth"], ["much"]),
        helper.make_node("Cast", ["much"], ["is red"], to=kind),
        helper.make_node("Mul", ["scores", "is red"], ["sure"]),
        helper.make_node("Concat", ["boxes", "sure"], ["output0"], axis=1),
    ]
    numbers = {"boxes": boxes, "scores": scores, "first": np.array([0]), "a fifth": np.array(0.2, np.float32)}
    graph = helper.make_graph(
        steps,
        "main_graph",
        [helper.make_tensor_value_info("images", kind, [1, 3, SIDE_PX, SIDE_PX])],
        [helper.make_tensor_value_info("output0", kind, [1, 4 + labels, POINTS])],
        [numpy_helper.from_array(value, name) for name, value in numbers.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    helper.set_model_props(model, {"names": names})
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("opset", [11, 17])
def test_a_network_of_ultralytics_tells_its_boxes_on_a_node(config: TrainConfig, tmp_path: Path, opset: int) -> None:
    path = as_bundle(config, theirs(tmp_path / "best.onnx", opset=opset), tmp_path / "models")
    detector = Detector(load_bundle(path))
    found = detector(np.full((SIDE_PX, SIDE_PX, 3), (0, 0, 255), np.uint8))
    assert [detector.bundle.labels[one] for one in found.class_id] == ["Cnaphalocrocis medinalis", "Delphacidae"]
    assert found.xyxy == pytest.approx(np.array([[8, 154, 48, 174], [10, 34.75, 110, 65.25]]), abs=0.01)
    assert found.confidence == pytest.approx(0.999, abs=1e-4)
    assert len(detector(np.full((SIDE_PX, SIDE_PX, 3), (255, 0, 0), np.uint8))) == 0


def test_a_network_of_ultralytics_is_measured_without_an_int8_file(config: TrainConfig, tmp_path: Path) -> None:
    models = tmp_path / "models"
    path = as_bundle(config, theirs(tmp_path / "best.onnx"), models)
    assert choose_again(config, models, tmp_path) == [path]
    (figures,) = evaluate(config, models)
    assert (figures.file, load_bundle(path).metrics is not None) == ("theirs.onnx", True)
    assert '"theirs-int8"' not in (models / MANIFEST).read_text()
    assert "`best` (a network from elsewhere, under its author's licence)" in (models / "cards/theirs.md").read_text()
    with pytest.raises(ConfigError, match=r"was not trained here, so it is not written again"):
        export_again(config, models, tmp_path)


def not_onnx(path: Path) -> Path:
    path.write_bytes(b"PK\x03\x04 a best.pt")
    return path


def without_its_weights(path: Path) -> Path:
    model = onnx.load(theirs(path))
    onnx.save(model, path, save_as_external_data=True, location="other.data", size_threshold=0)
    path.with_name("other.data").unlink()
    return path


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda path: theirs(path, labels=80), r"gives \[\[1, 84, 3549\]\], .*, and give the 6 classes"),
        (
            lambda path: theirs(path, kind=TensorProto.FLOAT16),
            r"takes \[\[\]\] .* without nms, end2end, dynamic and half",
        ),
        (
            lambda path: theirs(path, names="{0: 'wereng pada daun padi', 1: 'slug'}"),
            r"class 0 is 'wereng pada daun padi' and would be told as Acrididae; bring the rows of classes.csv into",
        ),
        (without_its_weights, "no ONNX file, or not whole; export it with `yolo export format=onnx`"),
        (not_onnx, "no ONNX file, or not whole; export it with `yolo export format=onnx`"),
    ],
)
def test_a_network_of_another_layout_is_refused_and_leaves_the_bundle_as_it_was(
    made: object, says: str, config: TrainConfig, tmp_path: Path
) -> None:
    as_bundle(config, theirs(tmp_path / "best.onnx"), tmp_path)
    before = (tmp_path / "theirs.onnx").read_bytes()
    with pytest.raises(ConfigError, match=says):
        as_bundle(config, made(tmp_path / "other.onnx"), tmp_path)  # type: ignore[operator]
    assert (tmp_path / "theirs.onnx").read_bytes() == before


def test_a_network_that_was_not_made_a_bundle_first_is_called_none_before_it_is_measured(
    config: TrainConfig, tmp_path: Path
) -> None:
    theirs(tmp_path / "theirs.onnx")
    with pytest.raises(BundleError, match=r"theirs\.onnx: not a Fieldeye model .* see training/README\.md"):
        evaluate(config, tmp_path)
