import torch
from torchvision.ops import box_iou

from training.distillation import MARKED_IOU, distillation_loss
from training.model import decode_boxes, grid_points

POINTS = grid_points(64)


def said(seed, objectness=0.0):
    """Raw output of a network that sees something everywhere, or hardly anything."""
    raw = torch.randn(1, len(POINTS), 8, generator=torch.Generator().manual_seed(seed))
    raw[..., 4] += objectness
    return raw


def boxes(raw):
    """All boxes of a network that looked at one picture, as if somebody had marked each."""
    return [decode_boxes(raw, POINTS)[0]]


def test_a_student_that_says_what_the_teacher_says_has_nothing_to_learn():
    student = said(seed=1).requires_grad_()
    distillation_loss(student, said(seed=1), POINTS, boxes(said(seed=1))).backward()
    assert student.grad.abs().max() < 1e-4


def test_following_the_loss_leads_to_the_teacher():
    student, teacher = said(seed=1), said(seed=2)
    student.requires_grad_()
    optimiser = torch.optim.Adam([student], lr=0.1)
    first = distillation_loss(student, teacher, POINTS, boxes(teacher))
    for _ in range(200):
        optimiser.zero_grad()
        distillation_loss(student, teacher, POINTS, boxes(teacher)).backward()
        optimiser.step()
    assert distillation_loss(student, teacher, POINTS, boxes(teacher)) < first / 2
    assert (student[..., 4:].sigmoid() - teacher[..., 4:].sigmoid()).abs().mean() < 0.02


def test_where_the_teacher_sees_nothing_only_objectness_is_learned():
    student = said(seed=1).requires_grad_()
    teacher = said(seed=2, objectness=-30)
    distillation_loss(student, teacher, POINTS, boxes(teacher)).backward()
    assert student.grad[..., 4].abs().sum() > 0
    assert student.grad[..., :4].abs().sum() < 1e-6
    assert student.grad[..., 5:].abs().sum() < 1e-6


def test_what_a_teacher_sees_where_nobody_marked_anything_is_none():
    teacher = said(seed=2, objectness=5)
    marks = boxes(teacher)[0][:1]
    is_marked = box_iou(boxes(teacher)[0], marks).amax(dim=1) >= MARKED_IOU
    assert 0 < is_marked.sum() < len(is_marked)
    student = said(seed=1).requires_grad_()
    distillation_loss(student, teacher, POINTS, [marks]).backward()
    rises = student.grad[0, :, 4] < 0  # the loss falls as objectness rises
    assert rises.tolist() == (is_marked & (student[0, :, 4] < teacher[0, :, 4])).tolist()
    assert (student.grad[0, ~is_marked, 5:] == 0).all()


def test_on_a_picture_without_marks_a_teacher_says_that_there_is_nothing():
    student = said(seed=1).requires_grad_()
    distillation_loss(student, said(seed=2, objectness=5), POINTS, [torch.empty(0, 4)]).backward()
    assert (student.grad[..., 4] > 0).all()
    assert (student.grad[..., 5:] == 0).all()
