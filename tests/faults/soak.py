"""A node under random faults for a long time: nothing lost, nothing doubled, memory, file descriptors and disk flat.

    python -m tests.faults.soak HOURS REPORT.md

The node is `tests.faults.sender` in a process of its own, behind a line that this program spoils, at a broker that it
stops, kills and freezes. At the end what the killed broker forgot, records and photographs, is asked for, and the sets
are compared.
"""

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median_high
from uuid import uuid4

from edge.clock import SystemClock
from edge.platform import replay_commands
from edge.store import Records
from edge.wire import ImageCommand
from tests.broker import Broker
from tests.faults.killing import ROOT
from tests.faults.sender import PHOTO
from tests.network import PUBACK, Network
from tests.node import NODE, Platform
from tests.waiting import wait_until

EVERY_S, FAULT_EVERY_S, SAMPLE_EVERY_S = 0.05, 6.0, 5.0
WARMING_UP = 4  # samples
Sample = tuple[int, float, int, float]  # pid, MiB, descriptors, MB on disk


@dataclass
class Soak:
    """What the faults act on."""

    broker: Broker
    net: Network
    folder: Path
    node: "subprocess.Popen[bytes]"
    faults: Counter[str] = field(default_factory=Counter)
    asked: set[str] = field(default_factory=set)  # questions
    samples: list[Sample] = field(default_factory=list)

    def sample(self) -> None:
        """Memory and descriptors of the node, and what its store takes."""
        status = Path(f"/proc/{self.node.pid}/status").read_text()
        kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        descriptors = len(list(Path(f"/proc/{self.node.pid}/fd").iterdir()))
        disk = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()) / 1e6
        self.samples.append((self.node.pid, kib / 1024, descriptors, disk))

    def stop_broker(self, seconds: float) -> None:
        self.broker.stop()
        time.sleep(seconds)
        self.broker.start()

    def kill_broker(self, seconds: float) -> None:
        self.broker.kill()
        time.sleep(seconds)
        self.broker.start()

    def freeze_broker(self, seconds: float) -> None:
        self.broker.freeze()
        time.sleep(seconds)
        self.broker.thaw()

    def cut_line(self, _seconds: float) -> None:
        self.net.cut_after_bytes = random.randint(1, 2000)

    def swallow_acknowledgements(self, seconds: float) -> None:
        self.net.drop = frozenset({PUBACK})
        time.sleep(seconds)
        self.net.drop = frozenset()
        self.net.cut()

    def slow_line(self, seconds: float) -> None:
        self.net.bytes_a_second, self.net.delay_s = 4000, 0.3
        time.sleep(seconds)
        self.net.bytes_a_second, self.net.delay_s = None, 0.0

    def hold_line(self, seconds: float) -> None:
        self.net.hold = True
        time.sleep(seconds)
        self.net.hold = False

    def kill_node(self, _seconds: float) -> None:
        self.node.kill()
        self.node.wait()
        self.node = start_node(self.folder, self.net.port)


FAULTS: tuple[Callable[[Soak, float], None], ...] = (
    Soak.stop_broker, Soak.kill_broker, Soak.freeze_broker, Soak.cut_line, Soak.swallow_acknowledgements,
    Soak.slow_line, Soak.hold_line,
)  # fmt: skip


def start_node(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.faults.sender", str(folder), str(port), str(EVERY_S)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)


@contextmanager
def soaking() -> Iterator[tuple[Soak, Platform]]:
    with tempfile.TemporaryDirectory() as folder, Broker() as broker, Network(broker.port) as net:
        platform = Platform(broker, session=True)
        soak = Soak(broker, net, Path(folder), start_node(Path(folder), net.port))
        try:
            yield soak, platform
        finally:
            soak.node.kill()
            soak.node.wait()


def main(hours: float, report: Path) -> None:
    chance, began_s = random.Random(0), time.monotonic()
    with soaking() as (soak, platform):
        time.sleep(5)
        while (passed := (time.monotonic() - began_s) / (hours * 3600)) < 1:
            fault = Soak.kill_node if 0.4 < passed < 0.6 else chance.choice(FAULTS)  # a node lives for 40 % of the time
            soak.faults[fault.__name__] += 1
            fault(soak, chance.uniform(0.5, 4))
            until_s = time.monotonic() + FAULT_EVERY_S
            while time.monotonic() < until_s:
                soak.sample()
                platform.read()
                time.sleep(SAMPLE_EVERY_S / 2)
        committed = finish(soak, platform)
        write(report, hours, soak, platform, committed)


def finish(soak: Soak, platform: Platform) -> set[int]:
    """Let the node drain, ask for what the killed broker forgot, and return what was committed."""
    soak.node.kill()
    soak.node.wait()
    soak.node = start_node(soak.folder, soak.net.port)
    records = Records(soak.folder, NODE)
    wait_until(lambda: records.waiting().records < 20, within_s=120)
    soak.node.kill()
    soak.node.wait()
    command = [sys.executable, "-m", "tests.faults.sender", str(soak.folder), str(soak.net.port), "3600"]
    soak.node = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert soak.node.stdout is not None
    soak.node.stdout.readline()  # it commits as it starts, and nothing after that
    wait_until(lambda: records.waiting().records == 0, within_s=60)
    wait_until(lambda: records.health().questions == 0, within_s=120)
    soak.asked = {question.id for question in records.questions()}
    committed = {one.key.seq for one in records.records_between_seq(1, 10**9)}
    for command_ in replay_commands(platform.read().seen, NODE, records.epoch, max(committed), SystemClock().now().utc):
        platform.ask(command_)
    wait_until(lambda: platform.has(committed), within_s=120)
    ask_for_photos(soak, platform)
    records.close()
    return committed


def ask_for_photos(soak: Soak, platform: Platform) -> None:
    """One after the other: those that a killed broker had acknowledged and forgot."""
    for name in sorted(soak.asked - platform.read().photos.keys()):
        expires = SystemClock().now().utc + timedelta(minutes=5)
        platform.ask(ImageCommand(id=uuid4().hex, expires=expires, picture=name))
        wait_until(lambda name=name: name in platform.read().photos, within_s=60)  # type: ignore[misc]


def write(report: Path, hours: float, soak: Soak, platform: Platform, committed: set[int]) -> None:
    """The report, and exit 1 if a set is not the other, a photograph is not whole, or the node grows."""
    whole = sum(platform.photos.get(name) == PHOTO for name in soak.asked)
    lives = long_lives(soak.samples)
    rows = [
        f"| {name} | " + " | ".join(spread(part, at) for life in lives for part in ends(life)) + " |"
        for at, name in (
            (1, "memory of the node, MiB"),
            (2, "file descriptors"),
            (3, "store on disk, MB; its cap is 64"),
        )
    ]
    columns = [f"{which} third of life {number}" for number, _ in enumerate(lives, 1) for which in ("first", "last")]
    lines = [
        f"# Soak of {hours * 60:.0f} minutes", "",
        f"`python -m tests.faults.soak {hours:g} {report}`: "
        "a node that commits 20 records a second, under random faults.", "",
        f"Faults: {', '.join(f'{number} x {name}' for name, number in sorted(soak.faults.items()))}.", "",
        f"Committed {len(committed)}, counted once {len(platform.counted)}, "
        f"missing {len(committed - platform.counted.keys())}, more than committed "
        f"{len(platform.counted.keys() - committed)}, repeated on the wire {platform.seen.repeated}.",
        f"Photographs asked about {len(soak.asked)}, whole at the platform {whole}.", "",
        "Least, median, most of the two processes that lived longest.", "",
        f"| | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|", *rows, "",
    ]  # fmt: skip
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text("\n".join(lines))
    if committed != platform.counted.keys() or whole != len(soak.asked) or not soak.asked or grows(soak.samples):
        sys.exit(1)


def long_lives(samples: list[Sample]) -> list[list[Sample]]:
    """Of the two processes that lived longest, without their first 10 s: one of another age says nothing of growth."""
    lives = [[one for one in samples if one[0] == pid][WARMING_UP:] for pid in dict.fromkeys(one[0] for one in samples)]
    longest = sorted(lives, key=len)[-2:]
    return [life for life in lives if life in longest and len(life) > 2]


def ends(life: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    third = len(life) // 3
    return life[:third], life[-third:]


def grows(samples: list[Sample]) -> bool:
    """Does a process end with more memory or descriptors than it began with, or the store pass its cap?"""
    lives = long_lives(samples)
    for before, after in map(ends, lives):
        (memory, more_memory), (files, more_files) = (
            [median_high(one[at] for one in part) for part in (before, after)] for at in (1, 2)
        )
        if more_memory > 1.15 * memory or more_files > files + 5:
            return True
    return not lives or max(one[3] for one in samples) > 64


def spread(samples: list[Sample], at: int) -> str:
    values = sorted(float(sample[at]) for sample in samples)
    return f"{values[0]:.1f}, {median_high(values):.1f}, {values[-1]:.1f}"


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]))
