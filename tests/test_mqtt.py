"""The publisher against a real Mosquitto: what is committed is counted once, whatever broker and network do."""

import sqlite3
import ssl
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest

from edge.clock import Clock, ClockState, Instant, SystemClock
from edge.config import StoreTable
from edge.counts import moment
from edge.errors import ConfigError, StoreError
from edge.mqtt import Secret, read_secret
from edge.mqtt.budget import Budget
from edge.mqtt.connection import Connection
from edge.mqtt.flight import Flight, Sent
from edge.mqtt.login import Login
from edge.mqtt.window import LEAST_BYTES, MOST_BYTES, Window
from edge.mqtt_client import MOST_IN_FLIGHT, REFUSED_FROM
from edge.store import BATCH_RECORDS, Draft, Store
from edge.wire import Health, ImageCommand, Info, Mark, Summary, encode_message
from tests.broker import Broker
from tests.clocks import SetClock
from tests.faults.killing import ROOT
from tests.network import PUBACK, Network, Packets
from tests.node import FAST, NODE, RESTS, SITE, JumpingClock, Platform, guarded, running, to, wait_drained
from tests.ports import free_port
from tests.records import alert, instant, interval, sighting
from tests.spoiling import refusing, spoil_a_record_and_its_index
from tests.test_commands import command
from tests.waiting import next_line, wait_until

STOPS_S = 20.0  # what it does not wait for would take 90


def test_what_is_committed_is_counted_and_equals_what_was_committed(tmp_path: Path, broker: Broker) -> None:
    platform = Platform(broker)
    with running(tmp_path, to(broker.port)) as node:
        committed = node.commit(sighting(1), interval(2)) | node.commit(*(sighting(n, count=n) for n in range(100)))
        wait_drained(node)
        wait_until(lambda: platform.has(committed), within_s=10)
        assert platform.counted == {one.key.seq: one.record for one in node.store.records_between_seq(1, 10**6)}
        assert node.link.acknowledged == 102
        assert node.link.last_ack is not None


def test_a_node_is_born_and_stops_with_its_session_number(tmp_path: Path, broker: Broker) -> None:
    platform = Platform(broker)
    for session in (1, 2):
        with running(tmp_path, to(broker.port)) as node:
            wait_until(node.is_connected, within_s=5)
        wait_until(lambda s=session: len(platform.read().statuses) == 2 * s, within_s=5)  # type: ignore[misc]
    assert [(s.state, s.session) for s in platform.statuses] == [
        ("online", 1), ("stopped", 1), ("online", 2), ("stopped", 2),
    ]  # fmt: skip


def test_a_new_card_is_told_before_its_sessions_which_begin_at_one(tmp_path: Path, broker: Broker) -> None:
    platform = Platform(broker)
    with running(tmp_path, to(broker.port)):
        wait_until(lambda: {"info", "status"} <= platform.read().messages.keys(), within_s=5)
    assert list(platform.messages)[:2] == ["info", "status"]


def test_the_last_will_of_a_node_that_vanishes_says_offline(tmp_path: Path, broker: Broker) -> None:
    platform = Platform(broker)
    with Network(broker.port) as net, running(tmp_path, to(net.port)):
        wait_until(lambda: len(platform.read().statuses) == 1, within_s=5)
        net.refuse = True
        net.cut()
        wait_until(lambda: [s.state for s in platform.read().statuses] == ["online", "offline"], within_s=5)
        assert (platform.statuses[1].session, platform.statuses[1].connection) == (1, 1)
        with broker.connect("later") as later:
            later.subscribe(f"fieldeye/v1/{SITE}/{NODE}/status")
            wait_until(lambda: len(later.inbox) == 1, within_s=5)
            assert later.inbox[0].payload == encode_message(platform.statuses[1])
        net.refuse = False
        wait_until(lambda: platform.read().statuses[-1].connection > 1, within_s=5)


def test_info_health_and_summary_stay_for_who_comes_later(tmp_path: Path, broker: Broker) -> None:
    with running(tmp_path, to(broker.port)) as node:
        node.commit(interval(), sighting())
        wait_until(node.is_connected, within_s=5)
        platform = Platform(broker)
        wait_until(lambda: {"info", "status", "health", "summary"} <= platform.read().messages.keys(), within_s=5)
    (info,), (summary,), health = (platform.messages[c] for c in ("info", "summary", "health"))
    assert isinstance(info, Info)
    assert info.epoch == str(node.store.epoch)
    assert info.capabilities == ["replay", "image", "answer", "seen", "update", "model"]
    assert isinstance(summary, Summary)
    assert summary.counts is not None
    assert [count.count for count in summary.counts] == [12, 230]
    assert isinstance(health[0], Health)
    assert health[0].store is not None
    assert health[0].link is not None


def test_the_summary_follows_a_correction_and_not_an_interval_of_an_earlier_time(
    tmp_path: Path, broker: Broker
) -> None:
    platform = Platform(broker)
    with running(tmp_path, to(broker.port)) as node:
        told = [interval(3600, frames=1), interval(3600, frames=2, revision=1), interval(0, frames=3)]
        for one in told:
            seq = 1 if one.revision else None
            node.store.commit_interval(one, Draft(seq=seq, state=b"", pictures=()))
            node.publisher.wake()
            wait_drained(node)
    wait_until(lambda: platform.read().statuses[-1].state == "stopped", within_s=5)
    assert [summary.frames for summary in platform.messages["summary"]] == [1, 2]


class Unexplained(Network):
    """The broker behind it refuses every message and does not say why: 0x80 (MQTT 5, 3.4.2.1)."""

    def _passed_down(self, packets: Packets, data: bytes) -> bytes:
        refused = [
            bytes((packet[0], 3, *packet[2:4], REFUSED_FROM)) if kind == PUBACK else packet
            for kind, packet in packets.feed(data)
        ]
        return b"".join(refused)


def test_records_that_the_broker_refuses_without_saying_why_are_kept_as_they_are(
    tmp_path: Path, broker: Broker
) -> None:
    platform, clock = Platform(broker), JumpingClock(-1e6, ClockState.UNSYNCED)
    with Unexplained(broker.port) as net, running(tmp_path, to(net.port, health_every_s=0.1), clock=clock) as node:
        node.commit(sighting(at=clock.now()))
        wait_until(lambda: "0x80" in node.link.detail, within_s=5)
        assert node.store.waiting().records == 1
        wait_until(lambda: link_of(platform).get("refused", 0) > 0, within_s=5)
        clock.offset_s, clock.state = 0.0, ClockState.SYNCED
        before = len(platform.messages["health"])
        wait_until(lambda: len(platform.read().messages["health"]) > before + 1, within_s=5)
        assert list(platform.counted.values()) == [one.record for one in node.store.records_between_seq(1, 9)]


def test_what_rests_goes_at_once_to_who_asks_and_health_tells_what_became_of_it(tmp_path: Path) -> None:
    rests = replace(FAST, kept_first_s=3600.0, kept_most_s=3600.0)
    with Broker("log_type all\n") as broker, running(tmp_path, to(broker.port, health_every_s=0.1), rests) as node:
        node.store.ask_station(instant(), b"\xff\xd8 photograph \xff\xd9")
        wait_until(lambda: f"{NODE}/image'" in broker.log(), within_s=5)
        committed = node.commit(sighting(1), sighting(2), sighting(3))
        wait_until(lambda: node.link.word == "no_subscriber", within_s=5)
        platform = Platform(broker)
        wait_until(lambda: link_of(platform).get("unheard") == 1, within_s=5)
        assert [link_of(platform)[name] for name in ("resent", "acknowledged", "refused")] == [3, 0, 0]
        platform.ask(ImageCommand(id="12345678", expires=datetime.now(UTC) + timedelta(hours=1), picture="none"))
        wait_until(lambda: platform.has(committed) and len(platform.photos) == 1, within_s=10)
        wait_until(lambda: link_of(platform)["acknowledged"] == 3 and link_of(platform)["images"] == 1, within_s=5)
        assert [link_of(platform)[name] for name in ("unheard", "resent", "connections")] == [1, 3, 1]
        assert link_of(platform)["ack_ms"] is not None


def test_after_a_delivery_records_that_nobody_receives_rest_as_short_as_at_first(tmp_path: Path) -> None:
    clock, pace = SetClock(), replace(FAST, kept_first_s=15.0, kept_most_s=900.0)
    records = f"fieldeye/v1/{SITE}/{NODE}/records"

    def is_later(condition: bool) -> bool:
        clock.advance(60)
        return condition

    with (
        Broker("log_type all\n") as broker,
        running(tmp_path, to(broker.port, ack_timeout_s=1e6), pace, clock=clock) as node,
    ):
        node.commit(sighting(1))
        wait_until(lambda: is_later(broker.log().count(records) > 6), within_s=10)  # the next rest is of minutes
        with broker.connect("desk") as desk:
            desk.subscribe(records)
            wait_until(lambda: is_later(node.link.acknowledged == 1), within_s=10)
        wait_until(lambda: "Client desk disconnected" in broker.log(), within_s=5)
        node.commit(sighting(2))
        wait_until(lambda: node.link.word == "no_subscriber", within_s=5)
        with broker.connect("desk") as desk:
            desk.subscribe(records)
            clock.advance(15)
            wait_until(lambda: node.link.acknowledged == 2, within_s=5)


def link_of(platform: Platform) -> dict[str, Any]:
    """As the last health tells it."""
    told = platform.read().messages.get("health", [])
    return msgspec.structs.asdict(told[-1].link) if told else {}


def test_records_come_to_who_listens_and_are_not_retained(tmp_path: Path, broker: Broker) -> None:
    with running(tmp_path, to(broker.port)) as node:
        committed = node.commit(sighting(), interval())
        wait_until(lambda: "nobody" in node.link.detail, within_s=5)
        platform = Platform(broker)
        wait_until(lambda: platform.has(committed), within_s=10)
    assert [one.topic for one in platform.client.inbox if one.retain and one.topic.endswith("records")] == []


def test_a_summary_that_the_acl_forbids_does_not_hold_up_the_records(tmp_path: Path) -> None:
    with (
        guarded(tmp_path, may_write="records") as (_, platform, config),
        running(tmp_path / "store", config, RESTS) as node,
    ):
        for n in range(5):
            committed = node.commit(interval(n), sighting(n))
            wait_until(lambda committed=committed: platform.has(committed), within_s=5)  # type: ignore[misc]
        assert node.link.state == "connected"


def test_a_picture_that_the_acl_forbids_does_not_hold_up_the_records(tmp_path: Path) -> None:
    with (
        guarded(tmp_path, may_write="records") as (_, platform, config),
        running(tmp_path / "store", config) as node,
    ):
        node.store.ask_station(instant(), b"\xff\xd8 photograph \xff\xd9")
        for n in range(5):
            committed = node.commit(sighting(n))
            wait_until(lambda committed=committed: platform.has(committed), within_s=5)  # type: ignore[misc]
        assert node.store.health().questions == 1


def test_a_wrong_password_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    with guarded(tmp_path, typed="wrong") as (_, _, config), running(tmp_path / "store", config) as node:
        node.commit(sighting())
        wait_until(lambda: node.link.state == "refused", within_s=5)
        assert "allow" in node.link.detail
        assert node.store.waiting().records == 1


def test_when_something_was_last_delivered_is_said_while_the_broker_is_away(tmp_path: Path, broker: Broker) -> None:
    Platform(broker)
    with Network(broker.port) as net, running(tmp_path, to(net.port)) as node:
        node.commit(sighting())
        wait_drained(node)
        delivered = node.link.last_ack
        net.refuse = True
        net.cut()
        wait_until(lambda: not node.is_connected(), within_s=5)
        assert node.link.last_ack == delivered is not None


def test_a_line_that_swallows_everything_does_not_stop_the_publisher_from_stopping(
    tmp_path: Path, broker: Broker
) -> None:
    patient, brief = {"ack_timeout_s": 90.0, "keepalive_s": 90}, replace(FAST, farewell_s=0.3)
    with Network(broker.port) as net, running(tmp_path, to(net.port, **patient), brief) as node:
        wait_until(node.is_connected, within_s=5)
        net.blackhole = True
        node.commit(sighting())
        node.end(within_s=STOPS_S)
        assert node.store.waiting().records == 1


def test_a_connection_that_never_answers_is_left_and_stops_in_time(tmp_path: Path, broker: Broker) -> None:
    with Network(broker.port) as net:
        net.blackhole = True
        with running(tmp_path, to(net.port), replace(FAST, connect_s=90.0, accept_s=90.0)) as node:
            wait_until(lambda: net.connections == 1, within_s=5)
            node.end(within_s=STOPS_S)


def test_a_node_that_has_sent_everything_sleeps_and_leaves_its_card_alone(
    tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Instant] = []
    turns: list[Instant] = []
    next_batch, turn = Store.next_batch, Connection.turn
    monkeypatch.setattr(Store, "next_batch", lambda *of, **limits: looks.append(instant()) or next_batch(*of, **limits))
    monkeypatch.setattr(Connection, "turn", lambda *of: turns.append(instant()) or turn(*of))
    platform = Platform(broker)
    with running(tmp_path, to(broker.port)) as node:
        committed = node.commit(sighting())
        wait_until(lambda: platform.has(committed) and "health" in platform.messages, within_s=10)
        wait_drained(node)
        began_s, looked, turned = node.publisher.beat_s, len(looks), len(turns)
        wait_until(lambda: node.publisher.beat_s > began_s + 0.3, within_s=5)
        assert (len(looks) - looked < 5, len(turns) - turned < 20) == (True, True)


def test_a_node_that_has_nothing_to_send_tells_the_broker_that_it_is_there(tmp_path: Path) -> None:
    with Broker("log_type all\n") as broker, running(tmp_path, to(broker.port, keepalive_s=1)) as node:
        wait_until(lambda: "Received PINGREQ" in broker.log(), within_s=5)
        assert node.is_connected()


def test_who_commits_never_waits_for_a_publisher_that_hangs_or_has_ended(tmp_path: Path) -> None:
    def wake_often() -> None:
        for _ in range(2000):
            node.publisher.wake()

    with running(tmp_path, to(free_port())) as node:
        node.end()
        waking = Thread(target=wake_often, daemon=True)
        waking.start()
        waking.join(10)
        waits = waking.is_alive()
        node.publisher.close()
        assert not waits
        node.commit(sighting())


def test_a_node_killed_between_commit_and_acknowledgement_sends_again_after_restart(
    tmp_path: Path, broker: Broker
) -> None:
    platform = Platform(broker)
    with Network(broker.port) as net:
        net.drop = frozenset({PUBACK})
        command = [sys.executable, "-m", "tests.faults.sender", str(tmp_path), str(net.port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as sender:
            last = int(next_line(sender))
            try:
                wait_until(lambda: platform.has(set(range(1, last + 1))), within_s=10)
            finally:
                sender.kill()
    with running(tmp_path, to(broker.port)) as node:
        assert node.store.waiting().records == last
        wait_drained(node)
        wait_until(lambda: platform.read().seen.repeated >= last, within_s=5)
    assert platform.counted.keys() == set(range(1, last + 1))


@pytest.mark.parametrize("acknowledged", [True, False])
def test_a_correction_is_delivered_whether_its_first_revision_was_acknowledged_or_is_in_flight(
    tmp_path: Path, broker: Broker, acknowledged: bool
) -> None:
    platform = Platform(broker)
    with Network(broker.port) as net:
        net.drop = frozenset() if acknowledged else frozenset({PUBACK})
        with running(tmp_path, to(net.port, ack_timeout_s=0.5)) as node:
            key = node.store.commit_interval(interval(), Draft(seq=None, state=b"", pictures=()))
            node.publisher.wake()
            wait_until(lambda: platform.revisions(key.seq) == [0], within_s=10)
            if acknowledged:
                wait_drained(node)
            node.store.commit_interval(interval(revision=1), Draft(seq=key.seq, state=b"", pictures=()))
            node.publisher.wake()
            wait_until(lambda: platform.revisions(key.seq)[-1] == 1, within_s=10)
            net.drop = frozenset()
            net.cut()
            wait_drained(node)


@pytest.mark.parametrize("is_on_its_way", [True, False], ids=["on its way", "after the line dropped"])
def test_a_record_that_was_sent_keeps_its_time_when_the_clock_is_set_before_it_is_acknowledged(
    tmp_path: Path, broker: Broker, *, is_on_its_way: bool
) -> None:
    platform, clock = Platform(broker), JumpingClock(-1e6, ClockState.UNSYNCED)
    with Network(broker.port) as net, running(tmp_path, to(net.port, health_every_s=0.1), clock=clock) as node:
        net.drop = frozenset({PUBACK})
        committed, begin = node.commit(sighting(at=clock.now())), clock.now()
        wait_until(lambda: platform.has(committed), within_s=10)
        if is_on_its_way:
            clock.offset_s, clock.state = 0.0, ClockState.SYNCED
            before = len(platform.messages["health"])
            wait_until(lambda: len(platform.read().messages["health"]) > before + 1, within_s=5)
        net.refuse, net.drop = True, frozenset()
        net.cut()
        wait_until(lambda: not node.is_connected(), within_s=5)
        committed |= node.commit(sighting(at=begin))
        clock.offset_s, clock.state, net.refuse = 0.0, ClockState.SYNCED, False
        wait_until(lambda: platform.has(committed), within_s=10)
        kept = [one.record for one in node.store.records_between_seq(1, 9)]
    assert [one.at.state for one in kept] == [ClockState.UNSYNCED, ClockState.CORRECTED]  # type: ignore[union-attr]
    assert [platform.counted[seq] for seq in sorted(committed)] == kept


def test_a_record_that_nobody_has_received_gets_its_time_when_the_clock_is_set(tmp_path: Path, broker: Broker) -> None:
    clock = JumpingClock(-1e6, ClockState.UNSYNCED)
    with running(tmp_path, to(broker.port, health_every_s=0.1), clock=clock) as node:
        committed = node.commit(sighting(at=clock.now()))
        wait_until(lambda: node.link.word == "no_subscriber", within_s=5)
        clock.offset_s, clock.state = 0.0, ClockState.SYNCED
        wait_until(lambda: _states(node.store) == [ClockState.CORRECTED], within_s=5)
        platform = Platform(broker)
        wait_until(lambda: platform.has(committed), within_s=10)
        assert list(platform.counted.values()) == [one.record for one in node.store.records_between_seq(1, 9)]


def test_a_record_that_was_delivered_keeps_its_time_when_the_clock_is_set_before_the_card_has_noted_that(
    tmp_path: Path, broker: Broker
) -> None:
    platform, clock = Platform(broker), JumpingClock(-1e6, ClockState.UNSYNCED)
    with running(tmp_path, to(broker.port, health_every_s=0.1), replace(FAST, mark_s=60.0), clock=clock) as node:
        committed = node.commit(sighting(at=clock.now()))
        wait_until(lambda: platform.has(committed) and node.link.acknowledged == 1, within_s=5)
        clock.offset_s, clock.state = 0.0, ClockState.SYNCED
        before = len(platform.messages["health"])
        wait_until(lambda: len(platform.read().messages["health"]) > before + 1, within_s=5)
        assert not node.is_drained(), "each write wears the card"
        node.end()
        assert node.is_drained()
        assert list(platform.counted.values()) == [one.record for one in node.store.records_between_seq(1, 9)]


def test_what_was_delivered_is_noted_when_the_line_drops_or_else_keeps_its_time_when_it_is_sent_again(
    tmp_path: Path, broker: Broker
) -> None:
    platform, clock = Platform(broker), JumpingClock(-1e6, ClockState.UNSYNCED)
    slow = replace(FAST, mark_s=60.0)
    with Network(broker.port) as net, running(tmp_path, to(net.port, health_every_s=0.1), slow, clock=clock) as node:
        node.commit(sighting(at=clock.now()))
        wait_until(lambda: node.link.acknowledged == 1, within_s=5)
        net.cut()
        wait_drained(node)
        assert platform.read().seen.repeated == 0
        node.commit(sighting(at=clock.now()))
        wait_until(lambda: node.link.acknowledged == 2, within_s=5)
        net.refuse = True
        rename_outbox(tmp_path, "delivered", "away")
        net.cut()
        wait_until(lambda: not node.is_connected(), within_s=5)
        rename_outbox(tmp_path, "away", "delivered")
        clock.offset_s, clock.state, net.refuse = 0.0, ClockState.SYNCED, False
        wait_until(lambda: platform.read().seen.repeated == 1, within_s=10)
        node.end()
        assert list(platform.counted.values()) == [one.record for one in node.store.records_between_seq(1, 9)]


def test_counts_of_a_boot_without_a_clock_wait_for_it_and_alerts_and_an_earlier_boots_go(
    tmp_path: Path, broker: Broker
) -> None:
    platform, clock = Platform(broker), JumpingClock(-1e6, ClockState.UNSYNCED)
    rare = to(broker.port, health_every_s=3600.0)
    with running(tmp_path, rare, replace(FAST, clock_s=600.0), clock=clock) as node:
        boot = clock.now()
        node.store.commit([sighting(at=boot), interval(start=boot, end=boot)])
        lost = instant(0, ClockState.UNSYNCED, "of a boot that is over")
        gone = node.commit(sighting(at=lost), interval(start=lost, end=lost), alert(at=boot))
        wait_until(lambda: platform.has(gone) and node.store.waiting().records <= 2, within_s=5)
        assert platform.counted.keys() == gone
        platform.ask(command(node.store, 1, 5))
        wait_until(lambda: [(one.sent, one.gone) for one in platform.read().replies()] == [(3, [])], within_s=5)
        assert platform.counted.keys() == gone
        clock.offset_s, clock.state = 0.0, ClockState.SYNCED
        wait_drained(node)
        wait_until(lambda: platform.has({1, 2}), within_s=5)
        counted = platform.counted[1], platform.counted[2]
    assert [moment(one).state for one in counted] == [ClockState.CORRECTED] * 2
    assert all(abs(moment(one).utc - datetime.now(UTC)) < timedelta(minutes=1) for one in counted)


def test_counts_of_a_boot_whose_clock_nobody_sets_go_after_ten_minutes_on_any_connections(
    tmp_path: Path, broker: Broker
) -> None:
    platform, clock = Platform(broker, session=True), SetClock(state=ClockState.UNSYNCED)
    with (
        Network(broker.port) as net,
        running(tmp_path, to(net.port, ack_timeout_s=1e6), replace(FAST, clock_s=600.0), clock=clock) as node,
    ):
        node.commit(sighting(at=clock.now()))
        for births in (1, 2):
            wait_until(lambda n=births: platform.births() == n, within_s=5)  # type: ignore[misc]
            node.advance(clock, 200)
            net.cut()
            wait_until(lambda: not node.is_connected(), within_s=5)
            node.advance(clock, 1000)
        wait_until(lambda: platform.births() == 3, within_s=5)
        told = len(platform.messages["health"])
        node.advance(clock, 190)
        wait_until(lambda: len(platform.read().messages["health"]) > told, within_s=5)
        assert not platform.counted
        node.advance(clock, 60)
        wait_until(lambda: platform.has({1}), within_s=5)
        assert _states(node.store) == [ClockState.UNSYNCED]


def _states(store: Store) -> list[ClockState]:
    return [one.record.at.state for one in store.records_between_seq(1, 9)]  # type: ignore[union-attr]


def test_a_command_on_a_topic_that_is_none_of_the_contract_is_passed_over(tmp_path: Path, broker: Broker) -> None:
    with running(tmp_path, to(broker.port)) as node:
        with broker.connect("stranger") as stranger:
            for verb in ("model.install", "a b", ""):
                topic = f"fieldeye/v1/{SITE}/{NODE}/cmd/{verb}"
                wait_until(lambda topic=topic: stranger.publish(topic) == 0, within_s=10)  # type: ignore[misc]
        platform = Platform(broker)
        committed = node.commit(sighting())
        wait_until(lambda: platform.has(committed), within_s=10)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # app's guard ends the node by it
def test_a_store_that_is_found_damaged_ends_the_publisher_and_the_next_start_goes_on(
    tmp_path: Path, broker: Broker
) -> None:
    with running(tmp_path, to(broker.port, health_every_s=0.2)) as node:
        node.commit(sighting(1), sighting(2))
        spoil_a_record_and_its_index(tmp_path / "fieldeye.db")
        wait_until(lambda: not node.thread.is_alive(), within_s=20)
    platform = Platform(broker)
    with running(tmp_path, to(broker.port, health_every_s=0.2)):
        wait_until(lambda: platform.has({2, 3}) and platform.lost == 1, within_s=20)


def rename_outbox(folder: Path, was: str, becomes: str) -> None:
    with closing(sqlite3.connect(folder / "fieldeye.db", timeout=10)) as db:
        db.execute(f"ALTER TABLE {was} RENAME TO {becomes}")


def test_a_store_that_gives_no_records_is_shown_until_it_does(tmp_path: Path, broker: Broker) -> None:
    with running(tmp_path, to(broker.port), replace(FAST, store_again_s=0.1)) as node:
        wait_until(node.is_connected, within_s=10)
        rename_outbox(tmp_path, "waiting", "away")
        node.publisher.wake()
        wait_until(lambda: node.link.word == "store_fails" and "no such table" in node.link.detail, within_s=10)
        rename_outbox(tmp_path, "away", "waiting")
        wait_until(lambda: node.is_connected() and node.link.word == node.link.detail == "", within_s=10)


def test_a_summary_that_the_store_did_not_give_is_told_once_it_does(tmp_path: Path, broker: Broker) -> None:
    platform = Platform(broker)
    with running(tmp_path, to(broker.port), replace(FAST, store_again_s=0.1)) as node:
        wait_until(lambda: "health" in platform.read().messages, within_s=10)
        node.store.commit([interval()])
        rename_outbox(tmp_path, "record", "away")
        node.publisher.wake()
        wait_until(lambda: node.link.word == "store_fails", within_s=10)
        rename_outbox(tmp_path, "away", "record")
        wait_until(lambda: "summary" in platform.read().messages, within_s=10)


def test_a_summary_that_the_store_does_not_give_is_told_once_and_holds_up_no_records(
    tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Instant] = []

    def latest_interval(_: Store) -> None:
        tries.append(instant())
        raise StoreError("disk I/O error")

    monkeypatch.setattr(Store, "latest_interval", latest_interval)
    platform = Platform(broker)
    with running(tmp_path, to(broker.port), replace(FAST, store_again_s=0.1)) as node:
        wait_until(lambda: len(tries) > 2, within_s=10)
        committed = node.commit(sighting())
        wait_until(lambda: platform.has(committed) and len(tries) > 5, within_s=10)
    assert link_words(caplog).count("store_fails") == 1


def test_a_store_that_gives_no_records_does_not_keep_a_node_from_saying_that_it_stops(
    tmp_path: Path, broker: Broker
) -> None:
    platform = Platform(broker)
    with running(tmp_path, to(broker.port)) as node:
        wait_until(lambda: "health" in platform.read().messages, within_s=10)
        rename_outbox(tmp_path, "waiting", "away")
        node.stop.set()  # and nothing was committed, for which it would look into the store before
        wait_until(lambda: not node.thread.is_alive(), within_s=10)
        wait_until(lambda: platform.read().statuses[-1].state == "stopped", within_s=5)


def test_a_card_that_takes_no_writes_does_not_keep_back_health_which_tells_of_it(
    tmp_path: Path, broker: Broker
) -> None:
    clock, pace = JumpingClock(-1e6, ClockState.UNSYNCED), replace(FAST, store_again_s=0.1)
    every = to(broker.port, health_every_s=0.1)
    with broker.connect("desk") as desk, running(tmp_path, every, pace, clock=clock) as node:
        node.commit(sighting(at=clock.now()))
        wait_until(lambda: node.link.word == "no_subscriber", within_s=5)
        with refusing(tmp_path / "fieldeye.db", "UPDATE ON record"):  # which its time would be put right in
            clock.offset_s, clock.state = 0.0, ClockState.SYNCED
            desk.subscribe(f"fieldeye/v1/{SITE}/{NODE}/health")
            wait_until(lambda: node.link.word == "store_fails", within_s=5)
            before = len(desk.inbox)
            wait_until(lambda: len(desk.inbox) > before + 5, within_s=5)
        with refusing(tmp_path / "fieldeye.db", "DELETE ON waiting"):  # from which it would leave
            desk.subscribe(f"fieldeye/v1/{SITE}/{NODE}/records")
            wait_until(lambda: any(message.topic.endswith("/records") for message in desk.inbox), within_s=5)
            delivered = len(desk.inbox)
            wait_until(lambda: len(desk.inbox) > delivered + 5, within_s=5)


def test_what_a_card_that_takes_no_writes_makes_to_be_tried_again_brings_no_health_before_its_time(
    tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Instant] = []
    correct_clock = Store.correct_clock
    monkeypatch.setattr(Store, "correct_clock", lambda *of, **but: tries.append(instant()) or correct_clock(*of, **but))
    clock, hourly = SetClock(state=ClockState.UNSYNCED), to(broker.port, health_every_s=3600.0, ack_timeout_s=1e6)
    with broker.connect("desk") as desk, running(tmp_path, hourly, clock=clock) as node:
        desk.subscribe(f"fieldeye/v1/{SITE}/{NODE}/health")
        node.commit(sighting(at=clock.now()))
        wait_until(lambda: node.link.word == "no_subscriber", within_s=5)
        clock.jump(0, ClockState.SYNCED)
        with refusing(tmp_path / "fieldeye.db", "UPDATE ON record"):
            for n, seconds in enumerate((3600, FAST.store_again_s, FAST.store_again_s), start=1):
                clock.advance(seconds)
                wait_until(lambda n=n: len(tries) >= n, within_s=5)  # type: ignore[misc]
            clock.advance(3600)
            wait_until(lambda: len(desk.inbox) >= 3, within_s=5)
        told = [msgspec.json.decode(message.payload, type=Health).utc for message in desk.inbox]
        assert [round((utc - told[0]).total_seconds()) for utc in told] == [0, 3600, 7260]


def spend_all(folder: Path, clock: Clock) -> None:
    """Of today's data budget, which is of 0.1 MB."""
    with closing(Store(StoreTable(folder=str(folder)), NODE)) as store:
        budget = Budget(store, 100_000, clock.now())
        budget.spend(100_000, clock.now())
        budget.keep()


def test_where_the_data_budget_is_spent_an_alert_that_nobody_received_goes_again_within_the_hour(
    tmp_path: Path,
) -> None:
    clock, pace = SetClock(), replace(FAST, kept_first_s=900.0, kept_most_s=900.0)
    spend_all(tmp_path, clock)
    with (
        Broker("log_type all\n") as broker,
        running(tmp_path, to(broker.port, daily_mb=0.1, ack_timeout_s=1e6), pace, clock=clock) as node,
    ):
        committed = node.commit(alert())
        wait_until(lambda: node.link.word == "no_subscriber", within_s=5)
        for seconds in (1700, 1):  # the second turn saw all of the first
            node.advance(clock, seconds)
        platform = Platform(broker)
        assert broker.log().count(f"fieldeye/v1/{SITE}/{NODE}/records") == 1
        clock.advance(3600)
        wait_until(lambda: platform.has(committed), within_s=10)


def link_words(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the link came to, one after the other."""
    changes = [record for record in caplog.records if record.getMessage() == "broker_link_changed"]
    return [record.now for record in changes]  # type: ignore[attr-defined]


def test_a_store_that_gives_no_records_is_told_once_where_the_data_budget_is_spent_too(
    tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Instant] = []
    next_batch = Store.next_batch
    monkeypatch.setattr(Store, "next_batch", lambda *of, **limits: tries.append(instant()) or next_batch(*of, **limits))
    spend_all(tmp_path, SystemClock())
    with running(tmp_path, to(broker.port, daily_mb=0.1), replace(FAST, turn_s=0.01, store_again_s=0.1)) as node:
        wait_until(lambda: node.link.word == "budget_spent" and len(tries) > 0, within_s=10)  # health went before
        rename_outbox(tmp_path, "waiting", "away")
        node.publisher.wake()
        wait_until(lambda: node.link.word == "store_fails", within_s=10)
        tries.clear()
        wait_until(lambda: len(tries) > 1, within_s=10)
        rename_outbox(tmp_path, "away", "waiting")
        wait_until(lambda: node.link.word == "budget_spent", within_s=10)
    assert link_words(caplog).count("store_fails") == 1


class Tardy(Network):
    """After the next acknowledgement, those that follow come with whatever is sent once it `is_tardy` no longer.

    Set it while the connection is quiet.
    """

    is_tardy = has_passed_one = False
    _late = b""

    def _passed_down(self, packets: Packets, data: bytes) -> bytes:
        if not self.is_tardy:
            late, self._late = self._late, b""
            return late + data
        passed = b""
        for kind, packet in packets.feed(data):
            if kind == PUBACK and self.has_passed_one:
                self._late += packet
            else:
                passed += packet
                self.has_passed_one |= kind == PUBACK
        return passed


def test_an_acknowledgement_that_comes_after_the_store_failed_does_not_hide_that(
    tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    Platform(broker)
    with Tardy(broker.port) as net, running(tmp_path, to(net.port), replace(FAST, store_again_s=0.3)) as node:
        node.commit(sighting())
        wait_drained(node)
        rename_outbox(tmp_path, "delivered", "away")
        net.is_tardy = True
        node.commit(*(sighting(n) for n in range(BATCH_RECORDS + 1)))
        wait_until(lambda: node.link.word == "store_fails", within_s=10)
        net.is_tardy = False
        with broker.connect("stranger") as stranger:
            stranger.publish(f"fieldeye/v1/{SITE}/{NODE}/cmd/none of ours", b"")
        wait_until(lambda: node.link.acknowledged == BATCH_RECORDS + 2, within_s=10)
        assert node.link.word == "store_fails"
        rename_outbox(tmp_path, "away", "delivered")
        wait_drained(node)
        wait_until(lambda: not node.link.word, within_s=10)
    assert link_words(caplog).count("store_fails") == 1


def test_a_line_on_which_acknowledgements_come_late_one_by_one_is_not_given_up(tmp_path: Path, broker: Broker) -> None:
    Platform(broker)
    clock = SetClock()
    with Tardy(broker.port) as net, running(tmp_path, to(net.port, ack_timeout_s=5.0), clock=clock) as node:
        node.commit(sighting())
        wait_until(lambda: node.link.acknowledged == 1, within_s=5)
        net.is_tardy = net.hold = True
        before = net.bytes_up
        node.commit(*(sighting(n) for n in range(BATCH_RECORDS + 1)))
        wait_until(lambda: net.bytes_up > before, within_s=5)
        node.advance(clock, 4)
        net.hold = False
        wait_until(lambda: node.link.acknowledged == 1 + BATCH_RECORDS, within_s=5)
        for _ in range(2):  # the second turn looks at the clock after the first
            node.advance(clock, 2)
        assert node.is_connected()
        net.is_tardy = False
        with broker.connect("stranger") as stranger:
            stranger.publish(f"fieldeye/v1/{SITE}/{NODE}/cmd/none of ours", b"")
        wait_until(lambda: node.link.acknowledged == 2 + BATCH_RECORDS, within_s=5)
        assert net.connections == 1


def test_tls_verifies_the_broker_and_its_name(tmp_path: Path) -> None:
    with Broker(tls=True) as broker:
        platform = Platform(broker)
        trusted = to(broker.port, tls=True, ca_file=str(broker.folder / "ca.pem"))
        with running(tmp_path, trusted) as node:
            committed = node.commit(*(sighting(n) for n in range(200)))
            wait_until(lambda: platform.has(committed), within_s=10)
        with running(tmp_path, msgspec.structs.replace(trusted, host="127.0.0.1")) as node:
            wait_until(lambda: node.link.state == "refused", within_s=5)
            assert "certificate" in node.link.detail


def test_a_handshake_that_fails_leaves_no_socket_open() -> None:
    with Broker(tls=True) as broker:
        tls = ssl.create_default_context()
        login = Login(host="localhost", port=broker.port, client_id="stranger", keepalive_s=10, tls=tls, username=None)
        connection = Connection(login, "will", b"")
        before = _sockets()
        connection.dial()
        assert connection.dialled(10)
        assert connection.trouble is not None
        assert "certificate" in connection.trouble.sentence
        assert _sockets() <= before


def _sockets() -> int:
    """How many sockets this process holds open."""
    return sum(one.is_socket() for one in Path("/proc/self/fd").iterdir())


def test_one_log_line_a_change_however_long_the_broker_is_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Network(free_port()) as net, running(tmp_path, to(net.port)):
        net.refuse = True
        wait_until(lambda: net.connections > 5, within_s=10)
    assert link_words(caplog) == ["connecting", "shut_out", "off"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o601])
def test_a_password_that_others_may_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "password"
    path.write_text("s3cret")
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_secret(str(path), "mqtt.password_file")


def test_a_password_comes_from_a_private_file_or_a_systemd_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "broker"
    path.write_text("s3cret\n")
    path.chmod(stat.S_IRUSR)
    assert read_secret(str(path), "mqtt.password_file").reveal() == "s3cret"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_secret("broker", "mqtt.password_file").reveal() == "s3cret"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_secret("missing", "mqtt.password_file")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty; write the secret"),
        (b"\n", "is empty"),
        (b"\xff\xfe", "one line of UTF-8"),
        (None, "No such file"),
    ],
)
def test_a_secret_that_cannot_be_one_is_refused_by_its_key_and_file(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    with pytest.raises(ConfigError, match=rf"mqtt.password_file: .*/password .*{says}"):
        read_secret(str(path), "mqtt.password_file")


def test_a_secret_is_never_printed() -> None:
    secret = Secret("s3cret")
    assert [str(secret), repr(secret), f"{secret}", repr([secret])] == ["***", "***", "***", "[***]"]


def test_a_fast_line_may_carry_more_and_a_slow_one_less() -> None:
    window = Window(keepalive_s=30)
    sizes = []
    for after_s in (0.1, 0.1, 3, 9, 9, 9, 0.1):
        window.acknowledged(after_s)
        sizes.append(window.limit_bytes)
    assert sizes == [2048, 4096, 4096, 2048, 1024, 1024, 2048]
    for _ in range(20):
        window.acknowledged(0.1)
    assert window.limit_bytes == MOST_BYTES
    assert LEAST_BYTES < MOST_BYTES


def test_what_is_on_its_way_is_bounded_in_messages_and_bytes_and_one_message_always_goes() -> None:
    flight = Flight(Window(keepalive_s=30), MOST_IN_FLIGHT)
    assert flight.has_room()
    flight.add(1, Sent("records", (Mark(7),), LEAST_BYTES - 1, at_s=1.0))
    assert flight.has_room()
    flight.add(2, Sent("health", (), 1, at_s=2.0))
    assert not flight.has_room()
    assert (flight.records, flight.oldest_s()) == ({Mark(7)}, 1.0)
    assert flight.settle(1, now_s=9.0) == Sent("records", (Mark(7),), LEAST_BYTES - 1, at_s=1.0)
    assert (flight.records, flight.oldest_s(), flight.settle(1, now_s=9.0)) == (set(), 2.0, None)
    for mid in range(3, 2 + MOST_IN_FLIGHT):
        assert flight.has_room()
        flight.add(mid, Sent("health", (), 1, at_s=3.0))
    assert (len(flight), flight.has_room()) == (MOST_IN_FLIGHT, False)


@pytest.mark.parametrize(
    ("keepalive_s", "after_s", "limit_bytes"),
    [(30, 1.0, 4096), (30, 1.1, 2048), (30, 7.4, 2048), (30, 7.5, 1024), (4, 1.9, 2048), (4, 2.0, 1024)],
)
def test_an_answer_is_late_after_a_quarter_of_the_keepalive_and_never_within_two_seconds(
    keepalive_s: float, after_s: float, limit_bytes: int
) -> None:
    window = Window(keepalive_s)
    window.acknowledged(0.1)
    window.acknowledged(after_s)
    assert window.limit_bytes == limit_bytes
