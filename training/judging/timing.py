"""What a shipped file costs beside the network it started from, all in turns of one run."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from edge.bench import in_turns
from edge.boxes import Image
from training.judging.figures import Cost
from training.judging.looks import Looks
from training.model import with_activation
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
    rounds = CARD_ROUNDS if is_tiled else ROUNDS
    ms = {name: took.processor_ms for name, took in in_turns(works, rounds).items()}
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
        export_onnx(with_activation(load_folded(weights, [""] * START_CLASSES), "silu"), path, START_PX)
        content = path.read_bytes()
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    picture = np.full((1, 3, START_PX, START_PX), 114, np.float32)
    return lambda: session.run(None, {INPUT: picture})
