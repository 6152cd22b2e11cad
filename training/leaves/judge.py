"""Measure the leaf network: `python -m training.leaves.judge`, through `edge.leaf_network` on the test split, once.

Writes figures into the file's metadata, enters it into the manifest with a golden picture, and writes card and report.
`--split val` prints figures and changes nothing. Nothing is chosen here.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from edge.bundle import MODELS
from edge.errors import ConfigError
from edge.leaf_network import LeafMetrics, LeafReader
from training.command import finish
from training.datasets import images_of_split
from training.datasets.masks import UNSURE
from training.judging.bootstrap import interval, shares
from training.judging.figures import Share
from training.leaves.card import LeafFigures, card
from training.leaves.export import CROP, DATASET
from training.leaves.pictures import Leaf, read_leaves
from training.leaves.train import SIDE_PX
from training.manifest import entered, entry, golden_copy
from training.onnx_file import read_facts, write_facts
from training.samples import read_image

GOLDEN = "cacao-pods"  # an open set, for the manifest's picture
LOOKED_AT = 40  # pictures among which it is chosen


def figures_of(path: Path, leaves: Sequence[Leaf], split: str) -> LeafFigures:
    """Of the exported file. Raises ConfigError for one that sees no leaf in a picture of one."""
    reader = LeafReader(path)
    labels = [stress.label for stress in reader.bundle.stresses]
    off, took_ms = [], []
    grades, stresses = (np.zeros((5, 5), np.int64) for _ in range(2))
    is_grade, is_stress = [], []
    for leaf in leaves:
        began_s = time.process_time()
        told = reader(leaf.image)
        took_ms.append(1000 * (time.process_time() - began_s))
        if told.severity is None or told.grade is None or told.stress is None:
            raise ConfigError(f"{path}: sees no leaf in {leaf.name}, a picture of one; train it anew")
        off.append(told.severity - leaf.share)
        grades[leaf.grade, told.grade] += 1
        is_grade.append(told.grade == leaf.grade)
        if leaf.stress != UNSURE:
            said = labels.index(told.stress)
            stresses[leaf.stress, said] += 1
            is_stress.append(said == leaf.stress)
    return LeafFigures(
        split=split, leaves=len(leaves),
        share_mae=float(np.abs(off).mean()),
        share_bias=float(np.mean(off)),
        grade=_share(is_grade), stress=_share(is_stress), judged_stresses=len(is_stress),
        grades=grades.tolist(), stresses=stresses.tolist(), size_bytes=path.stat().st_size,
        ms=float(np.median(took_ms)),
    )  # fmt: skip


def release(path: Path, figures: LeafFigures, data: Path) -> None:
    """Figures into the file, the file into the manifest, and card and report beside. Raises ConfigError.

    The file is left as it was then, or it would be no longer the one that the manifest knows.
    """
    golden, seen = golden_of(path, data)
    metrics = LeafMetrics(
        split=figures.split, leaves=figures.leaves, share_mae=round(figures.share_mae, 4),
        grade_agreement=round(figures.grade.value or 0.0, 4), stress_accuracy=round(figures.stress.value or 0.0, 4),
    )  # fmt: skip
    write_facts(path, {**read_facts(path), "metrics": asdict(metrics)})
    facts = read_facts(path)
    copy = golden_copy(golden, path.parent, path.stem)
    entered(path.parent, "leaves", {CROP: entry(path, facts["version"], copy, seen)})
    for folder, text in (
        ("reports/leaf.json", json.dumps(asdict(figures), indent=1)),
        ("cards/leaf.md", card(facts, figures)),
    ):
        target = path.parent / folder
        target.parent.mkdir(exist_ok=True)
        target.write_text(text + "\n", encoding="utf-8")


def golden_of(path: Path, data: Path) -> tuple[Path, dict[str, object]]:
    """The picture that the manifest shows the file by, and what it sees there. Raises ConfigError.

    Leaves of its own set may not be published, so the picture is of GOLDEN: the one whose stress it is surest of.
    """
    reader, pods = LeafReader(path), data / GOLDEN
    told = {name: reader(read_image(pods / name)) for name in images_of_split(pods, "val")[:LOOKED_AT]}
    best = max((name for name in told if told[name].severity is not None), key=lambda name: told[name].confidence)
    seen: dict[str, object] = {
        "severity": round(told[best].severity or 0.0, 4), "stress": told[best].stress,
        "confidence": round(told[best].confidence, 4),
    }  # fmt: skip
    return pods / best, seen


def _share(is_right: Sequence[bool]) -> Share:
    counts = np.array([[right, 1] for right in is_right], np.float64)
    return Share(float(np.mean(is_right)), interval(counts, lambda sums: shares(sums[:, 0], sums[:, 1])))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/datasets") / DATASET, help="coffee-leaves")
    parser.add_argument("--models", type=Path, default=MODELS, help="where leaf.onnx is; default: models/")
    parser.add_argument("--split", choices=("val", "test"), default="test")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    path = arguments.models / "leaf.onnx"
    figures = figures_of(path, read_leaves(arguments.data, arguments.split, SIDE_PX), arguments.split)
    if arguments.split == "test":
        release(path, figures, arguments.data.parent)
    print(json.dumps(asdict(figures)))


if __name__ == "__main__":
    finish(main)
