"""Records are decoded once, and yet a look shows what the store holds."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edge.clock import ClockState
from edge.counts import Interval
from edge.page.recent import Recent
from edge.store import Draft
from tests.page.scenes import HOPPER, Scene, interval, sighting


def counts(found: list[object]) -> list[int]:
    return [one.counts[0].count for one in found]


def test_a_new_record_is_seen_at_the_next_look(scene: Scene) -> None:
    recent = Recent(scene.store, scene.clock)
    now_utc, first_utc = scene.clock.utc, scene.before(days=14).utc
    assert recent.sightings(now_utc) == recent.intervals(first_utc) == []
    for count in (1, 2):
        scene.store.commit(
            [interval(scene.before(hours=5 - count), {HOPPER: count}), sighting(scene.before(hours=1), count=count)]
        )
        assert len(recent.sightings(now_utc)) == count
        assert counts(recent.intervals(first_utc)) == list(range(1, count + 1))


def test_sightings_stand_newest_first_and_leave_after_a_day(scene: Scene) -> None:
    recent, now_utc = Recent(scene.store, scene.clock), scene.clock.utc
    for hours in (23, 30, 2, 5):  # committed in this order, as after a clock was set
        scene.store.commit([sighting(scene.before(hours=hours), count=hours)])
        recent.sightings(now_utc)
    assert [one.count for one in recent.sightings(now_utc)] == [2, 5, 23]
    assert [one.count for one in recent.sightings(now_utc + timedelta(hours=2))] == [2, 5]


def test_an_interval_that_slid_out_of_the_window_is_gone(scene: Scene) -> None:
    recent = Recent(scene.store, scene.clock)
    scene.store.commit([interval(scene.before(days=9), {HOPPER: 1}), interval(scene.before(days=1), {HOPPER: 2})])
    assert counts(recent.intervals(scene.before(days=14).utc)) == [1, 2]
    assert counts(recent.intervals(scene.before(days=5).utc)) == [2]


def test_after_the_clock_was_set_back_no_interval_is_missing_or_twice(scene: Scene) -> None:
    recent = Recent(scene.store, scene.clock)
    first_utc = scene.before(days=14).utc
    scene.store.commit([interval(scene.before(hours=1), {HOPPER: 2})])
    assert counts(recent.intervals(first_utc)) == [2]
    scene.store.commit([interval(scene.before(hours=9), {HOPPER: 1})])
    assert counts(recent.intervals(first_utc)) == [1, 2]


def test_a_look_while_the_clock_was_ahead_hides_nothing_once_it_is_set_back(scene: Scene) -> None:
    recent, now_utc, first_utc = Recent(scene.store, scene.clock), scene.clock.utc, scene.before(days=14).utc
    scene.store.commit([interval(scene.before(hours=2), {HOPPER: 2}), sighting(scene.before(hours=2), count=2)])
    ahead = timedelta(days=40)
    scene.clock.jump(ahead.total_seconds(), ClockState.SYNCED)
    assert recent.sightings(now_utc + ahead) == recent.intervals(first_utc + ahead) == []
    scene.clock.jump(-ahead.total_seconds(), ClockState.SYNCED)
    assert (counts(recent.intervals(first_utc)), [one.count for one in recent.sightings(now_utc)]) == ([2], [2])


def test_intervals_of_several_cameras_that_end_together_are_all_there(scene: Scene) -> None:
    recent = Recent(scene.store, scene.clock)
    scene.store.commit([interval(scene.before(hours=3), {HOPPER: 1}), interval(scene.before(hours=3), {HOPPER: 2})])
    assert counts(recent.intervals(scene.before(days=14).utc)) == [1, 2]


def test_records_are_read_again_after_a_while_as_a_set_clock_corrects_them(scene: Scene) -> None:
    recent = Recent(scene.store, scene.clock)
    first_utc = scene.before(days=14).utc
    scene.store.commit([interval(scene.before(hours=3), {HOPPER: 1})])
    kept = recent.intervals(first_utc)
    assert recent.intervals(first_utc)[0] is kept[0]
    scene.clock.advance(301)
    assert recent.intervals(first_utc)[0] is not kept[0]


def test_a_corrected_interval_is_seen_at_the_next_look(scene: Scene) -> None:
    recent, first_utc = Recent(scene.store, scene.clock), scene.before(days=14).utc
    told = [interval(scene.before(hours=5 - n), {HOPPER: n}) for n in (1, 2)]
    keys = [scene.store.commit_interval(one, Draft(seq=None, state=b"", pictures=())) for one in told]
    assert counts(recent.intervals(first_utc)) == [1, 2]
    corrected = replace(interval(scene.before(hours=4), {HOPPER: 7}), revision=1)
    scene.store.commit_interval(corrected, Draft(seq=keys[0].seq, state=b"", pictures=()))
    assert counts(recent.intervals(first_utc)) == [7, 2]


@pytest.mark.parametrize(
    ("state", "hours", "kept"),
    [
        pytest.param(ClockState.UNSYNCED, 5, [2], id="it woke on the same date once more"),
        pytest.param(ClockState.UNSYNCED, 8, [1, 2], id="it went on from where it was"),
        pytest.param(ClockState.CORRECTED, 5, [1, 2], id="the time became known later"),
    ],
)
def test_days_that_nobody_knows_are_not_added_together(
    scene: Scene, state: ClockState, hours: int, kept: list[int]
) -> None:
    def of_boot(boot_id: str, ago: int, count: int, known: ClockState) -> Interval:
        one = interval(scene.before(hours=ago), {HOPPER: count})
        start, end = (replace(at, boot_id=boot_id, state=known) for at in (one.start, one.end))
        return replace(one, start=start, end=end)

    scene.store.commit([of_boot("0" * 32, hours, 1, state)])
    scene.store.commit([of_boot("1" * 32, 5, 2, ClockState.UNSYNCED)])
    found = Recent(scene.store, scene.clock).intervals(scene.before(days=14).utc)
    assert sorted(counts(found)) == kept
