"""The calibration on the card: saved by whoever calibrates, read by the loop at start and whenever it was saved."""

import logging
import math
from contextlib import suppress
from pathlib import Path
from threading import RLock

from edge.boxes import Image
from edge.calibration.record import Calibration, from_json, to_json
from edge.clock import Clock
from edge.config import CameraTable
from edge.durable import version_of, write_durably
from edge.errors import ConfigError, StoreError, to_read

log = logging.getLogger(__name__)

NAME, BEFORE = "calibration.json", "calibration.before.json"
AGAIN_S = 60.0  # a card may not give it for a moment, and who gives it to this user (chown) leaves its time as it was
calibrating = RLock()  # of those who write both files, and who first reads what held: another would be written over


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Into the store's folder; the one before is kept for `undo_calibration`. Durable when it returns.

    Raises StoreError.
    """
    with calibrating:
        _write(folder / BEFORE, _content(folder / NAME))
        _write(folder / NAME, to_json(calibration))


def undo_calibration(folder: Path, last: str) -> bool:
    """Go back to what held before the last save, and forth by another undo.

    `last`: that save, by `last_calibration` as it was shown. False if it is not the last one any more, or there is
    none. Raises StoreError.
    """
    with calibrating:  # of two taps while the card keeps the first one waiting, the second undoes nothing
        if not last or last != last_calibration(folder):
            return False
        now, before = _content(folder / NAME), _content(folder / BEFORE)
        if before:
            _write(folder / NAME, before)
        else:
            _remove(folder / NAME)
        _write(folder / BEFORE, now)
        return True


def last_calibration(folder: Path) -> str:
    """A name for what `undo_calibration` would take back: another one after each save and each undo."""
    return version_of(folder / BEFORE)  # which each of them writes anew


def load_calibration(folder: Path, rotation_deg: int, size_px: tuple[int, int] | None = None) -> Calibration | None:
    """The one that was saved last, for a picture turned by `rotation_deg`.

    size_px: width and height of that picture as it is now; None: not known yet

    None if nobody calibrated. Raises ConfigError if it cannot be read, or does not fit the picture.
    """
    path = folder / NAME
    try:
        known = from_json(path.read_bytes(), str(path))
    except FileNotFoundError:
        return None
    except OSError as why:
        then = to_read(why, "calibrate the camera again")
        raise ConfigError(f"{path}: cannot be read ({why.strerror}); {then}") from why
    fitting = known.at_rotation(rotation_deg)
    if fitting is None:
        made = f"made with camera.rotation_deg {known.rotation_deg}, which is {rotation_deg} now"
        raise ConfigError(f"{path}: {made}; calibrate the camera again, or set it back")
    scale = fitting.scale
    if size_px is not None and scale is not None and not scale.fits(*size_px):
        made = f"made on a picture of {scale.width_px}x{scale.height_px} px, which is {size_px[0]}x{size_px[1]} now"
        raise ConfigError(f"{path}: {made}; calibrate the camera again")
    return fitting


def bring_calibration(card: Path, folder: Path) -> None:
    """What was saved on a card that takes nothing more, as far as it can still be read, into another folder."""
    for name in (NAME, BEFORE):
        content = _content(card / name)
        if content:
            _write(folder / name, content)


def let_turn(folder: Path, from_deg: int, to_deg: int) -> None:
    """Somebody turns the picture: what was measured on it, and what held before that, will turn with it.

    The files stay those of the picture as it is until the node begins anew. Raises StoreError.
    """
    with calibrating:
        for path in (folder / NAME, folder / BEFORE):
            _let_turn(path, from_deg, to_deg)


def _let_turn(path: Path, from_deg: int, to_deg: int) -> None:
    content = _content(path)
    with suppress(ConfigError):  # one that cannot be read is told wherever it is used
        if content:
            _write(path, to_json(from_json(content, str(path)).turning(from_deg, to_deg)))


def _content(path: Path) -> bytes:
    """Empty where there is no such file: nobody had calibrated."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _write(path: Path, content: bytes) -> None:
    try:
        write_durably(path, content)
    except OSError as why:
        raise StoreError(f"{path}: cannot be written ({why.strerror}); free some space and save again") from why


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as why:
        raise StoreError(f"{path}: cannot be removed ({why.strerror}); see to the memory card and undo again") from why


def size_to_fit(camera: CameraTable, image: Image | None) -> tuple[int, int] | None:
    """`size_px` of `load_calibration`; of a fed folder none, as its pictures may be of several cameras."""
    return None if image is None or camera.fed else (image.shape[1], image.shape[0])


class KeptCalibration:
    """The calibration in a store's folder as it is now. Owned by the loop: looking for a newer one costs one stat."""

    def __init__(self, folder: Path, rotation_deg: int, clock: Clock) -> None:
        self._folder = folder
        self._rotation_deg = rotation_deg
        self._clock = clock
        self.size_px: tuple[int, int] | None = None  # of the newest picture, as the loop says
        self._seen: tuple[object, ...] = ()
        self._again_s = math.inf  # monotonic, when one that was refused is read again
        self.current: Calibration | None = None
        self.trouble = ""  # why the file cannot be used
        self.changed()

    def changed(self) -> bool:
        """Look again; is it another one now, or in other trouble? Density needs a true one: what is refused is none."""
        seen, now_s = (version_of(self._folder / NAME), self.size_px), self._clock.monotonic_s()
        if seen == self._seen and now_s < self._again_s:
            return False
        self._seen, before = seen, (self.current, self.trouble)
        try:
            self.current, self.trouble = load_calibration(self._folder, self._rotation_deg, self.size_px), ""
            self._again_s = math.inf
        except ConfigError as why:
            self.current, self.trouble = None, str(why)
            self._again_s = now_s + AGAIN_S
        if (self.current, self.trouble) == before:
            return False
        if self.trouble:
            log.warning("calibration_refused", extra={"why": self.trouble})
        return True
