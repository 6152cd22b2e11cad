"""How well detections meet the truth: COCO's average precision, and hits, false alarms and misses at a threshold."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edge.boxes import Bools, Floats, Ints, area, intersection, iou
from edge.detections import Detections
from training.samples import IGNORE, Sample

MATCH_IOU = 0.5
IGNORED_SHARE = 0.5  # of a detection in an ignored region, from which it is neither right nor wrong
MAX_DETECTIONS = 1000  # COCO has 100; a card may show 164 insects, a leaf 241 whitefly
EVERY_SIZE = [0.0, 1e10]  # px²; COCO's three sizes beside it would take four times as long


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What a person marked in one picture: xyxy (n, 4) float32 px, class_id (n,) int64, IGNORE among them."""

    xyxy: Floats
    class_id: Ints

    @property
    def is_judged(self) -> Bools:
        """(n,): an insect, not a region that nobody labelled insect by insect."""
        return np.asarray(self.class_id != IGNORE, np.bool_)


@dataclass(frozen=True, slots=True)
class Average:
    """COCO average precision over IoU 0.5 and over 0.50:0.95; a class without truth is nan and not in the means."""

    map50: float
    map50_95: float
    ap50: tuple[float, ...]  # one a class
    ap50_95: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Detections of one class, or of all together, over many pictures, against a person's marks."""

    confidence: Floats  # (n,) float32
    is_hit: Bools  # (n,) bool
    real: int  # insects that were there


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """One class at one confidence threshold."""

    hits: int
    false_alarms: int
    misses: int


def truths_of(samples: Sequence[Sample]) -> list[Truth]:
    """The marks of samples, in px of the stored pictures."""
    return [Truth(sample.xyxy, sample.class_id) for sample in samples]


def cooled(confidence: Floats, temperature: float) -> Floats:
    """Confidence at a temperature: sigmoid(logit(confidence) / temperature), as `edge.detector` computes it."""
    share = np.clip(confidence, 1e-6, 1 - 1e-6)
    return np.asarray(1 / (1 + (share / (1 - share)) ** (-1 / temperature)), np.float32)


def average_precision(truths: Sequence[Truth], found: Sequence[Detections], classes: int) -> Average:
    """By pycocotools, at most MAX_DETECTIONS of a class in a picture. Both sequences run over the same pictures.

    An ignored region is a crowd of every class: what is found in it counts neither way.
    """
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": i} for i in range(len(truths))],
        "categories": [{"id": c} for c in range(classes)],
        "annotations": [{**mark, "id": number} for number, mark in enumerate(_coco_marks(truths, classes), start=1)],
    }
    results = [
        {**_coco_box(i, box, class_id), "score": confidence}
        for i, one in enumerate(found)
        for box, class_id, confidence in zip(
            one.xyxy.tolist(), one.class_id.tolist(), one.confidence.tolist(), strict=True
        )
    ]
    if not results:
        marked = {int(one) for truth in truths for one in truth.class_id}
        nothing = tuple(0.0 if one in marked else float("nan") for one in range(classes))
        return Average(0.0, 0.0, nothing, nothing)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints progress
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.params.maxDets, evaluation.params.areaRng = [MAX_DETECTIONS], [EVERY_SIZE]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, 0]  # [IoU thresholds, recalls, classes]; -1 = no truth
    precision = np.where(precision < 0, np.nan, precision)
    per_class = precision.mean(axis=1)  # [IoU thresholds, classes]
    ap50, ap50_95 = per_class[0], per_class.mean(axis=0)
    return Average(float(np.nanmean(ap50)), float(np.nanmean(ap50_95)), tuple(ap50.tolist()), tuple(ap50_95.tolist()))


def judged(truths: Sequence[Truth], found: Sequence[Detections], class_id: int) -> Judged:
    """Every detection of one class, judged.

    In each picture the strongest detection takes the free insect of its class it overlaps most, at IoU >= MATCH_IOU.
    One that takes none and lies in an ignored region is left out.
    """
    confidences: list[float] = []
    hits: list[bool] = []
    real = 0
    for truth, one in zip(truths, found, strict=True):
        boxes = truth.xyxy[truth.class_id == class_id]
        own = one.where(one.class_id == class_id)
        own = own.where(np.argsort(-own.confidence, kind="stable"))
        overlap = iou(own.xyxy, boxes)
        excused = is_excused(own.xyxy, truth)
        real += len(boxes)
        for row in range(len(own)):
            best = int(overlap[row].argmax()) if len(boxes) else -1
            is_hit = best >= 0 and overlap[row, best] >= MATCH_IOU
            if is_hit:
                overlap[:, best] = 0.0  # each insect is found once
            elif excused[row]:
                continue
            confidences.append(float(own.confidence[row]))
            hits.append(bool(is_hit))
    return Judged(np.array(confidences, np.float32), np.array(hits, np.bool_), real)


def judged_each(truths: Sequence[Truth], found: Sequence[Detections], classes: int) -> list[Judged]:
    """The same of every class, in the order of class ids."""
    return [judged(truths, found, class_id) for class_id in range(classes)]


def together(each: Sequence[Judged]) -> Judged:
    """All classes as one."""
    return Judged(
        np.concatenate([one.confidence for one in each]), np.concatenate([one.is_hit for one in each]),
        sum(one.real for one in each),
    )  # fmt: skip


def is_excused(xyxy: Floats, truth: Truth) -> Bools:
    """(n,): which boxes (n, 4) lie in an ignored region of the picture."""
    regions = truth.xyxy[~truth.is_judged]
    inside = intersection(xyxy, regions).max(axis=1, initial=0.0)
    return np.asarray(inside >= IGNORED_SHARE * np.maximum(area(xyxy), 1e-9), np.bool_)


def at_threshold(one: Judged, threshold: float) -> AtThreshold:
    """Count hits, false alarms and misses of one class at a threshold."""
    is_shown = one.confidence >= threshold
    hits = int((one.is_hit & is_shown).sum())
    return AtThreshold(hits, int((~one.is_hit & is_shown).sum()), one.real - hits)


def _coco_marks(truths: Sequence[Truth], classes: int) -> Iterator[dict[str, object]]:
    """Annotations, as yet without an id."""
    for i, truth in enumerate(truths):
        for box, class_id in zip(truth.xyxy.tolist(), truth.class_id.tolist(), strict=True):
            for named in range(classes) if class_id == IGNORE else (class_id,):
                yield {**_coco_box(i, box, named), "iscrowd": int(class_id == IGNORE)}


def _coco_box(image: int, xyxy: list[float], class_id: int) -> dict[str, object]:
    left, top, right, bottom = xyxy
    width, height = right - left, bottom - top
    return {"image_id": image, "category_id": class_id, "bbox": [left, top, width, height], "area": width * height}
