import torch

from training.distillation import distillation_loss
from training.model import grid_points

POINTS = grid_points(64)


def said(seed, objectness=0.0):
    """Raw output of a network that sees something everywhere, or hardly anything."""
    raw = torch.randn(1, len(POINTS), 8, generator=torch.Generator().manual_seed(seed))
    raw[..., 4] += objectness
    return raw


def test_a_student_that_says_what_the_teacher_says_has_nothing_to_learn():
    student = said(seed=1).requires_grad_()
    distillation_loss(student, said(seed=1), POINTS).backward()
    assert student.grad.abs().max() < 1e-4


def test_following_the_loss_leads_to_the_teacher():
    student, teacher = said(seed=1), said(seed=2)
    student.requires_grad_()
    optimiser = torch.optim.Adam([student], lr=0.1)
    first = distillation_loss(student, teacher, POINTS)
    for _ in range(200):
        optimiser.zero_grad()
        distillation_loss(student, teacher, POINTS).backward()
        optimiser.step()
    assert distillation_loss(student, teacher, POINTS) < first / 2
    assert (student[..., 4:].sigmoid() - teacher[..., 4:].sigmoid()).abs().mean() < 0.02


def test_where_the_teacher_sees_nothing_only_objectness_is_learned():
    student = said(seed=1).requires_grad_()
    distillation_loss(student, said(seed=2, objectness=-30), POINTS).backward()
    assert student.grad[..., 4].abs().sum() > 0
    assert student.grad[..., :4].abs().sum() < 1e-6
    assert student.grad[..., 5:].abs().sum() < 1e-6
