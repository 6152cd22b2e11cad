"""Does the 95 % range of a count hold the labelled number? python -m benchmarks.ranges pests|diseases|cards [val|test]

Each picture and class of a bundle's held-out pictures is one count: what was found, with the range that the bundle's
metadata gives, against what a person labelled. Taxa that neither named are left out: such a zero shows nothing.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edge.bundle import MODELS
from edge.eye import accuracy_of
from edge.tally import ClassAccuracy
from training.command import finish
from training.facts import config_of
from training.judging.looks import Looks
from training.judging.meeting import ALARMS, HITS, MISSES, counts_of
from training.metrics import truths_of
from training.mixture import samples_of


@dataclass(frozen=True, slots=True)
class Count:
    """Of one class on one picture."""

    label: str
    found: int
    true: int
    accuracy: ClassAccuracy

    @property
    def span(self) -> tuple[int, int]:
        """The range that a node would publish."""
        told = self.accuracy.counted(self.found, self.label, "max_per_frame")
        assert told.low is not None  # noqa: S101  classes that were not measured are left out
        assert told.high is not None  # noqa: S101
        return told.low, told.high


def counts(bundle: str, split: str) -> Iterator[Count]:
    """All that are no zero on both sides, of classes whose precision and recall were measured."""
    looks = Looks(MODELS / f"{bundle}.onnx")
    samples = samples_of(config_of(looks.bundle), split)
    labels, accuracy = looks.bundle.labels, accuracy_of(looks.detector)
    met = counts_of(truths_of(samples), looks.shown(samples), len(labels))
    found, true = met[..., HITS] + met[..., ALARMS], met[..., HITS] + met[..., MISSES]
    for picture, class_id in np.argwhere(found + true).tolist():
        known = accuracy[labels[class_id]]
        if known.precision and known.recall:
            yield Count(labels[class_id], int(found[picture, class_id]), int(true[picture, class_id]), known)


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


def main() -> None:
    """One bundle and split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", choices=["pests", "diseases", "cards"])
    parser.add_argument("split", nargs="?", choices=["val", "test"], default="test")
    arguments = parser.parse_args()
    print(told(arguments.bundle, arguments.split), flush=True)


if __name__ == "__main__":
    finish(main)
