"""What is in the datasets of a configuration: `python -m training.report training/configs/pests.toml sheet.jpg`.

Prints pictures, boxes and sizes for each split, boxes for each label, and pictures of two splits that look the same;
writes a sheet of training pictures with their boxes. Look at it before believing any figure.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from edge.boxes import Image
from edge.detections import no_detections
from training.classes import read_classes
from training.config import TrainConfig, read_config
from training.datasets import SPLITS
from training.samples import IGNORE, Sample, load_example, read_image
from training.sheets import sheet, tile
from training.train import samples_of

HASH_SIDE = 8
ALIKE_BITS = 2  # of 64: copies that were scaled or saved again differ this little
SHOWN = 32


def look_of(image: Image) -> int:
    """Difference hash of 64 bits of an image (H, W, 3): is each of 8x8 cells brighter than its right neighbour?

    After Krawetz (2013), "Kind of like that", hackerfactor.com.
    """
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (HASH_SIDE + 1, HASH_SIDE), interpolation=cv2.INTER_AREA)
    bits = (grey[:, :-1] > grey[:, 1:]).flatten()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def copies(first: Sequence[Sample], second: Sequence[Sample]) -> list[tuple[Path, Path]]:
    """Pairs of pictures, one of each, that look the same."""
    looks = [np.array([look_of(read_image(one.image_path)) for one in part], np.uint64) for part in (first, second)]
    differing = np.bitwise_count(looks[0][:, None] ^ looks[1][None, :])  # [len(first), len(second)]
    rows, columns = np.nonzero(differing <= ALIKE_BITS)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(first[row].image_path, second[column].image_path) for row, column in pairs]


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
    picked = [samples[k * len(samples) // SHOWN] for k in range(min(SHOWN, len(samples)))]
    return sheet([tile(load_example(one), no_detections(), labels) for one in picked], columns=8)


def report(config: TrainConfig, picture: Path) -> None:
    """Print the report and write the sheet."""
    labels = read_classes(config.labelled).labels
    parts = {split: samples_of(config, split) for split in SPLITS}
    for split, samples in parts.items():
        print(f"{split}: " + "\n".join(lines_of(samples, labels)))
    for one, other in combinations(SPLITS, 2):
        pairs = copies(parts[one], parts[other])
        print(f"{len(pairs)} pairs of {one} and {other} look alike")
        for first, second in pairs:
            print(f"  {first.name} ~ {second.name}")
    cv2.imwrite(str(picture), sample_sheet(parts["train"], labels))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("picture", type=Path)
    arguments = parser.parse_args()
    report(read_config(arguments.config), arguments.picture)


if __name__ == "__main__":
    main()
