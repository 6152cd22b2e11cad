"""What each command of `python -m firmware_config` does."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from edge.errors import UsageError, to_read
from edge.updates.signed import check_whole
from firmware_config.access import users
from firmware_config.files import write
from firmware_config.fleet import Fleet, load_fleet
from firmware_config.keys import KeyStore
from firmware_config.render import render
from firmware_config.revocation import revoke
from firmware_config.rotation import finish_rotation, rotation_bundle
from firmware_config.send import Sender
from firmware_config.sign import SYSTEM, model_files, next_counter, signed_bundle, signing_key, software_files
from firmware_config.system import system_archive
from firmware_config.tls import site_authority


def _render(args: argparse.Namespace, keys: KeyStore) -> None:
    fleet = load_fleet(args.fleet)
    changes, nodes = write(render(fleet, keys), args.out), len(fleet.nodes)
    if args.json:
        print(json.dumps({"nodes": nodes, **changes._asdict()}))
        return
    for name in changes.removed:
        print(f"removed {args.out / name}: no longer in the fleet")
    print(f"{args.out}: {nodes} nodes, {len(changes.written)} files written, the others were right already")


def _sign(args: argparse.Namespace, keys: KeyStore) -> None:
    fleet = load_fleet(args.fleet)  # a folder that was mistyped has no key, and one made there no node trusts
    if args.kind == "software":
        version, files = software_files(args.folder, thin=args.thin)
        files[SYSTEM] = system_archive(fleet)
    else:
        version, files = model_files(args.folder, args.model)
    key = signing_key(keys)
    counter = next_counter(keys, args.kind, args.counter)
    bundle = signed_bundle(args.kind, version, counter, files, key)
    keys.keep()  # first, since a number that was signed is never given out again
    _put(args.out, bundle)
    if args.kind == "software":  # cards that are set up from this folder know how new it is
        _put(args.folder / "counter", f"{counter}\n".encode())
    print(f"{args.out}: {args.kind} {version}, number {counter}, {len(bundle) / 1e6:.1f} MB")


def _revoke(args: argparse.Namespace, keys: KeyStore) -> None:
    fleet = load_fleet(args.fleet)
    authority = site_authority(keys, fleet.site.site)
    revoke(keys, authority, args.user)
    again = "its new files" if args.user in users(fleet) else "the broker's files without it"
    print(
        f"{args.user}: what it has is revoked; render for {again}, then run the broker's install.sh, "
        "with --afresh if others may have used it"
    )


def _rotate(args: argparse.Namespace, keys: KeyStore) -> None:
    fleet = _fleet_of(args)
    site = fleet.site.site
    if args.finish:
        finish_rotation(keys, site_authority(keys, site), args.node)
        print(f"{args.node}: render, then run the broker's install.sh; the old credentials open nothing any more")
        return
    if args.out is None:  # before anything has begun that --finish would end
        raise UsageError("name the file to write, OUT.update")
    bundle = rotation_bundle(keys, site_authority(keys, site), site, args.node, args.counter)
    keys.keep()
    _put(args.out, bundle)
    print(f"{args.out}: send it to {args.node}; when its health says that they are in use, run this with --finish")


def _send(args: argparse.Namespace, _keys: KeyStore) -> None:
    fleet = _fleet_of(args)
    try:
        bundle = args.bundle.read_bytes()
    except OSError as why:
        then = to_read(why, "give a signed bundle")
        raise UsageError(f"{args.bundle}: cannot be read ({why.strerror}); {then}") from why
    check_whole(args.bundle)  # the node would find out only after it has come over a slow line
    with Sender(fleet, args.out, args.node) as sender:
        if args.url:
            sender.tell(bundle, args.url)
        else:
            sender.send(bundle)
    done = "was told where to fetch it" if args.url else "has it"
    print(f"{args.node}: {done}; its health tells in some minutes how that ended")


def _fleet_of(args: argparse.Namespace) -> Fleet:
    """The fleet that `args.node` is of. Raises UsageError for a node of none."""
    fleet = load_fleet(args.fleet)
    if args.node not in {entry.node for entry in fleet.nodes}:
        raise UsageError(f"{args.node}: not in {args.fleet}; name one of its nodes")
    return fleet


def _put(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as why:
        raise UsageError(f"{path}: cannot be written ({why.strerror}); give another path") from why


VERBS: dict[str, Callable[[argparse.Namespace, KeyStore], None]] = {
    "render": _render,
    "sign": _sign,
    "revoke": _revoke,
    "send": _send,
    "rotate": _rotate,
}
