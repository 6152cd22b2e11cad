"""What the message `health` is made of: the status board, a reading of the computer's board and of the battery."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import pytest

from edge.board import BoardReading
from edge.census import NO_LEAF
from edge.config import StoreTable
from edge.node.health import health
from edge.power.gauge import Battery
from edge.status import CameraStatus, LinkStatus, ModelStatus, Shown, Snapshot
from edge.store import Store
from edge.wire import Health
from tests.records import instant

READING = BoardReading(
    temperature_c=51.5, throttled=0x50004, disk_free_bytes=21_000_000_000, memory_bytes=98_700_000, wifi_dbm=-60
)
NOTHING = BoardReading(temperature_c=None, throttled=None, disk_free_bytes=None, memory_bytes=None, wifi_dbm=None)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(StoreTable(folder=str(tmp_path)), "n1")) as opened:
        yield opened


def told(store: Store, reading: BoardReading, battery: Battery | None, /, **shown: Unpack[Shown]) -> Health:
    snapshot = replace(Snapshot(started=instant()), **shown)
    return health(instant(60.0), snapshot, store, reading=reading, battery=battery, last_stop="power was cut")


def test_health_tells_what_board_battery_and_camera_read(store: Store) -> None:
    at = instant(48.0)
    camera = CameraStatus(
        state="stalled", frames=9, looked=4, dropped=3, reopened=2, skipped={"dark": 5}, last_frame=at,
        ms_per_frame=41.5, focus="soft", light="good", banded=True,
    )  # fmt: skip
    made = told(store, READING, Battery(12.8444, 0.64), camera=camera)
    assert (made.uptime_s, made.clock, made.last_stop, made.problem) == (60.0, "synced", "power was cut", None)
    assert (made.utc, made.session) == (instant(60.0).utc, store.session_number())
    assert (made.cpu_temperature_c, made.throttled) == (51.5, True)
    assert (made.memory_mb, made.disk_free_mb) == (98.7, 21_000.0)
    assert (made.battery_v, made.battery_share) == (12.84, 0.64)
    assert made.load is not None
    assert made.camera is not None
    assert (made.camera.state, made.camera.frames, made.camera.looked) == ("stalled", 9, 4)
    assert (made.camera.dropped, made.camera.reopened, made.camera.skipped) == (3, 2, {"dark": 5})
    assert made.camera.ms_per_frame == 41.5
    assert (made.camera.focus, made.camera.light, made.camera.banded) == ("soft", "good", True)
    assert made.camera.last_frame_utc == at.utc


@pytest.mark.parametrize("reason", ["blocked", "overexposed", "blurred", "colourless", NO_LEAF])
def test_a_camera_that_shows_nothing_for_an_hour_says_why_and_what_to_do(store: Store, reason: str) -> None:
    """The desk was told by the fourth night without data. Of a hand before the lens nothing is said."""
    assert told(store, NOTHING, None, camera=CameraStatus(last_skip=reason, blind_s=3599)).problem is None
    camera = CameraStatus(state="ok", last_skip=reason, blind_s=3600)
    assert "; " in (told(store, NOTHING, None, camera=camera).problem or "")
    assert told(store, NOTHING, None, camera=camera, store="The card is full.").problem == "The card is full."


def test_what_board_and_gauge_do_not_tell_is_missing_and_never_a_zero(store: Store) -> None:
    made = told(store, NOTHING, None)
    assert (made.cpu_temperature_c, made.throttled, made.memory_mb, made.disk_free_mb) == (None,) * 4
    assert (made.battery_v, made.battery_share) == (None, None)
    assert told(store, NOTHING, Battery(11.2)).battery_share is None


def test_of_several_problems_the_worst_is_told_and_an_unread_battery_last(store: Store) -> None:
    unread = "power.gauge: ina291 reads nothing"
    assert told(store, READING, None, no_battery=unread).problem == unread
    lost, twin = LinkStatus(word="connection_lost", detail="lost"), LinkStatus(word="taken_over", detail="twin")
    assert told(store, READING, None, no_battery=unread, link=lost).problem == unread
    assert told(store, READING, None, no_battery=unread, link=twin).problem == "twin"
    store.accounts.unusable, store.decisions.unusable = "no accounts", "no decisions"
    assert told(store, READING, None, no_battery=unread, link=twin).problem == "no accounts"
    names = ("problem", "store", "notice", "model", "uncalibrated", "aside")
    shown = Shown(no_battery=unread)
    for name in reversed(names):
        shown[name] = ModelStatus(detail=name) if name == "model" else name  # type: ignore[literal-required]
        assert told(store, READING, None, **shown).problem == name
    store.accounts.unusable = ""
    assert told(store, READING, None, no_battery=unread).problem == "no decisions"
