"""What a fleet of N nodes costs a platform for a day: python -m tests.fleet.cost 100 200 500 1000 2000 (make fleet).

For each N a fresh Mosquitto and PostgreSQL, one worker, N simulated nodes with the usual faults, as fast as they are
taken. Every record must be there once and every sum equal the truth, else it fails. Writes docs/fleet/cost.csv and a
plot.
"""

import csv
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory

from edge.platform.database import Database, open_database
from tests.broker import Broker
from tests.fleet.truth import Key, Sums, true_keys, true_sums
from tests.platform.postgres import Postgres
from tests.platform.test_workers import ingesting
from tests.waiting import wait_until

DOCS = Path(__file__).parents[2] / "docs" / "fleet"
SIMULATE = "import sys; from edge.cli import platform_main; sys.exit(platform_main(['simulate', *sys.argv[1:]]))"
BROKER = "max_inflight_messages 500\nmax_queued_messages 0\n"
TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one simulated day of `nodes`."""

    nodes: int
    records: int
    messages: int
    seconds: float  # from the first message until the last record is committed
    records_a_second: int  # taken in, while the simulator uses the same two cores
    worker_cpu_s: float
    worker_peak_mib: float
    database_mib: float
    broker_cpu_s: float


def main() -> int:
    """The sizes of the command line, one after the other."""
    costs = [cost(int(nodes)) for nodes in sys.argv[1:]]
    DOCS.mkdir(exist_ok=True)
    with (DOCS / "cost.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [one.name for one in fields(Cost)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(one) for one in costs)
    plot(costs, DOCS / "cost.png")
    return 0


def cost(nodes: int) -> Cost:
    """Run it, and compare with the truth."""
    with (
        TemporaryDirectory() as folder,
        Broker(BROKER) as broker,
        Postgres() as postgres,
        open_database(postgres.url()) as database,
    ):
        truth, url = Path(folder) / "truth.csv", postgres.url()
        with ingesting(broker, url) as worker:
            started_s = time.monotonic()
            told = simulated(broker, nodes, truth)
            wait_until(lambda: number_kept(database) >= told["records"], within_s=3000, every_s=0.5)
            seconds = time.monotonic() - started_s
            used_s, peak_mib = used(worker.pid)
            broker_pid = broker._process.pid if broker._process else 0  # noqa: SLF001 nobody else needs it
            broker_s, _ = used(broker_pid)
            compare(database, truth)
        size = database.execute("SELECT pg_database_size(current_database())").fetchone()
    one = Cost(
        nodes=nodes,
        records=told["records"],
        messages=told["messages"],
        seconds=round(seconds, 1),
        records_a_second=round(told["records"] / seconds),
        worker_cpu_s=used_s,
        worker_peak_mib=peak_mib,
        database_mib=round((size[0] if size else 0) / 2**20, 1),
        broker_cpu_s=broker_s,
    )
    print(json.dumps(asdict(one)), flush=True)  # noqa: T201
    return one


def simulated(broker: Broker, nodes: int, truth: Path) -> dict[str, int]:
    """The fleet in a process of its own."""
    at = ["--broker", f"127.0.0.1:{broker.port}", "--truth", str(truth), "--nodes", str(nodes), "--json"]
    done = subprocess.run([sys.executable, "-c", SIMULATE, *at], stdout=subprocess.PIPE, text=True, check=True)
    sums: dict[str, int] = json.loads(done.stdout)
    return sums


def number_kept(database: Database) -> int:
    """Records so far."""
    row = database.execute("SELECT count(*) FROM record").fetchone()
    return int(row[0]) if row else 0


def compare(database: Database, truth: Path) -> None:
    """Each record once, and each sum of intervals, or AssertionError."""
    rows = database.execute(
        "SELECT node, ledger.epoch::text, seq FROM record JOIN ledger USING (ledger_id) JOIN node USING (node_id)"
    ).fetchall()
    keys: list[Key] = [(node, epoch, seq) for node, epoch, seq in rows]
    assert len(keys) == len(set(keys)), "a record was counted twice"
    assert set(keys) == true_keys(truth), "the records are not those that were sent"
    counted: Sums = Counter()
    for label, number in database.execute(
        "SELECT label, sum(count)::bigint FROM interval_count JOIN taxon USING (taxon_id) GROUP BY label"
    ):
        counted["interval", label] = number
    wanted = Counter({key: number for key, number in true_sums(truth).items() if key[0] == "interval"})
    assert +counted == wanted, f"sums differ: {counted - wanted} {wanted - counted}"


def used(pid: int) -> tuple[float, float]:
    """Processor seconds and peak resident MiB of a process."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    peak = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return round((int(words[11]) + int(words[12])) / TICKS_S, 1), round(int(peak.split()[1]) / 1024, 1)


def plot(costs: list[Cost], path: Path) -> None:
    """How cost grows: straight lines through the origin are what is hoped for."""
    import matplotlib as mpl  # noqa: PLC0415  only here

    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    figure, axes = pyplot.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    shown = [
        ("worker_cpu_s", "processor seconds of the worker, a simulated day"),
        ("database_mib", "MiB in PostgreSQL after a day"),
        ("worker_peak_mib", "MiB of the worker at its peak"),
    ]
    for axis, (name, says) in zip(axes, shown, strict=True):
        axis.plot([one.nodes for one in costs], [getattr(one, name) for one in costs], "o-", color="#1f6f54")
        axis.set(xlabel="nodes", title=says, xlim=(0, None), ylim=(0, None))
        axis.title.set_fontsize(9)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
