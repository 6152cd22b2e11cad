"""What benchmarks of a running node share: a broker, what the node says of itself, its store, its page."""

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread

from edge.cli.loopback import free_port, loopback_broker, mosquitto
from edge.platform import BrokerAddress, Heard, Subscriber, decode
from edge.wire import Health

TOKEN = "phone"  # noqa: S105  of a store that lives as long as this program


class Told:
    """The newest `health` of the node, heard at the broker."""

    def __init__(self, port: int) -> None:
        self.newest: Health | None = None
        self._stop = Event()
        self._subscriber = Subscriber(BrokerAddress(host="127.0.0.1", port=port))
        self._thread = Thread(target=self._listen)
        self._thread.start()

    @property
    def frames(self) -> int:
        """Frames that the detector has looked at."""
        return self.newest.camera.looked if self.newest and self.newest.camera else 0

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(10)

    def _listen(self) -> None:
        for message in self._subscriber.messages(self._stop):
            heard = decode(message)
            if isinstance(heard, Heard) and isinstance(heard.message, Health):
                self.newest = heard.message


@contextmanager
def broker() -> Iterator[int]:
    """A Mosquitto on loopback, as long as the block runs."""
    port, program = free_port(), mosquitto()
    if program is None:
        raise SystemExit("benchmarks: Mosquitto is missing; run: make bench")
    with tempfile.TemporaryDirectory() as folder, loopback_broker(program, Path(folder), port):
        yield port


def wait_for(condition: Callable[[], bool], within_s: float = 60.0, every_s: float = 0.02) -> None:
    """Until `condition`. Raises SystemExit with a sentence."""
    until_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until_s:
            raise SystemExit(f"benchmarks: not within {within_s:.0f} s; run fieldeye doctor")
        time.sleep(every_s)


def records(folder: Path) -> int:
    """How many are in the store in `folder`."""
    path = folder / "fieldeye.db"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db, suppress(sqlite3.OperationalError):
        return int(db.execute("SELECT count(*) FROM record").fetchone()[0])
    return 0  # the table is not there yet


def get(port: int, address: str) -> bytes:
    """As a phone that is logged in by TOKEN."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", address, headers={"Cookie": f"fieldeye={TOKEN}"})
        return connection.getresponse().read()


def report(what: str, figure: str, target: str) -> None:
    """One line: what, the figure, what it should be."""
    print(f"{what:<44} {figure:>22}   {target}", flush=True)
