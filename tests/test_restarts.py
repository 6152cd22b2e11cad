"""A node knows why it ended the last time, and gives up looking before it wears out its card."""

from contextlib import closing
from pathlib import Path

import pytest

from edge.config import StoreTable
from edge.errors import StoreError, ThreadStuckError
from edge.node.restarts import ASKED, BAD_ENDS, UNSAID, Run, Runs, end_too_fast
from edge.store import Store
from tests.clocks import SetClock


@pytest.fixture
def store(tmp_path: Path):
    kept = Store(StoreTable(folder=str(tmp_path)), "n1")
    yield kept
    kept.close()


def test_the_first_start_has_no_last_stop(store: Store) -> None:
    assert Runs(store, SetClock().now()).last_stop is None


def test_a_run_that_was_told_to_stop_says_so_at_the_next_start(store: Store) -> None:
    with Runs(store, SetClock().now()):
        pass
    assert Runs(store, SetClock().now()).last_stop == ASKED


def test_a_run_that_ended_by_a_fault_names_it(store: Store) -> None:
    with pytest.raises(KeyError), Runs(store, SetClock().now()):
        raise KeyError("luma")
    assert Runs(store, SetClock().now()).last_stop == "fault: KeyError: 'luma'"


def test_a_card_that_does_not_take_the_end_of_a_run_hides_no_other_fault(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    unkept = StoreError("fieldeye.db: cannot commit: replace the card")
    with pytest.raises(StoreError, match="replace the card"), Runs(store, SetClock().now()), closing(store):
        raise unkept
    assert [one.message for one in caplog.records] == ["run_end_not_kept"]


def test_a_card_that_does_not_take_the_end_of_a_run_that_was_well_is_told(store: Store) -> None:
    with pytest.raises(StoreError, match="cannot keep the setting runs"), Runs(store, SetClock().now()):
        store.close()


def test_a_thread_that_is_stuck_is_a_fault_of_the_loop_and_none_of_a_stop_that_was_wanted(store: Store) -> None:
    now, stuck = SetClock().now(), ThreadStuckError("camera: bad cable")
    with pytest.raises(ThreadStuckError), Runs(store, now):
        raise stuck
    assert Runs(store, now).last_stop == "fault: ThreadStuckError: camera: bad cable"
    this = Runs(store, now)
    this.settle()
    with pytest.raises(ThreadStuckError), this:
        raise stuck
    assert Runs(store, now).last_stop == ASKED


def test_a_run_that_was_cut_off_says_that_nobody_said_why(store: Store) -> None:
    Runs(store, SetClock().now()).__enter__()
    assert Runs(store, SetClock().now()).last_stop == UNSAID


def test_a_list_that_cannot_be_read_is_no_reason_not_to_start(store: Store) -> None:
    store.set_setting("runs", "{not json")
    assert Runs(store, SetClock().now()).last_stop is None


def runs(*ends: str, every_s: float = 60.0, boot_id: str = "b") -> list[Run]:
    return [Run(boot_id=boot_id, started_s=every_s * n, ended=end) for n, end in enumerate(ends)]


@pytest.mark.parametrize(
    ("before", "now_s", "expected"),
    [
        (runs(*[""] * BAD_ENDS), 300, True),
        (runs(*["fault: OSError"] * BAD_ENDS), 300, True),
        (runs(*[""] * (BAD_ENDS - 1)), 300, False),
        (runs(*[""] * BAD_ENDS, every_s=230), 1150, True),  # by the watchdog of fieldeye.service
        (runs(*[""] * BAD_ENDS, every_s=400), 2000, False),
        (runs("", "", ASKED, "", ""), 300, False),
        (runs(*[""] * BAD_ENDS, boot_id="another"), 300, False),
        (runs(ASKED, *[""] * BAD_ENDS), 360, True),
    ],
)
def test_five_bad_ends_of_one_boot_in_half_an_hour_are_too_fast(
    before: list[Run], now_s: float, expected: bool
) -> None:
    assert end_too_fast(before, Run(boot_id="b", started_s=now_s)) is expected
