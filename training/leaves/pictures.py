"""Leaves in memory: picture, painted masks as shares, stress and grade; and their augmentation by torchvision."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from edge.boxes import Image, fit_into, shrink
from edge.errors import ConfigError
from training.datasets import check_files, images_of_split
from training.datasets.masks import COLUMNS, GROUND, LESION, MASKS, TABLE, leaf_rows, read_mask, stress_of
from training.leaves.net import STRIDE
from training.samples import read_image
from training.transforms import PAD, as_rgb

GRADES = ("0", "1", "2", "3", "4")  # severity
CHANGES = v2.Compose(
    [
        v2.RandomHorizontalFlip(),
        v2.RandomVerticalFlip(),
        v2.RandomAffine(25, (0.05, 0.1), (0.7, 1.15), 5, InterpolationMode.BILINEAR, fill={
            tv_tensors.Image: (PAD, PAD, PAD), tv_tensors.Mask: 0}),
        v2.RandomApply([v2.ColorJitter(0.25, 0.2, 0.25, 0.02)], 0.8),
        v2.RandomApply([v2.GaussianBlur(5, (0.5, 1.5))], 0.15),
        v2.RandomApply([v2.JPEG((40, 90))], 0.15),
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One leaf as people described it.

    image: (h, w, 3) uint8 BGR, scaled; mask: (h, w) uint8, ground, leaf or lesion, of the same scale
    share: lesion px of all leaf px in the mask as painted, 0..1
    """

    name: str
    image: Image
    mask: Image
    share: float
    stress: int  # index into STRESSES, or UNSURE
    grade: int  # 0 healthy, 1 very low, 2 low, 3 high, 4 very high


def read_leaves(root: Path, split: str, side_px: int) -> list[Leaf]:
    """Leaves of one split, scaled so that the longer side is `side_px`. Raises ConfigError, also for no leaf."""
    images = images_of_split(root, split)
    if not images:
        raise ConfigError(f"{root / 'splits.csv'}: no leaf is in {split}; give it some there")
    check_files(root, "masks")
    rows = leaf_rows(root, images, (*COLUMNS, "severity"))
    for row in rows:
        if row["severity"] not in GRADES:
            told = f"{root / TABLE}: {row['id']} has the severity {row['severity']!r}"
            raise ConfigError(f"{told}; write one of {', '.join(GRADES)}")
    told_of = zip(images, rows, strict=True)
    return [_leaf(root / image, stress_of(root, row), int(row["severity"]), side_px) for image, row in told_of]


def share_of(mask: Image) -> float:
    """Lesion px of all leaf px of a mask (h, w); 0 where there is no leaf."""
    leaf = int((mask != GROUND).sum())
    return float((mask == LESION).sum() / leaf) if leaf else 0.0


def batches(leaves: Sequence[Leaf], size: int, random: np.random.Generator) -> list[list[Leaf]]:
    """The leaves in random order, `size` at a time; the last few wait for another epoch."""
    order = random.permutation(len(leaves))
    return [[leaves[i] for i in order[at : at + size]] for at in range(0, len(leaves) - size + 1, size)]


def changed(leaves: Sequence[Leaf]) -> tuple[Tensor, Tensor]:
    """Pictures (B, 3, h, w) float32 BGR and mask shares (B, 3, h / 4, w / 4) of leaves after random changes."""
    pairs = [CHANGES(*_tensors(leaf)) for leaf in leaves]
    images = torch.stack([image.flip(0) for image, _ in pairs]).float()
    return images, torch.stack([shares(mask) for _, mask in pairs])


def shares(mask: Tensor) -> Tensor:
    """(3, h / 4, w / 4) float32 of a mask (1, h, w): how much of each cell is ground, leaf, lesion."""
    is_class = torch.stack([mask[0] == kind for kind in range(len(MASKS))]).float()
    return torch.nn.functional.avg_pool2d(is_class, STRIDE)


def _tensors(leaf: Leaf) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
    return tv_tensors.Image(as_rgb(leaf.image)), tv_tensors.Mask(torch.from_numpy(leaf.mask)[None])


def _leaf(path: Path, stress: int, grade: int, side_px: int) -> Leaf:
    image, mask = read_image(path), read_mask(path, stress)
    fit = fit_into(image.shape[1], image.shape[0], side_px)
    size = round(image.shape[1] * fit.scale), round(image.shape[0] * fit.scale)
    return Leaf(
        path.stem, shrink(image, *size), np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8),
        share_of(mask), stress, grade,
    )  # fmt: skip
