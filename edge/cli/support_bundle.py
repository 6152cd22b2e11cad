"""`fieldeye support-bundle`: what a person far away needs to help with this node, without any secret."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.changes import load_changed
from edge.cli.arguments import config_argument
from edge.cli.doctor import diagnose
from edge.cli.exits import DONE
from edge.cli.exporting import sync, whole
from edge.cli.page_verdict import answer
from edge.cli.results import say, show
from edge.clock import SystemClock
from edge.config import NodeConfig
from edge.errors import ConfigError, FieldeyeError
from edge.store import kept_records
from edge.support import LOG_LINES, about, as_json, figures_of, journal, known_secrets, pack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `support-bundle`."""
    config_argument(parser)
    parser.add_argument("--out", type=Path, metavar="FILE.zip", help="default: fieldeye-support-NODE.zip here")
    parser.add_argument("--log", type=Path, metavar="FILE", help="a log file; default: the journal of the service")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Whatever cannot be had is named in the bundle: a node in trouble is what it is for."""
    config, trouble = _config(args.config)
    out = args.out or Path(f"fieldeye-support-{config.node.node if config else 'unknown'}.zip")
    parts = {"about.json": about(SystemClock().now(), trouble), "log.txt": _log(args.log)}
    if config is not None:
        parts["config.json"] = as_json(msgspec.to_builtins(config))
        parts["doctor.txt"] = _doctor(config, trouble)
        parts["store.json"] = _had(lambda: _store(config))
        parts["health.json"] = _asked(config, "/api/v1/health")
        parts["metrics.txt"] = _asked(config, "/metrics")
    content = pack(parts, known_secrets(config, os.environ, [args.config.parent / "secrets"]))
    with whole(out) as beside, beside.open("wb") as file:
        file.write(content)
        sync(file)
    if trouble:
        say(trouble)
    told = {"bundle": str(out), "bytes": len(content), "parts": sorted(parts), "trouble": trouble}
    show(told, f"{out}: {len(content) / 1000:.0f} kB, {', '.join(sorted(parts))}", as_json=args.json)
    return DONE


def _config(path: Path) -> tuple[NodeConfig | None, str]:
    try:
        return load_changed(path)
    except ConfigError as why:
        return None, str(why)


def _log(file: Path | None) -> str:
    """The last lines of the service's journal, or of `file`."""
    if file is not None:
        return _had(lambda: "\n".join(file.read_text("utf-8", "replace").splitlines()[-LOG_LINES:]))
    return journal()


def _doctor(config: NodeConfig, refused: str) -> str:
    return "\n".join(f"{one.state}: {one.what}: {one.sentence}" for one in diagnose(config, SystemClock(), refused))


def _store(config: NodeConfig) -> str:
    """Figures and the audit trail; no records and no pictures."""
    with kept_records(Path(config.store.folder), config.node.node) as records:
        return figures_of(records)


def _asked(config: NodeConfig, address: str) -> str:
    """What the running node says of itself."""
    if config.page is None:
        return "this node has no page"
    return answer(config.page, address).decode("utf-8", "replace") or "the node did not answer"


def _had(part: Callable[[], str]) -> str:
    """A part, or why it cannot be had."""
    try:
        return part()
    except (FieldeyeError, OSError) as why:
        return f"cannot be had: {why}"
