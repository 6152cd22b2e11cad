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


def left_by_a_power_cut(options: str, *python: str) -> str:
    """The file `kept` of an ext4 disk, mounted at $DISK with these options, had the power gone when Python ended."""
    script = (
        'cd "$PLACE" && truncate -s 8M disk && mkfs.ext4 -q disk && mkdir before after && '
        f'mount -o loop,{options} disk before && DISK="$PLACE/before" "$@" && '
        "cp disk cut && mount -o loop cut after && cat after/kept"  # what was not yet written is in memory alone
    )
    with tempfile.TemporaryDirectory() as place:
        environment = {"PLACE": place, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(ROOT)}
        command = [*NAMESPACE, "sh", "-c", script, "sh"]
        touch = ["sh", "-c", 'touch "$DISK/kept" && sync "$DISK/kept" "$DISK"']
        if subprocess.run([*command, *touch], env=environment, capture_output=True, check=False).returncode:
            pytest.skip("needs root, mkfs.ext4 and loop devices to mount a disk whose power goes")
    with tempfile.TemporaryDirectory() as place:
        environment["PLACE"] = place
        done = subprocess.run(
            [*command, sys.executable, *python], env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    return done.stdout
