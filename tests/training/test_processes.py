"""Two processes share a run: `torchrun --nproc-per-node 2 -m training.train CONFIG`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.conftest import TINY

CONFIG = """
name = "tiny"
bundle = "tiny"
weights = "{weights}"
data = "{data}"
side_px = 96
batch = 3          # 5 batches of the 17 pictures: one is left over for two processes
loader_processes = 0
datasets = [
    {{ name = "pest-vision", annotation = "yolo" }},
    {{ name = "rice-pests", annotation = "yolo", repeat = 2 }},
]
phases = [{{ epochs = 2, sides_px = [96], mosaic = 0.0 }}]
"""


@pytest.mark.faults
@pytest.mark.timeout(400)
def test_two_processes_share_the_epochs_and_write_one_log(tmp_path, start_weights):
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG.format(weights=start_weights, data=TINY), encoding="utf-8")
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "training.train", str(path),
         "--runs", str(tmp_path)],
        cwd=root, capture_output=True, text=True, timeout=380, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in (tmp_path / "tiny" / "log.jsonl").read_text("utf-8").splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1]
    assert "map50" in lines[-1]
    assert (tmp_path / "tiny" / "last.pt").is_file()
