"""What a calibration leaves behind: who, when, how well, and the area that a density is taken over. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from edge.calibration.focus import Reference
from edge.calibration.region import EVERYTHING, Region
from edge.calibration.scale import Scale
from edge.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Who measured what, when, and how well. Redo it after any knock. Raises ConfigError for an area that is none.

    The area of `region` comes from `scale`, which a board gave, or was typed: of the card, or of what the camera sees.
    """

    at: datetime  # aware, UTC
    who: str
    scale: Scale | None = None
    board: str = ""  # 5x7
    side_mm: float | None = None  # of a square, by ruler
    typed_area_mm2: float | None = None
    region: Region = EVERYTHING
    focus: Reference | None = None  # right after focusing
    counted_by_eye: int | None = None  # check pictures counted by a person
    rotation_deg: int  # camera.rotation_deg of the picture it was made on
    turns_to_deg: tuple[int, ...] = ()  # other rotations that somebody chose on the page, to which it may be turned

    def __post_init__(self) -> None:
        if self.typed_area_mm2 is not None and not self.typed_area_mm2 > 0:
            raise ConfigError(f"an area of {self.typed_area_mm2} mm2 counts nothing; measure it again and type it")

    @property
    def area_mm2(self) -> float | None:
        """Of the region that is counted, on the calibrated plane; None where nobody measured it, or it has no end."""
        return self.typed_area_mm2 if self.scale is None else self.region.area_mm2(self.scale)

    @property
    def mm_per_px(self) -> float | None:
        """In the middle of the picture that was calibrated."""
        return None if self.scale is None else self.scale.mm_per_px()

    @property
    def error_px(self) -> float | None:
        """Root mean square by which the board's corners are off."""
        return None if self.scale is None else self.scale.error_px

    def at_rotation(self, rotation_deg: int) -> "Calibration | None":
        """For the picture as it is turned now. None: turned by hand since, and nobody knows whether the camera was."""
        if self.rotation_deg == rotation_deg:
            return self
        if rotation_deg not in self.turns_to_deg:
            return None
        by_deg = rotation_deg - self.rotation_deg
        scale = None if self.scale is None else self.scale.turned(by_deg)
        return replace(self, region=self.region.turned(by_deg), scale=scale, rotation_deg=rotation_deg)

    def turning(self, from_deg: int, to_deg: int) -> "Calibration":
        """The same, which will follow when the picture that it was made on is turned on the page."""
        return replace(self, turns_to_deg=tuple(sorted({*self.turns_to_deg, from_deg, to_deg})))


def to_json(calibration: Calibration) -> bytes:
    """One JSON object."""
    return msgspec.json.encode(calibration)


def from_json(content: bytes, name: str) -> Calibration:
    """Raises ConfigError if it is not a calibration; `name` says where it came from."""
    try:
        return msgspec.json.decode(content, type=Calibration)
    except (ValueError, RecursionError) as why:  # the second: of nesting without end
        raise ConfigError(f"{name}: no calibration ({why}); calibrate the camera again") from why
