"""The store against a model in memory, with power cuts at every byte that a commit writes."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.config import StoreTable
from edge.counts import Record
from edge.store import Store
from edge.wire import as_sent
from tests.records import interval, lost, sighting

Model = tuple[dict[int, Record], frozenset[int]]  # what is kept, what waits
URGENCY = {"Alert": 0, "Lost": 1, "Interval": 2, "Sighting": 3}
records = st.lists(
    st.integers(0, 50).map(lambda n: sighting(n, count=n))
    | st.integers(0, 50).map(interval)
    | st.integers(1, 50).map(lambda n: lost(n, n + 1)),
    min_size=1,
    max_size=6,
)


class StoreMachine(RuleBasedStateMachine):
    """Every answer of the store is the model's. After a power cut it is the model's before or after the last write."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="store-"))
        self.turn = 0
        self.sessions = 0

    @initialize()
    def begin(self) -> None:
        self.kept: dict[int, Record] = {}
        self.waiting: frozenset[int] = frozenset()
        self.open(self.root / "0")
        self.epoch = self.store.epoch

    def open(self, folder: Path) -> None:
        self.folder, self.sessions = folder, self.sessions + 1
        self.store = Store(StoreTable(folder=str(folder)), "n1")

    @rule(made=records, picture=st.none() | st.binary(min_size=1, max_size=50))
    def commit(self, made: list[Record], picture: bytes | None) -> None:
        keys = self.store.commit(made, picture)
        assert [key.seq for key in keys] == list(range(len(self.kept) + 1, len(self.kept) + len(made) + 1))
        self.note(made, picture)

    def note(self, made: list[Record], picture: bytes | None) -> None:
        first = len(self.kept) + 1
        for seq, record in enumerate(made, start=first):
            self.kept[seq] = with_picture(as_sent(record), f"{self.epoch.hex[:8]}-{first}" if picture else None)
            self.waiting |= {seq}

    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        gone = data.draw(st.sets(st.sampled_from(sorted(self.kept) or [1])))
        self.store.mark_delivered(gone)
        self.waiting -= gone

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.open(self.folder)

    @precondition(lambda self: self.turn < 12)
    @rule(made=records, delivers=st.booleans(), share=st.floats(0, 1))
    def write_and_lose_power(self, made: list[Record], delivers: bool, share: float) -> None:
        """The disk holds everything before the last write, and of that one only the first bytes."""
        log = self.folder / "fieldeye.db-wal"
        before, length_before = (dict(self.kept), self.waiting), log.stat().st_size if log.exists() else 0
        written_before = log.read_bytes() if log.exists() else b""
        if delivers and self.waiting:
            self.store.mark_delivered(self.waiting)
            self.waiting = frozenset()
        else:
            self.store.commit(made)
            self.note(made, None)
        after = (dict(self.kept), self.waiting)
        self.cut_power(torn(written_before, log.read_bytes(), share, length_before))
        found = self.state()
        assert found in (before, after)
        self.kept, self.waiting = found

    def cut_power(self, log: bytes) -> None:
        """Go on with a copy of the files as they lay on the disk when the power went."""
        self.turn += 1
        copy = self.root / str(self.turn)
        shutil.copytree(self.folder, copy, ignore=shutil.ignore_patterns("*-shm", "lock"))
        (copy / "fieldeye.db-wal").write_bytes(log)
        self.store.close()
        self.open(copy)
        self.sessions = self.store.session_number()

    def state(self) -> Model:
        everything = self.store.records_between_seq(1, 10**9)
        waiting = self.store.next_batch(10**6, 10**9)
        return {one.key.seq: one.record for one in everything}, frozenset(one.key.seq for one in waiting)

    @invariant()
    def the_store_is_the_model(self) -> None:
        if not hasattr(self, "store"):
            return
        assert self.state() == (self.kept, self.waiting)
        assert self.store.waiting().records == len(self.waiting)
        assert (self.store.epoch, self.store.session_number()) == (self.epoch, self.sessions)
        order = [(URGENCY[type(one.record).__name__], one.key.seq) for one in self.store.next_batch(10**6, 10**9)]
        assert order == sorted(order)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.root)


def torn(before: bytes, after: bytes, share: float, length_before: int) -> bytes:
    """The log when only the first `share` of what changed had reached the disk."""
    changed = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), length_before)
    upto = changed + round(share * (len(after) - changed))
    return after[:upto] + before[upto:]


def with_picture(record: Record, name: str | None) -> Record:
    return replace(record, picture=name) if name and type(record).__name__ == "Sighting" else record  # type: ignore[call-arg]


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


def test_a_torn_log_holds_the_first_bytes_of_the_last_write() -> None:
    assert torn(b"aaaa", b"aaaabbbb", 0.5, 4) == b"aaaabb"
    assert torn(b"aaaa", b"aabb", 0.5, 4) == b"aaba"
