"""How blurred a photograph may be and still be named rightly: python -m benchmarks.photographs [val|test]

Each picture of the split is answered as the photo form answers "I do not know": as it is, out of focus (a Gaussian) and
shaken (an arc in any direction), by shares of its longer side. One line a blur: how many pictures are asked for again,
and of all and of these how many names that a model is sure of are right. Look at `test` once, at the end.
"""

import argparse
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from edge.boxes import Image, at_most
from edge.bundle import MODELS, load_bundle
from edge.config import GateTable
from edge.detector import Detector
from edge.gate import hinders
from edge.photographs import KINDS, LONGEST_PX, found_by
from edge.taxa import is_within
from training.command import finish
from training.facts import config_of
from training.mixture import samples_of
from training.samples import read_image

FOCUS, SHAKEN = (0.005, 0.01, 0.015, 0.02, 0.025), (0.01, 0.02, 0.03, 0.05, 0.08, 0.12)
Blur = Callable[[Image, np.random.Generator], Image]


def out_of_focus(image: Image, share: float) -> Image:
    """With that share of the longer side for its standard deviation."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), share * max(image.shape)), np.uint8)


def shaken(image: Image, share: float, chance: np.random.Generator) -> Image:
    """By a hand that moved along an arc so long while the shutter was open."""
    length_px = share * max(image.shape)
    angle, bend, along = chance.uniform(0, np.pi), chance.uniform(-1, 1), np.linspace(-0.5, 0.5, 2000)
    path = length_px * np.exp(1j * angle) * (along + 1j * bend * (along**2 - 1 / 12))
    reach = int(np.ceil(np.abs(path).max()))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    at = np.rint(np.stack([path.imag, path.real])).astype(int) + reach
    np.add.at(kernel, tuple(at), 1 / len(path))
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT), np.uint8)


def blurs() -> dict[str, Blur]:
    """Of each a name for people."""
    named: dict[str, Blur] = {"as it is": lambda image, _: image}
    named |= {f"out of focus, {one:.1%}": lambda image, _, one=one: out_of_focus(image, one) for one in FOCUS}
    return named | {f"shaken, {one:.0%}": lambda image, by, one=one: shaken(image, one, by) for one in SHAKEN}


def pictures(detectors: list[Detector], split: str) -> Iterator[tuple[Image, set[str]]]:
    """With what people marked on each."""
    for one in detectors:
        labels = [known.label for known in one.bundle.classes]
        for sample in samples_of(config_of(one.bundle), split):
            truths = {labels[number] for number in sample.class_id if number >= 0}
            if truths:
                yield at_most(read_image(sample.image_path), LONGEST_PX), truths


def is_right(detectors: list[Detector], image: Image, truths: set[str]) -> bool | None:
    """None: no model is sure of anything."""
    sure = [found for one in detectors for found in found_by(one, image) if found.is_sure]
    if not sure:
        return None
    named = max(sure, key=lambda found: found.confidence).label
    return any(is_within(truth, named) or is_within(named, truth) for truth in truths)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split", nargs="?", default="val", choices=["val", "test"])
    split = parser.parse_args().split
    detectors = [Detector(load_bundle(MODELS / f"{kind}.onnx")) for kind in KINDS]
    answers: dict[str, list[tuple[bool, bool | None]]] = {name: [] for name in blurs()}
    for number, (image, truths) in enumerate(pictures(detectors, split)):
        for name, blur in blurs().items():
            shown = blur(image, np.random.default_rng(number))
            why = hinders(np.asarray(cv2.cvtColor(shown, cv2.COLOR_BGR2GRAY), np.uint8), GateTable())
            answers[name].append((why is not None, is_right(detectors, shown, truths)))
    for name, told in answers.items():
        of_all = [right for _, right in told if right is not None]
        refused = [right for is_refused, right in told if is_refused]
        of_refused = [right for right in refused if right is not None]
        print(
            f"{name}: {len(refused)} of {len(told)} asked for again; names right {sum(of_all)} of {len(of_all)}, "
            f"of those asked for again {sum(of_refused)} of {len(of_refused)}"
        )


if __name__ == "__main__":
    finish(main)
