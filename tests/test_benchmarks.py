"""Benchmarks run by hand, seldom: what they take from the product must still be there."""

import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
OF_MODELS = ("cards", "photographs", "ranges")  # they look as `training.evaluate` does


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCHMARKS.glob("[a-z]*.py")))
def test_a_benchmark_can_be_started(name: str) -> None:
    if name in OF_MODELS:
        pytest.importorskip("torch", reason="not in `make test-node`")
    import_module(f"benchmarks.{name}")


def test_what_the_page_takes_of_a_small_boards_memory_can_be_measured() -> None:
    measure = [sys.executable, "-m", "benchmarks.page_memory"]
    done = subprocess.run(measure, cwd=BENCHMARKS.parent, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("page's own memory: ")


def test_each_of_all_has_a_process_of_its_own_for_some_measure_what_theirs_takes(tmp_path: Path) -> None:
    shutil.copytree(BENCHMARKS, tmp_path / "benchmarks", ignore=shutil.ignore_patterns("[!_]*", "__pycache__"))
    for name in ("one", "other"):
        (tmp_path / "benchmarks" / f"{name}.py").write_text(
            "import os\ndef main():\n    print(os.getpid())\nif __name__ == '__main__':\n    main()\n"
        )
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    one, its, other, others = done.stdout.split()
    assert (one, other) == ("one", "other")
    assert its != others
