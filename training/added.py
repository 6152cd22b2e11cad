"""A configuration that goes on from a shipped bundle with crops that people reviewed."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from edge.bundle import load_bundle
from edge.errors import ConfigError
from training.checkpoints import known_settings, load_checkpoint
from training.config import REVIEWED, DatasetConfig, OptimiserConfig, TrainConfig
from training.datasets.reviewed import CONTENT
from training.facts import refuse_another
from training.weights import activation_of

EPOCHS = 4  # of the last phase: the bundle knows the rest, and shall not forget it
RATE_SHARE = 0.25  # of the learning rate, as for a run that goes on from a bundle
ENOUGH_STEPS = 2000  # to find the way back from that rate; with fewer it is as much lower
REPEAT = 3  # a few dozen crops stand against thousands of pictures


def with_added(config: TrainConfig, folders: Sequence[Path], models: Path) -> TrainConfig:
    """A run from `models/<bundle>.onnx`, on the old pictures and the folders. Raises ConfigError, BundleError.

    Where the configuration has teachers, which may be gone, the bundle is the teacher.
    """
    name = added_name(config, folders)
    bundle = load_bundle(models / f"{config.bundle}.onnx")
    refuse_another(config, bundle)
    weights = str(bundle.path)
    last = replace(config.phases[-1], epochs=min(EPOCHS, config.phases[-1].epochs))
    added = tuple(DatasetConfig(name=str(folder.resolve()), annotation=REVIEWED, repeat=REPEAT) for folder in folders)
    rate = config.optimiser.learning_rate * RATE_SHARE
    return replace(
        config, name=name, weights=weights, activation=activation_of(bundle.path),
        teachers=(weights,) if config.teachers else (), phases=(last,),
        datasets=(*config.datasets, *added), optimiser=replace(config.optimiser, learning_rate=rate),
    )  # fmt: skip


def optimiser_of(config: TrainConfig, steps: int) -> OptimiserConfig:
    """The configuration's, for a run of so many steps; with reviewed crops and few steps it goes gently."""
    if all(one.annotation != REVIEWED for one in config.datasets):
        return config.optimiser
    rate = config.optimiser.learning_rate * min(1.0, steps / ENOUGH_STEPS)
    return replace(config.optimiser, learning_rate=rate)


def added_name(config: TrainConfig, folders: Sequence[Path]) -> str:
    """`<name>-added-<crops>`: other crops are another run, which begins anew. Raises ConfigError."""
    crops = hashlib.sha256()
    for folder in folders:
        if not (folder / CONTENT).is_file():
            raise ConfigError(f"{folder / CONTENT}: not found; name a folder that a node's COCO export wrote")
        crops.update((folder / CONTENT).read_bytes())
    return f"{config.name}-added-{crops.hexdigest()[:8]}"


def as_trained(config: TrainConfig, folders: Sequence[Path], runs: Path) -> TrainConfig:
    """That run's own configuration: the bundle that it went on from may have made way since. Raises ConfigError.

    The crops are where they are now: a stick is seldom where it was.
    """
    state = load_checkpoint(runs / added_name(config, folders) / "last.pt")
    trained = msgspec.convert(known_settings(state), TrainConfig)
    kept, added = trained.datasets[: -len(folders)], trained.datasets[-len(folders) :]
    now = (replace(one, name=str(folder.resolve())) for one, folder in zip(added, folders, strict=True))
    return replace(trained, datasets=(*kept, *now))
