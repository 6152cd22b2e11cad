"""The ONNX file of a detector: export, int8 quantisation, and the facts it carries about itself."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnxruntime import InferenceSession
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

from edge.boxes import Floats
from edge.bundle import load_bundle
from edge.durable import write_durably
from edge.errors import ConfigError
from edge.onnx_metadata import METADATA_KEY

INPUT, OUTPUT, OPSET = "image", "raw", 17
# Kept in float32, since int8 cost much there and won little (points of mAP50 / mAP50-95 of `pests` on validation): the
# first blocks, whose channels differ a hundredfold, 30 / 24; boxes and logits joined in one tensor of one scale, 0 / 6;
# prediction layers, 0 / 2, whose time is nearly nothing. The halving before dark3 costs a fiftieth of the time: with it
# and the mean of ranges confidences of `diseases` differ by 0.018 from float32's in place of 0.034.
FLOAT_PARTS = (
    "/backbone/stem", "/backbone/dark2", "/backbone/dark3/dark3.0", "_preds", "/head/Concat", "/head/Reshape",
    "/head/Transpose",
)  # fmt: skip
ELSEWHERE = "training.ultralytics"  # what makes a bundle of a network that was not trained here
LEVELS = 255  # of a uint8 activation
Scale = tuple[float, int]  # of an activation, and its zero point
Facts = dict[str, Any]  # the JSON of edge.bundle.Bundle


def bundle_paths(models: Path, name: str) -> dict[str, Path]:
    """The files of a bundle in the folder `models` by precision, fp32 first; they need not be there."""
    return {precision: models / f"{name}{suffix}.onnx" for precision, suffix in (("fp32", ""), ("int8", "-int8"))}


def there(*paths: Path) -> list[Path]:
    """These files. Raises ConfigError for one that is not there."""
    for path in paths:
        if not path.is_file():
            raise ConfigError(f"{path}: not found; export it first, or name the folder that has it")
    return list(paths)


def exported(models: Path, name: str) -> dict[str, Path]:
    """The files of a bundle by precision, fp32 first. Raises ConfigError for one that is not there, BundleError."""
    paths = bundle_paths(models, name)
    (first,) = there(paths["fp32"])
    if is_from_elsewhere(first):
        del paths["int8"]
    there(*paths.values())
    return paths


def is_from_elsewhere(path: Path) -> bool:
    """It has no int8 file then: of boxes in px and scores of 0 to 1 in one tensor that sees nothing."""
    return ELSEWHERE in load_bundle(path).training.command


@contextmanager
def in_place_of(*paths: Path) -> Iterator[Path]:
    """A folder beside, whose files of the same names take the place of these at the end: a fault leaves the old ones.

    Raises OSError.
    """
    with TemporaryDirectory(prefix="new-", dir=paths[0].parent) as folder:
        yield Path(folder)
        for path in paths:
            write_durably(path, (Path(folder) / path.name).read_bytes())


def export_onnx(
    model: nn.Module, path: Path, side_px: int, outputs: Sequence[str] = (OUTPUT,), *, any_size: bool = False
) -> None:
    """Write a model in eval mode: `image` (1, 3, side_px, side_px) float32 -> `outputs` float32.

    A folded detector's is `raw` (1, N, 5 + C). With `any_size` it takes other heights and widths as well.
    """
    picture = torch.zeros(1, 3, side_px, side_px)
    names: dict[str, Any] = {"input_names": [INPUT], "output_names": [*outputs], "opset_version": OPSET}
    if any_size:
        names["dynamic_axes"] = {INPUT: {2: "height", 3: "width"}, OUTPUT: {1: "points"}}
    torch.onnx.export(model.eval(), (picture,), str(path), dynamo=False, **names)
    onnx.checker.check_model(onnx.load(path), full_check=True)


def quantise(source: Path, target: Path, pictures: Iterable[Floats], *, averaged: bool = True) -> None:
    """Write `source` as int8: per-channel int8 weights, uint8 activations, quantise and dequantise nodes (QDQ).

    pictures: (1, 3, S, S) float32, from which the ranges of activations are taken: `averaged` the mean of each one's,
    else the widest of all, as tiles want it, whose mean is that of bare ground. FLOAT_PARTS stay in float32. What a
    Concat joins has one scale: 8 % of the time of `pests`.
    """
    pictures = list(pictures)
    with TemporaryDirectory() as folder:
        prepared, ranges = Path(folder) / "prepared.onnx", Path(folder) / "ranges"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        nodes = onnx.load(prepared).graph.node
        floats = [node.name for node in nodes if any(part in node.name for part in FLOAT_PARTS)]

        def write(scales: Facts) -> None:
            quantize_static(
                str(prepared), str(target), _Pictures(pictures), quant_format=QuantFormat.QDQ, per_channel=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=floats,
                extra_options={"CalibMovingAverage": averaged, "TensorQuantOverrides": scales},
                calibration_cache_path=str(ranges),
            )  # fmt: skip

        write({})
        write(_joined_scales(nodes, floats, _scales(target)))  # runs no picture again: the ranges are there
        _centre(prepared, target, pictures)


def _centre(exact: Path, rounded: Path, pictures: Iterable[Floats]) -> None:
    """Shift biases of the quantised file so that rounding a convolution's weights leaves the means of its channels.

    Nagel et al. (2019), arXiv:1906.04721, section 4.2, on what `exact` sees in the pictures. Confidences above 0.15 of
    `diseases` on validation pictures are then off by 0.012 in place of 0.017.
    """
    source, target = onnx.load(exact), onnx.load(rounded)
    weights = {one.name: numpy_helper.to_array(one) for one in source.graph.initializer}
    numbers = {one.name: one for one in target.graph.initializer}
    convs = [one for one in source.graph.node if one.op_type == "Conv" and f"{one.input[1]}_quantized" in numbers]
    means = _means(source, sorted({one.input[0] for one in convs}), pictures)
    for conv in convs:
        seen, weight, bias = conv.input
        whole, scale, bias_scale = (
            numpy_helper.to_array(numbers[name])
            for name in (f"{weight}_quantized", f"{weight}_scale", f"{bias}_quantized_scale")
        )
        lost = (weights[weight] - whole * scale[:, None, None, None]).sum(axis=(2, 3))  # (out, in / groups)
        groups = len(means[seen]) // lost.shape[1]
        of_each = means[seen].reshape(groups, 1, -1)
        shift = (lost.reshape(groups, -1, lost.shape[1]) * of_each).sum(axis=2).ravel()
        number = numbers[f"{bias}_quantized"]
        centred = numpy_helper.to_array(number) + np.rint(shift / bias_scale).astype(np.int32)
        number.CopyFrom(numpy_helper.from_array(centred, number.name))
    onnx.save(target, rounded)


def _means(model: onnx.ModelProto, names: Sequence[str], pictures: Iterable[Floats]) -> dict[str, Floats]:
    """Mean of each channel (C,) of these activations (1, C, H, W) over the pictures."""
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    seen = [[one.mean(axis=(0, 2, 3)) for one in session.run(None, {INPUT: picture})] for picture in pictures]
    return dict(zip(names, (np.mean(one, axis=0) for one in zip(*seen, strict=True)), strict=True))


def _scales(path: Path) -> dict[str, Scale]:
    """Scale and zero point of each activation of a quantised file."""
    graph = onnx.load(path).graph
    numbers = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    quantisers = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    return {node.input[0]: (float(numbers[node.input[1]]), int(numbers[node.input[2]])) for node in quantisers}


def _joined_scales(nodes: Iterable[onnx.NodeProto], floats: Sequence[str], scales: dict[str, Scale]) -> Facts:
    """One scale for all that a Concat joins, as overrides: bytes are then copied, not computed anew one by one.

    The widest range holds for all. A Resize or MaxPool passes on the scale of what it is given.
    """
    through = {node.output[0]: node.input[0] for node in nodes if node.op_type in ("Resize", "MaxPool")}
    groups: list[set[str]] = []
    for node in (node for node in nodes if node.op_type == "Concat" and node.name not in floats):
        group = {*node.output, *(_source(name, through) for name in node.input)}
        groups = [one for one in groups if not one & group] + [group.union(*(one for one in groups if one & group))]
    overrides: Facts = {}
    for group in groups:
        ends = np.array([[-zero * scale, (LEVELS - zero) * scale] for scale, zero in (scales[name] for name in group)])
        low, high = ends[:, 0].min(), ends[:, 1].max()
        scale = np.array((high - low) / LEVELS, np.float32)
        one = {"scale": scale, "zero_point": np.array(np.rint(-low / scale), np.uint8)}
        overrides |= {name: [one] for name in group}
    return overrides


def _source(name: str, through: dict[str, str]) -> str:
    while name in through:
        name = through[name]
    return name


def write_facts(path: Path, facts: Facts) -> None:
    """Put the facts into the file's metadata, in place of what was there. Raises OSError and leaves the file then."""
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(facts, ensure_ascii=False)})
    write_durably(path, model.SerializeToString())


def read_facts(path: Path) -> Facts:
    """The facts in the file's metadata. Raises KeyError when it has none."""
    props = {prop.key: prop.value for prop in onnx.load(path).metadata_props}
    facts: Facts = json.loads(props[METADATA_KEY])
    return facts


class _Pictures(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    def __init__(self, pictures: Iterable[Floats]) -> None:
        self._feeds: Iterator[dict[str, np.ndarray]] = iter([{INPUT: picture} for picture in pictures])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next picture to run, None after the last."""
        return next(self._feeds, None)
