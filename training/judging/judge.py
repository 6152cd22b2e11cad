"""Figures of shipped files on held-out pictures, through `edge.detector` and `edge.boxes`. Nothing is chosen here."""

from collections.abc import Sequence

import numpy as np

from edge.boxes import Image, Ints, in_proportion
from edge.bundle import Tile
from edge.detections import Detections
from training.judging.field import HARMS, spoilt
from training.judging.figures import ClassFigures, Cost, Field, Figures, Part, Reliability
from training.judging.looks import Looks
from training.judging.meeting import HITS, MISSES, alarms_of, confusion, counting, counts_of, found_of
from training.judging.reliability import reliability
from training.metrics import Average, Judged, Truth, average_precision, cooled, judged_each, together, truths_of
from training.samples import Sample, load_example
from training.thresholds import FITTED_FROM
from training.transforms import kept


def figures_of(looks: Looks, samples: Sequence[Sample], empties: Sequence[Sample], cost: Cost, split: str,
               *, in_field: bool) -> Figures:  # fmt: skip
    """All figures of one file. empties: pictures that show none of its classes; in_field: also on spoilt pictures."""
    bundle, truths = looks.bundle, truths_of(samples)
    faint, shown = looks.faint(samples), looks.shown(samples)
    classes = len(bundle.classes)
    average = average_precision(truths, faint, classes)
    counts = counts_of(truths, shown, classes)
    return Figures(
        file=looks.path.name, precision=bundle.precision, split=split, pictures=len(samples),
        map50=average.map50, map50_95=average.map50_95, found=found_of(counts.sum(axis=1)),
        parts=_parts(samples, faint, shown, counts),
        classes=_classes(looks, average, counts),
        confusion=tuple(tuple(row) for row in confusion(truths, shown, classes).tolist()),
        reliability=_reliability(looks, truths, faint),
        alarms={name: alarms_of(looks.shown(part)) for name, part in by_dataset(empties).items()},
        field={name: _in_field(looks, samples, name) for name in HARMS} if in_field else {},
        cost=cost,
    )  # fmt: skip


def by_dataset(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """Samples of each dataset, in their order."""
    parts: dict[str, list[Sample]] = {}
    for sample in samples:
        parts.setdefault(sample.dataset, []).append(sample)
    return parts


def _parts(samples: Sequence[Sample], faint: Sequence[Detections], shown: Sequence[Detections], counts: Ints
           ) -> dict[str, Part]:  # fmt: skip
    parts = {}
    for name in by_dataset(samples):
        rows = [i for i, sample in enumerate(samples) if sample.dataset == name]
        truths = truths_of([samples[i] for i in rows])
        average = average_precision(truths, [faint[i] for i in rows], counts.shape[1])
        parts[name] = Part(
            pictures=len(rows), map50=average.map50, map50_95=average.map50_95,
            found=found_of(counts[rows].sum(axis=1)), counts=counting(truths, [shown[i] for i in rows]),
        )  # fmt: skip
    return parts


def _classes(looks: Looks, average: Average, counts: Ints) -> tuple[ClassFigures, ...]:
    return tuple(
        ClassFigures(
            label=one.label, support=int(counts[:, class_id, [HITS, MISSES]].sum()), threshold=one.threshold,
            ap50=_number(average.ap50[class_id]), ap50_95=_number(average.ap50_95[class_id]),
            found=found_of(counts[:, class_id]),
        )
        for class_id, one in enumerate(looks.bundle.classes)
    )  # fmt: skip


def _reliability(looks: Looks, truths: Sequence[Truth], faint: Sequence[Detections]) -> tuple[Reliability, Reliability]:
    """Before and after temperature scaling, of the detections from which the temperature is fitted."""
    one = together(judged_each(truths, faint, len(looks.bundle.classes)))
    raw = cooled(one.confidence, 1 / looks.bundle.temperature)
    is_strong = raw >= FITTED_FROM
    before, after = (Judged(said[is_strong], one.is_hit[is_strong], one.real) for said in (raw, one.confidence))
    return reliability(before), reliability(after)


def _in_field(looks: Looks, samples: Sequence[Sample], name: str) -> Field:
    """After one harm; these looks are not kept, nobody asks for them again."""
    faint, truths = [], []
    for sample in samples:
        example = load_example(sample)
        if looks.bundle.tile is None:
            example = kept(example, looks.bundle.input.side_px)
        example = spoilt(example, HARMS[name], sample.image_path, _seen_px(example.image, looks.bundle.tile))
        faint.append(looks.faint_of(example.image))
        truths.append(Truth(example.xyxy, example.class_id))
    shown = [one.where(one.confidence >= looks.bundle.thresholds[one.class_id]) for one in faint]
    classes = len(looks.bundle.classes)
    counts = counts_of(truths, shown, classes).sum(axis=1)
    return Field(average_precision(truths, faint, classes).map50, found_of(counts).f1.value)


def _seen_px(image: Image, tile: Tile | None) -> int:
    """Side of what the network sees of a picture at once, source px."""
    height_px, width_px = image.shape[:2]
    if tile is None:
        return int(max(height_px, width_px))
    return in_proportion(tile.side_px, width_px, height_px, tile.picture_px)


def _number(figure: float) -> float | None:
    return None if np.isnan(figure) else figure
