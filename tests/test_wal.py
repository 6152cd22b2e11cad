"""A spoiled place in the store's log costs the page that lay there, not all that was committed behind it."""

import logging
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from edge.config import StoreTable
from edge.store import Store
from edge.store.file import PAGE_BYTES
from edge.store.wal import mend_log
from tests.records import interval, sighting

COMMITS = 120
FRAME = 24 + PAGE_BYTES
LOG = "fieldeye.db-wal"
Spoil = Callable[[bytearray], None]


def open_store(folder: Path) -> Store:
    return Store(StoreTable(folder=str(folder)), "n1")


def committed(store: Store, folder: Path, commits: int = COMMITS) -> Iterator[bytes]:
    """The log after each commit, as a power cut would leave it."""
    for number in range(commits):
        store.commit([interval(float(number)) if number % 5 == 4 else sighting(float(number), count=number)])
        yield (folder / LOG).read_bytes()


def cut_off(store: Store, folder: Path, cut: Path) -> Path:
    """A copy of the folder at this instant."""
    shutil.copytree(folder, cut, ignore=shutil.ignore_patterns("*-shm", "lock"))
    store.close()
    return cut / LOG


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Of a node whose power was cut, with all of its commits."""
    store = open_store(tmp_path / "node")
    for _ in committed(store, tmp_path / "node"):
        pass
    return cut_off(store, tmp_path / "node", tmp_path / "cut")


def flip(at: int, bit: int = 0) -> Spoil:
    def spoil(log: bytearray) -> None:
        log[at] ^= 1 << bit

    return spoil


def wipe(at: int, until: int) -> Spoil:
    def spoil(log: bytearray) -> None:
        log[at:until] = bytes(until - at)

    return spoil


def both(one: Spoil, other: Spoil) -> Spoil:
    def spoil(log: bytearray) -> None:
        one(log)
        other(log)

    return spoil


A_FRAME = 32 + 3 * FRAME
SPOILED = {
    "a page": flip(A_FRAME + 24 + 700, 5),
    "a frame's checksum": flip(A_FRAME + 17, 2),
    "a frame's salt": flip(A_FRAME + 9, 1),
    "which page it is, out of the file": flip(A_FRAME, 6),
    "the first frame": flip(40, 3),
    "the log's magic number": flip(0, 4),
    "the log's page size": flip(10, 2),
    "the log's salt": flip(18, 7),
    "the log's checksum": flip(30, 0),
    "two places": both(flip(A_FRAME + 500), flip(A_FRAME + 40 * FRAME)),
}


@pytest.mark.parametrize("what", SPOILED)
def test_what_was_committed_behind_a_spoiled_place_in_the_log_is_still_there(
    what: str, log: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    spoiled = bytearray(log.read_bytes())
    SPOILED[what](spoiled)
    log.write_bytes(spoiled)
    with closing(open_store(log.parent)) as store:
        assert [one.key.seq for one in store.records_between_seq(1, 10**6)] == list(range(1, COMMITS + 1))
        assert store.commit([sighting()])[0].seq == COMMITS + 1
        assert store.session_number() == 2
    assert "log_mended" in caplog.messages
    assert not list(log.parent.glob("*damaged*"))


@pytest.mark.parametrize("at", [13, 32 + 24 + 1000], ids=["the log's header", "the first page"])
def test_a_log_of_two_commits_of_a_page_is_mended_too(at: int, tmp_path: Path) -> None:
    """As a setting leaves it that is the first to be written behind what was emptied."""
    store = open_store(tmp_path / "node")
    store._db.execute("PRAGMA wal_checkpoint(RESTART)")  # noqa: SLF001
    for value in ("one", "two"):
        store.set_setting("name", value)
    log = cut_off(store, tmp_path / "node", tmp_path / "cut")
    spoiled = bytearray(log.read_bytes())
    flip(at, 2)(spoiled)
    log.write_bytes(spoiled)
    with closing(open_store(log.parent)) as again:
        assert again.setting("name") == "two"


def test_no_spoiled_log_keeps_a_node_from_starting(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chance, folder = random.Random(1), tmp_path / "cut"
    store = open_store(tmp_path / "node")
    store._db.execute("PRAGMA wal_checkpoint(RESTART)")  # noqa: SLF001
    logs = list(committed(store, tmp_path / "node", 20))
    cut_off(store, tmp_path / "node", folder)
    for _ in range(400):
        spoiled = bytearray(chance.choice(logs))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(chance.choice([200, 3000, len(spoiled)]))
            chance.choice([flip(at, chance.randrange(8)), wipe(at // 512 * 512, at // 512 * 512 + 512)])(spoiled)
        (folder / LOG).write_bytes(spoiled[: len(logs[-1])])
        mend_log(folder / "fieldeye.db")
    with closing(open_store(folder)) as again:
        assert again.commit([sighting()])
    assert "log_not_mended" not in caplog.messages


@pytest.mark.parametrize("size", [512, 4096])
def test_a_wiped_sector_of_the_log_gives_no_number_twice(size: int, log: Path) -> None:
    """The file stands with all numbers or is set aside as damaged, with a new epoch: never both the same."""
    whole, kept = log.read_bytes(), 0
    for at in range(0, len(whole) - 40 * FRAME, len(whole) // 20 // size * size):
        spoiled = bytearray(whole)
        wipe(at, at + size)(spoiled)
        folder = log.parent.with_name(f"wiped-{at}")
        shutil.copytree(log.parent, folder)
        (folder / LOG).write_bytes(spoiled)
        with closing(open_store(folder)) as store:
            is_set_aside = bool(list(folder.glob("*damaged-1")))
            assert store.commit([sighting()])[0].seq == (1 if is_set_aside else COMMITS + 1)
            kept += not is_set_aside
    assert kept >= 15


def test_a_sound_log_and_one_torn_by_a_power_cut_are_left_as_they_are(tmp_path: Path) -> None:
    """At any byte of a commit: what SQLite makes of it is right, as nothing was begun behind it."""
    chance, cut = random.Random(5), tmp_path / "cut"
    cut.mkdir()
    store = open_store(tmp_path / "node")
    (cut / "fieldeye.db").write_bytes((tmp_path / "node" / "fieldeye.db").read_bytes())
    logs = list(committed(store, tmp_path / "node", 400))  # the log is emptied on the way, and begins anew over the old
    store.close()
    assert any(len(before) == len(after) for before, after in pairwise(logs))
    for before, after in pairwise(logs[::9]):
        begun = next((at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), len(before))
        torn = chance.randrange(begun, len(after) + 1)
        for sound in (after, after[:torn] + before[torn:]):
            (cut / LOG).write_bytes(sound)
            assert not mend_log(cut / "fieldeye.db")
            assert (cut / LOG).read_bytes() == sound


def test_a_file_whose_page_size_the_card_spoiled_is_set_aside_as_ever(log: Path) -> None:
    file = log.with_name("fieldeye.db")
    spoiled = bytearray(file.read_bytes())
    flip(17, 1)(spoiled)
    file.write_bytes(spoiled)
    log.write_bytes(b"no log" * 5000)
    with closing(open_store(log.parent)) as store:
        assert store.commit([sighting()])[0].seq == 1
    assert list(log.parent.glob("*damaged-1"))


def test_power_that_is_cut_while_a_log_is_mended_costs_nothing(log: Path) -> None:
    spoiled, file = bytearray(log.read_bytes()), log.with_name("fieldeye.db")
    flip(A_FRAME + 500)(spoiled)
    log.write_bytes(spoiled)
    assert mend_log(file)
    mended = log.read_bytes()
    for at in range(A_FRAME, len(mended), len(mended) // 7):
        log.write_bytes(mended[:at] + spoiled[at:])
        mend_log(file)
        assert log.read_bytes() == mended
