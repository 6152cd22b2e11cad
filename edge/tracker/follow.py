"""One frame more: predict, pair sure detections, pair unsure ones, begin and end tracks."""

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from edge.boxes import Bools, Floats, Image, Ints, iou
from edge.detections import Detections
from edge.tracker.assignment import cheapest_pairs
from edge.tracker.motion import Numbers, newcomers
from edge.tracker.signature import NUMBERS, signatures, unlikeness
from edge.tracker.tracks import Tracks

LEAST_SEEN = 3  # k: frames on which it was seen, of the last OF_LAST
OF_LAST = 5  # n
UNSEEN_S = 3.0  # a confirmed track waits so long behind a leaf or another insect,
UNSEEN_FRAMES = 4  # and at least so many frames, for a slow camera
PAUSE_S = 300.0  # unwatched for longer, as overnight, nobody knows who came; a camera may be away for a minute or two
LONGEST_STEP_S = 4.0  # nobody looks at a still scene: after a pause an insect is near where it was
LOOK_WEIGHT = 3.0  # of unlikeness in the surprise,
LOOK_MOST = 16.0  # and what it may add at most: shade can make a stranger of anybody
STRANGE = 22.0  # surprise above which a sure detection is another insect
STRANGE_UNSURE = 14.0  # an unsure one must lie closer
LEAST_NEW_IOU = 0.5  # a detection that covers a seen one so much is its double, not a newcomer


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single answer to ==
class Looked:
    """What one frame said.

    number: (n,) the track of each detection; 0: of none
    visits: numbers of the tracks confirmed by this frame
    """

    number: Ints
    visits: tuple[int, ...]


def followed(
    tracks: Tracks, found: Detections, sure: Bools, time_s: float, image: Image | None = None
) -> tuple[Tracks, Looked]:
    """The tracks after one more frame, and what it said. Pure.

    `sure` (n,): the detection is above the model's threshold; an unsure one may go on a track and never begins one
    (two stages, as Zhang et al. 2022, ByteTrack, arXiv:2110.06864). `time_s` is monotonic. `image` (H, W, 3) uint8 BGR
    lets appearance decide between neighbours; without it place alone does.
    """
    boxes = _Boxes.of(found, image)
    before = _waited(tracks.where(time_s - tracks.seen_s <= PAUSE_S), time_s)
    row_of = _paired(before, boxes, sure)
    after = _seen(before, boxes, found, row_of, time_s)
    visits = after.number[after.confirmed & ~before.confirmed]
    number = np.where(row_of >= 0, before.number[row_of] if len(before) else 0, 0)
    new = sure & (row_of < 0) & ~_is_double(boxes.xyxy, row_of)
    begun = _begun(before, boxes, found, new, time_s)
    number[new] = begun.number
    after = _without_lost(after, image, time_s).joined(begun)
    return replace(after, given=before.given + len(begun)), Looked(number, tuple(visits.tolist()))


@dataclass(frozen=True, slots=True, eq=False)
class _Boxes:
    xyxy: Floats
    centre: Numbers  # (n, 2) px
    box_px: Numbers  # (n, 2)
    look: Floats  # (n, 6)

    @staticmethod
    def of(found: Detections, image: Image | None) -> "_Boxes":
        xyxy = found.xyxy.astype(np.float64)
        look = np.full((len(found), NUMBERS), np.nan, np.float32) if image is None else signatures(image, found.xyxy)
        return _Boxes(found.xyxy, (xyxy[:, :2] + xyxy[:, 2:]) / 2, np.maximum(xyxy[:, 2:] - xyxy[:, :2], 1.0), look)

    @property
    def size_px(self) -> Numbers:
        return np.asarray(np.sqrt(self.box_px.prod(axis=1)))


def _waited(tracks: Tracks, time_s: float) -> Tracks:
    """As expected at `time_s`, not yet seen on this frame."""
    passed_s = 0.0 if tracks.time_s is None else min(max(time_s - tracks.time_s, 0.0), LONGEST_STEP_S)
    motion = tracks.motion.predicted(np.full(len(tracks), passed_s), tracks.size_px)
    return replace(tracks, motion=motion, recent=tracks.recent << 1 & 0xFFFF_FFFF, time_s=time_s)


def _paired(tracks: Tracks, boxes: _Boxes, sure: Bools) -> Ints:
    """(n,) the row in `tracks` of each detection, -1 for none."""
    row_of = np.full(len(sure), -1, np.int64)
    if not len(tracks) or not len(sure):
        return row_of
    cost = _cost(tracks, boxes)
    for row, column in cheapest_pairs(np.where(sure, cost, inf), STRANGE):
        row_of[column] = row
    if not sure.all():
        cost[row_of[row_of >= 0]] = inf
        for row, column in cheapest_pairs(np.where(sure, inf, cost), STRANGE_UNSURE):
            row_of[column] = row
    return row_of


def _cost(tracks: Tracks, boxes: _Boxes) -> Numbers:
    """(tracks, detections) surprise of place, size and look."""
    place = tracks.motion.surprise(boxes.centre, tracks.size_px)
    ratio = np.log(tracks.size_px[:, None] / boxes.size_px[None]) / 0.25
    look = np.nan_to_num(unlikeness(tracks.look, boxes.look))
    return np.asarray(place + ratio * ratio + np.minimum(look * LOOK_WEIGHT, LOOK_MOST))


def _seen(tracks: Tracks, boxes: _Boxes, found: Detections, row_of: Ints, time_s: float) -> Tracks:
    """With what was paired written into the tracks."""
    columns = np.flatnonzero(row_of >= 0)
    rows = row_of[columns]
    corrected = tracks.motion.where(rows).corrected(boxes.centre[columns], tracks.size_px[rows])
    box_px, look, evidence = tracks.box_px.copy(), tracks.look.copy(), tracks.evidence.copy()
    box_px[rows] += 0.3 * (boxes.box_px[columns] - box_px[rows])
    look[rows] += 0.2 * (boxes.look[columns] - look[rows])
    evidence[rows, found.class_id[columns]] += found.confidence[columns]
    recent, seen_s = tracks.recent.copy(), tracks.seen_s.copy()
    recent[rows] |= 1
    seen_s[rows] = time_s
    return replace(
        tracks,
        motion=tracks.motion.with_rows(rows, corrected),
        box_px=box_px,
        look=look,
        evidence=evidence,
        recent=recent,
        seen_s=seen_s,
        confirmed=tracks.confirmed | (_ones(recent, OF_LAST) >= LEAST_SEEN),
    )


def _ones(recent: Ints, frames: int) -> Ints:
    return np.asarray(np.bitwise_count(recent & (1 << frames) - 1), np.int64)


def _without_lost(tracks: Tracks, image: Image | None, time_s: float) -> Tracks:
    """Without tracks that nobody expects back: unseen for long, out of the picture, or never confirmed."""
    unseen = _ones(tracks.recent, UNSEEN_FRAMES) == 0
    gone = tracks.confirmed & unseen & (time_s - tracks.seen_s > UNSEEN_S)
    hopeless = ~tracks.confirmed & (_ones(tracks.recent, OF_LAST - LEAST_SEEN + 1) == 0)
    keep = ~(gone | hopeless)
    if image is not None:
        height_px, width_px = image.shape[:2]
        centre, reach = tracks.motion.state[:, :2], tracks.size_px[:, None]
        keep &= ((centre > -reach) & (centre < np.array([width_px, height_px]) + reach)).all(axis=1)
    return tracks.where(keep)


def _is_double(xyxy: Floats, row_of: Ints) -> Bools:
    """(n,) does it cover one that was seen on a track?"""
    return np.asarray((iou(xyxy, xyxy[row_of >= 0]) > LEAST_NEW_IOU).any(axis=1), np.bool_)


def _begun(tracks: Tracks, boxes: _Boxes, found: Detections, new: Bools, time_s: float) -> Tracks:
    """Tracks of the detections of the mask `new`."""
    count = int(new.sum())
    evidence = np.zeros((count, tracks.evidence.shape[1]))
    evidence[np.arange(count), found.class_id[new]] = found.confidence[new]
    return replace(
        tracks,
        number=np.arange(tracks.given + 1, tracks.given + 1 + count),
        motion=newcomers(boxes.centre[new], boxes.size_px[new]),
        box_px=boxes.box_px[new],
        look=boxes.look[new],
        evidence=evidence,
        recent=np.ones(count, np.int64),
        seen_s=np.full(count, time_s),
        confirmed=np.zeros(count, np.bool_),
    )
