"""Kept pictures go after so many days, and no other."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge.clock import ClockState, Instant
from edge.config import StoreTable
from edge.store import Store
from edge.wire import SIGHTING
from tests.clocks import NOON
from tests.records import instant, interval, sighting

JPEG = b"\xff\xd8picture\xff\xd9"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(StoreTable(folder=str(tmp_path)), "n1")) as store:
        yield store


def at(days: float, state: ClockState = ClockState.SYNCED) -> Instant:
    return replace(instant(), utc=NOON - timedelta(days=days), state=state)


def day(store: Store, days: float, state: ClockState = ClockState.SYNCED) -> str:
    """A picture and, after it, an interval of so many days ago; the picture's name."""
    store.commit([replace(sighting(), at=at(days, state))], JPEG)
    store.commit([replace(interval(), start=at(days + 0.04, state), end=at(days, state))])
    return f"{store.epoch.hex[:8]}-{(store.health().last_seq or 0) - 1}"


def test_pictures_from_before_that_time_go_with_their_files(store: Store, tmp_path: Path) -> None:
    names = [day(store, days) for days in (40, 31, 29, 1)]
    assert store.forget_pictures(NOON - timedelta(days=30)) == 2
    assert [store.picture(name) is not None for name in names] == [False, False, True, True]
    assert len(list((tmp_path / "pictures").iterdir())) == 2
    assert store.forget_pictures(NOON - timedelta(days=30)) == 0
    assert len(store.latest_sightings(10)) == 4, "the records stay"


def test_pictures_whose_records_a_full_store_has_shed_are_as_old_as_the_interval_after_them(
    store: Store, tmp_path: Path
) -> None:
    names = [day(store, days) for days in (40, 31, 29, 1)]
    with closing(sqlite3.connect(tmp_path / "fieldeye.db")) as db, db:
        db.execute("DELETE FROM record WHERE kind = ?", (SIGHTING,))
    assert store.forget_pictures(NOON - timedelta(days=30)) == 2
    assert [store.picture(name) is not None for name in names] == [False, False, True, True]


def test_a_late_interval_of_an_earlier_day_makes_the_pictures_before_it_no_older(store: Store) -> None:
    names = [day(store, days) for days in (32, 1)]
    store.commit([replace(interval(), start=at(31.04), end=at(31))])
    assert store.forget_pictures(NOON - timedelta(days=30)) == 1
    assert [store.picture(name) is not None for name in names] == [False, True]


def test_a_clock_that_nobody_had_set_makes_no_picture_old(store: Store) -> None:
    name = day(store, 400, ClockState.UNSYNCED)
    assert store.forget_pictures(NOON - timedelta(days=30)) == 0
    assert store.picture(name)


def test_an_empty_store_has_nothing_to_forget(store: Store) -> None:
    assert store.forget_pictures(NOON) == 0
