"""A tiny real dataset, and configurations that use it."""

import resource
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

from training.config import DatasetConfig, OptimiserConfig, PhaseConfig, TrainConfig
from training.model import YoloxNano
from training.onnx_file import export_onnx

TINY = Path(__file__).parents[1] / "data" / "training"
SIDE_PX = 160
LABELS = 21  # of pest-vision and rice-pests together


@contextmanager
def room_for(file_bytes):
    """No file may grow larger."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def start_weights(tmp_path_factory) -> Path:
    """A folded detector of random weights with 21 classes: a fresh clone has no published weights."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("weights") / "start.onnx"
    export_onnx(YoloxNano(LABELS), path, 64)
    return path


@pytest.fixture(scope="session")
def tiny_config(start_weights) -> TrainConfig:
    """Two short epochs on 12 pictures."""
    return TrainConfig(
        name="tiny",
        bundle="tiny",
        weights=str(start_weights),
        data=str(TINY),
        datasets=(
            DatasetConfig(name="pest-vision", annotation="yolo"),
            DatasetConfig(name="rice-pests", annotation="yolo", repeat=2),
        ),
        phases=(
            PhaseConfig(epochs=1, sides_px=(96, 128), mosaic=0.5),
            PhaseConfig(epochs=1, sides_px=(SIDE_PX,), mosaic=0.0),
        ),
        side_px=SIDE_PX,
        batch=4,
        loader_processes=0,
        optimiser=OptimiserConfig(warmup_steps=2),
    )


@pytest.fixture
def without_pictures(tiny_config, tmp_path) -> TrainConfig:
    """The same, in whose sets there is none."""
    for dataset in tiny_config.datasets:
        (tmp_path / dataset.name).mkdir()
        (tmp_path / dataset.name / "classes.txt").touch()
        (tmp_path / dataset.name / "splits.csv").write_text("image,group,split\n")
    return replace(tiny_config, data=str(tmp_path))
