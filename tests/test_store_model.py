"""The store against a model in memory, with power cuts at every byte that a commit writes."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.config import StoreTable
from edge.counts import Interval, Record
from edge.store import Draft, Store
from edge.wire import Mark, as_sent
from tests.records import interval, lost, sighting

Model = tuple[dict[int, Record], frozenset[int], frozenset[str]]  # what is kept, what waits, pictures in intervals
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
        self.counted: frozenset[str] = frozenset()
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

    def mark(self, seq: int, *, before: bool = False) -> Mark:
        record = self.kept.get(seq)
        return Mark(seq, (record.revision if isinstance(record, Interval) else 0) - before)

    @rule(data=st.data(), before=st.booleans())
    def deliver(self, data: st.DataObject, before: bool) -> None:
        """Acknowledged is what lies in the store, or the revision before it, which says nothing of it."""
        gone = data.draw(st.sets(st.sampled_from(sorted(self.kept) or [1])))
        self.store.mark_delivered(self.mark(seq, before=before) for seq in gone)
        self.waiting -= frozenset() if before else gone

    @precondition(lambda self: any(isinstance(one, Interval) for one in self.kept.values()))
    @rule(data=st.data())
    def revise(self, data: st.DataObject) -> None:
        self.write_revision(data.draw(st.sampled_from(self.intervals())))

    def intervals(self) -> list[int]:
        return [seq for seq, record in self.kept.items() if isinstance(record, Interval)]

    def write_revision(self, seq: int) -> None:
        record = self.kept[seq]
        assert isinstance(record, Interval)
        newer = replace(record, revision=record.revision + 1, frames=record.frames + 1)
        name = f"{seq}-{newer.revision}.jpg"
        assert self.store.commit_interval(newer, Draft(seq=seq, state=b"", pictures=(name,))).seq == seq
        self.kept[seq] = newer
        self.waiting |= {seq}
        self.counted |= {name}

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.open(self.folder)

    @precondition(lambda self: self.turn < 12)
    @rule(made=records, does=st.sampled_from(("commit", "deliver", "revise")), share=st.floats(0, 1))
    def write_and_lose_power(self, made: list[Record], does: str, share: float) -> None:
        """The disk holds everything before the last write, and of that one only the first bytes."""
        log = self.folder / "fieldeye.db-wal"
        before, length_before = (dict(self.kept), self.waiting, self.counted), log.stat().st_size if log.exists() else 0
        written_before = log.read_bytes() if log.exists() else b""
        if does == "deliver" and self.waiting:
            self.store.mark_delivered(self.mark(seq) for seq in self.waiting)
            self.waiting = frozenset()
        elif does == "revise" and self.intervals():
            self.write_revision(self.intervals()[-1])
        else:
            self.store.commit(made)
            self.note(made, None)
        after = (dict(self.kept), self.waiting, self.counted)
        self.cut_power(torn(written_before, log.read_bytes(), share, length_before))
        found = self.state()
        assert found in (before, after)
        self.kept, self.waiting, self.counted = found

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
        kept, waits = {one.key.seq: one.record for one in everything}, frozenset(one.key.seq for one in waiting)
        return kept, waits, frozenset(self.store.counted_pictures())

    @invariant()
    def the_store_is_the_model(self) -> None:
        if not hasattr(self, "store"):
            return
        assert self.state() == (self.kept, self.waiting, self.counted)
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
