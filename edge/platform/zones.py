"""Time zones by their names, of which another machine, or the same one after an update, may know fewer."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zone_of(name: str) -> ZoneInfo:
    """UTC for one that this machine does not know: as Debian 13 without tzdata-legacy, of Asia/Calcutta."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
