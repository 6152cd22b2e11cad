"""The local day to which an interval belongs: a trap's lasts from noon to noon, so that a night is one. Pure."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from edge.config import Mode
from edge.counts import Interval

NOON = timedelta(hours=12)
NIGHT_S = 86_400.0  # a trap-night
HALF_DAY_S = 43_200.0
LEAST_SHARE = 1 / 6  # of an interval: a shorter rest joins the next one


def day_of(interval: Interval, zone: tzinfo) -> date:
    """By the middle of the interval. Of a trap: the date of the evening."""
    return day_at(interval.start.utc + (interval.end.utc - interval.start.utc) / 2, interval.mode, zone)


def in_days(intervals: Iterable[Interval], zone: tzinfo) -> dict[date, list[Interval]]:
    """Each under its day, in the order in which they come."""
    days: dict[date, list[Interval]] = {}
    for interval in intervals:
        days.setdefault(day_of(interval, zone), []).append(interval)
    return days


def day_at(utc: datetime, mode: str, zone: tzinfo) -> date:
    """The day that runs at `utc`."""
    local = utc.astimezone(zone).replace(tzinfo=None)
    return (local - NOON if mode == "trap" else local).date()


def begin_of(day: date, mode: Mode, zone: tzinfo) -> datetime:
    """When the day begins, in UTC; the next one begins where it ends, 23 to 25 hours later."""
    local = datetime.combine(day, time(12 if mode == "trap" else 0), zone)
    return local.astimezone(UTC)


def length_s(start_utc: datetime, interval_s: float, zone: tzinfo) -> float:
    """How long an interval that starts now should last: up to the next whole one by the local clock.

    Whole ones are counted from noon and midnight, so that hours are hours and noon ends a night. One that starts just
    before an end goes on to the next end; it belongs to the day in which most of it lies.
    """
    _, left_s, then_s = _since_left_and_then_s(start_utc, interval_s, zone)
    least_s = LEAST_SHARE * interval_s
    if left_s >= least_s:
        return left_s
    return left_s + (min(interval_s, then_s) if then_s >= least_s else then_s + interval_s)


def longest_s(interval_s: float, mode: Mode) -> float:
    """How long an interval may last so that it lies in one day: long ones go from noon to noon, as a trap's day does.

    Others take half a day, and not one from midnight to midnight: the platform's nights end at noon in every mode.
    """
    return interval_s if mode == "trap" else min(interval_s, HALF_DAY_S)


def whole_around(utc: datetime, interval_s: float, zone: tzinfo) -> tuple[datetime, datetime]:
    """Begin and end of the whole interval in which `utc` lies."""
    since_s, left_s, _ = _since_left_and_then_s(utc, interval_s, zone)
    return utc - timedelta(seconds=since_s), utc + timedelta(seconds=left_s)


def hung_nights(intervals: Iterable[Interval]) -> int:
    """Trap-nights in which the catch has come: a node that was off for three finds the catch of three."""
    return whole_nights(sum(interval.exposed_s or 0.0 for interval in intervals))


def whole_nights(hung_s: float) -> int:
    """Whole ones: from a night's first picture to the next one's are seldom 24 hours to the second."""
    return round(hung_s / NIGHT_S)


def _since_left_and_then_s(utc: datetime, interval_s: float, zone: tzinfo) -> tuple[float, float, float]:
    """Seconds since a whole interval began, until it ends, and from then to the noon or midnight that ends its row."""
    local = utc.astimezone(zone)
    day_s = HALF_DAY_S if interval_s <= HALF_DAY_S else 2 * HALF_DAY_S
    clock_s = local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6
    since_s = (clock_s - HALF_DAY_S) % day_s
    left_s = min(interval_s - since_s % interval_s, day_s - since_s)
    return since_s % interval_s, left_s, day_s - since_s - left_s
