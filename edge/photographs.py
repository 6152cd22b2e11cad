"""Looks at one photograph from a phone, in a process of its own: python -m edge.photographs MODELS KIND… <in >out

A stranger's file is decoded here and not in the node: whatever it does to the decoder ends with this process, which has
little memory and time, stands behind the node's loop, and leaves none of its memory behind. The pixels are encoded
anew, so that neither a position in the file nor anything else that was in it is kept.
"""

import os
import resource
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import cv2
import msgspec
import numpy as np

from edge.boxes import Image, at_most
from edge.bundle import find_bundle, load_release
from edge.cameras.headers import Header, check_unpacked, read_header
from edge.config import GateTable
from edge.counts import Box, TaxonCount
from edge.detector import Detector
from edge.draw import jpeg
from edge.errors import BadFrameError, BundleError, UsageError
from edge.eye import accuracy_of
from edge.gate import hinders
from edge.updates.models import models_folder

MOST_UPLOAD_BYTES = 8_000_000  # a phone's photograph has 3 to 6 MB; the page's script sends a smaller one
LONGEST_PX = 1280  # kept and looked at: models take squares of 416 px, and a card counts as well as at 2592 px
MOST_KEPT_BYTES = 500_000  # of the JPEG that is kept: what a question to the station carries
SMALLEST_SIDE_PX = 64
MOST_PX = {  # JPEG is decoded at a fraction of its size, the others whole
    b"\xff\xd8\xff": 26_000_000,
    b"\x89PNG": 9_000_000,
    b"RIFF": 9_000_000,
}
# Of a progressive JPEG. More do not fit at CMYK's 8 bytes a px; at the usual 6, 17 million do.
MOST_LAYERED_PX = 13_000_000
QUALITIES = (85, 70, 55, 40)
UNSURE_SHARE = 0.5  # of a class's threshold: worth a "perhaps"
NICE = 15  # with both busy, the loop keeps nineteen twentieths of a core
MOST_DATA_BYTES = 200_000_000  # of memory asked for, 95 MB of it before the photograph: beside the node it must fit
MOST_CPU_S = 240  # a card takes 1.3 s on a fast core; the smallest board is a hundred times as slow
KINDS = ("pests", "diseases")  # the bundles of that name
CARD = "cards"  # likewise: only where somebody says that it is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something on a photograph. `precision`: share of such findings that were right in tests, None: not measured."""

    model: str  # name of the bundle
    label: str
    eppo: str
    confidence: float
    is_sure: bool  # above the model's own threshold
    box: Box
    precision: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What comes out, before the JPEG's bytes. `why` is a reason for `refused` and a sentence for `failed`."""

    state: Literal["done", "refused", "failed"]
    width_px: int = 0
    height_px: int = 0
    found: tuple[Found, ...] = ()  # surest first
    counts: tuple[TaxonCount, ...] | None = None  # on a sticky card, the most first; None: it was not taken for one
    why: str = ""


def main(models: Path, kinds: Sequence[str], upload: BinaryIO, out: BinaryIO) -> None:
    """Look at `upload` with the models of those kinds: a line of JSON, then the photograph as it is kept.

    `models`: the folder of installed ones.
    """
    answer, kept = _answer(models, kinds, upload.read(MOST_UPLOAD_BYTES + 1))
    out.write(msgspec.json.encode(answer) + b"\n" + kept)
    out.flush()


def _answer(models: Path, kinds: Sequence[str], data: bytes) -> tuple[Answer, bytes]:
    try:
        image = decoded(data)
    except BadFrameError as why:
        return Answer(state="refused", why=why.reason), b""
    hindrance = hinders(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8), GateTable())
    if hindrance is not None:
        return Answer(state="refused", why=hindrance), b""
    height_px, width_px = image.shape[:2]
    found, counts = [], None
    try:
        for kind in kinds:
            detector = _detector(kind, models)
            found += found_by(detector, image)
            if kind == CARD:
                counts = counted_on_card(detector, found)
    except (BundleError, UsageError) as why:
        return Answer(state="failed", why=str(why)), b""
    found.sort(key=lambda one: (not one.is_sure, -one.confidence))
    told = Answer(state="done", width_px=width_px, height_px=height_px, found=tuple(found), counts=counts)
    return told, kept_jpeg(image)


def _detector(kind: str, models: Path) -> Detector:
    return Detector(load_release(find_bundle(kind, models_folder(kind, models))))


def checked(data: bytes) -> Header:
    """What an upload says of itself, without decoding it. Raises BadFrameError with a reason."""
    most_px = next((limit for start, limit in MOST_PX.items() if data.startswith(start)), None)
    if most_px is None:
        raise BadFrameError("is no JPEG, PNG or WebP; send one", reason="not_an_image" if data else "empty")
    header = read_header(data)
    size = f"is {header.width_px}x{header.height_px} px"
    if header.width_px * header.height_px > most_px or len(data) > MOST_UPLOAD_BYTES:
        raise BadFrameError(f"{size} and {len(data)} bytes; send a smaller one", reason="too_large")
    if min(header.width_px, header.height_px) < SMALLEST_SIDE_PX:
        raise BadFrameError(f"{size}; take it from nearer", reason="too_small")
    if not header.is_whole:
        raise BadFrameError("is cut off; send it again", reason="truncated")
    return header


def decoded(data: bytes) -> Image:
    """An upload as (H, W, 3) uint8 BGR of at most LONGEST_PX, upright. Raises BadFrameError with a reason."""
    header = checked(data)
    check_unpacked(data)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _reduced(header))
    except (cv2.error, MemoryError) as why:
        raise _undecoded(header) from why
    if image is None:
        raise _undecoded(header)
    return at_most(np.asarray(image, np.uint8), LONGEST_PX)


def _undecoded(header: Header) -> BadFrameError:
    """The decoder does not tell a lack of memory from damage."""
    if not header.in_one_scan and header.width_px * header.height_px > MOST_LAYERED_PX:
        return BadFrameError("is too large for a progressive JPEG; send a smaller one", reason="too_large")
    return BadFrameError("cannot be decoded; take it again", reason="damaged")


def _reduced(header: Header) -> int:
    """The smallest of a JPEG's own sizes that is not below LONGEST_PX."""
    longest = max(header.width_px, header.height_px)
    steps = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}
    return next((flag for step, flag in steps.items() if longest >= step * LONGEST_PX), cv2.IMREAD_COLOR)


def kept_jpeg(image: Image) -> bytes:
    """Pixels only, in at most MOST_KEPT_BYTES."""
    tried = (jpeg(image, quality) for quality in QUALITIES)
    small = next((content for content in tried if len(content) <= MOST_KEPT_BYTES), None)
    return small if small is not None else jpeg(at_most(image, LONGEST_PX // 2), QUALITIES[-1])


def found_by(detector: Detector, image: Image) -> list[Found]:
    """What one model finds, down to half of its thresholds."""
    height_px, width_px = image.shape[:2]
    sides = (width_px, height_px, width_px, height_px)
    seen = detector.found(image, np.asarray(detector.thresholds * UNSURE_SHARE, np.float32))
    found = []
    for xyxy, confidence, class_id in zip(seen.xyxy, seen.confidence, seen.class_id, strict=True):
        known = detector.bundle.classes[int(class_id)]
        left, top, right, bottom = (float(value) / side for value, side in zip(xyxy, sides, strict=True))
        found.append(
            Found(
                model=detector.bundle.name,
                label=known.label,
                eppo=known.eppo,
                confidence=float(confidence),
                is_sure=bool(confidence >= detector.thresholds[class_id]),
                box=(left, top, right, bottom),
                precision=known.precision,
            )
        )
    return found


def counted_on_card(detector: Detector, found: Sequence[Found]) -> tuple[TaxonCount, ...]:
    """How many of each taxon of which the model is sure, with the range that its tests leave open; the most first."""
    accuracy = accuracy_of(detector)
    sure = Counter(one.label for one in found if one.is_sure)
    return tuple(accuracy[label].counted(count, label, "max_per_frame") for label, count in sure.most_common())


def _hold_back() -> None:
    """Little memory, little time, and behind whoever else wants the processor."""
    with suppress(OSError):  # a hardened service may not set priorities
        os.nice(NICE)
    with suppress(OSError):  # the first that the kernel takes where memory runs out, and not the node
        Path("/proc/self/oom_score_adj").write_text("1000")
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_DATA_BYTES, MOST_DATA_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cv2.setNumThreads(1)


if __name__ == "__main__":
    _hold_back()
    main(Path(sys.argv[1]), sys.argv[2:], sys.stdin.buffer, sys.stdout.buffer)
