"""Home Assistant is told how to show a node: one payload, states from what is sent anyway, unknown where nothing is.

The same payload against Home Assistant's own schemas: make test-homeassistant.
"""

import json
from contextlib import closing
from dataclasses import replace as replace_record
from pathlib import Path
from typing import Any

import pytest
from jinja2.sandbox import SandboxedEnvironment
from msgspec.structs import replace

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
INFO, HEALTH = MESSAGES["info"], MESSAGES["health"]
assert isinstance(INFO, Info)
assert isinstance(HEALTH, Health)
(STANDS,) = HEALTH.alerts
TOLD = json.loads(discovery_payload(NODE_TABLE, INFO))


BLIGHT, RUST = ("Phytophthora infestans", "PHYTIN"), ("Puccinia", "1PUCCG")
GONE = {"platform": "sensor"}  # Home Assistant takes such an entity away


def told_of(mode: str) -> dict[str, Any]:
    camera = CameraInfo(name="cam0", kind="folder", mode=mode)
    info = Info(software="fieldeye", version="0", epoch="e", cameras=[camera])
    told: dict[str, Any] = json.loads(discovery_payload(NODE_TABLE, info))
    return told


LEAF_TOLD, TRAP_TOLD = told_of("leaf"), told_of("trap")


def entities_of(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: entity for name, entity in told["components"].items() if entity != GONE}


def shown(name: str, message: bytes, told: dict[str, Any] = TOLD) -> str:
    """The state of an entity after a message, by its template."""
    template = told["components"][name]["value_template"]
    return SandboxedEnvironment().from_string(template).render(value_json=json.loads(message))


def test_the_topic_and_the_ids_are_the_nodes() -> None:
    assert discovery_topic(NODE_TABLE) == TOPIC
    ids = [entity["unique_id"] for entity in entities_of(TOLD).values()]
    assert len(ids) == len(set(ids)) == 15
    assert all(one.startswith(f"fieldeye_{SITE}:{NODE}_") for one in ids)


def test_home_assistant_shows_what_runs_on_the_node_and_where_it_stands() -> None:
    device, origin = TOLD["device"], TOLD["origin"]
    assert (device["name"], device["suggested_area"]) == (NODE, SITE)
    assert (device["model"], device["sw_version"]) == ("pests 0.1.0", "0.1.0")
    assert origin == {"name": "fieldeye", "sw_version": "0.1.0"}, "without it nothing is shown"
    former = replace(INFO, models=[replace(INFO.models[0], sha256="")])
    assert json.loads(discovery_payload(NODE_TABLE, former))["device"]["model"] == "no model"
    assert TOLD["components"]["visits"]["json_attributes_topic"] == f"fieldeye/v1/{SITE}/{NODE}/summary"


def test_nodes_of_two_sites_at_one_broker_are_never_taken_for_one_device() -> None:
    nodes = NodeTable(site="north", node="field_1"), NodeTable(site="north_field", node="1")
    one, other = (json.loads(discovery_payload(node, INFO)) for node in nodes)
    assert discovery_topic(nodes[0]) != discovery_topic(nodes[1])
    assert one["device"]["identifiers"] != other["device"]["identifiers"]
    ids = {entity["unique_id"] for told in (one, other) for entity in entities_of(told).values()}
    assert len(ids) == 2 * len(entities_of(one))


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("visits", "242"),
        ("max_per_frame", "None"),
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
    assert (shown("visits", zero), shown("most", zero), shown("no_data", zero)) == ("0", "none", "OFF")
    assert (shown("visits", dark), shown("most", dark), shown("no_data", dark)) == ("None", "None", "ON")


def test_the_most_on_different_frames_is_never_added_up() -> None:
    """12 moths on one frame and 230 aphids on another are not 242 of anything."""
    slow = encode_message(summary_of(interval(unit="max_per_frame")))
    assert [shown(name, slow) for name in ("max_per_frame", "most", "visits")] == ["230", "Myzus persicae", "None"]
    assert shown("max_per_frame", encode_message(summary_of(interval(unit="max_per_frame", counts=())))) == "0"


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        (TOLD, {"Visits": "visits", "Most on one frame": "insects"}),
        (TRAP_TOLD, {"New insects": "insects"}),
        (LEAF_TOLD, {"Frames with the most frequent disease": "%"}),
    ],
)
def test_a_count_has_its_unit_in_its_name_and_those_of_another_mode_are_taken_away(
    told: dict[str, Any], counts: dict[str, str]
) -> None:
    all_counts = {"counted", "visits", "max_per_frame", "new", "affected_frames"}
    kept = [entity for name, entity in entities_of(told).items() if name in all_counts]
    assert {one["name"]: one["unit_of_measurement"] for one in kept} == counts
    assert all(told["components"][name] == GONE for name in all_counts - entities_of(told).keys())
    assert told["components"]["counted"] == GONE, "what was summed before would stay"


def test_a_traps_new_insects_are_added_up_and_what_another_mode_told_last_is_not_taken_for_them() -> None:
    assert shown("new", encode_message(summary_of(interval(mode="trap", unit="new"))), TRAP_TOLD) == "242"
    assert shown("new", encode_message(summary_of(interval())), TRAP_TOLD) == "None"


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("temperature", "51.5"), ("disk_free", "21000.0"), ("memory", "98.7"), ("battery", "64.0"),
        ("battery_voltage", "12.84"), ("waiting", "3"), ("camera", "ok"), ("problem", "ON"),
    ],
)  # fmt: skip
def test_health_is_shown(name: str, state: str) -> None:
    assert shown(name, encode_message(HEALTH)) == state


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, "look"),
        ({"alerts": [replace(STANDS, level="act"), STANDS]}, "act"),
        ({"alerts": []}, "calm"),
        ({"compared": 0}, "look"),  # what stands is of the day before yesterday
        ({"alerts": [], "compared": 0}, "None"),
    ],
)
def test_the_action_level_is_the_most_urgent_and_calm_only_where_a_count_was_compared(
    changes: dict[str, Any], level: str
) -> None:
    assert shown("level", encode_message(replace(HEALTH, **changes))) == level
    assert level in {*TOLD["components"]["level"]["options"], "None"}


def test_who_asks_what_stands_is_told_the_pest_the_figures_and_who_takes_care() -> None:
    template = TOLD["components"]["level"]["json_attributes_template"]
    message = json.loads(encode_message(HEALTH))
    (alert,) = json.loads(SandboxedEnvironment().from_string(template).render(value_json=message))["alerts"]
    assert alert == message["alerts"][0]


def test_a_node_with_which_nothing_is_wrong_has_no_problem() -> None:
    well = replace(HEALTH, problem=None)
    assert shown("problem", encode_message(well)) == "OFF"


@pytest.mark.parametrize(
    "name", ["temperature", "disk_free", "memory", "battery", "battery_voltage", "waiting", "camera"]
)
def test_what_a_board_cannot_tell_is_unknown_and_not_zero(name: str) -> None:
    health = Health(utc=HEALTH.utc, clock="synced", session=1, uptime_s=1.0)
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
    ages = {(one["state_topic"].rpartition("/")[2], one["expire_after"]) for one in entities_of(told).values()}
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


def test_a_frame_with_two_diseases_is_not_counted_twice_on_a_leaf_camera() -> None:
    both = interval(unit="affected_frames", frames=12, counts=(count(BLIGHT, 9), count(RUST, 8)))
    assert shown("affected_frames", encode_message(summary_of(both)), LEAF_TOLD) == "75.0"
    assert shown("frames", encode_message(summary_of(both)), LEAF_TOLD) == "12"
    zero, dark = replace_record(both, counts=()), replace_record(both, frames=0, counts=NoData("dark"))
    assert shown("affected_frames", encode_message(summary_of(zero)), LEAF_TOLD) == "0.0"
    assert shown("affected_frames", encode_message(summary_of(dark)), LEAF_TOLD) == "None"


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
