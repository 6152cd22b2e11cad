"""What a model file says of itself, and which files were released. No inference here, so `model list` costs little."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from edge.boxes import Floats
from edge.errors import BundleError, UsageError, to_read
from edge.onnx_metadata import metadata_of
from edge.ranges import Dispersion

_INSTALLED = Path(__file__).parent / "models"  # in a wheel; a checkout keeps them beside the package
MODELS = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[1] / "models"
MANIFEST = "manifest.json"
AGAIN = "copy the file again from the release"
ELSEWHERE = f"{AGAIN}, or see training/README.md for one from elsewhere"
MOST_LETTERS = 80  # of what records name: the wire takes no longer labels


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleClass:
    """One class and how well it was told on held-out pictures; None: too few of them to say."""

    label: str  # scientific name at the rank a picture can tell
    eppo: str  # empty where no checked code is known
    threshold: float  # least calibrated confidence that is shown, 0..1
    precision: float | None
    recall: float | None
    ap50: float | None
    support: int  # held-out boxes of this class
    snug: bool = False  # lies on plain ground, so that its box is drawn in to what differs from that


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """What the network takes: (1, 3, H, W) float32, `(value - mean) / std` of 0..255, of a square or a part of it."""

    side_px: int
    colour: Literal["BGR", "RGB"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    pad: int  # grey of the letterbox, 0..255


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """Squares of the source picture that are looked at one by one, for insects too small in the whole frame."""

    side_px: int  # source px
    overlap_px: int  # source px; at least the length of the largest insect
    picture_px: int | None = None  # both in a picture of so many px, else in proportion; None: the same in every one


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A set of pictures that the model learned from; `licence` as stated by its publisher."""

    name: str
    licence: str
    source: str
    pictures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How the model can be made again."""

    commit: str
    command: str
    start_weights: str
    datasets: tuple[Dataset, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Measured on held-out pictures through `edge.detector`."""

    map50: float
    map50_95: float
    split: str
    pictures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A model file and what is true of it. Raises ValueError on facts that cannot be."""

    path: Path
    sha256: str
    size_bytes: int
    format: Literal[1]
    name: str
    version: str
    head: str  # how the output is decoded, see `edge.detector.DECODE`
    precision: Literal["fp32", "int8"]
    input: InputSpec
    strides: tuple[int, ...]
    nms_iou: float
    temperature: float  # calibrated confidence = sigmoid(logit(score) / temperature)
    classes: tuple[BundleClass, ...]
    tile: Tile | None  # None: the whole frame at once
    training: Training
    metrics: Metrics | None  # None: not measured yet
    dispersion: Dispersion | None = None  # how much pictures differ; None: made before that was measured

    def __post_init__(self) -> None:
        side_px = self.input.side_px
        names = (self.name, self.version, *self.labels, *(c.eppo for c in self.classes))
        rules = {
            "strides must divide side_px": all(s > 0 and side_px % s == 0 for s in self.strides) and self.strides,
            "side_px must be 32 to 4096": 32 <= side_px <= 4096,
            "std must not be 0": all(self.input.std),
            "pad must be 0 to 255": 0 <= self.input.pad <= 255,
            "nms_iou must be 0 to 1": 0 < self.nms_iou <= 1,
            "temperature must be above 0": self.temperature > 0,
            "labels must be given once each": len(set(self.labels)) == len(self.classes) > 0,
            f"a name, version, label or code has at most {MOST_LETTERS} letters": max(map(len, names)) <= MOST_LETTERS,
            "each threshold must be between 0 and 1": all(0 < c.threshold < 1 for c in self.classes),
            "a tile must be larger than its overlap": not self.tile or 0 <= self.tile.overlap_px < self.tile.side_px,
            "picture_px must be above 0": not self.tile or self.tile.picture_px is None or self.tile.picture_px > 0,
        }
        for rule, holds in rules.items():
            if not holds:
                raise ValueError(rule)

    @property
    def labels(self) -> tuple[str, ...]:
        """Scientific names in the order of class_id."""
        return tuple(c.label for c in self.classes)

    @property
    def thresholds(self) -> Floats:
        """Least confidence of each class, (C,) float32."""
        return np.array([c.threshold for c in self.classes], np.float32)

    def points(self, width_px: int, height_px: int) -> int:
        """Rows that the network must give of a picture of that size: one a grid point of each stride."""
        return sum((width_px // stride) * (height_px // stride) for stride in self.strides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A detection that was there when the model was released."""

    label: str
    confidence: float
    xyxy: tuple[float, float, float, float]  # px of the golden picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A picture and what the model saw in it when it was released."""

    image: str  # beneath the folder of the manifest
    sha256: str
    detections: tuple[Expected, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A released file."""

    file: str  # beneath the folder of the manifest
    sha256: str
    bytes: int
    version: str
    precision: str
    golden: Golden


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafGolden:
    """A picture and what a leaf network said of it when it was released."""

    image: str  # beneath the folder of the manifest
    sha256: str
    severity: float  # lesion share of the leaf, 0..1
    stress: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafEntry:
    """A released leaf network, which is no detector; see `edge.leaf_network`."""

    file: str  # beneath the folder of the manifest
    sha256: str
    bytes: int
    version: str
    golden: LeafGolden


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """manifest.json: the released files by name, in order; leaf networks by crop."""

    format: Literal[1]
    bundles: dict[str, Entry]
    leaves: dict[str, LeafEntry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Release:
    """A model that was asked for: `entry` is None for a file outside the manifest, which nothing can vouch for."""

    name: str
    path: Path
    entry: Entry | None


def load_bundle(path: Path, sha256: str | None = None) -> Bundle:
    """Read what the model file says of itself; its hash must be `sha256`, if given. Raises BundleError."""
    content, digest = read_model(path, sha256)
    try:
        facts = msgspec.json.decode(metadata_of(content), type=dict[str, Any])
        bundle = msgspec.convert({**facts, "path": path, "sha256": digest, "size_bytes": len(content)}, Bundle)
    except (ValueError, RecursionError) as why:  # msgspec's errors are ValueErrors; and nesting without end
        raise BundleError(f"{path}: not a Fieldeye model ({why}); {ELSEWHERE}") from why
    if unknown := ", ".join(_unknown(facts)):
        raise BundleError(f"{path}: says of itself what this software does not know ({unknown}); update fieldeye first")
    return bundle


def read_model(path: Path, sha256: str | None) -> tuple[bytes, str]:
    """A model's file and its hash, which must be `sha256`, if given. Raises BundleError."""
    try:
        content = path.read_bytes()
    except OSError as why:
        raise BundleError(f"{path}: cannot be read ({why.strerror}); {to_read(why, AGAIN)}") from why
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256:
        raise BundleError(f"{path}: not the file in {MANIFEST} (sha256 differs); {AGAIN}")
    return content, digest


def _unknown(facts: dict[str, Any]) -> list[str]:
    """Of what a picture is looked at by, the facts of a later version: passed over, they would make wrong counts."""
    parts = [("input", facts["input"], InputSpec), ("tile", facts.get("tile") or {}, Tile)]
    parts += [("classes", one, BundleClass) for one in facts["classes"]]
    return sorted({f"{part}.{name}" for part, told, known in parts for name in told.keys() - known.__annotations__})


def load_manifest(folder: Path) -> Manifest:
    """The manifest of a folder of models. Raises BundleError."""
    path = folder / MANIFEST
    remedy = "install fieldeye again" if folder == MODELS else f"name a folder that has the {MANIFEST} of a release"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as why:
        raise BundleError(f"{path}: cannot be read ({why.strerror}); {to_read(why, remedy)}") from why
    except (ValueError, RecursionError) as why:
        raise BundleError(f"{path}: {why}; {remedy}") from why


def entries_of(folder: Path) -> dict[str, Entry]:
    """The models of a folder, in the order of its manifest; none where that cannot be read."""
    try:
        return load_manifest(folder).bundles
    except BundleError:
        return {}


def find_bundle(name_or_path: str | Path, folder: Path = MODELS) -> Release:
    """The release of that name, else the file at that path, with its entry where the manifest beside it has one.

    Raises UsageError if there is neither, BundleError.
    """
    manifest = load_manifest(folder) if (folder / MANIFEST).exists() else Manifest(format=1, bundles={})
    name, path = str(name_or_path), Path(name_or_path)
    if name in manifest.bundles:
        entry = manifest.bundles[name]
        return Release(name, folder / entry.file, entry)
    if path.is_file():
        beside = {entry.file: entry for entry in entries_of(path.parent).values()}
        return Release(path.stem, path, beside.get(path.name))
    known = ", ".join(manifest.bundles) or "none"
    raise UsageError(f"no model {name!r}: neither a name in {folder / MANIFEST} ({known}) nor a file; name one of them")


def load_release(release: Release) -> Bundle:
    """Its bundle, with the hash checked where a manifest knows it. Raises BundleError."""
    return load_bundle(release.path, release.entry.sha256 if release.entry else None)
