"""Was the calibration board left where is counted? Pure."""

import cv2
import numpy as np

from edge.boxes import Image, at_most
from edge.calibration.board import Layout
from edge.calibration.region import Region

MARKERS_PX = 960  # longest side on which a board is looked for: markers of 15 px are read, in a third of the time
LEAST_MARKERS = 3  # of a board: one is found where there is none on 6 of 4,480 field pictures, two on none of them


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
