"""`python -m firmware_config render FLEET.toml OUT`. Exit codes: 0 done, 2 wrong use or configuration."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.errors import FieldeyeError
from firmware_config.files import Changes, write
from firmware_config.fleet import load_fleet
from firmware_config.keys import KeyStore
from firmware_config.render import render

DONE, WRONG_USE = 0, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parser().parse_args(argv)
    os.umask(0o077)
    try:
        fleet = load_fleet(args.fleet)
        changes = write(render(fleet, KeyStore(args.keys or args.fleet.parent / "keys")), args.out)
    except FieldeyeError as why:
        print(f"firmware_config: {why}", file=sys.stderr)
        return WRONG_USE
    _tell(changes, len(fleet.nodes), args)
    return DONE


def _tell(changes: Changes, nodes: int, args: argparse.Namespace) -> None:
    if args.json:
        print(json.dumps({"nodes": nodes, **changes._asdict()}))
        return
    for name in changes.removed:
        print(f"removed {args.out / name}: no longer in the fleet")
    print(f"{args.out}: {nodes} nodes, {len(changes.written)} files written, the others were right already")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m firmware_config", description="Turns blank SD cards into nodes.")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True)
    verb = verbs.add_parser("render", help="from one fleet file to the files of each card and of the broker")
    verb.add_argument("fleet", type=Path, metavar="FLEET.toml", help="see firmware_config/fleet.example.toml")
    verb.add_argument("out", type=Path, metavar="OUT", help="folder for nodes/, labels/, broker/ and platform/")
    verb.add_argument(
        "--keys", type=Path, metavar="DIR", help="the key store; default: keys beside the fleet file. Keep a copy of it"
    )
    verb.add_argument("--json", action="store_true", help="one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
