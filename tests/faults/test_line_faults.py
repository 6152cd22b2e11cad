"""Faults 5 to 8: the line loses, is slow, is cut in the middle of a publish, swallows acknowledgements."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.broker import Broker
from tests.faults.killing import ROOT
from tests.faults.test_broker_faults import LONG, check_counted
from tests.network import PUBACK, Network
from tests.node import Platform, running, to
from tests.records import interval, sighting
from tests.waiting import wait_until

LOSSY = """
ip link set lo up
nft add table inet line
nft add chain inet line thirty_of_100_lost
nft add rule inet line thirty_of_100_lost numgen random mod 100 '<' 30 drop
nft add chain inet line in '{ type filter hook input priority 0 ; }'
exec "$@"
"""


@pytest.mark.faults
@pytest.mark.timeout(400)
def test_05_a_line_that_loses_30_of_100_packets_delivers_everything() -> None:
    command = ["unshare", "--net", "sh", "-ec", LOSSY, "sh"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs root, iproute2, nftables and its numgen to make a line that loses packets")
    program = [sys.executable, "-m", "tests.faults.lossy_line", "300"]
    done = subprocess.run([*command, *program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["300", "300"]


@pytest.mark.parametrize("backlog", [600, pytest.param(10_000, marks=LONG)])
def test_06_a_line_of_64_kbit_drains_a_backlog_and_does_not_hold_up_the_loop(tmp_path: Path, backlog: int) -> None:
    with Broker() as broker, Network(broker.port) as net:
        platform = Platform(broker)
        net.bytes_a_second = 8000
        with running(tmp_path, to(net.port, keepalive_s=30, ack_timeout_s=60.0)) as node:
            for n in range(0, backlog, 200):
                node.store.commit([sighting(n, count=k) for k in range(200)])
            node.publisher.wake()
            slowest_s = 0.0
            while not node.is_drained():
                began_s = time.monotonic()
                node.commit(interval(began_s % 1000))
                slowest_s = max(slowest_s, time.monotonic() - began_s)
                time.sleep(0.2)
                if net.connections > 1:
                    break
            assert net.connections == 1, "the line was given up though it worked"
            assert slowest_s < 1.0
            check_counted(platform, node, within_s=120)


@pytest.mark.parametrize("times", [10, pytest.param(200, marks=LONG)])
def test_07_a_connection_reset_in_the_middle_of_a_publish_loses_and_doubles_nothing(tmp_path: Path, times: int) -> None:
    chance = random.Random(7)
    with Broker() as broker, Network(broker.port) as net:
        platform = Platform(broker)
        with running(tmp_path, to(net.port)) as node:
            for n in range(times):
                before = net.connections
                node.commit(*(sighting(n, count=k) for k in range(10)))
                net.cut_after_bytes = chance.randint(1, 900)
                node.commit(*(sighting(n, count=k) for k in range(30)))
                wait_until(lambda before=before: net.connections > before, within_s=10)  # type: ignore[misc]
            net.cut_after_bytes = None
            check_counted(platform, node)


def test_08_swallowed_acknowledgements_double_on_the_wire_and_not_in_the_count(tmp_path: Path) -> None:
    with Broker() as broker, Network(broker.port) as net:
        platform = Platform(broker)
        with running(tmp_path, to(net.port, ack_timeout_s=1.0)) as node:
            wait_until(lambda: len(platform.read().messages.get("health", [])) >= 1, within_s=5)
            net.drop = frozenset({PUBACK})
            node.commit(*(sighting(n) for n in range(20)))
            wait_until(lambda: "acknowledge" in node.link.detail, within_s=5)
            wait_until(lambda: platform.read().seen.repeated >= 20, within_s=15)
            net.drop = frozenset()
            check_counted(platform, node)
            assert len(platform.counted) == 20
        assert "already connected" not in broker.log()
