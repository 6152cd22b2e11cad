"""A node's store and publisher against a real broker, and the platform that counts what it gets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

from edge.clock import Clock, ClockState, Instant, SystemClock
from edge.config import MqttTable, NodeTable, StoreTable
from edge.counts import Interval, Lost, Record
from edge.mqtt import Pace, Publisher
from edge.platform import Bad, Deduplicator, Heard, Message, decode
from edge.platform.ledger.album import Album
from edge.status import LinkStatus, StatusBoard
from edge.store import Store
from edge.updates.inbox import Inbox
from edge.wire import (
    Health,
    ImageCommand,
    Info,
    Key,
    ReplayCommand,
    Reply,
    Status,
    decode_message,
    encode_message,
)
from tests.broker import Broker, Client
from tests.clocks import SetClock
from tests.waiting import wait_until

SITE, NODE = "farm-3", "n1"
FAST = Pace(
    again_first_s=0.05,
    again_most_s=0.3,
    kept_first_s=0.1,
    kept_most_s=0.4,
    connect_s=5.0,
    accept_s=5.0,
    clock_s=0.0,
    mark_s=0.05,
    turn_s=0.05,
)
RESTS = replace(FAST, kept_first_s=60.0, kept_most_s=60.0)  # long after a refusal or silence
ACL = f"""
user node
topic write fieldeye/v1/{SITE}/{NODE}/#
topic read fieldeye/v1/{SITE}/{NODE}/cmd/#

user platform
topic readwrite fieldeye/v1/#
"""


class Platform:
    """A subscriber that deduplicates by key. `session` keeps what comes while it is away."""

    def __init__(self, broker: Broker, *, user: str | None = None, session: bool = False) -> None:
        self.client: Client = broker.connect("platform", user=user, clean=not session)
        self.client.subscribe("fieldeye/v1/#")
        self._read = 0
        self.seen = Deduplicator()
        self.counted: dict[int, Record] = {}
        self.keys: set[Key] = set()
        self.told: list[tuple[int, int]] = []  # seq and revision of each interval, as often as it came
        self.statuses: list[Status] = []
        self.messages: dict[str, list[Any]] = {}
        self.album = Album()
        self.photos: dict[str, bytes] = {}  # questions by id

    def read(self) -> "Platform":
        """Take in what has come so far."""
        while self._read < len(self.client.inbox):
            message = self.client.inbox[self._read]
            self._read += 1
            properties = tuple(getattr(message.properties, "UserProperty", ()))
            told = Message(message.topic, message.payload, message.retain, properties)
            heard = decode(told)
            assert not isinstance(heard, Bad), heard
            self._take(heard)
            if heard.topic.channel == "image" and (picture := self.album.take(told)) is not None:
                self.photos[picture.header.id] = picture.jpeg
        return self

    def _take(self, heard: Heard) -> None:
        for decoded in heard.records:
            if isinstance(decoded.record, Interval):
                self.told.append((decoded.key.seq, decoded.record.revision))
            if self.seen.is_new(decoded.key):
                self.counted[decoded.key.seq] = decoded.record  # type: ignore[assignment]
                self.keys.add(decoded.key)
        if isinstance(heard.message, Status):
            self.statuses.append(heard.message)
        if heard.message is not None:
            self.messages.setdefault(heard.topic.channel, []).append(heard.message)

    def has(self, seqs: set[int]) -> bool:
        """Has it counted all of these?"""
        return seqs <= self.read().counted.keys()

    def revisions(self, seq: int) -> list[int]:
        """Of that interval, as they have come."""
        return [revision for told, revision in self.read().told if told == seq]

    def ask(self, command: ReplayCommand | ImageCommand) -> None:
        """Send a command to the node."""
        verb = "replay" if isinstance(command, ReplayCommand) else "image"
        self.client.publish(f"fieldeye/v1/{SITE}/{NODE}/cmd/{verb}", encode_message(command))

    def replies(self) -> list[Reply]:
        """What the node has answered."""
        found = [message for message in self.client.inbox if "/reply/" in message.topic]
        return [decode_message(message.payload, Reply) for message in found]

    def births(self) -> int:
        """How many connections the node has had."""
        return [status.state for status in self.read().statuses].count("online")

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

    def advance(self, clock: SetClock, seconds: float) -> None:
        """Time passes, and the publisher has looked at the clock since."""
        clock.advance(seconds)
        wait_until(lambda: self.publisher.beat_s == clock.mono_s, within_s=5)

    def is_connected(self) -> bool:
        return self.link.state == "connected"

    def is_drained(self) -> bool:
        return self.store.waiting().records == 0

    def end(self, within_s: float = 30.0) -> None:
        """Stop the publisher, cleanly."""
        self.stop.set()
        self.publisher.wake()
        self.thread.join(within_s)
        assert not self.thread.is_alive(), "the publisher did not stop"


class JumpingClock(SystemClock):
    """The board's clock, set wrong by `offset_s`; monotonic time goes on as it does."""

    def __init__(self, offset_s: float, state: ClockState) -> None:
        super().__init__()
        self.offset_s, self.state = offset_s, state

    def now(self) -> Instant:
        true = super().now()
        return replace(true, utc=true.utc + timedelta(seconds=self.offset_s), state=self.state)


def to(port: int, **settings: Any) -> MqttTable:
    """A configuration for a broker on this machine."""
    fields = {"host": "localhost", "port": port, "tls": False, "ack_timeout_s": 5.0, "keepalive_s": 5}
    return MqttTable(**fields | settings)


@contextmanager
def guarded(folder: Path, *, may_write: str = "#", typed: str = "n") -> Iterator[tuple[Broker, Platform, MqttTable]]:
    """A broker with users and an ACL that lets the node write `may_write` below its topic, a platform there, and the
    node's configuration with the password `typed` in a file."""
    secret = folder / "password"
    secret.write_text(f"{typed}\n")
    secret.chmod(0o600)
    acl = ACL.replace(f"topic write fieldeye/v1/{SITE}/{NODE}/#", f"topic write fieldeye/v1/{SITE}/{NODE}/{may_write}")
    with Broker(users={"node": "n", "platform": "p"}, acl=acl) as broker:
        platform = Platform(broker, user="platform")
        yield broker, platform, to(broker.port, username="node", password_file=str(secret))


@contextmanager
def running(
    folder: Path,
    config: MqttTable,
    pace: Pace = FAST,
    *,
    clock: Clock | None = None,
    **store: int,
) -> Iterator[Node]:
    """A node's store and publisher, started, and ended at the end."""
    clock = clock or SystemClock()
    board = StatusBoard(clock.now())
    kept = Store(StoreTable(folder=str(folder), **store), NODE)
    publisher = Publisher(
        config, NodeTable(site=SITE, node=NODE), kept, clock, board,
        health=lambda: Health(utc=clock.now().utc, clock="synced", session=kept.session_number(), uptime_s=1.0),
        info=lambda: Info(software="fieldeye", version="0", epoch=str(kept.epoch)), pace=pace,
        inbox=Inbox(folder / "inbox"), longest_sleep_s=0.0,
    )  # fmt: skip
    stop = Event()
    node = Node(kept, publisher, board, stop, Thread(target=publisher.run, args=(stop,)))
    node.thread.start()
    try:
        yield node
    finally:
        node.end(60)
        publisher.close()
        kept.close()


def wait_drained(node: Node, within_s: float = 20) -> None:
    """Until every record was acknowledged and marked."""
    wait_until(node.is_drained, within_s=within_s)
