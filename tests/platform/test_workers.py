"""`fieldeye-platform ingest --database` against a real Mosquitto and PostgreSQL: set equality under each fault."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event
from uuid import UUID

import msgspec
import psycopg
import pytest
from prometheus_client import Gauge
from psycopg.conninfo import conninfo_to_dict

from edge.cli import main, platform_main
from edge.clock import SystemClock
from edge.config import StoreTable
from edge.counts import Record
from edge.errors import StoreNewerError
from edge.platform.broker.address import BrokerAddress
from edge.platform.broker.shared_subscription import SharedSubscription
from edge.platform.database import _SETTINGS, Database, open_database
from edge.platform.decode import Message
from edge.platform.intake.database_intake import Intake, Kept
from edge.platform.intake.leader import Leader
from edge.platform.intake.quarantine import set_aside
from edge.platform.intake.questions import questions
from edge.platform.intake.registry import Registry
from edge.platform.intake.worker import Worker
from edge.platform.intake.worker_metrics import WorkerMetrics
from edge.store import Store
from edge.wire import (
    Health,
    ImageHeader,
    Info,
    Reply,
    Status,
    StoreHealth,
    carried_line,
    encode_message,
    image_parts,
    image_properties,
)
from tests.broker import Broker
from tests.node import NODE, SITE, running, to, wait_drained
from tests.platform.conftest import fresh
from tests.platform.postgres import BIN, QUICK, Postgres
from tests.platform.test_database_intake import batch, kept
from tests.platform.working import at_work
from tests.ports import free_port
from tests.records import EPOCH, MOTH, count, instant, interval, sighting
from tests.waiting import next_line, wait_until

INGEST = "import sys; from edge.cli import platform_main; sys.exit(platform_main(['ingest', *sys.argv[1:]]))"
LONG_S = 40


@contextmanager
def ingesting(broker: Broker, url: str, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", INGEST, "--broker", f"127.0.0.1:{broker.port}", "--database", url, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: broker.log().count("ingest-") > 0 or process.poll() is not None, within_s=LONG_S)
            yield process
        finally:
            process.terminate()  # one that is killed leaves its workers behind
            with suppress(subprocess.TimeoutExpired):
                process.wait(LONG_S)
            process.kill()


def seqs(database: Database) -> list[int]:
    return sorted(seq for _, seq in kept(database))


def aside(database: Database) -> set[str]:
    return {row[0] for row in database.execute("SELECT topic FROM quarantine")}


def test_every_record_is_counted_once_and_a_stopped_worker_says_so(
    tmp_path: Path, broker: Broker, url: str, database: Database
) -> None:
    port = free_port()
    with (
        ingesting(broker, url, "--metrics", str(port)) as worker,
        running(tmp_path, to(broker.port, health_every_s=0.2)) as node,
    ):
        committed = node.commit(*[sighting(n) for n in range(30)], interval())
        wait_until(lambda: set(seqs(database)) == committed, within_s=LONG_S)
        wait_until(
            lambda: database.execute("SELECT count(*) FROM node WHERE health IS NOT NULL").fetchone() == (1,),
            within_s=LONG_S,
        )
        wait_until(lambda: database.execute("SELECT count FROM area_count WHERE prefix = ''").rowcount == 2, LONG_S)
        told = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    assert len(seqs(database)) == len(committed)
    assert 'fieldeye_platform_records_total{became="kept"} 31.0' in told
    assert "fieldeye_platform_leads 1.0" in told
    assert database.execute("SELECT FROM turn WHERE whose IS NOT NULL").rowcount == 0, "the next one leads at once"


@pytest.mark.platform
def test_what_a_broker_lost_is_asked_for_again_from_the_databases_ledger(
    tmp_path: Path, broker: Broker, url: str, database: Database
) -> None:
    with running(tmp_path, to(broker.port, health_every_s=0.2)) as node:
        with broker.connect("another") as other:  # acknowledged, and never kept
            other.subscribe("fieldeye/v1/#")
            committed = node.commit(*[sighting(n) for n in range(40)])
            wait_drained(node)
        with ingesting(broker, url):
            committed |= node.commit(*[sighting(n) for n in range(40, 45)])
            wait_until(lambda: set(seqs(database)) == committed, within_s=LONG_S)
    assert len(seqs(database)) == len(committed)
    assert database.execute("SELECT seen::text FROM ledger").fetchone() == ("{[1,46)}",)


def test_a_photograph_that_a_broker_lost_is_asked_for_again_after_a_newer_one_has_come(
    tmp_path: Path, broker: Broker, url: str, database: Database
) -> None:
    def kept_whole() -> dict[str, bool]:
        return dict(database.execute("SELECT id, jpeg IS NOT NULL FROM question").fetchall())

    photo = b"\xff\xd8" + bytes(range(256)) * 40 + b"\xff\xd9"
    with running(tmp_path, to(broker.port, health_every_s=0.2)) as node, ingesting(broker, url):
        first, lost = (node.store.ask_station(instant(), photo, who=who) for who in ("Li", "Wang"))
        node.publisher.wake()
        wait_until(lambda: kept_whole() == {first.id: True, lost.id: True}, LONG_S)
        database.execute("DELETE FROM question WHERE id = %s", (lost.id,))  # as if it had never come
        newer = node.store.ask_station(instant(), photo, who="Li")
        node.publisher.wake()
        wait_until(lambda: kept_whole() == {first.id: True, lost.id: False, newer.id: True}, LONG_S)
        database.execute("UPDATE question SET received = received - '2 h'::interval")
        wait_until(lambda: all(kept_whole().values()), LONG_S)


def test_nodes_of_two_brokers_are_placed_and_asked_for_what_is_missing_each_by_its_own(
    broker: Broker, url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one's gap is known before its worker starts: the first one's would ask in vain."""

    def told(node: str) -> list[Message]:
        info = Info(software="fieldeye", version="0", epoch=str(UUID(int=ord(node))), capabilities=["replay"])
        store = StoreHealth(waiting=0, last_seq=2)
        health = Health(utc=instant().utc, clock="synced", session=1, uptime_s=1.0, store=store)
        each = {"info": info, "health": health}.items()
        return [Message(f"fieldeye/v1/{SITE}/{node}/{channel}", encode_message(one)) for channel, one in each]

    monkeypatch.setattr("edge.platform.broker.shared_subscription.TURN_S", 0.01)
    intake = Intake(database)
    intake.keep([batch(sighting(), node=node, epoch=UUID(int=ord(node))) for node in "ab"])
    Registry(intake).note(told("b"))
    with Broker() as other, ExitStack() as workers:
        for nodes, near in {"a": broker, "ab": other}.items():
            source = SharedSubscription(BrokerAddress(host="127.0.0.1", port=near.port), name="worker")
            workers.enter_context(at_work(source, url, every_s=0.05))
            with near.connect("node") as node:
                node.subscribe(f"fieldeye/v1/{SITE}/{nodes[-1]}/cmd/replay")
                for message in told(nodes[-1]):
                    node.publish(message.topic, message.payload, retain=True)
                wait_until(partial(bool, node.inbox), within_s=LONG_S)
            asked = database.execute("SELECT node_name FROM ledger WHERE asked IS NOT NULL ORDER BY 1").fetchall()
            assert asked == [(one,) for one in nodes]


def test_poison_stays_in_nobodys_way(tmp_path: Path, broker: Broker, url: str, database: Database) -> None:
    poison = {
        f"fieldeye/v1/{SITE}/x/records": b"\xff nonsense",
        f"fieldeye/v1/{SITE}/y/records": batch(sighting(label="nul \0"), node="y").payload,
        f"fieldeye/v1/{SITE}/y/info": encode_message(Info(software="fieldeye", version="0", epoch="no uuid")),
        f"fieldeye/v1/{SITE}/z/info": encode_message(
            Info(software="fieldeye", version="0", epoch=str(EPOCH), crop="nul \0")
        ),
    }
    with ingesting(broker, url) as worker, broker.connect("stranger") as stranger:
        for topic, payload in poison.items():
            wait_until(lambda t=topic, p=payload: stranger.publish(t, p) == 0, within_s=LONG_S)  # type: ignore[misc]
        with running(tmp_path, to(broker.port)) as node:
            committed = node.commit(sighting(1), sighting(2))
            wait_until(lambda: set(seqs(database)) == committed, within_s=LONG_S)
            wait_until(lambda: aside(database) == poison.keys(), within_s=LONG_S)
        worker.send_signal(signal.SIGTERM)
        assert worker.stdout is not None
        assert worker.stdout.read() == "2 records kept, 0 sent again, 4 set aside as bad\n"


@pytest.mark.platform
def test_numbers_beyond_all_sense_stop_no_worker(tmp_path: Path, broker: Broker, url: str, database: Database) -> None:
    most = 2**53 - 1
    health = encode_message(Health(utc=instant().utc, clock="synced", session=1, uptime_s=1.0))
    told = {
        "info": encode_message(Info(software="fieldeye", version="0", epoch=str(EPOCH))),
        "records": batch(interval(counts=(count(MOTH, most, most, most),) * 1100), node="y").payload,
        "health": health[:-1] + b',"store":{"waiting":0,"last_seq":9223372036854775807}}',
        "reply/replay": encode_message(Reply(code="done", epoch=str(EPOCH), gone=[(1, 2**70)])),
    }
    with ingesting(broker, url) as worker, broker.connect("stranger") as stranger:
        for channel, payload in told.items():
            topic = f"fieldeye/v1/{SITE}/y/{channel}"
            wait_until(lambda t=topic, p=payload: stranger.publish(t, p) == 0, within_s=LONG_S)  # type: ignore[misc]
        wait_until(lambda: aside(database) == {f"fieldeye/v1/{SITE}/y/health"}, within_s=LONG_S)
        with running(tmp_path, to(broker.port)) as node:
            committed = node.commit(interval())
            wait_drained(node)
            wait_until(lambda: {seq for name, seq in kept(database) if name == NODE} == committed, within_s=LONG_S)
        wait_until(lambda: database.execute("SELECT FROM dirty_night").rowcount == 0, within_s=LONG_S)
        assert worker.poll() is None
    assert database.execute("SELECT max(count) FROM area_count WHERE prefix = ''").fetchone() == (most,)


def test_a_worker_that_is_killed_loses_nothing_and_doubles_nothing(
    broker: Broker, url: str, database: Database
) -> None:
    sent: set[tuple[str, int]] = set()
    with ingesting(broker, url) as first, broker.connect("nodes") as nodes:
        for number in range(60):
            _send(nodes, f"n{number % 7}", number // 7, sent)
            if number == 30:
                wait_until(lambda: len(kept(database)) > 20, within_s=LONG_S)
                first.kill()
        first.wait()
        with ingesting(broker, url):
            wait_until(lambda: set(kept(database)) == sent, within_s=LONG_S)
    assert len(kept(database)) == len(sent)


@contextmanager
def turns(
    broker: Broker, url: str, every_s: float = 3600, stop: Event | None = None
) -> Iterator[tuple[Leader, Iterator[Kept]]]:
    """Of a worker that has subscribed: its leader, and what became of each batch as they are taken."""
    source, metrics = SharedSubscription(BrokerAddress(host="127.0.0.1", port=broker.port), name="one"), WorkerMetrics()
    leader = Leader(source, metrics, every_s=every_s)
    batches = Worker(source, lambda: open_database(url), leader, metrics, SystemClock()).run(stop or Event())
    with closing(source), closing(batches):
        _until_subscribed(batches, source)
        yield leader, batches


def _until_subscribed(batches: Iterator[Kept], source: SharedSubscription) -> None:
    wait_until(lambda: next(batches) is not None and source.is_up, LONG_S)


def _send(nodes: object, name: str, number: int, sent: set[tuple[str, int]]) -> None:
    records: list[Record] = [sighting(n) for n in range(4)]
    first = number * 4 + 1
    message = batch(*records, node=name, first=first, epoch=UUID(int=int(name[1:]) + 1))
    wait_until(lambda: nodes.publish(message.topic, message.payload) == 0, LONG_S)  # type: ignore[attr-defined]
    sent |= {(name, seq) for seq in range(first, first + 4)}


@pytest.mark.platform
def test_a_database_that_restarts_costs_no_record(broker: Broker) -> None:
    sent: set[tuple[str, int]] = set()
    with Postgres() as own, ingesting(broker, own.url()) as worker, broker.connect("nodes") as nodes:
        for number in range(45):
            if number == 15:
                own.kill()
            if number == 30:
                own.start()
            _send(nodes, f"n{number % 3}", number // 3, sent)
        with open_database(own.url()) as database:
            wait_until(lambda: set(kept(database)) == sent, within_s=LONG_S)
            assert len(kept(database)) == len(sent)
        assert worker.poll() is None


def test_a_server_that_becomes_a_standby_is_waited_for(broker: Broker) -> None:
    def become(*, standby: bool) -> None:
        setting = "SET default_transaction_read_only = on" if standby else "RESET default_transaction_read_only"
        database.execute(f"ALTER SYSTEM {setting}".encode())
        database.execute("SELECT pg_reload_conf()")

    message = batch(sighting())
    with Postgres(QUICK) as own, ingesting(broker, own.url()) as worker, broker.connect("nodes") as nodes:
        with open_database(own.url()) as database:
            become(standby=True)
            wait_until(lambda: nodes.publish(message.topic, message.payload) == 0, within_s=LONG_S)
            assert "database_lost why=cannot execute" in next_line(worker, worker.stderr)
            become(standby=False)
            wait_until(lambda: kept(database) == [(NODE, 1)], within_s=LONG_S)
        assert worker.poll() is None


def told_by(gauge: Gauge) -> float:
    (told,) = gauge.collect()
    return told.samples[0].value


FAILS = """
    CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} END $$;
    CREATE TRIGGER fails BEFORE INSERT ON record EXECUTE FUNCTION fails();
    CREATE TRIGGER fails BEFORE INSERT ON site_area EXECUTE FUNCTION fails();
"""


def test_whatever_holds_a_batch_up_is_one_line_in_the_log_each_time_and_the_batch_comes_in_afterwards(
    broker: Broker,
    postgres: Postgres,
    url: str,
    database: Database,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A lock, a full disk, and a database that lets nobody in: who changed a password must not look for what it was."""

    def let_in(*, others: bool) -> None:
        with open_database(postgres.url()) as root:
            root.execute(f"ALTER DATABASE {database.info.dbname} ALLOW_CONNECTIONS {others}".encode())

    def told() -> list[str]:
        return [one.why for one in caplog.records if one.message == "database_lost"]  # type: ignore[attr-defined]

    opened: list[Database] = []

    def connect() -> Database:
        one = open_database(url)
        one.execute("SET lock_timeout = '10ms'")
        opened.append(one)  # which are cleared meanwhile
        return one

    monkeypatch.setattr("edge.platform.intake.worker.AGAIN_S", 0.01)
    monkeypatch.setattr("edge.platform.broker.shared_subscription.TURN_S", 0.01)
    source, metrics = SharedSubscription(BrokerAddress(host="127.0.0.1", port=broker.port), name="one"), WorkerMetrics()
    stop, sent = Event(), set[tuple[str, int]]()
    batches = Worker(source, connect, Leader(source, metrics, every_s=60), metrics, SystemClock()).run(stop)
    with ThreadPoolExecutor() as threads, ExitStack() as at_end, broker.connect("nodes") as nodes:
        at_end.callback(stop.set)
        _until_subscribed(batches, source)
        _send(nodes, "n1", 0, sent)
        with database.transaction():
            database.execute("LOCK TABLE ledger")
            work = threads.submit(list, batches)
            wait_until(lambda: len(opened) > 2, within_s=LONG_S)
            assert [told_by(one) for one in (metrics.database_up, metrics.waiting)] == [0, 1]
            database.execute(FAILS.format("RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full';").encode())
            opened.clear()
        wait_until(lambda: len(opened) > 2, within_s=LONG_S)
        database.execute("DROP TRIGGER fails ON record")
        wait_until(lambda: set(kept(database)) == sent, within_s=LONG_S)
        database.execute("CREATE TRIGGER fails BEFORE INSERT ON record EXECUTE FUNCTION fails()")
        opened.clear()
        _send(nodes, "n1", 1, sent)
        wait_until(lambda: len(opened) > 2, within_s=LONG_S)
        database.execute("DROP TRIGGER fails ON record")
        wait_until(lambda: set(kept(database)) == sent, within_s=LONG_S)
        let_in(others=False)
        # Waited for: what is asked of a server that just ends takes its last words away.
        database.execute("SELECT pg_terminate_backend(%s, 10000)", (opened[-1].info.backend_pid,))
        _send(nodes, "n1", 2, sent)
        wait_until(lambda: told()[-1].endswith("check --database"), within_s=LONG_S)
        let_in(others=True)
        wait_until(lambda: set(kept(database)) == sent, within_s=LONG_S)
        stop.set()
        work.result(LONG_S)
    assert told_by(metrics.database_up) == 1
    *why, ended, shut = told()
    assert why == [
        "canceling statement due to lock timeout",
        *["the database's disk is full (no space left); free space on the database's disk"] * 2,
    ]
    last_words = "terminating connection due to administrator command", "server closed the connection unexpectedly"
    assert ended.endswith(last_words), "who asks something just then hears the second"
    assert "is not currently accepting connections); check --database" in shut


def test_a_worker_that_holds_all_it_may_keeps_its_line_to_the_broker_while_the_database_is_away(
    broker: Broker, url: str, database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one that nobody hears for 90 s Mosquitto ends the line, and drops what waits for it a day later."""
    monkeypatch.setattr("edge.platform.intake.worker.WINDOW", 1)
    monkeypatch.setattr("edge.platform.intake.worker.AGAIN_S", 0.01)
    monkeypatch.setattr("edge.platform.broker.connection.AGAIN_S", 0.01)
    monkeypatch.setattr("edge.platform.broker.shared_subscription.TURN_S", 0.01)
    source = SharedSubscription(BrokerAddress(host="127.0.0.1", port=broker.port), name="one")
    sent: set[tuple[str, int]] = set()
    with at_work(source, url, every_s=60):
        wait_until(lambda: source.is_up, within_s=10)
        database.execute(FAILS.format("RAISE EXCEPTION USING ERRCODE = 'disk_full';").encode())
        with broker.connect("nodes") as nodes:
            _send(nodes, "n1", 0, sent)
        wait_until(lambda: "database_lost" in caplog.messages, within_s=10)
        broker.stop()
        wait_until(lambda: "broker_lost" in caplog.messages, within_s=10)
        broker.start()
        database.execute("DROP TRIGGER fails ON record")
        wait_until(lambda: set(kept(database)) == sent, within_s=LONG_S)


def test_a_batch_that_was_acknowledged_makes_room_for_the_next(
    broker: Broker, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.platform.broker.shared_subscription.TURN_S", 0.01)
    with turns(broker, url) as (_, batches), broker.connect("nodes") as nodes:
        _send(nodes, "n1", 0, set())
        assert next(one for one in batches if one != Kept()) == Kept(new=4)
        assert next(batches) == Kept(), "it was committed at each turn, and with 500 of them nothing more was taken"


def test_a_database_without_tables_is_waited_for_until_its_backup_is_restored(
    tmp_path: Path,
    broker: Broker,
    postgres: Postgres,
    url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lacks_tables() -> int:
        return sum("lacks our tables" in getattr(one, "why", "") for one in caplog.records)

    monkeypatch.setattr("edge.platform.intake.worker.AGAIN_S", 0.01)
    monkeypatch.setattr("edge.platform.broker.shared_subscription.TURN_S", 0.01)
    source = SharedSubscription(BrokerAddress(host="127.0.0.1", port=broker.port), name="one")
    sent: set[tuple[str, int]] = set()
    with broker.connect("nodes") as nodes, at_work(source, url, every_s=0.05):
        wait_until(lambda: source.is_up, within_s=10)
        _send(nodes, "n1", 0, sent)
        with open_database(url) as before:
            name = before.info.dbname
            wait_until(lambda: set(kept(before)) == sent, within_s=10)
        subprocess.run([BIN / "pg_dump", "-Fc", "-f", tmp_path / "dump", url], check=True)
        with open_database(postgres.url()) as root:
            for verb in (f"DROP DATABASE {name} WITH (FORCE)", f"CREATE DATABASE {name}"):
                root.execute(verb.encode())
        _send(nodes, "n1", 1, sent)
        wait_until(lambda: lacks_tables() == 1, within_s=5)
        with open_database(url) as after:
            assert after.execute("SELECT FROM pg_tables WHERE schemaname = 'public'").rowcount == 0
        with open_database(postgres.url()) as root:  # beside and renamed: never there between a batch and a look at it
            root.execute(f"CREATE DATABASE restored_{name}".encode())
            into = postgres.url(f"restored_{name}")
            subprocess.run([BIN / "pg_restore", "--single-transaction", "-d", into, tmp_path / "dump"], check=True)
            for verb in (f"DROP DATABASE {name} WITH (FORCE)", f"ALTER DATABASE restored_{name} RENAME TO {name}"):
                root.execute(verb.encode())
        with open_database(url) as after:
            wait_until(lambda: set(kept(after)) == sent, within_s=10)
    assert lacks_tables() == 1, "said once"


def test_once_a_backup_is_restored_photographs_are_asked_for_from_the_newest_one_in_it(
    broker: Broker, postgres: Postgres, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def photograph(number: int) -> Message:
        header = ImageHeader(kind="question", id=f"00000000-q{number}", bytes=5)
        return Message(f"fieldeye/v1/{SITE}/{NODE}/image", b"photo", properties=image_properties(header))

    def is_asked_for(number: int) -> bool:
        next(batches)
        return [msgspec.json.decode(one.payload)["picture"] for one in node.inbox][-1:] == [f"00000000-q{number}"]

    info = Info(software="fieldeye", version="0", epoch=str(UUID(int=0)), capabilities=["image"])
    store = StoreHealth(waiting=0, last_seq=0)
    health = Health(utc=instant().utc, clock="synced", session=1, uptime_s=1.0, store=store)
    topic, name = f"fieldeye/v1/{SITE}/{NODE}", conninfo_to_dict(url)["dbname"]
    monkeypatch.setattr("edge.platform.intake.worker.AGAIN_S", 0.01)
    monkeypatch.setattr("edge.platform.broker.shared_subscription.TURN_S", 0.01)
    monkeypatch.setattr("edge.platform.intake.commands_due.LOOK_AGAIN", timedelta())
    told = [Message(f"{topic}/{channel}", encode_message(one)) for channel, one in (("info", info), ("health", health))]
    with open_database(url) as before:
        Registry(Intake(before)).note([*told, photograph(1)])
    with fresh(postgres, str(name)) as backup, broker.connect("node") as node:
        node.subscribe(f"{topic}/cmd/image")
        with open_database(url) as before:
            Registry(Intake(before)).note([photograph(2), photograph(3)])
        with turns(broker, url, every_s=0) as (_, batches):
            node.publish(told[1].topic, told[1].payload, retain=True)
            wait_until(lambda: is_asked_for(4), within_s=10)
            with open_database(postgres.url()) as root:
                its_copy = str(conninfo_to_dict(backup)["dbname"])
                for verb in (f"DROP DATABASE {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {its_copy}"):
                    root.execute(verb.encode())
            wait_until(lambda: is_asked_for(2), within_s=10)


def test_a_worker_whose_connection_is_cut_while_it_looks_why_tables_are_missing_goes_on_once_they_are_there(
    broker: Broker, url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(lost: Database) -> None:
        monkeypatch.delattr(leader, "refuse_newer")
        database.execute("ALTER TABLE gone RENAME TO ledger")
        lost.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr("edge.platform.intake.worker.AGAIN_S", 0.01)
    with turns(broker, url) as (leader, batches), broker.connect("nodes") as nodes:
        database.execute("ALTER TABLE ledger RENAME TO gone")
        monkeypatch.setattr(leader, "refuse_newer", cut, raising=False)
        _send(nodes, "n1", 0, set())
        assert next(one.new for one in batches if one.new) == 4


def test_a_batch_in_which_the_worker_s_machine_stood_still_is_taken_in_anew(
    broker: Broker, url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while a snapshot of it is made; PostgreSQL ends a transaction that waits so long for its next statement."""

    def stand_still(ended: Database, bad: Sequence[tuple[Message, str]]) -> None:
        monkeypatch.setattr("edge.platform.intake.database_intake.set_aside", set_aside)
        process = "SELECT FROM pg_stat_activity WHERE pid = %s"
        wait_until(lambda: database.execute(process, (ended.info.backend_pid,)).rowcount == 0, within_s=10)
        set_aside(ended, bad)

    monkeypatch.setattr("edge.platform.database._SETTINGS", _SETTINGS.replace("'30s'", "'200ms'"))
    monkeypatch.setattr("edge.platform.intake.worker.AGAIN_S", 0.01)
    with turns(broker, url) as (_, batches), broker.connect("nodes") as nodes:
        monkeypatch.setattr("edge.platform.intake.database_intake.set_aside", stand_still)
        _send(nodes, "n1", 0, set())
        assert next(one.new for one in batches if one.new) == 4


@pytest.mark.parametrize(
    ("missing", "error"), [("TABLE ledger", "UndefinedTable"), ("FUNCTION take_turn", "UndefinedFunction")]
)
def test_a_worker_ends_where_a_table_or_function_is_missing_beside_the_others(
    broker: Broker, url: str, database: Database, monkeypatch: pytest.MonkeyPatch, missing: str, error: str
) -> None:
    stop = Event()
    with turns(broker, url, 0.01, stop) as (leader, batches), broker.connect("nodes") as nodes:
        monkeypatch.setattr(leader, "lost_database", stop.set)  # it would wait for ever
        database.execute(f"ALTER {missing} RENAME TO gone".encode())
        _send(nodes, "n1", 0, set())
        with pytest.raises(getattr(psycopg.errors, error)):
            list(batches)


def test_a_value_that_keeps_the_leader_from_asking_for_gaps_is_told_and_keeps_it_from_no_sums(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    Intake(database).keep([batch(interval())])
    told = '{"store": {"waiting": 0, "last_seq": "many"}}'
    database.execute("UPDATE node SET epoch = %s, health = %s", (EPOCH, told))
    source = SharedSubscription(BrokerAddress(host="127.0.0.1", port=9), name="one")
    Leader(source, WorkerMetrics(), every_s=5).turn(database, now_s=0.0)
    (line,) = caplog.records
    says = (line.message, line.part, line.why)  # type: ignore[attr-defined]
    assert says == ("leading_failed", "ask_for_gaps", 'invalid input syntax for type bigint: "many"')
    assert database.execute("SELECT FROM area_count WHERE prefix = ''").rowcount == 2


@pytest.mark.platform
def test_three_workers_share_the_messages_log_alike_and_one_killed_is_started_again(
    broker: Broker, url: str, database: Database
) -> None:
    sent: set[tuple[str, int]] = set()
    with ingesting(broker, url, "--workers", "3") as parent, broker.connect("nodes") as nodes:
        wait_until(lambda: broker.log().count("as fieldeye-ingest-") >= 3, within_s=60)
        for number in range(90):
            _send(nodes, f"n{number % 9}", number // 9, sent)
            if number == 40:
                _children(parent.pid)[-1].kill()
        wait_until(lambda: set(kept(database)) == sent, within_s=60)
        wait_until(lambda: broker.log().count("as fieldeye-ingest-") >= 4, within_s=60)
        other = batch(sighting(99), node="n1", epoch=UUID(int=2))  # under a number that came
        nodes.publish(other.topic, other.payload)
        assert parent.stderr is not None
        told = next(line for line in parent.stderr if "card_put_back" in line)
        assert f"site={SITE} node=n1 why=another record" in told
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(30) == 0
    assert len(kept(database)) == len(sent)


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.platform)])
def test_a_second_program_of_the_same_name_ends_the_first_which_says_so(
    broker: Broker, url: str, database: Database, workers: str
) -> None:
    with ingesting(broker, url, "--workers", workers) as first, broker.connect("nodes") as nodes:
        wait_until(lambda: broker.log().count("as fieldeye-ingest-") >= int(workers), within_s=LONG_S)
        with ingesting(broker, url, "--workers", workers) as second:
            assert first.wait(LONG_S) == 1
            assert first.stderr is not None
            told = first.stderr.read()
            assert f"127.0.0.1:{broker.port}: another `ingest` that is also called fieldeye-ingest-" in told
            assert "Traceback" not in told
            sent: set[tuple[str, int]] = set()
            for number in range(10):
                _send(nodes, "n1", number, sent)
            wait_until(lambda: set(kept(database)) == sent, within_s=LONG_S)
            assert second.poll() is None
    assert broker.log().count("already connected") <= int(workers), "they do not throw each other off"


LATER = "INSERT INTO schema_version (version, name) VALUES (9999, 'later')"


@pytest.mark.parametrize(
    ("every_s", "change"), [(0.1, LATER), (3600.0, f"{LATER}; ALTER TABLE record RENAME body TO told")]
)
def test_a_worker_that_runs_ends_once_newer_software_has_changed_the_tables(
    broker: Broker, url: str, database: Database, every_s: float, change: str
) -> None:
    with turns(broker, url, every_s) as (_, batches), broker.connect("nodes") as nodes:
        database.execute(change.encode())
        _send(nodes, "n1", 0, set())
        with pytest.raises(StoreNewerError, match=r"has version 9999, this program knows \d+; update this program"):
            list(batches)


@pytest.mark.platform
def test_all_workers_of_an_old_program_end_once_newer_software_has_changed_the_tables(
    broker: Broker, url: str, database: Database
) -> None:
    with ingesting(broker, url, "--workers", "2") as old:
        wait_until(lambda: broker.log().count("as fieldeye-ingest-") >= 2, within_s=LONG_S)
        database.execute(LATER)
        assert old.wait(LONG_S) == 1
        assert old.stderr is not None
        told = old.stderr.read()
    assert ("version 9999, this program knows" in told, "Traceback" in told) == (True, False)
    assert broker.log().count("as fieldeye-ingest-") == 2, "none is started again"


class _Child:
    def __init__(self, pid: int) -> None:
        self.pid = pid

    def kill(self) -> None:
        subprocess.run(["kill", "-9", str(self.pid)], check=True)


def _children(pid: int) -> list[_Child]:
    """Worker processes, not the resource tracker of multiprocessing."""
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [_Child(int(p)) for p in told if b"spawn_main" in Path(f"/proc/{p}/cmdline").read_bytes()]


def test_a_file_of_a_stick_is_taken_into_the_database(
    tmp_path: Path, url: str, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    message = batch(sighting(), interval())
    path = tmp_path / "stick.jsonl"
    info = encode_message(Info(software="fieldeye", version="0", epoch="no uuid"))
    unnamed = carried_line(f"fieldeye/v1/{SITE}/{NODE}/info", info)
    path.write_bytes(carried_line(message.topic, message.payload) * 2 + unnamed + b'{"torn": ')
    assert platform_main(["ingest", "--file", str(path), "--database", url]) == 0
    assert capsys.readouterr().out == "2 records kept, 2 sent again, 2 set aside as bad\n"
    assert kept(database) == [(NODE, 1), (NODE, 2)]
    assert database.execute("SELECT count(*) FROM area_count WHERE prefix = ''").fetchone() == (2,)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("PERFORM pg_terminate_backend(pg_backend_pid());", "the database has gone ("),
        ("RAISE EXCEPTION USING ERRCODE = '25P03';", "the database has gone ("),  # this machine was suspended
        ("RAISE EXCEPTION USING ERRCODE = 'disk_full';", "the database's disk is full ("),
        ("RAISE EXCEPTION USING ERRCODE = 'lock_not_available';", "the database's tables stay locked ("),
        ("RAISE EXCEPTION USING ERRCODE = 'read_only_sql_transaction';", "the database is read-only ("),
    ],
)
def test_a_database_that_fails_meanwhile_is_a_sentence(
    fault: str, says: str, tmp_path: Path, url: str, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    database.execute(FAILS.format(fault).encode())
    message, path = batch(sighting()), tmp_path / "stick.jsonl"
    path.write_bytes(carried_line(message.topic, message.payload))
    for words in (["ingest", "--file", str(path)], ["site", SITE, "--area", "33"]):
        assert platform_main([*words, "--database", url]) == 1
        told = capsys.readouterr().err
        assert (told.count("\n"), f"fieldeye-platform: {says}" in told) == (1, True)


PLACED = """
[node]
site = "{site}"
node = "{node}"
area_code = "{area}"
time_zone = "{zone}"
[camera]
kind = "folder"
[store]
folder = "{folder}"
"""


def test_a_node_that_has_told_nothing_itself_is_placed_by_the_newest_stick(
    tmp_path: Path, url: str, database: Database
) -> None:
    config, path = tmp_path / "node.toml", tmp_path / "stick.jsonl"
    with closing(Store(StoreTable(folder=str(tmp_path / "store")), NODE)) as store:
        store.commit([interval(20 * 3600.0)])  # of the night to come in China, of the last one in UTC
    for area, zone, is_live in (
        ("110101001001", "UTC", False), ("330106011002", "Asia/Shanghai", True), ("110101001001", "UTC", False)
    ):  # fmt: skip
        config.write_text(PLACED.format(site=SITE, node=NODE, area=area, zone=zone, folder=tmp_path / "store"))
        assert main(["export", "--config", str(config), "--out", str(path)]) == 0
        assert platform_main(["ingest", "--file", str(path), "--database", url]) == 0
        if is_live:
            database.execute('UPDATE node SET info = info || \'{"capabilities": ["replay"]}\'')
    placed = database.execute("SELECT area_code, time_zone FROM node").fetchall()
    assert placed == [("330106011002", "Asia/Shanghai")]
    assert database.execute("SELECT DISTINCT night::text FROM interval_effort").fetchall() == [("2026-07-02",)]
    assert database.execute("SELECT count(*) FROM area_count WHERE prefix = '330106'").fetchone() == (2,)


def test_a_photograph_of_a_stick_is_a_question_at_the_desk_and_no_other_picture_is(
    tmp_path: Path, url: str, database: Database
) -> None:
    header = ImageHeader(kind="question", id="00000000-q1", bytes=5, who="Asha", note="what is this?")
    others = [
        ImageHeader(kind="picture", id="00000000-1", bytes=5),
        ImageHeader(kind="excerpt", id="00000000-1", bytes=5, command="12345678"),
    ]
    path = tmp_path / "stick.jsonl"
    path.write_bytes(
        b"".join(
            carried_line(f"fieldeye/v1/{SITE}/{NODE}/image", part, image_properties(one))
            for whole in (header, *others)
            for one, part in image_parts(whole, b"photo")
        )
    )
    assert platform_main(["ingest", "--file", str(path), "--database", url]) == 0
    assert [(one.node, one.who, one.note) for one in questions(database)] == [(NODE, "Asha", "what is this?")]


def test_a_site_that_changed_while_no_worker_ran_is_found_among_what_the_broker_retained(
    broker: Broker, url: str, database: Database
) -> None:
    message, intake = batch(sighting()), Intake(database)
    intake.keep([message])
    info = encode_message(Info(software="fieldeye", version="0", epoch=str(EPOCH), capabilities=["replay"]))
    with broker.connect("node") as node:
        for session, site in enumerate(("farm-3", "farm-9"), 1):
            status = Message(f"fieldeye/v1/{site}/n1/status", encode_message(_online(session)))
            for one in (status, Message(f"fieldeye/v1/{site}/n1/info", info)):
                node.publish(one.topic, one.payload, retain=True)
                if session == 1:
                    Registry(intake).note([one])
    with ingesting(broker, url):
        placed = "SELECT FROM node WHERE site = 'farm-9' AND info IS NOT NULL"
        wait_until(lambda: database.execute(placed).rowcount == 1, within_s=LONG_S)
    assert database.execute("SELECT site FROM ledger JOIN node USING (node_id)").fetchall() == [("farm-9",)]


def _online(session: int) -> Status:
    return Status(state="online", session=session, connection=1)


def test_a_line_or_a_file_name_that_no_text_holds_is_set_aside(tmp_path: Path, url: str, database: Database) -> None:
    path = tmp_path / os.fsdecode(b"stick \xff.jsonl")
    path.write_bytes(b'{"topic":"nul \\u0000","payload":""}\nnonsense\n')
    assert platform_main(["ingest", "--file", str(path), "--database", url]) == 1
    assert aside(database) == {"nul �", f"{tmp_path}/stick ?.jsonl"}


def test_a_broker_or_a_database_that_is_not_there_is_a_sentence(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert platform_main(["ingest", "--broker", "127.0.0.1:9", "--database", url]) == 1
    assert "127.0.0.1:9 cannot be reached" in capsys.readouterr().err
    assert platform_main(["ingest", "--database", "postgresql:///x?host=/nowhere"]) == 1
    assert "the database cannot be reached" in capsys.readouterr().err
