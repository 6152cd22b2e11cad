"""A sensor on the I2C bus, read now and then by the loop."""

import logging
from collections.abc import Callable

from edge.weather import Reading

log = logging.getLogger(__name__)

Read = Callable[[], Reading]  # raises OSError or ValueError


class I2cSensor:
    """Owned by the loop. A reading takes 30 ms of waiting; one that fails is none, and a change is logged once."""

    def __init__(self, read: Read, every_s: float, close: Callable[[], None]) -> None:
        self._read, self._every_s, self.close = read, every_s, close
        self._due_s = float("-inf")
        self._trouble = ""

    def readings(self, now_s: float) -> list[Reading]:
        """See ClimateSensor."""
        if now_s < self._due_s:
            return []
        self._due_s = now_s + self._every_s
        try:
            found = [self._read()]
        except (OSError, ValueError) as why:
            self._tell(str(why) or type(why).__name__)
            return []
        self._tell("")
        return found

    def _tell(self, trouble: str) -> None:
        if bool(trouble) != bool(self._trouble):
            log.warning("climate_sensor_changed", extra={"now": trouble or "answers"})
        self._trouble = trouble
