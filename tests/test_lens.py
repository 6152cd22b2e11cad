"""What skipped frames tell of the lens: a table without a camera."""

from functools import reduce

import pytest

from edge.clock import ClockState
from edge.config import NodeTable
from edge.loop.lens import Lens
from tests.records import instant

NOWHERE = Lens(NodeTable(site="s", node="n"))
BY_DAY = Lens(NodeTable(site="s", node="n", latitude=51.5, longitude=0.0))  # at noon; the sun sets at 20:20


def after(lens: Lens, *frames: tuple[float, str]) -> Lens:
    """Frames by their seconds after noon, and why they were skipped; "": they were not."""

    def seen(lens: Lens, frame: tuple[float, str]) -> Lens:
        at, reason = instant(frame[0]), frame[1]
        return lens.passed_over(reason, at) if reason else lens.looked(at)

    return reduce(seen, frames, lens)


@pytest.mark.parametrize(
    ("lens", "nothing", "last", "blind_s"),
    [
        (NOWHERE, "overexposed", "overexposed", 3660),
        (NOWHERE, "blurred", "truncated", 3660),
        (NOWHERE, "no_leaf", "no_leaf", 3660),
        (NOWHERE, "no_leaf", "", 0),
        (NOWHERE, "overexposed", "dark", 0),
        (NOWHERE, "overexposed", "still", 0),
        (NOWHERE, "overexposed", "colourless", 0),
        (NOWHERE, "overexposed", "", 0),
        (BY_DAY, "colourless", "colourless", 3660),
        (NOWHERE, "colourless", "colourless", 0),
        (NOWHERE, "blocked", "overexposed", 3660),
        (NOWHERE, "blocked", "dark", 0),
    ],
)
def test_how_long_the_newest_frames_have_shown_nothing_ends_with_one_that_does_and_in_the_dark(
    lens: Lens, nothing: str, last: str, blind_s: float
) -> None:
    blind = after(lens, (0, ""), (60, nothing), (1860, nothing), (3660, nothing), (3720, last))
    assert blind.blind_s(instant(3720)) == blind_s
    if not blind_s:
        assert after(blind, (3780, "overexposed")).blind_s(instant(3780)) == 0


def test_a_dark_frame_is_a_covered_lens_by_broad_day_and_none_while_the_sun_sets() -> None:
    sees = after(BY_DAY, (0, ""))
    assert [sees.is_covered(instant(hours * 3600)) for hours in (6, 8)] == [True, False]
    assert not sees.is_covered(instant(0, ClockState.UNSYNCED)), "nobody knows the hour"
    assert not BY_DAY.is_covered(instant(0)), "it may hang in a box"
    assert after(sees, (12 * 3600, "")).is_covered(instant(24 * 3600)), "a lamp at night hides no day before"
