"""Does a model see here what it saw when it was released?"""

import hashlib
from pathlib import Path

import numpy as np

from edge.boxes import Bools, Floats, Image, iou
from edge.bundle import AGAIN, MANIFEST, Expected, Release, load_release
from edge.cameras.pictures import decode_picture
from edge.detections import Detections
from edge.detector import Detector
from edge.errors import BadFrameError, BundleError, to_read

LEAST_IOU = 0.8
MOST_APART = 0.1  # of confidence: between processors, and between fp32 and int8 on one processor, it is less


def tried(release: Release, *, threads: int = 1, confidence: float | None = None) -> Detector:
    """A detector that passed hash, load and golden picture; for a file outside a manifest there is only the load.

    Raises BundleError.
    """
    detector = Detector(load_release(release), threads=threads, confidence=confidence)
    if release.entry is None:
        return detector
    golden = release.entry.golden
    image = golden_picture(release.path.parent / golden.image, golden.sha256)
    bundle = detector.bundle
    found = detector.found(image, np.maximum(bundle.thresholds - MOST_APART, np.float32(0.01)))
    fault = difference(golden.detections, found, bundle.labels, bundle.thresholds)
    if fault:
        raise BundleError(f"{release.path}: does not see in {golden.image} what it should: {fault}; {AGAIN}")
    return detector


def difference(
    expected: tuple[Expected, ...], found: Detections, labels: tuple[str, ...], thresholds: Floats
) -> str | None:
    """What is missing or too much in `found`, which was looked for down to MOST_APART below the `thresholds` (C,)."""
    free = np.ones(len(found), np.bool_)
    for wanted in expected:
        match = _match(wanted, found, labels, free)
        if match is None:
            return f"no {wanted.label} of {wanted.confidence:.2f} at {[round(x) for x in wanted.xyxy]}"
        free[match] = False
    extra = np.flatnonzero(free & (found.confidence >= thresholds[found.class_id] + MOST_APART))
    if len(extra) == 0:
        return None
    label, place = labels[found.class_id[extra[0]]], [round(float(x)) for x in found.xyxy[extra[0]]]
    return f"{label} of {found.confidence[extra[0]]:.2f} at {place}, where there was none"


def _match(wanted: Expected, found: Detections, labels: tuple[str, ...], free: Bools) -> int | None:
    """Row of the detection that is most alike `wanted` and still `free` (n,); None if none is alike enough."""
    if wanted.label not in labels:
        return None
    overlap = iou(np.array([wanted.xyxy], np.float32), found.xyxy)[0]
    alike = free & (found.class_id == labels.index(wanted.label)) & (overlap >= LEAST_IOU)
    alike &= np.abs(found.confidence - wanted.confidence) <= MOST_APART
    return int(np.where(alike, overlap, 0).argmax()) if alike.any() else None


def golden_picture(path: Path, sha256: str) -> Image:
    """A released picture, (H, W, 3) uint8 BGR, if it still is that picture. Raises BundleError."""
    try:
        content = path.read_bytes()
    except OSError as why:
        raise BundleError(f"{path}: golden picture cannot be read ({why.strerror}); {to_read(why, AGAIN)}") from why
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BundleError(f"{path}: not the golden picture in {MANIFEST} (sha256 differs); {AGAIN}")
    try:
        return decode_picture(content, path.name)
    except BadFrameError as why:
        raise BundleError(f"{path}: golden picture {why}") from why
