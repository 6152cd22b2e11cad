"""Discovery payloads, and states with the messages that they come from, as JSON for a program that cannot import us."""

import json

from edge.config import NodeTable
from edge.counts import NoData
from edge.mqtt.discovery import discovery_payload, discovery_topic
from edge.wire import Info, encode_message, summary_of
from tests.contract.golden import MESSAGES
from tests.records import interval

NODE = NodeTable(site="farm-3", node="n1")


def told() -> dict[str, object]:
    """What `check.py` reads."""
    info = MESSAGES["info"]
    assert isinstance(info, Info)
    dark = interval(frames=0, counts=NoData("dark"))
    return {
        "topic": discovery_topic(NODE),
        "payload": discovery_payload(NODE, info).decode(),
        "messages": {
            "summary": encode_message(summary_of(interval())).decode(),
            "no_data": encode_message(summary_of(dark)).decode(),
            "health": encode_message(MESSAGES["health"]).decode(),
        },
        "states": [
            ["counted", "summary", "242"],
            ["counted", "no_data", "None"],
            ["no_data", "no_data", "ON"],
            ["temperature", "health", "51.5"],
            ["battery", "health", "None"],
            ["problem", "health", "OFF"],
        ],
    }


if __name__ == "__main__":
    print(json.dumps(told()))  # noqa: T201
