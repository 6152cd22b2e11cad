"""What int8 leaves in float32, and the scales of the rest."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

from training.onnx_file import INPUT, OUTPUT, quantise, read_facts, write_facts

NAMES = ("/backbone/stem/conv", "/backbone/dark3/conv", "/neck/conv")


def chain(path: Path, names: tuple[str, ...] = NAMES) -> Path:
    """Convolutions, one after another, named as the detector's are."""
    random = np.random.default_rng(0)
    tensors = [INPUT, *(f"after{index}" for index in range(len(names) - 1)), OUTPUT]
    nodes, weights = [], []
    for index, name in enumerate(names):
        kernel = random.normal(0, 0.5, (3, 3, 3, 3)).astype(np.float32)
        weights += [
            numpy_helper.from_array(kernel, f"w{index}"),
            numpy_helper.from_array(np.zeros(3, np.float32), f"b{index}"),
        ]
        inputs = [tensors[index], f"w{index}", f"b{index}"]
        nodes.append(helper.make_node("Conv", inputs, [tensors[index + 1]], name=name))
    seen = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, 3, 16, 16])
    told = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, 3, *[16 - 2 * len(names)] * 2])
    model = helper.make_model(
        helper.make_graph(nodes, "chain", [seen], [told], weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    onnx.save(model, path)
    return path


def test_facts_written_into_a_file_are_read_back_and_replaced_and_never_touch_its_bytes(tmp_path: Path) -> None:
    path, before = chain(tmp_path / "shipped.onnx"), tmp_path / "before.onnx"
    write_facts(path, {"name": "first"})
    before.hardlink_to(path)
    write_facts(path, {"name": "叶斑病"})
    assert read_facts(path) == {"name": "叶斑病"}
    assert read_facts(before) == {"name": "first"}  # the name moved to a new file


def test_int8_leaves_the_first_blocks_in_float32(tmp_path: Path) -> None:
    pictures = [np.random.default_rng(seed).uniform(0, 255, (1, 3, 16, 16)).astype(np.float32) for seed in range(3)]
    quantise(chain(tmp_path / "float.onnx"), tmp_path / "int8.onnx", pictures)
    graph = onnx.load(tmp_path / "int8.onnx").graph
    dequantised = {output for node in graph.node if node.op_type == "DequantizeLinear" for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert {node.name for node in convolutions if node.input[1] in dequantised} == {
        "/backbone/dark3/conv",
        "/neck/conv",
    }
    assert len(convolutions) == len(NAMES)


@pytest.mark.parametrize(("averaged", "brightest"), [(True, (50 + 100 + 240) / 3), (False, 240)])
def test_a_range_is_the_mean_of_the_pictures_or_the_widest(tmp_path: Path, averaged: bool, brightest: float) -> None:
    pictures = [np.full((1, 3, 16, 16), level, np.float32) for level in (50, 100, 240)]
    model = chain(tmp_path / "float.onnx", names=NAMES[1:])
    quantise(model, tmp_path / "int8.onnx", pictures, averaged=averaged)
    graph = onnx.load(tmp_path / "int8.onnx").graph
    (quantised,) = [node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == INPUT]
    (step,) = [numpy_helper.to_array(one) for one in graph.initializer if one.name == quantised.input[1]]
    assert float(step) * 255 == pytest.approx(brightest, rel=1e-3)


def test_what_a_concat_joins_has_one_scale_that_holds_the_widest(tmp_path: Path) -> None:
    weights = [numpy_helper.from_array(np.full((1, 3, 1, 1), weight, np.float32), f"w{weight}") for weight in (1, 5)]
    weights.append(numpy_helper.from_array(np.ones((1, 2, 1, 1), np.float32), "sum"))
    weights.append(numpy_helper.from_array(np.zeros(1, np.float32), "zero"))
    weights.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"))
    nodes = [
        helper.make_node("Conv", [INPUT, "w1", "zero"], ["dark"], name="/neck/dark"),
        helper.make_node("Conv", [INPUT, "w5", "zero"], ["bright"], name="/neck/bright"),
        helper.make_node("Resize", ["dark", "", "twice"], ["larger"], name="/neck/larger", mode="nearest"),
        helper.make_node("Resize", ["bright", "", "twice"], ["largest"], name="/neck/largest", mode="nearest"),
        helper.make_node("Concat", ["larger", "largest"], ["both"], name="/neck/Concat", axis=1),
        helper.make_node("Conv", ["both", "sum", "zero"], [OUTPUT], name="/neck/sum"),
    ]
    seen = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, 3, 4, 4])
    told = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, 1, 8, 8])
    graph = helper.make_graph(nodes, "joined", [seen], [told], weights)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "float.onnx"
    )
    quantise(tmp_path / "float.onnx", tmp_path / "int8.onnx", [np.full((1, 3, 4, 4), 100, np.float32)])
    after = onnx.load(tmp_path / "int8.onnx").graph
    numbers = {one.name: numpy_helper.to_array(one) for one in after.initializer}
    steps = {n.input[0]: float(numbers[n.input[1]]) for n in after.node if n.op_type == "QuantizeLinear"}
    joined = [steps[name] * 255 for name in ("dark", "bright", "larger", "largest", "both")]
    assert joined == pytest.approx([1500] * 5, rel=1e-3)


@pytest.mark.parametrize("groups", [1, 2])
def test_what_rounding_takes_from_weights_is_given_back_to_the_mean(tmp_path: Path, groups: int) -> None:
    kernel = np.full((2, 4 // groups, 3, 3), 0.0049, np.float32)  # rounded away beside 1.27 in 127 steps of 0.01
    kernel[:, 0, 0, 0] = 1.27
    weights = [numpy_helper.from_array(kernel, "w"), numpy_helper.from_array(np.array([1, -1], np.float32), "b")]
    nodes = [helper.make_node("Conv", [INPUT, "w", "b"], [OUTPUT], name="/neck/conv", group=groups)]
    seen = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, 4, 6, 6])
    told = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, 2, 4, 4])
    graph = helper.make_graph(nodes, "small weights", [seen], [told], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "float.onnx")
    picture = np.stack([np.full((6, 6), level, np.float32) for level in (200, 100, 240, 160)])[None]
    quantise(tmp_path / "float.onnx", tmp_path / "int8.onnx", [picture])
    exact, rounded = (
        InferenceSession(tmp_path / name).run(None, {INPUT: picture})[0].mean(axis=(0, 2, 3))
        for name in ("float.onnx", "int8.onnx")
    )
    assert rounded == pytest.approx(exact, abs=1.3)  # a step of the answer; 12 and more without
