"""Waiting for a condition with a deadline, instead of sleeping."""

import subprocess
import time
from collections.abc import Callable
from threading import Timer
from typing import IO, AnyStr

PATIENCE = 6  # a machine that does much else is so much slower; a test that passes does not wait for it


def wait_until(condition: Callable[[], bool], within_s: float, every_s: float = 0.02) -> None:
    """Return once `condition()` is true; fail if it is not within `within_s`, said of a calm machine."""
    deadline_s = time.monotonic() + PATIENCE * within_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {condition}"
        time.sleep(every_s)


def next_line(process: "subprocess.Popen[AnyStr]", pipe: IO[AnyStr] | None = None) -> AnyStr:
    """What it says next, on `stdout` if no pipe is named; one that stays silent is killed, and the test fails."""
    pipe = pipe or process.stdout
    assert pipe
    patience = Timer(PATIENCE * 20, process.kill)
    patience.start()
    try:
        line = pipe.readline()
    finally:
        patience.cancel()
    assert line, f"silent, or at its end: {process.args!r}"
    return line
