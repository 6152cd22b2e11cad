"""Accounts beside the records: private, set aside when damaged, shared with a command beside the node."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import MEGABYTE, StoreTable
from edge.errors import StoreError
from edge.page.accounts.attempts import pause_s
from edge.store import Account, Accounts, Deed, Store
from edge.store.accounts import CAP, NAME, SESSIONS_EACH
from edge.store.decisions import NAME as DECISIONS
from edge.store.decisions import Decisions
from edge.store.file import sentences
from tests.clocks import NOON, SetClock
from tests.faults.bad_sector import run_on_bad_sector
from tests.faults.small_disk import run_on_small_disk
from tests.records import sighting
from tests.slow_card import stalled_commits

LI = Account(name="Li", role="technician", hash="$argon2id$…")


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    with closing(Accounts(tmp_path)) as opened:
        yield opened


def test_the_file_is_its_owners_alone(accounts: Accounts, tmp_path: Path) -> None:
    accounts.claim(LI, NOON)
    assert {file.stat().st_mode & 0o777 for file in tmp_path.glob(f"{NAME}*")} == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()
    (tmp_path / NAME).chmod(0o644)
    with closing(Accounts(tmp_path)) as accounts:
        accounts.claim(LI, NOON)
        assert {file.stat().st_mode & 0o777 for file in tmp_path.glob(f"{NAME}*")} == {0o600}


def test_what_a_link_in_its_place_points_to_keeps_its_mode(tmp_path: Path) -> None:
    """As root, `fieldeye reset-password` closed it to all others: of `/`, the whole machine."""
    other = tmp_path / "other"
    other.mkdir(0o755)
    (tmp_path / NAME).symlink_to(other)
    with pytest.raises(StoreError, match=f"{NAME}: is a link; "):
        Accounts(tmp_path)
    assert other.stat().st_mode & 0o777 == 0o755


def test_a_node_with_an_account_is_claimed_however_it_came(accounts: Accounts) -> None:
    assert not accounts.is_claimed()
    accounts.put(LI, NOON)
    assert accounts.is_claimed()
    accounts.remove("Li")
    assert accounts.is_claimed()


@pytest.mark.parametrize("name", ["Li", "Élodie", "Đức", "Иван"])
def test_names_are_known_in_any_case_with_accents_apart_too_and_only_once(accounts: Accounts, name: str) -> None:
    accounts.put(replace(LI, name=name), NOON)
    accounts.begin(b"phone", name, NOON)
    accounts.put(Account(name=name.lower(), role="farmer", hash="other"), NOON)
    (one,) = accounts.everybody()
    assert (one.name, one.role) == (name, "farmer")
    assert accounts.account(normalize("NFD", name.upper())) == one
    assert accounts.session(b"phone") is None


def test_of_two_people_whose_names_differ_in_their_case_alone_each_stays_who_they_are(
    accounts: Accounts, tmp_path: Path
) -> None:
    accounts.put(replace(LI, name="Élodie"), NOON)
    with closing(sqlite3.connect(tmp_path / NAME)) as as_it_was, as_it_was:
        as_it_was.execute("INSERT INTO account VALUES ('élodie', 'farmer', 'other')")
    assert [accounts.account(name) for name in ("Élodie", "élodie")] == accounts.everybody()


def test_an_account_is_printed_without_its_hash() -> None:
    assert str(LI) == "Account(name='Li', role='technician', hash=***)"


def test_of_two_claims_at_once_one_wins(accounts: Accounts, tmp_path: Path) -> None:
    won: list[str] = []

    def claim(name: str) -> None:
        with closing(Accounts(tmp_path)) as own:
            try:
                own.claim(Account(name=name, role="technician", hash="x"), NOON)
            except StoreError:
                return
            won.append(name)

    both = [Thread(target=claim, args=(name,)) for name in ("li", "eve")]
    for one in both:
        one.start()
    for one in both:
        one.join(20)
    assert len(won) == 1
    assert [one.name for one in accounts.everybody()] == won


def test_of_two_technicians_who_remove_each_other_at_once_one_stays(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("li", "wang"):
        accounts.put(replace(LI, name=name), NOON)
    with ThreadPoolExecutor(2) as taps, stalled_commits(monkeypatch) as is_waiting:
        first = taps.submit(accounts.remove, "wang", keep_one="technician")
        assert is_waiting.wait(20)
        second = taps.submit(accounts.put, replace(LI, role="farmer"), NOON, keep_one="technician")
        assert [one.name for one in accounts.everybody()] == ["li", "wang"], "nobody who reads waits for the card"
    assert (first.result(20), second.result(20)) == (True, False)
    assert accounts.everybody() == [replace(LI, name="li")]


def test_the_only_one_of_a_role_may_be_changed_in_anything_else_and_others_may_go(accounts: Accounts) -> None:
    accounts.put(LI, NOON)
    accounts.put(Account(name="wang", role="farmer", hash="x"), NOON)
    assert accounts.put(replace(LI, hash="y"), NOON, keep_one="technician")
    assert accounts.remove("wang", keep_one="technician")
    assert not accounts.remove("li", keep_one="technician")
    assert accounts.everybody() == [replace(LI, hash="y")]


@pytest.mark.parametrize("meanwhile", [None, replace(LI, role="farmer"), replace(LI, hash="given by somebody else")])
def test_a_new_password_undoes_nothing_that_somebody_else_did_to_the_account_meanwhile(
    meanwhile: Account | None, accounts: Accounts
) -> None:
    accounts.put(LI, NOON)
    if meanwhile is None:
        accounts.remove("Li")
    else:
        accounts.put(meanwhile, NOON)
    assert not accounts.change_hash(LI, "of their own")
    assert accounts.account("Li") == meanwhile


def test_a_damaged_file_is_set_aside_and_the_records_stay(tmp_path: Path) -> None:
    table = StoreTable(folder=str(tmp_path))
    with closing(Store(table, "n1")) as store:
        store.accounts.claim(LI, NOON)
        store.commit([sighting()])
        epoch = store.epoch
    for beside in tmp_path.glob(f"{NAME}-*"):
        beside.unlink()
    (tmp_path / NAME).write_bytes(b"not a database at all " * 400)
    with closing(Store(table, "n1")) as store:
        assert not store.accounts.is_claimed()  # the code on the label opens it again
        assert store.epoch == epoch
        assert len(store.latest_sightings(9)) == 1
    assert (tmp_path / f"{NAME}.damaged-1").exists()
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", [NAME, DECISIONS])
def test_a_small_file_that_cannot_be_used_takes_no_results_off_the_card(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with closing(Store(StoreTable(folder=str(tmp_path)), "n1")) as store:
        store.commit([sighting()])
        unusable = store.accounts.unusable + store.decisions.unusable
    assert unusable.startswith(f"{tmp_path / name}: cannot open the ")
    with closing(Store(StoreTable(folder=str(tmp_path)), "n1")) as store:
        assert len(store.latest_sightings(9)) == 1


@pytest.mark.parametrize("of_card", [True, False])
def test_where_accounts_cannot_be_used_nobody_claims_the_node(tmp_path: Path, of_card: bool) -> None:
    card, memory = tmp_path / "card", tmp_path / "memory"
    (card / NAME).mkdir(parents=True)
    folder = card if of_card else memory
    with closing(Store(StoreTable(folder=str(folder)), "n1", accounts=card)) as store:
        assert store.accounts.is_claimed()
        with pytest.raises(StoreError, match="this node is claimed already"):
            store.accounts.claim(LI, NOON)


UNREAD = """
import sys
from tests.test_accounts import Store, StoreTable
store = Store(StoreTable(folder=sys.argv[1]), "n1")
print(store.accounts.is_claimed(), store.accounts.unusable)
"""


def test_accounts_that_the_disk_did_not_read_once_are_there_again_at_the_next_start(tmp_path: Path) -> None:
    with closing(Store(StoreTable(folder=str(tmp_path)), "n1")) as store:
        store.accounts.claim(LI, NOON)
    said = run_on_bad_sector(tmp_path / NAME, "-c", UNREAD, tmp_path)
    assert said.startswith(f"True {tmp_path / NAME}: cannot open the accounts (disk I/O error)")
    assert said.endswith("replace the memory card, then restart the node\n")
    with closing(Store(StoreTable(folder=str(tmp_path)), "n1")) as store:
        assert store.accounts.everybody() == [LI]


def test_a_person_keeps_the_ten_phones_that_were_used_last(accounts: Accounts) -> None:
    clock = SetClock()
    accounts.put(LI, clock.utc)
    for number in range(SESSIONS_EACH + 3):
        clock.advance(60)
        accounts.begin(bytes([number]), "Li", clock.utc)
    kept = [number for number in range(SESSIONS_EACH + 3) if accounts.session(bytes([number])) is not None]
    assert kept == list(range(3, SESSIONS_EACH + 3))


def test_the_phone_that_was_longest_away_goes_though_it_was_the_last_to_come(accounts: Accounts) -> None:
    accounts.put(LI, NOON)
    for number in range(SESSIONS_EACH):
        accounts.begin(bytes([number]), "Li", NOON + timedelta(minutes=number))
    for number in range(SESSIONS_EACH - 1):
        accounts.used(bytes([number]), begun=NOON, used=NOON + timedelta(hours=1))
    accounts.begin(b"new", "Li", NOON + timedelta(hours=2))
    gone = [number for number in range(SESSIONS_EACH) if accounts.session(bytes([number])) is None]
    assert gone == [SESSIONS_EACH - 1]


@pytest.mark.parametrize("since_the_others_s", [-300, 0])
def test_the_phone_that_comes_is_logged_in_though_the_clock_was_set_back(
    accounts: Accounts, since_the_others_s: int
) -> None:
    accounts.put(LI, NOON)
    for number in range(1, SESSIONS_EACH + 1):
        accounts.begin(bytes([number]), "Li", NOON)
    accounts.begin(b"\xff", "Li", NOON + timedelta(seconds=since_the_others_s))
    assert accounts.session(b"\xff") is not None
    assert [accounts.session(bytes([number])) for number in range(1, SESSIONS_EACH + 1)].count(None) == 1


def test_many_phones_of_one_person_log_nobody_else_out(accounts: Accounts) -> None:
    accounts.put(LI, NOON)
    accounts.put(Account(name="Ana", role="farmer", hash="x"), NOON)
    accounts.begin(b"Ana's", "Ana", NOON)
    for number in range(SESSIONS_EACH + 1):
        accounts.begin(bytes([number]), "Li", NOON + timedelta(minutes=number))
    accounts.begin(b"Ana's other", "Ana", NOON)
    assert accounts.session(b"Ana's") is not None


def test_a_session_of_nobody_cannot_be_begun(accounts: Accounts) -> None:
    with pytest.raises(StoreError):
        accounts.begin(b"x", "nobody", NOON)


def test_failures_are_forgotten_after_a_day_without_another(accounts: Accounts) -> None:
    accounts.failed(("10.0.0.7",), NOON)
    accounts.failed(("10.0.0.8",), NOON + timedelta(hours=25))
    assert accounts.failures("10.0.0.7", NOON + timedelta(hours=25))[0] == 0
    assert accounts.failures("10.0.0.8", NOON + timedelta(hours=26)) == (1, 3600.0)


def test_the_right_password_forgives_the_address_that_it_came_from_alone(accounts: Accounts) -> None:
    accounts.failed(("10.0.0.7", "10.0.0.8"), NOON)
    accounts.forgive("10.0.0.7")
    assert [accounts.failures(source, NOON)[0] for source in ("10.0.0.7", "10.0.0.8")] == [0, 1]


@given(failures=st.integers(0, 10_000), since_s=st.floats(0, 1e6), free=st.integers(1, 50))
def test_a_pause_grows_with_failures_shrinks_with_time_and_has_an_end(failures: int, since_s: float, free: int) -> None:
    pause = pause_s(failures, since_s, free, 900.0)
    assert 0 <= pause <= 900
    assert pause_s(failures + 1, since_s, free, 900.0) >= pause
    assert pause_s(failures, since_s + 1, free, 900.0) <= pause
    assert (pause == 0) == (failures < free or since_s >= pause_s(failures, 0, free, 900.0))


def test_what_the_file_does_not_take_is_told_with_a_sentence(accounts: Accounts) -> None:
    accounts.close()
    with pytest.raises(StoreError, match=rf"{NAME}: cannot keep the account Li \(.*\): see the log$"):
        accounts.put(LI, NOON)


def test_the_file_has_a_bound_however_many_attempts_fail(accounts: Accounts) -> None:
    with pytest.raises(StoreError, match=f"{NAME}: cannot keep a failed attempt .*: it takes no more than 4 MB; wait"):
        accounts.failed(("x" * CAP.max_mb * MEGABYTE,), NOON)
    accounts.put(LI, NOON)
    assert accounts.everybody() == [LI]


@pytest.mark.parametrize("kept", [Accounts, Decisions])
def test_who_asks_does_not_wait_while_a_card_keeps_whoever_writes_and_then_sees_what_was_written(
    kept: type[Accounts | Decisions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(who: str) -> None:
        if isinstance(file, Accounts):
            file.put(replace(LI, name=who), NOON)
        else:
            file.do(who, Deed(who, NOON))

    def ask() -> None:
        told.append(file.account("Li") if isinstance(file, Accounts) else file.deed("Li"))
        answered.set()

    answered, told = Event(), list[object]()
    with closing(kept(tmp_path)) as file:
        with stalled_commits(monkeypatch) as is_waiting:
            writer = Thread(target=write, args=("Li",))
            writer.start()
            assert is_waiting.wait(20)
            Thread(target=ask).start()
            assert answered.wait(20)
        writer.join(20)
        ask()
    assert [one is not None for one in told] == [False, True]


def test_a_file_that_the_node_may_be_writing_to_is_to_be_tried_again(accounts: Accounts, tmp_path: Path) -> None:
    accounts.put(LI, NOON)
    path = tmp_path / NAME
    with closing(sqlite3.connect(path)) as node, closing(sqlite3.connect(path, timeout=0)) as beside:
        node.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="try again in a minute"), sentences(path, "keep the account"):
            beside.execute("BEGIN IMMEDIATE")


FULL = """
import os, shutil
from pathlib import Path
from edge.errors import StoreError
from edge.store import Accounts
from tests.clocks import NOON
folder = Path(os.environ["DISK"])
accounts = Accounts(folder)
with (folder / "filler").open("wb") as file:
    os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(folder).free)
try:
    for n in range(10_000):
        accounts.failed((f"192.168.4.{n}",), NOON)
except StoreError as why:
    print(why)
"""


def test_a_disk_that_is_full_is_told_as_such() -> None:
    assert run_on_small_disk("-c", FULL).strip().endswith("the disk is full; free some space on it")


NEARLY_FULL = """
import os, shutil
from pathlib import Path
from tests.test_accounts import Store, StoreTable, sighting
folder = Path(os.environ["DISK"])
table = StoreTable(folder=str(folder))
store = Store(table, "n1")
for n in range(40):
    store.commit([sighting(n)], bytes(50_000))
store.close()
(folder / "reserve").unlink()
with (folder / "filler").open("wb") as file:
    os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(folder).free - 40_960)
store = Store(table, "n1")
print([store.accounts.unusable, store.decisions.unusable])
"""


def test_on_a_full_disk_accounts_and_decisions_are_opened_in_the_room_that_pictures_give_back() -> None:
    assert run_on_small_disk("-c", NEARLY_FULL).strip() == "['', '']"
