"""A broker that refuses, goes away or is no longer trusted: said once, and never waited for in vain."""

import shutil
import signal
import socket
import ssl
import urllib.request
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import replace
from itertools import count, cycle
from pathlib import Path
from threading import Event, Thread

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from edge.cli import platform_main
from edge.errors import BrokerError
from edge.platform.broker.address import BrokerAddress, refused, unreachable
from edge.platform.broker.shared_subscription import OTHERS, RECORDS, SharedSubscription, end_session, worker_name
from edge.platform.broker.sources import Delivery
from edge.platform.broker.subscriber import ALL, Subscriber
from edge.platform.database import Database
from edge.platform.decode import Message
from edge.platform.intake.database_intake import Intake
from edge.platform.intake.leader import Leader
from edge.platform.intake.registry import Registry
from edge.platform.intake.worker_metrics import WorkerMetrics
from edge.wire import Health, Info, StoreHealth, encode_message
from tests.broker import Broker, Client
from tests.network import PUBACK, Network
from tests.platform.test_database_intake import batch
from tests.platform.test_workers import LONG_S, ingesting, told_by
from tests.ports import free_port
from tests.records import EPOCH, instant, sighting
from tests.test_platform import address
from tests.waiting import wait_until

SHARE = f"$share/fieldeye/{RECORDS}"
TOPIC = "fieldeye/v1/farm-3/n1"
LET_IN = bytes((0x20, 3, 0, 0, 0))
NOT_SHARED = [bytes((0x90, 4, 0, 1, 0, 0x9E)), bytes((0xE0, 1, 0x9E))]  # SUBACK of the first request, and DISCONNECT
Say = Callable[[str, bytes], None]
Talking = Callable[[BrokerAddress], AbstractContextManager[tuple[Say, Callable[[], object]]]]
Listening = Callable[[Broker, Event], Generator[Message | None, None, None]]


def address_of(broker: Broker) -> BrokerAddress:
    tls = ssl.create_default_context(cafile=str(broker.folder / "ca.pem")) if broker.tls else None
    return BrokerAddress(host="localhost" if broker.tls else "127.0.0.1", port=broker.port, tls=tls)


def shared(broker: Broker, stop: Event) -> Generator[Message | None, None, None]:
    """What a worker of `ingest --database` hears that leads; None where nothing came in a turn."""
    with closing(SharedSubscription(address_of(broker), name="fieldeye-ingest-0-here")) as source:
        source.connect()
        leads = False
        while not stop.is_set():
            taken = source.take(stop, 10)
            yield from [delivery.message for delivery in taken] or [None]
            source.acknowledge(taken)
            if source.is_up and not leads:
                source.listen_to_others()
                leads = True


def plain(broker: Broker, stop: Event) -> Generator[Message | None, None, None]:
    """What `listen` and `ingest --out` hear."""
    yield from Subscriber(address_of(broker)).messages(stop)


@contextmanager
def talking_worker(address: BrokerAddress) -> Generator[tuple[Say, Callable[[], object]], None, None]:
    """How it sends commands, and a turn in which it hears."""
    with closing(SharedSubscription(address, name="talker")) as source:
        source.connect()
        wait_until(lambda: source.take(Event(), 1) == [] and source.is_up, within_s=10)
        yield source.say, lambda: source.take(Event(), 1)


@contextmanager
def talking_listener(address: BrokerAddress) -> Generator[tuple[Say, Callable[[], object]], None, None]:
    """The same; a turn lasts until there is something to hear."""
    subscriber = Subscriber(address)
    with closing(subscriber.messages(Event())) as heard:
        assert next(heard).topic == f"{TOPIC}/status"
        yield subscriber.say, lambda: next(heard)


@contextmanager
def shut_door(port: int, *answers: Sequence[bytes]) -> Generator[list[socket.socket], None, None]:
    """As a proxy whose broker is away has it: who calls is let in, and shown out.

    Each in turn gets the next answers before, one for each thing that it says.
    """
    callers: list[socket.socket] = []

    def show_out() -> None:
        with suppress(OSError):  # ends with the line
            for said in cycle(answers or [()]):
                callers.append(line.accept()[0])
                for one in said:
                    callers[-1].recv(4096)
                    callers[-1].sendall(one)
                callers[-1].close()

    with socket.create_server(("127.0.0.1", port)) as line:
        thread = Thread(target=show_out, daemon=True)
        thread.start()
        yield callers
        line.shutdown(socket.SHUT_RDWR)
        thread.join(20)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a second in place of 20 a door that stays shut is one."""
    monkeypatch.setattr("edge.platform.broker.link._IN_VAIN", 3)
    monkeypatch.setattr("edge.platform.broker.connection.AGAIN_S", 0.3)


def end_of(listening: Listening, broker: Broker) -> str:
    """The sentence with which it ends by itself."""
    with pytest.raises(BrokerError) as ended:
        list(listening(broker, Event()))
    return str(ended.value)


@pytest.mark.parametrize(
    ("listening", "allowed", "refused"),
    [
        (shared, [], SHARE),
        (shared, [SHARE, *(f"fieldeye/v1/+/+/{one}" for one in OTHERS if one != "health")], "fieldeye/v1/+/+/health"),
        (plain, [], ALL),
    ],
)
def test_a_subscription_that_is_refused_is_a_sentence(listening: Listening, allowed: list[str], refused: str) -> None:
    broker = Broker()
    broker.allow_only(*allowed)
    with broker:
        assert end_of(listening, broker) == (
            f"127.0.0.1:{broker.port} refuses the subscription to {refused} (Not authorized); allow it in its ACL"
        )


@pytest.mark.parametrize("answer", NOT_SHARED, ids=["SUBACK", "DISCONNECT"])
def test_a_broker_without_shared_subscriptions_is_a_sentence_with_what_else_there_is(answer: bytes) -> None:
    with Broker() as broker:
        broker.stop()
        with shut_door(broker.port, [LET_IN, answer]):
            assert end_of(shared, broker) == (
                f"127.0.0.1:{broker.port} has no shared subscriptions; use a broker that has, or RabbitMQ with --queue"
            )


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (0x84, "Unsupported protocol version); use a broker that speaks MQTT 5"),
        (0x86, "Bad user name or password); check user name and password"),
        (0x89, "Server busy); try again later"),
        (0x9D, "Server moved); ask who runs it for its new name, and correct --broker"),
    ],
)
def test_each_refusal_has_its_own_remedy(code: int, says: str) -> None:
    broker = BrokerAddress(host="127.0.0.1", port=1883)
    assert str(refused(broker, ReasonCode(PacketTypes.CONNACK, identifier=code))) == f"127.0.0.1:1883 refuses ({says}"


def test_a_broker_that_takes_nobody_without_a_client_id_lets_listen() -> None:
    with Broker("allow_zero_length_clientid false\n") as broker:
        with broker.connect("node") as node:
            node.publish(f"{TOPIC}/status", retain=True)
        with closing(plain(broker, Event())) as heard:
            assert next(message.topic for message in heard if message) == f"{TOPIC}/status"


@pytest.mark.parametrize("listening", [shared, plain])
def test_a_broker_that_wants_tls_and_is_called_without_it_is_a_sentence(listening: Listening) -> None:
    with Broker(tls=True) as broker:
        broker.tls = False  # for who calls
        assert end_of(listening, broker) == (
            f"127.0.0.1:{broker.port} answers but lets nobody in over MQTT; check the port, and add --tls where the "
            "broker wants it"
        )


@pytest.mark.parametrize("listening", [shared, plain])
def test_a_port_that_takes_the_line_and_says_nothing_is_told_with_its_remedy_at_the_first_try(
    listening: Listening, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.platform.broker.link.KEEPALIVE_S", 1)
    with Network(broker.port) as mute:
        mute.blackhole, broker.port = True, mute.port  # for who calls
        assert end_of(listening, broker).endswith("check the port, and add --tls where the broker wants it")
        assert mute.connections == 1


def test_a_broker_that_has_no_tls_and_is_called_with_it_is_a_sentence() -> None:
    with Broker() as broker, Network(free_port()) as proxy:  # the one resets the line, the other ends it
        for port in (broker.port, proxy.port):
            asked = BrokerAddress(host="127.0.0.1", port=port, tls=ssl.create_default_context())
            with pytest.raises(BrokerError, match="does not speak TLS as expected; check the port, or leave out --tls"):
                next(Subscriber(asked).messages(Event()))
    assert "TLS" not in str(unreachable(replace(asked, tls=None), ConnectionResetError()))


@pytest.mark.parametrize("listening", [shared, plain])
def test_a_broker_that_wants_a_certificate_of_its_callers_is_another_sentence(listening: Listening) -> None:
    """TLS 1.3 ends the line only after the caller has spoken."""
    with Broker("require_certificate true\n", tls=True) as broker:
        assert end_of(listening, broker).endswith("add a --client-file that it trusts if it asks")


@pytest.mark.parametrize("words", ["ingest --leave old", "simulate --nodes 1 --truth {folder}/truth.csv"])
def test_what_ends_by_itself_says_so_too(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edge.platform.simulate.fleet._OPEN_S", 1.0)
    with Broker(tls=True) as broker:
        said = f"fieldeye-platform: 127.0.0.1:{broker.port} "
        assert platform_main([*words.format(folder=tmp_path).split(), "--broker", f"127.0.0.1:{broker.port}"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(said)
    assert "check the port, and add --tls where" in told


@pytest.mark.parametrize("listening", [shared, plain])
def test_a_broker_with_another_authority_is_a_sentence_and_the_end_and_the_next_start_reads_it(
    listening: Listening,
) -> None:
    with Broker(tls=True) as broker:
        ended: list[str] = []
        thread = Thread(target=lambda: ended.append(end_of(listening, broker)), daemon=True)
        thread.start()
        wait_until(lambda: "New client connected" in broker.log(), within_s=10)
        broker.stop()
        broker.change_authority()
        broker.start()
        thread.join(60)
        (says,) = ended
        assert says.startswith(f"localhost:{broker.port} is not trusted (")
        assert "check --ca-file" in says
        with broker.connect("node") as node:
            node.publish(f"{TOPIC}/status", retain=True)
        with closing(listening(broker, Event())) as again:
            assert next(message.topic for message in again if message) == f"{TOPIC}/status"


def test_a_renewed_certificate_of_its_own_lets_a_worker_in_again_without_a_new_start(tmp_path: Path) -> None:
    """A line outlives the certificate with which it was opened: months later the broker starts anew."""

    def is_up() -> bool:
        source.take(Event(), 1)
        return source.is_up

    def trust(whom: Broker) -> None:
        shutil.copy(whom.folder / "ca.pem", broker.folder / "clients.pem")

    def bring_certificate(*parts: str) -> None:
        own.write_text("".join((other.folder / one).read_text() for one in parts))

    own, broker = tmp_path / "own.pem", Broker(tls=True)
    own.touch(mode=0o600)
    with (broker.folder / "conf").open("a") as conf:
        conf.write(f"require_certificate true\ncafile {broker.folder}/clients.pem\n")
    with Broker(tls=True) as other:
        trust(other)
        bring_certificate("server.pem", "server.key")
        with broker:
            files = ("--ca-file", str(broker.folder / "ca.pem"), "--client-file", str(own))
            source = SharedSubscription(address("--broker", f"localhost:{broker.port}", *files), name="one")
            with closing(source):
                source.connect()
                wait_until(is_up, within_s=10)
                broker.stop()
                other.change_authority()
                trust(other)
                broker.start()
                wait_until(lambda: not is_up() and "OpenSSL Error" in broker.log(), within_s=10)
                bring_certificate("server.pem")  # half of a file
                refusals = broker.log().count("OpenSSL Error")
                wait_until(lambda: not is_up() and broker.log().count("OpenSSL Error") > refusals, within_s=10)
                bring_certificate("server.pem", "server.key")
                wait_until(is_up, within_s=10)


@pytest.mark.parametrize("listening", [shared, plain])
def test_an_outage_is_one_line_of_the_log(listening: Listening, caplog: pytest.LogCaptureFixture) -> None:
    def lost() -> list[str]:
        return [record.why for record in caplog.records if record.message == "broker_lost"]

    stop, heard = Event(), list[str]()
    with Broker() as broker:
        with broker.connect("node") as node:
            node.publish(f"{TOPIC}/status", qos=0, retain=True)  # told at each subscription, and never acknowledged
        thread = Thread(target=lambda: heard.extend(one.topic for one in listening(broker, stop) if one), daemon=True)
        thread.start()
        wait_until(lambda: len(heard) == 1, within_s=10)
        broker.stop()
        wait_until(lambda: len(lost()) == 1, within_s=10)
        later = [[bytes((0x20, 3, 0, code, 0))] for code in (0x88, 0x89, 0x9F)]  # not available, busy, too many at once
        with shut_door(broker.port, [], *later) as callers:
            wait_until(lambda: len(callers) > 4, within_s=30)  # one that was found is waited for all the same
        broker.start()
        wait_until(lambda: len(heard) == 2, within_s=10)
        broker.stop()
        wait_until(lambda: len(lost()) == 2, within_s=10)
        stop.set()
        thread.join(20)
    assert lost() == ["the connection broke"] * 2


def test_what_is_missing_while_the_broker_is_away_is_asked_for_once_and_at_once_when_it_is_back(
    broker: Broker, database: Database
) -> None:
    intake, stop, store = Intake(database), Event(), StoreHealth(waiting=0, last_seq=2)
    told = {
        "info": Info(software="fieldeye", version="0", epoch=str(EPOCH), capabilities=["replay", "image"]),
        "health": Health(utc=instant().utc, clock="synced", session=1, uptime_s=1.0, store=store),
    }
    intake.keep([batch(sighting())])
    messages = [Message(f"{TOPIC}/{channel}", encode_message(one)) for channel, one in told.items()]
    Registry(intake).note(messages)
    with closing(SharedSubscription(address_of(broker), name="leader")) as source:
        source.connect()
        metrics = WorkerMetrics()
        leader = Leader(source, metrics, every_s=0.0)
        leader.hear(messages)
        wait_until(lambda: source.take(stop, 1) == [] and source.is_up, within_s=10)
        broker.stop()
        wait_until(lambda: source.take(stop, 1) == [] and not source.is_up, within_s=10)
        for turn in range(3):
            leader.turn(database, turn)
            database.execute("UPDATE ledger SET asked = asked - interval '3 minutes' WHERE asked IS NOT NULL")
        leader.turn(database, 3)
        broker.start()
        with broker.connect("n1") as node:
            node.subscribe(f"{TOPIC}/cmd/#")
            wait_until(lambda: source.take(stop, 1) == [] and source.is_up, within_s=10)
            for turn in (4, 5):
                leader.turn(database, turn)
            wait_until(lambda: source.take(stop, 1) == [] and len(node.inbox) > 1, within_s=10)
            asked = [one.topic for one in node.inbox]
            assert asked == [f"{TOPIC}/cmd/replay", f"{TOPIC}/cmd/image"], "a record, and what people may have asked"
        assert told_by(metrics.missing) == 1
        leader.lost_database()
        assert told_by(metrics.missing) == 0, "what is missing is told by the one that leads now"


def test_what_came_before_the_broker_forgot_its_workers_acknowledges_nothing_that_came_since(broker: Broker) -> None:
    """Both have the same number, and a worker that is killed then would not be given the second one again."""

    def given(by: SharedSubscription, *payloads: bytes) -> list[Delivery]:
        with broker.connect("node") as node:
            for payload in payloads:
                node.publish(f"{TOPIC}/records", payload)
            came: list[Delivery] = []
            wait_until(lambda: came.extend(by.take(Event(), 1)) or bool(came), within_s=10)
        return came

    with closing(SharedSubscription(address_of(broker), name="one")) as source:
        source.connect()
        wait_until(lambda: source.take(Event(), 1) == [] and source.is_up, within_s=10)
        before = given(source, b"first")
        broker.kill()
        wait_until(lambda: source.take(Event(), 1) == [] and not source.is_up, within_s=10)
        broker.start()
        wait_until(lambda: source.take(Event(), 1) == [] and source.is_up, within_s=10)
        (then,) = given(source, b"then")
        assert then.tag == before[0].tag
        source.acknowledge(before)
        source.take(Event(), 1)
    with closing(SharedSubscription(address_of(broker), name="one")) as again:
        again.connect()
        assert [one.message.payload for one in given(again)] == [b"then"]


def with_all_it_may_hold(broker: Broker, node: Client) -> SharedSubscription:
    """Of a worker whose database is away."""
    held: list[Delivery] = []
    source = SharedSubscription(address_of(broker), name="one")
    source.connect()
    wait_until(lambda: source.take(Event(), 1) == [] and source.is_up, within_s=10)
    for _ in range(30):
        node.publish(f"{TOPIC}/records")
    wait_until(lambda: held.extend(source.take(Event(), 30)) or len(held) == 30, within_s=10)
    return source


def test_a_worker_that_holds_all_it_may_soon_hears_that_the_broker_is_back(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which says so behind all that it delivers again."""
    monkeypatch.setattr("edge.platform.broker.connection.AGAIN_S", 0.01)
    turns = count()
    with broker.connect("node") as node, closing(with_all_it_may_hold(broker, node)) as source:
        broker.stop()
        wait_until(lambda: source.take(Event(), 0) == [] and not source.is_up, within_s=10)
        broker.start()
        wait_until(lambda: source.take(Event(), 0) == [] and next(turns) >= 0 and source.is_up, 10, every_s=0.2)
    assert next(turns) < 30


def test_a_worker_that_holds_all_it_may_keeps_no_flood_of_what_is_sent_at_most_once(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No window of the broker holds it back."""
    monkeypatch.setattr("edge.platform.broker.connection.WINDOW", 20)
    with broker.connect("node") as node, closing(with_all_it_may_hold(broker, node)) as source:
        for _ in range(100):
            node.publish(f"{TOPIC}/records", b"flood", qos=0)
        node.publish(f"{TOPIC}/records", b"last")
        assert [source.take(Event(), 0) for _ in range(150)] == [[]] * 150
        came: list[bytes] = []
        wait_until(lambda: came.extend(one.message.payload for one in source.take(Event(), 500)) or b"last" in came, 10)
    assert came == [b"flood"] * 40 + [b"last"]


@contextmanager
def two_at_once() -> Generator[tuple[BrokerAddress, Network, Client], None, None]:
    """A broker that takes two commands and acknowledges none, the line to it, and a node that hears them."""
    with Broker("max_inflight_messages 2\n") as broker, Network(broker.port) as net, broker.connect("n1") as node:
        node.publish(f"{TOPIC}/status", retain=True)
        node.subscribe(f"{TOPIC}/cmd/#")
        net.drop = frozenset({PUBACK})
        yield replace(address_of(broker), port=net.port), net, node


def heard_by(node: Client) -> list[str]:
    """The verbs, once all that was under way before is heard."""
    node.publish(f"{TOPIC}/cmd/last")
    wait_until(lambda: node.inbox[-1].topic.endswith("last"), within_s=10)
    return [one.topic.rpartition("/")[2] for one in node.inbox]


@pytest.mark.parametrize("talking", [talking_worker, talking_listener])
def test_no_more_commands_are_on_their_way_at_once_than_the_broker_takes(talking: Talking) -> None:
    with two_at_once() as (address, _, node), talking(address) as (say, _):
        for number in range(5):
            say(f"{TOPIC}/cmd/{number}", b"x")
        wait_until(lambda: len(node.inbox) >= 2, within_s=10)
        assert heard_by(node) == ["0", "1", "last"]


def test_commands_that_waited_for_a_new_connection_go_no_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.platform.broker.connection.AGAIN_S", 0.0)
    with two_at_once() as (address, net, node), talking_worker(address) as (say, hear):
        for number in range(5):
            say(f"{TOPIC}/cmd/{number}", b"x")
        wait_until(lambda: len(node.inbox) >= 2, within_s=10)
        net.cut()
        wait_until(lambda: hear() == [] and len(node.inbox) >= 4, within_s=10)
        assert heard_by(node) == ["0", "1", "0", "1", "last"]


@pytest.mark.parametrize("talking", [talking_worker, talking_listener])
def test_a_broker_that_refuses_commands_is_said_once(talking: Talking, caplog: pytest.LogCaptureFixture) -> None:
    acl = f"user node\ntopic readwrite #\nuser platform\ntopic read #\ntopic write {TOPIC}/cmd/seen\n"
    with Broker(users={"node": "n", "platform": "p"}, acl=acl) as broker, broker.connect("n1", user="node") as node:
        node.publish(f"{TOPIC}/status", retain=True)
        node.subscribe(f"{TOPIC}/cmd/#")
        with talking(replace(address_of(broker), username="platform", password=broker.users["platform"])) as (
            say,
            hear,
        ):
            for channel in ("cmd/replay", "cmd/image", "cmd/seen"):
                say(f"{TOPIC}/{channel}", b"x")
            wait_until(lambda: len(node.inbox) == 1, within_s=10)
            hear()
    assert [(record.topic, record.why) for record in caplog.records if record.message == "command_refused"] == [
        (f"{TOPIC}/cmd/replay", "Not authorized; check the broker's ACL and log")
    ]


@pytest.mark.parametrize("talking", [talking_worker, talking_listener])
def test_a_command_that_is_too_long_for_the_broker_keeps_no_other_from_going(
    talking: Talking, caplog: pytest.LogCaptureFixture
) -> None:
    """Mosquitto's answer, 0x95, ended the line, and each line after it on which the command went again."""
    with Broker("message_size_limit 100\n") as broker, broker.connect("n1") as node:
        node.publish(f"{TOPIC}/status", retain=True)
        node.subscribe(f"{TOPIC}/cmd/#")
        with talking(address_of(broker)) as (say, hear):
            say(f"{TOPIC}/cmd/replay", bytes(200))
            say(f"{TOPIC}/cmd/seen", b"x")
            wait_until(lambda: len(node.inbox) == 1, within_s=10)
            hear()
        assert broker.log().count("New client connected") == 2, "the talker's connection holds"
    assert [record.topic for record in caplog.records if record.message == "command_refused"] == [f"{TOPIC}/cmd/replay"]


def test_whether_the_broker_tells_what_comes_is_a_gauge(broker: Broker, url: str) -> None:
    port = free_port()

    def is_up() -> bool:
        told = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        return "fieldeye_platform_broker_up 1.0" in told

    with ingesting(broker, url, "--metrics", str(port)) as worker:
        wait_until(is_up, within_s=LONG_S)
        broker.stop()
        wait_until(lambda: not is_up(), within_s=LONG_S)
        broker.start()
        wait_until(is_up, within_s=LONG_S)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
        assert worker.stderr is not None
        assert worker.stderr.read().count("broker_lost why=the connection broke") == 1


@pytest.mark.parametrize("listening", [shared, plain])
def test_a_mark_that_paho_reads_as_a_fault_keeps_no_other_message_from_coming(listening: Listening) -> None:
    """Of an older node, whose notes still had U+FEFF."""
    stop = Event()
    with Broker() as broker:
        heard: list[Message] = []
        thread = Thread(target=lambda: heard.extend(one for one in listening(broker, stop) if one), daemon=True)
        thread.start()
        payload = "\ufeff a picture".encode()
        with broker.connect("old") as old:
            wait_until(lambda: old.publish(f"{TOPIC}/status") == 0, within_s=10)
            old.publish(f"{TOPIC}/image", payload, UserProperty=[("note", "what\ufeff is this?")])
            old.publish(f"{TOPIC}/records")
            wait_until(lambda: bool(heard) and heard[-1].topic.endswith("records"), within_s=10)
        stop.set()
        thread.join(20)
        assert broker.log().count("New client connected") == 2, "the listener's connection holds"
    assert heard[-2] == Message(f"{TOPIC}/image", payload, properties=(("note", "what\u2060 is this?"),))


def test_a_machine_that_left_takes_no_share_any_more(
    broker: Broker, database: Database, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two workers of an old machine stopped: the broker keeps their sessions for a day, and a third of all each."""
    old = [SharedSubscription(address_of(broker), name=worker_name("fieldeye", n, "old")) for n in (0, 1)]
    for source in old:
        source.connect()
        wait_until(lambda s=source: s.take(Event(), 1) == [] and s.is_up, within_s=10)  # type: ignore[misc]
        source.close()
    leave = ["ingest", "--broker", f"127.0.0.1:{broker.port}", "--leave", "old"]
    assert platform_main([*leave, "--workers", "2"]) == 0
    assert f"127.0.0.1:{broker.port} keeps nothing more for 2 workers of old; " in capsys.readouterr().out
    with ingesting(broker, url), broker.connect("node") as node:
        for number in range(9):
            wait_until(lambda n=number: node.publish(f"{TOPIC}/records", b"no batch %d" % n) == 0, within_s=10)  # type: ignore[misc]
        aside = "SELECT FROM quarantine"
        wait_until(lambda: database.execute(aside).rowcount == 9, within_s=LONG_S)


@pytest.mark.parametrize("secret", ["password", "client_key"])
def test_who_knows_a_workers_name_alone_neither_ends_it_nor_its_session_and_its_owner_does(secret: str) -> None:
    """As a node's stolen card, which is let in at the broker, too."""
    name, stop = worker_name("fieldeye", 0, "old"), Event()
    with Broker() as broker, broker.connect("node") as node:
        address = replace(address_of(broker), username="platform", **{secret: "right"})
        with closing(SharedSubscription(address, name=name)) as worker:
            worker.connect()
            wait_until(lambda: worker.take(stop, 1) == [] and worker.is_up, within_s=10)
            broker.connect(name).leave()
            assert (worker.take(stop, 1), worker.is_up) == ([], True)
        assert node.publish(f"{TOPIC}/records") == 0
        broker.connect(name).leave()
        with closing(SharedSubscription(address, name=name)) as worker:
            worker.connect()
            wait_until(lambda: worker.take(stop, 1) != [], within_s=10)
            with closing(SharedSubscription(address, name=name)) as second:
                second.connect()
                with pytest.raises(BrokerError, match=f"also called {name} has taken"):
                    _ = [second.take(stop, 1) + worker.take(stop, 1) for _ in range(99)]
        with broker.connect(name, clean=False) as before:  # as versions before were called
            before.subscribe(SHARE)
        end_session(address, name)
        assert node.publish(f"{TOPIC}/records") == 16, "nobody subscribes"
