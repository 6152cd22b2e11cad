"""`fieldeye count`: visits, new insects or affected leaves in a video or a folder of pictures in time order."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from statistics import mean
from typing import Any, get_args

import numpy as np
from tqdm import tqdm

from edge.agreement import agreement
from edge.boxes import Image
from edge.bundle import find_bundle
from edge.cameras.folder import own_time
from edge.cameras.opencv import VideoFile
from edge.cameras.pictures import pictures_in, read_picture
from edge.census import UNITS, UNSURE_SHARE, Step, begun
from edge.cli.detect import check_save, free_path, save_drawn
from edge.cli.exits import DONE
from edge.cli.truth import Truth, read_truth
from edge.clock import SystemClock
from edge.config import MODELS_FOR, CameraTable, Mode
from edge.detections import Detections
from edge.detector import Detector
from edge.draw import draw
from edge.errors import BadFrameError, CameraEndedError, UsageError
from edge.eye import accuracy_of
from edge.golden import tried
from edge.leaf import COFFEE, Scale, graded, incidence, mckinney_index
from edge.severity import LeafReader, LeafTold, find_leaf
from edge.taxa import lesions_among
from edge.tracker.follow import PAUSE_S

SAVED_QUALITY = 85
WORDS = {"visits": "visits", "new": "new", "affected_frames": "affected"}
UNFOLLOWED = "insects were seen, but none on 3 of 5 pictures in a row; what single pictures show says: fieldeye detect"


@dataclass
class Tallied:
    """What the pictures said so far."""

    mode: Mode
    frames: int = 0  # good and looked at
    skipped: Counter[str] = field(default_factory=Counter)
    counts: Counter[int] = field(default_factory=Counter)  # class -> individuals or leaves
    squares: Counter[int] = field(default_factory=Counter)  # the same, each picture's number squared
    severities: list[float] = field(default_factory=list)
    stresses: Counter[str] = field(default_factory=Counter)  # label -> leaves that it rules, with --crop
    last: Step | None = None
    per_picture: dict[str, dict[str, int]] = field(default_factory=dict)  # name -> what `--against` can compare

    def add(self, name: str, step: Step, sure: int) -> None:
        """One picture more, with so many sure detections."""
        self.last = step
        here = Counter(step.counted.tolist())
        self.counts.update(here)
        self.squares.update({class_id: number**2 for class_id, number in here.items()})
        present = step.card.present if step.card else sure
        self.per_picture[name] = {"count": sure, "new": len(step.counted), "present": present}
        if step.skipped:
            self.skipped[step.skipped] += 1
            return
        self.frames += 1
        if step.severity is not None:
            self.severities.append(step.severity)

    def read(self, step: Step, told: LeafTold) -> Step:
        """The step with what a leaf network says of the picture, which is better than colour."""
        if told.stress:
            self.stresses[told.stress] += 1
        return replace(step, severity=told.severity)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `count`."""
    by_time = "a video, or a folder of pictures: by the time in name or EXIF, then by name"
    parser.add_argument("path", type=Path, metavar="PATH", help=by_time)
    parser.add_argument("--mode", required=True, choices=get_args(Mode), help="what the camera looks at")
    parser.add_argument("--fps", type=float, metavar="F", help="frames a second (a video's own; pictures: 1)")
    defaults = ", ".join(f"{mode}: {name}" for mode, name in MODELS_FOR.items())
    parser.add_argument(
        "--model", metavar="NAME", help=f"a name of `fieldeye model list` or a file; default, {defaults}"
    )
    parser.add_argument(
        "--crop",
        metavar="CROP",
        help="in leaf mode: read severity and stress with the leaf network for it, say, coffee",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument(
        "--save", type=Path, metavar="DIR", help="write each picture with its insects numbered into DIR"
    )
    parser.add_argument(
        "--against", type=Path, metavar="CSV", help="a person's counts: picture, and count, new or present"
    )
    parser.add_argument("--threshold", type=float, metavar="N", help="with --against: on which side do both fall?")


def run(args: argparse.Namespace) -> int:
    """0 if the pictures could be counted."""
    if args.fps is not None and not 0 < args.fps <= 240:
        raise UsageError(f"--fps {args.fps:g} is not above 0 and at most 240; 5 is usual for a video of insects")
    if args.fps is not None and args.mode == "live" and args.fps * PAUSE_S < 1:
        raise UsageError(
            f"--fps {args.fps:g}: pictures more than {PAUSE_S / 60:g} minutes apart show no visits;"
            " what single pictures show says: fieldeye detect"
        )
    if args.crop and args.mode != "leaf":
        raise UsageError(f"--crop {args.crop} is for --mode leaf, not {args.mode}; leave it out")
    if args.threshold is not None and not args.against:
        raise UsageError(f"--threshold {args.threshold:g} is for --against; name a person's counts too")
    truth = read_truth(args.against) if args.against else None
    reader = find_leaf(args.crop) if args.crop else None
    detector = tried(find_bundle(args.model or MODELS_FOR[args.mode]))
    tallied = _count(args, detector, reader)
    if tallied.frames == 0 and not tallied.per_picture:
        raise UsageError(f"{args.path}: no picture there can be used ({dict(tallied.skipped)}); give others")
    result = _result(tallied, detector, reader.bundle.scale if reader else COFFEE)
    if truth:
        result["against"] = _against(truth, tallied, args.threshold)
    print(json.dumps(result, ensure_ascii=False) if args.json else _sentences(result))
    if args.mode == "live" and not tallied.counts and any(one["count"] for one in tallied.per_picture.values()):
        print(f"fieldeye: {UNFOLLOWED}", file=sys.stderr)
    return DONE


def _count(args: argparse.Namespace, detector: Detector, reader: LeafReader | None) -> Tallied:
    bundle, tallied, saved = detector.bundle, Tallied(args.mode), set[Path]()
    census = begun(args.mode, len(bundle.classes), lesions=lesions_among(bundle.labels))
    unsure = np.asarray(detector.thresholds * UNSURE_SHARE, np.float32)
    pictures = _pictures(args.path, args.fps, args.save)
    for name, time_s, taken in tqdm(pictures, unit="picture", disable=not sys.stderr.isatty()):
        if isinstance(taken, BadFrameError):
            tallied.skipped[taken.reason] += 1
            continue
        found = detector.found(taken, unsure)
        sure = found.confidence >= detector.thresholds[found.class_id]
        census, step = census.looked(found, sure, time_s, taken)
        if reader and not step.skipped:
            step = tallied.read(step, reader(taken))
        tallied.add(name, step, int(sure.sum()))
        if args.save:
            drawn = _drawn(taken, found, sure, step, bundle.labels)
            save_drawn(free_path(args.save, Path(name).stem, saved), drawn, SAVED_QUALITY)
    return tallied


def _pictures(path: Path, fps: float | None, save: Path | None) -> Iterator[tuple[str, float, Image | BadFrameError]]:
    """Name, time from the start in s, and each picture of a folder or a video. Raises UsageError."""
    if path.is_dir():
        names = sorted((p for p in pictures_in(path) if p.is_file()), key=_when)
        if not names:
            raise UsageError(f"{path}: no picture there; give a folder of pictures or a video")
        if save:
            check_save(names, save)
        for number, name in enumerate(names):
            yield name.name, number / (fps or 1.0), _read(name)
        return
    if not path.is_file():
        raise UsageError(f"{path}: is not there; give a folder of pictures or a video")
    with VideoFile(CameraTable(kind="opencv", source=str(path), every_s=0), SystemClock()) as video:
        rate = fps or video.fps
        for number in range(sys.maxsize):
            try:
                yield f"{number:06d}", number / rate, video.read(1.0).image
            except BadFrameError as why:
                yield f"{number:06d}", number / rate, why
            except CameraEndedError:
                return


def _when(path: Path) -> tuple[datetime, str]:
    """As a node sorts, but for the file's time, which copying changes: a picture without a time of its own is first."""
    return own_time(path) or datetime.min, path.name  # noqa: DTZ901  without zone, as the times of names and EXIF


def _read(path: Path) -> Image | BadFrameError:
    try:
        return read_picture(path)
    except BadFrameError as why:
        return why


def _result(tallied: Tallied, detector: Detector, scale: Scale) -> dict[str, Any]:
    """What `--json` prints."""
    accuracy, labels = accuracy_of(detector), detector.bundle.labels
    most = tallied.frames if tallied.mode == "leaf" else None  # leaves
    counts = [
        accuracy[labels[c]].counted(n, labels[c], tallied.squares[c] / n**2, most)
        for c, n in sorted(tallied.counts.items())
    ]
    result: dict[str, Any] = {
        "mode": tallied.mode,
        "unit": UNITS[tallied.mode],
        "model": f"{detector.bundle.name}@{detector.bundle.version}",
        "frames": tallied.frames,
        "skipped": dict(sorted(tallied.skipped.items())),
        "counts": [asdict(count) for count in counts],
    }
    if tallied.last and (card := tallied.last.card):
        result["card"] = {"present": card.present, "covered": round(card.covered, 3), "saturated": card.saturated}
    if tallied.mode == "leaf":
        for one in result["counts"]:
            one["incidence"] = incidence(one["count"], tallied.frames)
        result["leaf"] = _leaf(tallied, scale)
    return result


def _leaf(tallied: Tallied, scale: Scale) -> dict[str, Any]:
    index = mckinney_index(graded(tallied.severities, scale), scale.highest)
    stresses = {"stresses": dict(sorted(tallied.stresses.items()))} if tallied.stresses else {}
    return {
        "leaves": tallied.frames,
        "severity": round(mean(tallied.severities), 4) if tallied.severities else None,
        "index": None if index is None else round(index, 1),
        "scale": scale.source,
        **stresses,
    }


def _against(truth: Truth, tallied: Tallied, threshold: float | None) -> dict[str, Any]:
    unknown = [name for name, _ in truth.counts if name not in tallied.per_picture]
    both = [(y, tallied.per_picture[name][truth.what]) for name, y in truth.counts if name in tallied.per_picture]
    if not both:
        raise UsageError(f"{truth.name}: names none of the pictures that were counted; write their file names")
    if unknown:
        names = f"{len(unknown)} of its {len(truth.counts)} pictures ({unknown[0]})"
        print(f"fieldeye: {truth.name}: {names} were not counted, so they are not compared", file=sys.stderr)
    person, machine = zip(*both, strict=True)
    return {"what": truth.what, **asdict(agreement(person, machine, threshold))}


def _sentences(result: dict[str, Any]) -> str:
    reasons = ", ".join(f"{reason} {number}" for reason, number in result["skipped"].items())
    lines = [f"{result['mode']}: {result['frames']} pictures counted, {sum(result['skipped'].values())} not"]
    lines[0] += f" ({reasons})" if reasons else ""
    for count in result["counts"]:
        span = f" ({count['low']} to {count['high']})" if count["low"] is not None else ", range not measured"
        share = f", {count['incidence']:.0%} of the leaves" if "incidence" in count else ""
        lines.append(f"{count['label']}: {count['count']} {WORDS[result['unit']]}{span}{share}")
    if not result["counts"]:
        lines.append(f"none: 0 {WORDS[result['unit']]}")
    for part in ("card", "leaf", "against"):
        if part in result:
            lines.append(f"{part}: " + ", ".join(f"{key} {_said(value)}" for key, value in result[part].items()))
    return "\n".join(lines)


def _said(value: object) -> str:
    """As a person reads it."""
    if isinstance(value, dict):
        return " and ".join(f"{label or 'healthy'} on {leaves}" for label, leaves in value.items())
    return f"{value:.4g}" if isinstance(value, float) else "unknown" if value is None else str(value)


def _drawn(image: Image, found: Detections, sure: np.ndarray, step: Step, labels: tuple[str, ...]) -> Image:
    """The picture with each insect that has a number; on a card the new ones, on a leaf every lesion."""
    keep = sure if step.card is None and not step.number.any() else step.number > 0
    shown = found.where(np.flatnonzero(keep))
    marks = ["new" if step.card else str(n or "") for n in step.number[keep]]
    names = [f"{mark} {labels[c]}".strip() for mark, c in zip(marks, shown.class_id, strict=True)]
    numbered = Detections(shown.xyxy, shown.confidence, np.arange(len(shown)))
    return draw(image, numbered, names)
