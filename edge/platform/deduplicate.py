"""Counts each record once, however often it arrives, and knows which ones never did."""

from bisect import bisect_right
from typing import NamedTuple
from uuid import UUID

from edge.wire import Key


class Span(NamedTuple):
    """Sequence numbers first..last."""

    first: int
    last: int


class Deduplicator:
    """What has arrived, as spans of sequence numbers a node and epoch: memory grows with gaps, not with records."""

    def __init__(self) -> None:
        self._spans: dict[UUID, dict[str, list[Span]]] = {}  # by name: a node that gets another one keeps its card
        self._gone: dict[tuple[str, UUID], set[Span]] = {}
        self._revisions: dict[Key, int] = {}  # above 0, which are few
        self.counted = 0
        self.repeated = 0

    def is_new(self, key: Key) -> bool:
        """Note the key; True the first time, False ever after."""
        of_card = self._spans.setdefault(key.epoch, {})
        if key.node not in of_card:
            self._leave_to_others(key)
            of_card[key.node] = []
        spans = of_card[key.node]
        place = bisect_right(spans, (key.seq, float("inf")))
        if place and spans[place - 1].last >= key.seq:
            self.repeated += 1
            return False
        self.counted += 1
        _insert(spans, place, key.seq)
        return True

    def is_news(self, key: Key, revision: int) -> bool:
        """Note the key; True the first time, and for a correction: a higher revision than came before."""
        is_new, is_revised = self.is_new(key), revision > self._revisions.get(key, 0)
        if is_revised:
            self._revisions[key] = revision
        return is_new or is_revised

    def gone(self, node: str, epoch: UUID, span: Span) -> None:
        """The node no longer has these: do not wait for them. Those that come all the same are new."""
        self._gone.setdefault((node, epoch), set()).add(span)

    def missing(self, node: str, epoch: UUID, last_seq: int) -> list[Span]:
        """Gaps among 1..last_seq, oldest first. `health` tells a node's last seq, so a gap at the end shows too."""
        of_card = self._spans.get(epoch, {})
        if of_card and node not in of_card:  # so far its records came under another name only
            return []
        gaps, expected = [], 1
        gone = self._gone.get((node, epoch), ())
        for span in sorted([*of_card.get(node, ()), *gone, *self._told_as_another(node, epoch)]):
            if span.first > last_seq:
                break
            if span.first > expected:
                gaps.append(Span(expected, span.first - 1))
            expected = max(expected, span.last + 1)
        return [*gaps, Span(expected, last_seq)] if expected <= last_seq else gaps

    def _leave_to_others(self, first: Key) -> None:
        """What came under other names before the first record under this one counts there."""
        for span in self._told_as_another(first.node, first.epoch):
            if span.first < first.seq:
                self.gone(first.node, first.epoch, Span(span.first, min(span.last, first.seq - 1)))

    def _told_as_another(self, node: str, epoch: UUID) -> list[Span]:
        """What came under other names of its card. Not where both told one number: then these are copies of a card."""
        of_card = self._spans.get(epoch, {})
        mine = of_card.get(node, ())
        told: list[Span] = []
        for theirs in (spans for name, spans in of_card.items() if name != node):
            if not any(one.first <= another.last and another.first <= one.last for one in mine for another in theirs):
                told += theirs
        return told


def _insert(spans: list[Span], place: int, seq: int) -> None:
    """Put `seq` before `place`, joined with its neighbours where they touch."""
    first = last = seq
    if place < len(spans) and spans[place].first == seq + 1:
        last = spans.pop(place).last
    if place and spans[place - 1].last == seq - 1:
        place -= 1
        first = spans.pop(place).first
    spans.insert(place, Span(first, last))
