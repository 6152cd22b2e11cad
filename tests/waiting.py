"""Waiting for a condition with a deadline, instead of sleeping."""

import time
from collections.abc import Callable

PATIENCE = 6  # a machine that does much else is so much slower; a test that passes does not wait for it


def wait_until(condition: Callable[[], bool], within_s: float, every_s: float = 0.02) -> None:
    """Return once `condition()` is true; fail if it is not within `within_s`, said of a calm machine.

    It is asked at first often, for most are true soon, and at last each `every_s`.
    """
    deadline_s, pause_s = time.monotonic() + PATIENCE * within_s, 0.001
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {condition}"
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, every_s)
