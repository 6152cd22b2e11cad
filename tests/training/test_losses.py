import pytest
import torch

from training.losses import assign, detection_loss
from training.model import decode_boxes, grid_points
from training.samples import IGNORE

POINTS = grid_points(64)


def raw_that_says(boxes, class_ids):
    """Raw output whose nearest fine point to each box answers it exactly, everything else says no."""
    raw = torch.zeros(1, len(POINTS), 5 + 3)  # classes
    raw[..., 4:] = -12.0
    for box, class_id in zip(boxes, class_ids, strict=True):
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        cell = (centre / 8).floor()
        row = int(cell[1] * 8 + cell[0])
        raw[0, row, :2] = centre / 8 - cell
        raw[0, row, 2:4] = (size / 8).log()
        raw[0, row, 4] = raw[0, row, 5 + class_id] = 12.0
    return raw


TRUTH = torch.tensor([[4.0, 4, 20, 20], [30, 30, 62, 60]])
CLASS_ID = torch.tensor([0, 2])


def test_a_right_answer_costs_less_than_the_wrong_class_or_place():
    right = detection_loss(raw_that_says(TRUTH, CLASS_ID), POINTS, [TRUTH], [CLASS_ID])
    wrong_class = detection_loss(raw_that_says(TRUTH, [1, 1]), POINTS, [TRUTH], [CLASS_ID])
    wrong_place = detection_loss(raw_that_says(TRUTH + 12, CLASS_ID), POINTS, [TRUTH], [CLASS_ID])
    assert right.total < wrong_class.total
    assert right.total < wrong_place.total


def test_an_empty_picture_teaches_only_that_nothing_is_there():
    raw = raw_that_says(TRUTH, CLASS_ID).requires_grad_()
    loss = detection_loss(raw, POINTS, [torch.empty(0, 4)], [torch.empty(0, dtype=torch.int64)])
    loss.total.backward()
    assert loss.box == 0
    assert loss.classes == 0
    assert raw.grad[..., 4].abs().sum() > 0
    assert raw.grad[..., 5:].abs().sum() == 0


def test_points_that_answer_lie_inside_their_box_and_overlap_it_best():
    raw = raw_that_says(TRUTH, CLASS_ID)
    scores = raw[0, :, 4:5].sigmoid() * raw[0, :, 5:].sigmoid()
    point, owner, overlap = assign(decode_boxes(raw, POINTS)[0], scores, POINTS, TRUTH, CLASS_ID)
    centres = (POINTS[point, :2] + 0.5) * POINTS[point, 2:]
    assert (centres > TRUTH[owner, :2]).all()
    assert (centres < TRUTH[owner, 2:]).all()
    assert overlap[owner == 0].max() == pytest.approx(1, abs=1e-4)
    assert overlap[owner == 1].max() == pytest.approx(1, abs=1e-4)


def test_a_point_answers_for_one_box_only():
    raw = torch.zeros(1, len(POINTS), 8)
    twins = torch.tensor([[8.0, 8, 40, 40], [9.0, 9, 41, 41]])
    point, _, _ = assign(decode_boxes(raw, POINTS)[0], torch.ones(len(POINTS), 3), POINTS, twins, torch.tensor([0, 1]))
    assert len(point) == len(point.unique())


def test_an_insect_between_all_points_is_still_answered():
    speck = torch.tensor([[13.2, 13.2, 14.8, 14.8]])  # no centre of any level lies in it
    raw = torch.zeros(1, len(POINTS), 8)
    point, owner, _ = assign(decode_boxes(raw, POINTS)[0], torch.ones(len(POINTS), 3), POINTS, speck, torch.tensor([0]))
    assert len(point) > 0
    assert (owner == 0).all()


def test_classes_of_points_that_answer_for_nothing_are_left_alone():
    raw = raw_that_says(TRUTH, CLASS_ID).requires_grad_()
    detection_loss(raw, POINTS, [TRUTH], [CLASS_ID]).total.backward()
    silent = raw.grad[0, :, 5:].abs().sum(dim=1) == 0
    assert 0 < (~silent).sum() <= 18


def test_a_region_to_ignore_teaches_nothing_but_the_insects_in_it():
    raw = raw_that_says(TRUTH, CLASS_ID).requires_grad_()
    region = torch.tensor([[0.0, 0, 64, 64]])
    xyxy, class_id = torch.cat([TRUTH[:1], region]), torch.tensor([0, IGNORE])
    detection_loss(raw, POINTS, [xyxy], [class_id]).total.backward()
    point, _, _ = assign(
        decode_boxes(raw, POINTS)[0].detach(), raw[0, :, 4:5].detach().sigmoid() * raw[0, :, 5:].detach().sigmoid(),
        POINTS, TRUTH[:1], CLASS_ID[:1],
    )  # fmt: skip
    taught = set(torch.nonzero(raw.grad[0, :, 4]).flatten().tolist())
    assert taught == set(point.tolist())


def test_outside_a_region_to_ignore_background_is_still_taught():
    raw = raw_that_says(TRUTH, CLASS_ID).requires_grad_()
    detection_loss(raw, POINTS, [torch.tensor([[0.0, 0, 32, 64]])], [torch.tensor([IGNORE])]).total.backward()
    centre_x = (POINTS[:, 0] + 0.5) * POINTS[:, 2]
    assert (raw.grad[0, centre_x < 32, 4] == 0).all()
    assert (raw.grad[0, centre_x > 32, 4] > 0).all()
