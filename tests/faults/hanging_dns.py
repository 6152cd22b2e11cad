"""A node whose name server takes questions and never answers; prints how long it took to stop, why it waits, and what
it says once the name can be found, though the first question still hangs."""

import socket
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from tests.node import FAST, running, to
from tests.records import sighting
from tests.waiting import wait_until


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, tempfile.TemporaryDirectory() as folder:
        server.bind(("127.0.0.1", 53))
        slow = replace(FAST, connect_s=0.5, dial_s=1.0)
        with running(Path(folder), to(8883, host="broker.example"), slow) as node:
            node.commit(sighting())
            wait_until(lambda: "hangs" in node.link.detail, within_s=5)
            beat_s = node.publisher.beat_s
            wait_until(lambda: node.publisher.beat_s > beat_s, within_s=2)  # the publisher itself does not hang
            detail, waiting = node.link.detail, node.store.waiting().records
            with Path("/etc/hosts").open("a") as hosts:
                hosts.write("127.0.0.1 broker.example\n")
            wait_until(lambda: "nobody listens" in node.link.detail, within_s=4)  # the first question hangs for 60 s
            later, began_s = node.link.detail, time.monotonic()
            node.end(within_s=20)
            sys.stdout.write(f"{time.monotonic() - began_s:.2f}|{waiting}|{detail}|{later}\n")


if __name__ == "__main__":
    main()
