"""Pictures that nodes sent, as COCO for whoever labels them: the model's boxes, on none of which a person decided."""

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge.cli.coco_folder import add_annotations, add_picture
from edge.cli.exporting import whole
from edge.errors import StoreError
from edge.exports.coco import CheckedPicture
from edge.wire import ImageHeader

log = logging.getLogger(__name__)


def write_pictures(ledger: Path, out: Path) -> int:
    """Those of `<ledger>.pictures` that a node kept with its boxes; says how many. Raises StoreError, UsageError."""
    folder = ledger.with_name(f"{ledger.name}.pictures")
    if not folder.is_dir():
        raise StoreError(f"{folder}: nodes have sent no pictures; ask for some with cmd/image, or give another ledger")
    with whole(out, folder_of="coco") as beside:
        found = list(_written(folder, beside))
        add_annotations(beside, found, "boxes of the nodes' models, for people to decide on")
    return len(found)


def _written(folder: Path, out: Path) -> Iterator[CheckedPicture]:
    for path in sorted(folder.glob("*.jpg")):
        if _kind(path) != "picture":  # parts have no boxes, and questions belong to who asked
            continue
        try:
            jpeg = path.read_bytes()
        except OSError as why:
            log.warning("picture_not_read", extra={"path": str(path), "why": why.strerror})
            continue
        picture = add_picture(out, path.name, jpeg, {})
        if picture is not None:
            yield picture


def _kind(path: Path) -> str:
    """Of the header beside it; empty for one that cannot be read."""
    try:
        return msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=ImageHeader).kind
    except (OSError, ValueError):
        return ""
