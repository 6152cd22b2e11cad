"""What is in the datasets of a configuration: `python -m training.report training/configs/pests_8.toml sheet.jpg`.

Prints pictures, boxes and sizes for each split, boxes for each label, labels without a row in `edge/taxa.csv`, groups
that are in two splits, pictures that are in none, rows of `label_care.csv` that meet no picture or mark, and pictures
of two splits that look the same, mirrored and turned copies among them; writes a sheet of training pictures with their
boxes. Look at it before believing any figure.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from os.path import normpath
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from edge.boxes import Image
from edge.detections import no_detections
from edge.taxa import taxa
from training.classes import read_classes
from training.command import finish
from training.config import TrainConfig, read_config
from training.copies import Copy, copies
from training.datasets import SPLITS, split_rows
from training.datasets.empty import all_images
from training.datasets.masks import MASK
from training.label_decisions import DECISIONS_CSV, Decision, idle, read_decisions
from training.mixture import samples_of, some, stored_samples
from training.samples import IGNORE, Sample, load_example
from training.sheets import evenly, sheet, tile, write_sheet

SHOWN = 32


def lines_of(samples: Sequence[Sample], labels: Sequence[str]) -> list[str]:
    """Pictures and boxes of one split, then each label's boxes and their median longer side in px."""
    counts = Counter(int(class_id) for sample in samples for class_id in sample.class_id)
    empty = sum(not len(sample.class_id) for sample in samples)
    ignored = counts.pop(IGNORE, 0)
    lines = [f"{len(samples)} pictures, {empty} of them empty, {counts.total()} boxes, {ignored} ignored regions"]
    for class_id, label in enumerate(labels):
        boxes = [sample.xyxy[sample.class_id == class_id] for sample in samples]
        sides = np.concatenate([(box[:, 2:] - box[:, :2]).max(axis=1) for box in boxes if len(box)] or [np.zeros(1)])
        lines.append(f"  {label}: {counts[class_id]} boxes, {np.median(sides):.0f} px")
    return lines


def sample_sheet(samples: Sequence[Sample], labels: Sequence[str]) -> Image:
    """SHOWN pictures drawn evenly, with their boxes."""
    return sheet([tile(load_example(one), no_detections(), labels) for one in evenly(samples, SHOWN)], columns=8)


def report(config: TrainConfig, picture: Path) -> None:
    """Print the report and write the sheet. Raises ConfigError where there is no picture to train."""
    labels = read_classes(config.labelled).labels
    parts = {split: samples_of(config, split) for split in SPLITS}
    for split, samples in parts.items():
        print(f"{split}: " + "\n".join(lines_of(samples, labels)))
    for line in nameless(labels):
        print(line)
    for dataset in config.datasets:
        for line in split_faults(Path(config.data) / dataset.name):
            print(f"{dataset.name}: {line}")
    for line in care_faults(config, read_decisions()):
        print(line)
    for one, other in combinations(SPLITS, 2):
        print("\n".join(copy_lines(one, other, copies(parts[one], parts[other]))))
    write_sheet(picture, sample_sheet(some(parts["train"], config, "train"), labels))


def nameless(labels: Sequence[str]) -> list[str]:
    """A line for each label that no row of taxa.csv names."""
    known = {one.scientific_name for one in taxa()}
    told = "has no row in edge/taxa.csv: a node tells only this name, and takes it for a pest"
    return [f"{label} {told}" for label in labels if label.partition(" (")[0] not in known]  # without its life stage


def split_faults(root: Path) -> list[str]:
    """Groups of a set that are in two splits, whose pictures may be near copies, and pictures that are in none."""
    if not (root / "splits.csv").is_file():
        return []
    rows = split_rows(root / "splits.csv")
    splits = Counter(group for group, _ in {(row["group"], row["split"]) for row in rows})
    both = sorted(group for group, times in splits.items() if times > 1)
    listed = {normpath(row["image"]) for row in rows}
    unlisted = [one for one in all_images(root) if one not in listed and not one.endswith(MASK)]
    told = {"groups in more than one split": both, "pictures in no split": unlisted}
    return [f"{len(found)} {what}, the first {found[0]!r}" for what, found in told.items() if found]


def care_faults(config: TrainConfig, decisions: Sequence[Decision]) -> list[str]:
    """How many decisions on a labelled set of the configuration change nothing, and the first, a line for each set."""
    own = [one for one in decisions if one.dataset in config.labelled]
    decided = tuple(one for one in config.datasets if one.name in {two.dataset for two in own})
    samples = [one for split in SPLITS for one in stored_samples(replace(config, datasets=decided), split)]
    vain: dict[str, list[Decision]] = {}
    for one in idle(samples, Path(config.data), own):
        vain.setdefault(one.dataset, []).append(one)
    what = f"rows of {DECISIONS_CSV.name} meet no picture or mark, the first"
    return [f"{name}: {len(rows)} {what}: {rows[0].action} of {rows[0].image!r}" for name, rows in vain.items()]


def copy_lines(one: str, other: str, pairs: Sequence[Copy]) -> list[str]:
    """How many pictures of two splits look alike, and which."""
    counts = [len({getattr(pair, side) for pair in pairs}) for side in ("first", "second")]
    turned = {True: "  turned or mirrored", False: ""}
    return [
        f"{counts[0]} pictures of {one} look like {counts[1]} of {other}",
        *(f"  {p.first.name} ~ {p.second.name}  {p.correlation:.3f}{turned[p.is_turned]}" for p in pairs),
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="say, training/configs/pests_8.toml")
    parser.add_argument("picture", type=Path, help="the sheet that is written, .jpg or .png")
    arguments = parser.parse_args()
    report(read_config(arguments.config), arguments.picture)


if __name__ == "__main__":
    finish(main)
