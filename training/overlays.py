"""What is laid on training pictures: cut-out insects on cards, transplants on other pictures, drawn sick leaves."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from edge.errors import ConfigError
from training.batches import Alteration
from training.classes import read_classes
from training.config import DatasetConfig, TrainConfig
from training.cutouts import Cutout, Pasting, pasted, read_cutouts, read_strangers
from training.datasets import images_of_split
from training.foliage import with_foliage
from training.label_decisions import movable, read_decisions
from training.mixture import samples_of
from training.samples import Example, Sample
from training.transforms import Random
from training.transplants import Transplants, by_class, read_transplants, transplanted


def alteration_of(config: TrainConfig, samples: Sequence[Sample], dataset_of: Sequence[str]) -> Alteration | None:
    """What is laid on training pictures or tiles. Raises ConfigError."""
    pasting, transplants = pasting_of(config, dataset_of), _transplants_of(config, samples)
    if pasting is None and transplants is None and not config.foliage:
        return None

    def altered(example: Example, index: int, random: Random) -> Example:
        if pasting is not None and pasting.takes[index]:
            example = pasted(example, pasting, random)
        if transplants is not None:
            example = transplanted(example, transplants, random)
        if config.foliage and random.random() < config.foliage:
            example = with_foliage(example, random)  # last: what lies on plain ground is a leaf
        return example

    return altered


def _transplants_of(config: TrainConfig, samples: Sequence[Sample]) -> Transplants | None:
    """Insects cut out of training pictures, but for those that `label_care.csv` lets stay. Raises ConfigError."""
    wanted = config.transplant
    if wanted is None:
        return None
    among = [sample for sample in samples if sample.dataset in wanted.datasets]
    cut = read_transplants(movable(among, Path(config.data), read_decisions()))
    if not cut:
        told = f"{config.name}: no insect of {', '.join(wanted.datasets)} can be cut out"
        raise ConfigError(f"{told}; take transplant away, or name other datasets there")
    return Transplants(by_class(cut), wanted.share, wanted.most)


def pasting_of(config: TrainConfig, dataset_of: Sequence[str]) -> Pasting | None:
    """What is pasted while training, cut out of the training pictures. Raises ConfigError."""
    paste = config.paste
    if paste is None:
        return None
    labels = read_classes(config.labelled).labels
    if paste.label not in labels:
        raise ConfigError(f"paste.label: {paste.label!r} is no class; name one of {', '.join(labels)}")
    class_id = labels.index(paste.label)
    [dataset] = [one for one in config.datasets if one.name == paste.dataset]
    root = Path(config.data) / dataset.name
    images = images_of_split(root, "train", dataset.held_out)
    cutouts = read_cutouts(root, images, class_id)
    if not cutouts:
        raise ConfigError(f"{root}: no insect to train has an outline that can be pasted; outline some, or paste none")
    return Pasting(
        cutouts, np.array([name == dataset.name for name in dataset_of]), paste.most,
        paste.written, _strangers_of(config, paste.strangers, paste.kinds, class_id) if paste.strangers else [],
    )  # fmt: skip


def _strangers_of(config: TrainConfig, dataset: str, kinds: Sequence[str], class_id: int) -> list[Cutout]:
    """Insects cut out of the training pictures of a set that is no part of the mixture. Raises ConfigError."""
    alone = msgspec.structs.replace(config, datasets=(DatasetConfig(name=dataset, annotation="yolo"),))
    images = [sample.image_path for sample in samples_of(alone, "train")]
    return read_strangers(Path(config.data) / dataset, images, kinds, class_id)
