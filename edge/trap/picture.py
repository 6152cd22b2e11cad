"""What one picture of a card shows: boxes, how they look, and where insects count. Pure."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.boxes import Bools, Floats, Image
from edge.detections import Detections
from edge.tracker.signature import signatures
from edge.trap.card import Insects
from edge.trap.registration import Affine, applied


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Detections of a picture; boxes (n, 4) in working px, of the picture or of the card."""

    xyxy: Floats
    found: Detections
    sure: Bools
    look: Floats
    region: Bools  # (h, w) in the picture's working px: where insects count

    def through(self, move: Affine) -> "Picture":
        """With boxes in the card's px: their middle moves, their sides stay, or change places in a quarter turn."""
        centre = applied(move, centres(self.xyxy))
        sides = (self.xyxy[:, 2:] - self.xyxy[:, :2]).astype(np.float64)
        if abs(move[0, 1]) > abs(move[0, 0]):
            sides = sides[:, ::-1]
        xyxy = np.hstack([centre - sides / 2, centre + sides / 2]).astype(np.float32)
        return replace(self, xyxy=xyxy)

    def as_insects(self, rows: Bools) -> Insects:
        """Those of the mask (n,); one that is not sure waits for a second look."""
        return Insects(
            xyxy=self.xyxy[rows],
            look=self.look[rows],
            bare=np.zeros(int(rows.sum()), np.int64),
            waiting=~self.sure[rows],
        )


def looks(image: Image, xyxy: Floats) -> Floats:
    """Signatures as they would be in the same light."""
    light = np.maximum(np.asarray(cv2.mean(image)[:3], np.float64), 1.0)
    return np.asarray(signatures(image, xyxy) * np.tile(120 / light, 2), np.float32)


def centres(xyxy: Floats) -> NDArray[np.float64]:
    """(n, 2) middles of boxes (n, 4)."""
    return np.asarray((xyxy[:, :2] + xyxy[:, 2:]) / 2, np.float64)
