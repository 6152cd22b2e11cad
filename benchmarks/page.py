"""What the page costs: python -m benchmarks.page

A store with 14 days of hourly intervals and 2,000 sightings. The detector is the bundled model on a field picture; what
is reported is how much 20 reading phones and one live viewer slow it in the same run.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread

import cv2
import numpy as np

from edge.cli.demo import PICTURES
from edge.clock import SystemClock
from edge.fallback import open_detector
from edge.page import PageServer, create_app, serve
from edge.status import StatusBoard
from edge.store import Store
from tests.page.scenes import BUG, HOPPER, Scene, config, interval, sighting, well

PHONES, READS_EVERY_S = 20, 20.0  # an open page follows the node every 20 s
LOOPS = 300


def main() -> None:
    """Print one line a figure."""
    with tempfile.TemporaryDirectory() as folder, busy_node(Path(folder)) as (scene, server):
        before_mib = _resident_mib()
        times_ms = [_timed_ms(lambda: _get(server.port, "/")) for _ in range(60)][10:]
        print(f"home page, alone: median {statistics.median(times_ms):.1f} ms, p95 {_p95(times_ms):.1f} ms")
        print(f"memory after 60 reads: {_resident_mib() - before_mib:.1f} MiB more")
        crowd(scene, server)


def crowd(scene: Scene, server: PageServer) -> None:
    """What the crowd costs the node's process, and how much longer a look takes meanwhile; the phones' own waiting."""
    picture = np.asarray(cv2.imread(str(next(PICTURES.glob("*.jpg")))), np.uint8)
    with tempfile.TemporaryDirectory() as kept:
        detector = open_detector("pests", kept=Path(kept), threads=1, confidence=None).detector
        with looking(server.port) as waits_ms:
            begun_s, busy_s = time.perf_counter(), time.process_time()
            while time.perf_counter() - begun_s < READS_EVERY_S:
                scene.board.show_frame(picture.copy())
                time.sleep(0.1)
            share = (time.process_time() - busy_s) / (time.perf_counter() - begun_s)
        reads = f"p95 of {len(waits_ms)} reads {_p95(waits_ms):.0f} ms"
        print(f"{PHONES} phones and a live viewer: {share:.1%} of a core; {reads}")
        alone_s = [_looks_s(scene, detector, picture)]
        with looking(server.port) as waits_ms:
            crowded_s = _looks_s(scene, detector, picture)
        alone_s.append(_looks_s(scene, detector, picture))
    slower = crowded_s / statistics.mean(alone_s) - 1
    print(f"beside the detector: {slower:+.1%} time a look (to reach: <= +10 %)")
    print(f"home page beside the detector: p95 of {len(waits_ms)} reads {_p95(waits_ms):.0f} ms (to reach: <= 150 ms)")


@contextmanager
def busy_node(folder: Path) -> Iterator[tuple[Scene, PageServer]]:
    """A served node with a full fortnight."""
    clock, settings = SystemClock(), config(folder)
    with closing(Store(settings.store, "north-dyke")) as store:
        scene = Scene(store, StatusBoard(clock.now()), settings, _Now(clock))
        scene.store.commit([interval(scene.before(hours=h), {HOPPER: h % 7, BUG: h % 3}) for h in range(1, 14 * 24)])
        scene.store.commit([sighting(scene.before(minutes=m), count=1 + m % 5) for m in range(2000, 0, -1)])
        jpeg = next(PICTURES.glob("*.jpg")).read_bytes()
        scene.store.commit([sighting(scene.before(seconds=30), count=3)], jpeg)
        well(scene)
        with closing(serve(create_app(store, scene.board, settings, clock), "127.0.0.1", 0)) as server:
            yield scene, server


@contextmanager
def looking(port: int) -> Iterator[list[float]]:
    """Phones that follow the home page and one that watches the live picture, in a process of their own."""
    waits_ms: list[float] = []
    command = [sys.executable, "-m", "benchmarks.page", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as phones:
        yield waits_ms
        answer, _ = phones.communicate("")
        waits_ms += json.loads(answer)


def phones(port: int) -> None:
    """Look until the standard input ends, then print how long each read took."""
    stop, waits_ms = Event(), list[float]()
    everybody = [Thread(target=_follow, args=(port, stop, waits_ms, nth)) for nth in range(PHONES)]
    everybody.append(Thread(target=_watch, args=(port, stop)))
    for one in everybody:
        one.start()
    sys.stdin.read()
    stop.set()
    for one in everybody:
        one.join()
    print(json.dumps(waits_ms))


def _follow(port: int, stop: Event, waits_ms: list[float], nth: int) -> None:
    pause_s = READS_EVERY_S * nth / PHONES
    while not stop.wait(pause_s):
        waits_ms.append(_timed_ms(lambda: _get(port, "/")))
        pause_s = READS_EVERY_S


def _watch(port: int, stop: Event) -> None:
    while not stop.wait(0.5):
        _get(port, "/live.jpg")


class _Now:
    """The system's clock where a scene wants one."""

    def __init__(self, clock: SystemClock) -> None:
        self.now = clock.now


def _looks_s(scene: Scene, detector: Callable[[np.ndarray], object], picture: np.ndarray) -> float:
    """Mean seconds of a look while frames are shown on the board as in the loop."""
    begun = time.perf_counter()
    for _ in range(LOOPS):
        scene.board.show_frame(picture.copy())
        detector(picture)
    return (time.perf_counter() - begun) / LOOPS


def _get(port: int, address: str) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", address)
        return connection.getresponse().read()
    finally:
        connection.close()


def _timed_ms(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / (1 << 20)


if __name__ == "__main__":
    phones(int(sys.argv[1])) if len(sys.argv) > 1 else main()
