"""Faults 11 to 14 and 18: the node is killed, its disk is full, its store is at its cap or damaged, its clock jumps."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.clock import ClockState
from edge.config import StoreTable
from edge.counts import Interval, Sighting
from edge.store import Store
from tests.broker import Broker
from tests.faults.killing import instants, run_and_kill
from tests.faults.small_disk import run_on_small_disk
from tests.faults.test_broker_faults import LONG, check_counted, committed_by
from tests.node import NODE, JumpingClock, Platform, running, to, wait_drained
from tests.records import interval, sighting
from tests.waiting import wait_until


@pytest.mark.parametrize("times", [3, pytest.param(200, marks=LONG)])
def test_11_a_node_killed_at_any_instant_loses_nothing_that_it_committed(tmp_path: Path, times: int) -> None:
    with Broker() as broker:
        platform = Platform(broker, session=True)
        told = 0
        for after_s in instants(times, 0.6, seed=11):
            lines = run_and_kill("tests.faults.sender", str(tmp_path), str(broker.port), "0.004", after_s=after_s)
            told = max(told, int(lines[-1]))
            with closing(Store(StoreTable(folder=str(tmp_path)), NODE)) as store:
                assert (store.health().last_seq or 0) >= told
        with running(tmp_path, to(broker.port)) as node:
            check_counted(platform, node)
            assert len(platform.counted) >= told


def test_12_a_full_disk_costs_pictures_and_old_sightings_and_says_how_many() -> None:
    committed, missing, announced, pictures = map(int, run_on_small_disk("-m", "tests.faults.full_disk").split())
    assert committed == 20_000
    assert missing == announced > 0
    assert pictures == 0


def test_13_an_outbox_at_its_cap_loses_the_least_and_announces_every_one(tmp_path: Path) -> None:
    with Broker() as broker:
        platform = Platform(broker, session=True)
        broker.stop()
        with running(tmp_path, to(broker.port), max_mb=2) as node:
            committed: set[int] = set()
            for n in range(50):
                committed |= {key.seq for key in node.store.commit([interval(n), *(sighting(n) for _ in range(199))])}
            broker.start()
            wait_drained(node, within_s=30)
            wait_until(lambda: platform.has(set(committed_by(node))), within_s=10)
            missing = committed - platform.counted.keys()
            assert missing
            assert len(missing) == platform.lost == node.store.health().lost
            assert sum(isinstance(record, Interval) for record in platform.counted.values()) == 50


def test_14_a_damaged_store_is_set_aside_and_the_new_epoch_counts_from_one(tmp_path: Path) -> None:
    with Broker() as broker:
        platform = Platform(broker, session=True)
        with running(tmp_path, to(broker.port)) as node:
            node.commit(*(sighting(n) for n in range(40)))
            check_counted(platform, node)
            first = {stored.key for stored in node.store.records_between_seq(1, 100)}
        whole = (tmp_path / "fieldeye.db").read_bytes()
        (tmp_path / "fieldeye.db").write_bytes(whole[:5000] + bytes(4000) + whole[9000:])
        with running(tmp_path, to(broker.port)) as node:
            node.commit(*(sighting(n) for n in range(40)))
            wait_drained(node)
            second = {stored.key for stored in node.store.records_between_seq(1, 100)}
            wait_until(lambda: len(platform.read().keys) == 80, within_s=10)
        assert platform.keys == first | second
        assert (tmp_path / "fieldeye.db.damaged-1").exists()


def test_18_records_of_a_boot_without_a_clock_are_put_right_before_they_are_sent(tmp_path: Path) -> None:
    clock = JumpingClock(-56 * 365 * 86400, ClockState.UNSYNCED)
    with Broker() as broker:
        platform = Platform(broker, session=True)
        broker.stop()
        with running(tmp_path, to(broker.port), clock=clock) as node:
            true: list[datetime] = []
            for n in range(30):
                node.commit(sighting(at=clock.now(), count=n))
                true.append(datetime.now(UTC))
            clock.offset_s, clock.state = 0.0, ClockState.SYNCED
            broker.start()
            check_counted(platform, node)
        times = [record.at for _, record in sorted(platform.counted.items()) if isinstance(record, Sighting)]
        assert {at.state for at in times} == {ClockState.CORRECTED}
        assert all(abs(at.utc - then) < timedelta(seconds=0.5) for at, then in zip(times, true, strict=True))


@pytest.mark.parametrize("jump_s", [-365 * 86400, 86400, -3600, 3600])
def test_18_a_clock_that_jumps_reorders_and_loses_nothing(tmp_path: Path, jump_s: float) -> None:
    clock = JumpingClock(0.0, ClockState.SYNCED)
    with Broker() as broker:
        platform = Platform(broker)
        with running(tmp_path, to(broker.port), clock=clock) as node:
            for n in range(10):
                node.commit(sighting(at=clock.now(), count=n))
                if n == 5:
                    clock.offset_s = jump_s
            check_counted(platform, node)
        in_order = [record.count for _, record in sorted(platform.counted.items()) if isinstance(record, Sighting)]
        assert in_order == list(range(10))
