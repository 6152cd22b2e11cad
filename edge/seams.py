"""One insect, one box: joins what overlapping tiles saw of the same thing, whole or cut by a seam."""

from dataclasses import dataclass

import numpy as np

from edge.boxes import Bools, Floats, Ints, area, intersection, iou, without_rivals
from edge.detections import Detections

SEAM_SHARE = 0.02  # of a tile's side: a box that ends this near to an inner edge is taken to go on beyond it
SAME_THING = 0.3  # IoU of whole boxes from two tiles: boxes of 12 px that are 2 to 3 px apart have 0.4 to 0.5 left
SAME_PART = 0.5  # IoU of what two tiles show of one thing in the strip that both saw
WITHIN = 0.5  # share of a piece that lies in another box: it is a piece of that
FAINT = 0.3  # share of a box's confidence below which another one neither hides nor stretches it
MOST = 1800  # strongest that are compared, pair by pair: the thousand insects of a full card, many in two or four tiles
MOST_PIECES = 1000  # of these: 76 MB, and those of four squares, up to 1000 each, would take 1.2 GB


@dataclass(frozen=True, slots=True)
class Seen:
    """What one tile showed; both in px of the source picture."""

    tile: tuple[int, int, int, int]
    found: Detections


def merge_tiles(seen: list[Seen], width_px: int, height_px: int, nms_iou: float) -> Detections:
    """Detections of a whole picture of that size from those of its overlapping tiles, strongest first.

    A piece of a thing that another tile saw whole goes, even if it is the surer of the two, unless the whole is FAINT.
    Pieces that two tiles cut from one thing agree in the strip both saw, and become one box around them with the
    confidence of the surer. A piece that no other tile confirms, though one has all of it in view, goes: on eight cards
    2 of 28 were an insect. Of whole boxes that two tiles saw the surer stays.
    """
    every_tile = np.array([s.tile for s in seen], np.float32)
    tile = np.repeat(every_tile, [len(s.found) for s in seen], axis=0)
    found = _Tiled(_together([s.found for s in seen]), tile).strongest_first(MOST)
    cut = _is_cut(found, width_px, height_px)
    whole, pieces = found.where(~cut), found.where(cut)
    pieces = pieces.where(np.flatnonzero(~_lies_in(pieces.found, whole.found).any(axis=1))[:MOST_PIECES])
    of_one_thing = _are_of_one_thing(pieces)
    confirmed = of_one_thing.any(axis=1) | ~_is_within_another(pieces, every_tile)
    joined = _joined(pieces.where(confirmed), _groups(of_one_thing[np.ix_(confirmed, confirmed)]))
    joined = joined.where(~_lies_in_a_larger(joined.found))
    both = _Tiled(_together([whole.found, joined.found]), np.concatenate([whole.tile, joined.tile]))
    return _once(both.strongest_first(), nms_iou)


@dataclass(frozen=True, slots=True, eq=False)
class _Tiled:
    """Detections, and (n, 4) the tile that each was seen in; both in px of the source picture."""

    found: Detections
    tile: Floats

    def where(self, keep: Bools | Ints) -> "_Tiled":
        """See Detections."""
        return _Tiled(self.found.where(keep), self.tile[keep])

    def strongest_first(self, most: int | None = None) -> "_Tiled":
        """The `most` strongest of them."""
        return self.where(np.argsort(-self.found.confidence, kind="stable")[:most])

    @property
    def in_other_tiles(self) -> Bools:
        """(n, n): were the two seen in two tiles?"""
        return np.asarray((self.tile[:, None] != self.tile[None, :]).any(axis=2), np.bool_)


def _once(seen: _Tiled, nms_iou: float) -> Detections:
    """Non-maximum suppression that is stricter between tiles: what both saw is one thing, not two that touch."""
    found = seen.found
    overlap = iou(found.xyxy, found.xyxy)
    rivals = _same_class(found, found) & ((overlap > nms_iou) | (seen.in_other_tiles & (overlap > SAME_THING)))
    return found.where(without_rivals(rivals))


def _together(parts: list[Detections]) -> Detections:
    return Detections(
        np.concatenate([p.xyxy for p in parts]),
        np.concatenate([p.confidence for p in parts]),
        np.concatenate([p.class_id for p in parts]),
    )


def _is_cut(seen: _Tiled, width_px: int, height_px: int) -> Bools:
    """(n,): does the box end at an edge of its tile that is not an edge of the picture?"""
    xyxy, tile = seen.found.xyxy, seen.tile
    margin = SEAM_SHARE * (tile[:, 2:] - tile[:, :2])
    picture = np.array([width_px, height_px], np.float32)
    before = (xyxy[:, :2] <= tile[:, :2] + margin) & (tile[:, :2] > 0)
    after = (xyxy[:, 2:] >= tile[:, 2:] - margin) & (tile[:, 2:] < picture)
    return np.asarray((before | after).any(axis=1), np.bool_)


def _lies_in(pieces: Detections, others: Detections) -> Bools:
    """(n, m): is the piece mostly within that other box of its class, which is not FAINT beside it?"""
    inside = intersection(pieces.xyxy, others.xyxy) > WITHIN * area(pieces.xyxy)[:, None]
    return np.asarray(inside & _is_heard(pieces, others) & _same_class(pieces, others), np.bool_)


def _lies_in_a_larger(found: Detections) -> Bools:
    size = area(found.xyxy)
    return np.asarray((_lies_in(found, found) & (size[None, :] > size[:, None])).any(axis=1), np.bool_)


def _are_of_one_thing(seen: _Tiled) -> Bools:
    """(n, n): same class, two tiles, neither FAINT beside the other, boxes that agree in the strip both tiles saw."""
    pieces = seen.found
    strip = _common(seen.tile[:, None], seen.tile[None, :])
    mine, theirs = _common(pieces.xyxy[:, None], strip), _common(pieces.xyxy[None, :], strip)
    both = area(_common(mine, theirs))
    agree = both > SAME_PART * (area(mine) + area(theirs) - both)
    heard = _is_heard(pieces, pieces)
    return np.asarray(agree & seen.in_other_tiles & heard & heard.T & _same_class(pieces, pieces), np.bool_)


def _is_within_another(seen: _Tiled, every_tile: Floats) -> Bools:
    """(n,): does all of the box lie in one of the tiles (m, 4) that is not its own?"""
    xyxy = seen.found.xyxy
    within = (xyxy[:, None, :2] >= every_tile[:, :2]).all(axis=2) & (xyxy[:, None, 2:] <= every_tile[:, 2:]).all(axis=2)
    other = (seen.tile[:, None] != every_tile).any(axis=2)
    return np.asarray((within & other).any(axis=1), np.bool_)


def _groups(linked: Bools) -> Ints:
    """(n,) the first, and so the surest, of each row's connected group."""
    group = np.arange(len(linked))
    for row, column in np.argwhere(np.triu(linked)):
        first, second = sorted((group[row], group[column]))
        group[group == second] = first
    return group


def _joined(seen: _Tiled, group: Ints) -> _Tiled:
    """One box around each group, with the confidence and the tile of its head."""
    pieces = seen.found
    heads, index = np.unique(group, return_inverse=True)
    xyxy = pieces.xyxy[heads]
    np.minimum.at(xyxy[:, :2], index, pieces.xyxy[:, :2])
    np.maximum.at(xyxy[:, 2:], index, pieces.xyxy[:, 2:])
    return _Tiled(Detections(xyxy, pieces.confidence[heads], pieces.class_id[heads]), seen.tile[heads])


def _is_heard(a: Detections, b: Detections) -> Bools:
    """(n, m): is the box of `b` not FAINT beside that of `a`?"""
    return np.asarray(b.confidence[None, :] >= FAINT * a.confidence[:, None], np.bool_)


def _same_class(a: Detections, b: Detections) -> Bools:
    return np.asarray(a.class_id[:, None] == b.class_id[None, :], np.bool_)


def _common(a: Floats, b: Floats) -> Floats:
    """Intersections (..., 4) of boxes (..., 4); turned inside out where there is none."""
    return np.concatenate([np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])], axis=-1)
