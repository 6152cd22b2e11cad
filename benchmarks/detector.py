"""What looking at a frame costs beside the bare network, by frame size; fp32 against int8; one thread against more."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks._alone import alone
from edge.bench import in_turns, stages
from edge.boxes import Image
from edge.bundle import MODELS, Release, find_bundle, load_manifest, load_release
from edge.cameras.pictures import read_picture
from edge.detector import Detector

# Frame in px: most that the detector may take of a bare session.run on a square.
SIZES = {(640, 480): 1.15, (2304, 1296): 1.35}
REPETITIONS = 40


@dataclass(frozen=True, slots=True)
class Figure:
    """One ratio of one run; `most` is its target, None where there is none."""

    what: str
    ratio: float
    detail: str
    most: float | None = None


def main() -> None:
    """Print one line a figure."""
    for figure in measure():
        target = f"<= {figure.most:g}x" if figure.most else ""
        print(f"{figure.what:<52} {figure.ratio:>6.2f}x  {target:<9} {figure.detail}")


def measure() -> Iterator[Figure]:
    """Ratios of every released model, each of REPETITIONS that take turns in one run."""
    releases = {name: find_bundle(name, MODELS) for name in load_manifest(MODELS).bundles}
    detectors = {name: Detector(load_release(release)) for name, release in releases.items()}
    for name, detector in detectors.items():
        side_px = detector.bundle.input.side_px
        square = _given(Detector(detector.bundle), (side_px, side_px))
        for size, most in SIZES.items():
            works = stages(detector, _picture(releases[name], size)) | {"square": square.infer}
            took = in_turns(works, REPETITIONS)
            prepare_ms, run_ms, decode_ms, square_ms = (
                took[stage].wall_ms for stage in ("prepare", "network", "decode", "square")
            )
            detail = (
                f"prepare {prepare_ms:.2f} + run {run_ms:.2f} + decode {decode_ms:.2f} ms; square {square_ms:.2f} ms"
            )
            target = most if detector.bundle.tile is None else None  # tiles are as many runs as there are tiles
            ratio = took["detector"].of(took["square"])
            yield Figure(f"{name}, {size[0]}x{size[1]}: detector / a square's run", ratio, detail, target)
    for name in [n for n in detectors if f"{n}-int8" in detectors]:
        yield _against(f"{name}: int8 / fp32", _given(detectors[f"{name}-int8"]), _given(detectors[name]))
    threads = len(os.sched_getaffinity(0))
    if threads > 1:
        for name, detector in detectors.items():
            more = Detector(load_release(releases[name]), threads=threads)
            yield _against(f"{name}: {threads} threads / 1", _given(more), _given(detector))


def _given(detector: Detector, size: tuple[int, int] = (640, 480)) -> Detector:
    """Ready for bare runs on a grey picture of that width and height in px."""
    detector.prepare(np.full((size[1], size[0], 3), 114, np.uint8))
    return detector


def _against(what: str, one: Detector, other: Detector) -> Figure:
    """Bare runs of two detectors in turn."""
    took = in_turns({"one": one.infer, "other": other.infer}, REPETITIONS)
    one_ms, other_ms = took["one"].wall_ms, took["other"].wall_ms
    return Figure(what, one_ms / other_ms, f"{one_ms:.2f} against {other_ms:.2f} ms")


def _picture(release: Release, size: tuple[int, int]) -> Image:
    """Its golden picture, a real one in which it finds something, at that width and height in px."""
    if release.entry is None:
        raise ValueError(f"{release.name}: a model of the manifest has an entry")
    golden = read_picture(release.path.parent / release.entry.golden.image)
    return np.asarray(cv2.resize(golden, size), np.uint8)


if __name__ == "__main__":
    alone(main, __doc__)
