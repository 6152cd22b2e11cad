"""Records of a boot that knew its time only later, put right. Pure."""

from dataclasses import replace
from datetime import timedelta

from edge.clock import ClockState, Instant
from edge.counts import Interval, Record


def corrected(record: Record, known: Instant) -> Record:
    """The record with each unsynced moment of the boot of `known` reckoned back from `known` by monotonic time.

    `known` must be synced. Moments of other boots, and trusted ones, stay as they are.
    """
    if isinstance(record, Interval):
        return replace(record, start=_corrected(record.start, known), end=_corrected(record.end, known))
    return replace(record, at=_corrected(record.at, known))


def consistent(record: Record) -> Record:
    """An interval in whose middle the clock was set: its start is put right by its end."""
    if isinstance(record, Interval) and record.end.state is ClockState.SYNCED:
        return corrected(record, record.end)
    return record


def _corrected(instant: Instant, known: Instant) -> Instant:
    if instant.state is not ClockState.UNSYNCED or instant.boot_id != known.boot_id:
        return instant
    passed = timedelta(seconds=known.monotonic_s - instant.monotonic_s)
    return replace(instant, utc=known.utc - passed, state=ClockState.CORRECTED)
