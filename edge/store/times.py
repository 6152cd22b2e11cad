"""Records of a boot that knew its time late or never, and times that the card spoiled: put right or left out. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from edge.clock import ClockState, Instant, reckoned
from edge.counts import Interval, Record
from edge.errors import WireError
from edge.wire import Stored, from_utc_ms

SET_BY = timedelta(minutes=1)  # or more: by less it was only kept right


def kept_utc(ms: int) -> datetime:
    """What a column tells. 1970 where a flipped bit put it outside the years: a wrong time must not hide the row."""
    try:
        return from_utc_ms(ms)
    except WireError:
        return from_utc_ms(0)


def corrected(record: Record, known: Instant) -> Record:
    """The record with each unsynced moment of the boot of `known` reckoned back from `known` by monotonic time.

    `known` must be synced. Moments of other boots, and trusted ones, stay as they are.
    """
    if isinstance(record, Interval):
        return replace(record, start=reckoned(record.start, known), end=reckoned(record.end, known))
    return replace(record, at=reckoned(record.at, known))


def consistent(interval: Interval) -> Interval:
    """One in whose middle the clock was set, for the first time or anew: its start is put right by its end."""
    if interval.start.boot_id != interval.end.boot_id:
        return interval
    timed = replace(interval, start=reckoned(interval.start, interval.end))
    passed = timedelta(seconds=timed.end.monotonic_s - timed.start.monotonic_s)
    if abs(timed.end.utc - timed.start.utc - passed) <= SET_BY:
        return timed
    state = timed.end.state if timed.end.state is ClockState.UNSYNCED else ClockState.CORRECTED
    return replace(timed, start=replace(timed.start, utc=timed.end.utc - passed, state=state))


def of_known_days(stored: Sequence[Stored], newest: Interval) -> list[Interval]:
    """As committed, but for boots that never knew the time from before the clock ran back: nobody knows their day.

    A board without a clock wakes on the same date each day; one that only sleeps goes on from where it was.
    """
    kept, begin_utc, ran_back = list[Interval](), newest.start.utc, False
    for one in sorted(stored, key=lambda one: one.key.seq, reverse=True):
        if not isinstance(record := one.record, Interval):
            continue
        is_known = record.is_timed or record.end.boot_id == newest.end.boot_id
        ran_back = ran_back or (not is_known and record.end.utc > begin_utc)
        if is_known or not ran_back:
            kept.append(record)
        begin_utc = min(begin_utc, record.start.utc)
    return kept[::-1]
