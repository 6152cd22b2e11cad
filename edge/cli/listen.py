"""`fieldeye listen`: what a broker is told, decoded as the platform sees it."""

import argparse
from pathlib import Path
from threading import Event
from typing import Any

import msgspec

from edge.cli.broker_arguments import add_broker_arguments, broker_address
from edge.cli.exits import DONE
from edge.cli.results import show
from edge.cli.stopping import stop_on_signal
from edge.errors import WireError
from edge.platform import Bad, Deduplicator, Heard, Message, Subscriber, decode
from edge.platform.album import Album, keep_picture


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `listen`."""
    add_broker_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a record or message")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="keep pictures and photographs there")


def run(args: argparse.Namespace) -> int:
    """Until Ctrl-C or SIGTERM."""
    stop = Event()
    stop_on_signal(stop)
    seen, album = Deduplicator(), Album()
    for message in Subscriber(broker_address(args)).messages(stop):
        heard = decode(message)
        is_image = isinstance(heard, Heard) and heard.topic.channel == "image"
        for told in _picture(message, album, args.pictures) if is_image else _records(heard, seen):
            show(told, sentence(told), as_json=args.json)
    return DONE


def _records(heard: Heard | Bad, seen: Deduplicator) -> list[dict[str, Any]]:
    """One object a record or message. Those sent again after a lost acknowledgement say so; a correction is none."""
    told = heard.as_json()
    if isinstance(heard, Heard):
        for one, decoded in zip(told, heard.records, strict=False):  # a message that is no batch has none
            if not seen.is_news(decoded.key, one.get("revision", 0)):
                one["repeated"] = True
    return told


def _picture(message: Message, album: Album, folder: Path | None) -> list[dict[str, Any]]:
    """One object once a picture is whole."""
    try:
        picture = album.take(message)
    except WireError as why:
        return Bad(message.topic, str(why)).as_json()
    if picture is None:
        return []
    where = {"site": picture.topic.site, "node": picture.topic.node}
    file = {} if folder is None else {"file": str(keep_picture(picture, folder))}
    return [{**msgspec.to_builtins(picture.header), **where, **file}]


def sentence(told: dict[str, Any]) -> str:
    """One decoded object as a line for people."""
    where = f"{told.get('site')}/{told.get('node')}"
    kind = told["kind"]
    again = " (sent again)" if told.get("repeated") else " (corrected)" if told.get("revision") else ""
    if kind == "sighting":
        at = told["at"]
        what = f"{told['count']} x {told['label']} ({told['confidence']:.0%})"
        return f"{at['utc']} {where} #{told['seq']} saw {what}{again}"
    if kind == "interval":
        return f"{told['end']['utc']} {where} #{told['seq']} counted {_counts(told)} on {told['frames']} frames{again}"
    if kind == "lost":
        return (
            f"{where} #{told['seq']} lost {told['count']} of {told['first_seq']}-{told['last_seq']}: {told['reason']}"
        )
    if kind == "status":
        return f"{where} is {told['state']}"
    if kind == "bad":
        return f"{told['topic']}: {told['error']}"
    return f"{where} {kind}{_pictured(told)}"


def _pictured(told: dict[str, Any]) -> str:
    if told["kind"] not in ("picture", "excerpt", "question"):
        return ""
    note = f": {told['note']}" if told.get("note") else ""
    return f" {told['id']} ({told['bytes'] / 1000:.0f} kB){note}"


def _counts(told: dict[str, Any]) -> str:
    if "counts" not in told:
        return f"nothing, because {told['no_data']}"
    return ", ".join(f"{taxon['count']} x {taxon['label']}" for taxon in told["counts"]) or "none"
