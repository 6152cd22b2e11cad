"""How a moment is written in files for others: ISO 8601 in UTC."""

from datetime import datetime

from edge.wire import PlainInterval


def to_the_second(moment: datetime) -> str:
    """Rounded down to the second: what Camtrap DP and Darwin Core want; a year has four digits."""
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def to_the_millisecond(moment: datetime) -> str:
    """As the wire has it, also where the milliseconds are 0."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_dated(interval: PlainInterval) -> bool:
    """Was the clock set at both its ends? Otherwise its times are the board's guess, and nobody knows when it was."""
    return "unsynced" not in (interval.start.clock, interval.end.clock)
