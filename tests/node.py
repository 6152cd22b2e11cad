"""A node's store and publisher against a real broker, and the platform that counts what it gets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

from edge.clock import SystemClock
from edge.config import MqttTable, NodeTable, StoreTable
from edge.counts import Lost, Record
from edge.mqtt import Pace, Publisher
from edge.platform import Bad, Deduplicator, Heard, Message, decode
from edge.status import LinkStatus, StatusBoard
from edge.store import Store
from edge.wire import Health, Info, Status
from tests.broker import Broker, Client
from tests.waiting import wait_until

SITE, NODE = "farm-3", "n1"
FAST = Pace(again_first_s=0.05, again_most_s=0.3, kept_first_s=0.1, kept_most_s=0.4, connect_s=5.0, turn_s=0.05)
ACL = f"""
user node
topic write fieldeye/v1/{SITE}/{NODE}/#
topic read fieldeye/v1/{SITE}/{NODE}/cmd/#

user platform
topic readwrite fieldeye/v1/#
"""


class Platform:
    """A subscriber that deduplicates by key. `session` keeps what comes while it is away."""

    def __init__(
        self, broker: Broker, *, name: str = "platform", user: str | None = None, session: bool = False
    ) -> None:
        self.client: Client = broker.connect(name, user=user, clean=not session)
        self.client.subscribe("fieldeye/v1/#")
        self._read = 0
        self.seen = Deduplicator()
        self.counted: dict[int, Record] = {}
        self.statuses: list[Status] = []
        self.messages: dict[str, list[Any]] = {}

    def read(self) -> "Platform":
        """Take in what has come so far."""
        while self._read < len(self.client.inbox):
            message = self.client.inbox[self._read]
            self._read += 1
            heard = decode(Message(message.topic, message.payload, message.retain))
            assert not isinstance(heard, Bad), heard
            self._take(heard)
        return self

    def _take(self, heard: Heard) -> None:
        for decoded in heard.records:
            if self.seen.is_new(decoded.key):
                self.counted[decoded.key.seq] = decoded.record  # type: ignore[assignment]
        if isinstance(heard.message, Status):
            self.statuses.append(heard.message)
        if heard.message is not None:
            self.messages.setdefault(heard.topic.channel, []).append(heard.message)

    def has(self, seqs: set[int]) -> bool:
        """Has it counted all of these?"""
        return seqs <= self.read().counted.keys()

    @property
    def lost(self) -> int:
        """Records that the node has announced as lost."""
        return sum(record.count for record in self.read().counted.values() if isinstance(record, Lost))


@dataclass
class Node:
    """What a test holds of a running publisher."""

    store: Store
    publisher: Publisher
    board: StatusBoard
    stop: Event
    thread: Thread

    @property
    def link(self) -> LinkStatus:
        return self.board.snapshot().link

    def commit(self, *records: Record) -> set[int]:
        """As the loop does: commit, then wake the publisher."""
        keys = self.store.commit(records)
        self.publisher.wake()
        return {key.seq for key in keys}

    def is_connected(self) -> bool:
        return self.link.state == "connected"

    def is_drained(self) -> bool:
        return self.store.waiting().records == 0

    def end(self, within_s: float = 5.0) -> None:
        """Stop the publisher, cleanly."""
        self.stop.set()
        self.publisher.wake()
        self.thread.join(within_s)
        assert not self.thread.is_alive(), "the publisher did not stop"


def to(port: int, **settings: Any) -> MqttTable:
    """A configuration for a broker on this machine."""
    fields = {"host": "localhost", "port": port, "tls": False, "ack_timeout_s": 5.0, "keepalive_s": 5}
    return MqttTable(**fields | settings)


@contextmanager
def running(folder: Path, config: MqttTable, pace: Pace = FAST, store: StoreTable | None = None) -> Iterator[Node]:
    """A node's store and publisher, started, and ended at the end."""
    clock = SystemClock()
    board = StatusBoard(clock.now())
    kept = Store(store or StoreTable(folder=str(folder)), NODE)
    publisher = Publisher(
        config, NodeTable(site=SITE, node=NODE), kept, clock, board,
        health=lambda: Health(utc=clock.now().utc, clock="synced", session=kept.session_number(), uptime_s=1.0),
        info=lambda: Info(software="fieldeye", version="0", epoch=str(kept.epoch)), pace=pace,
    )  # fmt: skip
    stop = Event()
    node = Node(kept, publisher, board, stop, Thread(target=publisher.run, args=(stop,)))
    node.thread.start()
    try:
        yield node
    finally:
        node.end(10)
        publisher.close()
        kept.close()


def slower(pace: Pace, **changes: float) -> Pace:
    """The same with other waits."""
    return replace(pace, **changes)


def wait_drained(node: Node, within_s: float = 20) -> None:
    """Until every record was acknowledged and marked."""
    wait_until(node.is_drained, within_s=within_s)
