"""The same insect keeps its number; a visit is counted once, and a flash in one frame never."""

import itertools
from dataclasses import replace
from math import inf

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge.boxes import Image
from edge.detections import Detections, no_detections
from edge.tracker import Tracks, followed
from edge.tracker.assignment import cheapest_pairs
from edge.tracker.motion import ACCELERATION, BOX_ERROR, FIRST_SPEED, STOPS_IN_S, Motion, newcomers
from edge.tracker.signature import LUMA_STEP, signatures
from tests.counting import clips, identity

SIZE = 40.0
CORNERS = np.array([-1, -1, 1, 1], np.float32)
costs = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.sampled_from([0, 1, 2, 3.5, 7, 9, inf])
)


def at(*points: tuple[float, float], class_id: int = 0, confidence: float = 0.8) -> Detections:
    xyxy = np.array([[x - SIZE / 2, y - SIZE / 2, x + SIZE / 2, y + SIZE / 2] for x, y in points], np.float32)
    n = len(points)
    return Detections(xyxy.reshape(n, 4), np.full(n, confidence, np.float32), np.full(n, class_id, np.int64))


NEIGHBOURS = at((110, 100), (160, 100))


def visits_of(
    frames: list[tuple[float, Detections]], sure: bool = True, image: Image | None = None
) -> tuple[list[int], Tracks]:
    tracks, visits = Tracks.none(3), []
    for time_s, found in frames:
        tracks, looked = followed(tracks, found, np.full(len(found), sure), time_s, image)
        visits += looked.visits
    return visits, tracks


@given(costs)
@example(np.array([[inf, inf, 3.5], [inf, 3.5, 0], [inf, 3.5, 2]]))  # a third changes what two had
@settings(max_examples=200, deadline=None)
def test_pairs_cost_no_more_than_the_best_of_all_pairings(cost: np.ndarray) -> None:
    alone = 8.0
    pairs = cheapest_pairs(cost, alone)
    assert len({r for r, _ in pairs}) == len(pairs) == len({c for _, c in pairs})
    n, m = cost.shape
    columns = [*range(m), *[None] * n]
    best = min(
        sum(alone if c is None else cost[r, c] for r, c in enumerate(chosen))
        for chosen in set(itertools.permutations(columns, n))
    )
    assert sum(cost[r, c] for r, c in pairs) + alone * (n - len(pairs)) == pytest.approx(best)


@given(st.floats(0.05, 3), st.floats(0.05, 3))
def test_waiting_in_two_steps_ends_where_one_step_ends(first_s: float, then_s: float) -> None:
    size = np.array([SIZE])
    start = newcomers(np.array([[10.0, 20.0]]), size)
    start.state[:, 2:] = 30, -12
    step = lambda motion, s: motion.predicted(np.array([s]), size)  # noqa: E731
    assert step(step(start, first_s), then_s).state == pytest.approx(step(start, first_s + then_s).state)


def test_motion_is_the_kalman_filter_that_matrices_give() -> None:
    """Each axis of each insect by itself: x = F x, P = F P F' + Q; then K = P H' / (H P H' + R) with H = [1 0]."""
    sizes, waits_s, seen = np.array([40.0, 10.0]), [0.2, 2.5], np.array([[14.0, 18.0], [290.0, 44.0]])
    start = newcomers(np.array([[10.0, 20.0], [300.0, 40.0]]), sizes)
    start.state[:, 2:] = [[30, -12], [-3, 5]]
    got = start.predicted(np.array(waits_s), sizes).corrected(seen, sizes)
    got = got.predicted(np.array(waits_s), sizes)
    for row, (size, wait_s) in enumerate(zip(sizes, waits_s, strict=True)):
        keep = np.exp(-wait_s / STOPS_IN_S)
        step = np.array([[1, STOPS_IN_S * (1 - keep)], [0, keep]])
        noise = (ACCELERATION * size) ** 2 * np.array([[wait_s**3 / 3, wait_s**2 / 2], [wait_s**2 / 2, wait_s]])
        spread = step @ np.diag([(BOX_ERROR * size) ** 2, (FIRST_SPEED * size) ** 2]) @ step.T + noise
        gain = spread[:, 0] / (spread[0, 0] + (BOX_ERROR * size) ** 2)
        after = step @ (spread - np.outer(gain, spread[0])) @ step.T + noise
        assert got.spread[row] == pytest.approx([after[0, 0], after[0, 1], after[1, 1]])
        for axis in (0, 1):
            state = step @ start.state[row, [axis, axis + 2]]
            state = step @ (state + gain * (seen[row, axis] - state[0]))
            assert got.state[row, [axis, axis + 2]] == pytest.approx(state)


def test_surprise_rises_with_the_square_of_the_distance_over_the_variance_of_place_and_box() -> None:
    waiting = Motion(np.array([[100.0, 50, 0, 0]]), np.array([[64.0, 0, 0]]))
    ((here, off),) = waiting.surprise(np.array([[100.0, 50], [106, 58]]), np.array([SIZE]))
    assert off - here == pytest.approx(100 / (64 + (BOX_ERROR * SIZE) ** 2))


def test_an_insect_that_rests_for_an_hour_is_one_visit() -> None:
    visits, _ = visits_of([(t, at((100, 100))) for t in range(0, 3600, 2)])
    assert len(visits) == 1


def test_an_insect_that_rests_while_nobody_looks_at_the_still_scene_is_one_visit() -> None:
    visits, tracks = visits_of([(k, at((100, 100))) for k in range(3)])
    _, looked = followed(tracks.unmoved(600), at((108, 95)), np.array([True]), 601)
    assert (visits, looked.number.tolist()) == ([1], [1])


def test_who_sits_in_the_morning_near_where_another_sat_at_dusk_is_a_visit() -> None:
    dusk, morning = [(k, at((100, 100))) for k in range(3)], [(36_000 + k, at((130, 110))) for k in range(3)]
    assert len(visits_of([*dusk, *morning])[0]) == 2


@pytest.mark.parametrize(("away_s", "visits"), [(290, 1), (310, 2)])
def test_nobody_knows_who_sits_there_once_a_camera_was_away_for_five_minutes(away_s: float, visits: int) -> None:
    before, after = [(k, at((100, 100))) for k in range(3)], [(2 + away_s + k, at((100, 100))) for k in range(3)]
    assert len(visits_of([*before, *after])[0]) == visits


@pytest.mark.parametrize(("off_px", "visits"), [(300, 1), (600, 2)])
def test_after_a_minute_without_a_look_an_insect_is_near_where_it_was(off_px: float, visits: int) -> None:
    before, after = ([(s + k, at((x, 100))) for k in range(3)] for s, x in ((0, 100), (62, 100 + off_px)))
    assert len(visits_of([*before, *after])[0]) == visits


def test_an_insect_that_rests_while_the_camera_is_away_for_a_minute_now_and_then_is_one_visit() -> None:
    looks = [time_s for time_s in range(0, 3600, 2) if time_s % 600 >= 70]
    assert len(visits_of([(time_s, at((100, 100))) for time_s in looks])[0]) == 1


def test_an_insect_is_followed_on_a_board_that_takes_most_of_a_minute_for_a_look() -> None:
    assert len(visits_of([(55 * k, at((100, 100))) for k in range(8)])[0]) == 1


def test_an_insect_that_stops_hovers_and_flies_on_is_one_visit() -> None:
    walk = [(100 + 20 * min(k, 10) + 20 * max(k - 40, 0), 100 + (k % 3) * 4) for k in range(50)]
    visits, _ = visits_of([(k / 5, at(point)) for k, point in enumerate(walk)])
    assert len(visits) == 1


def test_a_flash_in_one_frame_is_no_visit() -> None:
    visits, tracks = visits_of([(0, at((50, 50))), *[(k / 5, no_detections()) for k in range(1, 9)]])
    assert (visits, len(tracks)) == ([], 0)


@pytest.mark.parametrize(("frames", "visits"), [("11", 0), ("10101", 1), ("1100011", 0)])
def test_what_was_seen_on_three_of_the_last_five_frames_is_a_visit(frames: str, visits: int) -> None:
    seen = [(k / 5, at((50, 50)) if frame == "1" else no_detections()) for k, frame in enumerate(frames)]
    assert len(visits_of(seen)[0]) == visits


def test_a_second_box_on_an_insect_that_is_followed_begins_no_track_and_one_beside_it_does() -> None:
    alone = [(k / 5, at((100, 100))) for k in range(3)]
    _, tracks = visits_of([*alone, *[(k / 5, at((100, 100), (110, 100))) for k in range(3, 9)]])
    assert tracks.given == 1
    _, tracks = visits_of([*alone, *[(k / 5, at((100, 100), (118, 100))) for k in range(3, 9)]])
    assert tracks.given == 2


def test_an_insect_that_walks_in_where_another_walked_out_is_a_new_visit() -> None:
    out = [(k / 5, at((100 + 20 * k, 100))) for k in range(6)]
    away = [(k / 5, no_detections()) for k in range(6, 10)]
    in_ = [(k / 5, at((200 - 20 * (k - 10), 100))) for k in range(10, 16)]
    picture = np.full((200, 200, 3), 120, np.uint8)
    assert len(visits_of([*out, *away, *in_], image=picture)[0]) == 2
    assert len(visits_of([*out, *away, *in_], image=np.full((200, 600, 3), 120, np.uint8))[0]) == 1  # it was in view


def test_an_insect_that_walks_out_on_the_left_is_gone_and_one_that_turns_at_the_edge_is_the_same() -> None:
    picture = np.full((200, 200, 3), 120, np.uint8)
    out, in_ = ([(first + k / 5, at((100 - 20 * k * way + shift, 100))) for k in range(6)]
                for first, way, shift in ((0, 1, 0), (2, -1, -100)))  # fmt: skip
    away = [(k / 5, no_detections()) for k in range(6, 10)]
    assert len(visits_of([*out, *away, *in_], image=picture)[0]) == 2
    to_edge = [(k / 5, at((196 - 12 * abs(k - 8), 100)) if k != 9 else no_detections()) for k in range(16)]
    assert len(visits_of(to_edge, image=picture)[0]) == 1


@pytest.mark.parametrize(
    ("frames", "undecided"),
    [
        *[("0", False), ("1", True), ("11", True), ("111", False), ("1000", False)],
        *[("1110", True), ("11101", False), ("111000", True), ("1110000", False)],
    ],
)
def test_another_look_is_wanted_until_a_visit_is_confirmed_and_until_one_that_left_is_given_up(
    frames: str, undecided: bool
) -> None:
    _, tracks = visits_of([(k, at((50, 50)) if frame == "1" else no_detections()) for k, frame in enumerate(frames)])
    assert tracks.undecided is undecided


def test_a_still_scene_shows_whom_the_last_look_saw_and_nobody_else() -> None:
    _, tracks = visits_of([(k, at((50, 50), (150, 50)) if k < 3 else at((50, 50))) for k in range(4)])
    assert tracks.unmoved(60.0).seen_s.tolist() == [60.0, 2.0]


def test_what_the_model_is_unsure_of_begins_no_track() -> None:
    visits, _ = visits_of([(k / 5, at((50, 50))) for k in range(20)], sure=False)
    assert visits == []


def test_an_unsure_detection_keeps_a_track_alive() -> None:
    tracks = Tracks.none(3)
    for k in range(60):
        tracks, _ = followed(tracks, at((100, 100 + k)), np.array([k < 5]), k / 5)
    assert (tracks.given, len(tracks)) == (1, 1)


@pytest.mark.parametrize(("off_px", "sure", "number"), [(30, True, 1), (40, True, 2), (25, False, 1), (30, False, 0)])
def test_what_lies_too_far_off_is_another_insect_and_what_is_unsure_must_lie_closer(
    off_px: float, sure: bool, number: int
) -> None:
    _, tracks = visits_of([(k / 5, at((100, 100))) for k in range(5)])
    assert followed(tracks, at((100 + off_px, 100)), np.array([sure]), 1.0)[1].number.tolist() == [number]


@pytest.mark.parametrize(("off_px", "number"), [(130, 1), (170, 2)])
def test_an_insect_goes_about_as_far_in_half_a_second_as_three_of_its_own_lengths(off_px: float, number: int) -> None:
    _, tracks = visits_of([(0, at((100, 100)))])
    assert followed(tracks, at((100 + off_px, 100)), np.array([True]), 0.5)[1].number.tolist() == [number]


def boxed(side_px: float) -> Detections:
    return replace(at((100, 100)), xyxy=np.array([[100, 100, 100, 100]], np.float32) + side_px / 2 * CORNERS)


def test_a_small_insect_where_a_large_one_was_is_another_and_one_that_comes_nearer_is_the_same() -> None:
    assert visits_of([(k / 5, boxed(SIZE if k < 5 else SIZE / 4)) for k in range(10)])[1].given == 2
    assert visits_of([(k / 5, boxed(SIZE * 4 ** (k / 40))) for k in range(41)])[1].given == 1


def test_each_detection_has_an_insect_of_its_own() -> None:
    _, tracks = visits_of([(k, at((100, 100), (140, 100))) for k in range(5)])
    for points, numbers in ((((100, 100), (300, 300)), [1, 0]), (((100, 100), (140, 100), (148, 100)), [1, 2, 0])):
        sure = np.arange(len(points)) < len(points) - 1
        assert followed(tracks, at(*points), sure, 5)[1].number.tolist() == numbers


def side_by_side(left: int, right: int) -> Image:
    """Two insects of these grey levels where NEIGHBOURS are."""
    image = np.full((200, 300, 3), 120, np.uint8)
    image[80:120, 90:130], image[80:120, 140:180] = left, right
    return image


def test_two_that_cross_are_known_by_their_looks_and_one_that_comes_into_the_shade_by_its_place() -> None:
    _, tracks = visits_of([(k, NEIGHBOURS) for k in range(5)], image=side_by_side(30, 220))
    for now, numbers in ((side_by_side(220, 30), [2, 1]), (side_by_side(30, 40), [1, 2])):
        assert followed(tracks, NEIGHBOURS, np.array([True, True]), 5, now)[1].number.tolist() == numbers


def test_a_speckled_one_and_a_plain_one_of_the_same_light_are_told_apart_when_they_cross() -> None:
    plain, speckled = side_by_side(120, 120), side_by_side(120, 120)
    speckled[80:120, 150:170] = 20
    speckled[80:120, 160:170] = 220
    _, tracks = visits_of([(k, NEIGHBOURS) for k in range(5)], image=speckled)
    crossed = plain.copy()
    crossed[80:120, 100:120] = speckled[80:120, 150:170]
    assert followed(tracks, NEIGHBOURS, np.array([True, True]), 5, crossed)[1].number.tolist() == [2, 1]


def test_two_whose_looks_change_little_by_little_keep_their_numbers() -> None:
    tracks = Tracks.none(3)
    for k in range(40):
        now = side_by_side(30 + 5 * k, 225 - 5 * k)
        tracks, looked = followed(tracks, NEIGHBOURS, np.array([True, True]), k, now)
        assert looked.number.tolist() in ([0, 0], [1, 2])


def test_an_insect_behind_a_leaf_for_two_seconds_is_the_same_insect() -> None:
    seen = [(k / 5, at((100 + 8 * k, 100)) if not 15 <= k < 25 else no_detections()) for k in range(50)]
    assert len(visits_of(seen)[0]) == 1


@pytest.mark.parametrize(("hidden_s", "visits"), [(2.8, 1), (3.6, 2)])
def test_a_visit_waits_three_seconds_for_an_insect_that_is_out_of_sight(hidden_s: float, visits: int) -> None:
    seen = [(k / 5, at((100, 100)) if not 2 <= k / 5 < 2 + hidden_s else no_detections()) for k in range(50)]
    assert len(visits_of(seen)[0]) == visits


def test_an_insect_that_comes_back_after_a_minute_is_a_new_visit() -> None:
    seen = [(k / 5, at((100, 100))) for k in range(10)]
    seen += [(2 + k / 5, no_detections()) for k in range(300)] + [(62 + k / 5, at((100, 100))) for k in range(10)]
    assert len(visits_of(seen)[0]) == 2


def test_a_camera_that_gives_a_frame_every_three_seconds_still_follows_a_walker() -> None:
    seen = [(3.0 * k, at((60 + 25 * k, 200)) if k % 5 else no_detections()) for k in range(1, 20)]
    assert len(visits_of(seen)[0]) == 1


def test_a_track_is_named_by_all_it_was_seen_as_and_not_by_the_last_frame() -> None:
    tracks = Tracks.none(3)
    for k, class_id in enumerate([2, 2, 0, 2, 2, 1]):
        tracks, _ = followed(tracks, at((100, 100), class_id=class_id), np.array([True]), k / 5)
    assert tracks.class_id.tolist() == [2]


def test_one_sure_look_names_an_insect_against_two_unsure_ones() -> None:
    tracks = Tracks.none(3)
    for k, (class_id, confidence) in enumerate([(0, 0.9), (2, 0.3), (2, 0.3)]):
        found = at((100, 100), class_id=class_id, confidence=confidence)
        tracks, _ = followed(tracks, found, np.array([True]), k / 5)
    assert tracks.class_id.tolist() == [0]


def test_numbers_of_insects_that_left_are_never_given_again() -> None:
    seen = [(t, at((100, 100)) if t % 100 < 20 else no_detections()) for t in range(500)]
    visits, tracks = visits_of(seen)
    assert visits == sorted(set(visits))
    assert tracks.given == 5


def test_a_box_of_one_colour_looks_like_it_and_smooth_even_beyond_the_edge_of_the_picture() -> None:
    picture = np.full((60, 60, 3), (14, 56, 140), np.uint8)
    look = signatures(picture, np.array([[10, 10, 40, 30], [-20, -20, -5, -5], [70, 70, 90, 90]], np.float32))
    assert look == pytest.approx(np.tile(np.array([14, 56, 140, 0, 0, 0]) / LUMA_STEP, (3, 1)), abs=0.01)


@pytest.mark.parametrize(("fps", "seconds"), [(1, 40), (2, 20), (5, 12), (15, 6)])
def test_crossing_insects_seen_by_a_noisy_detector_keep_their_numbers(fps: float, seconds: float) -> None:
    """20 % missed, 5 % false, irregular times; benchmarks/counting.py measures more clips and other trackers."""
    pytest.importorskip("motmetrics", reason="IDF1 is computed by motmetrics, a development dependency")
    score = identity.score([clips.clip(seed, fps, seconds) for seed in range(3)], identity.ours)
    assert score.idf1 >= 0.85
    assert score.error <= 0.10
