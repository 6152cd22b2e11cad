"""A disk of a few megabytes, mounted for one program alone."""

import os
import subprocess
import sys
import tempfile

import pytest

from tests.faults.killing import ROOT

NAMESPACE = [
    "unshare",
    *([] if os.geteuid() == 0 else ["--map-root-user", "--user"]),
    "--mount",
    "--propagation",
    "private",
]


def run_on_small_disk(*python: str, size: str = "8m") -> str:
    """What Python prints with these arguments, where $DISK is a tmpfs of that size; skips where none may be mounted."""
    command = [*NAMESPACE, "sh", "-c", f'mount -t tmpfs -o size={size} disk "$DISK" && exec "$@"', "sh"]
    with tempfile.TemporaryDirectory() as disk:
        environment = {"DISK": disk, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        if subprocess.run([*command, "true"], env=environment, capture_output=True, check=False).returncode:
            pytest.skip("needs root, or user namespaces, to mount a small disk")
        command += [sys.executable, *python]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
