"""`fieldeye reset-password`: on the node itself, a new password when nobody knows one any more. The node may run."""

import argparse
import os
from contextlib import closing
from pathlib import Path

from edge.cli.arguments import config_argument
from edge.cli.exits import DONE
from edge.cli.results import say, show
from edge.clock import SystemClock
from edge.config import load_config
from edge.errors import UsageError
from edge.page.accounts.passwords import hashed, proposed
from edge.page.accounts.people import LONGEST_NAME, as_name
from edge.store import Account, Accounts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `reset-password`."""
    config_argument(parser)
    parser.add_argument("--name", default="technician", help="whose; a name that is not known becomes a technician")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Prints the new password once. All phones of that name have to log in again."""
    asked = as_name(args.name)
    if not asked or len(asked) > LONGEST_NAME:
        raise UsageError(f"--name {args.name!r}: is 1 to {LONGEST_NAME} letters; give whose password it is")
    folder = Path(load_config(args.config).store.folder)
    damaged, password = _set_aside(folder), proposed()
    with closing(Accounts(folder)) as accounts:
        known = accounts.account(asked)
        role = known.role if known else "technician"
        name = known.name if known else asked
        accounts.put(Account(name=name, role=role, hash=hashed(password)), SystemClock().now().utc)
        _give_to_owner_of(folder)
    told = {"name": name, "role": role, "password": password}
    show(told, f"{name} ({role}) now logs in with: {password}", as_json=args.json)
    if _set_aside(folder) != damaged:  # which a node that runs has open
        say("the accounts were damaged and are set aside; restart the node if it runs, then add the others anew")
    return DONE


def _set_aside(folder: Path) -> set[Path]:
    """Accounts that were damaged."""
    return {*folder.glob("accounts.sqlite.damaged-*[0-9]")}


def _give_to_owner_of(folder: Path) -> None:
    """Run by root, the file is the service's all the same."""
    if os.geteuid() == 0:
        owner = folder.stat()
        for file in folder.glob("accounts.sqlite*"):
            os.chown(file, owner.st_uid, owner.st_gid)
