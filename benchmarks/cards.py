"""How well the `cards` model counts: python -m benchmarks.cards whole|series|moved folds|test [--model FILE]
[--series N] [--keep FILE]

`whole`: the count of each sticky card beside the hand count, and the average precision of each camera. `series`: new
insects a picture on series of a real, nearly empty card with real insects of that split pasted, as in
benchmarks.counting trap, but found by the model. `moved`: the same with nothing new but a card that was moved by 10 mm
and turned by 3 degrees. Look at `test` once, at the end: to choose anything, `folds` are there, networks of
cross-validation that each count the cards of a camera that they did not learn from (`training.export` leaves them in
`runs/`).

A series takes half a minute and more on a busy machine. With `--keep` each is written down when it is done, and the
same command later goes on with the next.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.boxes import Image
from edge.bundle import MODELS
from edge.count_agreement import agreement
from edge.errors import ConfigError
from edge.eye import Eye, accuracy_of
from edge.trap import Card, Reading, read_card
from tests.counting import cards, cutouts
from training.command import finish
from training.config import CONFIGS, TrainConfig, read_config
from training.facts import config_of
from training.judging.looks import Looks
from training.metrics import Average, average_precision, judged_each, together, truths_of
from training.mixture import samples_of
from training.samples import Sample

RUNS = Path("runs")
PICTURES = 20


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """A network, the cards that it did not learn from, and the split or the camera that these are."""

    looks: Looks
    cards: list[Sample]
    group: str


def judges(cards_of: str, model: Path) -> list[Judge]:
    """The model on the cards of `test`, or each fold on those of the camera that it held out.

    Raises BundleError, ConfigError.
    """
    looks = Looks(model)
    config = config_of(looks.bundle)
    if cards_of == "test":
        among = [Judge(looks, _sticky(config, "test"), "test")]
    else:
        among = [
            Judge(Looks(_file_of(fold, model.name)), _sticky(fold, "val"), group)
            for fold in (read_config(CONFIGS / f"{name}.toml") for name in config.folds)
            for group in fold.datasets[0].held_out
        ]
    if not any(judge.cards for judge in among):
        raise ConfigError(f"{model}: {config.name} has no cards of {cards_of!r}; give cards.onnx or cards-int8.onnx")
    return among


def _file_of(fold: TrainConfig, name: str) -> Path:
    path = RUNS / fold.name / name
    if not path.is_file():
        remedy = "train the folds; then `training.export --choose` of the bundle, into a copy of models/, writes it"
        raise ConfigError(f"{path}: not there; {remedy}")
    return path


def _sticky(config: TrainConfig, split: str) -> list[Sample]:
    return [one for one in samples_of(config, split) if one.dataset == "sticky-cards"]


def whole(among: Sequence[Judge]) -> None:
    """One line a card and a camera, then all together. What label_care.csv says that nobody marked is left out."""
    found, by_hand, hits = [], [], 0
    averages: list[Average] = []
    for judge in among:
        truths, classes = truths_of(judge.cards), len(judge.looks.bundle.classes)
        for sample, truth in zip(judge.cards, truths, strict=True):
            told = together(judged_each([truth], judge.looks.shown([sample]), classes))
            found.append(len(told.confidence))
            hits += int(told.is_hit.sum())
            by_hand.append(int(truth.is_judged.sum()))
            off = found[-1] / by_hand[-1] - 1
            print(f"whole  {sample.image_path.stem}: {found[-1]}, by hand {by_hand[-1]}: {off:+.1%}", flush=True)
        averages.append(average_precision(truths, judge.looks.faint(judge.cards), classes))
        print(f"whole  {judge.group}: AP50 {averages[-1].map50:.3f}, AP {averages[-1].map50_95:.3f}", flush=True)
    offs = np.abs(np.array(found) / by_hand - 1)
    print(
        f"whole  {len(offs)} cards: {sum(found)}, by hand {sum(by_hand)}: {sum(found) / sum(by_hand) - 1:+.1%}; "
        f"a card is off by {offs.mean():.1%} on average, at most {offs.max():.1%}; "
        f"precision {hits / max(1, sum(found)):.2f} at recall {hits / sum(by_hand):.2f} (IoU 0.5); mean of the cameras "
        f"AP50 {np.mean([one.map50 for one in averages]):.3f}, AP {np.mean([one.map50_95 for one in averages]):.3f}"
    )


def series(judge: Judge, number: int, kept: Path | None) -> None:
    """New insects a picture, told and true."""
    about = {"model": judge.looks.bundle.sha256, "cards": judge.group}
    done = _kept(kept, about)
    for seed in range(len(done), number):
        done.append(_one_series(judge, seed))
        if kept is not None:
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**about, "seed": seed, "true_and_found": done[-1]}) + "\n")
    rows = [pair for one in done[:number] for pair in one]
    true, found = np.array(rows).T
    agreed = agreement(true.tolist(), found.tolist())
    held = sum(_holds(judge, one) for one in done[:number])
    print(
        f"series  {judge.group}: {number} series, {len(rows)} pictures, new {found.sum()} of {true.sum()} "
        f"({(found.sum() - true.sum()) / true.sum():+.1%}), mean absolute error {agreed.mae:.2f} a picture, "
        f"{agreed.mae / true.mean():.0%} of the {true.mean():.1f} that come; truth within the range of {held} sums"
    )


def _holds(judge: Judge, one: list[tuple[int, int]]) -> bool:
    """Has the range that a week's level is judged by the truth inside?"""
    true, found = np.array(one).T
    insects = next(iter(accuracy_of(judge.looks.detector).values()))
    told = insects.counted(int(found.sum()), "Insecta", "new", float((found**2).sum() / max(found.sum(), 1) ** 2))
    return told.low is not None and told.high is not None and told.low <= true.sum() <= told.high


def _one_series(judge: Judge, seed: int) -> list[tuple[int, int]]:
    """New insects, true and told, on each picture after the first."""
    among, grounds = cutouts.from_sticky_cards(judge.group, most=141), cards.real_grounds()
    pictures = list(cards.series(np.random.default_rng(seed), PICTURES, grounds[seed % len(grounds)], among))
    told = [len(reading.new) for reading in _readings(judge, [one.image for one in pictures])]
    return [(one.new, new) for one, new in zip(pictures[1:], told[1:], strict=True)]


def _kept(path: Path | None, about: dict[str, str]) -> list[list[tuple[int, int]]]:
    """The series that this model did on these cards before, in the order of their seeds."""
    lines = path.read_text("utf-8").splitlines() if path is not None and path.is_file() else []
    told = [json.loads(line) for line in lines]
    return [one["true_and_found"] for one in told if about.items() <= one.items()]


def moved(judge: Judge, number: int) -> None:
    """In how many of the trials nothing is told to be new."""
    among, grounds = cutouts.from_sticky_cards(judge.group, most=141), cards.real_grounds()
    none_new = 0
    for seed in range(number):
        pair = cards.moved_pair(np.random.default_rng(1000 + seed), grounds[seed % len(grounds)], among)
        last = list(_readings(judge, [one.image for one in pair]))[-1]
        none_new += last.verdict == "matched" and len(last.new) == 0
    print(f"moved  {judge.group}: nothing new in {none_new} of {number}")


def _readings(judge: Judge, images: list[Image]) -> Iterator[Reading]:
    """As a node reads a card."""
    eye, card = Eye(judge.looks.detector), Card.none()
    for image in images:
        card, reading = read_card(card, *eye.found(image), image)
        yield reading


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="whole", choices=["whole", "series", "moved"])
    parser.add_argument("cards", nargs="?", default="folds", choices=["folds", "test"])
    parser.add_argument("--model", type=Path, default=MODELS / "cards.onnx", help="of folds, the file of that name")
    parser.add_argument("--series", type=int, default=50, help="so many series, or trials of `moved`")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="series that are done, one a line; go on from there")
    arguments = parser.parse_args()
    among = judges(arguments.cards, arguments.model)
    if arguments.what == "whole":
        whole(among)
        return
    for judge in among:
        if arguments.what == "series":
            series(judge, arguments.series, arguments.keep)
        else:
            moved(judge, arguments.series)


if __name__ == "__main__":
    finish(main)
