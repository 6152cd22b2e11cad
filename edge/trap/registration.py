"""How a card lies in this picture, seen from the one before: moved, turned, lit otherwise. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.boxes import Bools, Image, at_most

WORK_PX = 1300  # longest side of the pictures that are compared: an insect of 2 mm keeps about 20 px
FEATURES = 900
LEAST_INLIERS = 12
NEAR_PX = 3.0  # of the working picture, what still counts as the same point
SCALES = (0.93, 1.07)  # a card that lies nearer or further than this is no card that was moved, but another scene
LEAST_LIKENESS = 0.25  # correlation of fine structure where there is some; unrelated cards have about 0
SURE_LIKENESS = 0.75  # no further attempt is needed, and a small part is believed: real ones have 0.95 and more
MOST_TURN_DEG = 20.0  # from lying as before, or from a quarter or half turn: a card lies in a frame
LEAST_OVERLAP = 0.5  # of the picture and of its structure; on a strip at the edge anything can be made to fit
PART_OVERLAP = 0.1  # the same, of a part: so 53 of 60 real views with 15 to 50 % in common are found
STRUCTURE = 20.0  # grey levels above or below the surroundings; noise and the grain of a card stay below
LEAST_STRUCTURE_PX = 60
HALF = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25]])  # of a picture: the middle of its px lies between four
WHOLE = np.array([[2.0, 0, 0.5], [0, 2.0, 0.5]])
Affine = NDArray[np.float64]  # (2, 3), rotation, scale and shift
Points = NDArray[np.float64]  # (n, 2)
Gray = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """The fine structure of a picture without its light: grey levels above the surroundings.

    fine: (h, w) float32, in grey levels
    """

    fine: Gray

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in working px."""
        return self.fine.shape[1], self.fine.shape[0]


def relief(image: Image) -> Relief:
    """What remains of `image` (H, W, 3) uint8 BGR when the light on it is taken away: shadows and evening are soft."""
    grey = cv2.cvtColor(at_most(image, WORK_PX), cv2.COLOR_BGR2GRAY).astype(np.float32)
    around = cv2.blur(cv2.blur(grey, (41, 41)), (41, 41))
    gain = 120 / np.maximum(around, 20)
    return Relief(np.asarray((grey - around) * gain, np.float32))


def working_scale(image: Image) -> float:
    """Working px per px of the `image` (H, W, 3)."""
    return min(1.0, float(WORK_PX / max(image.shape[:2])))


def registered(
    before: Relief, now: Relief, marks_before: Points, marks_now: Points, lies: Affine | None
) -> Affine | None:
    """The map from working px of `now` to those of `before`, or None if the two show no common card.

    `marks_*` (n, 2) are insects in working px: on a bare card they are all there is to go by. `lies`: the map of a card
    that lies where it lay; None where the picture's size says that it cannot.
    """
    if is_bare(before):
        return lies
    attempts: tuple[Callable[[], Affine | None], ...] = (
        lambda: lies,
        lambda: _by_features(before, now),
        lambda: _by_marks(marks_before, marks_now),
    )
    best, best_likeness = None, LEAST_LIKENESS
    for attempt in attempts:
        move = attempt()
        if move is not None and (found := likeness(before, now, move)) > best_likeness:
            best, best_likeness = move, found
        if best_likeness > SURE_LIKENESS:
            break
    return None if best is None else _refined(before, now, best)


def part(before: Relief, now: Relief, marks_before: Points, marks_now: Points) -> Affine | None:
    """As `registered`, of a card of which less is in view: too little to count by, so it must surely be there."""
    for move in (_by_features(before, now), _by_marks(marks_before, marks_now)):
        if move is not None and likeness(before, now, move, PART_OVERLAP) > SURE_LIKENESS:
            return move
    return None


def unmoved() -> Affine:
    """The map of a card in its first picture."""
    return np.array([[1.0, 0, 0], [0, 1.0, 0]])


def likeness(before: Relief, now: Relief, move: Affine, least_overlap: float = LEAST_OVERLAP) -> float:
    """Is what was there still there? Correlation (-1..1) through `move`, where `before` has structure.

    Insects that are new do not count against it. 0 where less than `least_overlap` of the card is in view.
    """
    moved, seen = warped(now, move, before.size)
    structure = np.abs(before.fine) > STRUCTURE
    there = seen & structure
    if seen.mean() < least_overlap or there.sum() < max(LEAST_STRUCTURE_PX, least_overlap * structure.sum()):
        return 0.0
    a, b = before.fine[there], moved[there]
    return float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-6))


def is_bare(picture: Relief) -> bool:
    """Is there nothing that a card could be known by? Then there is no insect either that might be counted twice."""
    return int((np.abs(picture.fine) > STRUCTURE).sum()) < LEAST_STRUCTURE_PX


def warped(now: Relief, move: Affine, size: tuple[int, int]) -> tuple[Gray, Bools]:
    """`now` as it lies in `before`, (h, w) float32, and where it has anything to say."""
    moved = cv2.warpAffine(now.fine, move, size, flags=cv2.INTER_LINEAR)
    return np.asarray(moved, np.float32), laid(np.ones(now.fine.shape, np.bool_), move, size)


def laid(mask: Bools, move: Affine, size: tuple[int, int]) -> Bools:
    """The `mask` (h, w) as it lies there."""
    return np.asarray(cv2.warpAffine(mask.astype(np.uint8), move, size, flags=cv2.INTER_NEAREST), np.bool_)


def applied(move: Affine, points: Points) -> Points:
    """Points (n, 2) through a map."""
    return np.asarray(points @ move[:, :2].T + move[:, 2])


def after(first: Affine, then: Affine) -> Affine:
    """The map that does `first` and `then`."""
    return np.hstack([then[:, :2] @ first[:, :2], (then[:, :2] @ first[:, 2] + then[:, 2])[:, None]])


def _by_features(before: Relief, now: Relief) -> Affine | None:
    """From points that look alike in both (Rublee et al. 2011, ORB), outliers left out by RANSAC."""
    orb = cv2.ORB.create(nfeatures=FEATURES, fastThreshold=6, edgeThreshold=15)
    points_a, told_a = orb.detectAndCompute(_as_bytes(before), np.full(before.fine.shape, 255, np.uint8))
    points_b, told_b = orb.detectAndCompute(_as_bytes(now), np.full(now.fine.shape, 255, np.uint8))
    if min(len(points_a), len(points_b)) < LEAST_INLIERS:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(told_b, told_a)
    source = np.array([points_b[p.queryIdx].pt for p in pairs])
    target = np.array([points_a[p.trainIdx].pt for p in pairs])
    return _similarity(source, target, LEAST_INLIERS)


def _by_marks(before: Points, now: Points) -> Affine | None:
    """From the pattern of the insects: a pair of neighbours here and a pair as far apart there fix a map."""
    a, b = before[:60], now[:60]
    best: NDArray[np.float64] | None = None  # (now, before) px from each to each, through the map
    most = 3
    for first, second in pairwise(b):
        for move in _maps(first, second, a):
            off = np.linalg.norm(applied(move, b)[:, None] - a[None], axis=2)
            near = int((off.min(axis=1) < 2 * NEAR_PX).sum())
            if near > most:
                best, most = off, near
    if best is None:
        return None
    rows = np.flatnonzero(best.min(axis=1) < 2 * NEAR_PX)
    return _similarity(b[rows], a[best.argmin(axis=1)[rows]], 4)


def _maps(first: Points, second: Points, among: Points) -> list[Affine]:
    """Rigid maps that put the pair on two of the others that lie as far apart."""
    wanted = np.linalg.norm(second - first)
    apart = np.linalg.norm(among[:, None] - among[None], axis=2)
    found = []
    for i, k in np.argwhere(np.abs(apart - wanted) < NEAR_PX)[:200]:
        if i == k:
            continue
        turn = complex(*(among[k] - among[i])) * complex(*(second - first)).conjugate()
        turn /= max(abs(turn), 1e-6)
        rotation = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
        found.append(np.hstack([rotation, (among[i] - rotation @ first)[:, None]]))
    return found


def _similarity(source: Points, target: Points, least: int) -> Affine | None:
    move, inliers = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=NEAR_PX, maxIters=4000, confidence=0.999
    )
    if move is None or int(inliers.sum()) < least:
        return None
    scale = float(np.hypot(move[0, 0], move[1, 0]))
    turn_deg = float(np.degrees(np.arctan2(move[1, 0], move[0, 0])))
    is_likely = SCALES[0] < scale < SCALES[1] and abs((turn_deg + 45) % 90 - 45) < MOST_TURN_DEG
    return np.asarray(move, np.float64) if is_likely else None


def _refined(before: Relief, now: Relief, move: Affine) -> Affine:
    """To a fraction of a pixel by enhanced correlation (Evangelidis and Psarakis 2008), kept if it is better.

    At half size, which costs a quarter and is as good on insects of 20 px.
    """
    upright, quarters = _upright(now, move)
    pictures = (before.fine, upright)
    halves = [np.asarray(cv2.resize(one, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)) for one in pictures]
    inverse = after(after(WHOLE, _inverse(after(_inverse(quarters), move))), HALF).astype(np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 12, 1e-4)
    everything = np.full(halves[1].shape, 255, np.uint8)
    try:
        _, found = cv2.findTransformECC(halves[0], halves[1], inverse, cv2.MOTION_EUCLIDEAN, stop, everything, 3)
    except cv2.error:  # it did not converge: the first map is what we have
        return move
    finer = after(quarters, _inverse(after(after(HALF, np.asarray(found, np.float64)), WHOLE)))
    return finer if likeness(before, now, finer) >= likeness(before, now, move) else move


def _upright(now: Relief, move: Affine) -> tuple[Gray, Affine]:
    """`now` turned by the quarters of `move`, and the map of these: OpenCV's correlation loses turns from 90° on."""
    turn = np.rint(move[:, :2])
    far = turn @ (np.array(now.size) - 1.0)
    quarters = np.hstack([turn, -np.minimum(far, 0)[:, None]])
    width, height = (np.abs(far) + 1).astype(int).tolist()
    return warped(now, quarters, (width, height))[0], quarters


def _inverse(move: Affine) -> Affine:
    return np.asarray(cv2.invertAffineTransform(move), np.float64)


def _as_bytes(picture: Relief) -> Image:
    return np.asarray(np.clip(picture.fine * 2 + 128, 0, 255), np.uint8)
