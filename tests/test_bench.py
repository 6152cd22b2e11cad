"""Figures of a benchmark mean what they say."""

from pathlib import Path

import numpy as np
import pytest

from edge.bench import frame_cost, in_turns
from edge.bundle import load_bundle
from edge.detector import Detector
from tests.onnx_files import write_model


def test_a_work_of_ten_times_the_steps_takes_about_ten_times_as_long() -> None:
    took = in_turns({"one": lambda: sum(range(20_000)), "ten": lambda: sum(range(200_000))}, 15)
    assert took["ten"].processor_ms / took["one"].processor_ms == pytest.approx(10, rel=0.5)


def test_a_frame_s_cost_is_told_by_stage_and_a_whole_is_more_than_the_bare_run(tmp_path: Path) -> None:
    detector = Detector(load_bundle(write_model(tmp_path / "squares.onnx")))
    cost = frame_cost(detector, np.full((480, 640, 3), 114, np.uint8), repetitions=15)
    assert min(cost.prepare_ms, cost.infer_ms, cost.decode_ms, cost.total_ms) > 0
    assert cost.ratio > 1
