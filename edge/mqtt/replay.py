"""A replay on its way: records that the platform asked for again, batch by batch, and which of them are gone."""

from dataclasses import dataclass, field

from edge.store import BATCH_BYTES, BATCH_RECORDS, Store
from edge.wire import ReplayCommand, Stored


@dataclass(slots=True)
class Replay:
    """One replay on its way."""

    command: ReplayCommand
    next_seq: int
    sent: int = 0
    gone: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Has everything that is still kept been sent?"""
        return self.next_seq > self.command.last

    def step(self, store: Store, most_bytes: int = BATCH_BYTES) -> list[Stored]:
        """The next batch; empty if the rest is gone or not made yet, which is neither sent nor gone."""
        last = min(self.command.last, store.last_seq())
        batch = store.records_between_seq(self.next_seq, last, BATCH_RECORDS, most_bytes)
        upto = batch[-1].key.seq if batch else last
        self.gone += gaps(self.next_seq, [stored.key.seq for stored in batch], upto)
        self.next_seq = (upto if batch else self.command.last) + 1
        self.sent += len(batch)
        return batch


def gaps(first: int, found: list[int], last: int) -> list[tuple[int, int]]:
    """Spans of first..last that are not in `found`, which rises."""
    spans, expected = [], first
    for seq in [*found, last + 1]:
        if seq > expected:
            spans.append((expected, seq - 1))
        expected = seq + 1
    return spans
