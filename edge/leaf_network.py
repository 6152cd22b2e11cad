"""How much of a leaf is sick, and of what? A small segmentation network that learned from painted leaves.

It says of each cell how much of it is ground, leaf and lesion, so that sums are finer than cells, and which stress
rules the leaf. Four mirrored views are averaged: a leaf has no top. `edge.leaf` does without it, from colour alone.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from edge.boxes import Floats, Image, letterbox
from edge.bundle import AGAIN, MANIFEST, MODELS, InputSpec, LeafGolden, Training, load_manifest, read_model
from edge.detector import Network
from edge.errors import BundleError, UsageError
from edge.golden import MOST_APART, golden_picture
from edge.leaf import LEAST_LEAF, Scale
from edge.onnx_metadata import metadata_of

SEVERITY_APART = 0.02  # of a golden picture, between processors
VIEWS = ((1, 1), (1, -1), (-1, 1), (-1, -1))  # steps through rows and columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Stress:
    """What may rule a leaf; `label` is empty for a healthy one."""

    label: str  # scientific name
    eppo: str  # empty where no checked code is known


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafMetrics:
    """Measured on held-out leaves through this module."""

    split: str
    leaves: int
    share_mae: float  # mean absolute error of the lesion share, 0..1
    grade_agreement: float  # share of leaves with a person's severity grade
    stress_accuracy: float  # of leaves with one predominant stress


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafBundle:
    """What a leaf network's file says of itself. severity = (lesion share seen - floor) * slope, 0 to 1."""

    format: Literal[1]
    name: str
    version: str
    head: Literal["leaf"]
    crop: str
    input: InputSpec
    stresses: tuple[Stress, ...]
    floor: float  # what is seen as lesion on a healthy leaf
    slope: float
    limits: tuple[float, ...]  # upper ends of the grades
    source: str  # of the grades
    training: Training
    metrics: LeafMetrics | None

    @property
    def scale(self) -> Scale:
        """Severity to grade."""
        return Scale(self.limits, self.source)


@dataclass(frozen=True, slots=True)
class LeafTold:
    """One leaf. severity, grade and stress are None when there is too little leaf in the picture to say."""

    leaf: float  # share of the picture
    severity: float | None  # lesion share of the leaf, 0..1
    grade: int | None
    stress: str | None  # a label, "" for healthy
    confidence: float  # in the stress, 0..1


class LeafReader:
    """Runs one leaf network. Raises BundleError if the file is not what it should be."""

    def __init__(self, path: Path, sha256: str | None = None) -> None:
        self.bundle = load_leaf(path, sha256)
        self.path = path
        self._network = Network(path)

    def __call__(self, image: Image) -> LeafTold:
        """Of `image` (H, W, 3) uint8 BGR, one leaf that fills most of it. Raises BadFrameError, BundleError."""
        views = [self.looked(np.ascontiguousarray(image[::rows, ::columns])) for rows, columns in VIEWS]
        _, leaf, lesion, picture, *stress = np.mean(views, axis=0).tolist()
        share_of_picture = (leaf + lesion) / picture
        best = int(np.argmax(stress))
        if share_of_picture < LEAST_LEAF:
            return LeafTold(share_of_picture, None, None, None, 0.0)
        severity = self.severity(lesion / (leaf + lesion))
        label = self.bundle.stresses[best].label
        return LeafTold(share_of_picture, severity, self.bundle.scale.grade(severity), label, stress[best])

    def severity(self, seen: float) -> float:
        """Lesion share of the leaf from the share that the network sees."""
        return min(1.0, max(0.0, (seen - self.bundle.floor) * self.bundle.slope))

    def looked(self, image: Image) -> Floats:
        """(4 + stresses,): cells of ground, leaf and lesion, cells of the picture, and each stress's probability."""
        spec = self.bundle.input
        square, fit = letterbox(image, spec.side_px, spec.pad)
        shares, stress = self._network(np.ascontiguousarray(square.transpose(2, 0, 1)[None], np.float32))
        side, stresses = shares.shape[-1], len(self.bundle.stresses)
        if shares.shape != (1, 3, side, side) or stress.shape != (1, stresses):
            raise BundleError(f"{self.path}: gives {shares.shape} and {stress.shape}, not masks and a stress; {AGAIN}")
        picture = fit.width_px * fit.height_px * (fit.scale * side / spec.side_px) ** 2
        return np.concatenate([shares[0].sum(axis=(1, 2)), [picture], stress[0]]).astype(np.float32)


def find_leaf(crop: str, folder: Path = MODELS) -> LeafReader:
    """The released leaf network for a crop, its hash and its golden picture checked.

    Raises UsageError if there is none, BundleError.
    """
    leaves = load_manifest(folder).leaves
    if crop not in leaves:
        known = ", ".join(leaves) or "none"
        raise UsageError(
            f"no leaf network for {crop!r} in {folder / MANIFEST} ({known}); leave --crop out, or name one"
        )
    entry = leaves[crop]
    reader = LeafReader(folder / entry.file, entry.sha256)
    _try(reader, folder, entry.golden)
    return reader


def _try(reader: LeafReader, folder: Path, golden: LeafGolden) -> None:
    told = reader(golden_picture(folder / golden.image, golden.sha256))
    alike = told.stress == golden.stress and abs(told.confidence - golden.confidence) <= MOST_APART
    if not alike or told.severity is None or abs(told.severity - golden.severity) > SEVERITY_APART:
        raise BundleError(
            f"{reader.path}: does not see in {golden.image} what it should: {golden.stress or 'healthy'} on "
            f"{golden.severity:.1%} of it; {AGAIN}"
        )


def load_leaf(path: Path, sha256: str | None) -> LeafBundle:
    """What the file says of itself; its hash must be `sha256`, if given. Raises BundleError."""
    content, _ = read_model(path, sha256)
    try:
        return msgspec.json.decode(metadata_of(content), type=LeafBundle)
    except (ValueError, RecursionError) as why:
        raise BundleError(f"{path}: not a leaf network ({why}); {AGAIN}") from why
