"""`fieldeye listen`: what a broker is told, decoded as the platform sees it."""

import argparse
import json
import ssl
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from threading import Event
from typing import Any

import msgspec

from edge.cli.exits import DONE
from edge.cli.stopping import stop_on_signal
from edge.config import LOOPBACK
from edge.errors import UsageError, WireError
from edge.mqtt import load_client, read_secret, secret_path, trusting
from edge.platform import Bad, BrokerAddress, Deduplicator, Heard, Message, Subscriber, decode
from edge.platform.album import Album, keep_picture

DEFAULT_PORT = 1883


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `listen`."""
    add_broker_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a record or message")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="keep pictures and photographs there")


def add_broker_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen, and as whom."""
    parser.add_argument("--broker", default="127.0.0.1:1883", metavar="HOST:PORT", help="default: 127.0.0.1:1883")
    parser.add_argument("--tls", action="store_true", help="encrypt and verify the broker")
    parser.add_argument("--ca-file", metavar="PEM", help="the broker's authority, if the system does not know it")
    parser.add_argument("--username", metavar="NAME")
    parser.add_argument("--password-file", metavar="FILE", help="a file of mode 0600")
    parser.add_argument("--client-file", metavar="PEM", help="certificate and key, for a broker that asks for them")
    parser.add_argument("--insecure", action="store_true", help="a password in plain text, for a laboratory only")


def broker_address(args: argparse.Namespace) -> BrokerAddress:
    """What the broker arguments describe. Raises UsageError, ConfigError."""
    host, port = _address(args.broker)
    is_encrypted = args.tls or args.ca_file or args.client_file
    if args.password_file and not is_encrypted and host not in LOOPBACK and not args.insecure:
        raise UsageError(
            f"--broker {args.broker} without --tls: the password would cross the network in the open; "
            "add --tls, or --insecure in a laboratory"
        )
    return BrokerAddress(
        host=host,
        port=port,
        tls=_tls(args) if is_encrypted else None,
        username=args.username,
        password=read_secret(args.password_file, "--password-file").reveal() if args.password_file else None,
        client_key=_client_key(args.client_file) if args.client_file else None,
    )


def run(args: argparse.Namespace) -> int:
    """Until Ctrl-C or SIGTERM."""
    stop = Event()
    stop_on_signal(stop)
    seen, album = Deduplicator(), Album()
    for message in Subscriber(broker_address(args)).messages(stop):
        heard = decode(message)
        is_image = isinstance(heard, Heard) and heard.topic.channel == "image"
        for told in _picture(message, album, args.pictures) if is_image else _records(heard, seen):
            print(json.dumps(told, ensure_ascii=False) if args.json else sentence(told), flush=True)
    return DONE


def _records(heard: Heard | Bad, seen: Deduplicator) -> list[dict[str, Any]]:
    """One object a record or message. Those sent again after a lost acknowledgement say so."""
    told = heard.as_json()
    if isinstance(heard, Heard):
        for one, decoded in zip(told, heard.records, strict=False):  # a message that is no batch has none
            if not seen.is_new(decoded.key):
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
    kind, again = told["kind"], " (sent again)" if told.get("repeated") else ""
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


def _address(broker: str) -> tuple[str, int]:
    with suppress(ValueError):  # an address of IPv6 has colons of its own
        return str(ip_address(broker.strip("[]"))), DEFAULT_PORT
    host, colon, port = broker.rpartition(":")
    if not colon:
        return broker, DEFAULT_PORT
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(f"--broker {broker} is no HOST:PORT; write for example 127.0.0.1:1883")
    return host.strip("[]"), int(port)


def _tls(args: argparse.Namespace) -> ssl.SSLContext:
    context = trusting(args.ca_file, "--ca-file")
    if args.client_file:
        load_client(context, args.client_file, "--client-file")
    return context


def _client_key(name: str) -> str:
    """Of a file that `_tls` could read, without the certificate, which is renewed more often."""
    return secret_path(name, "--client-file").read_text("latin-1").split("PRIVATE KEY-----")[1]
