"""Workers on a quorum queue of three RabbitMQ nodes: one is killed, and each record still counts once."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shlex import split
from threading import Event

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from edge.errors import BrokerError
from edge.platform.broker.quorum_queue import EXCHANGE, QuorumQueue
from edge.platform.broker.sources import WINDOW, Delivery
from edge.platform.database import Database
from tests.network import Network
from tests.node import running, to
from tests.platform.rabbit import LIB, NAMES, Cluster
from tests.platform.test_database_intake import kept
from tests.platform.working import at_work
from tests.records import interval, sighting
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.platform,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not LIB.exists() or shutil.which("epmd") is None, reason="RabbitMQ is not installed"),
]
DEATHS = 23  # more than the 20 that RabbitMQ 4 bears by itself


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as three:
        yield three


def introduced(database: Database) -> bool:
    rows = database.execute("SELECT info->>'software', health->>'clock', status->>'state' FROM node").fetchall()
    return [None not in row for row in rows] == [True]


def test_a_node_that_connects_while_no_worker_runs_is_known_to_the_next(
    tmp_path: Path, cluster: Cluster, url: str, database: Database
) -> None:
    with at_work(QuorumQueue(cluster.urls), url, every_s=1.0):
        wait_until(lambda: "fieldeye-others\tquorum" in cluster.queue_kinds(), within_s=60, every_s=1)
    with running(tmp_path, to(cluster.mqtt["two"], health_every_s=0.5)) as node:
        node.commit(sighting(1))
        wait_until(node.is_drained, within_s=60)
    assert not introduced(database)
    with at_work(QuorumQueue(cluster.urls), url, every_s=1.0):
        wait_until(lambda: introduced(database), within_s=60, every_s=0.5)


def test_a_broker_node_killed_out_of_three_costs_no_record_and_is_told_in_the_log(
    tmp_path: Path, cluster: Cluster, url: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with at_work(QuorumQueue(cluster.urls), url, every_s=1.0):
        wait_until(lambda: "fieldeye-records" in cluster.queue_kinds(), within_s=60, every_s=1)
        assert "fieldeye-records\tquorum" in cluster.queue_kinds()
        with running(tmp_path, to(cluster.mqtt["two"], health_every_s=0.5)) as node:
            committed = node.commit(*[sighting(n) for n in range(60)])
            wait_until(lambda: len(kept(database)) >= 20, within_s=60)
            cluster.kill("one")  # the node to which the worker is connected
            for n in range(60, 160):
                committed |= node.commit(sighting(n), interval(n))
            wait_until(lambda: {seq for _, seq in kept(database)} == committed, within_s=240, every_s=0.5)
        assert len(kept(database)) == len(committed)
    assert "broker_lost" in caplog.messages


def test_after_a_channel_that_the_broker_closed_and_a_queue_that_was_deleted_more_is_heard(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """RabbitMQ closes a channel on which nothing is acknowledged for half an hour; the connection stays."""
    with closing(QuorumQueue(cluster.urls, group="fed")) as source, at_queue(cluster.urls) as channel:
        source.connect()

        def given() -> list[Delivery]:
            channel.basic_publish("", "fed-records", b"x")
            return next(filter(None, (source.take(Event(), 1) for _ in range(20))), [])

        source.acknowledge(given() * 2)  # a fault, for which it is closed
        assert given()
        channel.queue_delete("fed-records")
        wait_until(lambda: source.take(Event(), 1) == [] and caplog.messages.count("broker_lost") == 2, within_s=10)
        assert given()


def test_a_broker_whose_disk_is_full_gives_out_all_that_waits_though_a_command_was_sent(cluster: Cluster) -> None:
    """Else what fills the disk would stay there: a connection that has published is read no more, and acknowledges."""
    full = "{resource_limit, disk, node()}"
    with closing(QuorumQueue(cluster.urls, group="full")) as source, at_queue(cluster.urls) as channel:
        source.connect()
        for _ in range(2 * WINDOW + 1):
            channel.basic_publish("", "full-records", b"x")
        channel.queue_declare("node", exclusive=True)
        channel.queue_bind("node", EXCHANGE, "fieldeye.v1.s.n.cmd.replay")
        cluster.ctl("two", "eval", f"rabbit_alarm:set_alarm({{{full}, []}}).")
        try:
            taken = 0
            for _ in range(20):
                source.say("fieldeye/v1/s/n/cmd/replay", b"x")
                given = source.take(Event(), WINDOW)
                source.acknowledge(given)
                taken += len(given)
        finally:
            cluster.ctl("two", "eval", f"rabbit_alarm:clear_alarm({full}).")
        assert taken == 2 * WINDOW + 1

        def a_command_arrives() -> bool:
            source.say("fieldeye/v1/s/n/cmd/replay", b"the last")  # one that fails is sent again, as each gap is
            source.take(Event(), 1)
            return bool(channel.basic_get("node", auto_ack=True)[2] == b"the last")

        wait_until(a_command_arrives, within_s=20)


def test_a_cluster_that_refuses_commands_is_dialled_once_a_turn_and_left_with_no_connection(cluster: Cluster) -> None:
    """A dial may take seconds, and a leader has thousands of commands."""
    cluster.ctl("two", "add_user", "mute", "mute")
    cluster.ctl("two", "set_permissions", "mute", ".*", "^mute-", ".*")
    with Network(cluster.amqp["two"]) as line:
        source = QuorumQueue(f"amqp://mute:mute@127.0.0.1:{line.port}", group="mute")
        with closing(source):
            source.connect()
            for turn in range(3):
                for _ in range(100):
                    source.say("fieldeye/v1/s/n/cmd/replay", b"x")
                assert line.connections == 2 + turn
                source.take(Event(), 1)
            assert source.is_up
        wait_until(lambda: "mute" not in cluster.ctl("two", "list_connections", "user"), within_s=20, every_s=1)


def died_with(urls: str, group: str) -> int:
    """How many workers were given one message and died with it."""
    with at_queue(urls) as channel:
        channel.basic_publish("", f"{group}-records", b"x", pika.BasicProperties(delivery_mode=2))
    for deaths in range(DEATHS):
        source = QuorumQueue(urls, group=group)
        source.connect()
        given = any(source.take(Event(), 1) for _ in range(10))
        source.close()
        if not given:
            return deaths
    return DEATHS


@contextmanager
def at_queue(urls: str) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection([pika.URLParameters(url) for url in urls.split(",")]) as connection:
        yield connection.channel()


def test_what_kills_its_worker_again_and_again_is_never_thrown_away(cluster: Cluster) -> None:
    with closing(QuorumQueue(cluster.urls, group="new")) as source:
        source.connect()
    assert died_with(cluster.urls, "new") == DEATHS


def test_of_a_queue_of_before_a_worker_warns_once_with_the_command_that_lifts_its_limit(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.ctl("two", "add_vhost", "a station")
    cluster.ctl("two", "set_permissions", "-p", "a station", "guest", ".*", ".*", ".*")
    urls = cluster.urls.replace("%2F", "a%20station")
    with at_queue(urls) as channel:
        channel.queue_declare("former-records", durable=True, arguments={"x-queue-type": "quorum"})
    with closing(QuorumQueue(urls, group="former")) as source:
        source.connect()
        source.close()
        source.connect()
    (told,) = (one for one in caplog.records if one.message == "queue_has_delivery_limit")
    cluster.ctl("two", *split(vars(told)["why"].partition("rabbitmqctl ")[2]))
    assert died_with(urls, "former") == DEATHS


def test_a_cluster_has_one_leader_whoever_asks_it_in_whatever_order() -> None:
    assert QuorumQueue("amqps://a/x,amqps://b/x").broker == QuorumQueue("amqps://me:secret@b/x,amqps://a/x").broker


def test_a_cluster_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(BrokerError, match="the cluster cannot be reached"):
        QuorumQueue("amqp://127.0.0.1:9").connect()


def test_a_cluster_that_takes_the_call_and_says_nothing_is_a_sentence() -> None:
    """Such as a node that hangs, or a balancer with none behind it."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(BrokerError, match="cannot be reached"):
        QuorumQueue(f"amqp://127.0.0.1:{silent.getsockname()[1]}/?stack_timeout=0.2").connect()


def test_a_cluster_that_is_away_as_a_whole_is_waited_for(cluster: Cluster) -> None:
    """The last test: no node is left."""
    source, other = QuorumQueue(cluster.urls), QuorumQueue(cluster.urls)
    source.connect()
    other.connect()
    assert source.is_up
    for name in NAMES:
        cluster.kill(name)
    other.listen_to_others()  # as a worker does that leads before it has noticed
    assert [source.take(Event(), 1) for _ in range(4)] == [[]] * 4
    assert not source.is_up
    source.listen_to_others()  # as a worker that leads again does meanwhile
