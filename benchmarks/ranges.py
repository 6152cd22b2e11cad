"""Does the 95 % range of a count hold the labelled number? python -m benchmarks.ranges pests|diseases|cards [val|test]

Each picture and class of a bundle's held-out pictures is one count: what was found, with the range that the bundle's
metadata gives, against what a person labelled. Taxa that neither named are left out: such a zero shows nothing.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.boxes import Floats
from edge.bundle import MODELS
from edge.ranges import count_range
from training.config import read_config
from training.judging.looks import Looks
from training.samples import IGNORE
from training.train import samples_of

CONFIGS = Path(__file__).parents[1] / "training" / "configs"


@dataclass(frozen=True, slots=True)
class Count:
    """Of one class on one picture."""

    label: str
    found: int
    true: int
    precision: float
    recall: float

    @property
    def span(self) -> tuple[int, int]:
        """The range that a node would publish."""
        return count_range(self.found, self.precision, self.recall)


def counts(bundle: str, split: str) -> Iterator[Count]:
    """All that are no zero on both sides, of classes whose precision and recall were measured."""
    config = read_config(CONFIGS / f"{bundle}.toml")
    looks = Looks(MODELS / f"{bundle}.onnx")
    samples = samples_of(config, split)
    for sample, shown in zip(samples, looks.shown(samples), strict=True):
        seen = shown.where(~_in_any(shown.xyxy, sample.xyxy[sample.class_id == IGNORE]))
        for class_id, one in enumerate(looks.bundle.classes):
            found, true = int((seen.class_id == class_id).sum()), int((sample.class_id == class_id).sum())
            if found + true and one.precision and one.recall:
                yield Count(one.label, found, true, one.precision, one.recall)


def _in_any(xyxy: Floats, regions: Floats) -> NDArray[np.bool_]:
    """(n,) does the middle of a box lie in a region that nobody labelled insect by insect?"""
    middle = (xyxy[:, None, :2] + xyxy[:, None, 2:]) / 2
    inside = (middle >= regions[None, :, :2]) & (middle <= regions[None, :, 2:])
    return np.asarray(inside.all(axis=2).any(axis=1), np.bool_)


def told(bundle: str, split: str) -> str:
    """The figures in one line."""
    all_counts = list(counts(bundle, split))
    if not all_counts:
        return f"ranges  {bundle}: none of its classes was measured yet; run: python -m training.evaluate"
    held = [low <= one.true <= high for one in all_counts for low, high in [one.span]]
    width = [high - low for one in all_counts for low, high in [one.span]]
    exact = [one.found == one.true for one in all_counts]
    mean = np.mean([one.true for one in all_counts])
    return (
        f"ranges  {bundle} {split}: {len(held)} counts, {mean:.1f} individuals on average, up to "
        f"{max(one.true for one in all_counts)}: the range holds the labelled number in {np.mean(held):.1%}, "
        f"the count is that number in {np.mean(exact):.1%}; ranges are {np.mean(width):.1f} wide"
    )


def main(words: Sequence[str] = ("pests",)) -> int:
    """One bundle and split."""
    bundle, split = words[0], (words[1] if len(words) > 1 else "test")
    print(told(bundle, split), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
