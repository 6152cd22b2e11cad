"""Which pictures a run learns from, which judge it, and how often an epoch shows each of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge.boxes import Ints
from edge.errors import ConfigError
from training.classes import read_classes
from training.config import EMPTY, DatasetConfig, TrainConfig
from training.datasets import read_dataset
from training.label_decisions import cared_for, read_decisions
from training.samples import Example, Sample, load_example
from training.transforms import cut, kept


def samples_of(config: TrainConfig, split: str) -> list[Sample]:
    """Samples of all the configuration's datasets; those without labels only train, labels are cared for but in test.

    Raises ConfigError.
    """
    samples = stored_samples(config, split)
    return samples if split == "test" else cared_for(samples, Path(config.data), read_decisions())


def samples_to_judge(config: TrainConfig, split: str) -> list[Sample]:
    """The same, one or more. Raises ConfigError also for a split without pictures, of which there is no figure."""
    return some(samples_of(config, split), config, split)


def held_out_of(config: TrainConfig) -> list[Sample]:
    """Those that validate and that thresholds are chosen by; a run that folds judge may have none. Raises ConfigError.

    Thresholds of nothing would be no choice, so a run without them would end in what cannot be exported.
    """
    return samples_of(config, "val") if config.folds else samples_to_judge(config, "val")


def some(samples: list[Sample], config: TrainConfig, split: str) -> list[Sample]:
    """These samples of the split, one or more. Raises ConfigError."""
    if not samples:
        raise ConfigError(f"{config.name}: no picture of its datasets is in {split}; give it some in splits.csv")
    return samples


def stored_samples(config: TrainConfig, split: str) -> list[Sample]:
    """Those of `samples_of` as the datasets have them. Raises ConfigError."""
    classes = read_classes(config.labelled)
    root = Path(config.data)
    used = [dataset for dataset in config.datasets if split == "train" or dataset.annotation != EMPTY]
    return [sample for dataset in used for sample in read_dataset(root / dataset.name, dataset, split, classes)]


def empties_of(config: TrainConfig, split: str) -> list[Sample]:
    """Pictures of other datasets that show nothing of the bundle's labels: whatever is found there is a false alarm."""
    classes = read_classes(config.labelled)
    others = [DatasetConfig(name=name, annotation=EMPTY) for name in config.empties]
    return [one for other in others for one in read_dataset(Path(config.data) / other.name, other, split, classes)]


def examples_of(samples: Sequence[Sample], config: TrainConfig) -> tuple[list[Example], list[str]]:
    """What the network is shown of the samples, whole or in tiles, and the dataset of each."""
    examples, dataset_of = [], []
    largest_px = max(side for phase in config.phases for side in (*phase.sides_px, config.side_px))
    for sample in samples:
        whole = load_example(sample)
        tile = config.tile
        if tile is None:
            shown = [kept(whole, largest_px)]
        else:
            shown = cut(whole, tile.side_px, tile.overlap_px, tile.picture_px)
        examples += shown
        dataset_of += [sample.dataset] * len(shown)
    return examples, dataset_of


def rare_times(examples: Sequence[Example], labels: int, rare: float) -> Ints:
    """How often each example is shown, (n,) of 1 or more: sqrt(rare / share) for a label that only that share shows.

    Repeat factor sampling of Gupta et al. (2019), LVIS, arXiv:1908.03195, by the rarest label of an example.
    """
    if not examples:
        return np.empty(0, np.int64)
    shows = np.array([np.bincount(one.class_id[one.class_id >= 0], minlength=labels) > 0 for one in examples])
    factors = np.sqrt(rare / np.maximum(shows.mean(axis=0), 1 / len(examples)))
    return np.asarray(np.where(shows, factors, 1).max(axis=1).clip(min=1).round(), np.int64)


def epoch_order(dataset_of: Sequence[str], times: Ints, config: TrainConfig, epoch: int) -> Ints:
    """Indices (m,) of the examples that an epoch shows: of a repeated dataset several times, of a thinned one a part.

    `times` (n,) multiplies that. m is the same in each epoch unless a thinned dataset has rare labels.
    """
    names = np.array(dataset_of)
    parts = [(_part(np.flatnonzero(names == one.name), one.one_in, epoch), one.repeat) for one in config.datasets]
    return np.concatenate([np.repeat(part, repeat * times[part]) for part, repeat in parts])


def _part(indices: Ints, one_in: int, epoch: int) -> Ints:
    """Each `one_in`-th index, begun one further each epoch."""
    return indices[epoch % one_in :: one_in][: len(indices) // one_in]
