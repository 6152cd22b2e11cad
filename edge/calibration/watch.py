"""Focus, light and bands while the node counts: looked at now and then, since they change by the hour. Pure.

And whether the board was left where is counted.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from edge.boxes import Image, at_most
from edge.calibration.board import Layout
from edge.calibration.exposure import LightVerdict, Rows, exposure, ripple, row_light
from edge.calibration.focus import FocusVerdict, FocusWatch
from edge.calibration.record import Calibration
from edge.calibration.region import EVERYTHING, Region

EVERY_S = 60.0  # a look takes 10 ms of an x86 core
MARKERS_PX = 960  # longest side on which a board is looked for: markers of 15 px are read, in a third of the time
LEAST_MARKERS = 3  # of a board: one is found where there is none on 6 of 4,480 field pictures, two on none of them
PAIRS = 6  # of looks that are remembered: lamps flicker at each of them, a shadow passes once


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single answer to ==
class OpticsWatch:
    """What is known up to now. Without a calibration there is no day of focusing to compare with."""

    region: Region = EVERYTHING
    sharpness: FocusWatch | None = None
    light: LightVerdict | None = None
    looked_s: float | None = None  # monotonic
    rows: Rows | None = None  # (h,) of the last look
    ripples: tuple[bool, ...] = ()  # of the last pairs of looks: did a band move?

    def against(self, calibration: Calibration | None) -> "OpticsWatch":
        """Held against it. What was looked at stays, unless another region or day of focusing holds now."""
        region, focus = (EVERYTHING, None) if calibration is None else (calibration.region, calibration.focus)
        before = None if self.sharpness is None else self.sharpness.reference
        if (region, focus) == (self.region, before):
            return self
        return OpticsWatch(region, None if focus is None else FocusWatch(focus))

    @property
    def focus(self) -> FocusVerdict:
        """sharp, soft or blurred."""
        return "unknown" if self.sharpness is None else self.sharpness.verdict

    @property
    def banded(self) -> bool | None:
        """Do mains lamps draw bands? None: too few looks to tell."""
        return None if len(self.ripples) < PAIRS else 2 * sum(self.ripples) > PAIRS

    def looked(self, image: Image, at_s: float) -> "OpticsWatch":
        """With one look more at `image` (H, W, 3) uint8 BGR, if the last one is old enough."""
        if self.looked_s is not None and at_s - self.looked_s < EVERY_S:
            return self
        sharpness = None if self.sharpness is None else self.sharpness.looked(image, self.region)
        light = exposure(image, self.region).verdict
        rows = row_light(image)
        ripples = self.ripples
        if self.rows is not None and self.rows.shape == rows.shape:
            ripples = (*ripples[-(PAIRS - 1) :], ripple(self.rows, rows) > 0)
        return replace(self, sharpness=sharpness, light=light, looked_s=at_s, rows=rows, ripples=ripples)


def shows_board(image: Image, region: Region) -> bool:
    """Does a board, whole or not, lie in the region of `image` (H, W, 3) uint8 BGR?

    8 ms of an x86 core for a card of 2592x1944 px, 40 ms where all is edges.
    """
    grey = cv2.cvtColor(at_most(image, MARKERS_PX), cv2.COLOR_BGR2GRAY)
    markers, ids, _ = cv2.aruco.ArucoDetector(Layout().charuco().getDictionary()).detectMarkers(grey)
    if ids is None:
        return False
    corners = np.concatenate(markers)  # (n, 4, 2) px
    is_inside = region.holds(np.hstack([corners.min(axis=1), corners.max(axis=1)]), grey.shape[1], grey.shape[0])
    return len(np.unique(ids[is_inside])) >= LEAST_MARKERS
