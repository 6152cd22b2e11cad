"""A node on the disk at $DISK, which somebody else fills; prints how many records were committed, counted and lost."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from tests.broker import Broker
from tests.node import Platform, running, to, wait_drained
from tests.records import interval, sighting
from tests.waiting import wait_until


def main(disk: Path) -> None:
    with Broker() as broker:
        platform = Platform(broker, session=True)
        broker.stop()
        with running(disk / "node", to(broker.port), max_mb=64, pictures_mb=64) as node:
            committed: set[int] = set()
            for n in range(1000):
                records = [interval(n) if n % 10 == 0 else sighting(n), *(sighting(n) for _ in range(19))]
                keys = node.store.commit(records, bytes(12000) if n < 150 else None)
                committed |= {key.seq for key in keys}
                if n == 250:
                    with suppress(OSError):
                        (disk / "filler").write_bytes(bytes(20_000_000))
            pictures = len(list((disk / "node").rglob("*.jpg")))
            broker.start()
            wait_drained(node, within_s=60)
            kept = {one.key.seq for one in node.store.records_between_seq(1, 10**9)}
            wait_until(lambda: platform.has(kept), within_s=20)
        missing = committed - platform.counted.keys()
        sys.stdout.write(f"{len(committed)} {len(missing)} {platform.lost} {pictures}\n")


if __name__ == "__main__":
    main(Path(os.environ["DISK"]))
