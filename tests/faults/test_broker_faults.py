"""Faults 1 to 4, 9, 10, 20: the broker is absent, stopped, killed, frozen, forbids, has no subscriber, is a stranger.

Each ends in set equality: committed by the node = counted once by the subscriber.
"""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edge.clock import ClockState, Instant, SystemClock
from edge.mqtt.budget import DAY_S
from edge.platform import replay_commands
from edge.store import Draft
from edge.wire import Health
from tests.broker import PERSISTENT, Broker
from tests.faults.killing import ROOT
from tests.node import ACL, FAST, NODE, JumpingClock, Node, Platform, guarded, running, to, wait_drained
from tests.ports import free_port
from tests.records import interval, sighting
from tests.waiting import wait_until

LONG = (pytest.mark.faults, pytest.mark.timeout(1500))


def committed_by(node: Node) -> dict[int, object]:
    return {one.key.seq: one.record for one in node.store.records_between_seq(1, 10**9)}


def check_counted(platform: Platform, node: Node, within_s: float = 20) -> None:
    """Everything in the store was counted once, as it was committed, and the outbox is empty."""
    wait_drained(node, within_s)
    committed = committed_by(node)
    wait_until(lambda: platform.has(set(committed)), within_s=10)
    assert platform.counted == committed


def test_01_a_broker_that_is_absent_at_boot_gets_everything_later(tmp_path: Path) -> None:
    with Broker() as broker:
        platform = Platform(broker, session=True)
        broker.stop()
        with running(tmp_path, to(broker.port)) as node:
            node.commit(*(sighting(n) for n in range(50)))
            wait_until(lambda: node.link.state == "lost", within_s=10)
            assert "nobody listens" in node.link.detail
            broker.start()
            check_counted(platform, node)


@pytest.mark.parametrize("away_s", [1, pytest.param(600, marks=LONG)])
def test_02_500_records_made_while_the_broker_is_stopped_arrive(tmp_path: Path, away_s: float) -> None:
    with Broker() as broker:
        platform = Platform(broker, session=True)
        with running(tmp_path, to(broker.port)) as node:
            node.commit(sighting())
            wait_drained(node)
            broker.stop()
            until_s = time.monotonic() + away_s
            for n in range(500):
                node.commit(sighting(n) if n % 5 else interval(n))
            wait_until(lambda: time.monotonic() > until_s, within_s=away_s + 5)
            assert node.store.waiting().records == 500
            broker.start()
            check_counted(platform, node)


def test_03_what_a_killed_broker_forgot_is_found_as_a_gap_and_replayed(tmp_path: Path) -> None:
    with Broker() as broker:  # acknowledges, and keeps in memory only
        Platform(broker, session=True).client.leave()
        with running(tmp_path, to(broker.port)) as node:
            node.commit(*(sighting(n, count=n) for n in range(300)))
            wait_drained(node)
            broker.kill()
            broker.start()
            platform = Platform(broker)
            wait_until(lambda: last_seq(platform) == 300, within_s=10)
            assert platform.counted == {}
            for command in replay_commands(platform.seen, NODE, node.store.epoch, 300, SystemClock().now().utc):
                platform.ask(command)
            check_counted(platform, node)
            wait_until(lambda: [reply.sent for reply in platform.replies()] == [300], within_s=5)


def a_correction_is_delivered(node: Node, at: Instant) -> int:
    """Of an interval that ends there: its number, once the broker has taken it."""
    key = node.store.commit_interval(replace(interval(), end=at), Draft(seq=None, state=b"", pictures=()))
    corrected = replace(interval(revision=1), end=at)
    node.store.commit_interval(corrected, Draft(seq=key.seq, state=b"", pictures=()))
    node.publisher.wake()
    wait_drained(node)
    return key.seq


def test_03_a_correction_that_a_killed_broker_forgot_comes_again_within_a_day_though_it_leaves_no_gap(
    tmp_path: Path,
) -> None:
    clock = JumpingClock(0.0, ClockState.SYNCED)
    with Broker() as broker:  # acknowledges, and keeps in memory only
        Platform(broker, session=True).client.leave()
        with running(tmp_path, to(broker.port, health_every_s=0.2), clock=clock) as node:
            seq = a_correction_is_delivered(node, clock.now())
            broker.kill()
            broker.start()
            platform = Platform(broker)
            wait_until(lambda: last_seq(platform) == 1, within_s=10)
            assert platform.told == []
            for day in range(1, 3):
                clock.offset_s += DAY_S
                wait_until(lambda day=day: platform.revisions(seq) == [1] * day, within_s=10)  # type: ignore[misc]
                healths = len(platform.messages["health"])
                wait_until(lambda least=healths + 3: len(platform.read().messages["health"]) >= least, within_s=10)  # type: ignore[misc]
                assert platform.revisions(seq) == [1] * day


def test_a_correction_that_goes_again_while_nobody_subscribes_comes_once_somebody_does(tmp_path: Path) -> None:
    clock = JumpingClock(0.0, ClockState.SYNCED)
    with Broker() as broker:
        Platform(broker, session=True).client.leave()
        with running(tmp_path, to(broker.port, health_every_s=0.2), clock=clock) as node:
            seq = a_correction_is_delivered(node, clock.now())
            broker.kill()
            broker.start()
            clock.offset_s += DAY_S
            wait_until(lambda: node.link.word == "no_subscriber", within_s=10)
            platform = Platform(broker)
            wait_until(lambda: platform.revisions(seq) == [1], within_s=10)


def last_seq(platform: Platform) -> int | None:
    """What the node says that it has committed."""
    said = [m for m in platform.read().messages.get("health", []) if isinstance(m, Health) and m.store]
    return said[-1].store.last_seq if said and said[-1].store else None


@pytest.mark.parametrize("frozen_s", [2, pytest.param(30, marks=LONG)])
def test_04_a_frozen_broker_is_noticed_and_gets_everything_when_it_thaws(tmp_path: Path, frozen_s: float) -> None:
    with Broker() as broker:
        platform = Platform(broker)
        with running(tmp_path, to(broker.port, ack_timeout_s=1.0)) as node:
            node.commit(sighting())
            wait_drained(node)
            broker.freeze()
            until_s = time.monotonic() + frozen_s
            node.commit(*(sighting(n) for n in range(100)))
            wait_until(lambda: node.link.state == "lost", within_s=10)
            wait_until(lambda: time.monotonic() > until_s, within_s=frozen_s + 5)
            broker.thaw()
            check_counted(platform, node)


def test_09_what_the_acl_forbids_is_kept_reported_and_sent_once_it_may(tmp_path: Path) -> None:
    with (
        guarded(tmp_path, may_write="health") as (broker, platform, config),
        running(tmp_path / "store", config) as node,
    ):
        node.commit(*(sighting(n) for n in range(20)))
        wait_until(lambda: node.link.state == "refused" and "ACL" in node.link.detail, within_s=5)
        assert node.store.waiting().records == 20
        assert platform.read().counted == {}
        broker.set_acl(ACL)
        check_counted(platform, node)


def test_10_records_are_kept_while_nobody_subscribes(tmp_path: Path) -> None:
    with Broker() as broker, running(tmp_path, to(broker.port)) as node:
        node.commit(*(sighting(n) for n in range(100)))
        wait_until(lambda: "nobody" in node.link.detail, within_s=5)
        assert node.store.waiting().records == 100
        platform = Platform(broker)
        check_counted(platform, node)
        assert node.link.detail == ""


def test_20_two_nodes_of_one_name_take_turns_lose_nothing_and_say_so_until_one_is_alone(tmp_path: Path) -> None:
    with Broker() as broker:
        platform = Platform(broker)
        patient = replace(FAST, again_first_s=0.2, again_most_s=1.0)
        with running(tmp_path / "a", to(broker.port), patient) as one:
            with running(tmp_path / "b", to(broker.port), patient) as other:
                for node in (one, other):
                    node.commit(*(sighting(n) for n in range(50)))
                wait_drained(one, within_s=30)
                wait_drained(other, within_s=30)
                for node in (one, other):  # each knows it whoever is connected when somebody looks
                    wait_until(lambda of=node: "used this node's name within a day" in of.link.detail, within_s=10)  # type: ignore[misc]
                committed = {stored.key for node in (one, other) for stored in node.store.records_between_seq(1, 100)}
                wait_until(lambda: len(platform.read().keys) >= 100, within_s=10)
                assert platform.keys == committed
            wait_until(lambda: bool(one.commit(sighting())) and not one.link.word, within_s=20)  # the other has a name


def test_20_a_broker_with_an_unknown_authority_is_refused_with_the_reason(tmp_path: Path) -> None:
    with Broker(tls=True) as broker, running(tmp_path, to(broker.port, tls=True)) as node:
        node.commit(sighting())
        wait_until(lambda: "not trusted" in node.link.detail, within_s=5)
        assert node.store.waiting().records == 1


def test_20_a_name_that_nobody_knows_is_said(tmp_path: Path) -> None:
    with running(tmp_path, to(free_port(), host="broker.invalid")) as node:
        wait_until(lambda: "not known" in node.link.detail, within_s=10)


HANGING = """
ip link set lo up
echo nameserver 127.0.0.1 > "$FOLDER/resolv.conf"
echo options timeout:90 >> "$FOLDER/resolv.conf"
cp /etc/hosts "$FOLDER/hosts"
for one in resolv.conf hosts; do mount --bind "$FOLDER/$one" /etc/$one; done
exec "$@"
"""

DEAD = """
ip link set lo up
ip link add dead type veth peer name nobody
ip -6 address add 2001:db8::1/64 dev dead nodad
for one in dead nobody; do ip link set $one up; done
echo "127.0.0.1 localhost broker.example" > "$FOLDER/hosts"
for n in 1 2 3; do
    ip neighbour add 2001:db8::dead:$n lladdr 02:00:00:00:00:0$n dev dead
    echo "2001:db8::dead:$n broker.example" >> "$FOLDER/hosts"
done
mount --bind "$FOLDER/hosts" /etc/hosts
exec "$@"
"""


def in_a_network_of_its_own(script: str, module: str, folder: Path) -> str:
    """What `module` prints where `script` has made the network."""
    command = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-ec", script, "sh"]
    environment = {"FOLDER": str(folder), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    if subprocess.run([*command, "true"], env=environment, capture_output=True, check=False).returncode:
        pytest.skip("needs root and iproute2 to have a network of its own")
    command += [sys.executable, "-m", module]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_20_a_name_server_that_hangs_holds_up_neither_the_reason_nor_the_next_dial_nor_the_stop(tmp_path: Path) -> None:
    told = in_a_network_of_its_own(HANGING, "tests.faults.hanging_dns", tmp_path)
    stopped_s, waiting, detail, later = told.split("|")
    assert float(stopped_s) < 20  # an answer is waited for 90 s
    assert waiting == "1"
    assert "hangs" in detail
    assert "nobody listens" in later


def test_20_a_broker_whose_first_three_addresses_are_dead_is_reached_and_found_ready(tmp_path: Path) -> None:
    connections, steps = in_a_network_of_its_own(DEAD, "tests.faults.dead_addresses", tmp_path).split("|")
    assert int(connections) == 1
    assert "False" not in steps
    assert "broker publish" in steps


def test_03_a_broker_that_saves_on_every_change_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    with Broker(PERSISTENT) as broker:
        platform = Platform(broker, session=True)
        platform.client.leave()
        with running(tmp_path, to(broker.port)) as node:
            node.commit(*(sighting(n) for n in range(100)))
            wait_drained(node)
            broker.kill()
            broker.start()
            node.commit(sighting())
            platform = Platform(broker, session=True)
            wait_drained(node)
            committed = set(committed_by(node))
            wait_until(lambda: len(platform.read().counted) >= 100, within_s=10)
            for command in replay_commands(platform.seen, NODE, node.store.epoch, 101, SystemClock().now().utc):
                platform.ask(command)
            wait_until(lambda: platform.has(committed), within_s=10)
            assert platform.counted.keys() == committed
