"""Measure the shipped files on the test split: `python -m training.evaluate training/configs/pests.toml`.

Runs `models/<name>.onnx` and `models/<name>-int8.onnx` through `edge.detector`, writes precision and recall at the
shipped thresholds into their metadata, enters them into the manifest, and writes `models/reports/<name>.json` and the
card `models/cards/<name>.md`. Nothing is chosen here.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from edge.boxes import Image
from edge.bundle import MODELS, load_bundle
from edge.detections import Detections
from edge.detector import Detector
from training.card import card
from training.config import TrainConfig, read_config
from training.export import PRECISIONS, detections_of, empties_of, truths_of
from training.fetch import read_sources
from training.figures import ClassFigures, Figures, Part
from training.manifest import golden_sample, release
from training.metrics import AtThreshold, Average, at_threshold, average_precision, judged
from training.onnx_file import Facts, read_facts, write_facts
from training.samples import Sample, read_image
from training.sheets import right_and_wrong
from training.train import samples_of

ABOUT = Path(__file__).parent / "about"  # what each bundle can and cannot tell, written by a person
FEWEST_MARKS = 5  # with fewer, precision and recall of a class are an accident
TIMED_PICTURES = 60
CAMERA_SIZE_PX = (640, 480)


def evaluate(config: TrainConfig, models: Path) -> tuple[Figures, ...]:
    """Figures of every precision; also brings metadata, manifest, report and card up to date."""
    samples = samples_of(config, "test")
    paths = [models / f"{config.bundle}{suffix}.onnx" for suffix in PRECISIONS.values()]
    empties = empties_of(config, "test")
    figures = tuple(figures_of(path, samples, empties) for path in paths)
    for path, one in zip(paths, figures, strict=True):
        write_facts(path, with_figures(read_facts(path), one))
    release(paths, golden_sample(paths, shareable(samples_of(config, "val"))))
    write(models / "reports" / f"{config.bundle}.json", json.dumps([asdict(one) for one in figures], indent=1) + "\n")
    write_card(models / "cards" / f"{config.bundle}.md", paths[0], figures, shareable(samples))
    return figures


def shareable(samples: Sequence[Sample]) -> list[Sample]:
    """Those of datasets whose licence lets their pictures be shipped with the model."""
    sources = read_sources()
    return [sample for sample in samples if sources[sample.dataset].licence.startswith("CC-BY")]


def write_card(card_path: Path, bundle_path: Path, figures: Sequence[Figures], samples: Sequence[Sample]) -> None:
    """The card and its sheet of test pictures beside it."""
    bundle = load_bundle(bundle_path)
    detector = Detector(bundle)
    found = [detector(read_image(sample.image_path)) for sample in samples]
    picture = card_path.with_suffix(".jpg")
    about = ABOUT / f"{bundle.name}.md"
    text = about.read_text(encoding="utf-8") if about.is_file() else "A model that nobody described yet."
    write(card_path, card(read_facts(bundle_path), figures, text, picture.name))
    cv2.imwrite(str(picture), right_and_wrong(samples, found, bundle.labels), [cv2.IMWRITE_JPEG_QUALITY, 85])


def figures_of(path: Path, samples: Sequence[Sample], empties: Sequence[Sample]) -> Figures:
    """Measure one file on samples of the test split and on pictures that show none of its classes."""
    bundle = load_bundle(path)
    truths, found = truths_of(samples), detections_of(path, samples)
    average = average_precision(truths, found, len(bundle.classes))
    detector = Detector(bundle)
    false_alarms = sum(len(detector(read_image(empty.image_path))) for empty in empties)
    ms, bare_ms = timed(detector, [read_image(one.image_path) for one in samples[:TIMED_PICTURES]])
    classes = []
    for class_id, one in enumerate(bundle.classes):
        shown = at_threshold(judged(truths, found, class_id), one.threshold)
        classes.append(class_figures(one.label, shown, average, class_id))
    return Figures(
        file=path.name, precision=bundle.precision, size_bytes=bundle.size_bytes, ms=ms, bare_ms=bare_ms,
        map50=average.map50, map50_95=average.map50_95, pictures=len(samples),
        empties=len(empties), false_alarms=false_alarms,
        parts=parts_of(samples, found, len(bundle.classes)), classes=tuple(classes),
    )  # fmt: skip


def class_figures(label: str, shown: AtThreshold, average: Average, class_id: int) -> ClassFigures:
    """One row of the report; a class without marks in the split has no figures, which is not the same as zero."""
    support = shown.hits + shown.misses
    if not support:
        return ClassFigures(label, 0, None, None, shown.threshold, None, None, None)
    return ClassFigures(
        label, support, average.ap50[class_id], average.ap50_95[class_id], shown.threshold,
        shown.precision, shown.recall, shown.f1,
    )  # fmt: skip


def parts_of(samples: Sequence[Sample], found: Sequence[Detections], classes: int) -> dict[str, Part]:
    """Average precision on each dataset's own pictures, over the classes that are marked in them."""
    parts = {}
    for dataset in dict.fromkeys(sample.dataset for sample in samples):
        rows = [i for i, sample in enumerate(samples) if sample.dataset == dataset]
        average = average_precision(truths_of([samples[i] for i in rows]), [found[i] for i in rows], classes)
        parts[dataset] = Part(len(rows), average.map50, average.map50_95)
    return parts


def timed(detector: Detector, images: Sequence[Image]) -> tuple[float, float]:
    """Median ms of a call, and of the bare network within it, on the pictures at a camera's size."""
    whole, bare = [], []
    for image in [cv2.resize(image, CAMERA_SIZE_PX) for image in images]:
        began_s = time.perf_counter()
        detector(np.asarray(image, np.uint8))
        between_s = time.perf_counter()
        detector.infer()
        whole.append(between_s - began_s)
        bare.append(time.perf_counter() - between_s)
    return float(np.median(whole)) * 1000, float(np.median(bare)) * 1000


def with_figures(facts: Facts, figures: Figures) -> Facts:
    """The metadata with what the test split showed; a count's interval is made from these."""
    classes = [{**one, **_told(row)} for one, row in zip(facts["classes"], figures.classes, strict=True)]
    metrics = {
        "map50": _rounded(figures.map50), "map50_95": _rounded(figures.map50_95), "split": "test",
        "pictures": figures.pictures,
    }  # fmt: skip
    return {**facts, "classes": classes, "metrics": metrics}


def _told(row: ClassFigures) -> Facts:
    """Figures of a class, absent where too few marks stand behind them."""
    numbers = {"precision": row.precision, "recall": row.recall, "ap50": row.ap50}
    is_told = row.support >= FEWEST_MARKS
    return {name: _rounded(value) if is_told else None for name, value in numbers.items()} | {"support": row.support}


def write(path: Path, text: str) -> None:
    """Text into a file, whose folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--models", type=Path, default=MODELS)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for one in evaluate(read_config(arguments.config), arguments.models):
        parts = " · ".join(f"{name} {part.map50:.3f}" for name, part in one.parts.items())
        print(f"{one.file}: mAP50 {one.map50:.3f}, mAP50-95 {one.map50_95:.3f}; {parts}; {one.ms:.1f} ms")


if __name__ == "__main__":
    main()
