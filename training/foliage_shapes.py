"""The outlines of leaves, blades and pods with their ribs and stalks, no two alike; `training.foliage` paints them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.boxes import Floats
from training.transforms import Random

LEAF, BLADE = 0.6, 0.2  # shares; the others are pods
POINTS = 60  # of one side of the outline
ALONG = np.linspace(0, 1, POINTS, dtype=np.float32)
STALKED = 0.7  # share of leaves and pods
LEAFLETS = 0.35  # share of leaves that have more beside the stalk
NO_STALK: Floats = np.zeros((0, 2), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Outlines (n, 2) of a leaf and its leaflets, their ribs and the stalk (m, 2), px; is it a fruit?"""

    outlines: Sequence[Floats]
    ribs: Sequence[Floats]
    stalk: Floats
    is_pod: bool = False


def drawn_shape(length_px: float, size: Sequence[int], random: Random) -> Shape:
    """A leaf, a blade or a pod at any angle, its middle in the inner half of a picture of that width and height."""
    kind = random.random()
    drawn = _leaves(random) if kind < LEAF else _blade(random) if kind < LEAF + BLADE else _pod(random)
    angle = float(random.uniform(0, 2 * np.pi))
    middle = np.asarray(size * random.uniform(0.25, 0.75, 2), np.float32)
    return _placed(_placed(drawn, 1, 0, (-0.5, 0)), length_px, angle, middle)


def _placed(shape: Shape, scale: float, angle: float, to: Sequence[float] | Floats) -> Shape:
    """The shape enlarged, turned round 0 and moved there."""
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

    def placed(lines: Sequence[Floats]) -> list[Floats]:
        return [np.asarray(line @ turn + to, np.float32) for line in lines]

    [stalk] = placed([shape.stalk])
    return Shape(placed(shape.outlines), placed(shape.ribs), stalk, shape.is_pod)


def _leaves(random: Random) -> Shape:
    """A leaf along x from 0 to 1, and perhaps smaller ones to both sides of its stalk."""
    first = _leaf(random)
    if random.random() > LEAFLETS:
        return first
    outlines, ribs = list(first.outlines), list(first.ribs)
    for place in random.uniform(-0.35, 0, int(random.integers(1, 4))).tolist():
        for side in (-1, 1):
            small, angle = float(random.uniform(0.25, 0.6)), side * float(random.uniform(0.5, 1.5))
            leaflet = _placed(_leaf(random), small, angle, (place, 0))
            outlines += leaflet.outlines
            ribs += leaflet.ribs
    return Shape(outlines, ribs, np.array([[0.02, 0], [-0.4, 0]], np.float32))


def _leaf(random: Random) -> Shape:
    """A broad or narrow leaf along x from 0 to 1, smooth or toothed, with ribs to both sides."""
    half = float(random.uniform(0.12, 0.45)) * _arch(ALONG ** random.uniform(0.6, 1.3))
    half **= random.uniform(0.8, 1.3)
    teeth, depth = int(random.integers(3, 25)), float(random.uniform(0, 0.3)) * (random.random() < 0.6)
    lobes, deep = int(random.integers(2, 6)), float(random.uniform(0, 0.5)) * (random.random() < 0.5)
    toothed = [
        _notched(teeth, depth, start) * _notched(lobes, deep, 2 * start) for start in random.uniform(0, 3, 2).tolist()
    ]
    bend = _bend(random, 0.25)
    middle, upper, lower = _line(bend), _line(bend - half * toothed[0]), _line(bend + half * toothed[1])
    roots = range(4, POINTS - 8, int(random.integers(5, 10)))
    ribs = [np.stack([middle[at], side[at + 8]]) for at in roots for side in (upper, lower)]
    return Shape([np.vstack([upper, lower[::-1]])], [middle, *ribs], _stalk(random))


def _blade(random: Random) -> Shape:
    """A stretch of a blade of grass or rice, twice as long, with ribs along it."""
    half, bend = float(random.uniform(0.1, 0.4)), _bend(random, 0.3)
    ribs = [_line(bend + place) for place in np.linspace(-half, half, int(random.integers(3, 14)))]
    stretched = [2 * rib - (0.5, 0) for rib in ribs]
    return Shape([np.vstack([stretched[0], stretched[-1][::-1]]).astype(np.float32)], stretched, NO_STALK)


def _pod(random: Random) -> Shape:
    """A fruit with furrows along it."""
    half = float(random.uniform(0.18, 0.45)) * _arch(ALONG) ** 0.5
    ribs = [_line(half * float(place)) for place in np.linspace(-0.8, 0.8, int(random.integers(1, 7)))]
    return Shape([np.vstack([_line(-half), _line(half)[::-1]])], ribs, _stalk(random), is_pod=True)


def _stalk(random: Random) -> Floats:
    """From the end at 0 outwards, a little bent; or none."""
    if random.random() > STALKED:
        return NO_STALK
    along = np.linspace(0.02, -float(random.uniform(0.05, 0.4)), 12)
    return np.stack([along, float(random.uniform(-1.5, 1.5)) * along**2], axis=1).astype(np.float32)


def _bend(random: Random, most: float) -> Floats:
    return np.asarray(float(random.uniform(-most, most)) * _arch(ALONG), np.float32)


def _notched(number: int, depth: float, start: float) -> Floats:
    """So many notches along a side, 1 where there is none and 1 - depth at the deepest."""
    return np.asarray(1 - depth * np.abs(np.sin(np.pi * number * ALONG + start)), np.float32)


def _arch(along: Floats) -> Floats:
    """0 at both ends, 1 between."""
    return np.asarray(np.sin(np.pi * along).clip(min=0), np.float32)


def _line(across: Floats) -> Floats:
    return np.stack([ALONG, across], axis=1).astype(np.float32)
