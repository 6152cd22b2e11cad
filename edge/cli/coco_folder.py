"""A folder of pictures with their boxes as COCO, for training and for programs in which people label."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.annotations import annotated, found_outside
from edge.cameras.headers import read_header
from edge.clock import SystemClock
from edge.durable import write_durably
from edge.errors import BadFrameError, StoreError
from edge.exports.coco import Checked, CheckedPicture, Said, coco
from edge.store import Decision

IMAGES, ANNOTATIONS = "images", "annotations.json"


def add_picture(folder: Path, name: str, jpeg: bytes, decided: Mapping[int, Decision]) -> CheckedPicture | None:
    """Put it there as it was taken; None for a broken one, which is left out. Raises StoreError."""
    try:
        header = read_header(jpeg)
    except BadFrameError:
        return None
    boxes = [
        Checked(seen, Said(decided[at].label, decided[at].who, decided[at].utc) if at in decided else None)
        for at, seen in enumerate(annotated(jpeg))
    ]
    _put(folder / IMAGES / name, jpeg)
    return CheckedPicture(
        file_name=name, width_px=header.width_px, height_px=header.height_px, boxes=boxes, outside=found_outside(jpeg)
    )


def add_annotations(folder: Path, pictures: Sequence[CheckedPicture], says: str) -> None:
    """Of all its pictures, with what they are: the last that the folder needs. Raises StoreError."""
    document = coco(pictures, says, SystemClock().now().utc)
    _put(folder / ANNOTATIONS, json.dumps(document, ensure_ascii=False, indent=1).encode())


def _put(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, content)
    except OSError as why:
        raise StoreError(f"{path}: cannot be written ({why.strerror or why}); check the stick") from why
