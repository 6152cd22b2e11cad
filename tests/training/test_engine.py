"""One epoch of a network of random weights on squares of one grey."""

import pytest
import torch
from torch import nn

from training.batches import Batch
from training.config import OptimiserConfig
from training.engine import Ema, Schedule, new_optimiser, train_one_epoch
from training.model import YoloxNano
from training.weights import unfolded

BATCHES = 4


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
