"""A disk that does not read the beginning of one file, for one program alone."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.faults.killing import ROOT


def run_on_bad_sector(bad: Path, *python: str | Path) -> str:
    """What Python prints with these arguments where `bad` begins on such a sector; skips without a C compiler."""
    if shutil.which("cc") is None:
        pytest.skip("makes a bad sector with a C compiler")
    with tempfile.TemporaryDirectory() as folder:
        shim = Path(folder, "unreadable.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, ROOT / "tests/faults/unreadable.c"], check=True)
        environment = {**os.environ, "LD_PRELOAD": str(shim), "UNREADABLE": str(bad.stat().st_ino)}
        command = [sys.executable, *python]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
