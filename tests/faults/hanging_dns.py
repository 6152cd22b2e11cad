"""A node whose name server takes questions and never answers; prints why it waits and how long it took to stop."""

import socket
import sys
import tempfile
import time
from pathlib import Path

from tests.node import FAST, running, slower, to
from tests.records import sighting
from tests.waiting import wait_until


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, tempfile.TemporaryDirectory() as folder:
        server.bind(("127.0.0.1", 53))
        with running(Path(folder), to(8883, host="broker.example"), slower(FAST, connect_s=0.5)) as node:
            node.commit(sighting())
            wait_until(lambda: "hangs" in node.link.detail, within_s=5)
            beat_s = node.publisher.beat_s
            wait_until(lambda: node.publisher.beat_s > beat_s, within_s=2)  # the publisher itself does not hang
            detail, waiting, began_s = node.link.detail, node.store.waiting().records, time.monotonic()
            node.end(within_s=20)
            sys.stdout.write(f"{time.monotonic() - began_s:.2f}|{waiting}|{detail}\n")


if __name__ == "__main__":
    main()
