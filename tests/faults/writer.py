"""A node reduced to its promise: commit, then tell. It ends when it is killed.

    python -m tests.faults.writer FOLDER [RECORDS [EVERY_S]]

Writes one line `first last` after each commit, and only after. The count of a record is its sequence number, so that
what is found later can be told from what was committed.
"""

import os
import sys
import time
from itertools import count

from edge.config import StoreTable
from edge.store import Store
from tests.records import interval, sighting

PICTURE = bytes(range(256)) * 16


def main(folder: str, most: int, every_s: float) -> None:
    store = Store(StoreTable(folder=folder, pictures_mb=1), "n1")
    seq = (store.health().last_seq or 0) + 1
    for turn in count():
        if seq > most:
            return
        many = turn % 7 + 1
        records = [sighting(float(n), count=n) for n in range(seq, seq + many)]
        if turn % 5 == 0:
            records[-1] = interval(float(seq + many - 1))
        keys = store.commit(records, PICTURE if turn % 3 == 0 else None)
        os.write(1, f"{keys[0].seq} {keys[-1].seq}\n".encode())
        seq = keys[-1].seq + 1
        time.sleep(every_s)


if __name__ == "__main__":
    folder, most, every_s, *_ = [*sys.argv[1:], "1000000000", "0"]
    main(folder, int(most), float(every_s))
