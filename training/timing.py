"""What a shipped file costs beside the network it started from, all in turns of one run."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper

from edge.bench import turns_ms
from edge.boxes import Image
from training.figures import Cost
from training.looks import Looks
from training.onnx_file import INPUT, export_onnx
from training.weights import load_folded

START = Path("../shared/weights/yolox_nano_coco.npz")
START_PX, START_CLASSES = 416, 80
CAMERA_PX, CARD_PX = (640, 480), (2592, 1944)
ROUNDS, CARD_ROUNDS = 40, 8


def costs(looks: Sequence[Looks], picture: Image, start: Path = START) -> list[Cost]:
    """Of each file, on `picture` at a camera's size; a file that looks at tiles is given a whole card."""
    is_tiled = any(one.bundle.tile for one in looks)
    width_px, height_px = CARD_PX if is_tiled else CAMERA_PX
    sized = np.asarray(cv2.resize(picture, (width_px, height_px)), np.uint8)
    works: dict[str, Callable[[], object]] = {}
    for one in looks:
        works[f"{one.path} whole"] = lambda one=one: one.detector(sized)  # type: ignore[misc]  # mypy infers no default
        works[f"{one.path} bare"] = one.detector.infer
    bare_start = bare_network(start) if start.is_file() else None
    if bare_start:
        works["start"] = bare_start
    ms = turns_ms(works, CARD_ROUNDS if is_tiled else ROUNDS)
    return [
        Cost(
            size_bytes=one.bundle.size_bytes, width_px=width_px, height_px=height_px,
            ms=ms[f"{one.path} whole"], bare_ms=ms[f"{one.path} bare"], start_ms=ms.get("start"),
        )
        for one in looks
    ]  # fmt: skip


def bare_network(weights: Path) -> Callable[[], object]:
    """One run of YOLOX-Nano as it was published, SiLU included, at 416 px on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "start.onnx"
        export_onnx(load_folded(weights, START_CLASSES), path, START_PX)
        content = with_silu(onnx.load(path)).SerializeToString()
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    picture = np.full((1, 3, START_PX, START_PX), 114, np.float32)
    return lambda: session.run(None, {INPUT: picture})


def with_silu(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with x * sigmoid(x) in place of every Relu: the published network has it, ours need not."""
    nodes = []
    for node in model.graph.node:
        if node.op_type != "Relu":
            nodes.append(node)
            continue
        (into,), (out,) = node.input, node.output
        nodes.append(helper.make_node("Sigmoid", [into], [f"{out}/sigmoid"]))
        nodes.append(helper.make_node("Mul", [into, f"{out}/sigmoid"], [out]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
