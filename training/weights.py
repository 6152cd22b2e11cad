"""Weights into the model: published or our own, BatchNorm put back for training and folded again for export."""

import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tokenize import TokenError
from zipfile import BadZipFile

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it has no types
from onnx import numpy_helper
from onnx.checker import ValidationError
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from edge.errors import ConfigError
from edge.onnx_metadata import METADATA_KEY
from training.model import STRIDES, Cv, YoloxNano

BATCHNORM_EPS, BATCHNORM_MOMENTUM = 1e-3, 0.03
VARIANCE_FLOOR = 1e-6
STEM_WEIGHT = "backbone.stem.conv.conv.weight"
NOT_ONNX = (DecodeError, ValidationError)  # the second: its weights lie in another file, which is not there
NOT_WHOLE = (ValueError, TypeError, LookupError, EOFError, RuntimeError, BadZipFile, TokenError, zlib.error)
NEW_CLASS_BIAS = -4.6  # sigmoid = 1 %: a new class layer first says no, or its loss would drown the rest


def read_weights(path: Path) -> dict[str, Tensor]:
    """Folded weights by key, float32, from a published .npz or from a bundle of ours (.onnx). Raises ConfigError."""
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; put the starting weights there, see training/README.md")
    try:
        if path.suffix == ".onnx":
            tensors = {one.name: numpy_helper.to_array(one).astype(np.float32) for one in _read(path).graph.initializer}
        else:
            with np.load(path) as archive:
                tensors = {key: np.asarray(archive[key], np.float32) for key in archive.files}
        return without_focus({key: torch.from_numpy(value) for key, value in tensors.items()})
    except NOT_WHOLE as why:
        raise _no_weights(path) from why


def _read(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(path)
    except NOT_ONNX as why:
        raise _no_weights(path) from why


def _no_weights(path: Path) -> ConfigError:
    return ConfigError(f"{path}: no weights, or not whole; fetch it again")


def without_focus(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the published stem, (16, 12, 3, 3) over sliced pixels, as a 6x6 kernel (16, 3, 6, 6); others as is."""
    sliced = state.get(STEM_WEIGHT)
    if sliced is None or sliced.shape[1] != 12:
        return state
    kernel = sliced.new_zeros(sliced.shape[0], 3, 6, 6)
    for corner, (row, column) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
        kernel[:, :, row::2, column::2] = sliced[:, 3 * corner : 3 * corner + 3]
    return {**state, STEM_WEIGHT: kernel}


def activation_of(weights: Path) -> str:
    """The activation that the weights know: of a bundle of ours what its graph says, SiLU of the published ones."""
    if weights.suffix != ".onnx":
        return "silu"
    return "relu" if any(node.op_type == "Relu" for node in _read(weights).graph.node) else "silu"


def labels_of(weights: Path) -> tuple[str, ...]:
    """What the class ids of a bundle of ours stand for; none of weights that do not say."""
    if weights.suffix != ".onnx":
        return ()
    props = {prop.key: prop.value for prop in _read(weights).metadata_props}
    try:
        facts = json.loads(props.get(METADATA_KEY, "{}"))
        return tuple(one["label"] for one in facts.get("classes", []))  # a leaf network has none
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as why:
        raise _no_weights(weights) from why


def load_folded(weights: Path, labels: Sequence[str]) -> YoloxNano:
    """The detector with BatchNorm folded in, in eval mode; of its class layer what a bundle of ours knows by name.

    Weights that name no labels, as the published ones, keep theirs if it has that size. Raises ConfigError when the
    file does not fit the architecture.
    """
    model = YoloxNano(len(labels))
    wanted = model.state_dict()
    state = {key: value for key, value in read_weights(weights).items() if key in wanted}
    theirs = labels_of(weights)
    new = [label for label in labels if label not in theirs]
    if theirs and new:
        others = "; what it knows of the others stays" if len(new) < len(labels) else ""
        print(f"{weights}: does not tell {', '.join(new)}, which begin anew{others}")
    try:
        for level in range(len(STRIDES)):
            weight_key, bias_key = f"head.cls_preds.{level}.weight", f"head.cls_preds.{level}.bias"
            if weight_key in state and (theirs or len(state[weight_key]) != len(labels)):
                old = state[weight_key], state[bias_key]
                state[weight_key], state[bias_key] = _by_label(*old, theirs, labels)
        model.load_state_dict(state)
    except (LookupError, RuntimeError, TypeError) as why:  # the others: of a layer without its bias, or too small
        told = f"{weights}: not the weights of YOLOX-Nano, or rounded to int8"
        raise ConfigError(f"{told}; take yolox_nano_coco.npz or a float32 bundle") from why
    return model.eval()


def _by_label(weight: Tensor, bias: Tensor, theirs: Sequence[str], labels: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Class layer (C, 64, 1, 1), (C,) of `labels`: rows of those that `theirs` names, and new ones."""
    fresh = torch.randn(len(labels), 64, 1, 1) * 0.01, torch.full((len(labels),), NEW_CLASS_BIAS)
    for place, label in enumerate(labels):
        if label in theirs:
            fresh[0][place], fresh[1][place] = weight[theirs.index(label)], bias[theirs.index(label)]
    return fresh


@torch.no_grad()
def restore_batchnorm(model: YoloxNano, batches: Iterable[Tensor]) -> YoloxNano:
    """Give every Cv of a folded model a BatchNorm whose eval output is exactly the folded one; returns the model.

    batches: (B, 3, S, S) float32 BGR, 64 or more pictures in all, on which the mean μ and variance σ² of each channel
    of each convolution's output are taken. Then running_mean = μ - b, running_var = σ², weight = sqrt(σ² + eps),
    bias = μ, so that BN(Wx) = Wx + b in eval mode while train mode sees statistics close to the running ones.
    """
    sums: dict[str, list[Tensor]] = {}
    blocks = {name: block for name, block in model.named_modules() if isinstance(block, Cv)}
    hooks = [block.conv.register_forward_hook(_adds_to(sums.setdefault(name, []))) for name, block in blocks.items()]
    for images in batches:
        model.eval()(images)
    for hook in hooks:
        hook.remove()
    for name, block in blocks.items():
        total, squares, count = torch.stack(sums[name]).sum(dim=0)
        mean = total / count
        _unfold(block, mean.float(), (squares / count - mean**2).clamp(min=VARIANCE_FLOOR).float())
    return model


def unfolded(model: YoloxNano) -> YoloxNano:
    """The model with BatchNorm of no statistics in every Cv: the form a training checkpoint is loaded into."""
    for block in model.modules():
        if isinstance(block, Cv):
            channels = block.conv.out_channels
            _unfold(block, torch.zeros(channels), torch.ones(channels))
    return model


def fold_batchnorm(model: YoloxNano) -> YoloxNano:
    """The inverse of `restore_batchnorm`, for export: in eval mode the outputs stay. Changes and returns the model."""
    model.eval()
    for block in model.modules():
        if isinstance(block, Cv) and isinstance(block.bn, nn.BatchNorm2d):
            block.conv = fuse_conv_bn_eval(block.conv, block.bn)
            block.bn = nn.Identity()
    return model


def _unfold(block: Cv, mean: Tensor, variance: Tensor) -> None:
    old = block.conv
    if old.bias is None:
        raise ValueError("this block has its BatchNorm already")
    norm = nn.BatchNorm2d(old.out_channels, BATCHNORM_EPS, BATCHNORM_MOMENTUM)
    norm.load_state_dict({
        "running_mean": mean - old.bias.detach(), "running_var": variance, "bias": mean,
        "weight": (variance + BATCHNORM_EPS).sqrt(), "num_batches_tracked": torch.tensor(0),
    })  # fmt: skip
    block.conv.bias = None
    block.bn = norm


def _adds_to(sums: list[Tensor]) -> Callable[[nn.Module, object, Tensor], None]:
    """Forward hook that appends (3, C) float64: sum, sum of squares and count of a convolution's output."""

    def add(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        values = output.transpose(0, 1).flatten(1).double()
        count = torch.full_like(values[:, 0], values.shape[1])
        sums.append(torch.stack([values.sum(dim=1), values.square().sum(dim=1), count]))

    return add
