"""From a checkpoint to bundles: `python -m training.export training/configs/pests_8.toml`.

Writes `models/<name>.onnx` and `models/<name>-int8.onnx`; with `--int8` the second again from the first. Temperature
and thresholds are chosen on the validation split and by the folds of cross-validation, for each file on what
`edge.detector` finds with that file; how much its pictures differ is measured there too. `training.evaluate` then
measures on the test split.
"""

import argparse
import datetime
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np
import torch
from msgspec.structs import replace

from edge.boxes import Floats, Ints, letterbox
from edge.bundle import MODELS, Bundle, load_bundle
from edge.detections import Detections
from edge.errors import ConfigError
from training.added import as_trained
from training.checkpoints import Checkpoint, load_detector
from training.classes import ClassTable, read_classes
from training.command import finish
from training.config import CONFIGS, EMPTY, REVIEWED, DatasetConfig, TrainConfig, read_config
from training.datasets import read_dataset
from training.dispersion import dispersion_of
from training.engine import NMS_IOU
from training.fetch import source_of
from training.judging.looks import Looks
from training.metrics import Judged, Truth, best_threshold, cooled, judged
from training.model import STRIDES, YoloxNano, with_activation
from training.onnx_file import Facts, bundle_paths, export_onnx, in_place_of, quantise, read_facts, write_facts
from training.samples import Sample
from training.train import examples_of, samples_of, start_of
from training.transforms import PAD, Random
from training.weights import fold_batchnorm, load_folded, unfolded

CALIBRATION_PICTURES = 256  # for the ranges of int8 activations, from the training split
UNDECIDED = 0.5  # threshold until one is chosen
UNMEASURED = {"threshold": UNDECIDED, "precision": None, "recall": None, "ap50": None, "support": 0}
FITTED_FROM = 0.05  # detections fainter than this are never shown, and would rule the fit of the temperature


@dataclass(frozen=True, slots=True)
class Choice:
    """What the validation split decides."""

    temperature: float
    thresholds: tuple[float, ...]  # one a class


def export(config: TrainConfig, checkpoint: Path, models: Path) -> list[Path]:
    """Write the bundles of a checkpoint's averaged weights; returns their files. Raises ConfigError."""
    paths = bundle_paths(models, config.bundle)
    with in_place_of(*paths.values()) as folder:
        _decide(config, _undecided(config, checkpoint, folder), checkpoint.parent.parent)
    return list(paths.values())


def _undecided(config: TrainConfig, checkpoint: Path, models: Path) -> dict[str, Path]:
    """Write both files of a checkpoint, which have no thresholds yet."""
    classes = read_classes(config.labelled)
    state = load_detector(checkpoint, classes.labels)
    model = _folded(config, state, len(classes.labels))
    if config.soup:
        model = midway(model, load_folded(start_of(config, checkpoint.parent), classes.labels))
    paths = bundle_paths(models, config.bundle)
    export_onnx(model, paths["fp32"], config.side_px)
    write_facts(paths["fp32"], facts_of(config, classes, state, checkpoint.parent))
    _quantised(config, paths)
    return paths


def midway(one: YoloxNano, other: YoloxNano) -> YoloxNano:
    """The first with weights half-way to the other's, from which it was tuned; both folded, in eval mode.

    Robust where pictures differ from those learned from: Wortsman et al. (2022), arXiv:2109.01903.
    """
    theirs = other.state_dict()
    one.load_state_dict({name: (value + theirs[name]) / 2 for name, value in one.state_dict().items()})
    return one


def _folded(config: TrainConfig, state: Checkpoint, labels: int) -> YoloxNano:
    """The averaged weights of a checkpoint without BatchNorm, in eval mode."""
    model = with_activation(unfolded(YoloxNano(labels)), config.activation)
    model.load_state_dict(state.ema)
    return fold_batchnorm(model)


def export_int8(config: TrainConfig, models: Path, runs: Path) -> Path:
    """Write the int8 file of the float32 one in `models`; returns it. Raises ConfigError."""
    paths = bundle_paths(models, config.bundle)
    _exist(paths["fp32"])
    with in_place_of(paths["int8"]) as folder:
        made = folder / paths["int8"].name
        _quantised(config, {**paths, "int8": made})
        _decide(config, {"int8": made}, runs)
    return paths["int8"]


def choose_again(config: TrainConfig, models: Path, runs: Path) -> list[Path]:
    """Temperature and thresholds of the files in `models` anew, say for another `edge.detector`. Raises ConfigError."""
    paths = bundle_paths(models, config.bundle)
    _exist(*paths.values())
    with in_place_of(*paths.values()) as folder:
        _decide(config, {precision: Path(shutil.copy(path, folder)) for precision, path in paths.items()}, runs)
    return list(paths.values())


def _exist(*paths: Path) -> None:
    for path in paths:
        if not path.is_file():
            raise ConfigError(f"{path}: not found; export it first, or say where with --models")


def _quantised(config: TrainConfig, paths: Mapping[str, Path]) -> None:
    """Write the int8 file of the float32 one."""
    pictures = calibration_pictures(samples_of(config, "train"), config)
    quantise(paths["fp32"], paths["int8"], pictures, averaged=config.tile is None)
    write_facts(paths["int8"], read_facts(paths["fp32"]) | {"precision": "int8"})


def _decide(config: TrainConfig, paths: Mapping[str, Path], runs: Path) -> None:
    """Choose temperature and thresholds of files, and measure how much pictures differ in them.

    A picture that a file learned from is looked at by the file of a fold that did not, which gets the same thresholds.
    """
    held_out, empties = samples_of(config, "val"), empties_of(config, "val")
    folds = _folds(config, {sample.image_path for sample in held_out}, runs)
    for precision, path in paths.items():
        write_facts(path, unmeasured(read_facts(path)))
        judges = [(Looks(path), held_out), *((Looks(files[precision]), samples) for files, samples in folds)]
        classes = len(judges[0][0].bundle.classes)
        truths = [truth for _, samples in judges for truth in truths_of(samples)]
        found = [one for looks, samples in judges for one in looks.faint(samples)]
        choice = choose(truths + truths_of(empties), found + judges[0][0].faint(empties), classes)
        for looks, _ in judges:
            write_facts(looks.path, with_choice(read_facts(looks.path), choice))
        shown = [one for looks, samples in judges for one in Looks(looks.path).shown(samples)]
        dispersion = {"dispersion": asdict(dispersion_of(truths, shown, classes))}
        for looks, _ in judges:
            write_facts(looks.path, read_facts(looks.path) | dispersion)


def _folds(config: TrainConfig, judged: Collection[Path], runs: Path) -> list[tuple[dict[str, Path], list[Sample]]]:
    """Files of the runs of cross-validation, beside their checkpoints, and what each held out other than `judged`.

    They look at pictures as the bundle does, in its tiles.
    """
    read = [read_config(CONFIGS / f"{name}.toml") for name in config.folds]
    configs = [replace(fold, side_px=config.side_px, tile=config.tile, snug=config.snug) for fold in read]
    return [
        (
            _undecided(fold, runs / fold.name / f"{fold.ships}.pt", runs / fold.name),
            [sample for sample in samples_of(fold, "val") if sample.image_path not in judged],
        )
        for fold in configs
    ]


def facts_of(config: TrainConfig, classes: ClassTable, state: Checkpoint, run: Path) -> Facts:
    """The metadata of a float32 bundle before anything was measured. Raises ConfigError, BundleError."""
    return {
        "format": 1,
        "name": config.bundle,
        "version": _today(),
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
        "training": {
            "commit": state.commit,
            "command": command_of(config),
            "start_weights": Path(config.weights).stem,
            "datasets": learned(config, run),
        },
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


def unmeasured(facts: Facts) -> Facts:
    """The facts without what validation and test told."""
    classes = [one | UNMEASURED for one in facts["classes"]]
    return facts | {"version": _today(), "temperature": 1.0, "metrics": None, "classes": classes}


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y.%m.%d")


def command_of(config: TrainConfig) -> str:
    """The command that trained the run, as far as a configuration tells."""
    added = [Path(one.name).name for one in config.datasets if one.annotation == REVIEWED]
    name, _, _ = config.name.partition("-added-")
    return " ".join([f"python -m training.train training/configs/{name}.toml", *(["--add", *added] if added else [])])


def config_of(bundle: Bundle) -> TrainConfig:
    """The configuration of the run that a bundle came from, by the command that it names. Raises ConfigError."""
    return read_config(Path(bundle.training.command.split()[3]))


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


def with_choice(facts: Facts, choice: Choice) -> Facts:
    """The facts with temperature and thresholds."""
    classes = [
        {**one, "threshold": threshold} for one, threshold in zip(facts["classes"], choice.thresholds, strict=True)
    ]
    return {**facts, "temperature": choice.temperature, "classes": classes}


def choose(truths: Sequence[Truth], found: Sequence[Detections], classes: int) -> Choice:
    """Temperature by likelihood over all detections, then each class's threshold by F1 of the calibrated confidence.

    Pictures of other crops belong to both, or the thresholds would let every spot on a leaf pass.

    found: what a bundle with temperature 1 sees at LOWEST_SCORE. Temperature scaling: Guo et al. (2017),
    On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """
    per_class = [judged(truths, found, class_id) for class_id in range(classes)]
    confidence = np.concatenate([one.confidence for one in per_class])
    is_hit = np.concatenate([one.is_hit for one in per_class])
    temperature = fitted_temperature(Judged(confidence, is_hit, 0))
    calibrated = [Judged(cooled(one.confidence, temperature), one.is_hit, one.real) for one in per_class]
    everything = Judged(cooled(confidence, temperature), is_hit, sum(one.real for one in per_class))
    return Choice(temperature, tuple(best_threshold(one, everything) for one in calibrated))


def fitted_temperature(detections: Judged) -> float:
    """The temperature, 0.30 to 3.00, at which confidence is likeliest as the probability of a hit; 1 without data."""
    is_strong = detections.confidence >= FITTED_FROM
    confidence, is_hit = detections.confidence[is_strong], detections.is_hit[is_strong]
    if not len(confidence):
        return 1.0
    candidates = [round(0.01 * step, 2) for step in range(30, 301)]
    losses = []
    for temperature in candidates:
        likely = np.where(is_hit, cooled(confidence, temperature), 1 - cooled(confidence, temperature))
        losses.append(-float(np.log(np.clip(likely, 1e-6, 1)).mean()))
    return candidates[int(np.argmin(losses))]


def empties_of(config: TrainConfig, split: str) -> list[Sample]:
    """Pictures of other datasets that show nothing of the bundle's labels: whatever is found there is a false alarm."""
    classes = read_classes(config.labelled)
    others = [DatasetConfig(name=name, annotation=EMPTY) for name in config.empties]
    return [one for other in others for one in read_dataset(Path(config.data) / other.name, other, split, classes)]


def truths_of(samples: Sequence[Sample]) -> list[Truth]:
    """The marks of samples, in px of the stored pictures."""
    return [Truth(sample.xyxy, sample.class_id) for sample in samples]


def calibration_pictures(samples: Sequence[Sample], config: TrainConfig) -> Iterator[Floats]:
    """Network inputs (1, 3, S, S) float32 of pictures, or of as many tiles of each dataset."""
    random = np.random.default_rng(config.seed)
    for index in _drawn(samples, config, random):
        shown, _ = examples_of([samples[index]], config)
        square, _ = letterbox(shown[int(random.integers(len(shown)))].image, config.side_px, PAD)
        yield np.ascontiguousarray(square.transpose(2, 0, 1)[None].astype(np.float32))


def _drawn(samples: Sequence[Sample], config: TrainConfig, random: Random) -> Ints:
    """Indices (m,) to calibrate with: of whole pictures each once; in tiles, eight cards are as much as a hundred."""
    if config.tile is None:
        return random.permutation(len(samples))[:CALIBRATION_PICTURES]
    dataset_of = np.array([sample.dataset for sample in samples])
    names = np.unique(dataset_of)
    each = CALIBRATION_PICTURES // len(names)
    return np.concatenate([random.choice(np.flatnonzero(dataset_of == name), each) for name in names])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="say, training/configs/pests_8.toml")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where training.train wrote; default: runs/")
    parser.add_argument("--models", type=Path, default=MODELS, help="where the bundles go; default: models/")
    parser.add_argument("--int8", action="store_true", help="write the int8 file again, from the float32 one")
    parser.add_argument("--choose", action="store_true", help="choose thresholds of the released files again")
    parser.add_argument("--add", type=Path, nargs="+", default=[], metavar="FOLDER", help="as given to training.train")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    config = read_config(arguments.config)
    if arguments.add:
        config = as_trained(config, arguments.add, arguments.runs)
    torch.set_num_threads(config.threads)
    if arguments.int8:
        written = [export_int8(config, arguments.models, arguments.runs)]
    elif arguments.choose:
        written = choose_again(config, arguments.models, arguments.runs)
    else:
        arguments.models.mkdir(parents=True, exist_ok=True)
        written = export(config, arguments.runs / config.name / f"{config.ships}.pt", arguments.models)
    for path in written:
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    finish(main)
