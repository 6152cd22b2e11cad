"""Home Assistant is told how to show a node: one payload, states from what is sent anyway, unknown where nothing is.

The same payload against Home Assistant's own schemas: make test-homeassistant.
"""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jinja2.sandbox import SandboxedEnvironment

from edge.config import NodeTable
from edge.counts import NoData
from edge.mqtt.discovery import discovery_payload, discovery_topic
from edge.wire import CameraInfo, Health, Info, Status, encode_message, summary_of
from tests.broker import Broker
from tests.contract.golden import MESSAGES
from tests.node import NODE, SITE, running, to
from tests.records import count, interval
from tests.test_store import open_store
from tests.waiting import wait_until

NODE_TABLE = NodeTable(site=SITE, node=NODE)
TOPIC = f"homeassistant/device/fieldeye_{SITE}/{NODE}/config"
INFO = MESSAGES["info"]
assert isinstance(INFO, Info)
TOLD = json.loads(discovery_payload(NODE_TABLE, INFO))


BLIGHT, RUST = ("Phytophthora infestans", "PHYTIN"), ("Puccinia", "1PUCCG")
LEAF = CameraInfo(name="cam0", kind="folder", mode="leaf")
LEAF_TOLD = json.loads(discovery_payload(NODE_TABLE, Info(software="fieldeye", version="0", epoch="e", cameras=[LEAF])))


def shown(name: str, message: bytes, told: dict[str, Any] = TOLD) -> str:
    """The state of an entity after a message, by its template."""
    template = told["components"][name]["value_template"]
    return SandboxedEnvironment().from_string(template).render(value_json=json.loads(message))


def test_the_topic_and_the_ids_are_the_nodes() -> None:
    assert discovery_topic(NODE_TABLE) == TOPIC
    ids = [entity["unique_id"] for entity in TOLD["components"].values()]
    assert len(ids) == len(set(ids)) == 13
    assert all(one.startswith(f"fieldeye_{SITE}:{NODE}_") for one in ids)


def test_home_assistant_shows_what_runs_on_the_node_and_where_it_stands() -> None:
    device, origin = TOLD["device"], TOLD["origin"]
    assert (device["name"], device["suggested_area"]) == (NODE, SITE)
    assert (device["model"], device["sw_version"]) == ("pests 0.1.0", "0.1.0")
    assert origin == {"name": "fieldeye", "sw_version": "0.1.0"}, "without it nothing is shown"
    former = msgspec.structs.replace(INFO, models=[msgspec.structs.replace(INFO.models[0], sha256="")])
    assert json.loads(discovery_payload(NODE_TABLE, former))["device"]["model"] == "no model"
    assert TOLD["components"]["counted"]["json_attributes_topic"] == f"fieldeye/v1/{SITE}/{NODE}/summary"


def test_nodes_of_two_sites_at_one_broker_are_never_taken_for_one_device() -> None:
    nodes = NodeTable(site="north", node="field_1"), NodeTable(site="north_field", node="1")
    one, other = (json.loads(discovery_payload(node, INFO)) for node in nodes)
    assert discovery_topic(nodes[0]) != discovery_topic(nodes[1])
    assert one["device"]["identifiers"] != other["device"]["identifiers"]
    ids = {entity["unique_id"] for told in (one, other) for entity in told["components"].values()}
    assert len(ids) == 2 * len(one["components"])


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("counted", "242"),
        ("most", "Myzus persicae"),
        ("frames", "3540"),
        ("counted_at", "2026-07-01T13:00:00Z"),
        ("no_data", "OFF"),
    ],
)
def test_a_summary_is_shown(name: str, state: str) -> None:
    assert shown(name, encode_message(summary_of(interval()))) == state


def test_nothing_seen_is_a_zero_and_no_data_is_unknown() -> None:
    zero = encode_message(summary_of(interval(counts=())))
    dark = encode_message(summary_of(interval(frames=0, counts=NoData("dark"))))
    assert (shown("counted", zero), shown("most", zero), shown("no_data", zero)) == ("0", "none", "OFF")
    assert (shown("counted", dark), shown("most", dark), shown("no_data", dark)) == ("None", "None", "ON")


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("temperature", "51.5"), ("disk_free", "21000.0"), ("memory", "98.7"), ("battery", "64.0"),
        ("battery_voltage", "12.84"), ("waiting", "3"), ("camera", "ok"), ("problem", "ON"),
    ],
)  # fmt: skip
def test_health_is_shown(name: str, state: str) -> None:
    assert shown(name, encode_message(MESSAGES["health"])) == state


def test_a_node_with_which_nothing_is_wrong_has_no_problem() -> None:
    well = msgspec.structs.replace(MESSAGES["health"], problem=None)
    assert shown("problem", encode_message(well)) == "OFF"


@pytest.mark.parametrize(
    "name", ["temperature", "disk_free", "memory", "battery", "battery_voltage", "waiting", "camera"]
)
def test_what_a_board_cannot_tell_is_unknown_and_not_zero(name: str) -> None:
    health = Health(utc=MESSAGES["health"].utc, clock="synced", session=1, uptime_s=1.0)  # type: ignore[attr-defined]
    assert shown(name, encode_message(health)) == "None"


@pytest.mark.parametrize(
    ("state", "is_available"), [("online", "online"), ("offline", "offline"), ("stopped", "offline")]
)
def test_a_node_is_available_while_it_is_online(state: Any, is_available: str) -> None:
    (availability,) = TOLD["availability"]
    message = json.loads(encode_message(Status(state=state, session=1, connection=1)))
    template = SandboxedEnvironment().from_string(availability["value_template"])
    assert template.render(value_json=message) == is_available
    assert availability["topic"] == f"fieldeye/v1/{SITE}/{NODE}/status"


@pytest.mark.parametrize(
    ("rhythm", "of_summary_s", "of_health_s"),
    [({}, 7320, 240), ({"health_s": 600.0}, 7320, 1320), ({"longest_sleep_s": 86_400.0}, 93_720, 86_640)],
)
def test_a_value_is_unavailable_once_two_messages_have_not_come_beside_the_longest_sleep(
    rhythm: dict[str, float], of_summary_s: int, of_health_s: int
) -> None:
    told = json.loads(discovery_payload(NODE_TABLE, INFO, **rhythm))
    ages = {(one["state_topic"].rpartition("/")[2], one["expire_after"]) for one in told["components"].values()}
    assert ages == {("summary", of_summary_s), ("health", of_health_s)}


@pytest.mark.parametrize(
    ("state", "is_available"), [("online", "online"), ("stopped", "online"), ("offline", "offline")]
)
def test_a_node_that_may_sleep_is_available_while_it_is_stopped(state: Any, is_available: str) -> None:
    told = json.loads(discovery_payload(NODE_TABLE, INFO, longest_sleep_s=86_400.0))
    template = SandboxedEnvironment().from_string(told["availability"][0]["value_template"])
    message = json.loads(encode_message(Status(state=state, session=1, connection=1)))
    assert template.render(value_json=message) == is_available


@pytest.mark.parametrize(("line", "of_health_s"), [({"health_every_s": 300.0}, 720), ({"daily_mb": 1.0}, 7320)])
def test_health_that_the_configuration_makes_rare_is_not_taken_for_missing(
    line: dict[str, float], of_health_s: int, tmp_path: Path, broker: Broker
) -> None:
    with broker.connect("homeassistant") as home, running(tmp_path, to(broker.port, home_assistant=True, **line)):
        home.subscribe(TOPIC)
        wait_until(lambda: len(home.inbox) == 1, within_s=10)
    told = json.loads(home.inbox[0].payload)
    assert told["components"]["waiting"]["expire_after"] == of_health_s


def test_a_leaf_camera_counts_frames_and_no_insects() -> None:
    assert LEAF_TOLD["components"]["counted"]["unit_of_measurement"] == "frames"
    assert TOLD["components"]["counted"]["unit_of_measurement"] == "insects"


def test_a_frame_with_two_diseases_is_not_counted_twice_on_a_leaf_camera() -> None:
    both = interval(frames=10, counts=(count(BLIGHT, 9), count(RUST, 8)))
    assert shown("counted", encode_message(summary_of(both)), LEAF_TOLD) == "9"
    assert shown("frames", encode_message(summary_of(both)), LEAF_TOLD) == "10"
    zero, dark = interval(counts=()), interval(frames=0, counts=NoData("dark"))
    assert shown("counted", encode_message(summary_of(zero)), LEAF_TOLD) == "0"
    assert shown("counted", encode_message(summary_of(dark)), LEAF_TOLD) == "None"


def test_it_is_told_at_the_birth_and_again_when_home_assistant_starts(tmp_path: Path, broker: Broker) -> None:
    with broker.connect("homeassistant") as home:
        home.publish("homeassistant/status", b"online", retain=True)
        with running(tmp_path, to(broker.port, home_assistant=True)):
            home.subscribe(TOPIC)
            wait_until(lambda: len(home.inbox) == 1, within_s=10)
            for starts in (2, 3):
                home.publish("homeassistant/status", b"online")
                wait_until(lambda times=starts: len(home.inbox) == times, within_s=10)  # type: ignore[misc]
                home.publish("homeassistant/status", b"offline")
    assert len(home.inbox) == 3
    assert {message.payload for message in home.inbox} == {home.inbox[0].payload}
    assert json.loads(home.inbox[0].payload)["device"]["identifiers"] == [f"fieldeye_{SITE}:{NODE}"]


def test_records_go_before_a_broker_may_end_the_connection_for_a_topic_of_home_assistants(
    tmp_path: Path, broker: Broker
) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([interval()])
    with broker.connect("homeassistant") as home:
        home.subscribe("#")
        with running(tmp_path, to(broker.port, home_assistant=True)):
            wait_until(lambda: any(message.topic == TOPIC for message in home.inbox), within_s=10)
        topics = [message.topic for message in home.inbox]
    assert f"fieldeye/v1/{SITE}/{NODE}/records" in topics[: topics.index(TOPIC)]


def test_home_assistant_that_starts_later_finds_it_at_the_broker(tmp_path: Path, broker: Broker) -> None:
    with running(tmp_path, to(broker.port, home_assistant=True)) as node:
        wait_until(node.is_connected, within_s=10)
    with broker.connect("homeassistant") as home:
        home.subscribe(TOPIC)
        wait_until(lambda: len(home.inbox) == 1, within_s=10)
        assert home.inbox[0].retain


def test_nobody_is_told_unless_it_is_wanted(tmp_path: Path, broker: Broker) -> None:
    with broker.connect("homeassistant") as home, running(tmp_path, to(broker.port)) as node:
        home.subscribe("#")
        wait_until(lambda: any(message.topic.endswith("/health") for message in home.inbox), within_s=10)
        home.publish("homeassistant/status", b"online")
        node.commit(interval())
        wait_until(lambda: any(message.topic.endswith("/summary") for message in home.inbox), within_s=10)
        assert not [message for message in home.inbox if message.topic.startswith("homeassistant/device")]
