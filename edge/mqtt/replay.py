"""A replay on its way: records that the platform asked for again, batch by batch, and which of them are gone."""

from dataclasses import dataclass, field

from edge.clock import ClockState
from edge.counts import Interval, Record, Sighting, moment
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

    def step(self, store: Store, most_bytes: int = BATCH_BYTES, undated: str | None = None) -> list[Stored]:
        """The next batch; empty if the rest is gone or not made yet, which is neither sent nor gone.

        Nor are counts of the boot `undated`, which go once its clock is set (see `Records.next_batch`).
        """
        last = min(self.command.last, store.last_seq())
        batch = store.records_between_seq(self.next_seq, last, BATCH_RECORDS, most_bytes)
        upto = batch[-1].key.seq if batch else last
        self.gone += gaps(self.next_seq, [stored.key.seq for stored in batch], upto)
        self.next_seq = (upto if batch else self.command.last) + 1
        goes = [stored for stored in batch if not _waits_for_clock(stored.record, undated)]
        self.sent += len(goes)
        return goes


def _waits_for_clock(record: Record, undated: str | None) -> bool:
    at = moment(record)
    return isinstance(record, Interval | Sighting) and at.state is ClockState.UNSYNCED and at.boot_id == undated


def gaps(first: int, found: list[int], last: int) -> list[tuple[int, int]]:
    """Spans of first..last that are not in `found`, which rises."""
    spans, expected = [], first
    for seq in [*found, last + 1]:
        if seq > expected:
            spans.append((expected, seq - 1))
        expected = seq + 1
    return spans
