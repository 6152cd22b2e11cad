"""Train the leaf network: `python -m training.leaves.train`, some ten minutes of one core. The same command resumes.

Writes `last.pt`, `best.pt` and one JSON line an epoch to `log.jsonl` in `runs/leaf`. Pictures: coffee-leaves (masks).
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edge.errors import ConfigError
from training.checkpoints import Checkpoint, current_commit, load_leaf, save_checkpoint
from training.command import finish
from training.config import OptimiserConfig
from training.datasets.masks import UNSURE
from training.engine import DivergedError, Ema, Schedule
from training.leaves.net import LeafNet, started
from training.leaves.pictures import Leaf, batches, changed, read_leaves
from training.train import append_line, tell_how_far

SIDE_PX = 416  # of the longer side; a leaf of 2:1 is 416x208 px
WEIGHTS = Path("../shared/weights/efficientnet_lite0_imagenet.npz")
EPOCHS, BATCH, SEED = 12, 8, 1
OPTIMISER = OptimiserConfig(learning_rate=1.5e-3, final_share=0.01, weight_decay=0.02, ema_decay=0.99)
STRESS_WEIGHT, SHARE_WEIGHT, LESION_WEIGHT = 0.3, 2.0, 3.0  # lesions are a twentieth of the px


def train(root: Path, weights: Path, run: Path) -> None:
    """Train to the end, going on from `run`/last.pt; best.pt is the best epoch on val.

    Raises DivergedError, ConfigError.
    """
    leaves, held_out = read_leaves(root, "train", SIDE_PX), read_leaves(root, "val", SIDE_PX)
    if len(leaves) < BATCH:
        told = f"{root / 'splits.csv'}: {len(leaves)} leaves are in train, and a step shows {BATCH}"
        raise ConfigError(f"{told}; give it more there")
    if all(leaf.stress == UNSURE for leaf in held_out):
        raise ConfigError(f"{root / 'splits.csv'}: no leaf in val has one predominant stress; give it one that has")
    state = load_leaf(run / "last.pt") if (run / "last.pt").is_file() else _begun(weights)
    if state.epoch:
        tell_how_far(run, state.epoch, EPOCHS)
    model, average = LeafNet(), LeafNet()
    model.load_state_dict(state.model)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, unused-ignore]  # for torch 2.13
    ema = Ema(state.ema, OPTIMISER.ema_decay)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=OPTIMISER.weight_decay)
    if state.optimiser:
        optimiser.load_state_dict(state.optimiser)
    for epoch in range(state.epoch, EPOCHS):
        began_s = time.monotonic()
        loss = _one_epoch(model, ema, optimiser, leaves, epoch)
        average.load_state_dict(ema.state)
        line = {"epoch": epoch, "loss": loss, **validated(average, held_out)}
        took_s = time.monotonic() - began_s
        best, score = state.best_map50, line["score"]
        state = replace(
            state, epoch=epoch + 1, model=model.state_dict(), ema=ema.state, optimiser=optimiser.state_dict(),
            best_map50=max(best, score), seconds=state.seconds + took_s,
        )  # fmt: skip
        if score >= best:
            save_checkpoint(run / "best.pt", state)
        save_checkpoint(run / "last.pt", state)  # after best.pt: a run that is cut in between does this epoch again
        append_line(run / "log.jsonl", line | {"seconds": took_s})


def loss_of(masks: Tensor, stress: Tensor, shares: Tensor, stresses: Tensor) -> Tensor:
    """Scalar: what each cell is, how much of the leaf is lesion, and which stress rules.

    masks (B, 3, h, w) and stress (B, 5) logits; shares (B, 3, h, w) of each cell; stresses (B,), UNSURE not taught.
    """
    cells = functional.cross_entropy(masks, shares, weight=masks.new_tensor([1.0, 1.0, LESION_WEIGHT]))
    ruling = functional.cross_entropy(stress, stresses, ignore_index=UNSURE, label_smoothing=0.05)
    off = (lesion_share(masks.softmax(dim=1)) - lesion_share(shares)).abs().mean()
    return cells + SHARE_WEIGHT * off + STRESS_WEIGHT * ruling


def lesion_share(shares: Tensor) -> Tensor:
    """(B,) lesion of all leaf, of (B, 3, h, w) shares of ground, leaf and lesion."""
    _, leaf, lesion = shares.sum(dim=(2, 3)).unbind(dim=1)
    return lesion / (leaf + lesion).clamp(min=1.0)


@torch.inference_mode()
def validated(model: LeafNet, leaves: Sequence[Leaf]) -> dict[str, float]:
    """Mean error of the lesion share and share of right stresses on leaves as they are; `score` joins them."""
    errors, right = [], []
    for leaf in leaves:
        image = torch.from_numpy(leaf.image.transpose(2, 0, 1)[None].astype(np.float32))
        masks, stress = model.eval()(image)
        errors.append(abs(float(lesion_share(masks.softmax(1))) - leaf.share))
        if leaf.stress != UNSURE:
            right.append(int(stress.argmax()) == leaf.stress)
    mae, accuracy = float(np.mean(errors)), float(np.mean(right))
    return {"share_mae": mae, "stress_accuracy": accuracy, "score": accuracy - 10 * mae}


def _one_epoch(model: LeafNet, ema: Ema, optimiser: torch.optim.AdamW, leaves: Sequence[Leaf], epoch: int) -> float:
    """Mean loss. Batches and changes are functions of (SEED, epoch)."""
    torch.manual_seed(SEED + epoch)
    steps = len(leaves) // BATCH
    schedule = Schedule(OPTIMISER, EPOCHS * steps)
    total = 0.0
    model.train()
    for step, batch in enumerate(batches(leaves, BATCH, np.random.default_rng([SEED, epoch])), epoch * steps):
        for group in optimiser.param_groups:
            group["lr"] = schedule.learning_rate(step)
        images, shares = changed(batch)
        stresses = torch.tensor([leaf.stress for leaf in batch])
        with torch.autocast("cpu", torch.bfloat16):
            masks, stress = model(images.contiguous(memory_format=torch.channels_last))
        loss = loss_of(masks.float(), stress.float(), shares, stresses)
        if not torch.isfinite(loss):
            raise DivergedError(f"step {step}: the loss is {loss.item()}; lower the learning rate and resume")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
        ema.update(model, step)
        total += loss.item()
    return total / steps


def _begun(weights: Path) -> Checkpoint:
    torch.manual_seed(SEED)
    state = started(weights).state_dict()
    return Checkpoint(
        epoch=0, model=state, ema=state, optimiser={}, random=torch.get_rng_state(), config={}, commit=current_commit(),
        best_map50=-np.inf, seconds=0.0,
    )  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/datasets/coffee-leaves"), help="coffee-leaves")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="to start from")
    parser.add_argument("--run", type=Path, default=Path("runs/leaf"), help="checkpoints and log; default: runs/leaf")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    arguments.run.mkdir(parents=True, exist_ok=True)
    train(arguments.data, arguments.weights, arguments.run)


if __name__ == "__main__":
    finish(main)
