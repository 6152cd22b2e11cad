"""`python -m firmware_config render|sign|send|revoke|rotate`. Exit codes: 0 done, 2 wrong use or configuration."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edge.errors import FieldeyeError, UsageError
from firmware_config.access import place_of, users
from firmware_config.files import Changes, write
from firmware_config.fleet import PLATFORM, Fleet, load_fleet
from firmware_config.keys import KeyStore
from firmware_config.node import PAGE
from firmware_config.render import render
from firmware_config.revocation import revoke
from firmware_config.rotation import finish_rotation, rotation_bundle
from firmware_config.send import Sender
from firmware_config.sign import SYSTEM, model_files, next_counter, signed_bundle, signing_key, software_files
from firmware_config.system import system_archive
from firmware_config.tls import site_authority

DONE, WRONG_USE = 0, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parser().parse_args(argv)
    os.umask(0o077)
    try:
        args.run(args, KeyStore(args.keys or args.fleet.parent / "keys"))
        sys.stdout.flush()
    except FieldeyeError as why:
        return _fail(str(why))
    except OSError as why:
        with suppress(OSError):
            sys.stdout.close()  # or Python tries once more at its end
        return _fail(f"{why.filename or 'standard output'}: {why.strerror}; mend that, and run it again")
    return DONE


def _fail(sentence: str) -> int:
    print(f"firmware_config: {sentence}", file=sys.stderr)
    return WRONG_USE


def _render(args: argparse.Namespace, keys: KeyStore) -> None:
    fleet = load_fleet(args.fleet)
    changes = write(render(fleet, keys), args.out)
    _tell(changes, len(fleet.nodes), args)


def _tell(changes: Changes, nodes: int, args: argparse.Namespace) -> None:
    if args.json:
        print(json.dumps({"nodes": nodes, **changes._asdict()}))
        return
    for name in changes.removed:
        print(f"removed {args.out / name}: no longer in the fleet")
    print(f"{args.out}: {nodes} nodes, {len(changes.written)} files written, the others were right already")


def _sign(args: argparse.Namespace, keys: KeyStore) -> None:
    if args.kind == "software":
        version, files = software_files(args.folder, thin=args.thin)
        files[SYSTEM] = system_archive(load_fleet(args.fleet), PAGE.port)
    else:
        version, files = model_files(args.folder, args.model)
    key = signing_key(keys)
    counter = next_counter(keys, args.kind, args.counter)
    bundle = signed_bundle(args.kind, version, counter, files, key)
    keys.keep()  # first, since a number that was signed is never given out again
    try:
        args.out.write_bytes(bundle)
        if args.kind == "software":  # cards that are set up from this folder know how new it is
            (args.folder / "counter").write_text(f"{counter}\n")
    except OSError as why:
        raise UsageError(f"{args.out}: cannot be written ({why.strerror}); give another path") from why
    print(f"{args.out}: {args.kind} {version}, number {counter}, {len(bundle) / 1e6:.1f} MB")


def _revoke(args: argparse.Namespace, keys: KeyStore) -> None:
    fleet = load_fleet(args.fleet)
    authority = site_authority(keys, fleet.site.site)
    revoke(keys, authority, args.user, place_of(args.user))
    again = "its new files" if args.user in users(fleet) else "the broker's files without it"
    print(f"{args.user}: what it has is revoked; render for {again}, then run the broker's install.sh")


def _rotate(args: argparse.Namespace, keys: KeyStore) -> None:
    fleet = _fleet_of(args)
    site, place = fleet.site.site, place_of(args.node)
    if args.finish:
        finish_rotation(keys, site_authority(keys, site), args.node, place)
        print(f"{args.node}: render, then run the broker's install.sh; the old credentials open nothing any more")
        return
    if args.out is None:  # before anything has begun that --finish would end
        raise UsageError("name the file to write, OUT.update")
    bundle = rotation_bundle(keys, site_authority(keys, site), site, args.node, place)
    keys.keep()
    _put(args.out, bundle)
    print(f"{args.out}: send it to {args.node}; when its health says that they are in use, run this with --finish")


def _send(args: argparse.Namespace, _keys: KeyStore) -> None:
    fleet = _fleet_of(args)
    try:
        bundle = args.bundle.read_bytes()
    except OSError as why:
        raise UsageError(f"{args.bundle}: cannot be read ({why.strerror}); give a signed bundle") from why
    with Sender(fleet, args.out, args.node) as sender:
        if args.url:
            sender.tell(bundle, args.url)
        else:
            sender.send(bundle)
    print(f"{args.node}: has it; its health tells in some minutes how the installation ended")


def _fleet_of(args: argparse.Namespace) -> Fleet:
    """The fleet that `args.node` is of. Raises UsageError for a node of none."""
    fleet = load_fleet(args.fleet)
    if args.node not in {entry.node for entry in fleet.nodes}:
        raise UsageError(f"{args.node}: not in {args.fleet}; name one of its nodes")
    return fleet


def _put(path: Path, bundle: bytes) -> None:
    try:
        path.write_bytes(bundle)
    except OSError as why:
        raise UsageError(f"{path}: cannot be written ({why.strerror}); give another path") from why


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m firmware_config", description="Turns blank SD cards into nodes.")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True)
    verb = verbs.add_parser("render", help="from one fleet file to the files of each card and of the broker")
    verb.add_argument("fleet", type=Path, metavar="FLEET.toml", help="see firmware_config/fleet.example.toml")
    verb.add_argument("out", type=Path, metavar="OUT", help="folder for nodes/, labels/, broker/ and platform/")
    verb.add_argument("--json", action="store_true", help="one JSON object")
    verb.set_defaults(run=_render)
    verb = verbs.add_parser("sign", help="one file of software or of models that the fleet's nodes will install")
    verb.add_argument("fleet", type=Path, metavar="FLEET.toml")
    verb.add_argument("kind", choices=["software", "models"])
    verb.add_argument("folder", type=Path, metavar="FOLDER", help="what bundle.sh made, or a folder of models")
    verb.add_argument("out", type=Path, metavar="OUT.update")
    verb.add_argument("--model", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    verb.add_argument(
        "--thin", action="store_true", help="software without its libraries, for nodes that have the same"
    )
    verb.add_argument("--counter", type=int, metavar="N", help="default: one more than the last; it can only rise")
    verb.set_defaults(run=_sign)
    verb = verbs.add_parser("revoke", help="what a node has now, on its card and label, opens nothing any more")
    verb.add_argument("fleet", type=Path, metavar="FLEET.toml")
    verb.add_argument("user", metavar="NODE", help=f"or {PLATFORM}")
    verb.set_defaults(run=_revoke)
    verb = verbs.add_parser("send", help="a signed bundle to a node, through the site's broker")
    verb.add_argument("fleet", type=Path, metavar="FLEET.toml")
    verb.add_argument("out", type=Path, metavar="OUT", help="the folder that render made: platform/ is used")
    verb.add_argument("node", metavar="NODE")
    verb.add_argument("bundle", type=Path, metavar="FILE.update")
    verb.add_argument("--url", metavar="URL", help="the node fetches the same file there by itself")
    verb.set_defaults(run=_send)
    verb = verbs.add_parser("rotate", help="new credentials for a node without a visit: send, wait, --finish")
    verb.add_argument("fleet", type=Path, metavar="FLEET.toml")
    verb.add_argument("node", metavar="NODE")
    verb.add_argument("out", type=Path, nargs="?", metavar="OUT.update")
    verb.add_argument("--finish", action="store_true", help="the node has them: the broker's files change over")
    verb.set_defaults(run=_rotate)
    for verb in verbs.choices.values():
        verb.add_argument(
            "--keys", type=Path, metavar="DIR", help="key store; default: keys beside the fleet file. Keep a copy of it"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
