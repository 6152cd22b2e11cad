"""`fieldeye update`: new software and models from signed bundles, and back again."""

import argparse
import subprocess
from collections.abc import Callable
from pathlib import Path

from edge.cli.exits import DONE
from edge.cli.results import show
from edge.errors import UsageError
from edge.updates.fetch import fetch_all
from edge.updates.inbox import Inbox
from edge.updates.lock import alone
from edge.updates.manifest import Kind
from edge.updates.slots import LINK, Places, floor, run_slots, running_counter, said, say, slot_paths, trial

SERVICE = "fieldeye.service"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `update`."""
    usual = Places()
    verbs = parser.add_subparsers(dest="update_verb", metavar="install|fetch|status|back", required=True)
    verb = verbs.add_parser("install", help="a bundle from a stick, or those that came over the network; as root")
    verb.add_argument("bundle", nargs="?", type=Path, metavar="FILE.update", help="the bundle, as on a stick")
    verb.add_argument("--inbox", type=Path, metavar="DIR", help=f"those that wait there; on a node {usual.inbox}")
    verb = verbs.add_parser("fetch", help="fetch what a command asked for into the inbox")
    verb.add_argument("--inbox", type=Path, default=usual.inbox, metavar="DIR", help=f"default: {usual.inbox}")
    verb = verbs.add_parser("status", help="what runs, what is on trial, how the last update ended")
    verb.add_argument("--json", action="store_true", help="one JSON object")
    verb = verbs.add_parser("back", help="the other slot's software runs; on trial if it is the newer; as root")
    for verb in verbs.choices.values():
        add_places(verb)


def add_places(parser: argparse.ArgumentParser) -> None:
    """Where the slots are, for a machine that is no node."""
    usual = Places()
    for option, default, metavar, what in (
        ("--opt", usual.opt, "DIR", "software and models in two slots each"),
        ("--keys", usual.keys, "DIR", "keys of who may sign"),
        ("--slots", usual.script, "FILE", "the script that switches"),
    ):
        parser.add_argument(option, type=Path, default=default, metavar=metavar, help=f"{what}; default: {default}")


def places_of(args: argparse.Namespace) -> Places:
    """Where the slots are."""
    return Places(args.opt, args.keys, args.slots)


def run(args: argparse.Namespace) -> int:
    """0 done, also when a waiting bundle was refused and removed; 1 if it has to be tried again."""
    return {"install": _install, "fetch": _fetch, "status": _status, "back": _back}[args.update_verb](args)


def there(bundle: Path) -> Path:
    """The file that was named. Raises UsageError if there is none."""
    if not bundle.is_file():
        raise UsageError(f"{bundle}: no such file; give a FILE.update, as `python -m firmware_config sign` makes it")
    return bundle


def go_back(kind: Kind, places: Places) -> None:
    """The other slot runs from now on; its number is printed: it may be the newer one."""
    with alone(places):
        before = running_counter(places, kind)
        run_slots(places, ["back", LINK[kind]])
        now, is_on_trial = running_counter(places, kind), trial(places, kind) is not None
        left, then = ("left", ", on trial from the next start on") if is_on_trial else ("taken back", " from now on")
        say(places, f"{kind} number {before} was {left} by hand, number {now} runs{then}")
    print(f"{kind}: number {now} runs from now on{', on trial' if is_on_trial else ''}")
    restart()


def print_installed(places: Places, work: Callable[[], list[str]]) -> None:
    """Print the sentences of an installation; what the links name runs from now on.

    Also where a bundle was refused for which another had been taken back.
    """
    before, sentences = slot_paths(places), list[str]()
    try:
        sentences = work()
        for sentence in sentences:
            print(sentence)
    finally:
        if slot_paths(places) != before or not all(sentence.startswith("refused") for sentence in sentences):
            restart()


def restart() -> None:
    """What was switched runs from now on, if the node runs as a service here."""
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["/usr/bin/systemctl", "--no-block", "try-restart", SERVICE], check=False)  # noqa: S603


def _install(args: argparse.Namespace) -> int:
    from edge.updates.install import install, install_waiting  # noqa: PLC0415  `status` works without the models' libraries

    if (args.bundle is None) == (args.inbox is None):
        raise UsageError("give one FILE.update, or --inbox DIR")
    places = places_of(args)
    if args.bundle is not None:
        print_installed(places, lambda: [install(there(args.bundle), places)])
    else:
        print_installed(places, lambda: install_waiting(args.inbox, places))
    return DONE


def _fetch(args: argparse.Namespace) -> int:
    print(f"{fetch_all(Inbox(args.inbox, places_of(args)))} fetched")
    return DONE


def _status(args: argparse.Namespace) -> int:
    places = places_of(args)
    kinds: dict[str, object] = {}
    lines = []
    for kind in LINK:
        runs, starts = running_counter(places, kind), trial(places, kind)
        least = max(floor(places, LINK[kind]), runs) + 1
        kinds[kind] = {"runs": runs, "least_accepted": least, "starts_on_trial": starts}
        on_trial = "" if starts is None else f", on trial after {starts} starts"
        lines.append(f"{kind}: number {runs}{on_trial}; {least} or higher is accepted")
    ended = said(places)
    show({**kinds, "said": ended}, *lines, ended or "nothing was updated yet", as_json=args.json)
    return DONE


def _back(args: argparse.Namespace) -> int:
    go_back("software", places_of(args))
    return DONE
