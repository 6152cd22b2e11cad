"""What was sent and is not settled yet: messages on their way, and records acknowledged but not yet marked."""

from dataclasses import dataclass

from edge.mqtt.window import Window
from edge.wire import Mark

REPLAY = "replay"  # what `records` that were delivered before are sent as


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that waits for its acknowledgement."""

    channel: str  # of its topic, or REPLAY
    marks: tuple[Mark, ...]  # of `records`, else empty
    size_bytes: int
    at_s: float


class Flight:
    """The messages of one connection. At most `most`, and no more bytes than the window allows."""

    def __init__(self, window: Window, most: int) -> None:
        self._window, self._most = window, most
        self._messages: dict[int, Sent] = {}

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def records(self) -> frozenset[Mark]:
        """Those on their way."""
        return frozenset(mark for sent in self._messages.values() for mark in sent.marks)

    @property
    def replayed(self) -> frozenset[Mark]:
        """Those of them that were delivered before."""
        return frozenset(mark for sent in self._messages.values() if sent.channel == REPLAY for mark in sent.marks)

    @property
    def longest_bytes(self) -> int:
        """Of their messages; 0 where none is on its way."""
        return max((sent.size_bytes for sent in self._messages.values() if sent.marks), default=0)

    def has_room(self) -> bool:
        """May another message go? Always one."""
        if not self._messages:
            return True
        on_their_way = sum(sent.size_bytes for sent in self._messages.values())
        return len(self._messages) < self._most and on_their_way < self._window.limit_bytes

    def add(self, mid: int, sent: Sent) -> None:
        """A message was handed to the connection."""
        self._messages[mid] = sent

    def settle(self, mid: int, now_s: float) -> Sent | None:
        """The message's acknowledgement came; None if nobody waits for it."""
        sent = self._messages.pop(mid, None)
        if sent is not None:
            self._window.acknowledged(now_s - sent.at_s)
        return sent

    def oldest_s(self) -> float | None:
        """When the oldest message was sent."""
        return min((sent.at_s for sent in self._messages.values()), default=None)
