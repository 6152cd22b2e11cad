"""Train a detector: `python -m training.train CONFIG`, say training/configs/pests_8.toml. The same command resumes.

Writes into `runs/<name>`: `last.pt`, `best.pt`, the weights that it went on from as `start.onnx`, and one JSON line an
epoch to `log.jsonl`. On several processes: `torchrun --nproc-per-node 2 -m training.train CONFIG`. `--add FOLDER…` goes
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

from edge.boxes import Ints
from edge.bundle import MODELS
from edge.durable import write_durably
from edge.errors import ConfigError
from training.added import with_added
from training.batches import Alteration, EpochBatches, plain_batches
from training.checkpoints import Checkpoint, alone_in, current_commit, load_checkpoint, load_detector, save_checkpoint
from training.classes import read_classes
from training.command import finish
from training.config import EMPTY, DatasetConfig, TrainConfig, read_config
from training.cutouts import Cutout, Pasting, pasted, read_cutouts, read_strangers
from training.datasets import images_of_split, read_dataset
from training.distillation import load_teacher
from training.engine import Ema, Schedule, new_optimiser, train_one_epoch, validate
from training.foliage import with_foliage
from training.label_care import cared_for, movable, read_decisions
from training.model import YoloxNano, with_activation
from training.samples import Example, Sample, load_example
from training.transforms import Random, cut
from training.transplants import Transplants, by_class, read_transplants, transplanted
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
            optimiser.load_state_dict(state.optimiser)
        torch.set_rng_state(state.random)
        return cls(model, average, ema, optimiser)

    def validated(self, examples: Sequence[Example], config: TrainConfig, labels: int) -> dict[str, float]:
        """Average precision of the moving average."""
        self.average.load_state_dict(self.ema.state)
        held = validate(self.average, examples, labels, config.side_px)
        return {"map50": held.map50, "map50_95": held.map50_95}

    def after(self, epoch: int, before: Checkpoint, took_s: float, map50: float) -> Checkpoint:
        """The state to save."""
        return replace(
            before, epoch=epoch + 1, model=self.model.state_dict(), ema=self.ema.state,
            optimiser=self.optimiser.state_dict(), random=torch.get_rng_state(), seconds=before.seconds + took_s,
            best_map50=max(map50, before.best_map50),
        )  # fmt: skip


def train(config: TrainConfig, run: Path) -> None:
    """Train to the end, going on from `run`/last.pt when it is there. Raises DivergedError, ConfigError."""
    state = _resumed(config, run)
    _are_there([*config.teachers] if state else [config.weights, *config.teachers], config)
    torch.set_num_threads(config.threads)
    rank, world = _rank(), int(os.environ.get("WORLD_SIZE", "1"))
    device = _join(rank, world)
    labels = read_classes(config.labelled).labels
    teachers = [load_teacher(Path(one), labels, device) for one in config.teachers]
    samples = samples_of(config, "train")
    examples, dataset_of = examples_of(samples, config)
    altered = alteration_of(config, samples, dataset_of)
    held_out, _ = examples_of(samples_of(config, "val"), config)
    times = rare_times(examples, len(labels), config.rare)
    steps = _steps(len(epoch_order(dataset_of, times, config, 0)), config, world)
    schedule = Schedule(config.optimiser, config.epochs * steps)
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
        best_before, map50 = state.best_map50, line.get("map50", -1.0)  # most epochs are not validated
        state = learner.after(epoch, state, took_s, map50)
        if map50 >= best_before:
            save_checkpoint(run / "best.pt", state)
        save_checkpoint(run / "last.pt", state)  # after best.pt: a run that is cut in between does this epoch again
        append_line(run / "log.jsonl", line)


def start_of(config: TrainConfig, run: Path) -> Path:
    """The weights that a run went on from, as they were then. Raises ConfigError."""
    path = run / f"start{Path(config.weights).suffix}"
    if not path.is_file():
        raise ConfigError(f"{path}: the weights that the run went on from are not there; put them there again")
    return path


def samples_of(config: TrainConfig, split: str) -> list[Sample]:
    """Samples of all the configuration's datasets; those without labels only train, labels are cared for but in test.

    Raises ConfigError.
    """
    samples = stored_samples(config, split)
    return samples if split == "test" else cared_for(samples, Path(config.data), read_decisions())


def samples_to_judge(config: TrainConfig, split: str) -> list[Sample]:
    """The same, one or more. Raises ConfigError also for a split without pictures, of which there is no figure."""
    samples = samples_of(config, split)
    if not samples:
        raise ConfigError(f"{config.name}: no picture of its datasets is in {split}; give it some in splits.csv")
    return samples


def stored_samples(config: TrainConfig, split: str) -> list[Sample]:
    """Those of `samples_of` as the datasets have them. Raises ConfigError."""
    classes = read_classes(config.labelled)
    root = Path(config.data)
    used = [dataset for dataset in config.datasets if split == "train" or dataset.annotation != EMPTY]
    return [sample for dataset in used for sample in read_dataset(root / dataset.name, dataset, split, classes)]


def examples_of(samples: Sequence[Sample], config: TrainConfig) -> tuple[list[Example], list[str]]:
    """What the network is shown of the samples, whole or in tiles, and the dataset of each."""
    examples, dataset_of = [], []
    for sample in samples:
        whole = load_example(sample)
        tile = config.tile
        shown = [whole] if tile is None else cut(whole, tile.side_px, tile.overlap_px, tile.picture_px)
        examples += shown
        dataset_of += [sample.dataset] * len(shown)
    return examples, dataset_of


def alteration_of(config: TrainConfig, samples: Sequence[Sample], dataset_of: Sequence[str]) -> Alteration | None:
    """What is laid on training pictures or tiles. Raises ConfigError."""
    pasting, transplants = pasting_of(config, dataset_of), transplants_of(config, samples)
    if pasting is None and transplants is None and not config.foliage:
        return None

    def altered(example: Example, index: int, random: Random) -> Example:
        if pasting is not None and pasting.takes[index]:
            example = pasted(example, pasting, random)
        if transplants is not None:
            example = transplanted(example, transplants, random)
        if config.foliage and random.random() < config.foliage:
            example = with_foliage(example, random)  # last: what lies on plain ground is a leaf
        return example

    return altered


def transplants_of(config: TrainConfig, samples: Sequence[Sample]) -> Transplants | None:
    """Insects cut out of training pictures, but for those that `label_care.csv` lets stay."""
    wanted = config.transplant
    if wanted is None:
        return None
    among = [sample for sample in samples if sample.dataset in wanted.datasets]
    cut = read_transplants(movable(among, Path(config.data), read_decisions()))
    return Transplants(by_class(cut), wanted.share, wanted.most)


def pasting_of(config: TrainConfig, dataset_of: Sequence[str]) -> Pasting | None:
    """What is pasted while training, cut out of the training pictures. Raises ConfigError."""
    paste = config.paste
    if paste is None:
        return None
    labels = read_classes(config.labelled).labels
    if paste.label not in labels:
        raise ConfigError(f"paste.label: {paste.label!r} is no class; name one of {', '.join(labels)}")
    class_id = labels.index(paste.label)
    [dataset] = [one for one in config.datasets if one.name == paste.dataset]
    root = Path(config.data) / dataset.name
    images = images_of_split(root, "train", dataset.held_out)
    return Pasting(
        read_cutouts(root, images, class_id), np.array([name == dataset.name for name in dataset_of]), paste.most,
        paste.written, strangers_of(config, paste.strangers, paste.kinds, class_id) if paste.strangers else [],
    )  # fmt: skip


def strangers_of(config: TrainConfig, dataset: str, kinds: Sequence[str], class_id: int) -> list[Cutout]:
    """Insects cut out of the training pictures of a set that is no part of the mixture. Raises ConfigError."""
    alone = msgspec.structs.replace(config, datasets=(DatasetConfig(name=dataset, annotation="yolo"),))
    images = [sample.image_path for sample in samples_of(alone, "train")]
    return read_strangers(Path(config.data) / dataset, images, kinds, class_id)


def rare_times(examples: Sequence[Example], labels: int, rare: float) -> Ints:
    """How often each example is shown, (n,) of 1 or more: sqrt(rare / share) for a label that only that share shows.

    Repeat factor sampling of Gupta et al. (2019), LVIS, arXiv:1908.03195, by the rarest label of an example.
    """
    if not examples:
        return np.empty(0, np.int64)
    shows = np.array([np.bincount(one.class_id[one.class_id >= 0], minlength=labels) > 0 for one in examples])
    factors = np.sqrt(rare / np.maximum(shows.mean(axis=0), 1 / len(examples)))
    return np.asarray(np.where(shows, factors, 1).max(axis=1).clip(min=1).round(), np.int64)


def epoch_order(dataset_of: Sequence[str], times: Ints, config: TrainConfig, epoch: int) -> Ints:
    """Indices (m,) of the examples that an epoch shows: of a repeated dataset several times, of a thinned one a part.

    `times` (n,) multiplies that. m is the same in each epoch unless a thinned dataset has rare labels.
    """
    names = np.array(dataset_of)
    parts = [(_part(np.flatnonzero(names == one.name), one.one_in, epoch), one.repeat) for one in config.datasets]
    return np.concatenate([np.repeat(part, repeat * times[part]) for part, repeat in parts])


def _part(indices: Ints, one_in: int, epoch: int) -> Ints:
    """Each `one_in`-th index, begun one further each epoch."""
    return indices[epoch % one_in :: one_in][: len(indices) // one_in]


def append_line(path: Path, line: dict[str, float]) -> None:
    """One JSON object a line, also on standard output."""
    text = json.dumps({name: round(value, 5) for name, value in line.items()})
    with path.open("a", encoding="utf-8") as file:
        file.write(text + "\n")
    print(text, flush=True)


def _steps(shown: int, config: TrainConfig, world: int) -> int:
    """Batches of an epoch on each process. Raises ConfigError for none."""
    if shown < config.batch * world:
        raise ConfigError(
            f"{config.name}: {shown} pictures or tiles to train are fewer than {config.batch * world}, a batch on each "
            "process; add pictures to train, or lower batch"
        )
    return shown // config.batch // world


def _are_there(bundles: Sequence[str], config: TrainConfig) -> None:
    """Raises ConfigError for a file that is not there, before the datasets are read, which takes minutes."""
    for path in map(Path, bundles):
        if not path.is_file():
            raise ConfigError(f"{path}: no such file, and {config.name} learns from it; {_how_to_get(path)}")


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
    batches = plain_batches([examples[i] for i in picked], config.side_px, 8)
    weights = Path(config.weights)
    model = with_activation(load_folded(weights, labels), activation_of(weights))  # another one begins after this
    state = restore_batchnorm(model, (batch.images.float() for batch in batches)).state_dict()
    return Checkpoint(
        epoch=0, model=state, ema=state, optimiser={}, random=torch.get_rng_state(), best_map50=-1.0, seconds=0.0,
        config=msgspec.to_builtins(config), commit=current_commit(), labels=labels,
    )  # fmt: skip


def _resumed(config: TrainConfig, run: Path) -> Checkpoint | None:
    if not (run / "last.pt").is_file():
        return None
    labels = read_classes(config.labelled).labels
    state = load_detector(run / "last.pt", labels)
    if state.config != msgspec.to_builtins(config):
        print(f"{run / 'last.pt'}: the configuration has changed since; going on with the new one")
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
