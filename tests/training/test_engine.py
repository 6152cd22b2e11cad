"""One epoch of a network of random weights on squares of one grey."""

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from training.batches import Batch, EpochBatches
from training.config import OptimiserConfig, PhaseConfig
from training.engine import Ema, Schedule, new_optimiser, train_one_epoch
from training.model import YoloxNano
from training.samples import Example
from training.weights import unfolded

BATCHES = 4
MARK = (np.array([[8, 8, 40, 40]], np.float32), np.array([0]))


class Teacher(nn.Module):
    """Says the same as a network of its own, and remembers how often it was asked."""

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.network = YoloxNano(2).requires_grad_(False)
        self.asked = 0

    def forward(self, images):
        self.asked += 1
        return self.network(images)


def epoch_with(teachers):
    """The epoch's line, and the student's first weights after it."""
    torch.manual_seed(1)
    student, config = unfolded(YoloxNano(2)), OptimiserConfig()
    batch = Batch(torch.full((2, 3, 64, 64), 90, dtype=torch.uint8), [torch.tensor([[8.0, 8, 40, 40]])] * 2,
                  [torch.tensor([1])] * 2)  # fmt: skip
    line = train_one_epoch(
        student, [batch] * BATCHES, new_optimiser(student, config), Schedule(config, BATCHES),
        Ema(student.state_dict(), config.ema_decay), 0, teachers,
    )  # fmt: skip
    return line, next(student.parameters()).detach().clone()


def test_teachers_are_asked_in_turn():
    teachers = [Teacher(2), Teacher(3)]
    epoch_with(teachers)
    assert [one.asked for one in teachers] == [BATCHES / 2] * 2


def test_what_teachers_say_is_learned_beside_the_marks():
    (alone, weights), (taught, others) = epoch_with([]), epoch_with([Teacher(2), Teacher(3)])
    assert not torch.equal(weights, others)
    assert alone["loss"] == pytest.approx(of_marks(alone), rel=1e-5)
    assert taught["loss"] > 1.1 * of_marks(taught)


def of_marks(line):
    return line["loss_box"] + line["loss_objectness"] + line["loss_class"]


def test_the_rate_warms_up_and_falls_along_half_a_cosine_to_its_last_share():
    schedule = Schedule(OptimiserConfig(learning_rate=1.0, final_share=0.1, warmup_steps=4), 100)
    rates = [schedule.learning_rate(step) for step in (0, 1, 50, 99)]
    assert rates == pytest.approx([0.25, 0.5, 0.55, 0.1], abs=2e-3)


def test_the_average_follows_the_first_steps_fast_and_later_ones_slowly():
    model = nn.Linear(1, 1, bias=False)
    average = Ema({"weight": torch.zeros(1, 1)}, 0.998)
    for step, moved in ((0, 0.9), (10**6, 0.002)):
        before = float(average.state["weight"])
        average.update(model, step)
        assert (float(average.state["weight"]) - before) / (model.weight.item() - before) == pytest.approx(moved, 1e-3)


def test_processes_share_an_epoch_and_another_epoch_shows_the_pictures_otherwise(tiny_config):
    greys = [Example(np.full((64, 64, 3), 10 * at, np.uint8), *MARK) for at in range(16)]
    still = PhaseConfig(epochs=2, sides_px=(64,), mosaic=0.0, scales=(1.0, 1.0))
    config = msgspec.structs.replace(tiny_config, phases=(still,), batch=4)
    seen = []

    def noted(example, index, random):
        seen.append((index, random.random()))
        return example

    for epoch, rank in ((0, 0), (0, 1), (1, 0)):
        batches = EpochBatches(greys, np.arange(16), config, epoch, rank, 2, noted)
        assert [len(batches[step].images) for step in range(len(batches))] == [4, 4]
    first, second, later = (seen[8 * part : 8 * part + 8] for part in range(3))
    assert sorted(index for index, _ in first + second) == list(range(16)), "each picture once"
    assert [index for index, _ in later] != [index for index, _ in first]
    assert not {drawn for _, drawn in first} & {drawn for _, drawn in [*second, *later]}, "each is changed otherwise"
