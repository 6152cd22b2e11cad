"""Boards under emulation, made once; without QEMU or a network the tests skip, and say what is missing."""

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.arm64.roots import ROOT, Arm64, CannotError

SUITES = {"3.13": "trixie", "3.11": "bookworm"}
PICTURE = "edge/cli/demo_pictures/07-planthoppers-on-stem.jpg"


@pytest.fixture(scope="session", params=SUITES)
def arm64(request: pytest.FixtureRequest) -> Arm64:
    """Raspberry Pi OS's Debian with the software of a card, for a Python."""
    system = Arm64(SUITES[request.param], request.param)
    try:
        system.set_up()
    except CannotError as why:
        pytest.skip(str(why))
    return system


@pytest.fixture(scope="session")
def looks_here() -> dict[str, Any]:
    """What looks.py tells on this machine's own processor."""
    if platform.machine() != "x86_64":
        pytest.skip(f"boards are compared with x86, and this is {platform.machine()}")
    command: list[str | Path] = [sys.executable, ROOT / "tests/arm64/looks.py", ROOT / PICTURE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told
