"""Millimetres from pixels, the part of the picture that counts, and whether picture, focus and light can be trusted.

Without a Calibration there is no density: it cannot be computed from pixels alone.
"""

from edge.calibration.board import Layout, board_pdf, board_svg
from edge.calibration.exposure import Exposure, banding, exposure
from edge.calibration.focus import FocusWatch, sharpness
from edge.calibration.record import Calibration
from edge.calibration.region import Region
from edge.calibration.scale import Scale, find_corners, measured

__all__ = [
    "Calibration",
    "Exposure",
    "FocusWatch",
    "Layout",
    "Region",
    "Scale",
    "banding",
    "board_pdf",
    "board_svg",
    "exposure",
    "find_corners",
    "measured",
    "sharpness",
]
