"""What the detector finds in the part of the picture that counts, with names: pixels in, `Seen` out."""

import numpy as np

from edge.boxes import SAME_INSECT, Bools, Image, iou, without_rivals
from edge.calibration import EVERYTHING, Region
from edge.counts import Seen
from edge.detections import Detections, no_detections
from edge.detector import Detector
from edge.ranges import ALIKE, steadied
from edge.tally import ClassAccuracy

UNSURE_SHARE = 0.5  # of a class's threshold, down to which a census is given detections as unsure ones


class Eye:
    """Owned by the loop, which gives it another `region` when the camera was calibrated anew."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.region: Region = EVERYTHING
        self.outside = no_detections()  # of the region, in the last picture
        self.labels = detector.bundle.labels
        self.accuracy = accuracy_of(detector)

    def sure(self, image: Image) -> Detections:
        """Those above the model's thresholds."""
        return self._inside(self._detector(image), image)

    def found(self, image: Image) -> tuple[Detections, Bools]:
        """Those above half of the thresholds, each under one name, and which (n,) of them are sure."""
        thresholds = self._detector.thresholds
        found = self._inside(self._detector.found(image, np.asarray(thresholds * UNSURE_SHARE, np.float32)), image)
        return _with_one_name(found, found.confidence >= thresholds[found.class_id])

    def part(self, image: Image) -> Image | None:
        """(H, W) uint8, 255 where the picture counts; None: everywhere."""
        return None if self.region == EVERYTHING else self.region.mask(image.shape[1], image.shape[0])

    def named(self, found: Detections, image: Image) -> list[Seen]:
        """With names, and boxes as shares of the picture."""
        height_px, width_px = image.shape[:2]
        sides = (width_px, height_px, width_px, height_px)
        boxes = [tuple(float(v) / side for v, side in zip(box, sides, strict=True)) for box in found.xyxy]
        return [
            Seen(label, self.accuracy[label].eppo, float(confidence), (left, top, right, bottom))
            for label, confidence, (left, top, right, bottom) in zip(
                (self.labels[i] for i in found.class_id), found.confidence, boxes, strict=True
            )
        ]

    def _inside(self, found: Detections, image: Image) -> Detections:
        if self.region == EVERYTHING:
            self.outside = no_detections()
            return found
        is_inside = self.region.holds(found.xyxy, image.shape[1], image.shape[0])
        self.outside = found.where(~is_inside)
        return found.where(is_inside)


def _with_one_name(found: Detections, sure: Bools) -> tuple[Detections, Bools]:
    """Without unsure names of what has a surer one: a card would count them, a track of a neighbour go on with them."""
    order = np.argsort(~sure, kind="stable")  # within each half the strongest stays first
    xyxy, unsure = found.xyxy[order], ~sure[order]
    named = np.sort(order[without_rivals((iou(xyxy, xyxy) > SAME_INSECT) & unsure)])
    return found.where(named), sure[named]


def accuracy_of(detector: Detector) -> dict[str, ClassAccuracy]:
    """By label. What a few marks told is not taken for certain: 20 of 20 found is a recall of 21 in 22.

    At other thresholds than the bundle's own nobody measured.
    """
    bundle = detector.bundle
    if not detector.is_as_measured:
        return {c.label: ClassAccuracy(c.eppo, None, None) for c in bundle.classes}
    return {
        c.label: ClassAccuracy(
            c.eppo, steadied(c.precision, c.support), steadied(c.recall, c.support), bundle.dispersion or ALIKE
        )
        for c in bundle.classes
    }
