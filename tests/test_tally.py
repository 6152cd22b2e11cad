"""Boxes are never summed over frames, and effort is counted with everything."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import ClockState, Instant
from edge.counts import NoData, Seen, Unit
from edge.ranges import Dispersion, count_range
from edge.tally import ClassAccuracy, Tally, newly_seen
from tests.clocks import SetClock

ACCURACY = {label: ClassAccuracy("", 1.0, 1.0) for label in ("Pieris", "Aleyrodidae", "Crambidae")}
BOX = (0.1, 0.1, 0.2, 0.2)
frames = st.lists(st.lists(st.sampled_from(sorted(ACCURACY)), max_size=6), min_size=1, max_size=12)


def seen(*labels: str) -> list[Seen]:
    return [Seen(label, "", 0.9 - 0.01 * i, BOX) for i, label in enumerate(labels)]


def interval_of(pictures: list[list[str]], mode: str = "live"):
    clock = SetClock()
    tally = Tally(start=clock.now())
    for labels in pictures:
        clock.advance(60)
        tally = tally.looked(seen(*labels), clock.now(), longest_gap_s=180)
    unit = "affected_frames" if mode == "leaf" else "max_per_frame"
    return tally.interval(clock.now(), camera="c", model="m", mode=mode, accuracy=ACCURACY, unit=unit)


def test_an_insect_that_stays_for_ten_frames_is_one_insect() -> None:
    assert [(c.label, c.count) for c in interval_of([["Pieris"]] * 10).counts] == [("Pieris", 1)]


@given(frames)
def test_a_live_count_is_the_most_on_one_frame(pictures: list[list[str]]) -> None:
    counts = {c.label: c.count for c in interval_of(pictures).counts}
    assert list(counts) == sorted(counts)
    assert counts == {
        label: max(p.count(label) for p in pictures) for label in ACCURACY if any(label in p for p in pictures)
    }


@given(frames)
def test_a_leaf_count_is_the_number_of_frames_with_the_symptom(pictures: list[list[str]]) -> None:
    counts = {c.label: c.count for c in interval_of(pictures, "leaf").counts}
    assert list(counts) == sorted(counts)
    assert counts == {label: n for label in ACCURACY if (n := sum(label in p for p in pictures))}


def test_visits_and_new_insects_are_added_and_a_full_card_stays_full() -> None:
    clock = SetClock()
    tally = Tally(start=clock.now())
    for counted, full in (["Pieris", "Pieris"], True), (["Pieris", *"cba"], False), ([], False):
        tally = tally.looked(seen("Pieris"), clock.now(), 180, counted, full)
    accuracy = dict.fromkeys(["Pieris", *"abc"], ClassAccuracy("", 1.0, 1.0))
    interval = tally.interval(clock.now(), camera="c", model="m", mode="trap", accuracy=accuracy, unit="new")
    assert [(c.label, c.count) for c in interval.counts] == [("Pieris", 3), ("a", 1), ("b", 1), ("c", 1)]
    assert interval.saturated


@pytest.mark.parametrize(
    ("unit", "count", "share"),
    [
        pytest.param("max_per_frame", 20, 1.0, id="of one picture"),
        pytest.param("visits", 40, (20**2 + 10**2 + 10**2) / 40**2, id="of three pictures that gave unlike"),
        pytest.param("new", 40, (20**2 + 10**2 + 10**2) / 40**2, id="of one card"),
        pytest.param("affected_frames", 3, 1 / 3, id="of three pictures that gave alike"),
    ],
)
def test_a_range_knows_how_the_count_came_from_its_pictures(unit: Unit, count: int, share: float) -> None:
    differing = Dispersion(precision=0.1, recall=0.5)
    at, tally = SetClock().now(), Tally(start=SetClock().now())
    for here in (20, 10, 10):
        tally = tally.looked(seen(*["Pieris"] * here), at, 180, ["Pieris"] * here)
    accuracy = {"Pieris": ClassAccuracy("", 0.9, 0.8, differing)}
    interval = tally.interval(at, camera="c", model="m", mode="live", accuracy=accuracy, unit=unit)
    assert not isinstance(interval.counts, NoData)
    (told,) = interval.counts
    low, high = count_range(count, 0.9, 0.8, differing, share, is_one_card=unit == "new")
    assert (told.count, told.low) == (count, low)
    assert told.high == (3 if unit == "affected_frames" else high), "no more frames have it than there were"


def test_a_disease_that_was_never_measured_is_counted_under_its_code_without_a_range() -> None:
    at = SetClock().now()
    tally = Tally(start=at).looked(seen("Pieris"), at, 180)
    accuracy = {"Pieris": ClassAccuracy("PIERSP", None, None)}
    told = tally.interval(at, camera="c", model="m", mode="leaf", accuracy=accuracy, unit="affected_frames")
    assert not isinstance(told.counts, NoData)
    assert [(one.eppo, one.count, one.low, one.high) for one in told.counts] == [("PIERSP", 1, None, None)]


def test_looking_and_seeing_nothing_is_a_zero_with_its_effort() -> None:
    interval = interval_of([[], [], []])
    assert (interval.counts, interval.frames, interval.awake_s) == ((), 3, 120.0)


def test_only_dark_frames_are_no_data_and_say_why() -> None:
    clock = SetClock()
    tally = Tally(start=clock.now())
    for reason in ("dark", "blurred", "dark"):
        tally = tally.passed_over(reason, clock.now(), longest_gap_s=180)
    interval = tally.interval(clock.now(), camera="c", model="m", mode="live", accuracy=ACCURACY)
    assert interval.counts == NoData("dark")
    assert interval.skipped == (("blurred", 1), ("dark", 2))


def test_a_camera_that_gave_no_frame_at_all_is_no_data() -> None:
    at = SetClock().now()
    interval = Tally(start=at).interval(at, camera="c", model="m", mode="live", accuracy=ACCURACY)
    assert interval.counts == NoData("no_frame")


def test_hours_without_a_frame_are_not_hours_awake() -> None:
    clock = SetClock()
    tally = Tally(start=clock.now())
    for gap_s in (60, 60, 3600, 60):
        clock.advance(gap_s)
        tally = tally.looked([], clock.now(), longest_gap_s=180)
    assert tally.awake_s == 120.0


def test_with_a_frame_an_interval_the_times_awake_add_up_to_the_time_that_passed() -> None:
    clock, told, last = SetClock(), [], None
    for _ in range(4):
        tally = Tally(start=clock.now(), last_frame=last)
        clock.advance(1800)
        tally = tally.looked([], clock.now(), longest_gap_s=10_800)
        last = tally.last_frame
        clock.advance(1800)
        told.append(tally.watched_until(clock.now(), longest_gap_s=10_800).awake_s)
    assert told == [1800.0, 3600.0, 3600.0, 3600.0]  # before the first frame nobody knows


@given(st.lists(st.tuples(st.sampled_from(["frame", "skip", "close"]), st.integers(0, 400)), max_size=40))
def test_times_awake_lie_in_their_intervals_and_hold_no_gap(steps: list[tuple[str, int]]) -> None:
    clock, frames = SetClock(), [0]
    tally, passed_s, told_s = Tally(start=clock.now()).looked([], clock.now(), 180), 0, 0.0
    for what, after_s in steps:
        clock.advance(after_s)
        passed_s += after_s
        if what == "close":
            closed, since_s = tally.watched_until(clock.now(), 180), clock.mono_s - tally.start.monotonic_s
            assert closed.awake_s <= since_s
            told_s += closed.awake_s
            tally = Tally(start=clock.now(), last_frame=tally.last_frame)
        else:
            frames.append(passed_s)
            tally = (
                tally.looked([], clock.now(), 180) if what == "frame" else tally.passed_over("dark", clock.now(), 180)
            )
    told_s += tally.watched_until(clock.now(), 180).awake_s
    gaps = [after - before for before, after in pairwise([*frames, passed_s])]
    assert sum(gap for gap in gaps if gap <= 180) <= told_s <= passed_s
    assert told_s <= sum(min(gap, 180) for gap in gaps)


def test_time_awake_is_told_to_a_tenth_of_a_second() -> None:
    clock = SetClock()
    tally = Tally(start=clock.now(), last_frame=clock.now())
    clock.advance(60.26)
    tally = tally.looked([], clock.now(), longest_gap_s=180)
    told = tally.interval(clock.now(), camera="c", model="m", mode="live", accuracy=ACCURACY)
    assert told.awake_s == 60.3


@pytest.mark.parametrize(
    ("unit", "slow", "told"),
    [
        ("visits", 2, "visits"),
        ("visits", 3, "max_per_frame"),
        ("new", 4, "new"),
        ("affected_frames", 4, "affected_frames"),
    ],
)
def test_visits_of_an_interval_most_of_whose_looks_were_slow_are_told_as_the_most_on_one_frame(
    unit: Unit, slow: int, told: Unit
) -> None:
    at = SetClock().now()
    tally = replace(Tally(start=at), frames=4, slow=slow)
    assert tally.interval(at, camera="c", model="m", mode="live", accuracy=ACCURACY, unit=unit).unit == told


def test_a_wall_clock_that_jumps_does_not_change_the_effort() -> None:
    clock = SetClock()
    tally = Tally(start=clock.now()).looked([], clock.now(), longest_gap_s=180)
    clock.advance(60)
    clock.jump(-365 * 86400, clock.state)
    assert tally.looked([], clock.now(), longest_gap_s=180).awake_s == 60.0


def test_a_sighting_is_more_of_a_taxon_than_on_any_recent_frame() -> None:
    recent = [{"Pieris": 2}, {}, {"Pieris": 1}]
    assert newly_seen(seen("Pieris", "Pieris"), recent) == []
    arrived = newly_seen(seen("Pieris", "Pieris", "Pieris", "Crambidae"), recent)
    assert [(one.label, number) for one, number in arrived] == [("Pieris", 3), ("Crambidae", 1)]


def test_a_disease_arrives_where_no_recent_frame_had_it_however_many_spots_are_told_now() -> None:
    recent = [{"Pieris": 1}, {}]
    arrived = newly_seen(seen("Pieris", "Pieris", "Crambidae", "Crambidae"), recent, at_all=True)
    assert [(one.label, number) for one, number in arrived] == [("Crambidae", 2)]


@pytest.mark.parametrize(("leaves", "expected"), [(0, None), (1, None), (2, None), (3, 0.2), (4, 0.25)])
def test_a_severity_is_told_where_most_of_the_frames_show_a_leaf(leaves: int, expected: float | None) -> None:
    at = SetClock().now()
    tally = Tally(start=at)
    for frame in range(4):
        tally = tally.looked([], at, 180).diseased((frame + 1) / 10 if frame < leaves else None)
    told = tally.interval(at, camera="c", model="m", mode="leaf", accuracy=ACCURACY, unit="affected_frames")
    assert told.severity == (None if expected is None else pytest.approx(expected))


def test_the_strongest_detection_speaks_for_its_taxon() -> None:
    (one, _number), *_ = newly_seen(seen("Pieris", "Pieris"), [])
    assert one.confidence == 0.9


def exposed_s(earlier: Instant | None, later: Instant) -> float | None:
    return Tally(start=later).exposed(earlier, later).exposed_s


def test_a_card_hangs_from_picture_to_picture_though_the_node_was_off() -> None:
    evening = SetClock().now()
    morning = replace(evening, utc=evening.utc + timedelta(hours=9), boot_id="another", monotonic_s=5.0)
    assert exposed_s(evening, morning) == 9 * 3600
    assert exposed_s(evening, replace(evening, monotonic_s=evening.monotonic_s + 60)) == 60


def test_how_long_a_card_hung_is_not_known_by_a_clock_that_is_not_trusted() -> None:
    evening = SetClock().now()
    morning = replace(evening, utc=evening.utc + timedelta(hours=9), boot_id="another", state=ClockState.UNSYNCED)
    assert exposed_s(evening, morning) is None
    assert exposed_s(None, evening) is None
    assert exposed_s(evening, replace(evening, monotonic_s=evening.monotonic_s - 30)) is None, "it was set in between"


@pytest.mark.parametrize(
    ("evening_state", "end_state", "expected_s"),
    [
        (ClockState.SYNCED, ClockState.SYNCED, 9 * 3600),
        (ClockState.CORRECTED, ClockState.SYNCED, 9 * 3600),
        (ClockState.SYNCED, ClockState.UNSYNCED, None),
        (ClockState.UNSYNCED, ClockState.SYNCED, None),
    ],
)
def test_how_long_a_card_hung_is_known_once_the_clock_is_set(
    evening_state: ClockState, end_state: ClockState, expected_s: float | None
) -> None:
    evening = replace(SetClock().now(), state=evening_state)
    morning = Instant(evening.utc + timedelta(minutes=3), ClockState.UNSYNCED, "another", 5.0)
    end = Instant(evening.utc + timedelta(hours=9, minutes=1), end_state, "another", 65.0)
    tally = Tally(start=morning).exposed(evening, morning)
    assert tally.timed(end).exposed_s == expected_s
    assert tally.exposed(morning, end).timed(end).exposed_s == 60 + (expected_s or 0)


def test_a_picture_that_comes_late_adds_no_time_awake_and_takes_none_away() -> None:
    clock, tally = SetClock(), Tally(start=SetClock().now())
    for after_s in (60, 120, 30, 180):
        at = SetClock(clock.utc + timedelta(seconds=after_s))
        at.mono_s += after_s
        tally = tally.looked(seen("Pieris"), at.now(), longest_gap_s=90)
    assert (tally.frames, tally.awake_s) == (4, 120.0)


def test_a_picture_from_before_the_interval_that_is_too_late_for_its_own_takes_no_time_away() -> None:
    clock = SetClock()
    before = clock.now()
    clock.advance(60)
    late = clock.now()
    clock.advance(60)
    tally = Tally(start=clock.now(), last_frame=before).passed_over("too_late", late, longest_gap_s=180)
    assert tally.awake_s == 0.0
