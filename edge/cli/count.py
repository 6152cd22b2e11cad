"""`fieldeye count`: what a video or a folder of pictures in time order shows, counted as a node counts it."""

import argparse
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import get_args

import numpy as np
from tqdm import tqdm

from edge.boxes import Image
from edge.bundle import find_bundle
from edge.cameras import Frame
from edge.cameras.opencv import VideoFile
from edge.cameras.picture_files import own_time
from edge.cameras.pictures import pictures_in, read_picture
from edge.cameras.pixels import image_and_luma
from edge.census import UNITS, Step, begun
from edge.cli.arguments import found_none
from edge.cli.count_result import Tallied, compared, reasons_of, result_of, sentences
from edge.cli.drawn_pictures import DrawnPictures
from edge.cli.exits import DONE
from edge.cli.results import say, show
from edge.cli.truth import read_truth
from edge.clock import SystemClock
from edge.config import MODELS_FOR, CameraTable, GateTable, Mode
from edge.counts import Unit
from edge.detections import Detections
from edge.detector import Detector
from edge.draw import draw
from edge.errors import BadFrameError, CameraEndedError, UsageError
from edge.eye import Eye
from edge.gate import GateState, Skip, is_worth_a_look
from edge.golden import tried
from edge.leaf_network import LeafReader, find_leaf
from edge.taxa import lesions_among
from edge.tracker.follow import PAUSE_S

SAVED_QUALITY = 85
_Taken = tuple[str, float, Image | BadFrameError | Skip]  # name, time from the start in s, what became of the picture
UNFOLLOWED = "insects were seen, but none on 3 of 5 pictures in a row; what single pictures show says: fieldeye detect"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `count`."""
    by_time = "a video, or a folder of pictures: by the time in name or EXIF, then by name"
    parser.add_argument("path", type=Path, metavar="PATH", help=by_time)
    parser.add_argument("--mode", required=True, choices=get_args(Mode), help="what the camera looks at")
    parser.add_argument(
        "--all", action="store_true", help="also pictures that a node passes over for their light: dark, without colour"
    )
    fps = "frames a second; default: a video's own. In live mode a folder's insects are followed only with it: without "
    fps += "it the most on one picture is counted"
    parser.add_argument("--fps", type=float, metavar="F", help=fps)
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
    parser.add_argument("--threshold", type=float, metavar="N", help="with --against: are both on one side of N?")


def run(args: argparse.Namespace) -> int:
    """0 if the pictures could be counted."""
    _check_options(args)
    truth = read_truth(args.against) if args.against else None
    if truth and truth.what == "new" and _unit(args) == "max_per_frame":
        raise UsageError(f"{truth.name}: without --fps no insect of a folder is known again; compare count, or give it")
    reader = find_leaf(args.crop) if args.crop else None
    detector = tried(find_bundle(args.model or MODELS_FOR[args.mode]))
    tallied = _count(args, detector, reader)
    if not tallied.frames and tallied.card is None:
        remedy = "give others" if args.all else "give others, or --all where their light alone is wrong"
        raise UsageError(f"{args.path}: no picture there can be used ({reasons_of(tallied.skipped)}); {remedy}")
    result = result_of(tallied, detector, reader.bundle.scale if reader else None)
    if truth:
        result["against"] = compared(truth, tallied, args.threshold)
    show(result, *sentences(result), as_json=args.json)
    if args.mode == "live" and not tallied.counts and any(one["count"] for one in tallied.per_picture.values()):
        say(UNFOLLOWED)
    elif not tallied.counts and not any(one["present"] for one in tallied.per_picture.values()):
        say(found_none(detector.bundle.name))
    return DONE


def _check_options(args: argparse.Namespace) -> None:
    """Raises UsageError for those that do not go together."""
    if args.fps is not None and not 0 < args.fps <= 240:
        raise UsageError(f"--fps {args.fps:g} is not above 0 and at most 240; 5 is usual for a video of insects")
    if args.fps is not None and args.mode == "live" and args.fps * PAUSE_S < 1:
        raise UsageError(
            f"--fps {args.fps:g}: pictures more than {PAUSE_S / 60:g} minutes apart show no visits;"
            " leave it out, and a folder's most on one picture is counted"
        )
    if args.crop and args.mode != "leaf":
        raise UsageError(f"--crop {args.crop} is for --mode leaf, not {args.mode}; leave it out")
    if args.threshold is not None and not args.against:
        raise UsageError(f"--threshold {args.threshold:g} is for --against; name a person's counts too")


def _count(args: argparse.Namespace, detector: Detector, reader: LeafReader | None) -> Tallied:
    bundle, eye, unit = detector.bundle, Eye(detector), _unit(args)
    tallied = Tallied(args.mode, unit)
    drawn = DrawnPictures(args.save, SAVED_QUALITY) if args.save else None
    kinds, lesions = len(bundle.classes), lesions_among(bundle.labels)
    census = None if unit == "max_per_frame" else begun(args.mode, kinds, lesions=lesions)
    if drawn and args.path.is_dir():
        drawn.check_apart(sorted(pictures_in(args.path)))
    pictures: Iterator[_Taken] = _pictures(args.path, args.fps)
    if not args.all:
        pictures = _in_light(pictures, args.mode)
    for name, time_s, taken in tqdm(pictures, unit="picture", disable=not sys.stderr.isatty()):
        save_as = drawn.place(Path(name).stem) if drawn else None
        if isinstance(taken, BadFrameError | Skip):
            tallied.skipped[taken.reason] += 1
            continue
        found, sure = eye.found(taken)
        if census is None:
            step = Step(found.class_id[sure], np.zeros(len(found), np.int64))
        else:
            census, step = census.looked(found, sure, time_s, taken)
        leaf = reader(taken) if reader and not step.skipped else None
        tallied.add(name, step, int(sure.sum()), leaf)
        if drawn and save_as:
            drawn.write(save_as, _drawn(taken, found, sure, step, bundle.labels))
    return tallied


def _unit(args: argparse.Namespace) -> Unit:
    """As a node's: nobody tells how far apart a folder's pictures are, unless `--fps` does."""
    is_film = args.fps is not None or not args.path.is_dir()
    return UNITS[args.mode] if is_film or args.mode != "live" else "max_per_frame"


def _in_light(pictures: Iterator[_Taken], mode: Mode) -> Iterator[_Taken]:
    """With `Skip` for those that a node passes over for light or colour.

    Blur and stillness are told against the picture before, at a distance in time that files do not tell: each comes to
    the gate as the first, but for whether one with colour came before it.
    """
    in_colour = False
    for name, time_s, taken in pictures:
        if isinstance(taken, BadFrameError | Skip):
            yield name, time_s, taken
            continue
        frame = Frame(*image_and_luma(taken, CameraTable(kind="folder", source="")), SystemClock().now(), name, 0)
        answer, state = is_worth_a_look(frame, GateState(in_colour=in_colour), GateTable(), mode)
        in_colour = state.in_colour
        yield name, time_s, answer if isinstance(answer, Skip) else taken


def _pictures(path: Path, fps: float | None) -> Iterator[_Taken]:
    """Each picture of a folder or a video. Raises UsageError."""
    if path.is_dir():
        names = sorted((p for p in pictures_in(path) if not p.is_dir()), key=_when)
        if not names:
            raise UsageError(f"{path}: no picture there; give a folder of pictures or a video")
        for number, name in enumerate(names):
            yield name.name, number / (fps or 1.0), _read(name)
        return
    if not path.is_file():
        raise UsageError(f"{path}: is not there; give a folder of pictures or a video")
    with VideoFile(CameraTable(kind="opencv", source=str(path), every_s=0), SystemClock()) as video:
        time_s = -1.0
        for number in count():
            taken: Image | BadFrameError
            try:
                taken = video.read(1.0).image
            except BadFrameError as why:
                taken = why
            except CameraEndedError:
                return
            time_s = video.time_s if video.time_s > time_s else time_s + 1 / video.fps
            yield f"{number:06d}", number / fps if fps else time_s, taken


def _when(path: Path) -> tuple[datetime, str]:
    """As a node sorts, but for the file's time, which copying changes: a picture without a time of its own is first."""
    return own_time(path) or datetime.min, path.name  # noqa: DTZ901  without zone, as the times of names and EXIF


def _read(path: Path) -> Image | BadFrameError:
    try:
        return read_picture(path)
    except BadFrameError as why:
        return why


def _drawn(image: Image, found: Detections, sure: np.ndarray, step: Step, labels: tuple[str, ...]) -> Image:
    """The picture with each insect that has a number; on a card the new ones, on a leaf every lesion."""
    keep = sure if step.card is None and not step.number.any() else step.number > 0
    shown = found.where(np.flatnonzero(keep))
    marks = ["new" if step.card else str(n or "") for n in step.number[keep]]
    names = [f"{mark} {labels[c]}".strip() for mark, c in zip(marks, shown.class_id, strict=True)]
    numbered = Detections(shown.xyxy, shown.confidence, np.arange(len(shown)))
    return draw(image, numbered, names)
