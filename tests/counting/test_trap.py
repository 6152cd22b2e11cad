"""A card's insects are counted once: not when it is moved, lit otherwise or missed by the detector for a picture."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.detections import Detections, no_detections
from edge.trap import Card, Reading, load_card, read_card, save_card
from tests.clocks import SetClock
from tests.counting import cards, cutouts
from tests.counting.cards import Picture, Pose


def readings(
    pictures: Iterable[Picture], seed: int = 5, *, missed: float = 0.0, false: float = 0.0, card: Card | None = None
) -> tuple[Card, list[Reading]]:
    chance = np.random.default_rng(seed)
    now, told = card or Card.none(1), []
    for picture in pictures:
        found, sure = cards.detected(picture, chance, missed=missed, false=false)
        now, reading = read_card(now, found, sure, picture.image)
        told.append(reading)
    return now, told


def shown(seed: int, poses: list[Pose], *, start: int = 20, arrivals: float = 0.0, falls: float = 0.0) -> list[Picture]:
    chance = np.random.default_rng(seed)
    return list(
        cards.series(
            chance,
            len(poses),
            cards.drawn_ground(chance),
            start=start,
            arrivals=arrivals,
            falls=falls,
            poses=poses,
            dew=0,
        )
    )


def new(told: list[Reading]) -> list[int]:
    return [len(reading.new) for reading in told]


@pytest.mark.parametrize("seed", range(3))
def test_a_card_that_is_moved_10_mm_and_turned_3_degrees_has_no_new_insects(seed: int) -> None:
    _, told = readings(shown(seed, [Pose(), Pose(7, -7, 3.0), Pose(-5, 2, -2.0)]))
    assert new(told) == [0, 0, 0]
    assert [reading.verdict for reading in told] == ["first", "matched", "matched"]


def test_a_card_with_three_insects_is_known_by_its_writing() -> None:
    _, told = readings(shown(21, [Pose(), Pose(7, -7, 3.0)], start=5))
    assert (told[1].verdict, new(told)) == ("matched", [0, 0])


def test_a_card_that_is_put_back_upside_down_has_no_new_insects() -> None:
    _, told = readings(shown(1, [Pose(), Pose(0.5, 0, 180.0)], start=40))
    assert (told[1].verdict, new(told)) == ("matched", [0, 0])


def test_insects_that_came_are_counted_in_the_picture_that_shows_them() -> None:
    pictures = shown(2, [Pose(0.1 * k, 0, 0) for k in range(5)], start=5, arrivals=4)
    _, told = readings(pictures)
    assert new(told) == [picture.new for picture in pictures]
    assert sum(new(told)) > 5


def test_an_insect_that_the_detector_misses_for_a_picture_is_neither_lost_nor_new() -> None:
    _, told = readings(shown(3, [Pose()] * 8, start=20), missed=0.3)
    seen_late = new(told)[1:]
    assert sum(seen_late) == 0  # they lay there from the start, whenever they were found
    assert sum(reading.fallen for reading in told) == 0


def test_an_insect_that_falls_off_leaves_the_present_and_no_negative_count() -> None:
    pictures = shown(4, [Pose()] * 6, start=40, falls=0.1)
    _, told = readings(pictures)
    assert min(new(told)) == 0
    assert told[-1].present <= len(pictures[-3].numbers)
    assert sum(reading.fallen for reading in told) >= 3


def test_a_false_detection_on_bare_card_is_no_insect() -> None:
    pictures = shown(6, [Pose()] * 6, start=20)
    _, told = readings([pictures[0]])
    before = told[0].present
    card, _ = readings([pictures[0]])
    _, told = readings(pictures[1:], false=0.3, card=card)
    assert sum(new(told)) <= 1  # one may lie on the writing, half in view
    assert told[-1].present <= before + 1


@pytest.mark.parametrize("confidence", [0.7, 0.3])
def test_an_insect_with_a_second_unsure_name_is_counted_once(confidence: float) -> None:
    pictures = shown(2, [Pose()] * 4, start=5, arrivals=4)
    card, counted = Card.none(2), 0
    for picture in [*pictures, pictures[-1]]:  # an unsure one counts in the second picture that shows it
        xyxy = np.concatenate([picture.xyxy, picture.xyxy + 1])
        names = np.repeat([0, 1], len(picture.xyxy))
        found = Detections(xyxy, np.where(names, 0.22, confidence).astype(np.float32), names)
        card, reading = read_card(card, found, found.confidence > 0.5, picture.image)
        counted += len(reading.new)
    assert counted == sum(picture.new for picture in pictures)


def test_a_gap_of_two_days_counts_all_that_came_meanwhile_once() -> None:
    before, _, after = shown(7, [Pose(), Pose(), Pose(2, 1, 1.0)], start=10, arrivals=15)
    _, told = readings([before, after, after])
    assert new(told)[1] == pytest.approx(len(set(after.numbers) - set(before.numbers)), abs=1)
    assert new(told)[2] == 0


def test_a_picture_of_something_else_counts_nothing_and_forgets_nothing() -> None:
    pictures = shown(8, [Pose()] * 3, start=20)
    hand = Picture(np.random.default_rng(1).integers(0, 255, pictures[0].image.shape, np.uint8), *[
        pictures[0].numbers, pictures[0].xyxy + 60, 0, 0
    ])  # fmt: skip
    _, told = readings([pictures[0], hand, pictures[1], pictures[2]])
    assert [reading.verdict for reading in told] == ["first", "unmatched", "matched", "matched"]
    assert sum(new(told)) == 0


def test_a_new_card_is_noticed_and_what_lies_on_it_is_new() -> None:
    old = shown(9, [Pose()] * 2, start=40)
    chance = np.random.default_rng(77)
    ground = cards.drawn_ground(chance)
    fresh = list(cards.series(chance, 2, np.ascontiguousarray(ground[::-1, ::-1]), start=4, arrivals=0, falls=0, dew=0))
    _, told = readings([*old, *fresh, fresh[1]])
    assert "changed" in [reading.verdict for reading in told]
    assert sum(new(told)) == pytest.approx(len(fresh[1].numbers), abs=1)


def other_card(start: int, pictures: int = 3) -> list[Picture]:
    """A card whose writing is another one, seen in a mirror."""
    chance = np.random.default_rng(78)
    ground = np.ascontiguousarray(cards.drawn_ground(chance)[:, ::-1])
    return list(cards.series(chance, pictures, ground, start=start, arrivals=0, falls=0, dew=0))


def test_another_card_with_few_insects_is_a_new_card_from_its_second_picture_on() -> None:
    fresh = other_card(start=6)
    _, told = readings([*shown(12, [Pose()] * 2, start=50), *fresh])
    assert [reading.verdict for reading in told] == ["first", "matched", "unmatched", "changed", "matched"]
    assert new(told) == [0, 0, 0, len(fresh[1].numbers), 0]


def bare_floor() -> Picture:
    """What the camera sees while the card is out: the trap's floor, darker at its sides."""
    y, x = np.mgrid[0:972, 0:1296]
    light = 185 - 70 * ((x - 648) / 648) ** 2 - 30 * ((y - 486) / 486) ** 2
    image = (light + np.random.default_rng(3).normal(0, 3, light.shape))[..., None].repeat(3, 2).astype(np.uint8)
    return Picture(image, np.empty(0, np.int64), np.empty((0, 4), np.float32), 0, 0)


def test_a_card_that_is_taken_out_for_three_pictures_and_hung_up_again_has_no_new_insects() -> None:
    before, after, last = shown(8, [Pose(), Pose(1, 1, 0.5), Pose(1, 1, 0.5)])
    _, told = readings([before, *[bare_floor()] * 3, after, last])
    assert [reading.verdict for reading in told] == ["first", "unmatched", "changed", *["matched"] * 3]
    assert new(told) == [0] * 6
    assert [reading.present for reading in told[-2:]] == [told[0].present] * 2


def test_another_card_that_is_hung_up_after_a_bare_floor_is_new() -> None:
    fresh = other_card(start=6)
    _, told = readings([*shown(12, [Pose()] * 2, start=50), *[bare_floor()] * 3, *fresh])
    assert new(told) == [0, 0, 0, 0, 0, len(fresh[0].numbers), 0, 0]


def test_a_camera_that_was_turned_to_a_full_card_counts_nothing_of_it() -> None:
    _, told = readings([*shown(13, [Pose()] * 2, start=10), *other_card(start=40)])
    assert [reading.verdict for reading in told] == ["first", "matched", "unmatched", "restarted", "matched"]
    assert sum(new(told)) == 0


def test_a_full_card_says_that_it_no_longer_catches_in_proportion() -> None:
    picture = shown(10, [Pose()], start=40)[0]
    assert not readings([picture])[1][0].saturated
    grid = [(x, y, x + 80, y + 80) for x in range(0, 1216, 90) for y in range(0, 892, 90)]
    full = Picture(picture.image, np.arange(len(grid)), np.array(grid, np.float32), 0, 0)
    assert readings([full])[1][0].saturated


def test_a_card_that_fills_half_of_the_picture_is_full_at_half_as_many() -> None:
    picture = shown(10, [Pose()], start=40)[0]
    grid = [(x, y, x + 80, y + 80) for x in range(0, 600, 90) for y in range(0, 892, 90)]
    boxes = Detections(np.array(grid, np.float32), np.full(len(grid), 0.9, np.float32), np.zeros(len(grid), np.int64))
    sure = np.ones(len(grid), np.bool_)
    _, whole = read_card(Card.none(1), boxes, sure, picture.image)
    _, half = read_card(Card.none(1), boxes, sure, picture.image, share=0.5)
    assert (whole.saturated, half.saturated) == (False, True)
    assert half.covered == pytest.approx(2 * whole.covered)


@pytest.mark.skipif(not cutouts.STICKY_CARDS.exists(), reason="the sticky-card pictures are not in the repository")
def test_real_insects_on_a_real_card_are_counted_once_each() -> None:
    """benchmarks/counting.py trap measures 50 series; here one."""
    chance = np.random.default_rng(11)
    ground, among = cards.real_grounds()[0], cutouts.from_sticky_cards("test")
    pictures = list(cards.series(chance, 4, ground, among))
    _, told = readings(pictures)
    assert sum(new(told)) == pytest.approx(sum(picture.new for picture in pictures), abs=1)


@pytest.mark.skipif(not cutouts.CARD_SERIES.exists(), reason="the card series is not in the repository")
def test_five_real_pictures_of_one_card_under_lamps_and_daylight_are_one_card() -> None:
    """It was moved between the third and the fourth, somebody wrote on it after the first, and two have mains bands."""
    card, verdicts = Card.none(1), []
    nothing = no_detections()
    for path in sorted(cutouts.CARD_SERIES.glob("*.jpg")):
        card, reading = read_card(card, nothing, np.empty(0, np.bool_), cv2.imread(str(path)))
        verdicts.append(reading.verdict)
    assert verdicts == ["first", "matched", "matched", "matched", "matched"]


def test_a_node_that_was_off_counts_what_came_meanwhile_and_nothing_twice(tmp_path: Path) -> None:
    evening, morning = shown(31, [Pose(), Pose(0.4, 0, 0.5)], start=20, arrivals=6)
    card, _ = readings([evening])
    taken = SetClock().now()
    save_card(tmp_path / "card.npz", card, taken)
    loaded = load_card(tmp_path / "card.npz", 1)
    assert loaded is not None
    kept, seen = loaded
    assert seen == taken
    _, told = readings([morning, morning], card=kept)
    assert new(told) == [morning.new, 0]
    assert morning.new > 0


def test_a_node_that_restarts_while_the_card_is_out_knows_it_again(tmp_path: Path) -> None:
    before, after = shown(8, [Pose(), Pose(1, 1, 0.5)])
    card, _ = readings([before, bare_floor(), bare_floor()])
    save_card(tmp_path / "card.npz", card)
    loaded = load_card(tmp_path / "card.npz", 1)
    assert loaded is not None
    _, told = readings([bare_floor(), after], card=loaded.card)
    assert new(told) == [0, 0]
    assert told[-1].present == len(before.numbers)


def test_a_kept_card_that_is_damaged_or_of_another_model_begins_anew(tmp_path: Path) -> None:
    card, _ = readings(shown(32, [Pose()]))
    save_card(tmp_path / "card.npz", card)
    assert load_card(tmp_path / "card.npz", 3) is None
    assert load_card(tmp_path / "none.npz", 1) is None
    whole = (tmp_path / "card.npz").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", whole[:5000] + bytes(50) + whole[5050:]):
        (tmp_path / "card.npz").write_bytes(damaged)
        assert load_card(tmp_path / "card.npz", 1) is None
