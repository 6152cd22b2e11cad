"""A network that Ultralytics trained, as a bundle: `python -m training.ultralytics training/configs/NAME.toml FILE`.

What `yolo export format=onnx` writes of YOLOv8, 11, 12 and 26 (8.4.190) takes RGB of 0 to 1 and gives
(1, 4 + classes, points): boxes in px and scores. Before and behind it come the few nodes that make it take and give
what `edge.detector` knows. The classes are those of the configuration's datasets, in the network's order.
"""

import argparse
import re
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper, parser

from edge.bundle import MODELS, load_bundle
from edge.detector import Detector
from edge.errors import ConfigError
from training.checkpoints import current_commit
from training.classes import CLASSES_CSV, ClassTable, read_classes
from training.command import finish
from training.config import TrainConfig, read_config
from training.facts import as_made, command_of, dataset_facts
from training.model import STRIDES
from training.onnx_file import ELSEWHERE, bundle_paths, in_place_of, write_facts
from training.weights import NOT_ONNX

CERTAIN = 15  # the objectness, a logit, of what has none
BEFORE = """before (float[1] image) => (float[1] TAKES) {
    rgb = Gather <axis = 1> (image, red_first)
    TAKES = Div (rgb, levels)
}"""
BEHIND = """behind (float[1] GIVES) => (float[1] raw) {
    centre = Gather <axis = 1> (GIVES, first)
    size = Gather <axis = 1> (GIVES, second)
    score = Gather <axis = 1> (GIVES, others)
    cells = Div (centre, stride)
    t_xy = Sub (cells, grid)
    strides = Div (size, stride)
    some = Max (strides, least)
    t_wh = Log (some)
    share = Clip (score, least, most)
    rest = Sub (one, share)
    odds = Div (share, rest)
    logit = Log (odds)
    columns = Concat <axis = 1> (t_xy, t_wh, certain, logit)
    raw = Transpose <perm = [0, 2, 1]> (columns)
}"""


def as_bundle(config: TrainConfig, source: Path, models: Path) -> Path:
    """Write the float32 file of the bundle; nothing is chosen or measured yet. Raises ConfigError, BundleError."""
    classes, path = read_classes(config.labelled), bundle_paths(models, config.bundle)["fp32"]
    training = {
        "commit": current_commit(),
        "command": f"{command_of(config).replace('training.train', ELSEWHERE)} {source.name}",
        "start_weights": source.stem,
        "datasets": [dataset_facts(name) for name in config.labelled],
    }
    theirs = _read(source)
    network = _wrapped(theirs, config.side_px, len(classes.labels), source)
    _check_order(theirs, classes, source)
    models.mkdir(parents=True, exist_ok=True)
    with in_place_of(path) as folder:
        made = folder / path.name
        onnx.save(network, made)
        write_facts(made, as_made(config, classes, training))
        Detector(load_bundle(made))  # does it run?
    return path


def _read(source: Path) -> onnx.ModelProto:
    try:
        return onnx.load(source)
    except NOT_ONNX as why:
        raise ConfigError(f"{source}: no ONNX file, or not whole; export it with `yolo export format=onnx`") from why


def _wrapped(network: onnx.ModelProto, side_px: int, classes: int, source: Path) -> onnx.ModelProto:
    """The network between the nodes before and behind it. Raises ConfigError for another layout."""
    network = compose.add_prefix(network, "its_")
    across = [side_px // stride for stride in STRIDES]
    grids = [np.stack(np.divmod(np.arange(n * n), n)[::-1], axis=1) for n in across]  # x, y of each point
    points = sum(map(len, grids))
    graph = network.graph
    takes, gives = _shapes(graph.input), _shapes(graph.output)
    if (takes, gives) != ([[1, 3, side_px, side_px]], [[1, 4 + classes, points]]):
        raise ConfigError(
            f"{source}: takes {takes} and gives {gives}, not [1, 3, {side_px}, {side_px}] and "
            f"[1, {4 + classes}, {points}] as float32; export a network of the task detect with imgsz={side_px}, "
            f"without nms, end2end, dynamic and half, and give the {classes} classes that it was trained with"
        )
    numbers = {
        "grid": np.concatenate(grids).T, "stride": np.repeat(STRIDES, np.square(across)),
        "certain": np.full((1, 1, points), CERTAIN), "levels": 255, "least": 1e-6, "most": 1 - 1e-6, "one": 1,
    }  # fmt: skip
    rows = {"red_first": [2, 1, 0], "first": [0, 1], "second": [2, 3], "others": range(4, 4 + classes)}
    for name, value in numbers.items():
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    for name, places in rows.items():
        graph.initializer.append(numpy_helper.from_array(np.array(places), name))
    first = parser.parse_graph(BEFORE.replace("TAKES", graph.input[0].name)).node
    last = parser.parse_graph(BEHIND.replace("GIVES", graph.output[0].name)).node
    nodes = [*first, *graph.node, *last]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    graph.input.append(helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side_px, side_px]))
    graph.output.append(helper.make_tensor_value_info("raw", TensorProto.FLOAT, [1, points, 5 + classes]))
    return network


def _check_order(network: onnx.ModelProto, classes: ClassTable, source: Path) -> None:
    """Raises ConfigError where the network's own name of a class has another label than the one in its place."""
    told = {one.key: one.value for one in network.metadata_props}.get("names", "")  # {0: 'aphid', 1: 'slug'}
    for place, name in re.findall(r"(\d+): '(.*?)'[,}]", told):
        labels = {label for (_, own), label in classes.label_of.items() if own == name.strip()}
        ours = classes.labels[int(place)]
        if labels and ours not in labels:
            raise ConfigError(
                f"{source}: its class {place} is {name!r} and would be told as {ours}; bring the rows of "
                f"{CLASSES_CSV.name} into the network's order: {told}"
            )


def _shapes(values: list[onnx.ValueInfoProto]) -> list[list[int]]:
    """0 for what has no fixed size; empty for what is no float32."""
    tensors = [one.type.tensor_type for one in values]
    return [[axis.dim_value for axis in one.shape.dim] if one.elem_type == TensorProto.FLOAT else [] for one in tensors]


def main() -> None:
    """Command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    help_ = "names the bundle, the network's side_px, and the datasets whose classes it tells"
    arguments.add_argument("config", type=Path, help=help_)
    arguments.add_argument("network", type=Path, help="say, best.onnx")
    arguments.add_argument("--models", type=Path, default=MODELS, help="where the bundle goes; default: models/")
    given = arguments.parse_args()
    path = as_bundle(read_config(given.config), given.network, given.models)
    print(f"{path}; choose its thresholds now (training.export CONFIG --choose), then measure it (training.evaluate)")


if __name__ == "__main__":
    finish(main)
