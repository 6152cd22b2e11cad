"""What each sensor gives, behind one call a turn of the loop; and a node without one."""

from typing import Protocol

from edge.weather import Reading


class ClimateSensor(Protocol):
    """Owned by the loop, and never in its way."""

    def readings(self, now_s: float) -> list[Reading]:
        """Those that are new; empty while there are none. `now_s`: monotonic."""

    def close(self) -> None:
        """Give the bus or the connection back."""


class NoSensor:
    """A node without one."""

    def readings(self, now_s: float) -> list[Reading]:  # noqa: ARG002
        """See ClimateSensor."""
        return []

    def close(self) -> None:
        """See ClimateSensor."""
