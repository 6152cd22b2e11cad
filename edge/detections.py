"""What a detector found in one frame, as columns."""

from dataclasses import dataclass, replace

import numpy as np

from edge.boxes import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single answer to ==
class Detections:
    """All detections of one frame, strongest first; columns of equal length n, read-only.

    xyxy: (n, 4) float32, left, top, right, bottom in px of the source image
    confidence: (n,) float32, 0..1
    class_id: (n,) int64, index into the bundle's classes
    """

    xyxy: Floats
    confidence: Floats
    class_id: Ints

    def __post_init__(self) -> None:
        n = len(self.confidence)
        if self.xyxy.shape != (n, 4) or self.confidence.shape != (n,) or self.class_id.shape != (n,):
            shapes = f"{self.xyxy.shape}, {self.confidence.shape}, {self.class_id.shape}"
            raise ValueError(f"Detections wants (n, 4), (n,), (n,), got {shapes}")
        if not (np.isfinite(self.xyxy).all() and np.isfinite(self.confidence).all()):
            raise ValueError("Detections holds a number that is not finite")
        for column in (self.xyxy, self.confidence, self.class_id):
            column.setflags(write=False)

    def __len__(self) -> int:
        return len(self.confidence)

    def where(self, keep: Bools | Ints) -> "Detections":
        """The rows that `keep` names, a mask (n,) bool or indices (m,)."""
        return replace(self, xyxy=self.xyxy[keep], confidence=self.confidence[keep], class_id=self.class_id[keep])


def no_detections() -> Detections:
    """A frame that was looked at and holds nothing: a zero, not an absence of data."""
    return Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64))
