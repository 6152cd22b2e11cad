"""Drives the simulated nodes: a day is made, its messages of all nodes are sent in the order of their times."""

import heapq
import selectors
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from socket import socket as Socket  # noqa: N812
from threading import Event
from time import monotonic

from edge.errors import BrokerError
from edge.platform.broker.address import BrokerAddress
from edge.platform.simulate.line import Line
from edge.platform.simulate.node import FleetPlan, Posting, SimulatedNode
from edge.platform.simulate.truth import TruthFile
from edge.wire import encode_message, node_topic, parse_topic

_OPEN_S = 30.0
_TURN_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a run came to."""

    records: int
    messages: int  # received by somebody, replays included
    unheard: int  # sent again because nobody subscribed
    replays: int
    seconds: float


class Fleet:
    """Owned by one thread. Nodes share `connections` lines, each node always the same one."""

    def __init__(self, plan: FleetPlan, at: BrokerAddress, connections: int, rate_per_s: float | None = None) -> None:
        self._plan, self._at, self._rate_per_s = plan, at, rate_per_s
        self._nodes = [SimulatedNode(plan, number) for number in range(plan.nodes)]
        number = min(connections, plan.nodes)
        self._lines = [Line(at, f"fieldeye_simulate_{plan.seed}_{index}") for index in range(number)]
        self._line_of = {(node.site, node.name): self._lines[i % number] for i, node in enumerate(self._nodes)}
        self._by_name = {(node.site, node.name): node for node in self._nodes}
        self._selector = selectors.DefaultSelector()
        self._watched: dict[Line, Socket] = {}
        self._replays = 0

    def open(self, stop: Event) -> None:
        """Wait for the broker's answer on each line. Raises BrokerError."""
        until_s = monotonic() + _OPEN_S
        while not all(line.is_open for line in self._lines) and not stop.is_set():
            self._turn()
            if monotonic() > until_s:
                says = f"does not let each line in over MQTT 5 within {_OPEN_S:.0f} s"
                raise BrokerError(f"{self._at.where} {says}; {self._at.way_in}")
        for (site, node), line in self._line_of.items():
            line.subscribe(node_topic(site, node, "cmd/replay"))

    def run(self, truth: TruthFile, stop: Event, linger_s: float = 0.0) -> Iterator[int]:
        """Once open: send all days; yields how many messages went out since. Then answer replays for `linger_s`."""
        started_s = monotonic()
        for sent, posting in enumerate(self._postings(truth), start=1):
            topic = parse_topic(posting.topic)
            line = self._line_of[topic.site, topic.node]
            line.say((posting.topic, posting.payload, posting.retain))
            due_s = started_s + (sent / self._rate_per_s if self._rate_per_s else 0.0)
            while not stop.is_set() and (line.is_full or monotonic() < due_s):
                self._turn()
            if sent % 100 == 0:
                self._turn(0)
                yield 100
            if stop.is_set():
                return
        yield from self._finish(stop, linger_s)

    def told(self, truth: TruthFile, seconds: float) -> Told:
        """Sums so far."""
        messages, unheard = (sum(getattr(line, what) for line in self._lines) for what in ("sent", "unheard"))
        return Told(
            records=truth.records, messages=messages, unheard=unheard, replays=self._replays, seconds=round(seconds, 2)
        )

    def close(self) -> None:
        """Close all lines."""
        for line in self._lines:
            line.close()
        self._selector.close()

    def _postings(self, truth: TruthFile) -> Iterator[Posting]:
        """All messages in the order of their times; a day is made when it begins."""
        heap: list[Posting] = []
        for day in range(self._plan.days):
            for number, node in enumerate(self._nodes):
                records, postings = node.next_day()
                for one in records:
                    truth.note(one)
                heap += postings
                if number % 50 == 0:
                    self._turn(0)  # a broker gives up who says nothing for long
            heapq.heapify(heap)
            midnight = self._plan.midnight(day + 1)
            while heap and heap[0].at < midnight:
                yield heapq.heappop(heap)
        while heap:
            yield heapq.heappop(heap)

    def _finish(self, stop: Event, linger_s: float) -> Iterator[int]:
        """All is sent, then each node's health says so; then replays are answered for a while."""
        yield from self._drain(stop)
        for node in self._nodes:
            health = node.health(self._plan.midnight(self._plan.days))
            self._line_of[node.site, node.name].say((health.topic, health.payload, health.retain))
        yield from self._drain(stop)
        until_s = monotonic() + linger_s
        while monotonic() < until_s and not stop.is_set():
            self._turn()
        yield from self._drain(stop)

    def _drain(self, stop: Event) -> Iterator[int]:
        while not all(line.is_done for line in self._lines) and not stop.is_set():
            self._turn()
            yield 0

    def _turn(self, within_s: float = _TURN_S) -> None:
        self._watch([line for line in self._lines if self._watched.get(line) is not line.socket])
        ready = {key.data for key, _ in self._selector.select(within_s)}
        for line in self._lines:
            line.turn(readable=line in ready)
            while line.commands:
                message = line.commands.popleft()
                self._answer(line, message.topic, bytes(message.payload))

    def _watch(self, changed: Sequence[Line]) -> None:
        """New connections, which may have the descriptors of former ones: those go first, of all lines."""
        for line in changed:
            if before := self._watched.pop(line, None):
                self._selector.unregister(before)
        for line in changed:
            if line.socket is not None:
                self._watched[line] = line.socket
                self._selector.register(line.socket, selectors.EVENT_READ, line)

    def _answer(self, line: Line, topic: str, payload: bytes) -> None:
        at = parse_topic(topic)
        batches, reply = self._by_name[at.site, at.node].answer(payload, datetime.now(UTC))
        for batch in batches:
            line.say((node_topic(at.site, at.node, "records"), batch, False))
        line.say((node_topic(at.site, at.node, "reply/replay"), encode_message(reply), False))
        self._replays += reply.code == "done"
