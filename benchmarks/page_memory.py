"""How much memory the page takes beside the rest of a node: python -m benchmarks.page_memory

The rest is there first: store, detector, a frame. Then the page is loaded and everything on it is read as people do, in
all nine languages, with a farmer logged in and somebody at the live picture.
"""

import sys
import tempfile
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

import edge.cli
from benchmarks._alone import alone
from benchmarks._running import TOKEN, get
from edge.board import PAGE_BYTES
from edge.bundle import MODELS
from edge.clock import SystemClock
from edge.fallback import open_detector
from edge.status import StatusBoard
from edge.store import Account, Store
from tests.page.scenes import Scene, config, seen

READS = ("/", "/seen", "/node", "/review", "/photo", "/account", "/log-in", "/live", "/api/v1/days", "/metrics")
FRAMES = 40
PICTURES = Path(edge.cli.__file__).parent / "demo_pictures"  # edge.cli.demo would load the page


def main() -> None:
    """Print one line."""
    picture = np.asarray(cv2.imread(str(next(PICTURES.glob("*.jpg")))), np.uint8)
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        settings = config(Path(folder))
        detector = open_detector("pests", kept=Path(folder), folder=MODELS).detector
        detector(picture)
        with closing(Store(settings.store, "north-dyke")) as store:
            scene = Scene(store, StatusBoard(clock.now()), settings, clock)
            seen(scene)
            if "edge.page" in sys.modules:
                sys.exit("the page was loaded before it is measured: look at what this file imports")
            before = resident_mib()
            read_everything(scene, picture)
            print(f"page's own memory: {resident_mib() - before:.1f} MiB over {before:.0f} (to reach: <= 40 MiB)")


def read_everything(scene: Scene, picture: np.ndarray) -> None:
    """In each language; the live picture as long as somebody turns a lens."""
    from edge.languages import LANGUAGES  # noqa: PLC0415
    from edge.page import serve  # noqa: PLC0415  it is what is measured
    from edge.page.accounts.passwords import hashed  # noqa: PLC0415
    from edge.page.trust import digest  # noqa: PLC0415

    accounts, now = scene.store.accounts, scene.clock.now().utc
    accounts.put(Account(name="farmer", role="farmer", hash=hashed("a long enough one")), now)
    accounts.begin(digest(TOKEN), "farmer", now)
    with closing(serve(scene.app(), "127.0.0.1", 0)) as server:
        for language in LANGUAGES:
            for address in READS:
                get(server.port, f"{address}?lang={language}")
        for _ in range(FRAMES):
            scene.board.show_frame(picture.copy())
            get(server.port, "/live.jpg")


def resident_mib() -> float:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / (1 << 20)


if __name__ == "__main__":
    alone(main, __doc__)
