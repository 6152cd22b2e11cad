"""A quantised detector in fewer steps, to the same numbers: what onnxruntime is slow at is written otherwise.

It computes int8 with the channels last. Doubling a map by Resize then goes one number at a time, and prediction layers
in float32 want each map turned, put into blocks and back. Both become copies of whole rows.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper
from onnxruntime.quantization.onnx_model import ONNXModel

LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)  # (1, C, H, W) with its channels last, and back


def in_fewer_steps(path: Path) -> None:
    """Write the file anew: a `training.model.YoloxNano` as `training.onnx_file.quantise` made it."""
    model = onnx.load(path)
    graph = _Graph(model)
    for resize in [node for node in model.graph.node if node.op_type == "Resize"]:
        graph.double_by_copies(resize)
    graph.predict_in_rows()
    graph.tidy()
    onnx.save(model, path)


class _Graph:
    """Nodes of a model by what they give and take, as they were before anything was changed."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model
        self._gives = {output: node for node in model.graph.node for output in node.output}
        self._takes: dict[str, list[NodeProto]] = {}
        for node in model.graph.node:
            for name in node.input:
                self._takes.setdefault(name, []).append(node)
        self._numbers = {one.name: one for one in model.graph.initializer}

    def double_by_copies(self, resize: NodeProto) -> None:
        """Put each cell's channels down twice, then each row: of bytes, between the quantised map and its user."""
        source = self._gives[resize.input[0]].input[0]
        (quantise,) = self._takes[resize.output[0]]
        (dequantise,) = self._takes[quantise.output[0]]
        (joined,) = self._takes[dequantise.output[0]]
        (other,) = (name for name in joined.input if name != dequantise.output[0])
        name = resize.name
        self._drop(resize, quantise)
        cells = self._add("Transpose", [source], f"{name}/cells", perm=LAST)
        twice = self._add("Concat", [cells, cells], f"{name}/cells_twice", axis=3)
        rows = self._add("Reshape", [twice, self._constant(f"{name}/of_rows", [0, 0, 1, -1])], f"{name}/rows")
        twice = self._add("Concat", [rows, rows], f"{name}/rows_twice", axis=2)
        sides = self._add("Shape", [self._gives[other].input[0]], f"{name}/sides", start=2, end=4)
        one, rest = (self._constant(f"{name}/{told}", [size]) for told, size in (("one", 1), ("rest", -1)))
        shape = self._add("Concat", [one, sides, rest], f"{name}/shape", axis=0)
        doubled = self._add("Reshape", [twice, shape], f"{name}/doubled")
        self._add("Transpose", [doubled], f"{name}/map", gives=quantise.output[0], perm=FIRST)

    def predict_in_rows(self) -> None:
        """Prediction layers as products of a matrix with one row a grid point, which is how their output is wanted."""
        (output,) = self._model.graph.output
        turn = self._gives[output.name]
        points = self._gives[turn.input[0]]
        levels = [self._level(self._gives[name]) for name in points.input]
        self._drop(turn, points)
        rows = self._add("Concat", levels, "/head/rows", axis=0)
        axis = self._constant("/head/axis", [0])
        self._add("Unsqueeze", [rows, axis], "/head/raw", gives=output.name)

    def _level(self, flat: NodeProto) -> str:
        """(H x W, 5 + C) of one stride."""
        joined = self._gives[flat.input[0]]
        convs = [self._gives[name] for name in joined.input]
        self._drop(flat, joined, *convs)
        maps = dict.fromkeys(conv.input[0] for conv in convs)  # boxes and objectness are told by the same one
        parts = [self._product(name, [conv for conv in convs if conv.input[0] == name]) for name in maps]
        return self._add("Concat", parts, f"{joined.name}/rows", axis=1)

    def _product(self, seen: str, convs: Sequence[NodeProto]) -> str:
        """(H x W, k): what 1x1 convolutions of the same map give, side by side."""
        source, scale, zero = self._gives[seen].input
        kernels, biases = (
            np.concatenate([numpy_helper.to_array(self._numbers[conv.input[at]]) for conv in convs]) for at in (1, 2)
        )
        name = convs[0].name
        cells = self._add("Transpose", [source], f"{name}/cells", perm=LAST)
        rows = self._add("Reshape", [cells, self._constant(f"{name}/of_rows", [-1, kernels.shape[1]])], f"{name}/rows")
        numbers = self._add("DequantizeLinear", [rows, scale, zero], f"{name}/numbers")
        weights = [self._constant(f"{name}/kernels", kernels[:, :, 0, 0].T), self._constant(f"{name}/biases", biases)]
        return self._add("Gemm", [numbers, *weights], f"{name}/told")

    def _add(self, kind: str, takes: Sequence[str], name: str, gives: str | None = None, **how: Any) -> str:
        self._model.graph.node.append(helper.make_node(kind, takes, [gives or name], name, **how))
        return gives or name

    def _constant(self, name: str, values: object) -> str:
        array = np.ascontiguousarray(values)
        self._model.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def _drop(self, *nodes: NodeProto) -> None:
        for node in nodes:
            self._model.graph.node.remove(node)

    def tidy(self) -> None:
        """Sort nodes, and remove what nobody uses any more."""
        graph = self._model.graph
        ends = {one.name for one in graph.output}
        while idle := _idle(graph.node, ends):
            self._drop(*idle)
        del graph.value_info[:]
        whole = ONNXModel(self._model)
        whole.clean_initializers()
        whole.topological_sort()
        onnx.checker.check_model(self._model)


def _idle(nodes: Sequence[NodeProto], ends: set[str]) -> list[NodeProto]:
    """Those of which nobody takes anything."""
    taken = ends.union(*(node.input for node in nodes))
    return [node for node in nodes if not taken & set(node.output)]
