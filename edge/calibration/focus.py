"""Is the picture as sharp as when somebody focused? Relative to that day: sharpness has no scale of its own. Pure."""

from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

import cv2
import numpy as np

from edge.boxes import Image, at_most
from edge.calibration.region import Region

FIELD_PX = 640  # the region is judged at one size, whatever the camera gives
WARN_SHARE, BLURRED_SHARE = 0.6, 0.3
LOOKS = 24  # the median of so many: one web in front of the lens for a minute is no lost focus
LIGHT = (0.6, 1.7)  # of the reference's brightness: in other light, sharpness does not compare
FocusVerdict = Literal["sharp", "soft", "blurred", "unknown"]


@dataclass(frozen=True, slots=True)
class Reference:
    """Sharpness and brightness right after focusing."""

    sharpness: float
    brightness: float


@dataclass(frozen=True, slots=True)
class FocusWatch:
    """The day of focusing, and the looks since."""

    reference: Reference
    looks: tuple[float, ...] = ()

    def looked(self, image: Image, region: Region) -> "FocusWatch":
        """With one look more, if the light is like that of the reference."""
        light = brightness(image) / max(self.reference.brightness, 1.0)
        if not LIGHT[0] <= light <= LIGHT[1]:
            return self
        return replace(self, looks=(*self.looks[-(LOOKS - 1) :], sharpness(image, region)))

    @property
    def verdict(self) -> FocusVerdict:
        """soft: wipe the lens first; rain, dew and webs look like a lost focus."""
        if not self.looks:
            return "unknown"
        share = median(self.looks) / max(self.reference.sharpness, 1e-6)
        return "sharp" if share >= WARN_SHARE else "soft" if share >= BLURRED_SHARE else "blurred"


def focused(image: Image, region: Region) -> Reference:
    """The reference, taken on the board or the card right after focusing."""
    return Reference(sharpness(image, region), brightness(image))


def sharpness(image: Image, region: Region) -> float:
    """Variance of the Laplacian inside the region, grey levels squared (Pech-Pacheco et al. 2000)."""
    grey = cv2.cvtColor(at_most(image, FIELD_PX), cv2.COLOR_BGR2GRAY)
    inside = region.mask(grey.shape[1], grey.shape[0]) > 0
    return float(np.var(cv2.Laplacian(grey, cv2.CV_32F)[inside]))


def brightness(image: Image) -> float:
    """Mean grey level."""
    return float(cv2.mean(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))[0])
