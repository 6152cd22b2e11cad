"""The card's surface as it was first seen and as it was last seen: did anything change at this place? Pure."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.boxes import Bools, Floats
from edge.trap.registration import Affine, Gray, Points, Relief, after, applied, unmoved

BARE = 6.0  # grey levels; root mean square of fine structure below which a place shows nothing
SAME = 0.6  # share of a place's structure that may differ between two looks at the same thing
TREMBLE_PX = 8  # by which a card that stays may be off; the smallest insects have 20


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Fine structure (h, w) float32 in the card's own px, and which of it was ever seen, where insects count.

    lies: the map from a picture's working px to the card's, since the card was last moved
    """

    first: Gray
    last: Gray
    ever: Bools
    lies: Affine

    @staticmethod
    def of(picture: Relief, region: Bools) -> "Places":
        """A card seen for the first time."""
        return Places(picture.fine, picture.fine, region, unmoved())

    def as_relief(self) -> Relief:
        """The card as last seen, to register the next picture to."""
        return Relief(self.last)

    def around(self, move: Affine, size: tuple[int, int]) -> tuple["Places", Affine]:
        """The part of the card round a picture of that `size` that lies there, and the shift (2, 3) of what lies on it.

        By whole px, since interpolation blurs. What is out of view is forgotten: nobody sees what comes there.
        """
        corners = _corners(move, size).round()
        low, high = corners.min(axis=0), corners.max(axis=0)
        if max((-low).max(), (high - self.as_relief().size).max()) <= TREMBLE_PX:
            return self, unmoved()
        shift = np.hstack([np.eye(2), -low[:, None]])
        part: list[int] = (high - low).astype(int).tolist()
        first, last = (_shifted(picture, shift, part) for picture in (self.first, self.last))
        ever = _shifted(self.ever.astype(np.uint8), shift, part) > 0
        return replace(self, first=first, last=last, ever=ever, lies=after(self.lies, shift)), shift

    def seen(self, moved: Gray, now: Bools, counts: Bools, move: Affine) -> "Places":
        """After a picture, `moved` into the card's px by `move`, that shows the part `now` and counts in `counts`."""
        first = np.where(self.ever, self.first, moved) if not self.ever.all() else self.first
        size = self.as_relief().size
        stays = np.abs(_corners(move, size) - _corners(self.lies, size)).max() <= TREMBLE_PX
        return replace(
            self,
            first=first,
            last=np.where(now, moved, self.last),
            ever=self.ever | counts,
            lies=self.lies if stays else move,  # one place as long as it stays: small errors do not add up
        )


def _shifted(picture: NDArray[Any], shift: Affine, size: list[int]) -> NDArray[Any]:
    return np.asarray(cv2.warpAffine(picture, shift, size, flags=cv2.INTER_NEAREST))


def _corners(move: Affine, size: tuple[int, int]) -> Points:
    width, height = size
    return applied(move, np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64))


def in_view(mask: Bools, xyxy: Floats, share: float = 0.6) -> Bools:
    """(n,) does that share of each box (n, 4) lie where the mask (h, w) is set?"""
    return np.array([_patch(mask, box).sum() >= share * _size(box) for box in xyxy], np.bool_)


def structure(fine: Gray, xyxy: Floats) -> NDArray[np.float64]:
    """(n,) root mean square of the fine structure in each box, grey levels."""
    return np.array([_rms(_patch(fine, box)) for box in xyxy], np.float64)


def is_same(one: Gray, other: Gray, xyxy: Floats) -> Bools:
    """(n,) do both show the same thing in each box? A bare place is the same as a bare place."""
    return np.array([_is_same(_patch(one, box), _patch(other, box)) for box in xyxy], np.bool_)


def _is_same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    strongest = max(_rms(a), _rms(b))
    return strongest < BARE or _rms(a - b) < SAME * strongest


def _patch(picture: NDArray[Any], box: Floats) -> NDArray[Any]:
    left, top, right, bottom = (max(0, round(float(v))) for v in box)
    return picture[top:bottom, left:right]


def _size(box: Floats) -> float:
    return max(1.0, float((round(box[2]) - round(box[0])) * (round(box[3]) - round(box[1]))))


def _rms(patch: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(patch, dtype=np.float64)))) if patch.size else 0.0
