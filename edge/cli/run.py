"""`fieldeye run`: a node, until SIGTERM or Ctrl-C, or until a folder or video has been shown once."""

import argparse
import logging
import os
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import NamedTuple

from edge.app import build
from edge.cli.check import DEFAULT_CONFIG
from edge.cli.exits import DONE
from edge.cli.stopping import stop_on_signal
from edge.config import NodeConfig, load_config, safe_config
from edge.durable import write_durably
from edge.errors import ConfigError

log = logging.getLogger("fieldeye")

LAST_GOOD = "last-good.toml"


class Chosen(NamedTuple):
    """The configuration to run with; `refused` says what is wrong with the one that was meant."""

    config: NodeConfig
    refused: str = ""
    looks: bool = True  # False: there is nothing to look with, only the page works


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `run`."""
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=f"default: {DEFAULT_CONFIG}"
    )
    parser.add_argument(
        "--unattended",
        action="store_true",
        help="for the service: go on with the last good settings, or a store in memory, and say so on the page",
    )


def run(args: argparse.Namespace) -> int:
    """0 after a clean stop; 2 with a wrong configuration, unless unattended."""
    stop = Event()
    stop_on_signal(stop)
    chosen = _settled(args.config) if args.unattended else Chosen(load_config(args.config))
    with ExitStack() as parts:
        node = build(chosen.config, parts, stop, refused=chosen.refused, looks=chosen.looks, unattended=args.unattended)
        if not chosen.refused:
            _keep_as_last_good(args.config, Path(chosen.config.store.folder))
        node.run()
    return DONE


def _settled(path: Path) -> Chosen:
    """The configuration that was meant, else the last good one, else nothing but a page that says why."""
    try:
        return Chosen(load_config(path))
    except ConfigError as why:
        log.error("config_refused", extra={"why": str(why)})  # noqa: TRY400  the sentence says all, a trace adds nothing
        state = Path(os.environ.get("STATE_DIRECTORY", "/var/lib/fieldeye"))
        try:
            return Chosen(load_config(state / LAST_GOOD), str(why))
        except ConfigError:
            return Chosen(safe_config(state), str(why), looks=False)


def _keep_as_last_good(path: Path, state: Path) -> None:
    """Copy a configuration that a node has started with. A full disk is no reason not to look."""
    try:
        content, kept = path.read_bytes(), state / LAST_GOOD
        if kept.exists() and kept.read_bytes() == content:
            return
        write_durably(kept, content)
    except OSError as why:
        log.warning("config_not_kept", extra={"why": str(why)})
