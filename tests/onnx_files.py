"""Real, tiny ONNX models whose right answer can be worked out on paper: they see squares of pure colour.

Class 0 is blue, class 1 is red. A grid point of stride s whose s x s pixels are all of one of the two colours gives a
box of exactly these pixels with confidence sigmoid(12) * sigmoid(12); anything else gives next to nothing.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LABELS = ("Pieris", "Aleyrodidae")
BLUE, RED = (255, 0, 0), (0, 0, 255)  # BGR
SURE = 12.0  # logit of a square that is all of one colour,
LESS = 0.4  # and of its second name


def facts(labels: Sequence[str] = LABELS, **changes: Any) -> dict[str, Any]:
    """Metadata of a good bundle, with some entries changed."""
    classes = [
        {"label": label, "eppo": "", "threshold": 0.5, "precision": 0.9, "recall": 0.8, "ap50": 0.85, "support": 20}
        for label in labels
    ]
    return {
        "format": 1,
        "name": "squares",
        "version": "2026.1.1",
        "head": "yolox",
        "precision": "fp32",
        "input": {"side_px": 64, "colour": "BGR", "mean": [0, 0, 0], "std": [1, 1, 1], "pad": 114},
        "strides": [8, 16],
        "nms_iou": 0.6,
        "temperature": 1.0,
        "classes": classes,
        "tile": None,
        "training": {"commit": "0" * 40, "command": "none", "start_weights": "none", "datasets": []},
        "metrics": {"map50": 1.0, "map50_95": 1.0, "split": "test", "pictures": 1},
    } | changes


@dataclass(frozen=True)
class Net:
    """What the graph really does, which a test may set apart from what the metadata say."""

    side_px: int = 64
    strides: tuple[int, ...] = (8, 16)
    classes: int = 2
    objectness_bias: float | None = None
    metadata: dict[str, Any] | None = field(default_factory=facts)
    any_size: bool = False  # takes any height and width, as released models do
    same_sides: bool = False  # takes squares of any size, as none does
    two_names: bool = False  # what is blue is class 1, too, at a confidence of 0.6
    leans: bool = False  # what is of both colours is class 1 in the left half of the picture and class 0 in the right


def write_model(path: Path, net: Net = Net()) -> Path:
    """Save the network at `path`."""
    nodes, weights = [], []
    for stride in net.strides:
        kernel, bias = _head(stride, net)
        weights += [numpy_helper.from_array(kernel, f"w{stride}"), numpy_helper.from_array(bias, f"b{stride}")]
        nodes += [
            helper.make_node("Conv", ["image", f"w{stride}", f"b{stride}"], [f"c{stride}"], strides=[stride, stride]),
            helper.make_node("Reshape", [f"c{stride}", "flat"], [f"f{stride}"]),
            helper.make_node("Transpose", [f"f{stride}"], [f"t{stride}"], perm=[0, 2, 1]),
        ]
    weights.append(numpy_helper.from_array(np.array([1, 5 + net.classes, -1], np.int64), "flat"))
    nodes.append(helper.make_node("Concat", [f"t{s}" for s in net.strides], ["seen" if net.leans else "raw"], axis=1))
    if net.leans:
        weights.append(numpy_helper.from_array(_leaning(net), "leaning"))
        nodes.append(helper.make_node("Add", ["seen", "leaning"], ["raw"]))
    sides = ["height", "width"] if net.any_size else ["side"] * 2 if net.same_sides else [net.side_px] * 2
    graph = helper.make_graph(
        nodes,
        "squares",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *sides])],
        [helper.make_tensor_value_info("raw", TensorProto.FLOAT, None)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if net.metadata is not None:
        helper.set_model_props(model, {"fieldeye": json.dumps(net.metadata)})
    onnx.save(model, path)
    return path


def _head(stride: int, net: Net) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Convolution (5 + C, 3, stride, stride) and bias (5 + C,) of one level; a mean over the cell times a gain."""
    kernel = np.zeros((5 + net.classes, 3, stride, stride), np.float32)
    bias = np.zeros(5 + net.classes, np.float32)
    bias[:2] = 0.5  # centre of the cell; size e^0 strides
    gain = 20 * SURE / 255 / stride**2  # logit falls from 12 to -12 when a tenth of the cell is of another colour
    kernel[4] = np.array([gain, -gain, gain]).reshape(3, 1, 1)  # blue + red - green
    bias[4] = SURE - 20 * SURE
    kernel[5] = np.array([gain, 0, -gain]).reshape(3, 1, 1)
    kernel[6 % (5 + net.classes)] = np.array([-gain, 0, gain]).reshape(3, 1, 1)
    bias[5:] = SURE - 20 * SURE
    if net.two_names:
        kernel[6], bias[6] = kernel[5], bias[5] - SURE + LESS
    if net.objectness_bias is not None:
        bias[4] = net.objectness_bias
    return kernel, bias


def _leaning(net: Net) -> np.ndarray[Any, Any]:
    """(points, 5 + C) added to the logits."""
    is_right = np.concatenate([np.tile(np.arange(n) >= n / 2, n) for n in (net.side_px // s for s in net.strides)])
    leaning = np.zeros((len(is_right), 5 + net.classes), np.float32)
    leaning[:, 5], leaning[:, 6] = 20 * SURE * is_right, 20 * SURE * ~is_right
    return leaning


SQUARE_PX = 8


def picture_with(
    squares: list[tuple[int, int, tuple[int, int, int]]], width_px: int = 64, height_px: int = 64
) -> np.ndarray[Any, Any]:
    """A grey picture with squares of SQUARE_PX at (left, top) in a colour (BGR)."""
    picture = np.full((height_px, width_px, 3), 114, np.uint8)
    for left, top, colour in squares:
        picture[top : top + SQUARE_PX, left : left + SQUARE_PX] = colour
    return picture


GOLDEN_SQUARES = [(8, 16, BLUE), (40, 48, RED)]
GOLDEN = [  # worked out on paper: sigmoid(12)^2 = 0.99999
    {"label": "Pieris", "confidence": 1.0, "xyxy": [8, 16, 16, 24]},
    {"label": "Aleyrodidae", "confidence": 1.0, "xyxy": [40, 48, 48, 56]},
]


def write_release(folder: Path, nets: dict[str, Net] | None = None) -> Path:
    """A folder of models as it is released: files, golden picture, manifest with true hashes. Returns the folder."""
    (folder / "golden").mkdir(parents=True)
    picture = folder / "golden" / "squares.png"
    picture.write_bytes(cv2.imencode(".png", picture_with(GOLDEN_SQUARES))[1].tobytes())
    golden = {"image": "golden/squares.png", "sha256": sha256_of(picture), "detections": GOLDEN}
    bundles = {}
    for name, net in (nets or {"squares": Net()}).items():
        file = write_model(folder / f"{name}.onnx", net)
        bundles[name] = {
            "file": file.name,
            "sha256": sha256_of(file),
            "bytes": file.stat().st_size,
            "version": "2026.1.1",
            "precision": "fp32",
            "metrics": {"map50": 1.0},
            "golden": golden,
        }
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "bundles": bundles}))
    return folder


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
