"""What a node writes to its card in a day: an interval an hour, two hundred sightings, and health once a minute.

Three real `fieldeye run` with a real Mosquitto and a subscriber: one shows an insect now and then, one only waits, and
one is a trap that looks at a real sticky card in each of its short intervals, with which it keeps the card. On a node
the kernel writes what nobody has synced each half hour, in which come four of the day's sightings: so here all is
synced after each fourth, once SQLite's log has come round. `write_bytes` of /proc/PID/io (proc(5)) is what the
node hands to the disk; as root it is also read from an ext4 of its own for each, with blocks as large as a card's,
mounted as on a node, with its journal.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks._alone import alone
from benchmarks._card_series import card_series
from benchmarks._running import Told, broker, records, report, wait_for
from edge.cli.demo import PICTURES
from edge.cli.loopback import free_port
from tests.clocks import RUN

CONFIG = """
[node]
site = "bench"
node = "{name}"
[camera]
kind = "folder"
source = "{folder}/pictures"
loop = true
mode = "{mode}"
every_s = 1
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
INTERVALS_A_DAY, SIGHTINGS_A_DAY, FLUSHES_A_DAY = 24, 200, 48  # a `live` one is counted as if it wrote a picture
SHOWN, EVERY_S, FLUSH_AFTER = 32, 8.0, 4  # so many pictures, so far apart
CARD_EVERY_S = 16.0  # an interval of the trap
WARM_UP = 150  # sightings until the log is written over instead of growing
SECTOR_BYTES = 512
CARD = Path(__file__).parents[1] / "firmware_config/card/system/etc/systemd/system/fieldeye-card.service"


class Written(NamedTuple):
    """Bytes so far: by the process, and on its disk (0 where that cannot be told)."""

    process: int
    disk: int


class Running(NamedTuple):
    """A node, its folder and what counts the sectors there."""

    pid: int
    folder: Path
    sectors: Callable[[], int]


def main() -> None:
    """Print a line a figure."""
    with ExitStack() as parts:
        port = parts.enter_context(broker())
        parts.enter_context(closing(Told(port)))
        nodes = {name: parts.enter_context(node(port, name)) for name in ("sightings", "waits", "trap")}
        spent, counted, intervals = measured(nodes)
    for at, what in enumerate(("node's own writes", "with the journal of its ext4")):
        idle = spent["waits"][at] / (SHOWN / FLUSH_AFTER)
        record = (spent["sightings"][at] - spent["waits"][at]) / counted
        kept = (spent["trap"][at] - spent["waits"][at]) / intervals
        if not idle + record:
            continue
        besides = FLUSHES_A_DAY * idle + SIGHTINGS_A_DAY * record
        for mode, interval, most in (("live", record, "<= 20 MB"), ("trap", kept, "")):
            report(f"card a day, {mode}, {what}", f"{(besides + INTERVALS_A_DAY * interval) / 1e6:.1f} MB", most)
        report("  of it: half an hour in which nothing is seen", f"{idle / 1e3:.1f} kB", "")
        report("  of it: a sighting with its picture", f"{record / 1e3:.1f} kB", "")
        report("  of it: a trap's interval with its card", f"{kept / 1e3:.1f} kB", "")


def measured(nodes: dict[str, Running]) -> tuple[dict[str, Written], int, int]:
    """What each wrote while insects were shown to one, and how many records that made, and the trap its own."""
    shown = Shown(nodes["sightings"].folder / "pictures")
    for one in nodes.values():
        wait_for(lambda one=one: (one.folder / "state/fieldeye.db").exists(), within_s=120)  # type: ignore[misc]
    while records(nodes["sightings"].folder / "state") < WARM_UP:
        shown.next()
        time.sleep(3)
    time.sleep(70)  # health has been read since the last start
    before = {name: written(one) for name, one in nodes.items()}
    first = {name: records(one.folder / "state") for name, one in nodes.items()}
    for number in range(1, SHOWN + 1):
        shown.next()
        time.sleep(EVERY_S)  # acknowledged and marked; a measurement, not a wait
        if number % FLUSH_AFTER == 0:
            os.sync()
    made = {name: records(one.folder / "state") - first[name] for name, one in nodes.items()}
    spent = {
        name: Written(*(b - a for a, b in zip(before[name], written(one), strict=True))) for name, one in nodes.items()
    }
    return spent, made["sightings"], made["trap"]


class Shown:
    """A camera's folder: a picture of nothing, and for a moment one of insects."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0
        self._pictures = sorted(PICTURES.glob("*.jpg"))

    def next(self) -> None:
        """The next picture takes the place of the one before."""
        before = list(self._folder.glob("insects-*"))
        self._number += 1
        beside = self._folder / f".{self._number}"
        shutil.copy(self._pictures[self._number % len(self._pictures)], beside)
        beside.rename(self._folder / f"insects-{self._number:04}.jpg")
        for path in before:
            path.unlink()


@contextmanager
def node(port: int, name: str) -> Iterator[Running]:
    """A running node on a disk of its own; its pictures lie elsewhere."""
    with disk() as (folder, sectors), tempfile.TemporaryDirectory() as other:
        (Path(other) / "pictures").mkdir()
        (folder / "pictures").symlink_to(Path(other) / "pictures")
        is_trap = name == "trap"
        if is_trap:
            shutil.copytree(card_series(), Path(other) / "pictures", dirs_exist_ok=True)
        else:
            plain = np.random.default_rng(1).normal(120, 12, (480, 640, 3)).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / "pictures/nothing.png"), plain)
        config = folder / "node.toml"
        told = {"name": name, "broker": port, "page": free_port(), "folder": folder}
        looks = {"mode": "trap", "interval_s": CARD_EVERY_S} if is_trap else {"mode": "live", "interval_s": 86400}
        config.write_text(CONFIG.format(**told, **looks))
        command = [*RUN, "--config", str(config)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                yield Running(process.pid, folder, sectors)
            finally:
                process.terminate()


def written(one: Running) -> Written:
    """How much was written so far, once it is on the disk."""
    os.sync()
    lines = dict(line.split(": ") for line in Path(f"/proc/{one.pid}/io").read_text().splitlines())
    return Written(int(lines["write_bytes"]) - int(lines["cancelled_write_bytes"]), one.sectors() * SECTOR_BYTES)


@contextmanager
def disk() -> Iterator[tuple[Path, Callable[[], int]]]:
    """A folder and what counts the sectors written there: on an ext4 in a file as root, else without that count."""
    with tempfile.TemporaryDirectory(dir=Path.cwd() / "build" if Path("build").is_dir() else None) as name:
        folder, image = Path(name) / "card", Path(name) / "image"
        folder.mkdir()
        image.touch()
        os.truncate(image, 4_000_000_000)
        form = ("-q", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard")
        if os.geteuid() != 0 or not (_ran("mkfs.ext4", *form, image) and _ran("mount", "-o", options(), image, folder)):
            yield folder, lambda: 0
            return
        try:
            device = folder.stat().st_dev
            stat = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
            yield folder, lambda: int(stat.read_text().split()[6])  # sectors written: Documentation/block/stat.rst
        finally:
            _ran("umount", folder)


def options() -> str:
    """With which a node mounts its card."""
    (line,) = [line for line in CARD.read_text().splitlines() if line.startswith("ExecStart=")]
    return line.split()[2].replace("remount", "loop")


def _ran(*command: object) -> bool:
    return subprocess.run([*map(str, command)], check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    alone(main, __doc__)
