"""Figures of docs/counting.md: python -m benchmarks.counting cost|board|live|quiet|days|moved|trap|leaf|green|pictures.

`live` also runs supervision's ByteTrack (0.25.1) and bugspot's tracker (0.5.0) on the same clips where they are
installed; neither is a dependency.
"""

import argparse
import csv
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np

from edge.boxes import Image, at_most
from edge.calibration import find_corners, measured
from edge.cameras.pictures import read_picture
from edge.count_agreement import agreement
from edge.detections import Detections
from edge.draw import COLOURS, draw, jpeg
from edge.leaf import Scale, Sightings, is_green, looked_at
from edge.tracker import Tracks, followed
from edge.trap import Card, read_card
from tests.counting import boards, cards, clips, cutouts, identity
from training.command import finish

SEEDS = range(12)  # the settings were chosen on seeds from 100
COFFEE = Scale((0.001, 0.05, 0.10, 0.15), "Esgario, Krohling and Ventura 2020, doi:10.1016/j.compag.2019.105162")


def live() -> None:
    """Crossing clips, 20 % missed, 5 % false, irregular times."""
    for fps in (1, 2, 5, 15):
        behind_gate = _BehindGate()
        trackers: dict[str, identity.Tracker] = {"fieldeye": identity.ours, "fieldeye behind its gate": behind_gate}
        if find_spec("supervision"):
            trackers["supervision ByteTrack"] = partial(_bytetrack, fps=fps)
        if find_spec("bugspot"):
            trackers["bugspot"] = partial(_bugspot, fps=fps)
        made = [clips.clip(seed, fps, seconds=20 if fps > 1 else 40) for seed in SEEDS]
        for name, tracker in trackers.items():
            print(f"live {fps:>2} fps  {name:<24} {_told(identity.score(made, tracker))}", flush=True)
        print(f"live {fps:>2} fps  {behind_gate.told()}", flush=True)


def quiet() -> None:
    """Clips in which one insect after the other lands, sits still and leaves; detections and times as in `live`."""
    for fps in (1, 2, 5):
        behind_gate = _BehindGate()
        trackers: dict[str, identity.Tracker] = {"each frame looked at": identity.ours, "behind its gate": behind_gate}
        for name, tracker in trackers.items():
            score = identity.score((clips.quiet_clip(seed, fps) for seed in SEEDS), tracker)
            print(f"quiet {fps:>2} fps  {name:<24} {_told(score)}", flush=True)
        print(f"quiet {fps:>2} fps  {behind_gate.told()}", flush=True)


class _BehindGate:
    """Our tracker behind the gate, and how many frames cost a look."""

    def __init__(self) -> None:
        self._frames = self._looks = 0

    def __call__(self, clip: identity.Clip) -> tuple[identity.Numbers, set[int]]:
        numbers, visits, looks = identity.behind_gate(clip)
        self._frames, self._looks = self._frames + len(clip), self._looks + looks
        return numbers, visits

    def told(self) -> str:
        """So far."""
        return f"behind the gate: {self._looks} of {self._frames} frames looked at"


def _told(score: identity.Score) -> str:
    return (
        f"visits {score.visits}/{score.truth}  error {score.error:.1%}  IDF1 {score.idf1:.3f}  "
        f"switches {score.switches}"
    )


def _bytetrack(clip: identity.Clip, fps: float) -> tuple[identity.Numbers, set[int]]:
    sv = import_module("supervision")
    tracker = sv.ByteTrack(
        track_activation_threshold=0.4, lost_track_buffer=90, minimum_matching_threshold=0.9, frame_rate=fps
    )
    numbers = []
    for _, found, _ in clip:
        told = sv.Detections(xyxy=found.xyxy.copy(), confidence=found.confidence.copy(), class_id=found.class_id.copy())
        told.data["row"] = np.arange(len(found))
        number = np.zeros(len(found), np.int64)
        back = tracker.update_with_detections(told)
        if len(back):
            number[back.data["row"]] = back.tracker_id
        numbers.append(number)
    return numbers, _seen_often(numbers)


def _bugspot(clip: identity.Clip, fps: float) -> tuple[identity.Numbers, set[int]]:
    tracker = import_module("bugspot.tracker").InsectTracker(
        clips.HEIGHT, clips.WIDTH, max_lost_frames=int(3 * fps) + 1
    )
    known: dict[str, int] = {}
    numbers = []
    for frame, (_, found, sure) in enumerate(clip):
        number = np.zeros(len(found), np.int64)
        told = tracker.update([tuple(map(float, box)) for box in found.xyxy[sure]], frame)
        number[sure] = [known.setdefault(one, len(known) + 1) for one in told]
        numbers.append(number)
    return numbers, _seen_often(numbers)


def _seen_often(numbers: identity.Numbers) -> set[int]:
    one, times = np.unique(np.concatenate(numbers), return_counts=True)
    return {int(n) for n, k in zip(one, times, strict=True) if k >= identity.LEAST_FRAMES and n > 0}


def cost() -> None:
    """Milliseconds a frame of 20 insects at 5 fps on a picture of 2304x1296."""
    chance = np.random.default_rng(0)
    image = chance.integers(0, 255, (1296, 2304, 3), dtype=np.uint8)
    start, speed = chance.uniform([50, 50], [2200, 1200], (20, 2)), chance.normal(0, 60, (20, 2))
    tracks, took_s = Tracks.none(15), []
    for frame in range(400):
        centre = np.clip(start + speed * frame / 5 + chance.normal(0, 3, (20, 2)), 30, [2270, 1260])
        xyxy = np.hstack([centre - 25, centre + 25])[chance.random(20) > 0.2].astype(np.float32)
        found = Detections(xyxy, np.full(len(xyxy), 0.8, np.float32), np.zeros(len(xyxy), np.int64))
        began_s = time.perf_counter()
        tracks, _ = followed(tracks, found, np.ones(len(found), np.bool_), frame / 5, image)
        took_s.append(time.perf_counter() - began_s)
    median_ms, slow_ms = np.quantile(took_s, [0.5, 0.9]) * 1000
    print(f"cost  tracker, 20 insects: median {median_ms:.3f} ms, 90 % of frames under {slow_ms:.3f} ms", flush=True)


def days() -> None:
    """Three real days of a detector on a flower bed, a picture every 3 s (insect-tracks): no truth, only behaviour."""
    for path in sorted((cutouts.SHARED / "insect-tracks").glob("*.csv")):
        rows = [line.split(",") for line in path.read_text().splitlines() if line.startswith("i,")]
        tracks, visits, per_frame, undecided = Tracks.none(9), 0, [], 0
        first_s: dict[int, float] = {}
        last_s: dict[int, float] = {}
        for stamp, group in groupby(rows, key=lambda row: (row[2], row[3], row[10])):
            frame = list(group)
            time_s = int(stamp[1][:2]) * 3600.0 + int(stamp[1][2:4]) * 60 + int(stamp[1][4:])
            xyxy = np.array([row[6:10] for row in frame], np.float32)
            confidence = np.array([row[4] for row in frame], np.float32) / 100
            found = Detections(xyxy, confidence, np.array([row[5] for row in frame], np.int64))
            tracks, looked = followed(tracks, found, confidence >= 0.5, time_s)
            visits += len(looked.visits)
            per_frame.append(len(found))
            undecided += tracks.undecided
            seen_s = dict(zip(tracks.number.tolist(), tracks.seen_s.tolist(), strict=True))
            first_s, last_s = seen_s | first_s, last_s | seen_s
        longest_s = max(last_s[number] - first_s[number] for number in last_s)
        print(
            f"days  {path.stem}: {sum(per_frame)} detections, at most {max(per_frame)} on a frame, {visits} visits, "
            f"longest stay {longest_s / 60:.0f} min, another look wanted after {undecided} of "
            f"{len(per_frame)} frames",
            flush=True,
        )


def trap() -> None:
    """50 series of 20 pictures of a real card with real insects pasted: moved now and then and back, or left moved."""
    among = cutouts.from_sticky_cards("test", most=141)
    grounds = cards.real_grounds()
    for name, missed, false, is_left in (
        ("truth detections", 0.0, 0.0, False),
        ("10 % missed, 5 % false", 0.1, 0.05, False),
        ("truth detections, left moved", 0.0, 0.0, True),
        ("10 % missed, 5 % false, left moved", 0.1, 0.05, True),
    ):
        rows = [row for seed in range(50) for row in _trap_series(seed, among, grounds, missed, false, is_left)]
        true, told = np.array(rows).T
        print(
            f"trap  {name}: {len(rows)} pictures, new {told.sum()} of {true.sum()}, "
            f"bias {(told.sum() - true.sum()) / true.sum():+.1%}, MAE {np.abs(told - true).mean():.2f} a picture",
            flush=True,
        )


def _trap_series(
    seed: int, among: Sequence[cutouts.Cutout], grounds: Sequence[Image], missed: float, false: float, is_left: bool
) -> list[tuple[int, int]]:
    chance = np.random.default_rng(seed)
    card, rows = Card.none(), []
    poses = cards.left_moved(chance, 20) if is_left else None
    for picture in cards.series(chance, 20, grounds[seed % len(grounds)], among, poses=poses):
        found, sure = cards.detected(picture, chance, missed=missed, false=false)
        card, reading = read_card(card, found, sure, picture.image)
        rows.append((picture.new, len(reading.new)))
    return rows[1:]


def moved() -> None:
    """200 times: a card with 5 to 40 insects, moved by 10 mm and turned by 3 degrees, nothing new."""
    among, grounds = cutouts.from_sticky_cards("test", most=141), cards.real_grounds()
    none_new, verdicts, took_s = 0, Counter[str](), []
    for seed in range(200):
        card, chance = Card.none(), np.random.default_rng(1000 + seed)
        for picture in cards.moved_pair(chance, grounds[seed % len(grounds)], among):
            found, sure = cards.detected(picture, chance)
            began_s = time.perf_counter()
            card, reading = read_card(card, found, sure, picture.image)
            took_s.append(time.perf_counter() - began_s)
        none_new += reading.verdict == "matched" and len(reading.new) == 0
        verdicts[reading.verdict] += 1
    print(
        f"moved  0 new in {none_new} of 200; {dict(verdicts)}; median {np.median(took_s[1::2]) * 1000:.0f} ms",
        flush=True,
    )


def board() -> None:
    """mm per pixel from a drawn board under a pinhole camera, against the geometry that drew it."""
    for tilt_deg in (0, 10, 20, 30):
        off = []
        for turn_deg in (0, 35, 80, 190):
            picture, px_to_mm = boards.photograph(tilt_deg, turn_deg)
            scale = measured([find_corners(picture, boards.LAYOUT)], boards.SIDE_MM)
            off.append(abs(scale.mm_per_px() / boards.true_mm_per_px(px_to_mm) - 1))
        print(f"board  tilt {tilt_deg:>2} degrees: mm per pixel off by at most {max(off):.3%}", flush=True)


def leaf() -> None:
    """Lesion share of coffee leaves against masks drawn by hand; each leaf again, turned by 8 degrees and darker."""
    root = cutouts.SHARED / "coffee-leaves"
    told, seen, known, mistaken = [], Sightings(), 0, 0
    for mask_path in sorted((root / "annotations" / "val").glob("*.png")):
        image = cv2.imread(str(root / "images" / "val" / mask_path.name.replace("_mask.png", ".jpg")))
        mask = cv2.imread(str(mask_path))
        lesion = ((mask[..., 2] > 128) & (mask[..., 1] < 100)).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(lesion)
        boxes = np.array([[x, y, x + w, y + h] for x, y, w, h, size in stats[1:].tolist() if size > 12], np.float32)
        share = float(lesion.sum() / (mask.max(axis=2) > 60).sum())
        told.append((share, looked_at(image, boxes.reshape(-1, 4)).severity or 0.0))
        seen, again = seen.with_(image)
        mistaken += again
        turn = cv2.getRotationMatrix2D((image.shape[1] / 2, image.shape[0] / 2), 8, 0.95)
        turned = cv2.warpAffine(image, turn, image.shape[1::-1], borderValue=(200, 200, 200)) * 0.85
        known += seen.with_(turned.astype(np.uint8))[1]
    true, ours = np.array(told).T
    same_grade = np.mean([COFFEE.grade(a) == COFFEE.grade(b) for a, b in told])
    found = agreement(true.tolist(), ours.tolist())
    print(
        f"leaf  {len(told)} leaves, mean {true.mean():.1%}: off by {found.mae:.1%} on average, bias {found.bias:+.1%}, "
        f"R2 {found.r2:.2f}, same grade {same_grade:.0%}; known again {known}, taken for another {mistaken}",
        flush=True,
    )


def green() -> None:
    """On how many pictures of diseased and healthy leaves and pods, of sticky cards and of pests is leaf seen?"""
    for name in ("tomato-lesions", "rice-diseases", "coffee-leaves", "cacao-pods", "sticky-cards", "pest-vision"):
        root = cutouts.SHARED / name
        rows = csv.DictReader((root / "splits.csv").read_text("utf-8").splitlines())
        told = [is_green(read_picture(root / row["image"])) for row in rows if row["split"] in {"train", "val"}]
        print(f"green  {name:<14} {sum(told)} of {len(told)} pictures to train and validate on", flush=True)


def pictures() -> None:
    """The pictures of docs/counting.md, from insects under CC BY (tests/counting/data/cutouts/LICENCE.md)."""
    folder = Path(__file__).parents[1] / "docs" / "counting"
    made = clips.clip(2, 5)
    numbers, visits = identity.ours(made)
    canvas = made[60][0].image.copy()
    for visit in sorted(visits):
        path = [
            (box[:2] + box[2:]) / 2
            for (_, found, _), number in zip(made[:61], numbers[:61], strict=True)
            for box in found.xyxy[number == visit]
        ]
        colour = COLOURS[visit % len(COLOURS)]
        cv2.polylines(
            canvas, [np.array(path).round().astype(np.int32).reshape(-1, 1, 2)], False, colour, 2, cv2.LINE_AA
        )
        if path:
            at = (int(path[-1][0]) + 8, int(path[-1][1]) - 8)
            cv2.putText(canvas, str(visit), at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, 2, cv2.LINE_AA)
    (folder / "live.jpg").write_bytes(jpeg(canvas, 82))
    chance = np.random.default_rng(3)
    poses = [cards.Pose(), cards.Pose(7, -7, 3.0)]
    card, shown = Card.none(), []
    for picture in cards.series(chance, 2, cards.drawn_ground(chance), start=24, arrivals=6, poses=poses, dew=0):
        found, sure = cards.detected(picture, chance)
        card, reading = read_card(card, found, sure, picture.image)
        new = Detections(reading.new_xyxy, np.ones(len(reading.new), np.float32), reading.new)
        shown.append(at_most(draw(picture.image, new, ["new"]), 640))
    (folder / "trap.jpg").write_bytes(jpeg(np.hstack(shown), 80))


SECTIONS: dict[str, Callable[[], None]] = {
    "cost": cost,
    "live": live,
    "quiet": quiet,
    "days": days,
    "trap": trap,
    "leaf": leaf,
    "green": green,
    "pictures": pictures,
    "moved": moved,
    "board": board,
}
QUICK = ("cost", "board")  # without a word: those that take seconds


def main(words: Sequence[str]) -> None:
    """Run the named sections."""
    for word in words:
        SECTIONS[word]()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; default: {', '.join(QUICK)}"
    )
    asked = parser.parse_args().sections
    if strange := [word for word in asked if word not in SECTIONS]:
        parser.error(f"no section {strange[0]!r}; use some of {', '.join(SECTIONS)}")
    finish(lambda: main(asked or QUICK))
