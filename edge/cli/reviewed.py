"""`fieldeye reviewed`: pictures that people checked on the page, as COCO for `training`."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from edge.changes import load_changed
from edge.cli.arguments import config_argument
from edge.cli.coco_folder import ANNOTATIONS, add_annotations, add_picture
from edge.cli.exits import DONE
from edge.cli.results import show
from edge.errors import UsageError
from edge.exports.coco import CheckedPicture
from edge.store import Decision, Records, kept_decisions, kept_records


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
    with kept_records(folder, config.node.node) as records:
        decisions = kept_decisions(folder)
        found = list(_written(decisions, records, args.out))
    add_annotations(args.out, found, f"checked by people on the node {config.node.site}/{config.node.node}")
    told = {"folder": str(args.out), "pictures": len(found), "gone": len(decisions) - len(found), **_numbers(found)}
    show(told, _said(told), as_json=args.json)
    return DONE


def _written(
    decisions: Mapping[str, Mapping[int, Decision]], records: Records, folder: Path
) -> Iterator[CheckedPicture]:
    """Those still kept, each put into the folder as it was taken."""
    for name, decided in decisions.items():
        jpeg = records.picture(name)
        picture = None if jpeg is None else add_picture(folder, f"{name}.jpg", jpeg, decided)
        if picture is not None:
            yield picture


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
