"""What is said first, by what is known."""

from dataclasses import replace
from typing import Any

import pytest

from edge.config import CameraTable
from edge.page.now.situation import Counted, Facts, Situation, is_too_few, situation
from edge.status import CameraStatus, Snapshot
from tests.clocks import SetClock
from tests.page.scenes import sighting

CLOCK = SetClock()
NOW = CLOCK.now()
SEEN = Facts(newest=sighting(NOW), foremost=sighting(NOW), frames=40, watched_s=3600.0)
ZERO = Facts(newest=None, foremost=None, frames=40, watched_s=3600.0)
COUNTED = replace(ZERO, foremost=Counted("Nilaparvata lugens", 4, "new"))
NO_FACTS = Facts(newest=None, foremost=None, frames=0, watched_s=0.0)
LIVE = CameraTable(kind="picamera")
OK = CameraStatus(state="ok", frames=50, looked=40, last_frame=NOW)


@pytest.mark.parametrize(
    ("camera", "facts", "problem", "expected"),
    [
        (OK, SEEN, "node.toml is wrong", Situation.STOPPED),
        (replace(OK, state="missing"), SEEN, "", Situation.MISSING),
        (replace(OK, state="stalled"), SEEN, "", Situation.STALLED),
        (replace(OK, state="repeating"), SEEN, "", Situation.STALLED),
        (replace(OK, last_skip="blocked"), SEEN, "", Situation.COVERED),
        (OK, SEEN, "", Situation.SEEN),
        (replace(OK, last_skip="dark"), SEEN, "", Situation.SEEN),
        (replace(OK, last_skip="blurred", blind_s=3599.0), SEEN, "", Situation.SEEN),
        (replace(OK, last_skip="blurred", blind_s=3600.0), SEEN, "", Situation.UNUSABLE),
        (replace(OK, last_skip="board"), SEEN, "", Situation.UNUSABLE),
        (replace(OK, last_skip="not_kept"), NO_FACTS, "", Situation.UNUSABLE),
        (OK, COUNTED, "", Situation.SEEN),
        (OK, ZERO, "", Situation.NOTHING),
        (OK, NO_FACTS, "", Situation.NOTHING),
        (replace(OK, looked=0), ZERO, "", Situation.NOTHING),
        (replace(OK, looked=0, skipped={"dark": 50}), NO_FACTS, "", Situation.UNUSABLE),
        (replace(OK, last_skip="colourless"), ZERO, "", Situation.NOTHING),
        (replace(OK, looked=0, frames=0), NO_FACTS, "", Situation.STARTING),
        (CameraStatus(), NO_FACTS, "", Situation.STARTING),
        (replace(OK, state="ended"), SEEN, "", Situation.SEEN),
    ],
)
def test_the_most_urgent_is_said_first(camera: CameraStatus, facts: Facts, problem: str, expected: Situation) -> None:
    snapshot = Snapshot(started=NOW, camera=camera, problem=problem)
    assert situation(snapshot, facts, NOW, LIVE) is expected


@pytest.mark.parametrize(
    ("age_s", "every_s", "is_late"), [(599, 60, False), (601, 60, True), (4000, 3600, False), (11_000, 3600, True)]
)
def test_a_picture_is_late_after_ten_minutes_or_three_times_the_pause(
    age_s: float, every_s: float, is_late: bool
) -> None:
    now = replace(NOW, monotonic_s=NOW.monotonic_s + age_s)
    found = situation(Snapshot(started=NOW, camera=OK), SEEN, now, CameraTable(kind="picamera", every_s=every_s))
    assert (found is Situation.LATE) == is_late


@pytest.mark.parametrize(
    ("age_s", "every_s", "expected"),
    [
        (12 * 3600, 60, Situation.SEEN),
        (86_401, 60, Situation.UNFED),
        (90_000, 36_000, Situation.SEEN),
        (110_000, 36_000, Situation.UNFED),
    ],
)
def test_a_fed_folder_is_late_after_a_day_since_it_waits_for_a_person(
    age_s: float, every_s: float, expected: Situation
) -> None:
    now = replace(NOW, monotonic_s=NOW.monotonic_s + age_s)
    fed = CameraTable(kind="folder", fed=True, every_s=every_s)
    assert situation(Snapshot(started=NOW, camera=OK), SEEN, now, fed) is expected


@pytest.mark.parametrize(
    ("camera", "facts", "expected"),
    [
        (OK, NO_FACTS, Situation.UNFED),
        (replace(OK, looked=0, last_skip="too_late", skipped={"too_late": 50}), NO_FACTS, Situation.UNFED),
        (replace(OK, looked=0, last_skip="blurred", skipped={"blurred": 50}), NO_FACTS, Situation.UNUSABLE),
        (OK, ZERO, Situation.NOTHING),
        (OK, COUNTED, Situation.SEEN),
    ],
)
@pytest.mark.parametrize("up_s", [3600.0, 259_200.0])
def test_pictures_of_former_days_in_a_fed_folder_are_no_zero_of_the_last_day(
    camera: CameraStatus, facts: Facts, expected: Situation, up_s: float
) -> None:
    started = replace(NOW, monotonic_s=NOW.monotonic_s - up_s)
    fed = CameraTable(kind="folder", fed=True)
    assert situation(Snapshot(started=started, camera=camera), facts, NOW, fed) is expected


@pytest.mark.parametrize(
    ("last_skip", "expected"),
    [("", Situation.NOTHING), ("still", Situation.NOTHING), ("overexposed", Situation.UNUSABLE)],
)
def test_pictures_looked_at_more_than_a_day_ago_are_no_zero_of_today(last_skip: str, expected: Situation) -> None:
    later = replace(NOW, monotonic_s=NOW.monotonic_s + 86_401)
    camera = replace(OK, last_skip=last_skip, skipped={"overexposed": 1800}, last_frame=later)
    assert situation(Snapshot(started=NOW, camera=camera), NO_FACTS, later, LIVE) is expected


@pytest.mark.parametrize(
    ("frames", "watched_s", "camera", "few"),
    [
        (1, 20.0, {}, True),
        (9, 3599.0, {}, True),
        (10, 20.0, {}, False),
        (1, 3600.0, {}, False),
        (5, 0.0, {"every_s": 3600.0}, True),
        (6, 0.0, {"every_s": 3600.0}, False),
        (1, 0.0, {"every_s": 21_600.0}, False),
        (9, 0.0, {"every_s": 0.0}, True),
        (1, 0.0, {"mode": "trap"}, False),
        (1, 0.0, {"kind": "folder", "fed": True}, False),
    ],
)
def test_too_few_pictures_for_a_zero_are_less_than_ten_and_an_hour_unless_the_pause_promises_few(
    frames: int, watched_s: float, camera: dict[str, Any], few: bool
) -> None:
    table = CameraTable(**{"kind": "picamera", **camera})
    facts = replace(ZERO, frames=frames, watched_s=watched_s)
    assert is_too_few(Snapshot(started=NOW, camera=replace(OK, looked=0)), facts, NOW, table) is few


@pytest.mark.parametrize(("looked", "still", "few"), [(1, 0, True), (1, 9, False), (9, 0, True), (10, 0, False)])
def test_in_the_first_hour_the_pictures_since_the_start_count_and_so_do_those_of_a_still_scene(
    looked: int, still: int, few: bool
) -> None:
    snapshot = Snapshot(started=NOW, camera=replace(OK, looked=looked, skipped={"still": still, "dark": 50}))
    assert is_too_few(snapshot, NO_FACTS, NOW, LIVE) is few


@pytest.mark.parametrize(("frames", "every_s", "few"), [(1, 60.0, True), (10, 60.0, False), (0, 86_400.0, False)])
def test_thousands_of_pictures_of_former_days_do_not_speak_for_this_one(frames: int, every_s: float, few: bool) -> None:
    later = replace(NOW, monotonic_s=NOW.monotonic_s + 10 * 86_400)
    camera = replace(OK, looked=10_000, skipped={"still": 5000}, last_frame=later)
    table = CameraTable(kind="picamera", every_s=every_s)
    facts = replace(ZERO, frames=frames, watched_s=20.0)
    assert is_too_few(Snapshot(started=NOW, camera=camera), facts, later, table) is few


def test_a_jump_of_the_wall_clock_makes_no_picture_late() -> None:
    now = replace(NOW, utc=NOW.utc.replace(year=2027))
    assert situation(Snapshot(started=NOW, camera=OK), SEEN, now, LIVE) is Situation.SEEN
