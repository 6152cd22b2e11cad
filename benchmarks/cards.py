"""How well the `cards` model counts: python -m benchmarks.cards whole|series|moved val|test [--model FILE] [--series N]
[--keep FILE]

`whole`: the count of each sticky card beside the hand count. `series`: new insects a picture on series of a real,
nearly empty card with real insects of that split pasted, as in benchmarks.counting trap, but found by the model.
`moved`: the same with nothing new but a card that was moved by 10 mm and turned by 3 degrees. Look at `test` once, at
the end: to choose anything, `val` is there (the device that training holds out).

A series takes half a minute and more on a busy machine. With `--keep` each is written down when it is done, and the
same command later goes on with the next.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edge.agreement import agreement
from edge.boxes import Image
from edge.bundle import MODELS, load_bundle
from edge.census import UNSURE_SHARE
from edge.detector import Detector
from edge.trap import Card, Reading, read_card
from tests.counting import cards, cutouts
from training.config import read_config
from training.samples import read_image
from training.train import samples_of

CONFIG = Path(__file__).parents[1] / "training" / "configs" / "cards.toml"
HELD_OUT = "afbd6f68"  # the device of `val`
PICTURES = 20


def whole(detector: Detector, split: str) -> None:
    """One line a card, then the mean."""
    offs = []
    for sample in (one for one in samples_of(read_config(CONFIG), split) if one.dataset == "sticky-cards"):
        found = len(detector(read_image(sample.image_path)))  # of all classes: a card is counted whole
        by_hand = int((sample.class_id >= 0).sum())
        offs.append((found - by_hand) / by_hand)
        print(f"whole  {sample.image_path.stem}: {found}, by hand {by_hand}: {offs[-1]:+.1%}", flush=True)
    print(f"whole  {len(offs)} cards: off by {np.mean(np.abs(offs)):.1%} on average, at most {np.abs(offs).max():.1%}")


def series(detector: Detector, split: str, number: int, kept: Path | None) -> None:
    """New insects a picture, told and true."""
    about = {"model": detector.bundle.sha256, "split": split}
    done = _kept(kept, about)
    for seed in range(len(done), number):
        done.append(_one_series(detector, split, seed))
        if kept is not None:
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**about, "seed": seed, "true_and_found": done[-1]}) + "\n")
    rows = [pair for one in done[:number] for pair in one]
    true, found = np.array(rows).T
    agreed = agreement(true.tolist(), found.tolist())
    print(
        f"series  {split}: {number} series, {len(rows)} pictures, new {found.sum()} of {true.sum()} "
        f"({(found.sum() - true.sum()) / true.sum():+.1%}), mean absolute error {agreed.mae:.2f} a picture, "
        f"{agreed.mae / true.mean():.0%} of the {true.mean():.1f} that come"
    )


def _one_series(detector: Detector, split: str, seed: int) -> list[tuple[int, int]]:
    """New insects, true and told, on each picture after the first."""
    among, grounds = cutouts.from_sticky_cards(_device_or(split), most=141), cards.real_grounds()
    pictures = list(cards.series(np.random.default_rng(seed), PICTURES, grounds[seed % len(grounds)], among))
    told = [len(reading.new) for reading in _readings(detector, [one.image for one in pictures])]
    return [(one.new, new) for one, new in zip(pictures[1:], told[1:], strict=True)]


def _kept(path: Path | None, about: dict[str, str]) -> list[list[tuple[int, int]]]:
    """The series that this model did on this split before, in the order of their seeds."""
    lines = path.read_text("utf-8").splitlines() if path is not None and path.is_file() else []
    told = [json.loads(line) for line in lines]
    return [one["true_and_found"] for one in told if about.items() <= one.items()]


def moved(detector: Detector, split: str, number: int) -> None:
    """In how many of the trials nothing is told to be new."""
    among, grounds = cutouts.from_sticky_cards(_device_or(split), most=141), cards.real_grounds()
    none_new = 0
    for seed in range(number):
        chance = np.random.default_rng(1000 + seed)
        angle = chance.uniform(0, 2 * np.pi)
        poses = [cards.Pose(), cards.Pose(10 * np.cos(angle), 10 * np.sin(angle), 3.0 * chance.choice([-1, 1]))]
        start = int(chance.integers(8, 60))
        pair = cards.series(
            chance, 2, grounds[seed % len(grounds)], among, start=start, arrivals=0, falls=0, poses=poses
        )
        last = list(_readings(detector, [one.image for one in pair]))[-1]
        none_new += last.verdict == "matched" and len(last.new) == 0
    print(f"moved  {split}: nothing new in {none_new} of {number}")


def _readings(detector: Detector, images: list[Image]) -> Iterator[Reading]:
    """As a node reads a card."""
    unsure, card = np.asarray(detector.thresholds * UNSURE_SHARE, np.float32), Card.none(len(detector.thresholds))
    for image in images:
        found = detector.found(image, unsure)
        card, reading = read_card(card, found, found.confidence >= detector.thresholds[found.class_id], image)
        yield reading


def _device_or(split: str) -> str:
    return HELD_OUT if split == "val" else split


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="whole", choices=["whole", "series", "moved"])
    parser.add_argument("split", nargs="?", default="val", choices=["val", "test"])
    parser.add_argument("--model", type=Path, default=MODELS / "cards.onnx")
    parser.add_argument("--series", type=int, default=50, help="so many series, or trials of `moved`")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="series that are done, one a line; go on from there")
    arguments = parser.parse_args()
    detector = Detector(load_bundle(arguments.model))
    if arguments.what == "whole":
        whole(detector, arguments.split)
    elif arguments.what == "series":
        series(detector, arguments.split, arguments.series, arguments.keep)
    else:
        moved(detector, arguments.split, arguments.series)


if __name__ == "__main__":
    main()
