"""Who takes care of an alert, at the node: told in health, taken from `cmd/seen`, and in the way of nothing else."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from edge.advice import Measured, Period, Standing, defaults, key_of
from edge.clock import ClockState, Instant, SystemClock
from edge.config import StoreTable
from edge.errors import StoreError
from edge.mqtt.care import SOMEBODY, standing_alerts
from edge.status import StatusBoard
from edge.store import Deed, Store
from edge.store import decisions as kept
from edge.store.schema import migrate
from edge.wire import SeenCommand, encode_message, from_utc_ms, utc_ms, whole_ms
from tests.broker import Broker
from tests.clocks import BOOT
from tests.node import Platform, running, to
from tests.records import interval
from tests.test_commands import commands_of
from tests.waiting import wait_until

SINCE = datetime(2026, 7, 1, 20, 0, 0, 500_300, UTC)
LOOK = Standing(
    threshold=defaults()[0], level="look", since=Instant(SINCE, ClockState.SYNCED, BOOT, 1.0),
    figure=Measured(12.3456, defaults()[0].unit), count=12,
)  # fmt: skip
CALM = replace(LOOK, threshold=defaults()[1], level="calm")
EVER_CALM = Standing(threshold=defaults()[2])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(StoreTable(folder=str(tmp_path)), "n1")
    yield opened
    opened.close()


@pytest.fixture
def board() -> StatusBoard:
    one = StatusBoard(SystemClock().now())
    one.show(alerts=(LOOK, CALM, EVER_CALM))
    return one


def seen(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "id": uuid4().hex, "expires": datetime.now(UTC) + timedelta(minutes=5),
        "label": LOOK.threshold.scientific_name, "unit": LOOK.threshold.unit, "level": "look", "since": SINCE,
        "who": "Wang",
    }  # fmt: skip
    return encode_message(SeenCommand(**fields | changes))  # type: ignore[arg-type]


def answered(store: Store, board: StatusBoard, payload: bytes) -> str:
    reply = commands_of(store, board=board).take("seen", payload)
    return "accepted" if reply is None else reply.code


def test_health_names_what_stands_and_not_what_is_calm(store: Store, board: StatusBoard) -> None:
    (told,) = standing_alerts(board, store, UTC)
    assert (told.label, told.level, told.since, told.value) == (LOOK.threshold.scientific_name, "look", SINCE, 12.346)
    assert (told.who, told.done) == ("", None)


def test_the_stations_word_is_a_deed_of_the_page_the_last_one_counts_and_one_given_back_is_open_again(
    store: Store, board: StatusBoard
) -> None:
    assert answered(store, board, seen()) == "done"
    deed = store.decisions.deed(key_of(LOOK))
    assert deed is not None
    assert (deed.who, deed.about, deed.is_taken_on) == ("Wang", 12.3456, True)
    assert answered(store, board, seen(who="Zhao")) == "done"
    (told,) = standing_alerts(board, store, UTC)
    assert told.who == "Zhao"
    assert answered(store, board, seen(who="Zhao", given_back=True, level="act")) == "not_kept"
    assert answered(store, board, seen(who="Zhao", given_back=True)) == "done"
    (told,) = standing_alerts(board, store, UTC)
    assert (told.who, told.done) == ("", None)


@pytest.mark.parametrize("given_back", [True, False])
@pytest.mark.parametrize(
    ("former", "holds"), [(["Wang"], True), ([], True), (["Wang", "Li"], False), (None, False)], ids=str
)
def test_who_takes_it_on_here_while_the_stations_word_is_on_its_way_has_it(
    store: Store, board: StatusBoard, former: list[str] | None, *, given_back: bool, holds: bool
) -> None:
    """A word from before undid theirs."""
    store.decisions.do(key_of(LOOK), Deed("Li", datetime.now(UTC), 12.3456))
    code = answered(store, board, seen(who="Zhao", given_back=given_back, former=former))
    assert code == ("not_kept" if holds else "done")
    (told,) = standing_alerts(board, store, UTC)
    assert told.who == ("Li" if holds else "" if given_back else "Zhao")


def test_the_stations_word_takes_the_place_of_one_after_which_the_page_asks_again(
    store: Store, board: StatusBoard
) -> None:
    day = SINCE.date() + timedelta(days=1)
    board.show(alerts=(replace(LOOK, period=Period(first=day, last=day, is_over=True)),))
    store.decisions.do(key_of(LOOK), Deed("Li", SINCE, 1.0))
    assert [one.who for one in standing_alerts(board, store, UTC)] == [""], "it has doubled since"
    assert answered(store, board, seen(former=[])) == "done"
    assert [one.who for one in standing_alerts(board, store, UTC)] == ["Wang"]


def test_the_station_hears_what_is_done_apart_from_what_it_has_in_hand(store: Store, board: StatusBoard) -> None:
    told = []
    for deed in (Deed("Li", SINCE, 12.3456), Deed("Wang", SINCE, 12.3456, is_taken_on=True)):
        store.decisions.do(key_of(LOOK), deed, after=store.decisions.deed(key_of(LOOK)))
        told += [(one.who, one.carried_out) for one in standing_alerts(board, store, UTC)]
    assert told == [("Li", True), ("Wang", False)]


def test_the_stations_word_in_nobodys_name_is_known_to_its_next(store: Store, board: StatusBoard) -> None:
    assert [answered(store, board, seen(who=who, former=[""] * bool(who))) for who in ("", "Wang")] == ["done"] * 2


@pytest.mark.parametrize("who", ["Wang", ""])
def test_the_stations_word_that_comes_twice_is_done_twice(store: Store, board: StatusBoard, who: str) -> None:
    assert [answered(store, board, seen(who=who, former=[])) for _ in range(2)] == ["done", "done"]


def test_the_stations_word_that_comes_again_undoes_nothing_that_the_same_person_has_done_here(
    store: Store, board: StatusBoard
) -> None:
    word = {"who": "Li", "former": []}
    assert answered(store, board, seen(**word)) == "done"
    first = store.decisions.deed(key_of(LOOK))
    assert answered(store, board, seen(**word)) == "done"
    assert store.decisions.deed(key_of(LOOK)) == first, "since when, and at which figure, stays"
    store.decisions.do(key_of(LOOK), own := Deed("Li", SINCE.replace(microsecond=0), 12.3456), after=first)
    assert answered(store, board, seen(**word)) == "done"
    assert store.decisions.deed(key_of(LOOK)) == own


def test_the_stations_word_that_comes_before_the_clock_is_set_has_its_time_then(
    store: Store, board: StatusBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.clock.clock_is_set", lambda: False)
    assert answered(store, board, seen()) == "done"
    now = SystemClock().now()
    set_now = replace(now, utc=now.utc + timedelta(days=70), state=ClockState.SYNCED)
    store.decisions.put_times_right(set_now)
    deed = store.decisions.deed(key_of(LOOK))
    assert deed is not None
    assert (deed.who, deed.about, deed.is_taken_on) == ("Wang", 12.3456, True)
    assert timedelta() <= set_now.utc - deed.utc < timedelta(minutes=1)


def test_the_stations_word_on_its_way_while_the_clock_is_set_is_kept(store: Store, board: StatusBoard) -> None:
    corrected = Instant(SINCE + timedelta(days=70), ClockState.CORRECTED, BOOT, 1.0)
    board.show(alerts=(replace(LOOK, since=corrected), CALM))
    assert answered(store, board, seen(level="act")) == "not_kept"
    assert answered(store, board, seen(since=SINCE)) == "done"
    assert next(standing_alerts(board, store, UTC)).who == "Wang"


def test_the_stations_word_may_name_the_time_in_the_milliseconds_of_the_alerts_record(
    store: Store, board: StatusBoard
) -> None:
    assert LOOK.since is not None
    assert answered(store, board, seen(since=whole_ms(LOOK.since).utc)) == "done"


def test_of_too_many_deeds_the_newest_stay(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_DEEDS", 2)
    for hours, what in enumerate(("looked", "sprayed", "cut")):
        store.decisions.do(what, Deed("Li", SINCE + timedelta(hours=hours)))
    assert store.decisions.deed("looked") is None
    assert [store.decisions.deed(what) is not None for what in ("sprayed", "cut")] == [True, True]


def test_what_is_done_in_the_millisecond_in_which_the_station_took_it_on_is_done(store: Store) -> None:
    for is_taken_on in (True, False):
        before = store.decisions.deed("sprayed")
        store.decisions.do("sprayed", Deed("Li", SINCE, is_taken_on=is_taken_on), after=before)
        deed = store.decisions.deed("sprayed")
        assert deed is not None
        assert deed.is_taken_on is is_taken_on


def test_a_deed_from_before_its_figure_was_kept_still_counts(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / kept.NAME, isolation_level=None)) as db:
        migrate(db, {1: kept.STEPS[1]})
        db.execute("INSERT INTO deed VALUES ('sprayed', 'Li', ?)", (utc_ms(SINCE),))
    with closing(kept.Decisions(tmp_path)) as decisions:
        assert decisions.deed("sprayed") == Deed("Li", from_utc_ms(utc_ms(SINCE)))


def test_decisions_that_have_reached_their_cap_are_not_blamed_on_the_disk(store: Store) -> None:
    with pytest.raises(StoreError, match="it takes no more than 16 MB; stop the node, move the file to another disk"):
        store.decisions.do("x" * 17_000_000, Deed("Li", SINCE))


def test_a_command_that_names_nobody_is_the_stations(store: Store, board: StatusBoard) -> None:
    assert answered(store, board, seen(who="")) == "done"
    assert next(standing_alerts(board, store, UTC)).who == SOMEBODY


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"label": "Nothing known"}, "not_kept"), ({"level": "act"}, "not_kept"), ({"unit": "visits/day"}, "not_kept"),
     ({"since": SINCE + timedelta(seconds=1)}, "not_kept"), ({"since": SINCE.replace(tzinfo=None)}, "malformed"),
     ({"expires": SINCE}, "expired"), ({"label": "x" * 81}, "malformed"),
     ({"label": EVER_CALM.threshold.scientific_name, "unit": EVER_CALM.threshold.unit, "level": "calm"}, "not_kept")],
)  # fmt: skip
def test_what_does_not_stand_here_is_kept_nowhere(
    store: Store, board: StatusBoard, changes: dict[str, object], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.clock.clock_is_set", lambda: True)
    assert answered(store, board, seen(**changes)) == code
    assert store.decisions.deed(key_of(LOOK)) is None


def test_decisions_that_cannot_be_read_keep_neither_health_nor_the_platform_waiting(
    store: Store, board: StatusBoard
) -> None:
    store.decisions.do(key_of(LOOK), Deed("Li", SINCE))
    store.decisions.close()
    assert [one.who for one in standing_alerts(board, store, UTC)] == [""]
    told = seen()
    assert [answered(store, board, told) for _ in range(2)] == ["busy", "busy"], "by its id it may be told again later"
    assert store.audit_trail() == []


@pytest.mark.parametrize("daily_mb", [None, 1.0])
def test_a_level_that_begins_or_ends_is_told_at_once_and_before_the_node_sleeps(
    daily_mb: float | None, tmp_path: Path, broker: Broker
) -> None:
    today, platform = datetime.now(UTC).date(), Platform(broker)
    calm = replace(CALM, period=Period(first=today, last=today, is_over=False))
    old = replace(LOOK, period=Period(first=today - timedelta(days=2), last=today - timedelta(days=2), is_over=True))
    with running(tmp_path, to(broker.port, health_every_s=3600.0, daily_mb=daily_mb)) as node:
        for heard, standing in enumerate([(), (old, calm), (calm,)], start=1):
            node.board.show(alerts=standing)
            wait_until(lambda heard=heard: len(platform.read().messages.get("health", ())) == heard, within_s=10)  # type: ignore[misc]
            node.board.show(alerts=tuple(replace(one, count=13) for one in standing))  # which is no news
        node.commit(interval())
        node.board.show(alerts=(old,))
    wait_until(lambda: platform.read().statuses[-1].state == "stopped", within_s=10)
    told = [([one.level for one in health.alerts], health.compared) for health in platform.messages["health"]]
    assert told == [([], 0), (["look"], 1), ([], 1), (["look"], 0)]
