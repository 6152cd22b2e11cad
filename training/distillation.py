"""A student learns from what a teacher of the same grid says at every point, beside what people marked.

Hinton et al. (2015), arXiv:1503.02531, for dense detectors: boxes and classes of a point weigh as much as the teacher
sees an insect there (the idea of Chen et al. (2017), Learning efficient object detection models with knowledge
distillation, NeurIPS). Teacher and student must share labels and strides.
"""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torchvision.ops import box_iou, generalized_box_iou_loss

from edge.errors import ConfigError
from training.model import YoloxNano, decode_boxes, with_activation
from training.weights import activation_of, labels_of, load_folded

MARKED_IOU = 0.3  # a teacher's box is less exact than a mark, and a mark of a crowd less exact than a box


def load_teacher(weights: Path, labels: tuple[str, ...], device: torch.device) -> YoloxNano:
    """The detector of a bundle of ours, which learns nothing more. Raises ConfigError when it does not fit."""
    if labels_of(weights) != labels:
        told = f"{weights}: tells other labels, or the same in another order, than the run that it is to teach"
        raise ConfigError(f"{told}; name a teacher of the same datasets, in the same order")
    teacher = with_activation(load_folded(weights, labels), activation_of(weights)).to(device)
    teacher.to(memory_format=torch.channels_last)  # type: ignore[call-overload, unused-ignore]  # for torch 2.13
    teacher.requires_grad_(False)
    return teacher


def distillation_loss(
    raw: Tensor, taught: Tensor, points: Tensor, xyxy: list[Tensor], box_weight: float = 2.0
) -> Tensor:
    """How far raw (B, N, 5 + C) of the student is off taught (B, N, 5 + C) of the teacher: scalar () per insect seen.

    Cross-entropy of objectness at every point, and of classes and GIoU of boxes as far as the teacher sees one there.
    What it sees where nobody marked anything, xyxy being B lists of boxes (n, 4) px, is none: a teacher says how sure
    one can be of an insect, people say whether there is one.
    """
    raw, taught = raw.float(), taught.float()
    boxes, said = decode_boxes(raw, points), decode_boxes(taught, points)
    seen = taught[..., 4].sigmoid() * torch.stack([_is_marked(*one) for one in zip(said, xyxy, strict=True)])
    classes = bce(raw[..., 5:], taught[..., 5:].sigmoid(), reduction="none").sum(dim=-1)
    box = generalized_box_iou_loss(boxes.flatten(0, 1), said.flatten(0, 1)).view_as(seen)
    total: Tensor = bce(raw[..., 4], seen, reduction="sum") + ((classes + box_weight * box) * seen).sum()
    return total / seen.sum().clamp(min=1.0)


def _is_marked(said: Tensor, marks: Tensor) -> Tensor:
    """(N,): which of the boxes (N, 4) lie where one of the marks (n, 4), or a region to ignore, does."""
    overlap: Tensor = box_iou(said, marks)
    return (overlap >= MARKED_IOU).any(dim=1)
