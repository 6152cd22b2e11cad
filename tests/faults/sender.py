"""A node's store and publisher in a process of its own, to be killed.

    python -m tests.faults.sender FOLDER PORT [EVERY_S]

Commits one batch before it publishes, then one more every EVERY_S; writes the last committed seq as a line each time.
Every ASKING times somebody asks the station with a photograph.
"""

import os
import sys
import time
from pathlib import Path

from tests.node import running, to
from tests.records import instant, sighting

ASKING = 400
PHOTO = b"\xff\xd8" + bytes(range(256)) * 160 + b"\xff\xd9"


def main(folder: str, port: int, every_s: float) -> None:
    with running(Path(folder), to(port)) as node:
        os.write(1, b"%d\n" % max(node.commit(*(sighting(n) for n in range(20)))))
        while True:
            time.sleep(every_s or 3600)
            last = max(node.commit(sighting()))
            os.write(1, b"%d\n" % last)
            if last % ASKING == 0:
                node.store.ask_station(instant(), PHOTO)


if __name__ == "__main__":
    folder, port, every_s, *_ = [*sys.argv[1:], "0"]
    main(folder, int(port), float(every_s))
