"""Decoded records as rows of the database. Pure; text is written in PostgreSQL's COPY form."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from edge.clock import ClockState
from edge.counts import Alert, Interval, NoData, moment
from edge.wire import Decoded, Unknown, plain

NOON = timedelta(hours=12)
SAME_S = 1.0  # what a time that is put right again and again may lose in milliseconds, and far less than a boot
Taxon = tuple[str, str, str]  # label, life stage, EPPO code


class Arrived(NamedTuple):
    """A record that came, of an epoch with a row in the ledger. `at`: when it speaks of."""

    ledger_id: int
    node_id: int
    site: str
    decoded: Decoded
    at: datetime
    received: datetime


def record_line(arrived: Arrived) -> bytes:
    """A line of COPY record (ledger_id, seq, at, kind, body)."""
    decoded = arrived.decoded
    told = plain(decoded, arrived.site)
    body = msgspec.json.encode(told).replace(b"\\", b"\\\\")  # JSON leaves no other letter that COPY gives a meaning
    at, kind = arrived.at.isoformat(), told.__struct_config__.tag
    return f"{arrived.ledger_id}\t{decoded.key.seq}\t{at}\t{kind}\t".encode() + body + b"\n"


def at_of(decoded: Decoded, received: datetime) -> datetime:
    """When the record speaks of; a kind that is not known yet is filed under its arrival."""
    record = decoded.record
    if isinstance(record, Interval):
        return record.start.utc
    return received if isinstance(record, Unknown) else record.at.utc


def night_of(interval: Interval, zone: ZoneInfo) -> date | None:
    """The date of the evening of the night, noon to noon, in which the middle of the interval lies, as on the node.

    None where the clock was never set: nobody knows the night, and no sum holds it.
    """
    if not interval.is_timed:
        return None
    middle = interval.start.utc + (interval.end.utc - interval.start.utc) / 2
    try:
        return (middle.astimezone(zone) - NOON).date()
    except OverflowError:  # a clock at the end of the calendar
        return middle.date()


def revision_of(decoded: Decoded) -> int:
    """0 for all that is told once."""
    return decoded.record.revision if isinstance(decoded.record, Interval) else 0


def is_another(decoded: Decoded, kept: Mapping[str, Any]) -> bool:
    """Was it made at another moment than the record that is `kept`, as JSON, under its key? Not by a clock that is set.

    No other revision is compared, and no kind that one of the two programs did not know.
    """
    record, before = decoded.record, kept.get("end") or kept.get("at")
    if isinstance(record, Unknown) or before is None or revision_of(decoded) != kept.get("revision", 0):
        return False
    made = moment(record)
    return bool(before["boot"] != made.boot_id or abs(before["monotonic_s"] - made.monotonic_s) > SAME_S)


def effort_row(arrived: Arrived, interval: Interval, zone: ZoneInfo) -> tuple[object, ...]:
    """A row of interval_effort."""
    counts = interval.counts
    return (
        arrived.ledger_id,
        arrived.decoded.key.seq,
        arrived.node_id,
        interval.camera,
        interval.model,
        interval.mode,
        interval.unit,
        interval.start.utc,
        interval.end.utc,
        night_of(interval, zone),
        interval.revision,
        interval.frames,
        interval.watched_s,
        counts.reason if isinstance(counts, NoData) else None,
        interval.saturated,
        interval.area_mm2,
        interval.exposed_s,
    )


def alert_row(arrived: Arrived, alert: Alert) -> tuple[object, ...]:
    """A row of alert."""
    return (
        arrived.ledger_id,
        arrived.decoded.key.seq,
        arrived.node_id,
        alert.at.utc,
        alert.camera,
        alert.label,
        alert.eppo,
        alert.level,
        alert.value,
        alert.unit,
        alert.start_at,
        alert.sure_at,
        alert.reason,
        alert.look_at,
        alert.source,
        arrived.received if alert.at.state is ClockState.UNSYNCED else None,
    )


def count_rows(interval: Interval) -> Iterator[tuple[Taxon, tuple[int, int | None, int | None]]]:
    """Taxon, and (count, low, high); none where nothing can be said."""
    if isinstance(interval.counts, NoData):
        return
    for taxon in interval.counts:
        yield (taxon.label, taxon.stage, taxon.eppo), (taxon.count, taxon.low, taxon.high)
