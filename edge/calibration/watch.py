"""Focus, light and bands while the node counts: looked at now and then, since they change by the hour. Pure."""

from dataclasses import dataclass, replace

from edge.boxes import Image
from edge.calibration.exposure import LightVerdict, Rows, exposure, ripple, row_light
from edge.calibration.focus import FocusVerdict, FocusWatch
from edge.calibration.record import Calibration
from edge.calibration.region import EVERYTHING, Region

EVERY_S = 60.0  # a look takes 10 ms of an x86 core
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
