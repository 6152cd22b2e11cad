"""The calibration on the card: saved by whoever calibrates, read by the loop at start and whenever it was saved."""

import logging
from pathlib import Path

from edge.calibration.record import Calibration, from_json, to_json
from edge.durable import write_durably
from edge.errors import ConfigError, StoreError

log = logging.getLogger("fieldeye.calibration")

NAME = "calibration.json"


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Into the store's folder, in place of the one before; durable when it returns. Raises StoreError."""
    try:
        write_durably(folder / NAME, to_json(calibration))
    except OSError as why:
        raise StoreError(
            f"{folder / NAME}: cannot be written ({why.strerror}); free some space and save again"
        ) from why


def load_calibration(folder: Path) -> Calibration | None:
    """The one that was saved last; None if nobody calibrated. Raises ConfigError if it cannot be read."""
    path = folder / NAME
    try:
        return from_json(path.read_bytes(), str(path))
    except FileNotFoundError:
        return None
    except OSError as why:
        raise ConfigError(f"{path}: cannot be read ({why.strerror}); calibrate the camera again") from why


class KeptCalibration:
    """The calibration in a store's folder as it is now. Owned by the loop: looking for a newer one costs one stat."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = (-1, -1)
        self.current: Calibration | None = None
        self.changed()

    def changed(self) -> bool:
        """Look again; is `current` another one now? A file that cannot be read is none: density needs a true one."""
        seen = self._stat()
        if seen == self._seen:
            return False
        self._seen, before = seen, self.current
        try:
            self.current = load_calibration(self._folder)
        except ConfigError as why:
            log.warning("calibration_refused", extra={"why": str(why)})
            self.current = None
        return self.current != before

    def _stat(self) -> tuple[int, int]:
        """A file that takes another's place has another number, however coarse the clock of the disk is."""
        try:
            found = (self._folder / NAME).stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_ino
