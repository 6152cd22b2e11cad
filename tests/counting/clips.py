"""Clips of real insects on known paths: they cross, stop, hover, leave and enter; the truth is known frame by frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.boxes import iou
from edge.detections import Detections
from tests.counting.cutouts import DEMO, Cutout, packaged, paste, turned

WIDTH, HEIGHT = 640, 480
SIZE = 44.0  # px, longest side of an insect
MISSED, FALSE = 0.2, 0.05  # shares


@dataclass(frozen=True)
class Seen:
    """One frame: when, what it looks like, who is where."""

    time_s: float
    image: NDArray[np.uint8]
    ids: NDArray[np.int64]  # (n,)
    xyxy: NDArray[np.float32]  # (n, 4)


@dataclass(frozen=True)
class Path:
    """Where an insect is at each time; None outside its visit."""

    times: NDArray[np.float64]
    points: NDArray[np.float64]  # (k, 2)
    cutout: Cutout

    def at(self, time_s: float) -> tuple[float, float] | None:
        if not self.times[0] <= time_s <= self.times[-1]:
            return None
        return float(np.interp(time_s, self.times, self.points[:, 0])), float(
            np.interp(time_s, self.times, self.points[:, 1])
        )

    def heading(self, time_s: float) -> float:
        a, b = self.at(max(time_s - 0.3, self.times[0])), self.at(min(time_s + 0.3, self.times[-1]))
        if a is None or b is None or np.hypot(b[0] - a[0], b[1] - a[1]) < 2:
            return 0.0
        return float(-np.degrees(np.arctan2(b[1] - a[1], b[0] - a[0])))


def crossing_paths(chance: np.random.Generator, seconds: float) -> list[Path]:
    """Four pairs that meet at one point at one time, each walking on; they stop and hover on the way, come and go."""
    paths = []
    for _ in range(4):
        meet_s, meet = chance.uniform(0.3, 0.7) * seconds, chance.uniform([120, 100], [WIDTH - 120, HEIGHT - 100])
        first = chance.uniform(0, 2 * np.pi)
        for angle in (first, first + chance.uniform(0.6, 2.4)):
            paths.append(_walk(chance, meet, meet_s, angle, seconds))
    return paths


def sitting_paths(chance: np.random.Generator) -> tuple[list[Path], float]:
    """A quiet leaf: one lands, sits and flies off, then the next, half of them where the one before sat; until when."""
    paths: list[Path] = []
    end_s, pictures = 0.0, packaged()
    place = chance.uniform([60, 60], [WIDTH - 60, HEIGHT - 60])
    for _ in range(4):
        land_s = end_s + chance.uniform(5, 20)
        end_s = land_s + chance.uniform(5, 40)
        if chance.random() < 0.5:
            place = chance.uniform([60, 60], [WIDTH - 60, HEIGHT - 60])
        cutout = pictures[int(chance.integers(len(pictures)))]
        paths.append(Path(np.array([land_s, end_s]), np.array([place, place]), cutout))
    return paths, end_s + 10


def _walk(chance: np.random.Generator, meet: NDArray[np.float64], meet_s: float, angle: float, seconds: float) -> Path:
    """Through `meet` at `meet_s`; straight near it, wandering, resting or hovering further off."""
    step_s, speed = 0.1, chance.uniform(0.5, 2.2) * SIZE
    sides = []
    for direction in (-1, 1):
        point, heading, resting_s, line = meet.copy(), angle, 0.0, [meet.copy()]
        length_s = meet_s if direction < 0 else seconds - meet_s
        for k in range(int(length_s / step_s)):
            if k * step_s > 1.5:
                heading += chance.normal(0, 0.12)
                resting_s = chance.uniform(0.5, 3) if resting_s <= 0 and chance.random() < 0.01 else resting_s - step_s
            if resting_s > 0:
                point = point + chance.normal(0, 0.6, 2)
            else:
                point = point + direction * speed * step_s * np.array([np.cos(heading), np.sin(heading)])
            line.append(point.copy())
            if not (-SIZE < point[0] < WIDTH + SIZE and -SIZE < point[1] < HEIGHT + SIZE):
                break  # it left, or it had not come yet
        sides.append(line)
    points = np.array(sides[0][::-1] + sides[1][1:])
    times = meet_s + step_s * (np.arange(len(points)) - (len(sides[0]) - 1))
    pictures = packaged()
    return Path(times, points, pictures[int(chance.integers(len(pictures)))])


def frames(paths: list[Path], fps: float, seconds: float, chance: np.random.Generator) -> Iterator[Seen]:
    """Frames at irregular times: each step is up to 30 % off, and one frame in thirty is lost."""
    leaves = sorted(DEMO.glob("*.jpg"))
    ground = cv2.resize(cv2.imread(str(leaves[int(chance.integers(len(leaves)))])), (WIDTH, HEIGHT))
    ground = cv2.GaussianBlur(ground, (0, 0), 6)  # the insects in it are not in the truth
    time_s = 0.0
    while time_s < seconds:
        if chance.random() > 1 / 30:
            yield _frame(paths, time_s, ground, chance)
        time_s += chance.uniform(0.7, 1.3) / fps


def _frame(paths: list[Path], time_s: float, ground: NDArray[np.uint8], chance: np.random.Generator) -> Seen:
    canvas = np.clip(ground * chance.uniform(0.92, 1.08), 0, 255).astype(np.uint8)
    ids, boxes = [], []
    for number, path in enumerate(paths):
        point = path.at(time_s)
        box = point and paste(canvas, turned(path.cutout, path.heading(time_s), SIZE), point)
        if box and min(box[2] - box[0], box[3] - box[1]) > SIZE / 4:
            ids.append(number)
            boxes.append(box)
    return Seen(time_s, canvas, np.array(ids, np.int64), np.array(boxes, np.float32).reshape(-1, 4))


def detected(seen: Seen, chance: np.random.Generator) -> tuple[Detections, NDArray]:
    """What a detector makes of it, and which are sure: boxes off by 5 %, one of two that cover each other is lost."""
    found, sure = [], []
    hidden = (np.triu(iou(seen.xyxy, seen.xyxy), 1) > 0.5).any(axis=1)  # the later one lies on top
    for box, under in zip(seen.xyxy, hidden, strict=True):
        if under or chance.random() < MISSED:
            if not under and chance.random() < 0.3:  # of the missed, some are seen below the threshold
                found.append((_shaken(box, chance), chance.uniform(0.2, 0.4)))
                sure.append(False)
            continue
        found.append((_shaken(box, chance), chance.uniform(0.45, 0.95)))
        sure.append(True)
    for _ in range(chance.binomial(len(seen.ids), FALSE)):
        x, y = chance.uniform(0, WIDTH - SIZE), chance.uniform(0, HEIGHT - SIZE)
        found.append((np.array([x, y, x + SIZE, y + SIZE * chance.uniform(0.5, 1)]), chance.uniform(0.4, 0.7)))
        sure.append(True)
    xyxy = np.array([box for box, _ in found], np.float32).reshape(-1, 4)
    confidence = np.array([c for _, c in found], np.float32)
    return Detections(xyxy, confidence, np.zeros(len(found), np.int64)), np.array(sure, np.bool_)


def _shaken(box: NDArray[np.float32], chance: np.random.Generator) -> NDArray[np.float64]:
    size = np.sqrt((box[2] - box[0]) * (box[3] - box[1]))
    return box + chance.normal(0, 0.05 * size, 4)


def clip(seed: int, fps: float, seconds: float = 20) -> list:
    """A clip of crossing insects with what a noisy detector made of each frame."""
    chance = np.random.default_rng(seed)
    paths = crossing_paths(chance, seconds)
    return [(seen, *detected(seen, chance)) for seen in frames(paths, fps, seconds, chance)]


def quiet_clip(seed: int, fps: float) -> list:
    """The same of insects that sit still one after the other."""
    chance = np.random.default_rng(seed)
    paths, seconds = sitting_paths(chance)
    return [(seen, *detected(seen, chance)) for seen in frames(paths, fps, seconds, chance)]
