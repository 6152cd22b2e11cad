"""Is the light right? Clipped pixels, brightness, and the bands that mains lamps draw with a rolling shutter. Pure."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.boxes import Image
from edge.calibration.region import Region

LOOK_SHARE, BAD_SHARE = 0.01, 0.05  # of the pixels clipped
BLACK = 7  # level up to which JPEG blurs a black; a colour's channel may be 0 in the best light: blue of a yellow card
MEAN = (60.0, 180.0)  # grey levels between which a picture is neither dark nor pale
RIPPLE = 0.01  # amplitude of a band over the mean; fluorescent lamps reach 0.1 and more
PURITY = 0.65  # share of the ripple in one frequency: 0.78 and more on two banded cards, 0.41 at most for leaves moved
BANDS = (3, 60)  # bands a picture: fewer are clouds, more are noise
LEAST_ROWS = 64  # of a picture in which bands can be told
Rows = NDArray[np.float64]
LightVerdict = Literal["good", "look", "bad"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """Shares of pixels lost to white (in any channel) and to black (in all), and mean grey level inside the region."""

    white: float
    black: float
    mean: float

    @property
    def verdict(self) -> LightVerdict:
        """bad: not for counting."""
        clipped = self.white + self.black
        if clipped > BAD_SHARE:
            return "bad"
        return "good" if clipped <= LOOK_SHARE and MEAN[0] <= self.mean <= MEAN[1] else "look"


def exposure(image: Image, region: Region) -> Exposure:
    """Of `image` (H, W, 3) uint8 BGR."""
    inside = region.mask(image.shape[1], image.shape[0])
    return Exposure(
        white=1 - _share_up_to(254, image, inside),
        black=_share_up_to(BLACK, image, inside),
        mean=cv2.mean(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), inside)[0],
    )


def _share_up_to(level: int, image: Image, inside: Image) -> float:
    """Of the pixels `inside` (H, W) uint8, those of which no channel is above the level."""
    return cv2.mean(cv2.inRange(image, (0, 0, 0), (level, level, level)), inside)[0] / 255  # NumPy takes 16x as long


def row_light(image: Image) -> Rows:
    """(h,) brightness of each row over the picture's mean."""
    light = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float64).mean(axis=1)
    return np.asarray(light / max(light.mean(), 1.0))


def ripple(before: Rows, after: Rows) -> float:
    """Amplitude of what moved across the rows (h,) of two pictures of one size; 0 if that is no band.

    What stays from picture to picture is the scene; mains lamps draw a ripple across the rows that moves.
    """
    off = after - before
    if len(off) < LEAST_ROWS:
        return 0.0
    flat = off - np.polyval(np.polyfit(np.arange(len(off)), off, 2), np.arange(len(off)))
    power = np.abs(np.fft.rfft(flat * np.hanning(len(flat)))) ** 2
    most = min(BANDS[1], len(power) - 2)
    peak = int(power[BANDS[0] : most].argmax()) + BANDS[0]
    purity = power[peak - 1 : peak + 2].sum() / max(power[1:].sum(), 1e-12)
    # Of a Hann window; two frames differ by a random phase.
    amplitude = 4 * np.sqrt(power[peak]) / len(flat) / np.sqrt(2)
    return float(amplitude) if purity > PURITY and amplitude > RIPPLE else 0.0
