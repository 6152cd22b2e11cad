"""Benchmarks run by hand, seldom: what they take from the product must still be there."""

from importlib import import_module
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCHMARKS.glob("[a-z]*.py")))
def test_a_benchmark_can_be_started(name: str) -> None:
    import_module(f"benchmarks.{name}")
