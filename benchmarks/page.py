"""What the page costs: python -m benchmarks.page

A store with 14 days of hourly intervals and 2,000 sightings; each phone has logged in as a farmer. The detector is the
bundled model on a field picture. Looks alone and looks beside 20 reading phones and one live viewer take turns of some
seconds in the same run, and their medians are compared: what else a shared machine does meets both.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks._alone import alone
from benchmarks._running import TOKEN, get
from edge.bundle import MODELS
from edge.cli.demo import PICTURES
from edge.clock import SystemClock
from edge.fallback import open_detector
from edge.page import PageServer, create_app, serve
from edge.page.trust import digest
from edge.status import StatusBoard
from edge.store import Account, Store
from tests.page.scenes import BUG, HOPPER, Scene, config, interval, sighting, well

PHONES, READS_EVERY_S = 20, 20.0  # an open page follows the node every 20 s
TURNS, TURN_S = 6, 8.0


def main() -> None:
    """Print one line a figure."""
    with tempfile.TemporaryDirectory() as folder, busy_node(Path(folder)) as (scene, server):
        begun_s = time.process_time()
        times_ms = [_timed_ms(lambda: get(server.port, "/")) for _ in range(60)][10:]
        own_ms = (time.process_time() - begun_s) / 60 * 1000
        print(f"home page, alone: {own_ms:.1f} ms of processor, here with the asking; p95 {_p95(times_ms):.0f} ms")
        crowd(scene, server)


def crowd(scene: Scene, server: PageServer) -> None:
    """What the crowd costs the node's process, and how much longer a look takes meanwhile; the phones' own waiting."""
    picture = np.asarray(cv2.imread(str(next(PICTURES.glob("*.jpg")))), np.uint8)
    with tempfile.TemporaryDirectory() as kept, looking(server.port) as phones:
        detector = open_detector("pests", kept=Path(kept), folder=MODELS).detector
        phones.look(is_on=True)
        begun_s, busy_s = time.perf_counter(), time.process_time()
        while time.perf_counter() - begun_s < READS_EVERY_S:
            scene.board.show_frame(picture.copy())
            time.sleep(0.1)
        share = (time.process_time() - busy_s) / (time.perf_counter() - begun_s)
        print(f"{PHONES} phones and a live viewer: {share:.1%} of a core")
        alone_s, crowded_s = list[float](), list[float]()
        for _ in range(TURNS):
            for is_on, looks_s in ((False, alone_s), (True, crowded_s)):
                phones.look(is_on=is_on)
                looks_s.extend(_looks_s(scene, detector, picture))
        waits_ms = phones.end()
    slower = statistics.median(crowded_s) / statistics.median(alone_s) - 1
    print(f"beside the detector: {slower:+.1%} time a look (to reach: <= +10 %), of {len(crowded_s)} looks")
    print(f"home page meanwhile: p95 of {len(waits_ms)} reads {_p95(waits_ms):.0f} ms (to reach: <= 150 ms)")


@contextmanager
def busy_node(folder: Path) -> Iterator[tuple[Scene, PageServer]]:
    """A served node with a full fortnight."""
    clock, settings = SystemClock(), config(folder)
    with closing(Store(settings.store, "north-dyke")) as store:
        scene = Scene(store, StatusBoard(clock.now()), settings, clock)
        scene.store.commit([interval(scene.before(hours=h), {HOPPER: h % 7, BUG: h % 3}) for h in range(1, 14 * 24)])
        scene.store.commit([sighting(scene.before(minutes=m), count=1 + m % 5) for m in range(2000, 0, -1)])
        jpeg = next(PICTURES.glob("*.jpg")).read_bytes()
        scene.store.commit([sighting(scene.before(seconds=30), count=3)], jpeg)
        well(scene)
        store.accounts.put(Account(name="farmer", role="farmer", hash="none"), clock.now().utc)
        store.accounts.begin(digest(TOKEN), "farmer", clock.now().utc)
        with closing(serve(create_app(store, scene.board, settings, clock), "127.0.0.1", 0)) as server:
            yield scene, server


class Phones(NamedTuple):
    """Phones that follow the home page and one that watches the live picture, in a process of their own."""

    process: subprocess.Popen[str]

    def look(self, *, is_on: bool) -> None:
        """From now on, or no longer."""
        assert self.process.stdin is not None  # noqa: S101  asked for below
        self.process.stdin.write("on\n" if is_on else "off\n")
        self.process.stdin.flush()

    def end(self) -> list[float]:
        """How long each read took, ms."""
        return list(json.loads(self.process.communicate("")[0]))


@contextmanager
def looking(port: int) -> Iterator[Phones]:
    """Phones at the node's page, which do not look yet."""
    command = [sys.executable, "-m", "benchmarks.page", "phones", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Phones(process)


def follow_and_watch(port: int) -> None:
    """Look while they are switched on, until the standard input ends; then print how long each read took."""
    stop, is_on, waits_ms = Event(), Event(), list[float]()
    everybody = [Thread(target=_follow, args=(port, stop, is_on, waits_ms, nth)) for nth in range(PHONES)]
    everybody.append(Thread(target=_watch, args=(port, stop, is_on)))
    for one in everybody:
        one.start()
    for line in sys.stdin:
        (is_on.set if line == "on\n" else is_on.clear)()
    stop.set()
    for one in everybody:
        one.join()
    print(json.dumps(waits_ms))


def _follow(port: int, stop: Event, is_on: Event, waits_ms: list[float], nth: int) -> None:
    pause_s = READS_EVERY_S * nth / PHONES
    while not stop.wait(pause_s):
        if is_on.is_set():
            waits_ms.append(_timed_ms(lambda: get(port, "/")))
        pause_s = READS_EVERY_S


def _watch(port: int, stop: Event, is_on: Event) -> None:
    while not stop.wait(0.5):
        if is_on.is_set():
            get(port, "/live.jpg")


def _looks_s(scene: Scene, detector: Callable[[np.ndarray], object], picture: np.ndarray) -> list[float]:
    """Seconds of each look of one turn, while frames are shown on the board as in the loop."""
    looks_s, ends_s = list[float](), time.perf_counter() + TURN_S
    while time.perf_counter() < ends_s:
        begun_s = time.perf_counter()
        scene.board.show_frame(picture.copy())
        detector(picture)
        looks_s.append(time.perf_counter() - begun_s)
    return looks_s


def _timed_ms(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    if sys.argv[1:2] == ["phones"]:  # its own process
        follow_and_watch(int(sys.argv[2]))
    else:
        alone(main, __doc__)
