"""How a moment is written in the standards of ecology."""

from datetime import datetime


def to_the_second(moment: datetime) -> str:
    """ISO 8601 UTC, rounded down to the second: what Camtrap DP and Darwin Core want; a year has four digits."""
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
