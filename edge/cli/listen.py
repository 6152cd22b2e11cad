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
from edge.platform.ledger.album import Album, keep_picture

MOMENT_S = 1.0
UNITS = {
    "max_per_frame": "the most on one of {} frames",
    "visits": "visits on {} frames",
    "new": "new insects on {} frames",
    "affected_frames": "affected frames of {}",
}
WHY = {  # of the reasons that do not speak for themselves
    "no_frame": "no frame came",
    "still": "nothing moved",
    "format": "frames in an unknown format",
    "board": "a calibration board lies there",
    "unmatched": "the card is not recognised",
    "not_kept": "the card's state cannot be written",
}


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
            tell(told, as_json=args.json)
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


def tell(told: dict[str, Any], *, as_json: bool) -> None:
    """One decoded object. People are told nothing of an interval that ends as it begins: the node was stopped then."""
    if as_json or not _is_of_no_length(told):
        show(told, sentence(told), as_json=as_json)


def _is_of_no_length(told: dict[str, Any]) -> bool:
    if told["kind"] != "interval" or told.get("no_data") != "no_frame":  # a summary's times are no readings of a clock
        return False
    return bool(told["end"]["monotonic_s"] - told["start"]["monotonic_s"] < MOMENT_S)


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
        return f"{told['end']['utc']} {where} #{told['seq']} {_counted(told)}{again}"
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


def _counted(told: dict[str, Any]) -> str:
    if "counts" not in told:
        return f"counted nothing: {WHY.get(told['no_data'], told['no_data'].replace('_', ' '))}"
    counts = ", ".join(map(_count, told["counts"])) or "none"
    return f"counted {UNITS[told['unit']].format(told['frames'])}: {counts}"


def _count(taxon: dict[str, Any]) -> str:
    span = f" ({taxon['low']} to {taxon['high']})" if "low" in taxon else ""
    return f"{taxon['count']} x {taxon['label']}{span}"
