"""The part of the picture in which is counted: a polygon, in shares of the picture. Pure."""

from dataclasses import dataclass
from hashlib import sha256

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.boxes import Bools, Floats, Image
from edge.calibration.scale import Scale
from edge.errors import ConfigError

WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Region:
    """Corners of the polygon in order, each (x, y) as shares 0..1. Raises ConfigError if it is none."""

    corners: tuple[tuple[float, float], ...] = WHOLE

    def __post_init__(self) -> None:
        if len(self.corners) < 3 or not all(0 <= v <= 1 for corner in self.corners for v in corner):
            raise ConfigError("a region needs three or more corners, each between 0 and 1; draw it again on the page")
        corners = np.array(self.corners)
        if _shoelace(corners) < 1e-4 or _crosses(corners):
            raise ConfigError("a region without area counts nothing; draw its corners in order around what counts")

    def holds(self, xyxy: Floats, width_px: int, height_px: int) -> Bools:
        """(n,) does the middle of each box (n, 4) px lie inside?"""
        polygon = self.points_px(width_px, height_px).astype(np.float32)
        centres = ((xyxy[:, :2] + xyxy[:, 2:]) / 2).tolist()
        return np.array([cv2.pointPolygonTest(polygon, (x, y), False) >= 0 for x, y in centres], np.bool_)

    @property
    def mark(self) -> str:
        """By which what was counted in it is told from what was counted in another; empty for the whole picture."""
        return "" if self.corners == WHOLE else f"#{sha256(repr(self.corners).encode()).hexdigest()[:8]}"

    @property
    def share(self) -> float:
        """Of the picture, 0..1."""
        return _shoelace(np.array(self.corners))

    def points_px(self, width_px: int, height_px: int) -> NDArray[np.float64]:
        """Corners (n, 2) px in a picture of that size."""
        return np.array(self.corners, np.float64) * (width_px, height_px)

    def area_mm2(self, scale: Scale) -> float | None:
        """Area on the calibrated plane; the polygon is straightened first, so a slant is no error.

        None: it reaches the horizon, and the plane has no end there.
        """
        corners_px = self.points_px(scale.width_px, scale.height_px)
        return _shoelace(scale.points_mm(corners_px)) if scale.has_below_horizon(corners_px) else None

    def turned(self, by_deg: int) -> "Region":
        """The same part of a picture that was turned clockwise by that many quarter turns' degrees."""
        if self.corners == WHOLE:
            return self
        corners = self.corners
        for _ in range(by_deg % 360 // 90):
            corners = tuple((1 - y, x) for x, y in corners)
        return Region(corners)

    def mask(self, width_px: int, height_px: int) -> Image:
        """(h, w) uint8, 255 inside."""
        inside = np.zeros((height_px, width_px), np.uint8)
        cv2.fillPoly(inside, [self.points_px(width_px, height_px).round().astype(np.int32)], (255,))
        return inside


def _shoelace(points: NDArray[np.float64]) -> float:
    x, y = points.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def _crosses(points: NDArray[np.float64]) -> bool:
    """Are there two sides of which each has the other's ends on both sides of it?"""
    side_x, side_y = (np.roll(points, -1, axis=0) - points).T
    to_x, to_y = np.moveaxis(points[None] - points[:, None], 2, 0)  # (sides, corners) from each side's begin
    left_of = (side_x[:, None] * to_y - side_y[:, None] * to_x).round(12)  # rounded: 0 for what lies in its line
    parted = left_of * np.roll(left_of, -1, axis=1) < 0
    return bool((parted & parted.T).any())


EVERYTHING = Region()
