"""Kills a process at random instants, and reads what it had told."""

import random
import subprocess
import sys
from pathlib import Path
from threading import Timer

ROOT = Path(__file__).parents[2]


def run_and_kill(module: str, *arguments: str, after_s: float) -> list[str]:
    """Lines that `python -m module` wrote before it was killed with SIGKILL, so long after its first line."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        first = process.stdout.readline()
        timer = Timer(after_s, process.kill)
        timer.start()
        lines = [first, *process.stdout]
        timer.cancel()
        process.kill()
    return [line.strip() for line in lines if line.endswith("\n")]


def told_seqs(lines: list[str]) -> set[int]:
    """The sequence numbers of `first last` lines."""
    spans = [tuple(map(int, line.split())) for line in lines if line]
    return {seq for first, last in spans for seq in range(first, last + 1)}


def instants(number: int, most_s: float, seed: int) -> list[float]:
    """Random waits, the same each time."""
    chance = random.Random(seed)
    return [chance.uniform(0, most_s) for _ in range(number)]
