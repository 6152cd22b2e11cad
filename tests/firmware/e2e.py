"""make e2e: from a fleet file to an acknowledged record, an update and back, a line a step. Exit code 1 names the step.

Everything is real but the card: a booted Debian under systemd, set up without internet; Chromium; Mosquitto over TLS.
"""

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Error

from edge.errors import FieldeyeError
from tests.firmware.machine import inside
from tests.firmware.procedure import STEPS, Bench

FAULTS = (AssertionError, FieldeyeError, OSError, subprocess.SubprocessError, Error, KeyError, ValueError)


def main() -> int:
    """Print a line a step; 0 if all went well."""
    began_s = time.monotonic()
    with ExitStack() as parts:
        folder = parts.enter_context(tempfile.TemporaryDirectory(prefix="fieldeye-e2e-"))
        bench = Bench(Path(folder), parts)
        for name, step in STEPS.items():
            at_s = time.monotonic()
            try:
                said = step(bench)
            except FAULTS as why:
                print(f"✗ {name}: {why}\n{node_says()}\nmake e2e: failed at {name}", flush=True)  # noqa: T201
                return 1
            print(f"✓ {name:<10} {time.monotonic() - at_s:5.0f} s   {said}", flush=True)  # noqa: T201
    print(f"make e2e: done in {time.monotonic() - began_s:.0f} s")  # noqa: T201
    return 0


def node_says() -> str:
    """The end of the node's journal, if there is a node."""
    try:
        return inside("journalctl --no-pager -n 40 -u 'fieldeye*' -o cat")
    except (AssertionError, OSError):
        return "no node is running"


if __name__ == "__main__":
    sys.exit(main())
