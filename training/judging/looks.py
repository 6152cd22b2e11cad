"""What one shipped file sees: each picture is looked at once a run, however many figures are drawn from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.boxes import Image
from edge.bundle import Bundle, load_bundle
from edge.detections import Detections
from edge.detector import Detector
from training.engine import LOWEST_SCORE
from training.metrics import cooled
from training.samples import Sample, read_image


@dataclass(eq=False, slots=True)
class Looks:
    """A file and what it has seen so far, through `edge.detector` on one thread. Raises BundleError."""

    path: Path
    bundle: Bundle = field(init=False)
    detector: Detector = field(init=False)
    _faint: dict[Path, Detections] = field(init=False, default_factory=dict)
    _shown: dict[Path, Detections] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.bundle = load_bundle(self.path)
        self.detector = Detector(self.bundle)

    def faint(self, samples: Sequence[Sample]) -> list[Detections]:
        """All that is seen at LOWEST_SCORE, for average precision and reliability, whatever the temperature."""
        return [self._faint_of(sample.image_path) for sample in samples]

    def shown(self, samples: Sequence[Sample]) -> list[Detections]:
        """What a node shows, at the shipped thresholds."""
        return [self._shown_of(sample.image_path) for sample in samples]

    def faint_of(self, image: Image) -> Detections:
        """As `faint`, of a picture (H, W, 3) uint8 BGR that no file holds."""
        lowest = np.full_like(self.detector.thresholds, LOWEST_SCORE)
        return self.detector.found(image, cooled(lowest, self.bundle.temperature))

    def _faint_of(self, path: Path) -> Detections:
        if path not in self._faint:
            self._faint[path] = self.faint_of(read_image(path))
        return self._faint[path]

    def _shown_of(self, path: Path) -> Detections:
        if self.bundle.tile is None:  # a fainter box never hides a stronger one: the same as another look
            faint = self._faint_of(path)
            return faint.where(faint.confidence >= self.bundle.thresholds[faint.class_id])
        if path not in self._shown:  # but over a seam a faint piece can join a strong one
            self._shown[path] = self.detector(read_image(path))
        return self._shown[path]
