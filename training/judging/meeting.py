"""Detections met with marks, picture by picture: what is right, what is called something else, what is counted."""

from collections.abc import Sequence

import numpy as np

from edge.boxes import Ints, iou
from edge.count_agreement import Agreement, agreement
from edge.detections import Detections
from training.judging.bootstrap import Numbers, interval, shares
from training.judging.figures import Alarms, Found, Share
from training.metrics import MATCH_IOU, Truth, at_threshold, is_excused, judged

HITS, ALARMS, MISSES = 0, 1, 2


def counts_of(truths: Sequence[Truth], shown: Sequence[Detections], classes: int) -> Ints:
    """(pictures, classes, 3): hits, false alarms and misses of what is shown."""
    counts = np.zeros((len(truths), classes, 3), np.int64)
    for i, (truth, one) in enumerate(zip(truths, shown, strict=True)):
        present = set(truth.class_id.tolist()) | set(one.class_id.tolist())
        for class_id in present & set(range(classes)):
            met = at_threshold(judged([truth], [one], class_id), 0.0)
            counts[i, class_id] = met.hits, met.false_alarms, met.misses
    return counts


def found_of(counts: Ints) -> Found:
    """Precision, recall and F1 with intervals, of counts (pictures, 3)."""
    sums = counts.sum(axis=0, keepdims=True).astype(np.float64)
    if not sums[0, HITS] + sums[0, MISSES]:  # no mark: whatever is found says nothing of how well it is found
        nothing = Share(None)
        return Found(precision=nothing, recall=nothing, f1=nothing)
    told = [
        Share(_number(ratio(sums)), interval(counts.astype(np.float64), ratio)) for ratio in (_precision, _recall, _f1)
    ]
    return Found(precision=told[0], recall=told[1], f1=told[2])


def confusion(truths: Sequence[Truth], shown: Sequence[Detections], classes: int) -> Ints:
    """(classes + 1, classes + 1): rows what a person marked, columns what was said; the last of each is the ground.

    In each picture the strongest detection takes the free mark it overlaps most, whatever either is called.
    """
    table = np.zeros((classes + 1, classes + 1), np.int64)
    for truth, one in zip(truths, shown, strict=True):
        marks, named = truth.xyxy[truth.is_judged], truth.class_id[truth.is_judged]
        overlap, excused = iou(one.xyxy, marks), is_excused(one.xyxy, truth)
        free = np.ones(len(marks), np.bool_)
        for row in np.argsort(-one.confidence, kind="stable"):
            best = int(np.where(free, overlap[row], 0).argmax()) if len(marks) else -1
            if best >= 0 and free[best] and overlap[row, best] >= MATCH_IOU:
                free[best] = False
                table[named[best], one.class_id[row]] += 1
            elif not excused[row]:
                table[classes, one.class_id[row]] += 1
        table[:classes, classes] += np.bincount(named[free], minlength=classes)
    return table


def counting(truths: Sequence[Truth], shown: Sequence[Detections]) -> Agreement:
    """How well the numbers of boxes agree, a picture at a time; what lies in ignored regions is not counted."""
    person = [int(truth.is_judged.sum()) for truth in truths]
    machine = [int((~is_excused(one.xyxy, truth)).sum()) for truth, one in zip(truths, shown, strict=True)]
    return agreement(person, machine)


def alarms_of(shown: Sequence[Detections]) -> Alarms:
    """Of pictures that show none of the classes."""
    each = np.array([[len(one), 1] for one in shown], np.float64)
    per_100 = Share(100 * float(each[:, 0].mean()), interval(each, lambda sums: 100 * shares(sums[:, 0], sums[:, 1])))
    return Alarms(pictures=len(shown), alarms=int(each[:, 0].sum()), per_100=per_100)


def _precision(sums: Numbers) -> Numbers:
    return shares(sums[:, HITS], sums[:, HITS] + sums[:, ALARMS])


def _recall(sums: Numbers) -> Numbers:
    return shares(sums[:, HITS], sums[:, HITS] + sums[:, MISSES])


def _f1(sums: Numbers) -> Numbers:
    return shares(2 * sums[:, HITS], 2 * sums[:, HITS] + sums[:, ALARMS] + sums[:, MISSES])


def _number(figure: Numbers) -> float | None:
    return float(figure[0]) if np.isfinite(figure[0]) else None
