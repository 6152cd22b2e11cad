"""The store keeps what it was given, gives each record one key, and tells what it could not keep."""

import math
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from time import thread_time
from typing import Any
from zlib import crc32

import cbor2
import pytest

from edge.clock import ClockState, Instant
from edge.config import StoreTable
from edge.counts import Interval, Lost, Sighting
from edge.errors import StoreError, StoreNewerError
from edge.store import BATCH_RECORDS, MOST_NOTE_LETTERS, Account, Draft, Entry, Store
from edge.store import audit as kept
from edge.store.decisions import STEPS as DECISION_STEPS
from edge.store.decisions import Decisions, Deed
from edge.store.drafts import KEPT_DRAFTS, KEPT_NAMES, names_in
from edge.store.file import WAL_BYTES, connect_to_read, open_checked
from edge.store.inspect import inspect_store
from edge.store.questions import KEPT_QUESTIONS
from edge.store.reserve import RESERVE_BYTES
from edge.store.room import CHUNK, shed
from edge.store.rows import Row, insert, read
from edge.store.schema import STEPS, migrate, transaction
from edge.store.times import consistent
from edge.wire import Mark, Stored, utc_ms
from edge.wire.compact import KIND
from edge.wire.tables import RECORDS
from tests.clocks import NOON
from tests.faults.bad_sector import run_on_bad_sector
from tests.faults.killing import instants, run_and_kill, told_seqs
from tests.faults.small_disk import run_on_small_disk
from tests.records import MOTH, count, instant, interval, lost, marks, sighting, stored
from tests.spoiling import spoil_a_record_and_its_index

ONE_FRAME_S = 1 / 15
DATA = Path(__file__).parent / "data"
JPEG = b"\xff\xd8 a picture \xff\xd9"


def open_store(folder: Path, **settings: int) -> Store:
    return Store(StoreTable(folder=str(folder), **settings), "n1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


def seqs(records: list[Stored]) -> list[int]:
    return [one.key.seq for one in records]


def all_records(store: Store) -> list[Stored]:
    return store.records_between_seq(1, 10**9)


def test_an_interval_over_two_boots_keeps_the_start_that_the_first_one_told() -> None:
    told = interval(end=replace(instant(3600.0, boot_id="another"), monotonic_s=5.0))
    assert consistent(told) == told


def test_committed_records_come_back_with_rising_keys(store: Store) -> None:
    keys = store.commit([sighting(), interval()]) + store.commit([lost(1, 2)])
    assert [key.seq for key in keys] == [1, 2, 3]
    assert {(key.node, key.epoch) for key in keys} == {("n1", store.epoch)}
    assert [one.record for one in all_records(store)] == [sighting(), interval(), lost(1, 2)]


def test_a_store_opened_again_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as first:
        first.commit([sighting()])
        first.set_setting("card", "7")
    with closing(open_store(tmp_path)) as again:
        assert (again.epoch, again.session_number()) == (first.epoch, 2)
        assert again.commit([sighting()])[0].seq == 2
        assert again.setting("card") == "7"
        assert again.setting("never") is None


def test_a_sequence_number_is_not_used_again_after_the_newest_record_was_shed(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting(), sighting()])
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute("DELETE FROM record")
        db.execute("DELETE FROM waiting")
    with closing(open_store(tmp_path)) as store:
        assert store.commit([sighting()])[0].seq == 3


def test_either_all_records_of_a_commit_are_kept_or_none(store: Store) -> None:
    with pytest.raises(ValueError, match="count"):
        store.commit([sighting(), sighting(count=-1)])
    assert all_records(store) == []
    assert store.commit([sighting()])[0].seq == 1


def test_urgent_records_leave_before_old_ones(store: Store) -> None:
    store.commit([sighting(), sighting(), interval(), lost(1, 2), interval()])
    assert seqs(store.next_batch()) == [4, 3, 5, 1, 2]
    assert seqs(store.next_batch(2)) == [4, 3]
    assert seqs(store.next_batch(2, without=marks([4, 3, 1]))) == [5, 2]


def test_a_batch_is_bounded_in_bytes_but_never_empty_while_records_wait(store: Store) -> None:
    store.commit([sighting() for _ in range(10)])
    assert len(store.next_batch(limit_bytes=1)) == 1
    assert 2 <= len(store.next_batch(limit_bytes=500)) <= 4


def test_delivered_records_leave_the_outbox_and_stay_replayable(store: Store) -> None:
    store.commit([sighting(n, count=n) for n in range(4)])
    store.mark_delivered(marks([1, 3, 99]))
    assert seqs(store.next_batch()) == [2, 4]
    assert store.waiting() == (2, NOON + timedelta(seconds=1))
    assert seqs(store.records_between_seq(2, 3)) == [2, 3]


def draft(seq: int | None = None, *pictures: str) -> Draft:
    return Draft(seq=seq, state=b"counted so far", pictures=pictures)


def test_a_revision_takes_the_place_of_its_record_and_is_sent_again_after_the_first_was_delivered(store: Store) -> None:
    key = store.commit_interval(interval(), draft())
    store.mark_delivered([Mark(key.seq)])
    assert store.next_batch() == []
    revised = interval(counts=(count(MOTH, 13, 9, 18),), revision=1)
    assert store.commit_interval(revised, draft(key.seq)) == key
    assert all_records(store) == store.next_batch() == [Stored(key, revised)]
    store.mark_delivered([Mark(key.seq, 1)])
    assert (store.next_batch(), [one.record for one in all_records(store)]) == ([], [revised])
    assert store.commit([sighting()])[0].seq == key.seq + 1


def test_a_revision_of_a_delivered_record_is_not_shed_as_a_delivered_one(store: Store, tmp_path: Path) -> None:
    key = store.commit_interval(interval(), draft())
    store.mark_delivered([Mark(key.seq)])
    store.commit_interval(interval(revision=1), draft(key.seq))
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db:
        assert db.execute("SELECT seq FROM delivered").fetchall() == []


def test_a_revision_leaves_all_others_in_the_outbox(store: Store) -> None:
    for record in (interval(), interval(3600), sighting()):
        store.commit([record])
    store.commit_interval(interval(revision=1), draft(1))
    assert [one.mark for one in store.next_batch()] == [Mark(1, 1), Mark(2), Mark(3)]


def test_a_damaged_draft_is_not_given_out(store: Store, tmp_path: Path) -> None:
    store.commit_interval(interval(), draft())
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute("UPDATE draft SET state = ?", (b"counted so fax",))
    assert store.drafts(NOON, NOON + timedelta(days=1)) == []


def test_the_acknowledgement_of_a_first_revision_leaves_the_second_in_the_outbox(store: Store) -> None:
    key = store.commit_interval(interval(), draft())
    in_flight = [one.mark for one in store.next_batch()]
    store.commit_interval(interval(revision=1), draft(key.seq))
    assert [one.mark for one in store.next_batch(without=in_flight)] == [Mark(key.seq, 1)]
    store.mark_delivered(in_flight)
    assert [one.mark for one in store.next_batch()] == [Mark(key.seq, 1)]


def test_delivered_corrections_are_told_newest_first_until_a_day_after_the_last_that_may_be_made(store: Store) -> None:
    for n in range(BATCH_RECORDS + 3):
        store.commit_interval(interval(3600.0 * n), draft())
    store.mark_delivered(marks([1]))
    for seq in range(2, BATCH_RECORDS + 4):
        store.commit_interval(interval(3600.0 * (seq - 1), revision=1), draft(seq))
    assert store.delivered_corrections(0, math.inf, NOON) == []
    store.mark_delivered([Mark(seq, 1) for seq in range(2, BATCH_RECORDS + 3)])  # the newest waits
    first = store.delivered_corrections(0, math.inf, NOON)
    assert seqs(first) == list(range(BATCH_RECORDS + 2, 2, -1))
    assert seqs(store.delivered_corrections(0, 3, NOON)) == [2]
    assert store.delivered_corrections(2, 3, NOON) == []
    assert len(store.delivered_corrections(0, math.inf, NOON, limit_bytes=1)) == 1
    ended = NOON + timedelta(hours=2)  # number 2
    assert seqs(store.delivered_corrections(0, 3, ended + timedelta(days=8, seconds=-1))) == [2]
    assert store.delivered_corrections(0, 3, ended + timedelta(days=8)) == []


def test_a_node_knows_which_records_it_made_under_its_name_and_at_its_site(tmp_path: Path) -> None:
    places = [
        ("n1", "a", 0),
        ("n1", "a", 0),
        ("n2", "a", 2),
        ("n2", "a", 2),
        ("n2", "b", 4),
        ("n2", "b", 4),
        ("n1", "b", 6),
    ]
    for name, site, elsewhere in places:
        with closing(Store(StoreTable(folder=str(tmp_path)), name, site)) as store:
            assert store.last_elsewhere == elsewhere
            store.commit([sighting()])


@pytest.mark.parametrize(("noted", "elsewhere"), [("2 n1", 2), ("1 n0", 4), ("x n1 a", 4), ("", 4)])
def test_a_place_that_an_earlier_version_noted_without_its_site_stays(
    noted: str, elsewhere: int, tmp_path: Path
) -> None:
    with closing(Store(StoreTable(folder=str(tmp_path)), "n1", "a")) as store:
        store.commit([sighting()] * 4)
        store.set_setting("named", noted)
    for _ in range(2):
        with closing(Store(StoreTable(folder=str(tmp_path)), "n1", "a")) as store:
            assert store.last_elsewhere == elsewhere


def test_a_record_that_is_delivered_once_more_is_not_written_to_the_card(store: Store, tmp_path: Path) -> None:
    store.commit([sighting()])
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db:
        versions = []
        for _ in range(3):
            versions.append(db.execute("PRAGMA data_version").fetchone())
            store.mark_delivered(marks([1]))
    assert versions[0] != versions[1] == versions[2]


def test_a_record_that_was_delivered_and_shed_comes_back_as_its_revision(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, max_mb=4)) as store:
        key = store.commit_interval(interval(), draft())
        store.mark_delivered([Mark(key.seq)])
        while store.records_between_seq(key.seq, key.seq):
            store.mark_delivered(marks(one.seq for one in store.commit([sighting(n) for n in range(1000)])))
        store.commit_interval(interval(revision=1), draft(key.seq))
        assert [one.mark for one in store.next_batch()] == [Mark(key.seq, 1)]
        assert store.health().lost == 0


def test_drafts_and_names_of_counted_pictures_that_are_gone_are_bounded(store: Store) -> None:
    for n in range(KEPT_DRAFTS + 3):
        store.commit_interval(interval(3600.0 * n), draft(None, f"{n}.jpg"))
    kept = store.drafts(NOON, NOON + timedelta(days=365))
    assert [seq for seq, _ in kept] == list(range(4, KEPT_DRAFTS + 4))
    assert store.drafts(NOON + timedelta(hours=9), NOON + timedelta(hours=10)) == [(10, b"counted so far")]
    store.commit_interval(interval(), draft(None, "/0.jpg/1/2", "/1.jpg/1/2"))  # could not be used
    store.commit_interval(interval(), draft(None, *(f"many-{n}.jpg" for n in range(KEPT_NAMES))))
    store.forget_counted({"0.jpg"})
    assert store.counted_pictures() == {"0.jpg", "/0.jpg/1/2", *(f"many-{n}.jpg" for n in range(KEPT_NAMES))}


def test_of_a_file_that_is_written_over_for_ever_only_its_last_names_stay(store: Store) -> None:
    for size in range(100):
        store.commit_interval(interval(), draft(None, f"/live.jpg/1/{size}", f"live.jpg/{size}"))
    store.commit_interval(interval(), draft(None, *(f"many-{n}.jpg" for n in range(KEPT_NAMES))))
    store.forget_counted({"live.jpg"})
    live = {name for name in store.counted_pictures() if "live" in name}
    assert live == {"/live.jpg/1/99", "live.jpg/99"}


@pytest.mark.parametrize("lost", ["CAST(name AS BLOB)", "CAST(x'b1' AS TEXT)"])
def test_a_bit_that_the_card_lost_in_a_name_ends_no_start(
    store: Store, tmp_path: Path, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.commit_interval(interval(), draft(None, "1.jpg", "2.jpg"))
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute(f"UPDATE counted SET name = {lost} WHERE name = '1.jpg'")  # noqa: S608  our own words
    assert "2.jpg" in store.counted_pictures()
    assert (names_in(tmp_path / "fieldeye.db") or [])[1:] == ["2.jpg"]
    monkeypatch.setattr("edge.store.drafts.KEPT_NAMES", 1)
    store.forget_counted({})
    assert store.counted_pictures() == {"2.jpg"}


def test_what_a_deed_is_about_stays_beside_former_software_and_is_of_that_deed_only(tmp_path: Path) -> None:
    with closing(Decisions(tmp_path)) as newer:
        for what in ("kept", "anew"):
            newer.do(what, Deed("ana", NOON, 12.0, is_taken_on=True))
    with closing(open_checked(tmp_path / "decisions.sqlite", 2**24, {1: DECISION_STEPS[1]})) as former:
        later_ms = utc_ms(NOON + timedelta(hours=1))
        former.execute("DELETE FROM deed WHERE what = 'anew'")
        former.executemany("INSERT OR IGNORE INTO deed VALUES (?, 'li', ?)", [("kept", later_ms), ("anew", later_ms)])
    with closing(Decisions(tmp_path)) as newer:
        assert newer.deed("kept") == Deed("ana", NOON, 12.0, is_taken_on=True)
        assert newer.deed("anew") == Deed("li", NOON + timedelta(hours=1), None)


def test_a_deed_that_is_taken_back_is_the_one_that_was_shown(tmp_path: Path) -> None:
    with closing(Decisions(tmp_path)) as decisions:
        first, newer = Deed("ana", NOON, 12.0), Deed("li", NOON + timedelta(hours=1), 18.0)
        decisions.do("sprayed", first)
        decisions.do("sprayed", newer, after=first)
        assert not decisions.undo("sprayed", first)
        assert decisions.deed("sprayed") == newer
        assert decisions.undo("sprayed", newer)
        assert decisions.deed("sprayed") is None


def test_an_empty_outbox_has_no_oldest(store: Store) -> None:
    assert store.waiting() == (0, None)
    assert store.next_batch() == []


def test_the_page_finds_the_latest_and_what_was_between(store: Store) -> None:
    store.commit([sighting(0, count=1), interval(0), sighting(7200, count=2), interval(3600), sighting(10, count=3)])
    assert [one.record.count for one in store.latest_sightings(2) if isinstance(one.record, Sighting)] == [3, 2]
    latest = store.latest_interval()
    assert latest is not None
    assert latest.key.seq == 4
    hour = timedelta(hours=1)
    assert seqs(store.intervals_between(NOON, NOON + hour)) == []
    assert seqs(store.intervals_between(NOON + hour, NOON + 2 * hour)) == [2]
    assert seqs(store.sightings_after(0, NOON, 9)) == [5, 3, 1]
    assert seqs(store.sightings_after(1, NOON, 9)) == [5, 3]
    assert seqs(store.sightings_after(1, NOON, 1)) == [5]
    assert seqs(store.sightings_after(1, NOON + hour, 9)) == [3]


def test_a_picture_belongs_to_the_sightings_of_its_commit(store: Store) -> None:
    store.commit([interval()])
    store.commit([sighting(), interval(), sighting()], JPEG)
    names = [one.record.picture for one in store.latest_sightings(2) if isinstance(one.record, Sighting)]
    assert names[0] == names[1] == f"{store.epoch.hex[:8]}-2"
    assert store.picture(str(names[0])) == JPEG


def test_health_tells_how_much_of_the_card_records_and_pictures_take(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        for n in range(3):
            store.commit([sighting(n)], bytes(250_000))
        store.commit_interval(interval(), draft(None, *(f"{n}.jpg" for n in range(KEPT_NAMES + 2000))))
        most_mb = store.health().used_mb
        store.forget_counted(())
        health = store.health()
    whole_mb = (tmp_path / "fieldeye.db").stat().st_size / 1_000_000
    assert health.pictures_mb == 0.75
    assert most_mb == pytest.approx(whole_mb, abs=0.001)
    assert 0.5 * whole_mb < health.used_mb < whole_mb - 0.02, "room that was freed is free"


def test_the_audit_trail_keeps_its_newest_entries(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT", 3)
    for n in range(5):
        store.note_audit(Entry(utc=NOON, who="Li", what=f"{n}", outcome="done"))
    assert [entry.what for entry in store.audit_trail()] == ["4", "3", "2"]


def test_the_newest_picture_is_given_once(store: Store) -> None:
    assert store.newest_picture(0) is None
    for _ in range(2):
        store.commit([sighting()], JPEG)
    assert store.newest_picture(0) == store.newest_picture(1) == (2, f"{store.epoch.hex[:8]}-2")
    assert store.newest_picture(2) is None


@pytest.mark.parametrize("name", ["../fieldeye", "", "x", "00000000-1", "0c9a64a1-1/../../lock", "a" * 300])
def test_a_name_that_is_no_picture_finds_nothing(store: Store, name: str) -> None:
    assert store.picture(name) is None


def put_in_the_way(jpeg: Path) -> None:
    """What can neither be read, written nor removed as a file, as one on a bad sector."""
    jpeg.unlink(missing_ok=True)
    jpeg.mkdir()


def test_a_picture_that_the_card_does_not_give_up_lets_its_node_start_and_no_record_count_twice(
    tmp_path: Path,
) -> None:
    with closing(open_store(tmp_path, pictures_mb=1)) as store:
        store.commit([sighting()], bytes(600_000))
        put_in_the_way(tmp_path / "pictures" / f"{store.epoch.hex[:8]}-1.jpg")
        assert store.picture(f"{store.epoch.hex[:8]}-1") is None
        assert store.commit([sighting()], bytes(600_000))[0].seq == 2
        assert seqs(all_records(store)) == [1, 2]
    with closing(open_store(tmp_path, pictures_mb=1)) as store:
        assert store.newest_picture(0) == (2, f"{store.epoch.hex[:8]}-2")


def test_the_oldest_pictures_go_when_their_budget_is_used_up(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, pictures_mb=1)) as store:
        for n in range(7):
            store.commit([sighting(count=n)], bytes(200_000))
        kept = [n for n in range(1, 8) if store.picture(f"{store.epoch.hex[:8]}-{n}")]
        assert kept == [3, 4, 5, 6, 7]
        assert len(list((tmp_path / "pictures").iterdir())) == 5
        assert store.health().pictures_mb == 1.0
        assert len(all_records(store)) == 7


def test_what_a_power_cut_left_among_the_pictures_is_swept_at_start(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting()], JPEG)
        name = f"{store.epoch.hex[:8]}-1"
    for stray in (f"{name[:8]}-77.jpg", "0c9a64a1-5.jpg"):
        (tmp_path / "pictures" / stray).write_bytes(b"?")
    with closing(open_store(tmp_path)) as store:
        assert [path.name for path in (tmp_path / "pictures").iterdir()] == [f"{name}.jpg"]


def test_a_picture_that_a_power_cut_left_half_is_gone_with_its_row_and_its_record_stays(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        for _ in range(3):
            store.commit([sighting()], JPEG)
        names = [f"{store.epoch.hex[:8]}-{n}" for n in (1, 2, 3)]
    (tmp_path / "pictures" / f"{names[0]}.jpg").write_bytes(JPEG[:-1])  # as ext4 leaves what it had not yet written
    (tmp_path / "pictures" / f"{names[1]}.jpg").write_bytes(b"")
    with closing(open_store(tmp_path)) as store:
        assert [store.picture(name) for name in names] == [None, None, JPEG]
        assert [path.name for path in (tmp_path / "pictures").iterdir()] == [f"{names[2]}.jpg"]
        assert len(all_records(store)) == 3


def test_files_that_are_not_the_stores_own_stay_among_the_pictures(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    strangers = {"holiday.jpg", "other.txt", "half.new", "2026-07-01-120000.jpg", "0c9a64a1-5.png", "album"}
    for stranger in strangers - {"album"}:
        (tmp_path / "pictures" / stranger).write_bytes(b"?")
    (tmp_path / "pictures" / "album").mkdir()
    open_store(tmp_path).close()
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == strangers


def test_a_full_store_sheds_the_oldest_delivered_first_and_loses_nothing(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, max_mb=2)) as store:
        last = 0
        for _ in range(60):
            last = store.commit([sighting(n, count=n) for n in range(200)])[-1].seq
            store.mark_delivered(marks(range(last - 199, last + 1)))
        health = store.health()
        assert health.lost == 0
        assert health.first_seq is not None
        assert 1 < health.first_seq < last
        assert seqs(store.records_between_seq(last - 3000, last)) == list(range(last - 3000, last + 1))
    assert sum(path.stat().st_size for path in tmp_path.glob("fieldeye.db*")) <= 2_000_000


def test_a_full_store_sheds_sightings_before_intervals_and_announces_how_many(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    committed: set[int] = set()
    with closing(open_store(tmp_path, max_mb=2)) as store:
        for n in range(50):
            records = [interval(n), *(sighting(n) for _ in range(19))]
            committed |= {key.seq for key in store.commit(records * 10)}
        there = all_records(store)
        intervals = [one for one in there if one.record.__class__.__name__ == "Interval"]
        losses = [one.record for one in there if isinstance(one.record, Lost)]
        gone = committed - set(seqs(there))
        assert len(intervals) == 500
        assert gone
        assert sum(one.count for one in losses) == len(gone) == store.health().lost
        assert gone <= {seq for one in losses for seq in range(one.first_seq, one.last_seq + 1)}
        assert store.next_batch(1)[0].record == losses[0]
        for _ in range(KEPT_QUESTIONS):
            store.ask_station(instant(), JPEG, note="\u866b" * MOST_NOTE_LETTERS)  # of three bytes
        assert len(store.questions()) == KEPT_QUESTIONS
    assert [line.getMessage() for line in caplog.records].count("store_full") == 1


def test_of_what_nobody_got_a_full_store_sheds_the_oldest(store: Store, tmp_path: Path) -> None:
    store.commit([sighting(n) for n in range(CHUNK + 9)])
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        gone = shed(db)
    assert (gone.first_seq, gone.last_seq, gone.undelivered) == (1, CHUNK, CHUNK)
    assert seqs(all_records(store)) == [*range(CHUNK + 1, CHUNK + 10)]


@pytest.mark.timeout(60)
def test_records_that_would_not_fit_into_an_empty_store_cost_none_of_those_that_are_kept(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, max_mb=2)) as store:
        kept = seqs(store.commit([lost(1, 2), interval(), sighting()]) and all_records(store))
        with pytest.raises(StoreError, match=r"5000 records do not fit; raise store.max_mb \(now 2\)"):
            store.commit([sighting() for _ in range(5000)])
        assert (seqs(all_records(store)), store.health().lost) == (kept, 0)
        assert store.commit([sighting()])[0].seq == 4


def test_a_lowered_cap_shortens_the_file_commit_by_commit(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, max_mb=5)) as store:
        for n in range(15):
            last = store.commit([sighting(n) for _ in range(1000)])[-1].seq
        store.mark_delivered(marks(range(1, last + 1)))
    longest = (tmp_path / "fieldeye.db").stat().st_size
    assert longest > 2_500_000
    with closing(open_store(tmp_path, max_mb=2)) as store:
        longest_s = 0.0
        for n in range(140):
            began_s = thread_time()
            store.commit([sighting(n)])
            longest_s = max(longest_s, thread_time() - began_s)
        assert longest_s < ONE_FRAME_S
        assert store.health().lost == 0
        assert store.health().last_seq == last + 140
    assert (tmp_path / "fieldeye.db").stat().st_size <= 1_000_000


def test_a_file_of_version_4_opens_and_its_records_can_be_delivered_and_revised(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db:
        db.executescript((DATA / "store-v4.sql").read_text())
        db.execute("PRAGMA user_version = 4")
    with closing(open_store(tmp_path)) as store:
        assert (str(store.epoch), store.session_number()) == ("0c9a64a1-58c8-4f2a-9a0e-3f5d5f0e7b11", 2)
        assert [one.record for one in all_records(store)] == [sighting(), interval(), lost(1, 2)]
        assert (seqs(store.next_batch()), store.setting("card"), store.questions()) == ([3, 2], "7", [])
        store.mark_delivered(marks([2]))
        store.commit_interval(interval(revision=1), draft(2))
        assert [one.mark for one in store.next_batch()] == [Mark(3), Mark(2, 1)]
        assert store.commit([sighting()])[0].seq == 4


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_file_from_before_the_first_release_is_refused_and_left_alone(tmp_path: Path, version: int) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting()])
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db:
        db.execute(f"PRAGMA user_version = {version}")
    says = rf"fieldeye\.db: from before the first release \(version {version}, this Fieldeye begins at 4\); rename"
    with pytest.raises(StoreError, match=says):
        open_store(tmp_path)
    with pytest.raises(StoreError, match=says):
        inspect_store(StoreTable(folder=str(tmp_path), max_mb=2), has_broker=False)
    assert not list(tmp_path.glob("*damaged*"))


def test_a_lowered_cap_sheds_no_waiting_record_for_which_there_is_room(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, max_mb=5)) as store:
        for n in range(15):
            store.mark_delivered(marks(key.seq for key in store.commit([sighting(n) for _ in range(1000)])))
        store.commit([sighting(n) for n in range(1000)])
    with closing(open_store(tmp_path, max_mb=2)) as store:
        for n in range(200):
            store.commit([sighting(n)])
        assert (store.waiting().records, store.health().lost) == (1200, 0)
    assert (tmp_path / "fieldeye.db").stat().st_size <= 1_000_000


def test_one_delivered_record_among_many_that_wait_is_shed_without_a_search(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, max_mb=4)) as store:
        for n in range(12):
            last = store.commit([sighting(n) for _ in range(1000)])[-1].seq
        store.mark_delivered(marks([last - 1]))
        for n in range(20):
            store.commit([sighting(n) for _ in range(200)])
        assert last - 1 not in seqs(all_records(store))
        assert store.health().lost > 0
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db:
        plan = str(db.execute("EXPLAIN QUERY PLAN SELECT seq FROM delivered ORDER BY seq LIMIT 256").fetchall())
        assert "TEMP" not in plan
        mixed = (
            "SELECT count(*) FROM record WHERE"
            " (seq IN (SELECT seq FROM delivered)) = (seq IN (SELECT seq FROM waiting))"
        )
        assert db.execute(mixed).fetchone() == (0,)


def copy_a_column(db: sqlite3.Connection) -> None:
    """A step of a version to come for which the file grows, and beside which this one may write."""
    db.execute("CREATE TABLE extra (seq INTEGER PRIMARY KEY, utc_ms INTEGER NOT NULL)")
    db.execute("INSERT INTO extra SELECT seq, utc_ms FROM record")
    db.execute(f"PRAGMA application_id = {max(STEPS)}")


def test_a_file_at_its_cap_grows_for_a_step_and_is_shortened_again(tmp_path: Path) -> None:
    path, max_bytes = tmp_path / "fieldeye.db", 4_000_000
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        migrate(db)
        with transaction(db):
            for one in stored(*(sighting(n) for n in range(14_500))):
                insert(db, one)
            db.execute("INSERT INTO delivered SELECT seq FROM record WHERE seq <= 14400")
            db.execute("DELETE FROM waiting WHERE seq <= 14400")
    assert path.stat().st_size > max_bytes - WAL_BYTES
    open_checked(path, max_bytes, {**STEPS, 5: copy_a_column}).close()
    with closing(open_store(tmp_path, max_mb=4)) as store:
        for n in range(20):
            store.commit([sighting(n)])
        assert (store.waiting().records, store.health().lost) == (120, 0)
        assert store.health().last_seq == 14_520
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM extra").fetchone() == (14_500,)
    assert path.stat().st_size <= max_bytes - WAL_BYTES


def test_readers_see_whole_commits_while_the_loop_writes(store: Store) -> None:
    seen: list[int] = []
    reader = Thread(target=lambda: seen.extend(store.waiting().records for _ in range(300)))
    reader.start()
    for n in range(50):
        store.commit([sighting(n), sighting(n)])
    reader.join()
    assert seen == sorted(seen)
    assert not [number for number in seen if number % 2]


def test_a_log_that_grew_while_somebody_read_gives_its_room_back(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "fieldeye.db-wal"
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM setting").fetchone()
        for letter in "abc":
            store.set_setting("long", letter * 600_000)
        assert log.stat().st_size > WAL_BYTES
    for letter in "abc":
        store.set_setting("short", letter)
    assert log.stat().st_size <= WAL_BYTES


LEFT_READING = """
import sys, threading
from pathlib import Path
from edge.store.readers import Readers
readers, began, got = Readers(Path(sys.argv[1])), threading.Event(), []
def read():
    db = readers.mine()
    db.create_function("began", 0, began.set)
    rows = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100000)"
    got.append(db.execute(rows + " SELECT count(*) FROM c WHERE began() IS NULL").fetchone()[0])
thread = threading.Thread(target=read)
thread.start()
began.wait()
readers.close()
thread.join()
print(got)
"""


def test_a_store_that_is_closed_under_a_thread_that_reads_does_not_take_the_process_with_it(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)):
        command = [sys.executable, "-c", LEFT_READING, tmp_path / "fieldeye.db"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[100000]\n")


class ShedMeanwhile(set[Mark]):
    """No marks to leave out; whenever a batch asks for one, a full store has just shed what waits."""

    def __init__(self, db: sqlite3.Connection) -> None:
        super().__init__()
        self._db = db

    def __contains__(self, mark: object) -> bool:
        with self._db:
            shed(self._db)
        return super().__contains__(mark)


@pytest.mark.parametrize("waiting", [1, 3])
def test_a_batch_goes_on_without_what_a_full_store_sheds_while_it_is_read(
    store: Store, tmp_path: Path, waiting: int
) -> None:
    store.commit([sighting(n) for n in range(waiting)])
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db:
        batch = store.next_batch(without=ShedMeanwhile(db))
    assert seqs(batch) == list(range(1, waiting))


def test_two_nodes_cannot_share_a_store(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="another Fieldeye"):
        open_store(tmp_path)
    assert store.commit([sighting()])


def test_a_store_may_be_closed_twice_and_then_refuses(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert store.waiting().records == 0
    store.close()
    store.close()
    with pytest.raises(StoreError):
        store.commit([sighting()])
    with pytest.raises(StoreError):
        store.waiting()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_what_is_read_and_asked_again_and_again_holds_no_more_files_open(store: Store) -> None:
    def use() -> int:
        store.ask_station(instant(), JPEG)
        store.commit([sighting()], JPEG)
        store.waiting()
        return open_files()

    use()
    assert use() == use() == use()


class CountingStore(Store):
    """Counts the records that it reads."""

    reads = 0

    def _read(self, row: Row) -> list[Stored]:
        self.reads += 1
        return super()._read(row)


def test_times_of_this_boot_are_put_right_without_reading_what_earlier_boots_left(tmp_path: Path) -> None:
    with closing(CountingStore(StoreTable(folder=str(tmp_path)), "n1")) as store:
        for boot in ("first", "second", "now"):
            early = [instant(n, ClockState.UNSYNCED, boot) for n in range(300)]
            store.commit([sighting(at=at) for at in early])
        assert store.correct_clock(instant(400, boot_id="now")) == 300
        assert store.reads <= 301
        store.reads = 0
        assert store.correct_clock(instant(500, boot_id="now")) == 0
        assert store.reads <= 1
        states = [one.record.at.state for one in all_records(store) if isinstance(one.record, Sighting)]
    assert states == [ClockState.UNSYNCED] * 600 + [ClockState.CORRECTED] * 300


class RevisingStore(Store):
    """The loop commits a revision between the look for what can be put right, or is damaged, and the writing of it."""

    revision: Interval

    @contextmanager
    def _writing(self, doing: str) -> Iterator[sqlite3.Connection]:
        self.commit_interval(self.revision, draft(1))
        with super()._writing(doing) as db:
            yield db

    def _unsynced(self, known: Instant, without: Collection[Mark]) -> list[Stored]:
        found = super()._unsynced(known, without)
        self.commit_interval(self.revision, draft(1))
        return found


def test_a_time_that_is_put_right_while_a_revision_is_committed_leaves_the_revision_as_it_is(tmp_path: Path) -> None:
    with closing(RevisingStore(StoreTable(folder=str(tmp_path)), "n1")) as store:
        first = interval(start=instant(0, ClockState.UNSYNCED), end=instant(3600, ClockState.UNSYNCED))
        store.commit_interval(first, draft())
        store.revision = replace(first, revision=1)
        store.correct_clock(instant(4000))
        assert [one.record for one in drained(store)] == [store.revision]


@pytest.mark.parametrize(
    ("began", "state"),
    [
        (ClockState.SYNCED, ClockState.SYNCED),
        (ClockState.SYNCED, ClockState.UNSYNCED),
        (ClockState.UNSYNCED, ClockState.SYNCED),
    ],
)
@pytest.mark.parametrize("wrong", [timedelta(days=-3), timedelta(days=3)])
def test_an_interval_in_which_the_clock_was_set_lies_where_its_end_says(
    store: Store, wrong: timedelta, began: ClockState, state: ClockState
) -> None:
    right, end = instant(), instant(3600.0, state)
    store.commit([interval(start=replace(right, utc=right.utc + wrong, state=began), end=end)])
    (kept,) = [one.record for one in all_records(store) if isinstance(one.record, Interval)]
    expected = ClockState.CORRECTED if state is ClockState.SYNCED else state
    assert (kept.start, kept.end) == (replace(right, state=expected), end)


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_pointer(path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    for page in range(4096, len(damaged), 4096):
        damaged[page + 5 : page + 7] = b"\xff\xff"  # where the cells of a tree page begin
    path.write_bytes(damaged)


def give_two_pictures_one_name(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO counted (name) VALUES ('twin-1'), ('twin-2')")
    path.write_bytes(path.read_bytes().replace(b"twin-2", b"twin-1"))


def flip_a_bit_of_its_schema(path: Path) -> None:
    """SQLite cites what it cannot read, and that is no text any more."""
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE record ", b"CR\xc5ATE TABLE record "))


def flip_a_bit_of_a_columns_name(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"crc INTEGER NOT NULL, ", b"crb INTEGER NOT NULL, "))


DAMAGES = [
    garbage, cut_in_half, flip_a_pointer, give_two_pictures_one_name,
    flip_a_bit_of_its_schema, flip_a_bit_of_a_columns_name,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_set_aside_and_a_new_epoch_begins(tmp_path: Path, damage: object) -> None:
    for number in (1, 2):
        with closing(open_store(tmp_path)) as store:
            before = store.epoch
            store.commit([sighting(n, count=n) for n in range(500)])
        damage(tmp_path / "fieldeye.db")  # type: ignore[operator]
        damaged = (tmp_path / "fieldeye.db").read_bytes()
        with closing(open_store(tmp_path)) as store:
            assert store.epoch != before
            assert store.commit([sighting()])[0].seq == 1
        assert (tmp_path / f"fieldeye.db.damaged-{number}").read_bytes() == damaged


def test_a_flipped_bit_in_the_schema_is_told_as_damage_and_no_picture_of_the_next_store_counts_again(
    tmp_path: Path,
) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit_interval(interval(), draft(None, "1.jpg"))
    flip_a_bit_of_its_schema(tmp_path / "fieldeye.db")
    with pytest.raises(
        StoreError, match=r"cannot read the store \(malformed database schema\): it is damaged; restart"
    ):
        inspect_store(StoreTable(folder=str(tmp_path), max_mb=4), has_broker=False)
    with closing(open_store(tmp_path)) as store:
        store.take_over_counted({"1.jpg"})
        assert store.counted_pictures() == {"1.jpg"}


def test_a_flipped_bit_that_makes_a_capital_of_a_letter_in_the_schema_takes_no_record_away(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting()])
    path = tmp_path / "fieldeye.db"
    path.write_bytes(path.read_bytes().replace(b"crc INTEGER NOT NULL, ", b"cRc INTEGER NOT NULL, "))
    with closing(open_store(tmp_path)) as store:
        assert [one.record for one in drained(store)] == [sighting()]


def test_the_last_records_of_a_damaged_file_are_set_aside_with_it_in_its_log(tmp_path: Path) -> None:
    cut, log = tmp_path / "cut", "fieldeye.db-wal"
    open_store(tmp_path).close()
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting()])
        shutil.copytree(tmp_path, cut, ignore=shutil.ignore_patterns("cut"))  # as a power cut leaves it
    kept = (cut / log).read_bytes()
    assert kept
    garbage(cut / "fieldeye.db")
    open_store(cut).close()
    assert (cut / "fieldeye.db.damaged-1-wal").read_bytes() == kept


OPENED = """
import sys
from tests.test_store import Path, open_store, sighting
open_store(Path(sys.argv[1])).commit([sighting()])
"""


def test_a_file_whose_beginning_the_disk_does_not_read_is_set_aside_and_a_new_epoch_begins(tmp_path: Path) -> None:
    bad = tmp_path / "fieldeye.db"
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting()])
        before = store.epoch
    shown = bad.read_bytes()
    run_on_bad_sector(bad, "-c", OPENED, tmp_path)
    with closing(open_store(tmp_path)) as store:
        assert store.epoch != before
        assert seqs(all_records(store)) == [1]
    assert (tmp_path / "fieldeye.db.damaged-1").read_bytes() == shown


def test_a_run_of_damaged_records_keeps_none_behind_it_from_being_sent(store: Store, tmp_path: Path) -> None:
    store.commit([sighting(n) for n in range(70)])
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute("UPDATE record SET crc = crc + 1 WHERE seq BETWEEN 3 AND 42")
    assert seqs(store.next_batch()) == [1, 2, *range(43, 61)]
    assert seqs(store.next_batch(without=marks([1, 2, *range(43, 61)]))) == list(range(61, 71))
    assert store.damaged == 40


def test_a_flipped_bit_in_a_record_is_found_and_announced_and_the_others_go_on(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting(n, count=n) for n in range(5)])
        store.mark_delivered(marks([2]))
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        for seq in (2, 4):
            body = bytearray(db.execute("SELECT body FROM record WHERE seq = ?", (seq,)).fetchone()[0])
            body[-1] ^= 1  # the count: it would decode as another number
            db.execute("UPDATE record SET body = ? WHERE seq = ?", (bytes(body), seq))
    with closing(open_store(tmp_path)) as store:
        assert seqs(store.next_batch()) == [1, 3, 5]
        assert seqs(all_records(store)) == [1, 3, 5]
        assert store.give_up_damaged(instant()) == 2
        assert store.next_batch(1)[0].record == lost(4, 4, at=instant(), reason="damaged")
        assert (store.waiting().records, store.health().lost) == (4, 1)
        assert store.give_up_damaged(instant()) == 0


def test_the_latest_interval_is_the_last_one_that_can_be_read(store: Store, tmp_path: Path) -> None:
    store.commit([interval(0), interval(3600), sighting(), interval(7200)])
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute("UPDATE record SET crc = crc + 1 WHERE seq = 4")
    latest = store.latest_interval()
    assert latest is not None
    assert latest.key.seq == 2


def test_what_is_newest_is_found_without_a_look_through_all_that_a_season_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[None] = []

    def counted(path: Path) -> sqlite3.Connection:
        db = connect_to_read(path)
        db.set_progress_handler(lambda: steps.append(None), 100)
        return db

    monkeypatch.setattr("edge.store.readers.connect_to_read", counted)
    with closing(open_store(tmp_path)) as store:
        for hours in (20, 2000):
            store.commit([record for n in range(hours) for record in (sighting(3600 * n), interval(3600 * n))])
            steps.clear()
            latest = store.latest_interval()
            assert latest is not None
            assert [latest.key.seq, *seqs(store.latest_sightings(2))] == [store.last_seq() - n for n in (0, 1, 3)]
            assert len(steps) < 10, hours


def test_a_damaged_interval_that_a_late_picture_has_corrected_since_is_sent(tmp_path: Path) -> None:
    with closing(RevisingStore(StoreTable(folder=str(tmp_path)), "n1")) as store:
        store.commit_interval(interval(), draft())
        with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
            db.execute("UPDATE record SET crc = crc + 1")
        assert (all_records(store), store.damaged) == ([], 1)
        store.revision = interval(revision=1)
        assert (store.give_up_damaged(instant()), store.damaged) == (0, 0)
        assert [one.record for one in drained(store)] == [store.revision]


def test_a_damaged_interval_that_is_corrected_while_somebody_reads_it_is_sent(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.commit_interval(interval(), draft())
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute("UPDATE record SET crc = crc + 1")

    def read_late(*row_and_key: Any) -> Stored:
        store.commit_interval(interval(revision=1), draft(1))
        return read(*row_and_key)

    with monkeypatch.context() as patched:
        patched.setattr("edge.store.records.read", read_late)
        assert all_records(store) == []
    assert (store.give_up_damaged(instant()), store.damaged) == (0, 0)
    assert [one.record for one in drained(store)] == [interval(revision=1)]


def is_set_aside(file: bytes) -> bool:
    """Would the next start begin a new store?"""
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(file[:18] + b"\1\1" + file[20:])  # in memory there is no log
        return str(db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok"


def flipped(file: bytes, at: int, bit: int) -> bytes:
    return file[:at] + bytes([file[at] ^ 1 << bit]) + file[at + 1 :]


def drained(store: Store) -> list[Stored]:
    """All that leaves, as a publisher takes it, with what it announces."""
    left: list[Stored] = []
    for _ in range(99):
        batch = store.next_batch()
        store.mark_delivered([one.mark for one in batch])
        left += batch
        assert all(isinstance(one.record, Interval) for one in store.intervals_between(NOON, NOON + timedelta(days=1)))
        if not batch and not store.give_up_damaged(instant()):
            return left
    raise AssertionError("records leave again and again")


HEAD_BYTES, CRC_BYTES = 20, 6  # of a row: its length, its key, the type of each column, and all columns but the body


def test_each_bit_round_a_record_may_flip_and_all_others_leave_once(tmp_path: Path) -> None:
    """Row n with bit n flipped; the bits that SQLite itself finds, which sets the store aside, are left out."""
    bits = [(byte, bit) for byte in (*range(-HEAD_BYTES, 0), *range(CRC_BYTES)) for bit in range(8)]
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting(n, count=n) if n % 2 else interval(n) for n in range(len(bits) + 20)])
        kept = all_records(store)
    path = tmp_path / "fieldeye.db"
    with closing(sqlite3.connect(path)) as db:
        bodies = dict(db.execute("SELECT seq, body FROM record"))
    sound = spoiled = path.read_bytes()
    hit = set()
    for seq, (byte, bit) in enumerate(bits, 1):
        at = sound.index(bodies[seq])
        at += byte + len(bodies[seq]) if byte >= 0 else byte - (seq > 127)  # the key of a later row has two bytes
        if not is_set_aside(flipped(sound, at, bit)):
            spoiled = flipped(spoiled, at, bit)
            hit.add(seq)
    path.write_bytes(spoiled)
    with closing(open_store(tmp_path)) as store:
        assert store.epoch == kept[0].key.epoch
        left = drained(store)
        told = {one.record.first_seq for one in left if isinstance(one.record, Lost)}
        assert store.waiting().records == 0
    gone = sorted((one for one in left if not isinstance(one.record, Lost)), key=lambda one: one.key.seq)
    assert gone == [one for one in kept if one.key.seq not in told]
    assert told <= hit
    assert 40 < len(told) < len(hit) < len(bits)


def test_a_key_that_lost_a_bit_gets_it_back_from_its_record_and_its_turn_too(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting(), sighting(), interval()])
        kept = all_records(store)
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute("UPDATE record SET seq = 7 WHERE seq = 3")
    with closing(open_store(tmp_path)) as store:
        assert drained(store) == [kept[2], *kept[:2]]
        assert store.commit([sighting()])[0].seq == 4


def test_a_flipped_bit_in_a_time_or_in_words_holds_nothing_up(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        epoch = store.epoch
        store.commit([sighting()])
        store.commit_interval(interval(), Draft(seq=None, state=b"counted", pictures=()))
        store.ask_station(instant(state=ClockState.UNSYNCED), JPEG, who="Li", note="spots")
        store.note_audit(Entry(utc=NOON, who="Li", what="asked", outcome="done"))
        store.set_setting("pictures_sent", "7")
        store.accounts.put(Account(name="Li", role="farmer", hash="$"), NOON)
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute("UPDATE record SET utc_ms = utc_ms - (1 << 47)")
        db.execute("UPDATE question SET who = CAST(who AS BLOB), note = CAST(x'f3706f7473' AS TEXT), clock = 17")
        db.execute("UPDATE audit SET utc_ms = utc_ms - (1 << 47), who = CAST(who AS BLOB)")
        db.execute("UPDATE setting SET value = CAST(value AS BLOB)")
        db.execute("UPDATE draft SET state = CAST(state AS TEXT)")
        db.execute("UPDATE identity SET epoch = CAST(epoch AS TEXT), lost = x''")
    with closing(sqlite3.connect(tmp_path / "accounts.sqlite")) as db, db:
        db.execute("UPDATE account SET role = CAST(x'e661726d6572' AS TEXT)")
    with closing(open_store(tmp_path)) as store:
        assert store.epoch == epoch
        assert (store.waiting().records, store.health().lost) == (2, 0)
        assert store.drafts(NOON, NOON + timedelta(days=1)) == [(2, b"counted")]
        assert store.setting("pictures_sent") == "7"
        assert [entry.who for entry in store.audit_trail()] == ["Li"]
        assert store.accounts.account("li") is not None
        asked, photo = store.next_question() or (None, b"")
        assert asked is not None
        assert (asked.who, asked.note, photo) == ("Li", "\ufffdpots", JPEG)
        assert asked.at.state is ClockState.UNSYNCED


def test_an_epoch_of_another_length_is_told_with_what_to_do(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute("UPDATE identity SET epoch = substr(epoch, 3)")
    with pytest.raises(StoreError, match=r"its epoch is damaged; rename it to fieldeye\.db\.older-1"):
        open_store(tmp_path)


def test_a_record_whose_row_tells_another_kind_leaves_as_what_it_is_and_is_not_taken_for_that(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting(), interval(), interval(1)])
        kept = all_records(store)
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute("UPDATE record SET kind = 1 WHERE seq = 1")
        db.execute("UPDATE record SET kind = 5 WHERE seq = 2")
    with closing(open_store(tmp_path)) as store:
        assert store.intervals_between(NOON, NOON + timedelta(days=1)) == kept[2:]
        assert seqs(drained(store)) == [2, 3, 1]


@pytest.mark.parametrize(
    ("change", "leave"),
    [
        ("UPDATE waiting SET seq = 1", [1, 3]),
        ("UPDATE delivered SET seq = 3 WHERE seq = 2", [2, 3]),
        ("UPDATE delivered SET seq = 7 WHERE seq = 2", [2, 3]),
        ("UPDATE record SET seq = 7 WHERE seq = 1", [1, 3]),
    ],
    ids=["the outbox", "one that waits", "one that never was", "one that was delivered"],
)
def test_a_key_that_lost_a_bit_beside_the_records_costs_none_that_waits(
    change: str, leave: list[int], tmp_path: Path
) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting(n) for n in range(3)])
        store.mark_delivered([Mark(1), Mark(2)])
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute(change)
    with closing(open_store(tmp_path)) as store:
        assert seqs(drained(store)) == leave


def test_a_record_of_a_kind_to_come_is_named_and_not_taken_for_damaged(store: Store, tmp_path: Path) -> None:
    store.commit([sighting()])
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        body = cbor2.loads(db.execute("SELECT body FROM record").fetchone()[0])
        body[RECORDS][0][KIND] = 77
        of_later = cbor2.dumps(body)
        db.execute("UPDATE record SET body = ?, crc = ?", (of_later, crc32(of_later)))
    with pytest.raises(StoreError, match="kind 77 was written by a newer Fieldeye"):
        store.next_batch()
    assert store.give_up_damaged(instant()) == 0


def test_an_index_that_a_flipped_bit_set_against_its_table_is_made_anew_at_the_next_start(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting(n) for n in range(5)])
    spoil_a_record_and_its_index(tmp_path / "fieldeye.db")
    with pytest.raises(StoreError, match="damaged"):
        inspect_store(StoreTable(folder=str(tmp_path)), has_broker=False)
    with closing(open_store(tmp_path)) as again:
        assert (again.epoch, seqs(all_records(again))) == (store.epoch, [2, 3, 4, 5])
        assert again.give_up_damaged(instant()) == 1


@pytest.mark.parametrize(
    "flip",
    [
        "UPDATE waiting SET priority = 2 WHERE seq = 4",
        "UPDATE waiting SET priority = 7 WHERE seq = 4",
        "UPDATE waiting SET seq = 12 WHERE seq = 4",
        "UPDATE record SET priority = 2 WHERE seq = 4",
    ],
)
def test_a_record_that_a_flipped_bit_parted_from_its_place_in_the_outbox_is_sent_once(
    tmp_path: Path, flip: str
) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting(n) for n in range(5)])
        store.mark_delivered(marks([2]))
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute(flip)
    with closing(open_store(tmp_path)) as store:
        assert seqs(store.next_batch()) == [1, 3, 4, 5]
        store.commit([sighting(n) for n in range(10)])
        store.mark_delivered(marks(range(1, 16)))
        assert store.waiting().records == 0


def test_a_flipped_bit_in_the_count_of_records_or_questions_gives_no_number_twice(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        store.commit([sighting(n) for n in range(5)])
        asked = [store.ask_station(instant(), JPEG).id for _ in range(3)]
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute("UPDATE sqlite_sequence SET seq = 1")
    with closing(open_store(tmp_path)) as store:
        assert [store.commit([sighting()])[0].seq for _ in range(2)] == [6, 7]
        asked += [store.ask_station(instant(), JPEG[:2] + JPEG).id for _ in range(2)]
        assert [name[-2:] for name in asked] == ["q1", "q2", "q3", "q4", "q5"]
        assert store.question_photo(asked[1]) == JPEG


def test_a_reserve_that_a_power_cut_left_empty_is_set_apart_at_the_next_start(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    os.truncate(tmp_path / "reserve", 0)
    open_store(tmp_path).close()
    assert (tmp_path / "reserve").stat().st_size == RESERVE_BYTES


def test_a_disk_with_less_room_than_the_store_may_take_is_told_before_the_node_starts(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"MB free, store.max_mb is 999999999; free some space"):
        inspect_store(StoreTable(folder=str(tmp_path), max_mb=999_999_999), has_broker=False)


def test_a_store_that_has_most_of_its_room_already_needs_only_the_rest_free() -> None:
    said = run_on_small_disk("-c", DISK + HALF_FULL)
    assert re.search(r"sound, 8000 records, \d MB free\n.*: only \d MB free, store.max_mb is 64; free some space", said)


def test_a_file_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer"):
        open_store(tmp_path)
    assert not list(tmp_path.glob("*damaged*"))


def add_a_table(db: sqlite3.Connection) -> None:
    """A step of a version to come, beside which this one may write."""
    db.execute("CREATE TABLE extra (seq INTEGER PRIMARY KEY)")
    db.execute("ALTER TABLE record ADD COLUMN extra INTEGER NOT NULL DEFAULT 0")
    db.execute(f"PRAGMA application_id = {max(STEPS)}")


def rename_a_table(db: sqlite3.Connection) -> None:
    """One beside which it may not."""
    db.execute("ALTER TABLE extra RENAME TO other")


def bring(folder: Path, *steps: Callable[[sqlite3.Connection], None]) -> None:
    with closing(sqlite3.connect(folder / "fieldeye.db", isolation_level=None)) as db:
        migrate(db, {**STEPS, **dict(enumerate(steps, start=max(STEPS) + 1))})


def test_the_former_program_goes_on_with_a_newer_file_that_lets_it_and_the_newer_finds_all(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        epoch = store.commit([sighting()])[0].epoch
    bring(tmp_path, add_a_table)
    with closing(open_store(tmp_path)) as store:
        assert [(one.seq, one.epoch) for one in store.commit([interval(), lost(1, 2)])] == [(2, epoch), (3, epoch)]
        assert store.waiting().records == 3
    bring(tmp_path, add_a_table)
    with closing(open_store(tmp_path)) as store:
        assert [one.record for one in all_records(store)] == [sighting(), interval(), lost(1, 2)]


def test_a_step_that_does_not_let_the_former_program_go_on_ends_the_leave_of_those_before(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    for _ in ("the update", "its next start"):
        bring(tmp_path, add_a_table, rename_a_table)
    with pytest.raises(StoreNewerError, match=r"fieldeye\.db: written by a newer .* \(version 6, this one knows 4"):
        open_store(tmp_path)
    with pytest.raises(StoreNewerError):
        inspect_store(StoreTable(folder=str(tmp_path), max_mb=2), has_broker=False)
    assert not list(tmp_path.glob("*damaged*"))


def test_what_was_told_is_there_after_a_kill_at_any_instant(tmp_path: Path) -> None:
    told: set[int] = set()
    for after_s in instants(3, 0.3, seed=1):
        told |= told_seqs(run_and_kill("tests.faults.writer", str(tmp_path), after_s=after_s))
        check_survived(tmp_path, told)
    assert not list(tmp_path.glob("*damaged*"))


def check_survived(folder: Path, told: set[int]) -> None:
    """All that was told is there, unchanged and without a gap, and every picture that is named is whole."""
    with closing(open_store(folder)) as store:
        there = all_records(store)
        assert seqs(there) == list(range(1, len(there) + 1))
        assert told <= set(seqs(there))
        for one in there:
            if isinstance(one.record, Sighting):
                assert one.record.count == one.key.seq
                assert one.record.picture is None or store.picture(one.record.picture) in (None, bytes(range(256)) * 16)


DISK = """
import os, shutil, signal, sys
from pathlib import Path
from edge.clock import ClockState
from edge.config import StoreTable
from edge.errors import StoreError
from edge.store import Draft, Entry, Store
from tests.clocks import NOON
from tests.records import instant, interval, marks, sighting
folder = Path(os.environ["DISK"])
signal.alarm(120)

def fill(name="filler"):
    free = shutil.disk_usage(folder).free
    if free:
        with (folder / name).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free)

def small_store(intervals):
    store = Store(StoreTable(folder=str(folder), max_mb=64), "n1")
    for n in range(intervals):
        store.commit([interval(n)])
    for n in range(300):  # which nothing sheds
        store.note_audit(Entry(utc=NOON, who="broker", what="replay 1-20", outcome="accepted", command=f"{n:032x}"))
    return store

def losses(store):
    return sum(one.record.count for one in store.records_between_seq(1, 10**9) if type(one.record).__name__ == "Lost")
"""
FILLED = """
store = Store(StoreTable(folder=str(folder), max_mb=64, pictures_mb=64), "n1")
committed = set()
for n in range(700):
    committed |= {key.seq for key in store.commit([sighting(n) for _ in range(20)], bytes(12000) if n < 150 else None)}
    if n == 250:
        try:
            (folder / "filler").write_bytes(bytes(20_000_000))  # somebody else takes all the rest
        except OSError:
            pass
there = store.records_between_seq(1, 10**9)
gone = committed - {one.key.seq for one in there}
lost = sum(one.record.count for one in there if type(one.record).__name__ == "Lost")
assert len(gone) == lost == store.health().lost, (len(gone), lost)
store.mark_delivered(marks(range(1, 10**5)))
store.close()
assert Store(StoreTable(folder=str(folder), max_mb=64), "n1").commit([sighting()])
print("committed", len(committed), "gone", len(gone))
"""
SPENT = """
store = Store(StoreTable(folder=str(folder), max_mb=64, pictures_mb=64), "n1")
for n in range(3):
    store.commit([sighting(n)], bytes(1_000_000))
for n in range(2):
    fill(f"filler{n}")
    store.commit([sighting()], bytes(1_000_000))
    print(sorted(path.stem.partition("-")[2] for path in (folder / "pictures").iterdir()), end=" ")
"""
REOPENED = """
if os.fork() == 0:
    store = Store(StoreTable(folder=str(folder), max_mb=64), "n1")
    for n in range(100):
        store.commit([sighting(n) for _ in range(20)], bytes(60_000) if sys.argv[1] == "pictures" else None)
    store.mark_delivered(marks(range(1, 1001)))
    (folder / "epoch").write_text(store.epoch.hex)
    if sys.argv[1] != "cut":
        store.close()
    os._exit(0)
os.wait()
try:
    (folder / "filler").write_bytes(bytes(20_000_000))
except OSError:
    pass
store = Store(StoreTable(folder=str(folder), max_mb=64), "n1")
assert store.epoch.hex == (folder / "epoch").read_text()
assert store.waiting().records == 1000
print("opened", "with" if (folder / "reserve").exists() else "without", "a reserve,", end=" ")
for n in range(200):
    store.commit([sighting(n) for _ in range(20)])
print("lost", "none" if store.health().lost == 0 else "some", end=" ")
(folder / "filler").unlink()
store.commit([sighting()])
assert (folder / "reserve").exists()
"""
RESTARTED = """
small_store(24).close()
fill()
for start in range(12):
    store = Store(StoreTable(folder=str(folder), max_mb=64), "n1")
    for n in range(200):
        last = store.commit([interval(n)])[0].seq
    assert last - len(store.records_between_seq(1, last)) == losses(store) == store.health().lost
    assert not (folder / "reserve").exists()
    store.close()
(folder / "filler").unlink()
Store(StoreTable(folder=str(folder), max_mb=64), "n1").commit([interval()])
assert (folder / "reserve").exists()
print("kept the newest of", last)
"""
FED = """
def commit(store, first):
    for n in range(first, first + 40):
        names = tuple(f"trap-{n}-{picture}.jpg" for picture in range(12))  # nothing sheds these either
        store.commit_interval(interval(n), Draft(seq=None, state=os.urandom(400), pictures=names))

def one_run(first):
    if os.fork():
        return os.wait()[1]
    signal.alarm(60)  # a child has none
    store = Store(StoreTable(folder=str(folder), max_mb=64), "n1")
    try:
        commit(store, first)
    except StoreError as why:
        assert "the disk is full; free some space on it" in str(why), why
    os._exit(0)  # as a power cut

assert one_run(0) == 0
fill()
for start in range(1, 30):
    assert one_run(40 * start) == 0, start
(folder / "filler").unlink()
commit(Store(StoreTable(folder=str(folder), max_mb=64), "n1"), 10**4)
"""
CONNECTED = """
store = small_store(0)
fill()
for n in range(400):
    store.mark_delivered(marks([store.commit([interval(n)])[0].seq]))
print("lost", store.health().lost)
"""
SCARCE = """
small_store(24).close()
fill()
Store(StoreTable(folder=str(folder), max_mb=64), "n1").close()
assert not (folder / "reserve").exists()
os.truncate(folder / "filler", (folder / "filler").stat().st_size - 2_500_000)
store = Store(StoreTable(folder=str(folder), max_mb=64), "n1")
for n in range(20):
    store.commit([interval(n) for n in range(100)])
assert not (folder / "reserve").exists()
print("lost", store.health().lost)
"""
REFUSED = """
store = small_store(24)
fill()
many = [sighting(n) for n in range(5000)]
try:
    store.commit(many)
except StoreError as why:
    print("refused:", why)
assert len(store.records_between_seq(1, 10**9)) == 24 and store.health().lost == 0
(folder / "filler").unlink()
assert store.commit(many)[0].seq == 25
"""
TAKEN = """
store = Store(StoreTable(folder=str(folder), max_mb=64), "n1")
for n in range(30):
    store.commit([sighting(n) for _ in range(20)])
fill()
for n in range(200):
    last = store.commit([sighting(n)])[0].seq
    fill(f"filler{n}")
assert last - len(store.records_between_seq(1, last)) == losses(store) == store.health().lost
"""
TIMED = """
store = Store(StoreTable(folder=str(folder), max_mb=64), "n1")
store.commit([sighting(at=instant(n, ClockState.UNSYNCED)) for n in range(100)])
fill()
print("right", store.correct_clock(instant(100)))
"""
DELETED = """
store = Store(StoreTable(folder=str(folder), max_mb=64), "n1")
asked = store.ask_station(instant(), bytes.fromhex("ffd8ffd9"), note=sys.argv[1])
(folder / "questions" / f"{asked.id}.jpg").unlink()  # made room before, so it makes none now
fill()
print("deleted", store.delete_question(asked.id), store.questions())
"""
HALF_FULL = """
from edge.store import inspect_store
tables = [StoreTable(folder=str(folder), max_mb=most) for most in (6, 64)]
store = Store(tables[0], "n1")
for n in range(20):
    store.commit([interval(n) for n in range(400)])
store.close()
assert shutil.disk_usage(folder).free < 6_000_000
print(inspect_store(tables[0], has_broker=False))
try:
    inspect_store(tables[1], has_broker=False)
except StoreError as why:
    print(why)
"""
READ_ONLY = """
from edge.store import inspect_store
Store(StoreTable(folder=str(folder)), "n1").close()
os.system("mount -o remount,ro " + str(folder))
for tried in (lambda table: Store(table, "n1"), lambda table: inspect_store(table, has_broker=False)):
    try:
        tried(StoreTable(folder=str(folder)))
    except StoreError as why:
        print("refused:", why)
"""


def test_a_full_disk_sheds_pictures_then_old_records_and_every_loss_is_announced() -> None:
    assert "committed 14000" in run_on_small_disk("-c", DISK + FILLED, size="6m")


def test_each_time_that_the_disk_is_full_the_oldest_picture_that_is_still_there_goes() -> None:
    assert run_on_small_disk("-c", DISK + SPENT) == "['2', '3'] ['3'] "


@pytest.mark.parametrize(
    ("ending", "says"),
    [
        ("clean", "without a reserve, lost some"),
        ("cut", "without a reserve, lost some"),
        ("pictures", "with a reserve, lost none"),
    ],
)
def test_a_store_opens_on_a_full_disk_with_all_that_waits_and_goes_on(ending: str, says: str) -> None:
    assert f"opened {says}" in run_on_small_disk("-c", DISK + REOPENED, ending, size="12m")


def test_a_small_store_on_a_full_disk_keeps_its_newest_records_over_many_starts() -> None:
    assert "kept the newest of 2" in run_on_small_disk("-c", DISK + RESTARTED)


def test_a_fed_store_opens_on_a_full_disk_however_often_and_takes_pictures_again_once_there_is_room() -> None:
    run_on_small_disk("-c", DISK + FED)


def test_a_small_store_whose_records_are_delivered_goes_on_and_loses_none_on_a_full_disk() -> None:
    assert "lost 0" in run_on_small_disk("-c", DISK + CONNECTED)


def test_what_is_free_beside_room_for_a_reserve_is_used_before_a_record_is_lost() -> None:
    assert "lost 0" in run_on_small_disk("-c", DISK + SCARCE)


def test_what_does_not_fit_on_a_full_disk_is_refused_by_that_cause_until_there_is_room_and_costs_nothing() -> None:
    assert "5000 records do not fit: the disk is full; free some space on it" in run_on_small_disk("-c", DISK + REFUSED)


def test_a_store_goes_on_where_others_take_the_room_that_it_gave_back() -> None:
    run_on_small_disk("-c", DISK + TAKEN)


def test_times_are_put_right_on_a_full_disk() -> None:
    assert "right 100" in run_on_small_disk("-c", DISK + TIMED)


@pytest.mark.parametrize("note", ["x", "稻" * 500], ids=["with room to say so", "and where its pages need more"])
def test_a_question_is_deleted_on_a_full_disk(note: str) -> None:
    assert "deleted True []" in run_on_small_disk("-c", DISK + DELETED, note)


def test_a_read_only_disk_is_named_in_a_sentence_by_node_and_doctor() -> None:
    said = run_on_small_disk("-c", DISK + READ_ONLY).splitlines()
    assert ["check the mount" in line for line in said] == [True, True]


def test_a_commit_that_fails_for_another_cause_than_a_full_disk_costs_neither_a_picture_nor_the_reserve(
    store: Store, tmp_path: Path
) -> None:
    store.commit([sighting()], JPEG)
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db:
        db.execute("ALTER TABLE waiting RENAME TO away")
    with pytest.raises(StoreError, match="no such table"):
        store.commit([sighting()])
    assert store.picture(f"{store.epoch.hex[:8]}-1") == JPEG
    assert (tmp_path / "reserve").exists()


def test_a_picture_that_cannot_be_kept_does_not_cost_the_record_nor_another_picture(
    store: Store, tmp_path: Path
) -> None:
    store.commit([sighting()], JPEG)
    put_in_the_way(tmp_path / "pictures" / f"{store.epoch.hex[:8]}-2.jpg")
    assert store.commit([sighting()], JPEG)
    assert all_records(store)[1].record == sighting()
    assert store.picture(f"{store.epoch.hex[:8]}-1") == JPEG
