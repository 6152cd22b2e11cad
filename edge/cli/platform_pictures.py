"""Pictures that nodes sent, as COCO for whoever labels them: the model's boxes, on none of which a person decided."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge.cli.coco_folder import add_annotations, add_picture
from edge.cli.exporting import whole
from edge.errors import StoreError
from edge.exports.coco import CheckedPicture
from edge.wire import ImageHeader


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
        picture = add_picture(out, path.name, path.read_bytes(), {})
        if picture is not None:
            yield picture


def _kind(path: Path) -> str:
    """Of the header beside it; empty for one that cannot be read."""
    try:
        return msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=ImageHeader).kind
    except (OSError, ValueError):
        return ""
