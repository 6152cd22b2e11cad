"""A node, a broker and a platform on this network namespace's loopback; prints how many were committed and counted."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.broker import Broker
from tests.node import Platform, running, to, wait_drained
from tests.records import sighting
from tests.waiting import wait_until


def lose(port: int) -> None:
    """Packets from and to the broker, and none of the sockets by which paho-mqtt wakes itself."""
    for side in ("sport", "dport"):
        rule = f"add rule inet line in tcp {side} {port} jump thirty_of_100_lost"
        subprocess.run(["nft", *rule.split()], check=True)


def main(records: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Broker() as broker:
        lose(broker.port)
        platform = Platform(broker)
        with running(Path(folder), to(broker.port, ack_timeout_s=60.0, keepalive_s=60)) as node:
            committed: set[int] = set()
            for n in range(0, records, 20):
                committed |= node.commit(*(sighting(n + k) for k in range(20)))
            wait_drained(node, within_s=200)
            wait_until(lambda: platform.has(committed), within_s=60)
        sys.stdout.write(f"{len(committed)} {len(platform.counted)}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
