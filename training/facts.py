"""What a bundle says of itself in its metadata: as it was made, as thresholds were chosen, as it was measured."""

import datetime
from dataclasses import asdict
from pathlib import Path

import msgspec

from edge.bundle import Bundle, load_bundle
from edge.errors import ConfigError
from training.checkpoints import Checkpoint, start_of
from training.classes import ClassTable, read_classes
from training.config import REVIEWED, TrainConfig, read_config
from training.engine import NMS_IOU
from training.fetch import source_of
from training.judging.figures import FEWEST_MARKS, ClassFigures, Figures
from training.model import STRIDES
from training.onnx_file import Facts
from training.thresholds import Choice
from training.transforms import PAD

UNDECIDED = 0.5  # threshold until one is chosen
UNMEASURED = {"threshold": UNDECIDED, "precision": None, "recall": None, "ap50": None, "support": 0}


def facts_of(config: TrainConfig, classes: ClassTable, state: Checkpoint, run: Path) -> Facts:
    """The metadata of a float32 bundle before anything was measured. Raises ConfigError, BundleError."""
    return as_made(config, classes, {
        "commit": state.commit,
        "command": command_of(config),
        "start_weights": Path(config.weights).stem,
        "datasets": learned(config, run),
    })  # fmt: skip


def as_made(config: TrainConfig, classes: ClassTable, training: Facts) -> Facts:
    """The same of a network that came about as `training` says."""
    return {
        "format": 1,
        "name": config.bundle,
        "version": today(),
        "head": "yolox",
        "precision": "fp32",
        "input": {"side_px": config.side_px, "colour": "BGR", "mean": [0, 0, 0], "std": [1, 1, 1], "pad": PAD},
        "strides": list(STRIDES),
        "nms_iou": NMS_IOU,
        "temperature": 1.0,
        "classes": [
            {"label": label, "eppo": eppo, **UNMEASURED, "snug": label in config.snug}
            for label, eppo in zip(classes.labels, classes.eppo, strict=True)
        ],
        "tile": msgspec.to_builtins(config.tile),
        "training": training,
        "metrics": None,
    }


def learned(config: TrainConfig, run: Path) -> list[Facts]:
    """The sets of a run, and those of a bundle that it went on from: their licences hold for what grew from it."""
    own = [
        reviewed_facts(Path(one.name)) if one.annotation == REVIEWED else dataset_facts(one.name)
        for one in config.sources
    ]
    if Path(config.weights).suffix != ".onnx":
        return own
    names = {one["name"] for one in own}
    return own + [asdict(one) for one in load_bundle(start_of(config, run)).training.datasets if one.name not in names]


def dataset_facts(name: str) -> Facts:
    """What a bundle says of a public dataset that it learned from."""
    source = source_of(name)
    return {
        "name": name, "licence": source.licence, "source": f"{source.source} @ {source.commit}",
        "pictures": source.pictures[0],
    }  # fmt: skip


def reviewed_facts(folder: Path) -> Facts:
    """The same of crops from a node."""
    return {
        "name": folder.name, "licence": "of the owner of the node", "source": "crops that people reviewed",
        "pictures": len(list((folder / "images").glob("*.jpg"))),
    }  # fmt: skip


def command_of(config: TrainConfig) -> str:
    """The command that trained the run, as far as a configuration tells."""
    added = [Path(one.name).name for one in config.datasets if one.annotation == REVIEWED]
    name, _, _ = config.name.partition("-added-")
    return " ".join([f"python -m training.train training/configs/{name}.toml", *(["--add", *added] if added else [])])


def config_of(bundle: Bundle) -> TrainConfig:
    """The configuration of the run that a bundle came from, by the command that it names. Raises ConfigError."""
    return read_config(Path(bundle.training.command.split()[3]))


def refuse_another(config: TrainConfig, bundle: Bundle) -> None:
    """Raises ConfigError when the bundle looks otherwise at pictures than the configuration, or tells other labels.

    Class ids are places: by another order figures and thresholds would be another class's.
    """
    ours = (config.side_px, msgspec.to_builtins(config.tile), read_classes(config.labelled).labels)
    if ours != (bundle.input.side_px, msgspec.to_builtins(bundle.tile), bundle.labels):
        raise ConfigError(
            f"{config.name}: {bundle.path} has another side, other tiles or other labels; give the configuration that "
            f"made it, or one like it ({bundle.training.command}), or a `bundle` of its own to yours"
        )


def with_choice(facts: Facts, choice: Choice) -> Facts:
    """The facts with temperature and thresholds."""
    classes = [
        {**one, "threshold": threshold} for one, threshold in zip(facts["classes"], choice.thresholds, strict=True)
    ]
    return {**facts, "temperature": choice.temperature, "classes": classes}


def with_figures(facts: Facts, figures: Figures) -> Facts:
    """The metadata with what the split showed; a count's interval is made from these."""
    classes = [{**one, **_told(row)} for one, row in zip(facts["classes"], figures.classes, strict=True)]
    metrics = {
        "map50": _rounded(figures.map50), "map50_95": _rounded(figures.map50_95), "split": figures.split,
        "pictures": figures.pictures,
    }  # fmt: skip
    return {**facts, "classes": classes, "metrics": metrics}


def unmeasured(facts: Facts) -> Facts:
    """The facts without what validation and test told."""
    classes = [one | UNMEASURED for one in facts["classes"]]
    return facts | {"version": today(), "temperature": 1.0, "metrics": None, "classes": classes}


def today() -> str:
    """The version of what is made now."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y.%m.%d")


def _told(row: ClassFigures) -> Facts:
    """Figures of a class, absent where too few marks stand behind them."""
    numbers = {"precision": row.found.precision.value, "recall": row.found.recall.value, "ap50": row.ap50}
    is_told = row.support >= FEWEST_MARKS
    return {name: _rounded(value) if is_told else None for name, value in numbers.items()} | {"support": row.support}


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
