"""From the best epoch to `models/leaf.onnx`: `python -m training.leaves.export`.

Floor, slope and limits are chosen here, on train and val; `training.leaves.judge` then measures on the test split.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from edge.boxes import Floats, Ints
from edge.bundle import MODELS
from edge.leaf_network import VIEWS, LeafReader
from training.checkpoints import load_leaf
from training.classes import HEALTHY, read_classes
from training.command import finish
from training.datasets.masks import STRESSES
from training.facts import dataset_facts, today
from training.leaves.net import LeafNet
from training.leaves.pictures import Leaf, read_leaves
from training.leaves.train import SIDE_PX
from training.onnx_file import Facts, export_onnx, in_place_of, read_facts, write_facts
from training.transforms import PAD

DATASET, CROP = "coffee-leaves", "coffee"
SOURCE = "grades of Esgario, Krohling and Ventura 2020, doi:10.1016/j.compag.2019.105162; limits fitted"
HEALTHY_LIMIT = 0.001  # theirs


class Told(nn.Module):
    """The network as it ships: shares and probabilities in place of logits."""

    def __init__(self, model: LeafNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """As LeafNet."""
        masks, stress = self.model(image)
        return masks.softmax(dim=1), stress.softmax(dim=1)


def export(root: Path, checkpoint: Path, path: Path) -> None:
    """Write the bundle of a checkpoint's averaged weights. Raises ConfigError."""
    with in_place_of(path) as folder:
        _write(root, checkpoint, folder / path.name)


def _write(root: Path, checkpoint: Path, path: Path) -> None:
    state = load_leaf(checkpoint)
    model = LeafNet()
    model.load_state_dict(state.ema)
    export_onnx(Told(model), path, SIDE_PX, ("shares", "stress"))
    write_facts(path, facts_of(state.commit))
    train, val = (read_leaves(root, split, SIDE_PX) for split in ("train", "val"))
    held_out = seen(path, val)
    floor, slope = fitted_line(held_out, [leaf.share for leaf in val])
    shares = np.array([*seen(path, train), *held_out], np.float32)
    severity = np.clip((shares - np.float32(floor)) * np.float32(slope), 0, 1)
    limits = fitted_limits(severity, np.array([leaf.grade for leaf in (*train, *val)]))
    write_facts(path, {**read_facts(path), "floor": floor, "slope": slope, "limits": limits})


def facts_of(commit: str) -> Facts:
    """The metadata before anything was fitted or measured."""
    table = read_classes([DATASET])
    label = {name: table.label_of[DATASET, name] for name in STRESSES[1:]}
    eppo = dict(zip(table.labels, table.eppo, strict=True))
    return {
        "format": 1, "name": "leaf", "head": "leaf", "crop": CROP,
        "version": today(),
        "input": {"side_px": SIDE_PX, "colour": "BGR", "mean": [0, 0, 0], "std": [1, 1, 1], "pad": PAD},
        "stresses": [
            {"label": "", "eppo": ""} if name == HEALTHY else {"label": label[name], "eppo": eppo[label[name]]}
            for name in STRESSES
        ],
        "floor": 0.0, "slope": 1.0, "limits": [HEALTHY_LIMIT, 0.05, 0.10, 0.15], "source": SOURCE,
        "training": {
            "commit": commit, "command": "python -m training.leaves.train",
            "start_weights": "efficientnet_lite0_imagenet", "datasets": [dataset_facts(DATASET)],
        },
        "metrics": None,
    }  # fmt: skip


def seen(path: Path, leaves: Sequence[Leaf]) -> list[float]:
    """Lesion share of each leaf as the exported file sees it, before floor and slope."""
    reader = LeafReader(path)
    shares = []
    for leaf in leaves:
        views = [reader.looked(np.ascontiguousarray(leaf.image[::rows, ::columns])) for rows, columns in VIEWS]
        _, healthy, lesion = np.mean(views, axis=0)[:3].tolist()
        shares.append(lesion / (healthy + lesion))
    return shares


def fitted_line(shares: Sequence[float], painted: Sequence[float]) -> tuple[float, float]:
    """Floor and slope of the least mean absolute error, severity below 0 counting as 0."""
    said, truth = np.array(shares), np.array(painted)
    tried = [
        (float(np.abs(np.clip((said - floor) * slope, 0, 1) - truth).mean()), float(floor), float(slope))
        for floor in np.arange(0.0, 0.0201, 0.0005)
        for slope in np.arange(0.8, 1.31, 0.01)
    ]
    _, floor, slope = min(tried)
    return round(floor, 4), round(slope, 2)


def fitted_limits(severity: Floats, grade: Ints) -> list[float]:
    """Upper ends of the grades that agree best with people's (n,); of equal ones those nearest to the published.

    People did not measure: by the published limits 9 in 10 masks have the grade that they gave the leaf.
    """
    limits = [HEALTHY_LIMIT]
    for number, published in enumerate((0.05, 0.10, 0.15), start=1):
        tried = np.round(np.arange(0.8 * published, 1.2 * published, 0.001), 3)
        agreeing = np.array([((severity > limit) == (grade > number)).sum() for limit in tried])
        best = tried[agreeing == agreeing.max()]
        limits.append(float(best[np.abs(best - published).argmin()]))
    return limits


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/datasets") / DATASET, help="coffee-leaves")
    parser.add_argument("--run", type=Path, default=Path("runs/leaf"), help="checkpoints and log; default: runs/leaf")
    parser.add_argument("--models", type=Path, default=MODELS, help="where leaf.onnx is; default: models/")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    arguments.models.mkdir(parents=True, exist_ok=True)
    path = arguments.models / "leaf.onnx"
    export(arguments.data, arguments.run / "best.pt", path)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    finish(main)
