"""Records of a boot that knew its time only later, put right. Pure."""

from dataclasses import replace

from edge.clock import ClockState, Instant, reckoned
from edge.counts import Interval, Record


def corrected(record: Record, known: Instant) -> Record:
    """The record with each unsynced moment of the boot of `known` reckoned back from `known` by monotonic time.

    `known` must be synced. Moments of other boots, and trusted ones, stay as they are.
    """
    if isinstance(record, Interval):
        return replace(record, start=reckoned(record.start, known), end=reckoned(record.end, known))
    return replace(record, at=reckoned(record.at, known))


def consistent(record: Record) -> Record:
    """An interval in whose middle the clock was set: its start is put right by its end."""
    if isinstance(record, Interval) and record.end.state is ClockState.SYNCED:
        return corrected(record, record.end)
    return record
