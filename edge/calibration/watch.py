"""Focus and light while the node counts: looked at now and then, since both change by the hour. Pure."""

from dataclasses import dataclass, replace

from edge.boxes import Image
from edge.calibration.exposure import LightVerdict, exposure
from edge.calibration.focus import FocusVerdict, FocusWatch
from edge.calibration.record import Calibration
from edge.calibration.region import EVERYTHING, Region

EVERY_S = 60.0  # a look takes 10 ms of an x86 core


@dataclass(frozen=True, slots=True)
class OpticsWatch:
    """What is known of both up to now. Without a calibration there is no day of focusing to compare with."""

    region: Region = EVERYTHING
    sharpness: FocusWatch | None = None
    light: LightVerdict | None = None
    looked_s: float | None = None  # monotonic

    @staticmethod
    def of(calibration: Calibration | None) -> "OpticsWatch":
        """Nothing looked at yet."""
        if calibration is None:
            return OpticsWatch()
        return OpticsWatch(calibration.region, None if calibration.focus is None else FocusWatch(calibration.focus))

    @property
    def focus(self) -> FocusVerdict:
        """sharp, soft or blurred."""
        return "unknown" if self.sharpness is None else self.sharpness.verdict

    def looked(self, image: Image, at_s: float) -> "OpticsWatch":
        """With one look more at `image` (H, W, 3) uint8 BGR, if the last one is old enough."""
        if self.looked_s is not None and at_s - self.looked_s < EVERY_S:
            return self
        sharpness = None if self.sharpness is None else self.sharpness.looked(image, self.region)
        light = exposure(image, self.region).verdict
        return replace(self, sharpness=sharpness, light=light, looked_s=at_s)
