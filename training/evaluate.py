"""Measure the shipped files: `python -m training.evaluate training/configs/pests_8.toml`.

Runs `models/<name>.onnx` and `models/<name>-int8.onnx` through `edge.detector` on the test split, writes precision and
recall at the shipped thresholds into their metadata, enters them into the manifest, and writes the report
`models/reports/<name>.md` (with JSON and pictures) and the card `models/cards/<name>.md`. Nothing is chosen here.
`--split val --out FOLDER` writes only a report, into that folder: for looking while the test split stays closed.
`--no-copies` leaves out of it what looks like a training picture, those that `label_care.csv` drops among them: for
bundles that learned from these. `--cared` takes the marks away that `label_care.csv` calls wrong.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
from msgspec.structs import replace

from edge.bundle import MODELS
from edge.draw import jpeg
from edge.durable import write_durably
from edge.errors import ConfigError
from training.command import finish
from training.config import TrainConfig, read_config
from training.copies import copies
from training.facts import refuse_another, with_figures
from training.judging.card import card
from training.judging.figures import Figures
from training.judging.judge import figures_of
from training.judging.looks import Looks
from training.judging.report_page import write_report
from training.judging.shown import OPEN_LICENCES, may_be_shown
from training.judging.timing import costs
from training.label_decisions import cared_for, read_decisions
from training.manifest import golden_sample, manifest_of, release
from training.mixture import empties_of, samples_of, samples_to_judge, stored_samples
from training.onnx_file import exported, read_facts, write_facts
from training.samples import Sample, read_image
from training.sheets import right_and_wrong

ABOUT = Path(__file__).parent / "about"  # what each bundle can and cannot tell, written by a person


def evaluate(config: TrainConfig, models: Path) -> tuple[Figures, ...]:
    """Figures of every file on the test split; also brings metadata, manifest, report and card up to date.

    Raises ConfigError, BundleError and leaves all as it was then.
    """
    manifest_of(models)  # raises before anything is measured or written
    looks = _looks(config, models)
    paths = [one.path for one in looks]
    samples = samples_to_judge(config, "test")
    golden, shown = golden_of(config, paths), may_be_shown(samples)
    figures = judged_files(looks, samples, empties_of(config, "test"), "test")
    for path, one in zip(paths, figures, strict=True):
        write_facts(path, with_figures(read_facts(path), one))
    release(paths, golden)
    write_report(models / "reports", config.bundle, figures)
    write_card(models / "cards" / f"{config.bundle}.md", looks[0], figures, shown)
    return figures


def _looks(config: TrainConfig, models: Path) -> list[Looks]:
    """Each file of the bundle. Raises ConfigError for one that is not there or that the configuration did not make."""
    looks = [Looks(path) for path in exported(models, config.bundle).values()]
    for one in looks:
        refuse_another(config, one.bundle)
    return looks


def golden_of(config: TrainConfig, paths: Sequence[Path]) -> Sample:
    """The picture that the manifest shows these files by. Raises ConfigError when there is none."""
    return golden_sample(paths, may_be_shown(samples_of(config, "val")) or strangers(config))


def strangers(config: TrainConfig) -> list[Sample]:
    """Pictures that may be shown, of a set the bundle does not know, for one whose own sets state no licence.

    Raises ConfigError for none.
    """
    golden = (config.golden,) if config.golden else ()
    shown = may_be_shown(empties_of(replace(config, empties=golden), "val"))
    if not shown:
        told = f"{config.name}: no picture of its sets may be shown; name an open set as golden"
        raise ConfigError(f"{told}, one whose licence in sources.toml is {' or '.join(OPEN_LICENCES)}")
    return shown


def reported(config: TrainConfig, models: Path, split: str, folder: Path, *, with_copies: bool = True,
             cared: bool = False) -> tuple[Figures, ...]:  # fmt: skip
    """Figures of every file on a split; writes the report into `folder` and changes nothing else."""
    looks = _looks(config, models)
    samples = samples_to_judge(config, split)
    if not with_copies:
        alike = {pair.second for pair in copies(stored_samples(config, "train"), samples)}
        samples = [sample for sample in samples if sample.image_path not in alike]
    if cared:
        samples = cared_for(samples, Path(config.data), read_decisions())
    figures = judged_files(looks, samples, empties_of(config, split), split)
    write_report(folder, config.bundle, figures)
    return figures


def judged_files(looks: Sequence[Looks], samples: Sequence[Sample], empties: Sequence[Sample], split: str
                 ) -> tuple[Figures, ...]:  # fmt: skip
    """Figures of each file, spoilt pictures only with the first: the rest of the files are the same network."""
    cost = costs(looks, read_image(samples[0].image_path))
    return tuple(
        figures_of(one, samples, empties, cost[number], split, in_field=number == 0) for number, one in enumerate(looks)
    )


def write_card(card_path: Path, looks: Looks, figures: Sequence[Figures], samples: Sequence[Sample]) -> None:
    """The card, and beside it a sheet of those test pictures that may be shown."""
    name = looks.bundle.name
    about = ABOUT / f"{name}.md"
    text = about.read_text(encoding="utf-8") if about.is_file() else "A model that nobody described yet."
    picture = card_path.with_suffix(".jpg")
    card_path.parent.mkdir(parents=True, exist_ok=True)
    picture.unlink(missing_ok=True)
    if samples:
        sheet = right_and_wrong(samples, looks.shown(samples), looks.bundle.labels)
        write_durably(picture, jpeg(sheet, 85))
    examples = picture.name if samples else None
    card_path.write_text(card(read_facts(looks.path), figures, text, examples), encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="say, training/configs/pests_8.toml")
    parser.add_argument("--models", type=Path, default=MODELS, help="where the bundles are; default: models/")
    parser.add_argument("--split", choices=("val", "test"), default="test")
    parser.add_argument("--out", type=Path, help="folder for a report alone; needed with --split val")
    parser.add_argument("--no-copies", action="store_true", help="without pictures that look like one to train")
    parser.add_argument("--cared", action="store_true", help="with the decisions of label_care.csv on the test split")
    arguments = parser.parse_args()
    if arguments.out is None and (arguments.split != "test" or arguments.no_copies or arguments.cared):
        parser.error("--split val, --no-copies and --cared write only a report: say where with --out FOLDER")
    cv2.setNumThreads(1)
    config = read_config(arguments.config)
    if arguments.out is None:
        figures = evaluate(config, arguments.models)
    else:
        figures = reported(
            config, arguments.models, arguments.split, arguments.out, with_copies=not arguments.no_copies,
            cared=arguments.cared,
        )  # fmt: skip
    for one in figures:
        parts = " · ".join(f"{name} {part.map50:.3f}" for name, part in one.parts.items())
        ratio = "" if one.cost.ratio is None else f", {one.cost.ratio:.2f} x"
        print(f"{one.file}: mAP50 {one.map50:.3f}, mAP50-95 {one.map50_95:.3f}; {parts}; {one.cost.ms:.1f} ms{ratio}")


if __name__ == "__main__":
    finish(main)
