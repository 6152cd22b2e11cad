"""A quantised network in fewer steps gives the same numbers."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from training.int8_graph import in_fewer_steps
from training.model import YoloxNano
from training.onnx_file import export_onnx, quantise
from training.weights import fold_batchnorm

SIDE_PX = 96


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same int8 network as onnxruntime writes it, and in fewer steps."""
    folder = tmp_path_factory.mktemp("int8")
    torch.manual_seed(3)
    export_onnx(fold_batchnorm(YoloxNano(3).eval()), folder / "fp32.onnx", SIDE_PX, any_size=True)
    random = np.random.default_rng(3)
    pictures = [random.uniform(0, 255, (1, 3, SIDE_PX, SIDE_PX)).astype(np.float32) for _ in range(4)]
    quantise(folder / "fp32.onnx", folder / "plain.onnx", pictures)
    lean = Path(shutil.copy(folder / "plain.onnx", folder / "lean.onnx"))
    in_fewer_steps(lean)
    return folder / "plain.onnx", lean


@pytest.mark.parametrize("sides", [(SIDE_PX, SIDE_PX), (32, 96), (96, 64), (160, 32)])
def test_it_gives_the_same_numbers_at_any_size(files: tuple[Path, Path], sides: tuple[int, int]) -> None:
    picture = np.random.default_rng(5).uniform(0, 255, (1, 3, *sides)).astype(np.float32)
    plain, lean = (ort.InferenceSession(path).run(None, {"image": picture})[0] for path in files)
    assert lean.shape == plain.shape == (1, sum((sides[0] // s) * (sides[1] // s) for s in (8, 16, 32)), 8)
    assert np.ptp(plain[0], axis=0).min() > 0, "the network must tell points apart"
    assert np.abs(lean - plain).max() < 1e-5


def test_nothing_is_left_that_onnxruntime_is_slow_at(files: tuple[Path, Path]) -> None:
    plain, lean = (Counter(node.op_type for node in onnx.load(path).graph.node) for path in files)
    assert (plain["Resize"], lean["Resize"]) == (2, 0)
    assert plain["Conv"] - lean["Conv"] == 9, "prediction layers"
    assert lean["Gemm"] == 6, "what boxes and objectness are told from is multiplied once"
