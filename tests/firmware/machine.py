"""The booted Debian of `make test-systemd`, as seen from outside."""

import subprocess
from pathlib import Path

NSPAWN = Path(__file__).parent / "nspawn.sh"
BOOT = "/boot/firmware/fieldeye"
DONE = "/var/lib/fieldeye-setup/done"
LOG = "/var/log/fieldeye-setup.log"


def inside(command: str) -> str:
    """Standard output of a shell's command in the machine."""
    done = subprocess.run([NSPAWN, "exec", "sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def shown(name: str, unit: str = "fieldeye.service") -> str:
    """A property of a unit."""
    return inside(f"systemctl show {unit} --property={name} --value")


def is_set_up() -> bool:
    """By the last line of its log: between the mark that it leaves and that line lies a `sync`, long on a busy disk."""
    return inside(f"test -e {DONE} && tail -n 1 {LOG} | grep ' done: ' || true") != ""


def page_answers() -> bool:
    """Does the page answer in there?"""
    look = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/', timeout=5).status)"
    return inside(f'python3 -c "{look}" 2>/dev/null || true') == "200"
