"""What a node writes to its card in a day: an interval an hour, two hundred sightings, and health once a minute.

A real `fieldeye run` with a real Mosquitto and a subscriber. `write_bytes` of /proc/PID/io (proc(5)) is what the node
hands to the disk; as root it is also read from an ext4 of its own, where the file system's journal counts as well.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.node import Told, _records, _report, _wait_for, broker
from edge.cli.demo import PICTURES
from edge.cli.loopback import free_port

CONFIG = """
[node]
site = "bench"
node = "bench-1"
[camera]
kind = "folder"
source = "{pictures}"
loop = true
every_s = {every_s}
[mqtt]
host = "127.0.0.1"
port = {broker}
tls = false
[store]
folder = "{folder}/state"
interval_s = {interval_s}
[page]
port = {page}
"""
MINUTES, RECORDS_A_DAY = 1440, 24 + 200
IDLE_S = 240.0
SECTOR_BYTES = 512


class Written(NamedTuple):
    """Bytes so far: by the process, and on its disk (0 where that cannot be told)."""

    process: int
    disk: int


def main() -> None:
    """Print a line a figure."""
    with broker() as port, closing(Told(port)), disk() as (folder, sectors):
        idle = idle_minute(port, folder, sectors)
        record = one_record(port, folder, sectors)
    for name, least in (("process", idle.process), ("disk", idle.disk)):
        each = getattr(record, name)
        if name == "disk" and not (least or each):
            continue
        day_mb = (least * MINUTES + each * RECORDS_A_DAY) / 1e6
        what = "node's own writes" if name == "process" else "with the journal of its ext4"
        _report(f"card a day, {what}", f"{day_mb:.1f} MB", "<= 20 MB")
        _report("  of it: a minute in which nothing is seen", f"{least / 1e3:.1f} kB", "")
        _report("  of it: a record, kept and delivered", f"{each / 1e3:.1f} kB", "")


def idle_minute(port: int, folder: Path, sectors: Callable[[], int]) -> Written:
    """Bytes a minute while the camera waits for the next picture."""
    with node(port, folder / "idle", every_s=86400, interval_s=3600) as one:
        _wait_for(lambda: _records(folder / "idle/state") > 0)
        time.sleep(20)  # what the start itself writes
        before = written(one, sectors)
        time.sleep(IDLE_S)  # a measurement, not a wait
        after = written(one, sectors)
    return Written(*(int((b - a) * 60 / IDLE_S) for a, b in zip(before, after, strict=True)))


def one_record(port: int, folder: Path, sectors: Callable[[], int]) -> Written:
    """Bytes a record, pictures of sightings included, at a pace at which the minute's share is small."""
    with node(port, folder / "busy", every_s=1, interval_s=9) as one:
        state = folder / "busy/state"
        _wait_for(lambda: _records(state) >= 20, within_s=120, every_s=0.2)
        first, before = _records(state), written(one, sectors)
        _wait_for(lambda: _records(state) >= first + RECORDS_A_DAY, within_s=600, every_s=0.2)
        last, after = _records(state), written(one, sectors)
    return Written(*((b - a) // (last - first) for a, b in zip(before, after, strict=True)))


@contextmanager
def node(port: int, folder: Path, *, every_s: float, interval_s: float) -> Iterator[int]:
    """A running node's process."""
    folder.mkdir()
    config = folder / "node.toml"
    told = {"pictures": PICTURES, "broker": port, "page": free_port(), "folder": folder}
    config.write_text(CONFIG.format(every_s=every_s, interval_s=interval_s, **told))
    command = [sys.executable, "-m", "edge", "run", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        yield process.pid
        process.terminate()


def written(pid: int, sectors: Callable[[], int]) -> Written:
    """How much was written so far, once it is on the disk."""
    os.sync()
    lines = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return Written(int(lines["write_bytes"]) - int(lines["cancelled_write_bytes"]), sectors() * SECTOR_BYTES)


@contextmanager
def disk() -> Iterator[tuple[Path, Callable[[], int]]]:
    """A folder and what counts the sectors written there: on an ext4 in a file as root, else without that count."""
    with tempfile.TemporaryDirectory(dir=Path.cwd() / "build" if Path("build").is_dir() else None) as name:
        folder, image = Path(name) / "card", Path(name) / "image"
        folder.mkdir()
        image.touch()
        os.truncate(image, 512_000_000)
        made = (
            os.geteuid() == 0 and _ran("mkfs.ext4", "-q", image) and _ran("mount", "-o", "loop,noatime", image, folder)
        )
        if not made:
            yield folder, lambda: 0
            return
        try:
            device = folder.stat().st_dev
            stat = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
            yield folder, lambda: int(stat.read_text().split()[6])  # sectors written: Documentation/block/stat.rst
        finally:
            _ran("umount", folder)


def _ran(*command: object) -> bool:
    return subprocess.run([*map(str, command)], check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    main()
