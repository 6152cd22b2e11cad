"""How much do pictures differ in what a bundle sees? `python -m training.dispersion training/configs/pests.toml`.

Looks at the validation pictures with `models/<name>.onnx` and `-int8`, writes the dispersion into their metadata, from
which a node makes the range of a count (`edge.ranges`), and enters the files into the manifest. The network stays as it
is, so that a bundle from before this field gets it in minutes. `training.export` does the same for a new one.
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import log
from pathlib import Path

import cv2
import numpy as np

from edge.boxes import Ints
from edge.bundle import MODELS
from edge.detections import Detections
from edge.ranges import Dispersion, chances
from training.command import finish
from training.config import TrainConfig, read_config
from training.judging.looks import Looks
from training.judging.meeting import ALARMS, HITS, MISSES, counts_of
from training.manifest import release_again
from training.metrics import Truth
from training.onnx_file import Facts, bundle_paths, read_facts, write_facts
from training.samples import Sample
from training.train import samples_of

PRIOR_MARKS = 5.0  # that a class borrows from all classes together: a few marks say little
PRECISIONS = tuple(round(0.01 * step, 2) for step in (*range(10), *range(10, 30, 2), *range(30, 75, 5)))
RECALLS = (0.0, *(round(float(one), 3) for one in np.geomspace(0.01, 4, 28)))
ROUGH = tuple(round(0.05 * step, 2) for step in range(20))
ROUNDS = 6  # at most, one figure after the other
IMPOSSIBLE = 1e-12  # chance of a number that the model rules out: one odd picture must not decide alone


@dataclass(frozen=True, slots=True)
class Pair:
    """Of one class on one picture: what was found, what a person marked, and how well the class is told."""

    found: int
    true: int
    precision: float
    recall: float


def dispersion_of(truths: Sequence[Truth], shown: Sequence[Detections], classes: int) -> Dispersion:
    """The likeliest dispersion behind pictures on which a class was shown or marked; found by a grid.

    As over-dispersion is fitted to counts of litters and fields by maximum likelihood (Williams 1975, Biometrics
    31:949; Griffiths 1973, Biometrics 29:637). One for all classes: a class is on few pictures.
    """
    pairs = Counter(pairs_of(counts_of(truths, shown, classes)))
    dispersion = Dispersion()
    for _ in range(ROUNDS):
        before = dispersion
        dispersion = _likeliest(pairs, [replace(dispersion, precision=one) for one in PRECISIONS])
        dispersion = _likeliest(pairs, [replace(dispersion, recall=one) for one in RECALLS])
        dispersion = _likeliest(pairs, [replace(dispersion, rough=one) for one in ROUGH])
        if dispersion == before:
            break
    return dispersion


def pairs_of(counts: Ints) -> list[Pair]:
    """Of counts (pictures, classes, 3), as `counts_of` gives them."""
    sums = counts.sum(axis=0)
    found, true = counts[..., HITS] + counts[..., ALARMS], counts[..., HITS] + counts[..., MISSES]
    pictures, classes = np.nonzero(found + true)
    precision = _steadied(sums[:, HITS], sums[:, HITS] + sums[:, ALARMS])
    recall = _steadied(sums[:, HITS], sums[:, HITS] + sums[:, MISSES])
    return [
        Pair(int(found[i, c]), int(true[i, c]), float(precision[c]), float(recall[c]))
        for i, c in zip(pictures.tolist(), classes.tolist(), strict=True)
    ]


def _steadied(part: Ints, whole: Ints) -> np.ndarray:
    """(classes,) shares; a class with few marks is told as all are."""
    common = (part.sum() + 1) / (whole.sum() + 2)
    return np.asarray((part + PRIOR_MARKS * common) / (whole + PRIOR_MARKS))


def _likeliest(pairs: Mapping[Pair, int], candidates: Sequence[Dispersion]) -> Dispersion:
    def log_likelihood(dispersion: Dispersion) -> float:
        return sum(
            times * log(max(chances(one.found, one.precision, one.recall, dispersion, one.true)[-1], IMPOSSIBLE))
            for one, times in pairs.items()
        )

    return max(candidates, key=log_likelihood)


def dispersion_facts(looks: Looks, samples: Sequence[Sample]) -> Facts:
    """What the metadata says of it."""
    truths = [Truth(sample.xyxy, sample.class_id) for sample in samples]
    dispersion = dispersion_of(truths, looks.shown(samples), len(looks.bundle.classes))
    return {"dispersion": asdict(dispersion)}


def measure(config: TrainConfig, paths: Sequence[Path]) -> None:
    """Write it into the files' metadata."""
    samples = samples_of(config, "val")
    for path in paths:
        write_facts(path, {**read_facts(path), **dispersion_facts(Looks(path), samples)})


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--models", type=Path, default=MODELS)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    config = read_config(arguments.config)
    paths = [path for path in bundle_paths(arguments.models, config.bundle).values() if path.is_file()]
    if not paths:
        parser.error(f"no {config.bundle}.onnx in {arguments.models}: export it first, or say where with --models")
    measure(config, paths)
    release_again(paths)
    for path in paths:
        print(f"{path}: {read_facts(path)['dispersion']}")


if __name__ == "__main__":
    finish(main)
