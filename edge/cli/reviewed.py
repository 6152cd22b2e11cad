"""`fieldeye reviewed`: pictures that people checked on the page, as COCO for `training`."""

import argparse
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from edge.annotations import annotated, found_outside
from edge.cameras.headers import read_header
from edge.changes import load_changed
from edge.cli.arguments import config_argument
from edge.cli.exits import DONE
from edge.clock import SystemClock
from edge.config import NodeConfig
from edge.durable import write_durably
from edge.errors import BadFrameError, StoreError, UsageError
from edge.exports.coco import Checked, CheckedPicture, Said, coco
from edge.store import Decision, Decisions, Records, kept_records

IMAGES, ANNOTATIONS = "images", "annotations.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `reviewed`."""
    config_argument(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="for images/ and annotations.json")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")


def run(args: argparse.Namespace) -> int:
    """The node may go on meanwhile. A picture that is no longer kept is left out, and told."""
    config, _ = load_changed(args.config)
    folder = Path(config.store.folder)
    if (args.out / ANNOTATIONS).exists():
        raise UsageError(f"{args.out}: has {ANNOTATIONS} already, with labels of before; name a new folder with --out")
    with kept_records(folder, config.node.node) as records, closing(Decisions(folder)) as decisions:
        wanted = decisions.pictures()
        found = list(_written(wanted, records, decisions, args.out))
    put_into(args.out / ANNOTATIONS, json.dumps(_document(found, config), ensure_ascii=False, indent=1).encode())
    told = {"folder": str(args.out), "pictures": len(found), "gone": len(wanted) - len(found), **_numbers(found)}
    print(json.dumps(told) if args.json else _said(told))
    return DONE


def _written(wanted: list[str], records: Records, decisions: Decisions, folder: Path) -> Iterator[CheckedPicture]:
    """Those still kept, each put into the folder as it was taken."""
    for name in wanted:
        jpeg = records.picture(name)
        picture = None if jpeg is None else checked_picture(f"{name}.jpg", jpeg, decisions.on(name))
        if jpeg is not None and picture is not None:
            put_into(folder / IMAGES / picture.file_name, jpeg)
            yield picture


def checked_picture(file_name: str, jpeg: bytes, decided: dict[int, Decision]) -> CheckedPicture | None:
    """None for a broken picture."""
    try:
        header = read_header(jpeg)
    except BadFrameError:
        return None
    boxes = [
        Checked(seen, Said(decided[at].label, decided[at].who, decided[at].utc) if at in decided else None)
        for at, seen in enumerate(annotated(jpeg))
    ]
    return CheckedPicture(
        file_name=file_name, width_px=header.width_px, height_px=header.height_px, boxes=boxes,
        outside=found_outside(jpeg),
    )  # fmt: skip


def _document(found: list[CheckedPicture], config: NodeConfig) -> dict[str, object]:
    node = config.node
    return coco(found, f"checked by people on the node {node.site}/{node.node}", SystemClock().now().utc)


def _numbers(found: list[CheckedPicture]) -> dict[str, int]:
    said = [box.said for picture in found for box in picture.boxes]
    decided = [one for one in said if one is not None]
    return {
        "kept": sum(bool(one.label) for one in decided),
        "rejected": sum(not one.label for one in decided),
        "undecided": len(said) - len(decided),
    }


def _said(told: dict[str, object]) -> str:
    gone = f", {told['gone']} no longer kept" if told["gone"] else ""
    return (
        f"{told['folder']}: {told['pictures']} pictures{gone}; boxes: {told['kept']} confirmed or renamed, "
        f"{told['rejected']} rejected, {told['undecided']} undecided"
    )


def put_into(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, content)
    except OSError as why:
        raise StoreError(f"{path}: cannot be written ({why.strerror or why}); check the stick") from why
