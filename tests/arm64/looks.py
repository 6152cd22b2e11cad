"""What the released detectors see, run by a node's own Python: here, and on a board.

`python looks.py PICTURE...` prints {"machine", "python", "models": {NAME: {PICTURE: rows}}}; a row is
[class_id, confidence, x1, y1, x2, y2] in px of the picture, with all digits. Each model's golden picture is looked at
as well.
"""

import json
import platform
import sys
from pathlib import Path

import numpy as np

from edge.bundle import MODELS, find_bundle, load_manifest, load_release
from edge.cameras.pictures import read_picture
from edge.detector import Detector

LEAST_CONFIDENCE = 0.1  # far below what is shown: more boxes to compare


def rows(detector: Detector, picture: Path) -> list[list[float]]:
    """What is there, strongest first."""
    found = detector.found(read_picture(picture), np.full_like(detector.thresholds, LEAST_CONFIDENCE))
    table = np.column_stack([found.class_id, found.confidence, found.xyxy])
    return [[float(value) for value in row] for row in table]


def looks(name: str, pictures: list[Path]) -> dict[str, list[list[float]]]:
    """What one model sees on each picture."""
    detector = Detector(load_release(find_bundle(name)))
    return {picture.name: rows(detector, picture) for picture in pictures}


def main() -> None:
    """Look with each model of the manifest."""
    given = [Path(word) for word in sys.argv[1:]]
    released = load_manifest(MODELS).bundles
    models = {name: looks(name, [MODELS / entry.golden.image, *given]) for name, entry in released.items()}
    json.dump({"machine": platform.machine(), "python": platform.python_version(), "models": models}, sys.stdout)


if __name__ == "__main__":
    main()
