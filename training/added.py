"""A configuration that goes on from a shipped bundle with crops that people reviewed."""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from edge.errors import ConfigError
from training.config import REVIEWED, DatasetConfig, TrainConfig
from training.datasets.reviewed import CONTENT

EPOCHS = 4  # of the last phase: the bundle knows the rest, and shall not forget it
RATE_SHARE = 0.25  # of the learning rate, as for a run that goes on from a bundle
REPEAT = 3  # a few dozen crops stand against thousands of pictures


def with_added(config: TrainConfig, folders: Sequence[Path], models: Path) -> TrainConfig:
    """The run `<name>-added`: from `models/<bundle>.onnx`, on the old pictures and the folders. Raises ConfigError."""
    for folder in folders:
        if not (folder / CONTENT).is_file():
            raise ConfigError(f"{folder / CONTENT}: not found; name a folder that a node's COCO export wrote")
    last = replace(config.phases[-1], epochs=min(EPOCHS, config.phases[-1].epochs))
    added = tuple(DatasetConfig(name=str(folder.resolve()), annotation=REVIEWED, repeat=REPEAT) for folder in folders)
    rate = config.optimiser.learning_rate * RATE_SHARE
    return replace(
        config, name=f"{config.name}-added", weights=str(models / f"{config.bundle}.onnx"), phases=(last,),
        datasets=(*config.datasets, *added), optimiser=replace(config.optimiser, learning_rate=rate),
    )  # fmt: skip
