"""The local day to which an interval belongs: a trap's lasts from noon to noon, so that a night is one. Pure."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from edge.config import Mode
from edge.counts import Interval

NOON = timedelta(hours=12)


def day_of(interval: Interval, zone: tzinfo) -> date:
    """By the middle of the interval. Of a trap: the date of the evening."""
    middle = interval.start.utc + (interval.end.utc - interval.start.utc) / 2
    local = middle.astimezone(zone).replace(tzinfo=None)
    return (local - NOON if interval.mode == "trap" else local).date()


def day_at(utc: datetime, mode: Mode, zone: tzinfo) -> date:
    """The day that runs at `utc`."""
    local = utc.astimezone(zone).replace(tzinfo=None)
    return (local - NOON if mode == "trap" else local).date()


def begin_of(day: date, mode: Mode, zone: tzinfo) -> datetime:
    """When the day begins, in UTC; the next one begins where it ends, 23 to 25 hours later."""
    local = datetime.combine(day, time(12 if mode == "trap" else 0), zone)
    return local.astimezone(UTC)
