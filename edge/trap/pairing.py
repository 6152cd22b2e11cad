"""Which of the insects that are known lies under which detection, and which of them has gone. Pure."""

import numpy as np
from numpy.typing import NDArray

from edge.boxes import Bools, Floats, Ints, area, intersection
from edge.tracker.assignment import cheapest_pairs
from edge.tracker.signature import unlikeness
from edge.trap.card import FALLEN_AFTER, Insects
from edge.trap.picture import Picture, centres
from edge.trap.places import Places, in_view, is_same
from edge.trap.registration import Gray

GATE = 0.7  # sizes by which an insect's box may be off: registration, a leg more or less
STRUGGLE = 3.0  # sizes that one may have gone in the glue since the last picture
SAME_LOOK = 2.0  # unlikeness up to which it may be the same one
AT_ONCE = 256  # of the known are held against all that is seen: a board has no 200 MB for 4,000 and a thousand


def paired(insects: Insects, seen: Picture) -> Ints:
    """(n,) the row of the insect that lies where each detection is, -1 for none."""
    row_of = np.full(len(seen.sure), -1, np.int64)
    cost = np.empty((len(insects), len(seen.sure)))
    for at in range(0, len(insects), AT_ONCE):
        cost[at : at + AT_ONCE] = _apart(insects.xyxy[at : at + AT_ONCE], seen.xyxy)
    for row, column in cheapest_pairs(cost, 1.0):
        row_of[column] = row
    return row_of


def _apart(known: Floats, seen: Floats) -> NDArray[np.float64]:
    """(n, m) in gates how far each of the known boxes (n, 4) is from each that is seen (m, 4)."""
    size = np.sqrt(np.maximum(np.minimum(area(known)[:, None], area(seen)[None]), 1))
    off = np.linalg.norm(centres(known)[:, None] - centres(seen)[None], axis=2) / size
    inside = intersection(known, seen) / (size * size)  # a part of it was beyond the edge
    return np.asarray(np.minimum(off / GATE, np.where(inside > 0.7, 0.9, 9.0)), np.float64)


def is_bare_now(insects: Insects, row_of: Ints, places: Places, moved: Gray, view: Bools) -> Bools:
    """(n,) was it not found, and did its place change into one that shows no insect, and stay so?"""
    unseen = np.ones(len(insects), np.bool_)
    unseen[row_of[row_of >= 0]] = False
    if not unseen.any():
        return unseen
    as_before = is_same(places.last, moved, insects.xyxy)
    return np.asarray(unseen & in_view(view, insects.xyxy) & (as_before == (insects.bare > 0)), np.bool_)


def with_strugglers(insects: Insects, seen: Picture, row_of: Ints, lost: Bools) -> Ints:
    """A detection that nobody explains, near a place that has just become bare, may be the same insect."""
    rows, columns = np.flatnonzero(lost & (insects.bare < FALLEN_AFTER)), np.flatnonzero(row_of < 0)
    size = np.sqrt(np.maximum(area(insects.xyxy[rows]), 1))[:, None]
    off = np.linalg.norm(centres(insects.xyxy[rows])[:, None] - centres(seen.xyxy[columns])[None], axis=2) / size
    unlike = unlikeness(insects.look[rows], seen.look[columns])
    cost = np.where((off < STRUGGLE) & (unlike < SAME_LOOK), off / STRUGGLE + unlike / SAME_LOOK, np.inf)
    row_of = row_of.copy()
    for row, column in cheapest_pairs(cost, 2.0):
        row_of[columns[column]] = rows[row]
    return row_of
