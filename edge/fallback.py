"""Which model runs: the one that was asked for, else the last one that started well on this node."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from edge.bundle import MANIFEST, Entry, Manifest, Release, entries_of, find_bundle
from edge.detector import Detector
from edge.durable import write_durably
from edge.errors import BundleError, UsageError
from edge.golden import tried

log = logging.getLogger(__name__)
KEPT = 2  # the one that runs and the one before it


@dataclass(frozen=True, slots=True)
class Opened:
    """A detector that runs; `refused` says why it is not the one that was asked for, None if it is."""

    detector: Detector
    refused: str | None


def open_detector(
    name_or_path: str | Path,
    *,
    kept: Path,
    threads: int = 1,
    confidence: float | None = None,
    folder: Path,
) -> Opened:
    """The model that was asked for, once hash, load and golden picture agree, else the last one that started well.

    `kept` is the node's own folder for copies of models that started well. If none runs, raises what was wrong with
    the one asked for: BundleError, or UsageError for a name nobody knows.
    """
    try:
        release = find_bundle(name_or_path, folder)
        detector = tried(release, threads=threads, confidence=confidence)
    except (BundleError, UsageError) as why:
        previous = _previous(kept, threads, confidence)
        if previous is None:
            raise
        runs = previous.bundle.name
        log.warning("bundle_refused", extra={"asked": str(name_or_path), "why": str(why), "runs": runs})
        return Opened(previous, str(why))
    if release.entry is not None:
        _keep(release, release.entry, kept)
    return Opened(detector, None)


def _previous(kept: Path, threads: int, confidence: float | None) -> Detector | None:
    """The newest kept model that still passes; None if there is none."""
    for name in reversed(entries_of(kept)):
        try:
            return tried(find_bundle(name, kept), threads=threads, confidence=confidence)
        except BundleError as why:
            log.warning("kept_bundle_refused", extra={"model": name, "why": str(why)})
    return None


def _keep(release: Release, entry: Entry, folder: Path) -> None:
    """Copy a model that started well, unless it is there. A full or read-only disk is no reason not to look."""
    if release.path.parent.resolve() == folder.resolve():
        return  # asked for as one of these copies, which a copy of it would drive out
    key = f"{release.name}-{entry.sha256[:8]}"
    former = entries_of(folder)
    if list(former)[-1:] == [key] and (folder / former[key].file).exists():
        return  # written once a release, not once a start: the card wears
    golden = replace(entry.golden, image=f"{key}{Path(entry.golden.image).suffix}")
    others = {name: kept for name, kept in former.items() if name != key}
    bundles = dict([*others.items(), (key, replace(entry, file=f"{key}.onnx", golden=golden))][-KEPT:])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(folder / f"{key}.onnx", release.path.read_bytes())
        write_durably(folder / golden.image, (release.path.parent / entry.golden.image).read_bytes())
        write_durably(
            folder / MANIFEST, msgspec.json.encode(Manifest(format=1, bundles=bundles))
        )  # last: names whole files
        _remove_others(folder, bundles)
    except OSError as why:
        log.warning("bundle_not_kept", extra={"model": key, "why": str(why)})


def _remove_others(folder: Path, bundles: dict[str, Entry]) -> None:
    named = {MANIFEST, *(e.file for e in bundles.values()), *(e.golden.image for e in bundles.values())}
    for path in folder.iterdir():
        if path.name not in named:
            path.unlink()
