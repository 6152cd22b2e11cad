"""From a checkpoint to bundles: `python -m training.export training/configs/pests_8.toml`.

Writes `models/<name>.onnx` and `models/<name>-int8.onnx`; with `--again` both from the weights of the first.
Temperature and thresholds are chosen on the validation split and by the folds of cross-validation, for each file on
what `edge.detector` finds with that file; how much its pictures differ is measured there too. `training.evaluate` then
measures on the test split.
"""

import argparse
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import torch
from msgspec.structs import replace

from edge.boxes import Floats, Ints, letterbox
from edge.bundle import MODELS, load_bundle
from edge.errors import ConfigError
from training.added import as_trained
from training.checkpoints import Checkpoint, load_detector, start_of
from training.classes import read_classes
from training.command import finish
from training.config import CONFIGS, REVIEWED, TrainConfig, read_config
from training.dispersion import dispersion_of
from training.facts import facts_of, refuse_another, unmeasured, with_choice
from training.int8_graph import in_fewer_steps
from training.judging.looks import Looks
from training.metrics import truths_of
from training.mixture import empties_of, examples_of, held_out_of, samples_of
from training.model import YoloxNano, with_activation
from training.onnx_file import (
    Facts,
    bundle_paths,
    export_onnx,
    exported,
    in_place_of,
    is_from_elsewhere,
    quantise,
    read_facts,
    there,
    write_facts,
)
from training.samples import Sample
from training.thresholds import Choice, choose
from training.transforms import PAD, Random
from training.weights import activation_of, fold_batchnorm, load_folded, unfolded

FOLDS = Path(__file__).parent / "folds"  # weights of the released bundles' folds, as float32 files
CALIBRATION_PICTURES = 256  # for the ranges of int8 activations, from the training split


def export(config: TrainConfig, checkpoint: Path, models: Path) -> list[Path]:
    """Write the bundles of a checkpoint's averaged weights; returns their files. Raises ConfigError."""
    paths = bundle_paths(models, config.bundle)
    with in_place_of(*paths.values()) as folder:
        files = _undecided(config, checkpoint, folder)
        if config.folds and any(one.annotation == REVIEWED for one in config.datasets):
            _take_over(read_facts(start_of(config, checkpoint.parent)), files)
        else:
            _decide(config, files, checkpoint.parent.parent)
    return list(paths.values())


def _take_over(before: Facts, paths: Mapping[str, Path]) -> None:
    """Temperature, thresholds and dispersion of the bundle that a run went on from.

    Its folds learned without the crops: of what these taught they know nothing.
    """
    choice = Choice(before["temperature"], tuple(one["threshold"] for one in before["classes"]))
    for path in paths.values():
        chosen = with_choice(unmeasured(read_facts(path)), choice)
        write_facts(path, chosen | {"dispersion": before["dispersion"]})


def _undecided(config: TrainConfig, checkpoint: Path, models: Path) -> dict[str, Path]:
    """Write both files of a checkpoint, which have no thresholds yet."""
    classes = read_classes(config.labelled)
    state = load_detector(checkpoint, classes.labels)
    if state.epoch < config.epochs:
        print(
            f"{checkpoint}: has learned {state.epoch} of {config.epochs} epochs and is exported as it is; train goes on"
        )
    model = _folded(config, state, len(classes.labels))
    if config.soup:
        model = midway(model, load_folded(start_of(config, checkpoint.parent), classes.labels))
    return _written(config, model, facts_of(config, classes, state, checkpoint.parent), models)


def _written(config: TrainConfig, model: YoloxNano, facts: Facts, models: Path) -> dict[str, Path]:
    """Write both files of a folded network."""
    paths = bundle_paths(models, config.bundle)
    export_onnx(model, paths["fp32"], config.side_px, any_size=True)
    write_facts(paths["fp32"], facts)
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


def export_again(config: TrainConfig, models: Path, runs: Path) -> list[Path]:
    """Write the files in `models` anew from the weights of the float32 one; returns them. Raises ConfigError."""
    released = bundle_paths(models, config.bundle)
    _check_ours(config, released["fp32"])
    if is_from_elsewhere(released["fp32"]):
        raise ConfigError(f"{released['fp32']}: was not trained here, so it is not written again; keep it as it is")
    with in_place_of(*released.values()) as folder:
        _decide(config, _written_again(config, released["fp32"], folder), runs)
    return list(released.values())


def _written_again(config: TrainConfig, weights: Path, models: Path) -> dict[str, Path]:
    """Write both files of a float32 one, with what it says of itself but for what was measured or chosen."""
    model = with_activation(load_folded(weights, load_bundle(weights).labels), activation_of(weights))
    return _written(config, model, unmeasured(read_facts(weights)), models)


def choose_again(config: TrainConfig, models: Path, runs: Path) -> list[Path]:
    """Temperature and thresholds of the files in `models` anew, say for another `edge.detector`. Raises ConfigError."""
    paths = exported(models, config.bundle)
    _check_ours(config, *paths.values())
    with in_place_of(*paths.values()) as folder:
        _decide(config, {precision: Path(shutil.copy(path, folder)) for precision, path in paths.items()}, runs)
    return list(paths.values())


def _check_ours(config: TrainConfig, *paths: Path) -> None:
    """Raises ConfigError for a file that is not there, or that the configuration did not make."""
    for path in there(*paths):
        refuse_another(config, load_bundle(path))


def _quantised(config: TrainConfig, paths: Mapping[str, Path]) -> None:
    """Write the int8 file of the float32 one."""
    pictures = calibration_pictures(samples_of(config, "train"), config)
    quantise(paths["fp32"], paths["int8"], pictures, averaged=config.tile is None)
    in_fewer_steps(paths["int8"])
    write_facts(paths["int8"], read_facts(paths["fp32"]) | {"precision": "int8"})


def _decide(config: TrainConfig, paths: Mapping[str, Path], runs: Path) -> None:
    """Choose temperature and thresholds of files, and measure how much pictures differ in them.

    A picture that a file learned from is looked at by the file of a fold that did not, which gets the same thresholds.
    """
    held_out, empties = held_out_of(config), empties_of(config, "val")
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
    """Files of the runs of cross-validation, in their folders, and what each held out other than `judged`.

    They look at pictures as the bundle does, in its tiles. Of those that are not in `runs`, FOLDS has the weights.
    """
    read = [read_config(CONFIGS / f"{name}.toml") for name in config.folds]
    configs = [replace(fold, side_px=config.side_px, tile=config.tile, snug=config.snug) for fold in read]
    return [
        (
            _files_of(fold, runs / fold.name),
            [sample for sample in samples_of(fold, "val") if sample.image_path not in judged],
        )
        for fold in configs
    ]


def _files_of(fold: TrainConfig, run: Path) -> dict[str, Path]:
    kept = FOLDS / f"{fold.name}.onnx"
    if (run / "last.pt").exists() or not kept.exists():
        return _undecided(fold, run / "last.pt", run)
    _check_ours(fold, kept)
    run.mkdir(parents=True, exist_ok=True)
    return _written_again(fold, kept, run)


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


def refuse_released(config: TrainConfig, models: Path) -> None:
    """Raises ConfigError where the bundle lies that the crops were added to: `training.accept` compares with it."""
    if (models / f"{config.bundle}.onnx").exists():
        told = f"{models}: has {config.bundle}, with which training.accept compares the new files"
        raise ConfigError(f"{told}; give another folder for them, say --models new")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="say, training/configs/pests_8.toml")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where training.train wrote; default: runs/")
    parser.add_argument("--models", type=Path, default=MODELS, help="where the bundles go; default: models/")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--again", action="store_true", help="write the released files anew, from the same weights")
    again.add_argument("--choose", action="store_true", help="choose thresholds of the released files again")
    parser.add_argument("--add", type=Path, nargs="+", default=[], metavar="FOLDER", help="as given to training.train")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    config = read_config(arguments.config)
    if arguments.add:
        refuse_released(config, arguments.models)
        config = as_trained(config, arguments.add, arguments.runs)
    if arguments.again:
        written = export_again(config, arguments.models, arguments.runs)
    elif arguments.choose:
        written = choose_again(config, arguments.models, arguments.runs)
    else:
        arguments.models.mkdir(parents=True, exist_ok=True)
        written = export(config, arguments.runs / config.name / "last.pt", arguments.models)
    for path in written:
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    finish(main)
