"""May a new bundle take the place of the old? `python -m training.accept CONFIG NEW [OLD]`, folders of models.

Both look at the old test split through `edge.detector`; for a class without a mark there, at the old validation split.
If any class falls by more than 2 points of AP50, nothing is shipped, the old bundle stays, and the exit code is 1.
Otherwise the new files are put into OLD (`models/`), with their figures, report and card. `--draws 200` ships nothing
and says how sure each change is.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from edge.boxes import Ints
from edge.bundle import MODELS, load_bundle
from edge.detections import Detections
from edge.durable import write_durably
from edge.errors import ConfigError
from training.classes import read_classes
from training.command import finish
from training.config import TrainConfig, read_config
from training.evaluate import evaluate, golden_of
from training.facts import refuse_another
from training.judging.bootstrap import HIGH, LOW, SEED, Numbers
from training.judging.looks import Looks
from training.manifest import manifest_of
from training.metrics import Truth, average_precision, truths_of
from training.mixture import empties_of, held_out_of, samples_to_judge
from training.onnx_file import exported
from training.samples import IGNORE, Sample

MOST_LOST = 0.02  # of a class's AP50
FEW_MARKS = 30  # to test: of fewer, one or two more or less are points already


@dataclass(frozen=True, slots=True)
class Change:
    """One class of one file: AP50 of the old and of the new."""

    file: str
    label: str
    old: float
    new: float
    marks: int | None = None  # to test it by; None: not one class alone

    @property
    def is_loss(self) -> bool:
        """More than may be lost; rounding is not a loss, a figure that is no number is one."""
        return not self.old - self.new <= MOST_LOST + 1e-9


def changes(old: Looks, new: Looks, samples: Sequence[Sample], labels: Sequence[str]) -> list[Change]:
    """Of every class that the old file tells and the samples show; a class that the new file lacks falls to nothing.

    `labels`: by place, what the samples' class ids are.
    """
    theirs = old.bundle.labels
    truths = named_truths(samples, labels, theirs)
    before, after = (average_precision(truths, named(one, samples, theirs), len(theirs)).ap50 for one in (old, new))
    judged = np.concatenate([truth.class_id[truth.is_judged] for truth in truths])
    marked = zip(*np.unique(judged, return_counts=True), strict=True)
    return [Change(new.path.name, theirs[place], before[place], after[place], int(marks)) for place, marks in marked]


def named_truths(samples: Sequence[Sample], labels: Sequence[str], theirs: Sequence[str]) -> list[Truth]:
    """Marks by their places in `theirs` instead of those in `labels`; a label that `theirs` lacks is ignored."""
    return [Truth(one.xyxy, placed(one.class_id, labels, theirs)) for one in truths_of(samples)]


def named(looks: Looks, samples: Sequence[Sample], theirs: Sequence[str]) -> list[Detections]:
    """What the file sees, likewise; a label that `theirs` lacks is left out."""
    found = [replace(one, class_id=placed(one.class_id, looks.bundle.labels, theirs)) for one in looks.faint(samples)]
    return [one.where(one.class_id != IGNORE) for one in found]


def placed(class_id: Ints, labels: Sequence[str], theirs: Sequence[str]) -> Ints:
    """(n,): where `theirs` has the labels at these places of `labels`; IGNORE for one that it lacks, and for IGNORE."""
    places = np.array([theirs.index(label) if label in theirs else IGNORE for label in labels])
    return np.where(class_id == IGNORE, IGNORE, places[class_id])


def drawn_changes(old: Looks, new: Looks, samples: Sequence[Sample], labels: Sequence[str], draws: int) -> Numbers:
    """Change of AP50 (draws, classes) when the pictures are drawn again; nan where a draw shows none of a class."""
    theirs = old.bundle.labels
    truths = named_truths(samples, labels, theirs)
    before, after = (named(one, samples, theirs) for one in (old, new))
    random = np.random.default_rng(SEED)

    def ap50(found: Sequence[Detections], drawn: Ints) -> Numbers:
        chosen = [truths[i] for i in drawn], [found[i] for i in drawn]
        return np.array(average_precision(*chosen, len(theirs)).ap50)

    every = (random.integers(len(samples), size=len(samples)) for _ in range(draws))
    return np.stack([ap50(after, drawn) - ap50(before, drawn) for drawn in every])


def verdict(every: Sequence[Change], old: Path) -> str | None:
    """Why the new bundle is not shipped, in a sentence; None when it may be."""
    losses = [
        f"{one.label} from {one.old:.3f} to {one.new:.3f} ({one.file}{_few(one)})" for one in every if one.is_loss
    ]
    if not losses:
        return None
    return (
        f"not shipped: AP50 fell by more than {100 * MOST_LOST:.0f} points on the old test split for "
        f"{', '.join(losses)}; {old} keeps the old bundle. Train on more of the old pictures, or look at the added"
    )


def _few(one: Change) -> str:
    if one.marks is None or one.marks >= FEW_MARKS:
        return ""
    return f", only {one.marks} {'mark' if one.marks == 1 else 'marks'} to test: see --draws 200"


def pairs_of(config: TrainConfig, new: Path, old: Path) -> list[tuple[Path, Path]]:
    """Each file of the bundle in the old folder and in the new one. Raises ConfigError for one that is not there."""
    files = (exported(models, config.bundle).values() for models in (old, new))
    return list(zip(*files, strict=True))


def compare(config: TrainConfig, new: Path, old: Path, draws: int) -> None:
    """Print each class's change with its 95 % interval, and that of their mean."""
    pairs = pairs_of(config, new, old)
    samples, labels = samples_to_judge(config, "test"), read_classes(config.labelled).labels
    for before, after in pairs:
        looks = Looks(before), Looks(after)
        drawn = dict(zip(looks[0].bundle.labels, drawn_changes(*looks, samples, labels, draws).T, strict=True))
        every = changes(*looks, samples, labels)
        mean = Change(after.name, "all", float(np.mean([one.old for one in every])),
                      float(np.mean([one.new for one in every])))  # fmt: skip
        drawn[mean.label] = np.nanmean(np.stack([drawn[one.label] for one in every]), axis=0)
        for one in [*every, mean]:
            low, high = 100 * np.nanpercentile(drawn[one.label], [LOW, HIGH])
            print(f"{one.file:<24} {one.label:<32} {one.old:.3f} -> {one.new:.3f} ({low:+.1f} to {high:+.1f} points)")


def accept(config: TrainConfig, new: Path, old: Path) -> str | None:
    """Ship the new files if no class lost too much; returns why not. Raises ConfigError and ships nothing then."""
    pairs = pairs_of(config, new, old)
    samples, labels = samples_to_judge(config, "test"), read_classes(config.labelled).labels
    every = [one for before, after in pairs for one in _judged(config, Looks(before), Looks(after), samples, labels)]
    for one in every:
        print(f"{one.file:<24} {one.label:<32} {one.old:.3f} -> {one.new:.3f}{'  <- lost' if one.is_loss else ''}")
    why = verdict(every, old)
    if why is None:
        for _, after in pairs:  # these refuse before a file is there that no manifest knows
            refuse_another(config, load_bundle(after))
        manifest_of(old)
        golden_of(config, [after for _, after in pairs])
        empties_of(config, "test")
        for before, after in pairs:
            write_durably(before, after.read_bytes())
        evaluate(config, old)
    return why


def _judged(
    config: TrainConfig, old: Looks, new: Looks, samples: Sequence[Sample], labels: Sequence[str]
) -> list[Change]:
    """By test; of what it does not show by validation. What neither shows is told: nobody vouches for it."""
    told = changes(old, new, samples, labels)
    known = {one.label for one in told}
    held_out = held_out_of(config) if known != set(old.bundle.labels) else []
    if held_out:
        others = changes(old, new, held_out, labels)
        told += [replace(one, file=f"{one.file}, val") for one in others if one.label not in known]
    for label in sorted(set(old.bundle.labels) - {one.label for one in told}):
        print(f"{new.path.name:<24} {label:<32} not judged: no mark in test or val")
    return told


def main() -> int:
    """Command line: 0 shipped, 1 refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="say, training/configs/pests_8.toml")
    parser.add_argument("new", type=Path, help="folder that training.export wrote")
    parser.add_argument("old", type=Path, nargs="?", default=MODELS, help="default: models/")
    parser.add_argument(
        "--draws", type=int, default=0, metavar="N",
        help="draw the test pictures again so often, print the 95 %% interval of each change, and ship nothing",
    )  # fmt: skip
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    if arguments.new.resolve() == arguments.old.resolve():
        raise ConfigError(f"{arguments.new}: is the old bundle's folder; give the one that training.export wrote")
    if arguments.draws < 0:
        raise ConfigError(f"--draws {arguments.draws}: there is no such number of draws; give 200, say")
    if arguments.draws:
        compare(read_config(arguments.config), arguments.new, arguments.old, arguments.draws)
        return 0
    why = accept(read_config(arguments.config), arguments.new, arguments.old)
    print(why or f"shipped: {arguments.old} has the new bundle")
    return 1 if why else 0


if __name__ == "__main__":
    finish(main)
