"""models/manifest.json: which files were released, by hash, and a golden picture with what each must see in it."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.bundle import MANIFEST, load_bundle, load_manifest
from edge.detections import Detections
from edge.detector import Detector
from edge.durable import write_durably
from edge.errors import ConfigError
from training.samples import Sample, read_image

GOLDEN_PX = 1280  # of the longer side at most: a node with 360 MB decodes it at each start
FAINT = 0.05  # detections below play no part in how decided a picture is
LOOKED_AT = 120  # pictures among which the golden one is chosen


def golden_sample(paths: Sequence[Path], samples: Sequence[Sample]) -> Sample:
    """The picture on which all files are most decided: every confidence far from its threshold, something shown.

    Far from a threshold, another processor's rounding cannot change what is shown. Raises ConfigError when no file
    sees anything.
    """
    detectors = [Detector(load_bundle(path)) for path in paths]
    margins = [min(_margin(detector, sample) for detector in detectors) for sample in samples[:LOOKED_AT]]
    best = int(np.argmax(margins))
    if margins[best] <= 0:
        raise ConfigError(f"{paths[0].name}: sees nothing in {len(margins)} held-out pictures; train longer")
    return samples[best]


def release(paths: Sequence[Path], golden: Sample) -> None:
    """Enter the files into the manifest beside them, with the golden picture's copy and what each sees in it."""
    folder = paths[0].parent
    picture = golden_copy(golden.image_path, folder, load_bundle(paths[0]).name)
    entered(folder, "bundles", {path.stem: _of_bundle(path, picture) for path in paths})


def golden_copy(picture: Path, models: Path, name: str) -> Path:
    """The picture beside the files in `models`, as that of this name: upright, and without the place in its EXIF."""
    copy = models / "golden" / f"{name}.jpg"
    copy.parent.mkdir(exist_ok=True)
    image = read_image(picture)
    share = min(1.0, GOLDEN_PX / max(image.shape[:2]))
    if share < 1:
        image = np.asarray(cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)
    write_durably(copy, cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    return copy


def entry(path: Path, version: str, golden: Path, seen: dict[str, object], **more: object) -> dict[str, object]:
    """What the manifest says of a file: by what it is known, and what it must see in its golden picture."""
    content = path.read_bytes()
    return {
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "version": version,
        **more,
        "golden": {
            "image": f"golden/{golden.name}",
            "sha256": hashlib.sha256(golden.read_bytes()).hexdigest(),
            **seen,
        },
    }


def entered(folder: Path, part: str, entries: dict[str, dict[str, object]]) -> None:
    """Put entries into a part of the folder's manifest, in place of those of the same names."""
    content = manifest_of(folder)
    content[part] = dict(sorted({**content.get(part, {}), **entries}.items()))
    text = json.dumps(content, ensure_ascii=False, indent=1)
    write_durably(folder / MANIFEST, f"{text}\n".encode())


def manifest_of(folder: Path) -> dict[str, Any]:
    """The folder's manifest; without an entry where there is none yet. Raises BundleError."""
    if not (folder / MANIFEST).is_file():
        return {"format": 1, "bundles": {}}
    load_manifest(folder)
    content: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
    return content


def _of_bundle(path: Path, picture: Path) -> dict[str, object]:
    bundle = load_bundle(path)
    found = Detector(bundle)(read_image(picture))
    metrics = bundle.metrics
    figures = metrics and {"map50": metrics.map50, "map50_95": metrics.map50_95, "split": metrics.split}
    seen: dict[str, object] = {"detections": _listed(found, bundle.labels)}
    return entry(path, bundle.version, picture, seen, precision=bundle.precision, metrics=figures)


def _listed(found: Detections, labels: Sequence[str]) -> list[dict[str, object]]:
    columns = zip(found.class_id.tolist(), found.confidence.tolist(), found.xyxy.tolist(), strict=True)
    return [
        {"label": labels[class_id], "confidence": round(confidence, 4), "xyxy": [round(v, 1) for v in xyxy]}
        for class_id, confidence, xyxy in columns
    ]


def _margin(detector: Detector, sample: Sample) -> float:
    """Least distance of a confidence from its threshold; -1 when nothing is shown."""
    found = detector.found(read_image(sample.image_path), np.full_like(detector.thresholds, FAINT))
    above = found.confidence - detector.bundle.thresholds[found.class_id]
    return float(np.abs(above).min()) if (above > 0).any() else -1.0
