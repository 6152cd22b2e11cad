"""The simulated fleet: what is ingested equals what was made, whatever the line did to it."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Event, Timer
from uuid import UUID, uuid4

import pytest

from edge.cli import platform_main
from edge.clock import ClockState
from edge.counts import Interval, NoData
from edge.platform import Heard, Message, decode
from edge.platform.broker.address import BrokerAddress
from edge.platform.simulate import Fleet, FleetPlan, SimulatedNode, TruthFile
from edge.platform.simulate.faults import Faults
from edge.platform.simulate.season import FLIGHTS, flying
from edge.wire import ReplayCommand, Reply, encode_message, node_topic
from tests.broker import Broker
from tests.clocks import NOON
from tests.fleet.truth import kept_keys, kept_sums, true_keys, true_sums
from tests.waiting import wait_until

INGEST = "import sys; from edge.cli import platform_main; sys.exit(platform_main(['ingest', *sys.argv[1:]]))"
ROOMY = "max_queued_messages 0\n"  # a broker drops what a slow subscriber's queue does not hold


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker(ROOMY) as one:
        yield one


@contextmanager
def ingesting(broker: Broker, out: Path) -> Iterator[None]:
    command = [sys.executable, "-c", INGEST, "--broker", f"127.0.0.1:{broker.port}", "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def simulate(broker: Broker, truth: Path, *options: str) -> None:
    at = f"127.0.0.1:{broker.port}"
    assert platform_main(["simulate", "--broker", at, "--truth", str(truth), "--json", *options]) == 0


def a_day_of(node: SimulatedNode) -> list[Interval]:
    return [one.stored.record for one in node.next_day()[0] if isinstance(one.stored.record, Interval)]


def test_fifty_nodes_for_a_day_are_counted_once_each(
    tmp_path: Path, broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, out = tmp_path / "truth.csv", tmp_path / "ledger.jsonl"
    with ingesting(broker, out):
        simulate(broker, truth, "--nodes", "50", "--faults", "2", "--connections", "7")
        wait_until(
            lambda: out.exists() and out.read_bytes().count(b"\n") >= len(true_keys(truth)), within_s=60, every_s=1
        )
    told = json.loads(capsys.readouterr().out)
    keys = kept_keys(out)
    assert set(keys) == true_keys(truth)
    assert len(keys) == len(set(keys)) == told["records"] > 50 * 24
    assert kept_sums(out) == true_sums(truth)


def test_what_a_platform_lost_is_sent_again_when_it_asks(tmp_path: Path, broker: Broker) -> None:
    truth, out = tmp_path / "truth.csv", tmp_path / "ledger.jsonl"
    with broker.connect("another") as other:  # takes all, so that the fleet believes it was heard
        other.subscribe("fieldeye/v1/#")
        simulate(broker, truth, "--nodes", "3", "--faults", "0")
    fleet = [sys.executable, "-c", INGEST.replace("'ingest'", "'simulate'"), "--broker", f"127.0.0.1:{broker.port}"]
    again = [*fleet, "--nodes", "3", "--faults", "0", "--truth", str(tmp_path / "again.csv"), "--linger", "60"]
    with ingesting(broker, out), subprocess.Popen(again, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: set(kept_keys(out)) == true_keys(truth), within_s=60, every_s=0.5)
        finally:
            process.kill()


def test_a_fleet_outlives_its_broker_and_tells_the_next_where_it_stands(tmp_path: Path, broker: Broker) -> None:
    plan, out = FleetPlan(nodes=8, days=1, faults=Faults().times(0)), tmp_path / "ledger.jsonl"
    made = [one.stored.key for number in range(8) for one in SimulatedNode(plan, number).next_day()[0]]
    fleet = [sys.executable, "-c", INGEST.replace("'ingest'", "'simulate'"), "--broker", f"127.0.0.1:{broker.port}"]
    options = ["--nodes", "8", "--faults", "0", "--truth", str(tmp_path / "x"), "--rate", "80", "--linger", "60"]
    with ingesting(broker, out), subprocess.Popen([*fleet, *options], stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: len(kept_keys(out)) > 30, within_s=30, every_s=0.1)
            broker.stop()
            broker.start()
            wanted = {(key.node, str(key.epoch), key.seq) for key in made}
            wait_until(lambda: set(kept_keys(out)) == wanted, within_s=40, every_s=0.2)
            broker.stop()
            (broker.folder / "store" / "mosquitto.db").unlink()  # the next one knows nothing
            broker.start()
            with broker.connect("new") as new:
                new.subscribe("fieldeye/v1/+/+/info")
                wait_until(lambda: len({one.topic for one in new.inbox}) == plan.nodes, within_s=10)
        finally:
            process.kill()
    assert len(kept_keys(out)) == len(made)


def test_a_line_whose_broker_was_back_before_it_looked_goes_on_though_its_descriptor_has_the_former_number(
    tmp_path: Path, broker: Broker
) -> None:
    fleet, stop = Fleet(FleetPlan(nodes=3, days=1), BrokerAddress(host="127.0.0.1", port=broker.port), 3), Event()
    fleet.open(stop)
    broker.stop()
    broker.start()
    patience = Timer(60, stop.set)
    patience.start()
    with broker.connect("other") as other, TruthFile(tmp_path / "truth.csv") as truth:
        other.subscribe("fieldeye/v1/#")
        assert set(fleet.run(truth, stop)) == {0}, "fewer than a hundred messages"
    patience.cancel()
    fleet.close()
    assert not stop.is_set()


def test_a_replay_is_made_again_as_it_was() -> None:
    plan = FleetPlan(nodes=1, days=2, faults=Faults(new_card_a_day=0))
    node = SimulatedNode(plan, 0)
    made = [one.stored for _ in range(2) for one in node.next_day()[0]]
    first, last = 5, len(made) - 3
    batches, reply = node.answer(asking(made[0].key.epoch, first, last), NOON)
    assert reply == Reply(code="done", id="a" * 8, epoch=str(made[0].key.epoch), sent=last - first + 1)
    again = [decode(Message(node_topic(node.site, node.name, "records"), payload)) for payload in batches]
    records = [one for heard in again if isinstance(heard, Heard) for one in heard.records]
    assert [one.key for one in records] == [stored.key for stored in made[first - 1 : last]]
    assert [one.record for one in records if isinstance(one.record, Interval)] == [
        stored.record for stored in made[first - 1 : last] if isinstance(stored.record, Interval)
    ]


def test_a_replay_that_a_node_would_not_carry_out_is_refused_as_a_node_does() -> None:
    node = SimulatedNode(FleetPlan(nodes=1, days=1), 0)
    epoch = node.next_day()[0][0].stored.key.epoch
    for payload, code in (
        (asking(uuid4(), 1, 2), "wrong_epoch"),
        (asking(epoch, 1, 10_001), "too_large"),
        (asking(epoch, 2, 1), "malformed"),
        (asking(epoch, 1, 2, expires=NOON), "expired"),
    ):
        batches, reply = node.answer(payload, NOON)
        assert (batches, reply.code, reply.id, reply.epoch, reply.sent) == ([], code, "a" * 8, str(epoch), None)
    assert node.answer(b"{", NOON)[1].code == "malformed"
    assert node.answer(asking(epoch, 9000, 9001), NOON)[1].sent == 0, "what was never made is neither sent nor gone"


def asking(epoch: UUID, first: int, last: int, expires: datetime = NOON + timedelta(minutes=1)) -> bytes:
    return encode_message(ReplayCommand(id="a" * 8, expires=expires, epoch=str(epoch), first=first, last=last))


def test_the_same_seed_gives_the_same_fleet_and_another_another() -> None:
    days = [SimulatedNode(FleetPlan(nodes=1, days=1, seed=seed), 0).next_day()[1] for seed in (1, 1, 2)]
    assert days[0] == days[1] != days[2]


def test_without_faults_an_hour_is_a_message_in_order() -> None:
    _, postings = SimulatedNode(FleetPlan(nodes=1, days=1, faults=Faults().times(0)), 3).next_day()
    batches = [one for one in postings if one.topic.endswith("/records")]
    seqs = [record.key.seq for one in batches for record in decode(Message(one.topic, one.payload)).records]  # type: ignore[union-attr]
    assert len(batches) == 24
    assert seqs == sorted(seqs) == list(range(1, len(seqs) + 1))


def signs(faults: Faults) -> dict[str, bool]:
    """Which faults three days of one node show."""
    node = SimulatedNode(FleetPlan(nodes=1, days=3, faults=faults), 5)
    days = [node.next_day() for _ in range(3)]
    records = [one.stored for made, _ in days for one in made]
    intervals = [one.record for one in records if isinstance(one.record, Interval)]
    batches = sorted(one for _, postings in days for one in postings if one.topic.endswith("/records"))
    seqs = [record.key.seq for one in batches for record in decode(Message(one.topic, one.payload)).records]  # type: ignore[union-attr]
    return {
        "duplicate": max(Counter(one.payload for one in batches).values()) == 2,
        "late": seqs != sorted(seqs),
        "outage_a_day": len({one.at.replace(minute=0, second=0, microsecond=0) for one in batches}) < 72,
        "clock_a_day": any(one.start.state is ClockState.UNSYNCED for one in intervals),
        "broken_camera_a_day": all(isinstance(one.counts, NoData) for one in intervals),
        "new_card_a_day": len({one.key.epoch for one in records}) == 3,
    }


@pytest.mark.parametrize("fault", signs(Faults()))
def test_each_fault_shows_on_the_wire(fault: str) -> None:
    assert signs(Faults(**(dict.fromkeys(Faults.__slots__, 0.0) | {fault: 1.0})))[fault]


def test_a_blind_hour_is_awake_since_its_dark_frames_came_and_a_broken_camera_s_is_not() -> None:
    nothing = Faults().times(0)
    for faults, *silent in (
        (replace(nothing, blind_hour=1.0), (("dark", 60),), 3600.0, NoData("dark")),
        (replace(nothing, broken_camera_a_day=1.0), (), 0.0, NoData("no_frame")),
    ):
        for number, told in ((0, ("leaf", "affected_frames")), (1, ("trap", "new"))):
            day = a_day_of(SimulatedNode(FleetPlan(nodes=1, days=1, faults=faults), number))
            assert [(one.mode, one.unit, one.frames) for one in day] == [(*told, 0)] * 24
            assert [[one.skipped, one.awake_s, one.counts] for one in day] == [silent] * 24


def test_without_faults_none_shows() -> None:
    assert not any(signs(Faults().times(0)).values())


def test_planthoppers_peak_late_in_summer_at_night_and_later_in_the_north() -> None:
    hopper = FLIGHTS[0]
    year = [flying(hopper, day, 21, 30.0) for day in range(365)]
    assert max(range(365), key=year.__getitem__) == 254
    assert flying(hopper, 254, 21, 30.0) > 5 * flying(hopper, 254, 12, 30.0)
    assert flying(hopper, 260, 21, 32.0) == pytest.approx(year[254], rel=1e-6)


def test_counts_follow_the_season() -> None:
    def a_night(first_day: date) -> int:
        plan = FleetPlan(nodes=8, days=1, first_day=first_day, faults=Faults().times(0))
        intervals = [one for number in range(8) for one in a_day_of(SimulatedNode(plan, number))]
        return sum(count.count for one in intervals if not isinstance(one.counts, NoData) for count in one.counts)

    assert a_night(date(2026, 9, 11)) > 5 * a_night(date(2026, 3, 1)) + 20


def test_a_broker_that_is_not_there_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert platform_main(["simulate", "--broker", "127.0.0.1:9", "--truth", str(tmp_path / "x")]) == 1
    assert "127.0.0.1:9 cannot be reached" in capsys.readouterr().err
