"""Topics `fieldeye/v1/<site>/<node>/<channel>`: made and taken apart."""

import re
from typing import NamedTuple

from edge.errors import WireError

ROOT = "fieldeye/v1"
CHANNELS = ("status", "info", "health", "records", "summary", "image", "cmd", "reply")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LEVELS = {"image": (1, 2), "cmd": (2, 2), "reply": (2, 2)}  # levels of a channel, when not just one


class Topic(NamedTuple):
    """A topic's parts. `channel` may have a second level, as in `cmd/replay`."""

    site: str
    node: str
    channel: str


def node_topic(site: str, node: str, channel: str) -> str:
    """The topic of one node's channel. Raises WireError if a part may not stand in a topic."""
    topic = f"{ROOT}/{site}/{node}/{channel}"
    if parse_topic(topic) != (site, node, channel):
        raise WireError(f"{topic!r} is no topic of this contract; use letters, digits, _ and - in site and node")
    return topic


def command_filter(site: str, node: str) -> str:
    """What a node subscribes to."""
    return node_topic(site, node, "cmd/any").removesuffix("any") + "+"


def parse_topic(topic: str) -> Topic:
    """Site, node and channel of a topic. Raises WireError for any topic that is not of this contract."""
    parts = topic.removeprefix(f"{ROOT}/").split("/")
    if not topic.startswith(f"{ROOT}/") or len(parts) < 3 or not all(_IDENTIFIER.fullmatch(part) for part in parts):
        raise WireError(f"{topic[:200]!r} is not {ROOT}/<site>/<node>/<channel>; subscribe to {ROOT}/# only")
    site, node, *levels = parts
    least, most = _LEVELS.get(levels[0], (1, 1))
    if levels[0] not in CHANNELS or not least <= len(levels) <= most:
        raise WireError(f"{topic[:200]!r} has no known channel; known are {', '.join(CHANNELS)}")
    return Topic(site, node, "/".join(levels))
