"""`fieldeye detect`: what is on these pictures?"""

import argparse
import glob
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from edge.boxes import Floats
from edge.bundle import find_bundle
from edge.cameras.pictures import lit, name_of, pictures_in, read_picture
from edge.cli.arguments import MOST_THREADS, as_threads, found_none, model_argument
from edge.cli.drawn_pictures import DrawnPictures
from edge.cli.exits import DONE, NOT_WELL
from edge.cli.results import say, show
from edge.config import GateTable
from edge.detections import Detections
from edge.detector import Detector
from edge.draw import draw
from edge.errors import BadFrameError, UsageError
from edge.gate import has_colour
from edge.golden import tried

SAVED_QUALITY = 90


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `detect`."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="pictures, folders of pictures, or patterns like 'a/*.jpg'"
    )
    model_argument(parser)
    least = "0 to 1; replaces the model's own thresholds; for curves of precision and recall what its card names"
    parser.add_argument("--confidence", type=float, metavar="C", help=least)
    parser.add_argument("--json", action="store_true", help="one JSON object a picture")
    parser.add_argument("--save", type=Path, metavar="DIR", help="write the pictures with their boxes drawn into DIR")
    parser.add_argument(
        "--threads", type=as_threads, default=_spare_cores(), metavar="N", help="cores; default: all but 1"
    )


def run(args: argparse.Namespace) -> int:
    """0 if every picture could be looked at, 1 if one could not."""
    if args.confidence is not None and not 0 <= args.confidence <= 1:
        raise UsageError(f"--confidence {args.confidence:g} is not 0 to 1; 0.4 is usual")
    pictures = [path for word in args.paths for path in _named(word)]
    drawn = DrawnPictures(args.save, SAVED_QUALITY) if args.save else None
    if drawn:
        drawn.check_apart(pictures)
    release = find_bundle(args.model)
    detector = tried(release, threads=args.threads)
    least = detector.thresholds if args.confidence is None else np.full_like(detector.thresholds, args.confidence)
    if release.entry is None:
        say(f"{release.path} is in no manifest: neither hash nor golden picture vouch for it")
    failed = shown = 0
    quiet = not sys.stderr.isatty() or len(pictures) < 2
    for picture in tqdm(pictures, unit="picture", disable=quiet):
        result = _result(detector, least, picture, drawn, release.name)
        failed += "error" in result
        shown += len(result.get("detections", ()))
        with tqdm.external_write_mode():
            show(result, _sentence(result), as_json=args.json)
    if not shown and failed < len(pictures):
        say(found_none(release.name))
    return NOT_WELL if failed else DONE


def _result(
    detector: Detector, least: Floats, picture: Path, drawn: DrawnPictures | None, model: str
) -> dict[str, Any]:
    """What `--json` prints for one picture."""
    save_as = drawn.place(picture.stem) if drawn else None
    try:
        image = lit(read_picture(picture), name_of(picture))
        started_s = time.perf_counter()
        detections = detector.found(image, least)
    except BadFrameError as why:
        return {"image": str(picture), "error": str(why), "reason": why.reason}
    took_ms = (time.perf_counter() - started_s) * 1000
    if not detections and not has_colour(image, GateTable().colourless_levels):
        with tqdm.external_write_mode():
            say(f"{picture}: without colour, which the models know nothing of; a node does not count it")
    if drawn and save_as:
        drawn.write(save_as, draw(image, detections, detector.bundle.labels))
    return {
        "image": str(picture),
        "width": image.shape[1],
        "height": image.shape[0],
        "model": model,
        "ms": round(took_ms, 1),
        "detections": list(_rows(detections, detector)),
    }


def _rows(detections: Detections, detector: Detector) -> Iterator[dict[str, Any]]:
    for xyxy, confidence, class_id in zip(detections.xyxy, detections.confidence, detections.class_id, strict=True):
        known = detector.bundle.classes[class_id]
        yield {
            "label": known.label,
            "eppo": known.eppo,
            "confidence": float(f"{confidence:.4g}"),  # in decimals the faint would all be 0, without a rank
            "xyxy": [round(float(x), 1) for x in xyxy],
        }


def _sentence(result: dict[str, Any]) -> str:
    if "error" in result:
        return f"{result['image']}: {result['error'].removeprefix(Path(result['image']).name).lstrip()}"
    found = ", ".join(f"{d['label']} {d['confidence']:.2f}" for d in result["detections"]) or "nothing"
    return f"{result['image']}: {found} ({result['ms']:.0f} ms)"


def _named(word: str) -> list[Path]:
    """The files that a word names, in order. Raises UsageError for one that names none."""
    path = Path(word)
    if path.is_dir():
        found = sorted(p for p in pictures_in(path) if not p.is_dir())  # also a link to nothing, which is told
    elif path.exists():
        found = [path]
    else:
        names = glob.glob(word, recursive=True)  # noqa: PTH207  Path.glob takes no absolute pattern
        found = sorted(path for path in map(Path, names) if not path.is_dir())
    if not found:
        raise UsageError(f"{word}: no picture there; give a picture, a folder of pictures or a pattern")
    return found


def _spare_cores() -> int:
    return min(max(1, len(os.sched_getaffinity(0)) - 1), MOST_THREADS)
