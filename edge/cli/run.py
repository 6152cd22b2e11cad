"""`fieldeye run`: a node, until SIGTERM or Ctrl-C, or until a folder or video has been shown once."""

import argparse
import logging
import os
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import NamedTuple

from edge.app import build
from edge.changes import load_changed
from edge.cli.arguments import config_argument
from edge.cli.exits import DONE, NOT_WELL
from edge.cli.stopping import stop_on_signal
from edge.config import NodeConfig, StoreTable, safe_config
from edge.durable import write_durably
from edge.errors import ConfigError
from edge.node.systemd import notify
from edge.updates.slots import Places, trial

log = logging.getLogger(__name__)

LAST_GOOD = "last-good.toml"


class Chosen(NamedTuple):
    """The configuration to run with; `refused` says what is wrong with the one that was meant."""

    config: NodeConfig
    refused: str = ""  # of node.toml, or of what was changed on the page
    is_meant: bool = True  # node.toml is in use
    looks: bool = True  # False: there is nothing to look with, only the page works


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `run`."""
    config_argument(parser)
    parser.add_argument(
        "--unattended",
        action="store_true",
        help="for the service: go on with the last good settings, or a store in memory, and say so on the page",
    )


def run(args: argparse.Namespace) -> int:
    """0 after a clean stop, 1 if a thread died (systemd then counts a bad end); 2 with a wrong configuration."""
    told, stop, again = Event(), Event(), Event()
    stop_on_signal(told, stop)
    is_well = _live(args, stop, again)
    while again.is_set():
        again.clear()
        stop.clear()
        if told.is_set():  # by now: it may have come in between
            break
        log.info("settings_changed")
        notify("WATCHDOG=1")  # closing may have taken long on a worn card, opening may as well
        is_well = _live(args, stop, again)
    return DONE if is_well else NOT_WELL


def _live(args: argparse.Namespace, stop: Event, again: Event) -> bool:
    """A node from its configuration to its end; did it end as it should?

    The page sets `again` to have another one with new settings.
    """

    def begin_again() -> None:
        again.set()
        stop.set()

    chosen = settled(args.config, Places()) if args.unattended else Chosen(*load_changed(args.config))
    with ExitStack() as parts:
        node = build(
            chosen.config,
            parts,
            stop,
            refused=chosen.refused,
            looks=chosen.looks,
            unattended=args.unattended,
            begin_again=begin_again,
        )
        if chosen.is_meant and args.unattended:
            _keep_as_last_good(args.config)
        return node.run()


def settled(path: Path, places: Places) -> Chosen:
    """The configuration that was meant, else the last good one, else nothing but a page that says why.

    Raises ConfigError while new software is on trial: a page alone would never fail, and the broker never be heard.
    """
    try:
        return Chosen(*load_changed(path))
    except ConfigError as why:
        log.error("config_refused", extra={"why": str(why)})  # noqa: TRY400  the sentence says all, a trace adds nothing
        state = _state()
        try:
            return Chosen(load_changed(state / LAST_GOOD)[0], str(why), is_meant=False)
        except ConfigError:
            if trial(places, "software") is not None:
                raise why from None
            return Chosen(safe_config(state), str(why), is_meant=False, looks=False)


def _state() -> Path:
    """The folder of the last good settings: not store.folder, which nobody knows once the settings cannot be read."""
    return Path(os.environ.get("STATE_DIRECTORY", StoreTable().folder))


def _keep_as_last_good(path: Path) -> None:
    """Copy a configuration that a node has started with. A full disk is no reason not to look."""
    try:
        content, kept = path.read_bytes(), _state() / LAST_GOOD
        if kept.exists() and kept.read_bytes() == content:
            return
        write_durably(kept, content)
    except OSError as why:
        log.warning("config_not_kept", extra={"why": str(why)})
