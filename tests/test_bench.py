"""Figures of a benchmark mean what they say."""

import time
from pathlib import Path

import numpy as np
import pytest

from edge.bench import in_turns, stages
from edge.bundle import load_bundle
from edge.detector import Detector
from tests.onnx_files import write_model


def test_a_work_of_ten_times_the_steps_takes_about_ten_times_as_long() -> None:
    took = in_turns({"one": lambda: sum(range(20_000)), "ten": lambda: sum(range(200_000))}, 15)
    assert took["ten"].processor_ms / took["one"].processor_ms == pytest.approx(10, rel=0.5)


def test_a_ratio_is_of_the_processor_s_time_so_that_what_waits_on_a_busy_machine_or_for_a_disk_adds_nothing() -> None:
    took = in_turns({"works": lambda: sum(range(200_000)), "waits": lambda: time.sleep(0.05)}, 5)
    assert took["waits"].wall_ms > 40
    assert took["waits"].of(took["works"]) < 1


def test_a_frame_s_cost_is_told_by_stage_and_a_whole_is_more_than_the_bare_run(tmp_path: Path) -> None:
    detector = Detector(load_bundle(write_model(tmp_path / "squares.onnx")))
    took = in_turns(stages(detector, np.full((480, 640, 3), 114, np.uint8)), repetitions=15)
    assert min(one.wall_ms for one in took.values()) > 0
    assert took["detector"].of(took["network"]) > 1
