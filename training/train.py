"""Train a detector: `python -m training.train CONFIG`, say training/configs/pests_8.toml. The same command resumes.

Writes into `runs/<name>`: `last.pt`, the weights that it went on from as `start.onnx`, and one JSON line an epoch to
`log.jsonl`. On several processes: `torchrun --nproc-per-node 2 -m training.train CONFIG`. `--add FOLDER…` goes
on from the shipped bundle with crops that people reviewed (a node's COCO export), as the run `<name>-added-<crops>`;
then `training.export CONFIG --add FOLDER… --models NEW` and `training.accept CONFIG NEW`, which ships only what forgot
nothing. CONFIG is the one that the bundle's card names.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from edge.bundle import MODELS
from edge.durable import write_durably
from edge.errors import ConfigError
from training.added import optimiser_of, with_added
from training.batches import EpochBatches, plain_batches
from training.checkpoints import (
    Checkpoint,
    alone_in,
    current_commit,
    known_settings,
    load_checkpoint,
    load_detector,
    save_checkpoint,
)
from training.classes import read_classes
from training.command import finish
from training.config import REVIEWED, TrainConfig, read_config
from training.distillation import load_teacher
from training.engine import Ema, Schedule, new_optimiser, train_one_epoch, validate
from training.fetch import source_of
from training.mixture import epoch_order, examples_of, held_out_of, rare_times, samples_of, samples_to_judge
from training.model import YoloxNano, with_activation
from training.overlays import alteration_of
from training.samples import Example, Sample
from training.weights import activation_of, load_folded, restore_batchnorm, unfolded

STATISTICS_PICTURES = 96  # for BatchNorm; the recipe wants 64 or more


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """What changes while training: the model, its moving average and the optimiser."""

    model: YoloxNano
    average: YoloxNano  # holds the moving average when it is validated
    ema: Ema
    optimiser: torch.optim.AdamW

    @classmethod
    def at(cls, state: Checkpoint, config: TrainConfig, labels: int, device: torch.device) -> "Learner":
        """As it was when `state` was saved."""
        model, average = (with_activation(unfolded(YoloxNano(labels)), config.activation).to(device) for _ in range(2))
        model.load_state_dict(state.model)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, unused-ignore]  # for torch 2.13
        ema = Ema({name: value.to(device) for name, value in state.ema.items()}, config.optimiser.ema_decay)
        optimiser = new_optimiser(model, config.optimiser)
        if state.optimiser:
            now = optimiser.state_dict()["param_groups"]  # the decay of then may have been changed since
            optimiser.load_state_dict({**state.optimiser, "param_groups": now})
        torch.set_rng_state(state.random)
        return cls(model, average, ema, optimiser)

    def validated(self, examples: Sequence[Example], config: TrainConfig, labels: int) -> dict[str, float]:
        """Average precision of the moving average; of no pictures there is none."""
        if not examples:
            return {}
        self.average.load_state_dict(self.ema.state)
        held = validate(self.average, examples, labels, config.side_px)
        return {"map50": held.map50, "map50_95": held.map50_95}

    def after(self, epoch: int, before: Checkpoint, took_s: float) -> Checkpoint:
        """The state to save."""
        return replace(
            before, epoch=epoch + 1, model=self.model.state_dict(), ema=self.ema.state,
            optimiser=self.optimiser.state_dict(), random=torch.get_rng_state(), seconds=before.seconds + took_s,
        )  # fmt: skip


def train(config: TrainConfig, run: Path) -> None:
    """Train to the end, going on from `run`/last.pt when it is there. Raises DivergedError, ConfigError."""
    labels = read_classes(config.labelled).labels
    state = _resumed(config, run, labels)
    if state and state.epoch >= config.epochs:
        return
    _are_there([*config.teachers] if state else [config.weights, *config.teachers], config)
    _can_be_shipped(config)
    rank, world = _rank(), int(os.environ.get("WORLD_SIZE", "1"))
    device = _join(rank, world)
    teachers = [load_teacher(Path(one), labels, device) for one in config.teachers]
    samples, judged = samples_of(config, "train"), held_out_of(config)
    examples, dataset_of = examples_of(samples, config)
    altered = alteration_of(config, samples, dataset_of)
    held_out, _ = examples_of(judged, config)
    times = rare_times(examples, len(labels), config.rare)
    steps = _steps(len(epoch_order(dataset_of, times, config, 0)), config, world)
    _all_teach(samples, config)
    schedule = Schedule(optimiser_of(config, config.epochs * steps), config.epochs * steps)
    if state is None:
        state = _started(config, examples, labels)
        if rank == 0:
            write_durably(run / f"start{Path(config.weights).suffix}", Path(config.weights).read_bytes())
    learner = Learner.at(state, config, len(labels), device)
    shared: nn.Module = nn.parallel.DistributedDataParallel(learner.model) if world > 1 else learner.model

    for epoch in range(state.epoch, config.epochs):
        began_s = time.monotonic()
        order = epoch_order(dataset_of, times, config, epoch)
        shown = EpochBatches(examples, order, config, epoch, rank, world, altered)
        batches = DataLoader(shown, batch_size=None, num_workers=config.loader_processes)  # beside the training process
        line = train_one_epoch(
            shared, batches, learner.optimiser, schedule, learner.ema, epoch * steps, teachers, bfloat16=config.bfloat16
        )
        took_s = time.monotonic() - began_s
        if rank > 0:
            continue
        line |= {"epoch": epoch, "seconds": took_s, "pictures_per_s": steps * config.batch * world / took_s}
        if (epoch + 1) % config.validate_every == 0 or epoch + 1 == config.epochs:
            line |= learner.validated(held_out, config, len(labels))
        state = learner.after(epoch, state, took_s)
        save_checkpoint(run / "last.pt", state)
        append_line(run / "log.jsonl", line)


def tell_how_far(run: Path, epoch: int, epochs: int) -> bool:
    """Say on standard output how far a run is that is started again; true where nothing is left to learn."""
    is_done = epoch >= epochs
    how_far = f"all {epochs} epochs; export it" if is_done else f"{epoch} of {epochs} epochs and goes on"
    print(f"{run}: has learned {how_far}", flush=True)
    return is_done


def append_line(path: Path, line: dict[str, float]) -> None:
    """One JSON object a line, also on standard output; a last line without its end, of a power cut, is taken away."""
    text = json.dumps({name: round(value, 5) for name, value in line.items()})
    before = path.read_bytes() if path.is_file() else b""
    write_durably(path, before[: before.rfind(b"\n") + 1] + f"{text}\n".encode())
    print(text, flush=True)


def _steps(shown: int, config: TrainConfig, world: int) -> int:
    """Batches of an epoch on each process. Raises ConfigError for none."""
    if shown < config.batch * world:
        raise ConfigError(
            f"{config.name}: {shown} pictures or tiles to train are fewer than {config.batch * world}, a batch on each "
            "process; add pictures to train, or lower batch"
        )
    return shown // config.batch // world


def _all_teach(samples: Sequence[Sample], config: TrainConfig) -> None:
    """Raises ConfigError for a set without a picture to train, as one that shows nothing and has no splits.csv."""
    for one in config.datasets:
        if all(sample.dataset != one.name for sample in samples):
            told = f"{config.name}: no picture of {one.name} is in train"
            raise ConfigError(f"{told}; give it some in its splits.csv, or take it out of datasets")


def _are_there(bundles: Sequence[str], config: TrainConfig) -> None:
    """Raises ConfigError for a file that is not there, before the datasets are read, which takes minutes."""
    for path in map(Path, bundles):
        if not path.is_file():
            raise ConfigError(f"{path}: no such file, and {config.name} learns from it; {_how_to_get(path)}")


def _can_be_shipped(config: TrainConfig) -> None:
    """Raises ConfigError now, not hours later, for what the bundle cannot be exported or measured without."""
    for dataset in config.sources:
        if dataset.annotation != REVIEWED:
            source_of(dataset.name)
    samples_to_judge(config, "test")


def _how_to_get(path: Path) -> str:
    if path.suffix != ".onnx":
        return "put the starting weights there, see training/README.md"
    if path.parts[0] == "runs":
        recipe = f"training/configs/{path.parent.name}.toml"
        export = f"python -m training.export {recipe} --models {path.parent}"
        return f"run: python -m training.train {recipe}, then: {export}"
    return f"git log -- {path} tells which commits had it, git show COMMIT:{path} gives it"


def _started(config: TrainConfig, examples: Sequence[Example], labels: tuple[str, ...]) -> Checkpoint:
    """The state before the first epoch: published weights with BatchNorm restored on training pictures."""
    torch.manual_seed(config.seed)
    picked = np.random.default_rng(config.seed).permutation(len(examples))[:STATISTICS_PICTURES]
    batches = plain_batches([examples[i] for i in picked], config.side_px)
    weights = Path(config.weights)
    model = with_activation(load_folded(weights, labels), activation_of(weights))  # another one begins after this
    state = restore_batchnorm(model, (batch.images.float() for batch in batches)).state_dict()
    return Checkpoint(
        epoch=0, model=state, ema=state, optimiser={}, random=torch.get_rng_state(), best_map50=-1.0, seconds=0.0,
        config=msgspec.to_builtins(config), commit=current_commit(), labels=labels,
    )  # fmt: skip


def _resumed(config: TrainConfig, run: Path, labels: tuple[str, ...]) -> Checkpoint | None:
    if not (run / "last.pt").is_file():
        return None
    state = load_detector(run / "last.pt", labels)
    is_done = tell_how_far(run, state.epoch, config.epochs)
    if known_settings(state) != msgspec.to_builtins(config):
        then = "remove this file to begin anew with it" if is_done else "going on with the new one"
        print(f"{run / 'last.pt'}: the configuration has changed since; {then}", flush=True)
    return replace(state, config=msgspec.to_builtins(config), labels=labels)


def _rank() -> int:
    """Of this process among those of the run; the first writes."""
    return int(os.environ.get("RANK", "0"))


def _join(rank: int, world: int) -> torch.device:
    """This process's device, after joining the others when there are any."""
    has_gpu = torch.cuda.is_available()
    if world > 1:
        torch.distributed.init_process_group("nccl" if has_gpu else "gloo")
    return torch.device("cuda", rank % torch.cuda.device_count()) if has_gpu else torch.device("cpu")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints and logs go")
    parser.add_argument("--add", type=Path, nargs="+", default=[], metavar="FOLDER", help="crops that people reviewed")
    parser.add_argument("--models", type=Path, default=MODELS, help="where --add finds the bundle to go on from")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # two train no faster
    cv2.setNumThreads(1)  # one core for training, the loader has its own process
    config = read_config(arguments.config)
    if arguments.add:
        config = with_added(config, arguments.add, arguments.models)
    run = arguments.runs / config.name
    last = run / "last.pt"
    if arguments.add and last.is_file() and load_checkpoint(last).epoch == config.epochs:
        raise ConfigError(f"{last}: has learned these crops; export it, or remove it to begin anew")
    run.mkdir(parents=True, exist_ok=True)
    with alone_in(run) if _rank() == 0 else nullcontext():
        train(config, run)


if __name__ == "__main__":
    finish(main)
