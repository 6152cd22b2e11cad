"""Did the same insect keep the same number? IDF1 by motmetrics, visits against the truth."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.boxes import iou
from edge.cameras import Frame
from edge.cameras.pixels import small_luma
from edge.config import GateTable
from edge.detections import Detections
from edge.gate import GateState, Skip, is_worth_a_look
from edge.tracker import Tracks, followed
from tests.clocks import SetClock
from tests.counting.clips import Seen

LEAST_IOU = 0.3  # an insect of 44 px whose box is off by 5 % and turned still counts as found
GATE = GateTable(blurred_share=0.0)  # the ground of the clips is blurred on purpose
START = SetClock().now()
LEAST_FRAMES = 3  # a visit of fewer frames cannot be confirmed by anybody
Clip = list[tuple[Seen, Detections, NDArray[np.bool_]]]
Numbers = list[NDArray[np.int64]]  # of each frame: the track of each detection, 0 or less: of none
Tracker = Callable[[Clip], tuple[Numbers, set[int]]]


@dataclass(frozen=True)
class Score:
    visits: int
    truth: int
    error: float  # mean absolute error of visits a clip, over the mean truth
    idf1: float
    switches: int


def ours(clip: Clip) -> tuple[Numbers, set[int]]:
    tracks, numbers, visits = Tracks.none(1), [], set()
    for seen, found, sure in clip:
        tracks, looked = followed(tracks, found, sure, seen.time_s, seen.image)
        numbers.append(looked.number)
        visits |= set(looked.visits)
    return numbers, visits


def behind_gate(clip: Clip) -> tuple[Numbers, set[int], int]:
    """The same where the gate says which frames are looked at, as on a node; and how many were."""
    tracks, gate, numbers, visits, looks = Tracks.none(1), GateState(), [], set(), 0
    for seen, found, sure in clip:
        frame = Frame(seen.image, small_luma(seen.image, 320, 240), replace(START, monotonic_s=seen.time_s), "", 0)
        verdict, gate = is_worth_a_look(frame, gate, GATE, undecided=tracks.undecided)
        if isinstance(verdict, Skip):
            tracks = tracks.unmoved(seen.time_s)
            numbers.append(np.zeros(len(found), np.int64))
            continue
        tracks, looked = followed(tracks, found, sure, seen.time_s, seen.image)
        numbers.append(looked.number)
        visits |= set(looked.visits)
        looks += 1
    return numbers, visits, looks


def true_visits(clip: Clip) -> int:
    frames = np.bincount(np.concatenate([seen.ids for seen, _, _ in clip]).astype(int))
    return int((frames >= LEAST_FRAMES).sum())


def score(clips: Iterable[Clip], tracker: Tracker) -> Score:
    warnings.simplefilter("ignore")
    if not hasattr(np, "asfarray"):
        np.asfarray = lambda a: np.asarray(a, float)  # motmetrics 1.4 was written for numpy 1
    import motmetrics as mm  # noqa: PLC0415  a development dependency

    events, errors, visits, truth = [], [], 0, 0
    for clip in clips:
        numbers, confirmed = tracker(clip)
        events.append(_events(mm, clip, numbers, confirmed))
        errors.append(abs(len(confirmed) - true_visits(clip)))
        visits, truth = visits + len(confirmed), truth + true_visits(clip)
    table = mm.metrics.create().compute_many(events, metrics=["idf1", "num_switches"], generate_overall=True)
    overall = table.loc["OVERALL"]
    return Score(visits, truth, sum(errors) / max(truth, 1), float(overall.idf1), int(overall.num_switches))


def _events(mm: Any, clip: Clip, numbers: Numbers, confirmed: set[int]) -> Any:
    shown = _with_gaps_filled(clip, numbers, confirmed)
    events = mm.MOTAccumulator(auto_id=True)
    for frame, (seen, _, _) in enumerate(clip):
        boxes = np.array([box for _, box in shown[frame]], np.float32).reshape(-1, 4)
        distance = (1 - iou(seen.xyxy, boxes)).astype(float)
        distance[distance > 1 - LEAST_IOU] = np.nan
        events.update(seen.ids.tolist(), [number for number, _ in shown[frame]], distance)
    return events


def _with_gaps_filled(clip: Clip, numbers: Numbers, confirmed: set[int]) -> dict[int, list[tuple[int, Any]]]:
    """Boxes of each frame; between two detections of a track they are interpolated, for every tracker alike."""
    path: dict[int, list[tuple[int, Any]]] = defaultdict(list)
    for frame, ((_, found, _), number) in enumerate(zip(clip, numbers, strict=True)):
        for box, one in zip(found.xyxy, number.tolist(), strict=True):
            if one in confirmed:
                path[one].append((frame, box))
    times = np.array([seen.time_s for seen, _, _ in clip])
    shown: dict[int, list[tuple[int, Any]]] = defaultdict(list)
    for one, points in path.items():
        at = [frame for frame, _ in points]
        boxes = np.array([box for _, box in points])
        for frame in range(at[0], at[-1] + 1):
            shown[frame].append((one, [np.interp(times[frame], times[at], boxes[:, k]) for k in range(4)]))
    return shown
