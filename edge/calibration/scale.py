"""Millimetres per pixel from pictures of the board: a homography, so that a tilted camera is no error. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from edge.boxes import Image
from edge.calibration.board import Layout
from edge.errors import BadFrameError, ConfigError

LEAST_CORNERS = 8
MOST_ERROR_PX = 1.0  # of the corners put back into the picture: more is a bent board or a blurred picture
MOST_OTHER_SHAPE = 0.01  # of the sides' proportion: a picture at half its size may lose a row
MOST_UNEVEN = 0.02  # sides that differ by more across the board: the camera looks at a slant
Numbers = NDArray[np.float64]
# What the card may have spoiled is held against these, where a calibration is read.
Homography = Annotated[tuple[Annotated[float, Meta(ge=-1e9, le=1e9)], ...], Meta(min_length=9, max_length=9)]
Side = Annotated[int, Meta(ge=1, le=100_000)]


@dataclass(frozen=True, slots=True)
class Corners:
    """Chessboard corners of one picture: (n, 2) px, and the same on the board in squares."""

    px: Numbers
    squares: Numbers
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Scale:
    """The plane of the board in a picture of that size. Raises ConfigError if that is none.

    to_mm: nine numbers, row by row, of the homography from px to mm on the plane
    error_px: root mean square of the corners put back; uneven: greatest less least length of a px, over their mean
    """

    to_mm: Homography
    width_px: Side
    height_px: Side
    error_px: float
    uneven: float
    corners: int

    def __post_init__(self) -> None:
        if not self.to_mm[8]:  # OpenCV makes it 1: at 0 the picture's corner lies on the horizon
            raise ConfigError("its nine numbers are those of no plane; measure it again")

    @property
    def homography(self) -> Numbers:
        """(3, 3) from px to mm."""
        return np.array(self.to_mm).reshape(3, 3)

    @property
    def is_slanted(self) -> bool:
        """Do lengths differ so much across the board that one number for all would mislead?"""
        return self.uneven > MOST_UNEVEN

    def fits(self, width_px: int, height_px: int) -> bool:
        """Has a picture of that size the shape of the one that was measured? It may be larger or smaller."""
        return abs((width_px * self.height_px) / (height_px * self.width_px) - 1) <= MOST_OTHER_SHAPE

    def points_mm(self, points_px: Numbers) -> Numbers:
        """Points (n, 2) px on the plane in mm."""
        whole = np.hstack([points_px, np.ones((len(points_px), 1))]) @ self.homography.T
        return np.asarray(whole[:, :2] / whole[:, 2:])

    def has_below_horizon(self, points_px: Numbers) -> bool:
        """Do points (n, 2) px all lie on the plane? A camera that looks far aslant shows what lies beyond it, too."""
        h = self.homography
        return bool(((points_px @ h[2, :2] + h[2, 2]) * np.linalg.det(h) > 0).all())

    def turned(self, by_deg: int) -> "Scale":
        """The same plane in a picture that was turned clockwise by that many quarter turns' degrees."""
        to_mm, width_px, height_px = self.homography, self.width_px, self.height_px
        for _ in range(by_deg % 360 // 90):
            back = np.array([[0, 1, 0], [-1, 0, height_px], [0, 0, 1]])  # px of the turned picture to those before
            to_mm, width_px, height_px = to_mm @ back, height_px, width_px
        return replace(self, to_mm=tuple(to_mm.ravel().tolist()), width_px=width_px, height_px=height_px)

    def mm_per_px(self, at_px: tuple[float, float] | None = None) -> float:
        """Side in mm of a square as large as one px at that place (centre of the picture by default)."""
        x, y = at_px or (self.width_px / 2, self.height_px / 2)
        h = self.homography
        depth = float(h[2] @ (x, y, 1.0))
        return float(np.sqrt(abs(np.linalg.det(h) / depth**3)))  # the Jacobian's determinant of a homography


def find_corners(image: Image, layout: Layout) -> Corners:
    """The board's corners in `image` (H, W, 3) uint8 BGR. Raises BadFrameError with what to do."""
    charuco = layout.charuco()
    px, ids, _, _ = cv2.aruco.CharucoDetector(charuco).detectBoard(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    count = 0 if ids is None else len(ids)
    if count < LEAST_CORNERS or charuco.checkCharucoCornersCollinear(ids):  # one line lies in many planes
        raise BadFrameError(
            f"only {count} corners of a {layout.across}x{layout.down} board are seen; "
            "show the whole board, sharp and evenly lit",
            reason="no_board",
        )
    squares = np.asarray(charuco.getChessboardCorners(), np.float64)[ids.ravel(), :2]
    height_px, width_px = image.shape[:2]
    return Corners(np.asarray(px, np.float64).reshape(-1, 2), squares, width_px, height_px)


def measured(views: Sequence[Corners], side_mm: float) -> Scale:
    """The scale from one or more views of a board that lay still or was shifted within its plane; the sharpest counts.

    `side_mm` is the ruler's figure: printers shrink by one to three per cent. Raises BadFrameError if even the best
    view is off by more than a pixel.
    """
    best = min((_one_view(view, side_mm) for view in views), key=lambda scale: scale.error_px / scale.corners)
    if best.error_px > MOST_ERROR_PX:
        raise BadFrameError(
            f"the board's corners are off by {best.error_px:.1f} px; glue it on something flat, and hold still",
            reason="bent_board",
        )
    return best


def _one_view(view: Corners, side_mm: float) -> Scale:
    to_mm, _ = cv2.findHomography(view.px, view.squares * side_mm, 0)
    to_px = np.linalg.inv(to_mm)
    back = cv2.perspectiveTransform((view.squares * side_mm).reshape(-1, 1, 2), to_px).reshape(-1, 2)
    error_px = float(np.sqrt(((back - view.px) ** 2).sum(axis=1).mean()))
    flat = Scale(tuple(to_mm.ravel().tolist()), view.width_px, view.height_px, error_px, 0.0, len(view.px))
    lengths = [flat.mm_per_px((float(x), float(y))) for x, y in view.px]
    uneven = (max(lengths) - min(lengths)) / float(np.mean(lengths))
    return replace(flat, uneven=uneven)
