"""Batches of an epoch. Each is a pure function of (seed, epoch, step), so that a resumed run sees the same pictures."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from edge.boxes import Ints
from training.config import PhaseConfig, TrainConfig
from training.samples import Example
from training.transforms import Random, changed, letterboxed, mosaic, placed, shaded, tinted, weathered

AT_ONCE = 8  # pictures of a plain batch

Alteration = Callable[[Example, int, Random], Example]  # of the example with that index, at its own size


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Pictures and what they show.

    images: (B, 3, S, S) uint8 BGR
    xyxy: B tensors (n, 4) float32, px of the square
    class_id: B tensors (n,) int64
    """

    images: Tensor
    xyxy: list[Tensor]
    class_id: list[Tensor]


class EpochBatches(Dataset[Batch]):
    """Training batches of one epoch for one of `world` processes, which share the epoch between them."""

    def __init__(
        self, examples: Sequence[Example], order: Ints, config: TrainConfig, epoch: int, rank: int, world: int,
        altered: Alteration | None,
    ) -> None:  # fmt: skip
        shuffled = np.random.default_rng([config.seed, epoch]).permutation(order)
        steps = len(shuffled) // config.batch // world  # as many for each process, or one would wait for ever
        shown = shuffled[: steps * world * config.batch]
        self._steps = shown.reshape(-1, config.batch)[rank::world]
        self._examples = examples
        self._altered = altered
        self._phase: PhaseConfig = config.phase_at(epoch)
        self._seed = [config.seed, epoch, rank]

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, step: int) -> Batch:
        random = np.random.default_rng([*self._seed, step])
        side_px = int(random.choice(self._phase.sides_px))
        return collate([self._drawn(int(index), side_px, random) for index in self._steps[step]])

    def _drawn(self, index: int, side_px: int, random: Random) -> Example:
        if random.random() < self._phase.mosaic:
            others = random.integers(len(self._examples), size=3)
            filled = mosaic([self._example(int(i), random) for i in (index, *others)], side_px, random)
        else:
            filled = placed(self._example(index, random), side_px, self._phase.scales, random)
        if self._phase.tint:
            filled = tinted(filled, self._phase.tint, random)
        if random.random() < self._phase.shade:
            filled = shaded(filled, random)
        seen = changed(filled, random)
        return weathered(seen, random) if random.random() < self._phase.weather else seen

    def _example(self, index: int, random: Random) -> Example:
        example = self._examples[index]
        return example if self._altered is None else self._altered(example, index, random)


def collate(examples: Sequence[Example]) -> Batch:
    """Examples of one square size as a batch."""
    images = np.stack([example.image.transpose(2, 0, 1) for example in examples])
    return Batch(
        torch.from_numpy(np.ascontiguousarray(images)),
        [torch.from_numpy(np.array(example.xyxy, np.float32)) for example in examples],
        [torch.from_numpy(example.class_id.copy()) for example in examples],
    )


def plain_batches(examples: Sequence[Example], side_px: int) -> Iterator[Batch]:
    """Letterboxed examples in their order, nothing random: for statistics and validation."""
    for start in range(0, len(examples), AT_ONCE):
        yield collate([letterboxed(example, side_px) for example in examples[start : start + AT_ONCE]])
