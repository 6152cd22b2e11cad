"""A fed folder's pictures at their own time, and which committed interval one that comes late corrects.

A correction is the interval counted on: the next revision of the same record. A time that no interval covers, because
the node was off, gets one. What was counted by another model, in another way, region or area is not added up.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

from edge.cameras import Frame
from edge.clock import ClockState, Instant
from edge.counts import Interval
from edge.nights import whole_around
from edge.store import CORRECTED, Draft, Store
from edge.store.times import consistent
from edge.tally import Tally
from edge.weather import Readings

# A camera that lost its clock begins again at 1970, 1980 or 2000, as a rule; pictures of an archive are younger.
NO_CLOCK_BEFORE = datetime(2010, 1, 1, tzinfo=UTC)
MadeBy = tuple[str, str, int | None]  # model and the region's mark, unit, area in mm2


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """An interval that is counted on. `seq`: of its record, if it was committed before; `pictures`: new since then."""

    tally: Tally
    end: Instant
    made_by: MadeBy
    seq: int | None = None
    revision: int = 0
    pictures: tuple[str, ...] = ()

    def holds(self, utc: datetime) -> bool:
        """Does that moment lie in it?"""
        return self.tally.start.utc <= utc < self.end.utc

    def draft(self, interval: Interval) -> Draft:
        """What the store keeps with the `interval` of this counting. Without a known time it is not counted on."""
        timed = consistent(interval)
        if not timed.is_timed:
            return Draft(seq=self.seq, state=None, pictures=self.pictures)
        kept = replace(self, tally=replace(self.tally, start=timed.start), seq=None, pictures=())
        return Draft(seq=self.seq, state=msgspec.msgpack.encode(kept), pictures=self.pictures)


def dated(frame: Frame, zone: tzinfo) -> Frame:
    """The frame at the time that the picture tells, read in its zone or else in the node's.

    It stays at its arrival where the picture tells none, one to come or one of a camera without a clock, or where the
    node itself does not know the time. Of an hour that comes twice, when summer time ends, it is the later one that is
    over: pictures come soon.
    """
    now = frame.instant
    if frame.taken is None or now.state is ClockState.UNSYNCED:
        return frame
    try:
        told = frame.taken if frame.taken.tzinfo else frame.taken.replace(tzinfo=zone)
        first, second = (told.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    except OverflowError:  # the first or last day of the calendar, from a camera that does not know the time
        return frame
    taken_utc = second if first < second <= now.utc else first
    is_plausible = NO_CLOCK_BEFORE <= taken_utc <= now.utc
    return replace(frame, instant=_moved(now, taken_utc)) if is_plausible else frame


def counting_at(
    at: Instant, open_start: Instant, made_by: MadeBy, store: Store, interval_s: float, zone: tzinfo
) -> Counting | None:
    """What a picture taken at `at`, before the open interval, is to be counted into; None: it is too late for that.

    Raises StoreError.
    """
    open_s = open_start.monotonic_s - at.monotonic_s
    if timedelta(seconds=open_s) > CORRECTED:
        return None
    first, last = whole_around(at.utc, interval_s, zone)
    until = last + timedelta(seconds=2 * interval_s)  # an interval may be a sixth longer than a whole one
    stored = {one.key.seq: one.record for one in store.intervals_between(first, until)}
    records = {seq: record for seq, record in stored.items() if isinstance(record, Interval)}
    empty = {seq: _begun(seq, record, made_by) for seq, record in records.items() if _is_uncounted(record)}
    kept = empty | {seq: one for seq, state in store.drafts(first, until) if (one := _read(seq, state)) is not None}
    spans = {seq: (record.start.utc, record.end.utc) for seq, record in records.items()}
    spans |= {seq: (one.tally.start.utc, one.end.utc) for seq, one in kept.items()}
    for seq, (start, end) in spans.items():
        if start <= at.utc < end:
            found = kept.get(seq)
            if found is None or (found.tally.frames and found.made_by != made_by) or seq <= store.last_elsewhere:
                return None
            return replace(found, made_by=made_by)  # where nothing was counted, it is nobody's yet
    start = max([first, *(end for _, end in spans.values() if end <= at.utc)])
    end = min(last, at.utc + timedelta(seconds=open_s), *(begin for begin, _ in spans.values() if begin > at.utc))
    return Counting(tally=Tally(start=_moved(at, start)), end=_moved(at, end), made_by=made_by)


def _is_uncounted(record: Interval) -> bool:
    """Did nothing come in it, and is its time known? Where that is so only since, it has no draft, and needs none."""
    return record.is_timed and not record.frames and not record.skipped


def _begun(seq: int, record: Interval, made_by: MadeBy) -> Counting:
    """That interval with its next revision's number and nothing but its weather."""
    tally = Tally(start=record.start, weather=Readings.of(record.climate))
    return Counting(tally=tally, end=record.end, made_by=made_by, seq=seq, revision=record.revision + 1)


def _read(seq: int, state: bytes) -> Counting | None:
    """As it was committed, with the number of its next revision; None: a program that counts otherwise wrote it."""
    try:
        kept = msgspec.msgpack.decode(state, type=Counting)
    except msgspec.DecodeError:
        return None
    return replace(kept, seq=seq, revision=kept.revision + 1)


def _moved(instant: Instant, utc: datetime) -> Instant:
    """That moment by the same clocks."""
    return replace(instant, utc=utc, monotonic_s=instant.monotonic_s + (utc - instant.utc).total_seconds())
