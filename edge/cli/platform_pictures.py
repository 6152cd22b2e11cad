"""Pictures that nodes sent, as COCO for whoever labels them: the model's boxes, on none of which a person decided."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge.cli.exporting import whole
from edge.cli.reviewed import ANNOTATIONS, IMAGES, checked_picture, put_into
from edge.clock import SystemClock
from edge.errors import StoreError
from edge.exports.coco import CheckedPicture, coco
from edge.wire import ImageHeader


def write_pictures(ledger: Path, out: Path) -> int:
    """Those of `<ledger>.pictures` that a node kept with its boxes; says how many. Raises StoreError, UsageError."""
    folder = ledger.with_name(f"{ledger.name}.pictures")
    if not folder.is_dir():
        raise StoreError(f"{folder}: nodes have sent no pictures; ask for some with cmd/image, or give another ledger")
    with whole(out, folder_of="coco") as beside:
        found = list(_written(folder, beside))
        document = coco(found, "boxes of the nodes' models, for people to decide on", SystemClock().now().utc)
        put_into(beside / ANNOTATIONS, json.dumps(document, ensure_ascii=False, indent=1).encode())
    return len(found)


def _written(folder: Path, out: Path) -> Iterator[CheckedPicture]:
    for path in sorted(folder.glob("*.jpg")):
        if _kind(path) != "picture":  # parts have no boxes, and questions belong to who asked
            continue
        jpeg = path.read_bytes()
        picture = checked_picture(path.name, jpeg, {})
        if picture is not None:
            put_into(out / IMAGES / path.name, jpeg)
            yield picture


def _kind(path: Path) -> str:
    """Of the header beside it; empty for one that cannot be read."""
    try:
        return msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=ImageHeader).kind
    except (OSError, msgspec.DecodeError):
        return ""
