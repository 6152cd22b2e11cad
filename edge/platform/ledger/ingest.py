"""From a broker into a ledger: each record once, and a request to the node for each gap."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from threading import Event
from uuid import UUID

from edge.clock import Clock
from edge.errors import StoreError, WireError, to_read
from edge.platform.broker.subscriber import Subscriber
from edge.platform.decode import Bad, Heard, Message, decode
from edge.platform.ledger.ledger import Ledger
from edge.platform.replay import ASK_AGAIN, MOST_COMMANDS, replay_commands, spans_gone
from edge.wire import Health, Info, encode_message, node_topic, read_carried


def ingest(subscriber: Subscriber, ledger: Ledger, clock: Clock, stop: Event) -> Iterator[int]:
    """Keep what comes until `stop` is set; yields how many new records each message brought.

    A node's `health` says its last number, its `info` the epoch: what is missing below is asked for. Raises StoreError,
    BrokerError.
    """
    gaps = _Gaps(subscriber, ledger, clock)
    for message in subscriber.messages(stop):
        heard = decode(message)
        yield _keep(heard, message, ledger)
        if isinstance(heard, Bad):
            continue
        if isinstance(heard.message, Info):
            ledger.nodes.note((heard.topic.site, heard.topic.node), heard.message)
        gaps.note(heard, message.payload)


def carried_lines(path: Path) -> list[bytes]:
    """Of a file of `fieldeye export`; a file without a line was cut off, and has one that holds nothing.

    Raises StoreError.
    """
    try:
        return path.read_bytes().splitlines() or [b""]
    except OSError as why:
        then = to_read(why, "give a file of `fieldeye export`")
        raise StoreError(f"{path}: cannot be read ({why.strerror}); {then}") from why


def ingest_file(path: Path, ledger: Ledger) -> Iterator[int]:
    """Keep what `fieldeye export` wrote; yields how many new records each line brought.

    A line that cannot be read is set aside and the others go on. Raises StoreError.
    """
    for line in carried_lines(path):
        try:
            carried = read_carried(line)
        except WireError as why:
            ledger.set_aside(Bad(str(path), str(why)))
            continue
        message = Message(carried.topic, carried.payload, properties=carried.properties)
        heard = decode(message)
        yield _keep(heard, message, ledger)
        if isinstance(heard, Heard) and isinstance(heard.message, Info):
            ledger.nodes.note_carried((heard.topic.site, heard.topic.node), heard.message)


def _keep(heard: Heard | Bad, message: Message, ledger: Ledger) -> int:
    """How many new records there were in the message."""
    if isinstance(heard, Bad):
        ledger.set_aside(heard)
        return 0
    if heard.topic.channel == "image":
        ledger.keep_picture(message)
    return ledger.keep(heard.records, heard.topic.site)


class _Gaps:
    """Asks nodes for what never came, a node at most once in a while."""

    def __init__(self, subscriber: Subscriber, ledger: Ledger, clock: Clock) -> None:
        self._subscriber, self._ledger, self._clock = subscriber, ledger, clock
        self._epochs: dict[tuple[str, str], UUID] = {}
        self._asked_s: dict[tuple[str, str], float] = {}

    def note(self, heard: Heard, payload: bytes) -> None:
        """Take what a message tells of a node's numbers."""
        node = (heard.topic.site, heard.topic.node)
        if heard.topic.channel == "reply/replay" and (told := spans_gone(payload)):
            epoch, spans = told
            for span in spans:
                self._ledger.seen.gone(node[1], epoch, span)
        if isinstance(heard.message, Info):
            self._epochs.pop(node, None)
            with suppress(ValueError):  # none that could be asked for
                if "replay" in heard.message.capabilities:
                    self._epochs[node] = UUID(heard.message.epoch)
        store = heard.message.store if isinstance(heard.message, Health) else None
        if store and store.last_seq and node in self._epochs:
            self._ask(node, store.last_seq, store.waiting)

    def _ask(self, node: tuple[str, str], last_seq: int, waiting: int) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._asked_s.get(node, -ASK_AGAIN.total_seconds()) < ASK_AGAIN.total_seconds():
            return
        epoch, now = self._epochs[node], self._clock.now().utc
        commands = replay_commands(self._ledger.seen, node[1], epoch, last_seq, now, waiting=waiting)
        for command in islice(commands, MOST_COMMANDS):
            self._asked_s[node] = now_s
            self._subscriber.say(node_topic(*node, "cmd/replay"), encode_message(command))
