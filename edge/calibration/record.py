"""What a calibration leaves behind: who, when, how well, and the area that a density is taken over. Pure."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from edge.calibration.region import EVERYTHING, Region
from edge.calibration.scale import Scale
from edge.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Who measured what, when, and how well. Redo it after any knock."""

    at: datetime  # aware, UTC
    who: str
    board: str  # 5x7
    side_mm: float  # of a square, by ruler
    scale: Scale
    region: Region = EVERYTHING
    sharpness: float | None = None  # focus reference, see edge.calibration.focus
    counted_by_eye: int | None = None  # check pictures counted by a person,
    mean_error: float | None = None  # and the node's mean absolute error on them

    @property
    def area_m2(self) -> float:
        """Of the region that is counted, on the calibrated plane."""
        return self.region.area_m2(self.scale)


def to_json(calibration: Calibration) -> bytes:
    """One JSON object."""
    return msgspec.json.encode(calibration)


def from_json(content: bytes, name: str) -> Calibration:
    """Raises ConfigError if it is not a calibration; `name` says where it came from."""
    try:
        return msgspec.json.decode(content, type=Calibration)
    except (msgspec.DecodeError, ValueError) as why:
        raise ConfigError(f"{name}: no calibration ({why}); calibrate the camera again") from why
