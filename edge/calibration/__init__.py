"""Millimetres from pixels, the part of the picture that counts, and whether picture, focus and light can be trusted.

Without a Calibration there is no density: it cannot be computed from pixels alone.
"""

from edge.calibration.board import Layout, board_pdf
from edge.calibration.exposure import Exposure, LightVerdict, exposure
from edge.calibration.file import (
    KeptCalibration,
    bring_calibration,
    calibrating,
    last_calibration,
    let_turn,
    load_calibration,
    save_calibration,
    size_to_fit,
    undo_calibration,
)
from edge.calibration.focus import FocusVerdict, Reference, focused, sharpness
from edge.calibration.left_board import shows_board
from edge.calibration.record import Calibration
from edge.calibration.region import EVERYTHING, Region
from edge.calibration.scale import Scale, find_corners, measured
from edge.calibration.watch import OpticsWatch

__all__ = [
    "EVERYTHING",
    "Calibration",
    "Exposure",
    "FocusVerdict",
    "KeptCalibration",
    "Layout",
    "LightVerdict",
    "OpticsWatch",
    "Reference",
    "Region",
    "Scale",
    "board_pdf",
    "bring_calibration",
    "calibrating",
    "exposure",
    "find_corners",
    "focused",
    "last_calibration",
    "let_turn",
    "load_calibration",
    "measured",
    "save_calibration",
    "sharpness",
    "shows_board",
    "size_to_fit",
    "undo_calibration",
]
