"""What delivery costs, in ratio to a bare SQLite insert and a bare paho publish of the same bytes.

Everything is counted: the bytes that a proxy sees go both ways, the bytes that the process asked the disk to write.
"""

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks._alone import alone
from benchmarks._running import report
from edge.config import StoreTable
from edge.counts import Record
from edge.store import Store
from edge.wire import encode_batch
from tests.broker import Broker
from tests.network import Network
from tests.node import Platform, running, to
from tests.records import interval, sighting, stored
from tests.waiting import wait_until

BATCHES, BATCH = 200, 20
RECORDS = BATCHES * BATCH
DAYS, SIGHTINGS_A_DAY, MINUTES_A_DAY = 30, 200, 1440


def main() -> None:
    """Print one line a figure."""
    with tempfile.TemporaryDirectory() as folder:
        into_the_store(Path(folder))
        out_to_the_broker(Path(folder))
        on_the_wire(Path(folder))
        a_month_without_a_broker(Path(folder))
        a_full_store(Path(folder))


def into_the_store(folder: Path) -> None:
    """Commits of 20 sightings with synchronous=FULL, beside one INSERT of the same bytes a commit."""
    with closing(Store(StoreTable(folder=str(folder / "store")), "n1")) as store:
        ours_s, ours_bytes = _measured(lambda n: store.commit(_sightings(n)))
    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE batch (seq INTEGER PRIMARY KEY, body BLOB)")
        body = sum(len(encode_batch(stored(one))) for one in _sightings(0))
        bare_s, bare_bytes = _measured(lambda _: db.execute("INSERT INTO batch (body) VALUES (?)", (bytes(body),)))
    report("records a second into the store", f"{RECORDS / ours_s:.0f}", f"{ours_s / bare_s:.1f}x a bare insert")
    written, ratio = ours_bytes / RECORDS, ours_bytes / max(bare_bytes, 1)
    report("bytes written to disk a record", f"{written:.0f}", f"{ratio:.1f}x a bare insert")


def out_to_the_broker(folder: Path) -> None:
    """A backlog drained over loopback, beside bare publishes of the same payloads, 20 in flight."""
    with Broker() as broker:
        platform = Platform(broker)
        with closing(Store(StoreTable(folder=str(folder / "backlog")), "n1")) as store:
            for n in range(BATCHES):
                store.commit(_sightings(n))
        began_s = time.monotonic()
        with running(folder / "backlog", to(broker.port)) as node:
            wait_until(lambda: len(platform.read().counted) == RECORDS, within_s=120)
            ours_s = time.monotonic() - began_s
            wait_until(node.is_drained, within_s=20)
        bare_s = _bare_publishes(broker)
        platform.client.leave()
    ratio = f"{ours_s / bare_s:.1f}x bare publishes"
    report("records a second out to the broker", f"{RECORDS / ours_s:.0f}", f">= 500; {ratio}")


def on_the_wire(folder: Path) -> None:
    """All bytes of MQTT, both ways, from connecting to the last acknowledgement."""
    with Broker() as broker, Network(broker.port) as net:
        platform = Platform(broker)
        with running(folder / "wire", to(net.port)) as node:
            wait_until(lambda: "health" in platform.read().messages, within_s=10)
            before = net.bytes_up + net.bytes_down
            node.store.commit([one for n in range(50) for one in _sightings(n)])
            node.publisher.wake()
            wait_until(node.is_drained, within_s=20)
            used = net.bytes_up + net.bytes_down - before
        platform.client.leave()
    report("bytes of MQTT a sighting", f"{used / 1000:.1f}", "payload, topic, acknowledgement")


def a_month_without_a_broker(folder: Path) -> None:
    """One interval a minute and 200 sightings a day, for 30 days."""
    with closing(Store(StoreTable(folder=str(folder / "month")), "n1")) as store:
        for day in range(DAYS):
            records: list[Record] = [interval(86400.0 * day + 60 * minute) for minute in range(MINUTES_A_DAY)]
            store.commit([*records, *(sighting(86400.0 * day + n) for n in range(SIGHTINGS_A_DAY))])
        health = store.health()
    used = sum(path.stat().st_size for path in (folder / "month").rglob("*") if path.is_file()) / 1e6
    with Broker() as broker:
        platform = Platform(broker)
        began_s = time.monotonic()
        with running(folder / "month", to(broker.port)) as node:
            wait_until(node.is_drained, within_s=300)
            drained_s = time.monotonic() - began_s
        counted = len(platform.read().counted)
        platform.client.leave()
    report("30 days without a broker", f"{used:.1f} MB", f"<= 64 MB; {health.waiting} records wait, {health.lost} lost")
    report("records a second when it is back", f"{health.waiting / drained_s:.0f}", f">= 500; {counted} counted once")


def a_full_store(folder: Path) -> None:
    """Commits of 20 into 64 MB that are full, and while the file is brought down to 8 MB: processor time, and wall."""
    with closing(Store(StoreTable(folder=str(folder / "full"), max_mb=64), "n1")) as store:
        while store.health().lost == 0:
            store.commit([sighting(k, count=k) for k in range(1000)])
        full = _commits(store, 300)
    with closing(Store(StoreTable(folder=str(folder / "full"), max_mb=8), "n1")) as store:
        shorter = _commits(store, 800)
    file_mb = (folder / "full" / "fieldeye.db").stat().st_size / 1e6
    for what, (cpu_s, wall_s) in (("full", full), (f"shortened to {file_mb:.0f} MB by 800", shorter)):
        beside = f"ms of processor, the longest of all commits; {wall_s * 1000:.0f} ms on the wall in the middle"
        report(f"a commit of 20 into 64 MB, {what}", f"{cpu_s * 1000:.1f}", beside)


def _commits(store: Store, number: int) -> tuple[float, float]:
    """The longest processor time, and the median time."""
    cpu, wall = [], []
    for n in range(number):
        began_s, cpu_s = time.monotonic(), time.thread_time()
        store.commit(_sightings(n))
        wall.append(time.monotonic() - began_s)
        cpu.append(time.thread_time() - cpu_s)
    return max(cpu), sorted(wall)[number // 2]


def _bare_publishes(broker: Broker) -> float:
    payload = encode_batch(stored(*_sightings(0)))
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    acknowledged: list[int] = []
    client.on_publish = lambda *told: acknowledged.append(told[2])
    client.max_inflight_messages_set(20)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    began_s = time.monotonic()
    for _ in range(BATCHES):
        client.publish("fieldeye/v1/farm-3/bare/records", payload, qos=1)
    wait_until(lambda: len(acknowledged) == BATCHES, within_s=60, every_s=0.001)
    took_s = time.monotonic() - began_s
    client.disconnect()
    client.loop_stop()
    return took_s


def _sightings(n: int) -> list[Record]:
    return [sighting(60.0 * n + k, count=k) for k in range(BATCH)]


def _measured(write: Callable[[int], object]) -> tuple[float, int]:
    """Seconds and bytes written to the disk by BATCHES calls."""
    before, began_s = _bytes_written(), time.monotonic()
    for n in range(BATCHES):
        write(n)
    return time.monotonic() - began_s, _bytes_written() - before


def _bytes_written() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


if __name__ == "__main__":
    alone(main, __doc__)
