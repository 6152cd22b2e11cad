"""What the detector is taught: which grid points answer for an insect, and how far each answer is off.

Task-aligned assignment: Feng et al. (2021), TOOD, arXiv:2108.07755, with alignment = score^0.5 · IoU^4.
Targets of the decoupled head: Ge et al. (2021), YOLOX, arXiv:2107.08430: objectness 1 at assigned points, class = IoU.
Class logits are taught at assigned points only, so a picture labelled for one set's classes says nothing against the
classes of another set. Points in a region to IGNORE say nothing at all, unless they answer for an insect in it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torchvision.ops import box_iou, generalized_box_iou_loss

from training.model import decode_boxes
from training.samples import IGNORE

POINTS_PER_BOX = 9
SCORE_POWER, IOU_POWER = 0.5, 4.0
NEAR_STRIDES = 1.5  # an insect that no point's centre falls into is answered by points this near to its own centre


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """Scalars () of one batch, each per assigned point; `total` carries the gradient."""

    total: Tensor
    box: Tensor
    objectness: Tensor
    classes: Tensor


def detection_loss(raw: Tensor, points: Tensor, xyxy: list[Tensor], class_id: list[Tensor],
                   box_weight: float = 2.0) -> Loss:  # fmt: skip
    """Loss of raw (B, N, 5 + C) at `grid_points` (N, 3) against B lists of boxes (n, 4) px and class ids (n,)."""
    boxes = decode_boxes(raw.float(), points)  # [B, N, 4]
    objectness, classes = raw[..., 4].float(), raw[..., 5:].float()
    scores = (objectness.sigmoid()[..., None] * classes.sigmoid()).detach()
    is_assigned = torch.zeros_like(objectness)
    is_taught = torch.ones_like(objectness)
    box_losses, class_losses = [], []
    for i, marked in enumerate(xyxy):
        is_real = class_id[i] != IGNORE
        truth, ids = marked[is_real], class_id[i][is_real]
        point, owner, overlap = assign(boxes[i].detach(), scores[i], points, truth, ids)
        is_taught[i] = 1.0 - _lies_in_any(points, marked[~is_real]).to(is_taught.dtype)
        is_assigned[i, point] = is_taught[i, point] = 1.0
        box_losses.append(generalized_box_iou_loss(boxes[i, point], truth[owner], reduction="sum"))
        target = torch.zeros_like(classes[i, point])
        target[torch.arange(len(point)), ids[owner]] = overlap
        class_losses.append(bce(classes[i, point], target, reduction="sum"))
    count = is_assigned.sum().clamp(min=1.0)
    box = box_weight * torch.stack(box_losses).sum() / count
    objectness_loss = bce(objectness, is_assigned, is_taught, reduction="sum") / count
    class_loss = torch.stack(class_losses).sum() / count
    return Loss(box + objectness_loss + class_loss, box, objectness_loss, class_loss)


def assign(
    boxes: Tensor, scores: Tensor, points: Tensor, truth: Tensor, class_id: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Which points answer for which of the true boxes of one picture.

    boxes (N, 4), scores (N, C), points (N, 3); truth (n, 4), class_id (n,). Returns for the k assigned points: index
    of the point (k,), index of its true box (k,), and their IoU (k,). A point has one owner, the box it overlaps most.
    """
    overlap = box_iou(truth, boxes)  # [n, N]
    alignment = scores[:, class_id].T ** SCORE_POWER * overlap**IOU_POWER
    alignment = alignment.masked_fill(~_candidates(points, truth), -1.0)
    best, point = alignment.topk(min(POINTS_PER_BOX, alignment.shape[1]), dim=1)  # [n, 9]
    is_owner = torch.zeros_like(alignment).scatter_(1, point, (best >= 0).to(alignment.dtype))
    owned_overlap = torch.where(is_owner > 0, overlap, -1.0)
    if len(truth) == 0:
        none = torch.empty(0, dtype=torch.int64, device=boxes.device)
        return none, none, boxes.new_empty(0)
    strongest, owner = owned_overlap.max(dim=0)  # [N]
    assigned = torch.nonzero(strongest >= 0).flatten()
    return assigned, owner[assigned], strongest[assigned]


def _candidates(points: Tensor, truth: Tensor) -> Tensor:
    """Which points (n, N) may answer: those whose centre lies in the box, or near its centre when there are none."""
    stride = points[:, 2]
    centre = _centres(points)
    is_inside = _is_inside(centre, truth)
    middle = (truth[:, :2] + truth[:, 2:]) / 2
    distance = (centre - middle[:, None]).abs().amax(dim=-1)  # [n, N]
    is_near = distance < NEAR_STRIDES * stride
    return torch.where(is_inside.any(dim=1, keepdim=True), is_inside, is_near)


def _lies_in_any(points: Tensor, regions: Tensor) -> Tensor:
    """Which points (N,) have their centre in one of the regions (n, 4)."""
    return _is_inside(_centres(points), regions).any(dim=0)


def _is_inside(centre: Tensor, boxes: Tensor) -> Tensor:
    """Which centres (N, 2) lie in which boxes (n, 4): (n, N)."""
    return ((centre > boxes[:, None, :2]) & (centre < boxes[:, None, 2:])).all(dim=-1)


def _centres(points: Tensor) -> Tensor:
    """Centres (N, 2), in px of the square, of the points' cells."""
    return (points[:, :2] + 0.5) * points[:, 2:]
