"""Waiting for a condition with a deadline, instead of sleeping."""

import time
from collections.abc import Callable

PATIENCE = 6  # a machine that does much else is so much slower; a test that passes does not wait for it


def wait_until(condition: Callable[[], bool], within_s: float, every_s: float = 0.02) -> None:
    """Return once `condition()` is true; fail if it is not within `within_s`, said of a calm machine."""
    deadline_s = time.monotonic() + PATIENCE * within_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {condition}"
        time.sleep(every_s)
