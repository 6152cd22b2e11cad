"""`fieldeye check`: is this configuration right? Touches nothing but the file."""

import argparse
from pathlib import Path

from edge.changes import load_changed, set_on_page
from edge.cli.arguments import config_argument
from edge.cli.exits import DONE, WRONG_USE
from edge.cli.results import show
from edge.config import NodeConfig
from edge.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `check`."""
    config_argument(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """0 if the configuration can be used, 2 with the reason if not."""
    try:
        config, page = _meant(args.config), set_on_page(args.config)
    except ConfigError as why:
        if not args.json:
            raise
        show({"config": str(args.config), "ok": False, "error": str(why)}, str(why), as_json=True)
        return WRONG_USE
    site, node = config.node.site, config.node.node
    broker = f"to {config.mqtt.host}:{config.mqtt.port}" if config.mqtt else "kept on the node"
    right = f"{args.config}: right; {site}/{node}, {config.camera.kind} camera, records {broker}"
    found = {"config": str(args.config), "ok": True, "site": site, "node": node, "set_on_page": page}
    show(found, right, *page, as_json=args.json)
    return DONE


def _meant(path: Path) -> NodeConfig:
    """With what was changed on the page; a change that does not fit is as wrong as a line of the file."""
    config, refused = load_changed(path)
    if refused:
        raise ConfigError(refused)
    return config
