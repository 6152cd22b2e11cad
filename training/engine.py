"""One epoch of training and one look at held-out pictures; both run on whatever device the model is on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, pi

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.ops import batched_nms

from edge.detections import Detections
from edge.errors import FieldeyeError
from training.batches import Batch, plain_batches
from training.config import OptimiserConfig
from training.distillation import distillation_loss
from training.losses import detection_loss
from training.metrics import Average, Truth, average_precision
from training.model import YoloxNano, decode_boxes, grid_points
from training.samples import Example

NMS_IOU = 0.5  # from 0.40 to 0.65 mAP50 on validation differs by 0.3 points; lower leaves fewer doubles on one insect
LOWEST_SCORE = 0.01  # of the network, before calibration; what is fainter moves mAP50 by 0.3 points and costs time
CANDIDATES = 300


class DivergedError(FieldeyeError, RuntimeError):
    """The loss is not finite: the run must stop, a checkpoint of this state would be worthless."""


class Ema:
    """Moving average of a model's parameters and statistics: what is validated and shipped."""

    def __init__(self, state: dict[str, Tensor], decay: float) -> None:
        self.state = {name: value.detach().clone() for name, value in state.items()}
        self._decay = decay

    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the model; in the first steps faster, since the average is of nothing yet."""
        decay = min(self._decay, (1 + step) / (10 + step))
        whole = model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model
        for name, value in whole.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[name].lerp_(value.detach(), 1 - decay)
            else:
                self.state[name].copy_(value)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Learning rate as a function of the step: linear warm-up, then half a cosine."""

    config: OptimiserConfig
    steps: int

    def learning_rate(self, step: int) -> float:
        """Rate of step 0..steps-1."""
        warm = min(1.0, (step + 1) / self.config.warmup_steps)
        fall = (1 + cos(pi * min(1.0, step / self.steps))) / 2
        return self.config.learning_rate * warm * (self.config.final_share + (1 - self.config.final_share) * fall)


def new_optimiser(model: nn.Module, config: OptimiserConfig) -> torch.optim.AdamW:
    """AdamW that decays convolution weights only."""
    weights = [p for p in model.parameters() if p.ndim == 4]
    others = [p for p in model.parameters() if p.ndim != 4]
    groups = [{"params": weights, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def train_one_epoch(
    model: nn.Module, batches: Iterable[Batch], optimiser: torch.optim.Optimizer, schedule: Schedule, ema: Ema,
    first_step: int, teachers: Sequence[nn.Module], *, bfloat16: bool = False,
) -> dict[str, float]:  # fmt: skip
    """Train on every batch; returns the mean of each loss and the last learning rate. Raises DivergedError."""
    device = next(model.parameters()).device
    sums = torch.zeros(4, dtype=torch.float64)
    step = first_step
    model.train()
    for step, batch in enumerate(batches, start=first_step):
        rate = schedule.learning_rate(step)
        for group in optimiser.param_groups:
            group["lr"] = rate
        images = as_input(batch.images.to(device))
        points = grid_points(images.shape[-1]).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            raw = model(images)
        xyxy, class_id = [x.to(device) for x in batch.xyxy], [c.to(device) for c in batch.class_id]
        loss = detection_loss(raw, points, xyxy, class_id, schedule.config.box_weight)
        total = loss.total
        if teachers:
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                taught = teachers[step % len(teachers)](images)  # in turn: on average what all of them say
            total = total + distillation_loss(raw, taught, points, xyxy, schedule.config.box_weight)
        if not torch.isfinite(total):
            raise DivergedError(f"step {step}: the loss is {total.item()}; lower the learning rate and resume")
        optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        nn.utils.clip_grad_norm_(model.parameters(), schedule.config.gradient_norm)
        optimiser.step()
        ema.update(model, step)
        sums += torch.stack([total, loss.box, loss.objectness, loss.classes]).detach().double().cpu()
    means = (sums / max(1, step + 1 - first_step)).tolist()
    names = ("loss", "loss_box", "loss_objectness", "loss_class")
    return {**dict(zip(names, means, strict=True)), "learning_rate": schedule.learning_rate(step)}


def validate(model: YoloxNano, examples: Sequence[Example], classes: int, side_px: int) -> Average:
    """Average precision of the model on letterboxed examples, in eval mode, boxes in px of the square."""
    found, truths = [], []
    for batch in plain_batches(examples, side_px):
        found += detect_batch(model, batch.images)
        truths += [Truth(xyxy.numpy(), ids.numpy()) for xyxy, ids in zip(batch.xyxy, batch.class_id, strict=True)]
    return average_precision(truths, found, classes)


@torch.inference_mode()
def detect_batch(model: YoloxNano, images: Tensor) -> list[Detections]:
    """Detections of each square of images (B, 3, S, S) uint8, in px of the square."""
    device = next(model.parameters()).device
    raw = model.eval()(as_input(images.to(device)))
    boxes = decode_boxes(raw, grid_points(images.shape[-1]).to(device))
    scores = raw[..., 4:5].sigmoid() * raw[..., 5:].sigmoid()
    return [_strongest(boxes[i], scores[i]) for i in range(len(images))]


def as_input(images: Tensor) -> Tensor:
    """uint8 pictures (B, 3, S, S) as the network takes them: float32 0..255, channels last (28-47 % faster here)."""
    return images.float().contiguous(memory_format=torch.channels_last)


def _strongest(boxes: Tensor, scores: Tensor) -> Detections:
    best, best_class = scores.max(dim=1)  # a point speaks for its best class only, as in edge.detector
    confidence, point = best.topk(min(CANDIDATES, len(best)))
    point = point[confidence >= LOWEST_SCORE]
    confidence, class_id = best[point], best_class[point]
    keep = batched_nms(boxes[point], confidence, class_id, NMS_IOU)
    columns = (boxes[point][keep], confidence[keep], class_id[keep])
    xyxy, strength, ids = (column.cpu().numpy() for column in columns)
    return Detections(xyxy.astype(np.float32), strength.astype(np.float32), ids.astype(np.int64))
