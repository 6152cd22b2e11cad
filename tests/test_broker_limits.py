"""What a broker says in CONNACK that it takes, the node keeps to; what it cannot do is said."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.config import NodeTable
from edge.counts import Record
from edge.mqtt import probe
from edge.mqtt.trouble import from_reason_code
from edge.mqtt.window import Batches
from edge.store import BATCH_BYTES
from edge.wire import MAX_UPDATE_BYTES, decode_batch
from tests.broker import Broker
from tests.network import PUBACK, Network
from tests.node import NODE, RESTS, SITE, Platform, running, to, wait_drained
from tests.records import alert, count, interval, sighting
from tests.test_commands import command
from tests.test_images import LARGE, SMALL, ask
from tests.waiting import wait_until

COMMANDS = f"fieldeye/v1/{SITE}/{NODE}/cmd/+"


def test_no_more_is_on_its_way_at_once_than_the_broker_takes(tmp_path: Path) -> None:
    with Broker("max_inflight_messages 2\n") as broker, Network(broker.port) as net:
        platform = Platform(broker)
        net.drop = frozenset({PUBACK})
        with running(tmp_path, to(net.port, ack_timeout_s=0.5), RESTS) as node:
            node.commit(*(sighting(n) for n in range(100)))
            wait_until(lambda: node.link.word == "no_acknowledgement", within_s=5)
            wait_until(lambda: len(platform.read().statuses) == 2, within_s=5)  # the last will was the broker's own
            assert platform.messages.keys() == {"status", "info"}
            assert platform.counted == {}


def test_a_broker_that_takes_one_message_at_once_gets_everything_one_by_one(tmp_path: Path) -> None:
    with Broker("max_inflight_messages 1\n") as broker:
        platform = Platform(broker)
        with running(tmp_path, to(broker.port)) as node:
            committed = node.commit(*(sighting(n) for n in range(100)))
            wait_until(lambda: platform.has(committed), within_s=10)
            wait_drained(node)
        wait_until(lambda: platform.read().statuses[-1].state == "stopped", within_s=5)
        assert platform.births() == 1


def test_a_picture_goes_in_parts_as_long_as_the_broker_takes(tmp_path: Path) -> None:
    with Broker("max_packet_size 8000\n") as broker:
        platform = Platform(broker)
        with running(tmp_path, to(broker.port)) as node:
            ask(node, LARGE)
            wait_until(lambda: list(platform.read().photos.values()) == [LARGE], within_s=20)
        assert platform.births() == 1


def test_a_broker_that_names_no_limit_and_refuses_a_long_part_of_a_picture_keeps_the_connection(tmp_path: Path) -> None:
    """Mosquitto answers with 0x95, which MQTT 5 does not name for a PUBACK."""
    with Broker("message_size_limit 4000\n") as broker:
        platform = Platform(broker)
        with running(tmp_path, to(broker.port)) as node:
            ask(node, SMALL)
            wait_until(lambda: list(platform.read().photos.values()) == [SMALL], within_s=20)
            committed = node.commit(sighting())
            wait_until(lambda: platform.has(committed), within_s=10)
        assert platform.births() == 1


def test_batches_are_as_large_as_the_broker_takes(tmp_path: Path) -> None:
    with Broker("max_packet_size 700\n") as broker:
        platform = Platform(broker)
        with running(tmp_path, to(broker.port)) as node:
            committed = node.commit(*(sighting(n) for n in range(40)))
            wait_until(lambda: platform.has(committed), within_s=10)
            wait_drained(node)
            before = len(platform.client.inbox)
            platform.ask(command(node.store, 1, 40))
            wait_until(lambda: len(platform.replies()) == 1, within_s=5)
            again = [one for one in platform.client.inbox[before:] if one.topic.endswith("/records")]
            assert {told.key.seq for one in again for told in decode_batch(one.payload, "n1")} == committed
        assert platform.births() == 1


def test_an_answer_that_names_more_lost_spans_than_the_broker_takes_names_the_first(tmp_path: Path) -> None:
    with Broker("max_packet_size 700\n") as broker:
        platform = Platform(broker)
        with running(tmp_path, to(broker.port)) as node:
            node.commit(*(sighting(n) for n in range(200)))
            wait_drained(node)
            with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
                db.execute("DELETE FROM record WHERE seq % 2")
            platform.ask(command(node.store, 1, 200))
            wait_until(lambda: len(platform.replies()) == 1, within_s=5)
        (reply,) = platform.replies()
        assert (reply.sent, reply.gone) == (100, [(1, 1), (3, 3), (5, 5), (7, 7)])


def test_a_record_that_is_too_large_for_the_broker_is_kept_and_said_and_the_connection_stays(tmp_path: Path) -> None:
    limit = "max_packet_size 170\n"  # a record with its topic is shorter, with what MQTT adds it is not; the will is
    with Broker(limit) as broker, Network(broker.port) as net, running(tmp_path, to(net.port)) as node:
        node.commit(sighting())
        wait_until(lambda: node.link.word == "too_large", within_s=5)
        assert "raise its limit" in node.link.detail
        told_s = node.publisher.beat_s
        wait_until(lambda: node.publisher.beat_s > told_s + 0.6, within_s=5)  # longer than it rests before a dial
        assert node.store.waiting().records == 1
        assert net.connections == 1


TAXA = [(f"Taxonum longissimum {n}", f"CODE{n}") for n in range(8)]


def day() -> list[Record]:
    """So much that 20 records in one message are 2 kB."""
    return [interval(3600.0 * n, counts=tuple(count(taxon, 5, 3, 8) for taxon in TAXA)) for n in range(24)]


def test_a_line_that_ends_at_longer_messages_gets_shorter_ones(tmp_path: Path, broker: Broker) -> None:
    platform = Platform(broker)
    with Network(broker.port) as net, running(tmp_path, to(net.port)) as node:
        net.most_packet_bytes = 900
        committed = node.commit(*day(), alert())
        wait_until(lambda: platform.has(committed), within_s=10)
        wait_drained(node)
        assert net.connections <= 4, "2,100 bytes, then a half, then a quarter"


def test_a_broker_that_refuses_longer_messages_without_a_word_before_gets_shorter_ones(tmp_path: Path) -> None:
    with Broker("message_size_limit 900\n") as broker, running(tmp_path, to(broker.port), RESTS) as node:
        platform = Platform(broker)
        committed = node.commit(*day())
        wait_until(lambda: platform.has(committed), within_s=10)
        wait_drained(node)


def test_messages_grow_again_hour_by_hour() -> None:
    batches = Batches()
    batches.failed(2000, 300, now_s=0.0)
    batches.failed(1900, 300, now_s=0.0)
    assert [batches.limit_bytes(hour * 3600.0) for hour in (0, 0.99, 1, 2, 3, 4, 100)] == [
        950, 950, 1900, 3800, 7600, BATCH_BYTES, BATCH_BYTES,
    ]  # fmt: skip


def test_messages_are_not_made_shorter_than_what_has_just_arrived() -> None:
    batches = Batches()
    batches.failed(1000, 1100, now_s=0.0)
    assert batches.limit_bytes(0.0) == BATCH_BYTES
    batches.failed(1000, 900, now_s=0.0)
    assert batches.limit_bytes(0.0) == 900


@pytest.mark.parametrize(("cannot", "says"), [("max_qos 0", "QoS 1"), ("retain_available false", "retained")])
def test_a_broker_that_lacks_what_the_node_needs_is_said(tmp_path: Path, cannot: str, says: str) -> None:
    with Broker(f"{cannot}\n") as broker, running(tmp_path, to(broker.port)) as node:
        wait_until(lambda: node.link.state == "refused", within_s=5)
        assert says in node.link.detail


def test_a_broker_that_gives_no_commands_gets_records_and_is_said_by_node_and_doctor(tmp_path: Path) -> None:
    broker = Broker()
    broker.allow_only("fieldeye/v1/#")
    with broker:
        platform = Platform(broker)
        with running(tmp_path, to(broker.port)) as node:
            wait_until(lambda: node.link.word == "no_commands", within_s=5)
            committed = node.commit(sighting())
            wait_until(lambda: platform.has(committed), within_s=10)
            wait_drained(node)
            assert (node.link.state, node.link.word) == ("connected", "no_commands")
            assert f"subscribe to {COMMANDS} " in node.link.detail
            *_, before, last = probe(to(broker.port), NodeTable(site=SITE, node=NODE), SystemClock())
            assert (before.what, before.is_well) == ("broker publish", True)
            assert (last.what, last.is_well, last.sentence) == ("broker commands", False, node.link.detail)
        assert platform.births() == 1


@pytest.mark.parametrize("code", [0x88, 0x89, 0x8B, 0x8D, 0x9F])
def test_a_broker_that_has_no_room_now_is_no_refusal_and_is_tried_again_soon(code: int) -> None:
    trouble = from_reason_code(code)
    assert (trouble.state, trouble.is_lasting) == ("lost", False)
    assert trouble.sentence.endswith("; trying again")


@pytest.mark.parametrize("code", [0x9C, 0x9D])
def test_a_broker_that_has_moved_is_said_with_the_setting_to_change(code: int) -> None:
    assert from_reason_code(code).word == "moved"
    assert "mqtt.host" in from_reason_code(code).sentence


def test_a_command_whose_properties_bear_u_feff_is_answered(tmp_path: Path) -> None:
    """MQTT 5 lets it through; retained, it ended each connection of the node."""
    topic = f"fieldeye/v1/{SITE}/{NODE}"
    with Broker() as broker, broker.connect("desk") as desk:
        desk.publish(f"{topic}/cmd/replay", b"{}", retain=True, UserProperty=[("from", "the\ufeff desk")])
        desk.subscribe(f"{topic}/reply/replay")
        with running(tmp_path, to(broker.port)):
            wait_until(lambda: len(desk.inbox) == 1, within_s=5)
        assert broker.log().count(f"as fieldeye_{SITE}:{NODE} ") == 1, "the node's connection holds"


def test_the_broker_keeps_back_what_is_far_too_large_for_a_command(tmp_path: Path) -> None:
    """Retained, it ended a node at each start for want of memory."""
    with Broker() as broker:
        platform = Platform(broker)
        for verb, size in (("update", 2 * MAX_UPDATE_BYTES), ("model", MAX_UPDATE_BYTES + 1)):
            platform.client.publish(f"fieldeye/v1/{SITE}/{NODE}/cmd/{verb}", bytes(size), retain=True)
        with running(tmp_path, to(broker.port)):
            wait_until(lambda: bool(platform.replies()), within_s=5)
        answered = [message.topic for message in platform.client.inbox if "/reply/" in message.topic]
        assert answered == [f"fieldeye/v1/{SITE}/{NODE}/reply/model"]
