"""Discovery payloads, and states with the messages that they come from, as JSON for a program that cannot import us."""

import json

from msgspec.structs import replace

from edge.config import NodeTable
from edge.counts import NoData
from edge.mqtt.discovery import discovery_payload, discovery_topic
from edge.wire import Health, Info, encode_message, summary_of
from tests.contract.golden import MESSAGES
from tests.records import interval

NODE = NodeTable(site="farm-3", node="n1")


def told() -> dict[str, object]:
    """What `check.py` reads."""
    info, health = MESSAGES["info"], MESSAGES["health"]
    assert isinstance(info, Info)
    assert isinstance(health, Health)
    dark = interval(frames=0, counts=NoData("dark"))
    return {
        "topic": discovery_topic(NODE),
        "payload": discovery_payload(NODE, info).decode(),
        "messages": {
            "summary": encode_message(summary_of(interval())).decode(),
            "no_data": encode_message(summary_of(dark)).decode(),
            "health": encode_message(health).decode(),
            "slow": encode_message(summary_of(interval(unit="max_per_frame"))).decode(),
            "well, on mains": encode_message(replace(health, problem=None, battery_share=None)).decode(),
            "calm": encode_message(replace(health, alerts=[])).decode(),
            "never compared": encode_message(replace(health, alerts=[], compared=0)).decode(),
        },
        "states": [
            ["visits", "summary", "242"],
            ["visits", "slow", "None"],
            ["visits", "no_data", "None"],
            ["max_per_frame", "slow", "230"],
            ["level", "health", "look"],
            ["level", "calm", "calm"],
            ["level", "never compared", "None"],
            ["no_data", "no_data", "ON"],
            ["temperature", "health", "51.5"],
            ["battery", "health", "64"],
            ["battery", "well, on mains", "None"],
            ["problem", "health", "ON"],
            ["problem", "well, on mains", "OFF"],
        ],
    }


if __name__ == "__main__":
    print(json.dumps(told()))  # noqa: T201
