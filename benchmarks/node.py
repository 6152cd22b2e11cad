"""What a whole node costs: memory, idle processor time, time to the first result, growth over 10,000 frames, disk.

A real `fieldeye run` in a process of its own, with the page and a real Mosquitto, on the bundled field pictures; its
memory also on a series of a real sticky card, 2592x1944 px each, as a trap.
"""

import os
import subprocess
import tempfile
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks._alone import alone
from benchmarks._card_series import card_series
from benchmarks._running import Told, broker, records, report, wait_for
from edge.cli.demo import PICTURES
from edge.cli.loopback import free_port
from tests.clocks import RUN

TICKS = os.sysconf("SC_CLK_TCK")
LOCK = Path(__file__).parents[1] / "requirements.lock"
IDLE_S = 40.0
TRAP_EVERY_S, TRAP_LOOKS = 5.0, 8
WARM_UP_FRAMES = 500
FRAMES = 10_000
CONFIG = """
[node]
site = "bench"
node = "bench-1"
[camera]
kind = "folder"
source = "{pictures}"
mode = "{mode}"
loop = true
every_s = {every_s}
[mqtt]
host = "127.0.0.1"
port = {broker}
tls = false
health_every_s = 2
[store]
folder = "{folder}"
[page]
port = {page}
"""


class Running(NamedTuple):
    """A node in a process of its own."""

    pid: int
    folder: Path
    page: int


def main() -> None:
    """Print one line a figure."""
    with broker() as port:
        report("start to first committed result", f"{first_result_s(port):.2f} s", "<= 5 s")
        peak_mib, idle_share = one_frame_a_minute(port)
        report("peak memory, page and MQTT in use", f"{peak_mib:.0f} MiB", "<= 170 MiB")
        report("the same, trap, 2592x1944 px", f"{trap_mib(port):.0f} MiB", "")
        report("processor between frames, one a minute", f"{idle_share:.2%} of one core", "<= 1 %")
        report("growth over 10,000 frames", f"{growth_mib(port):+.1f} MiB", "<= 5 MiB")
    report("node's environment without extras", f"{environment_mb():.0f} MB", "<= 380 MB")


def first_result_s(port: int) -> float:
    """Seconds from starting the process to the first record in its store."""
    started_s = time.monotonic()
    with node(port, every_s=60) as one:
        wait_for(lambda: records(one.folder) > 0)
        return time.monotonic() - started_s


def one_frame_a_minute(port: int) -> tuple[float, float]:
    """Peak resident MiB with a phone reading the page, and share of a core used between two frames."""
    with node(port, every_s=60) as one:
        wait_for(lambda: records(one.folder) > 0)
        for _ in range(5):
            read_page(one.page)
        before_s = _processor_s(one.pid)
        time.sleep(IDLE_S)  # a measurement, not a wait
        return _status_mib(one.pid, "VmHWM"), (_processor_s(one.pid) - before_s) / IDLE_S


def trap_mib(port: int) -> float:
    """Peak resident MiB of a trap after TRAP_LOOKS, with a phone reading the page."""
    with node(port, every_s=TRAP_EVERY_S, mode="trap", pictures=card_series()) as one, closing(Told(port)) as told:
        wait_for(lambda: records(one.folder) > 0)
        while told.frames < TRAP_LOOKS:
            read_page(one.page)
            time.sleep(1)
        return _status_mib(one.pid, "VmHWM")


def read_page(port: int) -> None:
    """As a phone does."""
    for path in ("/", "/node", "/live.jpg"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            answer.read()


def growth_mib(port: int) -> float:
    """Resident MiB that FRAMES frames add, after a warm-up."""
    with node(port, every_s=0) as one, closing(Told(port)) as told:
        wait_for(lambda: told.frames >= WARM_UP_FRAMES, within_s=120, every_s=0.5)
        before_mib = _status_mib(one.pid, "VmRSS")
        wait_for(lambda: told.frames >= WARM_UP_FRAMES + FRAMES, within_s=1800, every_s=0.5)
        return _status_mib(one.pid, "VmRSS") - before_mib


def environment_mb() -> float:
    """MB (10^6 bytes) on disk of a fresh environment with the locked dependencies and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        install = [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK]
        subprocess.run(install, check=True)
        remove = [python, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools"]
        subprocess.run(remove, check=True)  # the installer is not the node's
        return sum(path.lstat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6


@contextmanager
def node(port: int, *, every_s: float, mode: str = "live", pictures: Path = PICTURES) -> Iterator[Running]:
    """A running node."""
    with tempfile.TemporaryDirectory() as folder:
        page = free_port()
        config = Path(folder) / "node.toml"
        told = {"mode": mode, "every_s": every_s, "broker": port, "folder": folder, "page": page}
        config.write_text(CONFIG.format(pictures=pictures, **told))
        command = [*RUN, "--config", config]
        env = os.environ | {"MALLOC_ARENA_MAX": "2"}  # as fieldeye.service has it
        with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as process:
            try:
                yield Running(process.pid, Path(folder), page)
            finally:
                process.terminate()


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS  # utime and stime, proc(5)


def _status_mib(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


if __name__ == "__main__":
    alone(main, __doc__)
