"""`fieldeye demo`: a node on bundled field photographs, its own broker, the page, and what the platform would get."""

import argparse
import json
import shlex
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event, Thread, Timer
from time import monotonic

from edge.app import Node, build
from edge.cameras.pictures import pictures_in
from edge.cli.arguments import model_argument
from edge.cli.exits import DONE, NOT_WELL
from edge.cli.listen import tell
from edge.cli.loopback import free_port, loopback_broker, mosquitto
from edge.cli.results import say, show
from edge.cli.stopping import stop_on_signal
from edge.clock import ClockState, Instant, SystemClock
from edge.config import NodeConfig, parse_config
from edge.errors import UsageError
from edge.platform import BrokerAddress, Deduplicator, Heard, Message, Subscriber, decode
from edge.status import StatusBoard
from edge.store import kept_records
from edge.wire import StoreHealth

PICTURES = Path(__file__).parent / "demo_pictures"
PAGE_PORT = 8080
BROKER_PORT = 1883
NODE_TOML = "node.toml"
YEAR_S = 31_536_000  # no timer takes an end that never comes
ARRIVES_S = 3.0  # an acknowledged record reaches the listener within milliseconds; a busy machine takes longer
CONFIG = """
[node]
site = "demo"
node = "demo-1"
[camera]
kind = "folder"
source = {pictures}
loop = true
every_s = {every_s}
[model]
name = {model}
[store]
folder = {folder}
interval_s = 10
[page]
port = {page}
"""
BROKER = """
[mqtt]
host = "127.0.0.1"
port = {port}
tls = false
health_every_s = 10
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `demo`."""
    parser.add_argument("--seconds", type=float, metavar="S", help="end by itself after S seconds; default: at Ctrl-C")
    parser.add_argument("--every", type=float, default=2.0, metavar="S", help="seconds from picture to picture")
    parser.add_argument("--pictures", type=Path, default=PICTURES, metavar="DIR", help="your own pictures")
    model_argument(parser)
    parser.add_argument("--json", action="store_true", help="records and summary as JSON, one object a line")


@dataclass(frozen=True, slots=True)
class Sum:
    """What a demonstration did."""

    frames: int
    detections: int
    records: int  # committed
    acknowledged: int
    received: int
    waiting: int  # for a broker


class KeptClock(SystemClock):
    """A PC's, which a cell keeps: that no time server is asked, as in a container, calls for no technician."""

    def now(self) -> Instant:
        """This moment."""
        return replace(super().now(), state=ClockState.SYNCED)


def run(args: argparse.Namespace) -> int:
    """0 if frames were looked at, and, where there is Mosquitto, each committed record was received."""
    _check(args)
    stop = Event()
    stop_on_signal(stop)
    with ExitStack() as outer:
        folder = Path(outer.enter_context(tempfile.TemporaryDirectory(prefix="fieldeye-demo-")))
        port = _start_broker(outer, folder)
        ear = outer.enter_context(Ear(port, stop, as_json=args.json)) if port else None
        with ExitStack() as parts:
            node = build(_config(args, folder, port), parts, stop, clock=KeptClock())
            _greet(node, port, folder)
            _end_after(args.seconds, stop)
            node.run()
        with kept_records(folder, node.config.node.node) as records:  # once the publisher has marked the last
            done = _sum(records.health(), node.board, ear)
    show(asdict(done), _sentence(done), as_json=args.json)
    complete = done.received == done.records or not port
    return DONE if complete and done.frames and node.board.snapshot().problem == "" else NOT_WELL


def _check(args: argparse.Namespace) -> None:
    """Raises UsageError for what a demonstration cannot begin with."""
    if args.seconds is not None and not 0 < args.seconds < YEAR_S:
        raise UsageError(f"--seconds {args.seconds:g}: is above 0 and below a year; leave it out to end by Ctrl-C")
    if not args.pictures.is_dir():
        raise UsageError(f"--pictures {args.pictures}: no such folder; name a folder of pictures")
    if not pictures_in(args.pictures):
        raise UsageError(f"--pictures {args.pictures}: holds no picture; put JPEG or PNG files there")


class Ear:
    """Listens to the broker as the platform does, in a thread of its own, and prints each record.

    `enough` ends the demonstration: nobody reads any more what is printed, or the disk that it goes to is full.
    """

    def __init__(self, port: int, enough: Event, *, as_json: bool) -> None:
        self._subscriber = Subscriber(BrokerAddress(host="127.0.0.1", port=port))
        self._enough, self._as_json = enough, as_json
        self._stop = Event()
        self._thread = Thread(target=self._listen, name="ear")
        self.seen = Deduplicator()

    def __enter__(self) -> "Ear":
        self._thread.start()
        self._subscriber.subscribed.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)

    def wait_for(self, records: int) -> None:
        """Until so many different ones were received, or a little longer than the last takes."""
        until_s = monotonic() + ARRIVES_S
        while self.seen.counted < records and monotonic() < until_s and self._thread.is_alive():
            self._stop.wait(0.02)

    def _listen(self) -> None:
        for message in self._subscriber.messages(self._stop):
            try:
                self._tell(message)
            except OSError:  # the sum that is printed at the end meets it again, and says it
                self._enough.set()
                return

    def _tell(self, message: Message) -> None:
        heard = decode(message)
        if not isinstance(heard, Heard) or not heard.records:
            return
        new = [self.seen.is_new(decoded.key) for decoded in heard.records]
        for is_new, told in zip(new, heard.as_json(), strict=True):
            if is_new:
                tell(told, as_json=self._as_json)


def _start_broker(outer: ExitStack, folder: Path) -> int | None:
    """The port of a Mosquitto that ends with `outer`; None without Mosquitto: a node needs no broker to look."""
    program = mosquitto()
    if program is None:
        say("no Mosquitto here (sudo apt install mosquitto): the node looks, keeps and shows; its records wait")
        return None
    port = free_port(BROKER_PORT)
    outer.enter_context(loopback_broker(program, folder, port))
    return port


def _config(args: argparse.Namespace, folder: Path, port: int | None) -> NodeConfig:
    text = CONFIG.format(
        pictures=_toml(str(args.pictures.resolve())),
        every_s=args.every,
        model=_toml(args.model),
        folder=_toml(str(folder)),
        page=free_port(PAGE_PORT),
    )
    text += BROKER.format(port=port) if port else ""  # a guessed port would tell whatever broker starts there later
    (folder / NODE_TOML).write_text(text, encoding="utf-8")  # for other commands while the demonstration runs
    return parse_config(text, "demo")


def _toml(text: str) -> str:
    """In quotes: a JSON string is one of TOML, but for its escapes in pairs, as of 𠮷, and for a bare DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _greet(node: Node, port: int | None, folder: Path) -> None:
    problem = node.board.snapshot().problem
    if problem:
        say(problem)
    if node.page is not None:
        say(f"the page: {node.page.url}   (Ctrl-C ends)")
        say(f"its first account, in another terminal: {_program()} reset-password --config {folder / NODE_TOML}")
    if port is not None:
        say(f"the broker: 127.0.0.1:{port}; below is what the platform receives")


def _program() -> str:
    """What starts this program from any folder: after `make demo` no `fieldeye` is on the PATH."""
    path = Path(sys.argv[0]).absolute()
    return shlex.join([sys.executable, "-m", "edge"] if path.name == "__main__.py" else [str(path)])


def _end_after(seconds: float | None, stop: Event) -> None:
    if seconds is not None:
        timer = Timer(seconds, stop.set)
        timer.daemon = True
        timer.start()


def _sum(store: StoreHealth, board: StatusBoard, ear: Ear | None) -> Sum:
    records, snapshot = store.last_seq or 0, board.snapshot()
    if ear is not None:
        ear.wait_for(records)
    return Sum(
        frames=snapshot.camera.looked,
        detections=snapshot.camera.detections,
        records=records,
        acknowledged=snapshot.link.acknowledged,
        received=ear.seen.counted if ear else 0,
        waiting=store.waiting,
    )


def _sentence(done: Sum) -> str:
    fate = "kept" if done.waiting else "sent"
    line = (
        f"{done.frames} frames, {done.detections} detections, {done.records} records {fate}, "
        f"{done.acknowledged} acknowledged, {done.received} received"
    )
    return f"{line}; {done.waiting} records are waiting for a broker" if done.waiting else line
