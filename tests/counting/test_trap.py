"""A card's insects are counted once: not when it is moved, lit otherwise or missed by the detector for a picture."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache, lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.boxes import Bools, Image
from edge.calibration import EVERYTHING, Region, shows_board
from edge.census import begun, forgotten_after
from edge.config import CameraTable
from edge.detections import Detections, no_detections
from edge.trap import Card, Kept, Reading, load_card, read_card, save_card
from edge.trap.card import FALLEN_AFTER
from edge.trap.places import Places, in_view, is_same, structure
from edge.trap.reading import FORGOTTEN_AFTER, RESTART_AFTER
from edge.trap.registration import Relief, applied, is_bare, likeness, part, registered, relief, unmoved
from tests.clocks import SetClock
from tests.counting import boards, cards, cutouts
from tests.counting.cards import Picture, Pose


def readings(
    pictures: Iterable[Picture], *, missed: float = 0.0, false: float = 0.0, card: Card | None = None
) -> tuple[Card, list[Reading]]:
    chance = np.random.default_rng(5)
    now, told = card or Card.none(), []
    for picture in pictures:
        found, sure = cards.detected(picture, chance, missed=missed, false=false)
        now, reading = read_card(now, found, sure, picture.image)
        told.append(reading)
    return now, told


def shown(seed: int, poses: list[Pose], *, start: int = 20, arrivals: float = 0.0, falls: float = 0.0) -> list[Picture]:
    return list(_shown(seed, tuple(poses), start, arrivals, falls))


@lru_cache(maxsize=3)  # some tests look at the same; 90 MB
def _shown(seed: int, poses: tuple[Pose, ...], start: int, arrivals: float, falls: float) -> tuple[Picture, ...]:
    chance = np.random.default_rng(seed)
    ground = cards.drawn_ground(chance)
    series = cards.series(chance, len(poses), ground, start=start, arrivals=arrivals, falls=falls, poses=poses, dew=0)
    pictures = tuple(series)
    for picture in pictures:
        picture.image.setflags(write=False)
    return pictures


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


@pytest.mark.parametrize("pose", [Pose(20, 0, 0), Pose(-12, 12, 2), Pose(10, 5, 180), Pose(0, 0, 90)], ids=str)
def test_on_a_card_that_stays_moved_what_comes_to_the_strip_that_came_into_view_counts(pose: Pose) -> None:
    """The strip itself is not new: in the picture that shows the card moved, only the part that was known counts."""
    pictures = shown(2, [Pose()] * 2 + [pose] * 4, start=20, arrivals=4)
    _, told = readings(pictures)
    assert new(told)[3:] == [picture.new for picture in pictures[3:]]
    assert new(told)[2] <= pictures[2].new
    assert [reading.verdict for reading in told] == ["first", *["matched"] * 5]


def test_a_card_that_is_hung_elsewhere_again_and_again_counts_on() -> None:
    places = [Pose(), Pose(10, 10, 0), Pose(-8, -8, 0), Pose(2, -2, 90), Pose(-8, 8, 180), Pose(0, 0, 270)]
    pictures = shown(3, [pose for pose in places for _ in range(2)], start=20, arrivals=3)
    _, told = readings(pictures)
    stays = range(1, 12, 2)
    assert [new(told)[k] for k in stays] == [pictures[k].new for k in stays]
    assert {reading.verdict for reading in told[1:]} == {"matched"}


def test_insects_that_came_are_counted_in_the_picture_that_shows_them() -> None:
    pictures = shown(2, [Pose(0.1 * k, 0, 0) for k in range(5)], start=5, arrivals=4)
    _, told = readings(pictures)
    assert new(told) == [picture.new for picture in pictures]
    assert sum(new(told)) > 5


def test_an_insect_that_the_detector_misses_for_a_picture_is_neither_lost_nor_new() -> None:
    _, told = readings(shown(3, [Pose()] * 8, start=20), missed=0.3)
    seen_late = new(told)[1:]
    assert sum(seen_late) == 0  # they lay there from the start, whenever they were found
    present = [reading.present for reading in told]
    assert present == sorted(present)


def test_an_insect_that_falls_off_leaves_the_present_and_no_negative_count() -> None:
    pictures = shown(4, [Pose()] * 6, start=40, falls=0.1)
    card, told = readings(pictures)
    assert min(new(told)) == 0
    assert told[-1].present <= len(pictures[-3].numbers)
    assert int((card.insects.bare >= FALLEN_AFTER).sum()) >= 3


def test_a_false_detection_on_bare_card_is_no_insect() -> None:
    pictures = shown(6, [Pose()] * 6, start=20)
    _, told = readings([pictures[0]])
    before = told[0].present
    card, _ = readings([pictures[0]])
    _, told = readings(pictures[1:], false=0.3, card=card)
    assert sum(new(told)) <= 1  # one may lie on the writing, half in view
    assert told[-1].present <= before + 1


def test_the_calibration_board_on_a_card_is_no_catch_and_hides_none_that_came_meanwhile() -> None:
    pictures = shown(2, [Pose()] * 4, start=5, arrivals=4)
    sheet = np.repeat(cv2.resize(boards.sheet(1), None, fx=4, fy=4)[..., None], 3, axis=2)
    census, skipped, counted = begun("trap", 1), [], 0
    for picture, has_board in ((0, True), (0, False), (1, True), (1, False)):
        image, xyxy = pictures[picture].image.copy(), pictures[picture].xyxy
        if has_board:
            image[100 : 100 + sheet.shape[0], 300 : 300 + sheet.shape[1]] = sheet
            xyxy = np.array([[380, 180, 420, 220], [500, 340, 540, 380]], np.float32)  # on its squares
        found = Detections(xyxy, np.full(len(xyxy), 0.7, np.float32), np.zeros(len(xyxy), np.int64))
        census, step = census.looked(found, found.confidence > 0.5, 0.0, image)
        skipped.append(step.skipped)
        counted += len(step.counted)
    assert (skipped, counted) == (["board", "", "board", ""], pictures[1].new)


def test_a_board_beside_the_region_that_counts_stops_no_trap() -> None:
    picture, _ = boards.photograph(0)
    beside = Region(((0, 0), (0.1, 0), (0.1, 1), (0, 1)))
    assert (shows_board(picture, EVERYTHING), shows_board(picture, beside)) == (True, False)


def test_a_gap_of_two_days_counts_all_that_came_meanwhile_once() -> None:
    before, _, after = shown(7, [Pose(), Pose(), Pose(2, 1, 1.0)], start=10, arrivals=15)
    _, told = readings([before, after, after])
    assert new(told)[1] == pytest.approx(len(set(after.numbers) - set(before.numbers)), abs=1)
    assert new(told)[2] == 0


@pytest.mark.parametrize("between", [["unmatched"], ["unmatched", "restarted"]])
def test_pictures_of_something_else_count_nothing_and_forget_nothing(between: list[str]) -> None:
    pictures = shown(8, [Pose()] * 3, start=20)
    image = np.random.default_rng(1).integers(0, 255, pictures[0].image.shape, np.uint8)
    hand = Picture(image, pictures[0].numbers, pictures[0].xyxy + 60, 0)
    _, told = readings([pictures[0], *[hand] * len(between), pictures[1], pictures[2]])
    assert [reading.verdict for reading in told] == ["first", *between, "matched", "matched"]
    assert (sum(new(told)), told[-1].present) == (0, told[0].present)


def test_a_new_card_is_noticed_and_what_lies_on_it_is_new() -> None:
    old = shown(9, [Pose()] * 2, start=40)
    chance = np.random.default_rng(77)
    ground = cards.drawn_ground(chance)
    fresh = list(cards.series(chance, 2, np.ascontiguousarray(ground[::-1, ::-1]), start=4, arrivals=0, falls=0, dew=0))
    _, told = readings([*old, *fresh, fresh[1]])
    assert "changed" in [reading.verdict for reading in told]
    assert sum(new(told)) == pytest.approx(len(fresh[1].numbers), abs=1)


def other_card(start: int) -> list[Picture]:
    """A card whose writing is another one, seen in a mirror."""
    chance = np.random.default_rng(78)
    ground = np.ascontiguousarray(cards.drawn_ground(chance)[:, ::-1])
    return list(cards.series(chance, 3, ground, start=start, arrivals=0, falls=0, dew=0))


def test_another_card_with_few_insects_is_a_new_card_from_its_second_picture_on() -> None:
    fresh = other_card(start=6)
    _, told = readings([*shown(12, [Pose()] * 2, start=50), *fresh])
    assert [reading.verdict for reading in told] == ["first", "matched", "unmatched", "changed", "matched"]
    assert new(told) == [0, 0, 0, len(fresh[1].numbers), 0]


def test_another_card_with_few_insects_is_new_however_many_the_model_takes_for_ones_unsurely() -> None:
    lie = [(x, y) for x in range(150, 1200, 260) for y in (150, 650)]
    card, _ = read_card(Card.none(), crosses(*lie), np.ones(10, np.bool_), marked(*lie))
    fresh = np.ascontiguousarray(marked((700, 800), (500, 850))[:, ::-1])
    found = crosses((595, 800), (795, 850), *lie)
    for _ in range(2):
        card, reading = read_card(card, found, np.arange(12) < 2, fresh)
    assert (reading.verdict, len(reading.new), reading.present) == ("changed", 2, 2)


def test_a_card_is_forgotten_once_another_one_in_its_place_was_seen_again() -> None:
    lie = [(x, y) for x in range(150, 1200, 260) for y in (150, 650)]
    before = marked(*lie), crosses(*lie)
    fresh = np.ascontiguousarray(marked((700, 800), (500, 850))[:, ::-1]), crosses((595, 800), (795, 850))
    card, verdicts = Card.none(), []
    for image, found in (before, *[fresh] * 3, before):
        card, reading = read_card(card, found, np.ones(len(found), np.bool_), image)
        verdicts.append(reading.verdict)
    assert verdicts == ["first", "unmatched", "changed", "matched", "unmatched"]


def bare_floor() -> Picture:
    """What the camera sees while the card is out: the trap's floor, darker at its sides."""
    y, x = np.mgrid[0:972, 0:1296]
    light = 185 - 70 * ((x - 648) / 648) ** 2 - 30 * ((y - 486) / 486) ** 2
    image = (light + np.random.default_rng(3).normal(0, 3, light.shape))[..., None].repeat(3, 2).astype(np.uint8)
    return Picture(image, np.empty(0, np.int64), np.empty((0, 4), np.float32), 0)


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


def pushed(picture: Picture, right_px: int) -> Picture:
    """The same card when it, or the camera, was knocked aside by so much."""
    aside = np.array([[1.0, 0, right_px], [0, 1.0, 0]])
    image = cv2.warpAffine(picture.image, aside, (1296, 972), borderMode=cv2.BORDER_REPLICATE)
    xyxy = picture.xyxy + np.array([right_px, 0, right_px, 0], np.float32)
    shows = xyxy[:, 2] < 1296
    return Picture(image, picture.numbers[shows], xyxy[shows], 0)


def test_a_card_of_which_less_than_half_is_left_in_view_begins_anew_and_is_no_catch() -> None:
    before, again = shown(12, [Pose()] * 2, start=50)
    aside = pushed(again, 900)
    assert 0 < len(aside.numbers) < len(again.numbers) / 2
    _, told = readings([before, *[aside] * 3])
    assert [reading.verdict for reading in told] == ["first", "unmatched", "restarted", "matched"]
    assert sum(new(told)) == 0


def test_a_card_that_is_taken_out_and_hung_up_with_less_than_half_of_it_in_view_is_no_catch() -> None:
    before, again = shown(12, [Pose()] * 2, start=50)
    _, told = readings([before, *[bare_floor()] * 2, *[pushed(again, 700)] * 2])
    assert [reading.verdict for reading in told] == ["first", "unmatched", "changed", "restarted", "matched"]
    assert sum(new(told)) == 0


def test_another_card_with_the_same_print_that_hangs_half_a_picture_aside_is_new() -> None:
    fresh = pushed(shown(9, [Pose()], start=8)[0], 700)
    _, told = readings([*shown(12, [Pose()] * 2, start=50), fresh, fresh])
    assert [reading.verdict for reading in told] == ["first", "matched", "unmatched", "changed"]
    assert new(told)[-1] == len(fresh.numbers) > 0


def test_bare_places_of_what_fell_make_no_part_of_a_known_card_of_another_with_the_same_print() -> None:
    cells = [(x, y) for x in range(80, 1250, 130) for y in (100, 220, 600, 740, 880)]
    lie = [cells[k] for k in np.random.default_rng(3).permutation(len(cells))[:30]]
    card, _ = told_of((lie, lie, True), *[(lie[:6], lie[:6], True)] * 2)
    aside = np.array([[1.0, 0, 700], [0, 1.0, 0]])
    fresh = cv2.warpAffine(marked((90, 160), (350, 540)), aside, (1296, 972), borderMode=cv2.BORDER_REPLICATE)
    for _ in range(RESTART_AFTER):
        card, reading = read_card(card, crosses((790, 160), (1050, 540)), np.ones(2, np.bool_), fresh)
    assert (reading.verdict, len(reading.new)) == ("changed", 2)


def sized(picture: Picture, width: int, height: int) -> Picture:
    """As another stream of the camera gives it: in proportions of its own it is drawn out."""
    image = cv2.resize(picture.image, (width, height), interpolation=cv2.INTER_AREA)
    scale = np.tile([width / picture.image.shape[1], height / picture.image.shape[0]], 2)
    return replace(picture, image=image, xyxy=(picture.xyxy * scale).astype(np.float32))


def third(picture: Picture) -> Picture:
    """Of which the model finds a third of the insects, as of a small one."""
    return replace(picture, numbers=picture.numbers[::3], xyxy=picture.xyxy[::3])


def test_a_small_picture_of_a_known_card_makes_no_catch_of_the_insects_that_it_still_shows() -> None:
    large, again = shown(12, [Pose()] * 2, start=50)
    small = third(sized(again, 640, 480))
    _, told = readings([large, *[small] * 3, large])
    assert [reading.verdict for reading in told] == ["first", "unmatched", "restarted", "matched", "unmatched"]
    assert sum(new(told)) == 0


def test_a_camera_that_gives_a_small_picture_between_its_large_ones_counts_by_the_large_ones() -> None:
    pictures = shown(2, [Pose()] * 4, start=5, arrivals=4)[:3]
    small = sized(pictures[0], 640, 480)
    _, told = readings([pictures[0], small, pictures[1], small, small, pictures[2]])
    assert [reading.verdict for reading in told] == [
        "first", "unmatched", "matched", "unmatched", "restarted", "matched",
    ]  # fmt: skip
    assert new(told) == [0, 0, pictures[1].new, 0, 0, pictures[2].new]


def glued(places: list[tuple[int, int]], size: tuple[int, int]) -> tuple[Detections, Bools, Image]:
    """A card without writing with insects at those places of 1296x972 px, in a picture of that size."""
    image = np.full((972, 1296, 3), (60, 190, 200), np.uint8)
    for x, y in places:
        cv2.ellipse(image, (x, y), (12, 8), 30, 0, 360, (25, 25, 30), -1)
    across, down = size[0] / 1296, size[1] / 972
    boxes = np.array([[x - 13, y - 13, x + 13, y + 13] for x, y in places], np.float32).reshape(-1, 4)
    number = len(places)
    found = Detections(
        boxes * np.array([across, down, across, down], np.float32), np.full(number, 0.9, np.float32),
        np.zeros(number, np.int64),
    )  # fmt: skip
    return found, np.ones(number, np.bool_), cv2.resize(image, size, interpolation=cv2.INTER_AREA)


PLACES = [(130 + 150 * k, 140 + 97 * (k * 5 % 8)) for k in range(8)]
USUAL = (1296, 972)


@pytest.mark.parametrize("size", [(2592, 1944), (1280, 960), (1280, 720), (640, 480)])
def test_the_first_night_of_an_empty_card_counts_also_in_pictures_of_another_size(
    size: tuple[int, int],
) -> None:
    card, told = Card.none(), 0
    for places, sides in [([], USUAL)] * 3 + [([], size)] * 3 + [(PLACES, size)]:
        card, reading = read_card(card, *glued(places, sides))
        told += len(reading.new)
    assert (reading.verdict, told) == ("matched", 8)


def test_few_insects_without_writing_are_known_in_a_picture_twice_as_large() -> None:
    card, told = Card.none(), []
    for places, size in [(PLACES[:2], USUAL), (PLACES[:2], (2592, 1944)), (PLACES[:5], (2592, 1944))]:
        card, reading = read_card(card, *glued(places, size))
        told.append((reading.verdict, len(reading.new)))
    assert told == [("first", 0), ("matched", 0), ("matched", 3)]


def test_a_card_does_not_drift_while_its_pictures_take_turns_in_two_sizes() -> None:
    """Its scale was sought anew in each: after 40 pictures it was off by 4 px at the corner, and what lay there new."""
    pictures = shown(12, [Pose()] * 2, start=50)
    card, _ = readings(pictures[:1])
    for number in range(6):
        picture = sized(pictures[1], 1400, 1050) if number % 2 == 0 else pictures[1]
        card, told = readings([picture], card=card)
        assert told[0].verdict == "matched"
    corner = np.array([[1296.0, 972.0]])
    assert np.abs(applied(card.known_places.lies, corner) - corner).max() < 0.2


@pytest.mark.parametrize("height", [729, 864, 960])
def test_a_picture_that_is_drawn_out_of_shape_makes_no_catch_of_what_was_overlooked(height: int) -> None:
    before, again = shown(12, [Pose()] * 2, start=50)
    _, told = readings([third(before), *[sized(again, 1296, height)] * 2])
    assert [reading.verdict for reading in told] == ["first", "unmatched", "restarted"]
    assert sum(new(told)) == 0


def test_a_card_is_known_in_a_picture_that_lies_where_it_stood_and_has_its_sides_but_for_a_rounded_px() -> None:
    before, again = shown(12, [Pose()] * 2, start=50)
    lying = cv2.rotate(again.image, cv2.ROTATE_90_CLOCKWISE)
    nothing, nobody = no_detections(), np.empty(0, np.bool_)
    card, _ = readings([before])
    for image in (lying, np.ascontiguousarray(lying[:, 1:])):
        card, reading = read_card(card, nothing, nobody, image)
        assert reading.verdict == "matched"


@pytest.mark.parametrize("until", [0, 1])
def test_what_was_overlooked_in_the_corner_of_a_small_picture_is_not_new_in_a_large_one_of_its_shape(
    until: int,
) -> None:
    """Compared at 1300 px, the larger one shows all things 0.3 % larger: off by 4 px there."""
    image, corner = marked(*STAY), [(1255 + 20 * (k % 2), 800 + 22 * k) for k in range(7)]
    for x, y in corner:
        cv2.line(image, (x - 6, y), (x + 6, y), (30, 30, 40), 3)
    specks = np.array([[x - 8, y - 5, x + 8, y + 5] for x, y in corner], np.float32)
    card, _ = read_card(Card.none(), crosses(*STAY), np.ones(4, np.bool_), image)
    large = cv2.resize(image, (2592, 1944), interpolation=cv2.INTER_CUBIC)
    for picture in range(until + 1):
        xyxy = 2 * np.concatenate([crosses(*STAY).xyxy, specks if picture == until else specks[:0]])
        found = Detections(xyxy, np.full(len(xyxy), 0.9, np.float32), np.zeros(len(xyxy), np.int64))
        card, reading = read_card(card, found, np.ones(len(xyxy), np.bool_), large)
        assert (reading.verdict, len(reading.new)) == ("matched", 0)
    assert reading.present == 11


@cache
def _ground() -> np.ndarray:
    """(972, 1296, 3) uint8, drawn once: some tests show it thirty times."""
    ground = cards.drawn_ground(np.random.default_rng(3))
    ground.setflags(write=False)
    return ground


def marked(*places: tuple[int, int], light: float = 1.0) -> np.ndarray:
    """A drawn card with a dark cross of 40 px at each place."""
    image = _ground().copy()
    for x, y in places:
        cv2.line(image, (x - 15, y - 15), (x + 15, y + 15), (30, 30, 40), 9)
        cv2.line(image, (x - 15, y + 15), (x + 15, y - 15), (30, 30, 40), 9)
    return image if light == 1 else np.clip(image.astype(np.float32) * light, 0, 255).astype(np.uint8)


def crosses(*places: tuple[int, int]) -> Detections:
    n = len(places)
    xyxy = np.array([[x - 20, y - 20, x + 20, y + 20] for x, y in places], np.float32).reshape(n, 4)
    return Detections(xyxy, np.full(n, 0.9, np.float32), np.zeros(n, np.int64))


def told_of(
    *pictures: tuple[list[tuple[int, int]], list[tuple[int, int]], bool],
    card: Card | None = None,
    forgotten_after: int = FORGOTTEN_AFTER,
) -> tuple[Card, list[Reading]]:
    """After pictures of (crosses on the card, crosses that were found, surely?)."""
    now, told = card or Card.none(), []
    for lie, found, sure in pictures:
        looked = crosses(*found), np.full(len(found), sure), marked(*lie)
        now, reading = read_card(now, *looked, forgotten_after=forgotten_after)
        told.append(reading)
    return now, told


LEFT_HALF = Region(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
STAY = [(200, 200), (900, 250), (300, 700), (1000, 800)]


@pytest.mark.parametrize(
    ("to", "is_new"), [((650, 200), 0), ((600, 250), 0), ((680, 200), 0), ((600, 290), 0), ((780, 200), 1)]
)
def test_an_insect_that_struggles_on_in_the_glue_is_not_new_and_one_five_lengths_off_is(
    to: tuple[int, int], is_new: int
) -> None:
    before, after = [*STAY, (600, 200)], [*STAY, to]
    _, told = told_of((before, before, True), (after, after, True), (after, after, True))
    assert new(told) == [0, is_new, 0]
    assert [reading.present for reading in told] == [5, 5 + is_new, 5]  # a place is bare once two pictures show it so


BLACK, RUSTY, OLIVE, RED = (30, 30, 40), (30, 30, 60), (30, 80, 90), (30, 30, 140)


def coloured(*crosses_to_draw: tuple[tuple[int, int], tuple[int, int, int]]) -> Image:
    """The card of STAY with crosses of other colours."""
    image = marked(*STAY)
    for (x, y), colour in crosses_to_draw:
        cv2.line(image, (x - 15, y - 15), (x + 15, y + 15), colour, 9)
        cv2.line(image, (x - 15, y + 15), (x + 15, y - 15), colour, 9)
    return image


@pytest.mark.parametrize(
    ("came", "is_new"),
    [
        pytest.param([((650, 200), OLIVE)], [], id="it turned and shines"),
        pytest.param([((650, 200), RED)], [0], id="another kind"),
        pytest.param([((640, 200), RUSTY), ((600, 310), BLACK)], [1], id="of two that look alike the nearer was there"),
        pytest.param([((640, 200), OLIVE), ((600, 260), BLACK)], [0], id="of two near ones the one that looks alike"),
    ],
)
def test_what_lies_beside_a_place_that_became_bare_is_the_same_insect_if_it_is_near_and_looks_alike(
    came: list[tuple[tuple[int, int], tuple[int, int, int]]], is_new: list[int]
) -> None:
    card, _ = read_card(Card.none(), crosses(*STAY, (600, 200)), np.ones(5, np.bool_), marked(*STAY, (600, 200)))
    after = crosses(*STAY, *[at for at, _ in came])
    _, reading = read_card(card, after, np.ones(len(after), np.bool_), coloured(*came))
    assert reading.new_xyxy.tolist() == [after.xyxy[4 + k].tolist() for k in is_new]


def test_a_card_that_hangs_so_crooked_that_most_insects_are_out_of_view_is_no_other_one() -> None:
    corners, turn = [(40, 40), (1256, 40), (40, 932), (1256, 932)], cv2.getRotationMatrix2D((648, 486), 10, 1.0)
    lie = [(900, 250), (300, 700), (1000, 800), *corners]
    crooked = cv2.warpAffine(marked(*lie), turn, (1296, 972), borderValue=(60, 200, 210))
    in_view = crosses(*[(round(x), round(y)) for x, y in applied(turn, np.array(lie[:3], np.float64)).tolist()])
    card, told = Card.none(), []
    for image, found in ((marked(*lie), crosses(*lie)), (crooked, in_view), (marked(*lie), crosses(*lie))):
        card, reading = read_card(card, found, np.ones(len(found), np.bool_), image)
        told.append((reading.verdict, len(reading.new), reading.present))
    assert told == [("first", 0, 7), ("matched", 0, 7), ("matched", 0, 7)]


def test_a_card_whose_insects_all_turn_pale_is_no_other_one() -> None:
    lie = [(600, 200), (600, 700), (700, 350), (450, 600), (150, 450), (1100, 500)]
    card, found = Card.none(), crosses(*STAY, *lie)
    for colour in (BLACK, (55, 150, 160)):
        card, reading = read_card(card, found, np.ones(10, np.bool_), coloured(*[(at, colour) for at in lie]))
    assert (reading.verdict, len(reading.new), reading.present) == ("matched", 0, 10)


def test_a_part_of_a_known_insect_that_is_boxed_alone_is_no_second_one() -> None:
    card, _ = read_card(Card.none(), crosses(*STAY), np.ones(4, np.bool_), marked(*STAY))
    leg = replace(crosses(*STAY), xyxy=np.vstack([[[206, 206, 222, 222]], crosses(*STAY).xyxy[1:]]).astype(np.float32))
    _, reading = read_card(card, leg, np.ones(4, np.bool_), marked(*STAY))
    assert (len(reading.new), reading.present) == (0, 4)


def test_a_small_insect_that_lands_half_on_a_large_one_is_new_also_while_the_model_misses_that() -> None:
    before = marked(*STAY)
    cv2.ellipse(before, (600, 300), (35, 35), 0, 0, 360, (30, 30, 40), 6)
    after = before.copy()
    cv2.drawMarker(after, (642, 300), (30, 30, 40), cv2.MARKER_TILTED_CROSS, 20, 7)
    card = Card.none()
    for image, box in ((before, (560, 260, 640, 340)), (after, (629, 287, 655, 313))):
        xyxy = np.vstack([crosses(*STAY).xyxy, np.array([box], np.float32)])
        card, reading = read_card(card, replace(crosses(*STAY, STAY[0]), xyxy=xyxy), np.ones(5, np.bool_), image)
    assert (len(reading.new), reading.present) == (1, 6)


def test_an_insect_whose_box_was_off_at_first_is_known_where_it_has_been_found_since() -> None:
    off_px = (16, 0, 0, 0, -16)
    seen = [([*STAY, (600, 200)], [*STAY, (600 + off, 200)], True) for off in off_px]
    _, told = told_of((STAY, STAY, True), *seen)
    assert new(told) == [0, 1, 0, 0, 0, 0]


def test_an_insect_is_known_by_its_last_look_when_it_struggles_on() -> None:
    card, told = Card.none(), []
    for at, colour in (((600, 200), BLACK), ((600, 200), RED), ((650, 200), RED)):
        found = crosses(*STAY, at)
        card, reading = read_card(card, found, np.ones(5, np.bool_), coloured((at, colour)))
        told.append(reading)
    assert new(told) == [0, 0, 0]


@pytest.mark.parametrize(("off_px", "comes", "is_new"), [(20, [], 0), (34, [(234, 200)], 1)])
def test_a_box_half_an_insect_off_is_of_the_one_that_is_known_and_one_beside_it_of_another(
    off_px: int, comes: list[tuple[int, int]], is_new: int
) -> None:
    _, told = told_of((STAY, STAY, True), ([*STAY, *comes], [(200 + off_px, 200), *STAY[1:]], True))
    assert (new(told), told[-1].present) == ([0, is_new], 4 + is_new)


@pytest.mark.parametrize("evening", [[0.3, 0.3, 0.3], [0.25, 0.7, 1.0]], ids=["it grows dark", "the light grows red"])
def test_an_insect_that_struggles_on_while_the_light_changes_is_not_new(evening: list[float]) -> None:
    card, told = Card.none(), []
    for to, light in (((600, 200), [1.0] * 3), ((650, 200), evening), ((650, 200), evening)):
        image = (coloured((to, (90, 140, 150))) * light).astype(np.uint8)
        card, reading = read_card(card, crosses(*STAY, to), np.full(5, fill_value=True), image)
        told.append(reading)
    assert new(told) == [0, 0, 0]


def behind(picture: Picture, kind: str) -> Picture:
    """The same with a leaf on a quarter of the card, or a drop of water before it on the lens."""
    over = np.zeros(picture.image.shape[:2], np.uint8)
    cv2.ellipse(over, (650, 480), (370, 280), 20, 0, 360, 255, cv2.FILLED)
    cover = (
        np.full_like(picture.image, (40, 110, 60)) if kind == "leaf" else cv2.GaussianBlur(picture.image, (0, 0), 22)
    )
    image = np.where(over[..., None] > 0, cover, picture.image)
    x, y = ((picture.xyxy[:, :2] + picture.xyxy[:, 2:]) / 2).astype(int).clip(0, [1295, 971]).T
    shows = over[y, x] == 0
    return Picture(image, picture.numbers[shows], picture.xyxy[shows], picture.new)


@pytest.mark.parametrize("kind", ["leaf", "drop"])
def test_what_a_leaf_or_a_drop_on_the_lens_hides_for_a_night_is_not_new_when_it_goes(kind: str) -> None:
    *evening, morning = shown(8, [Pose()] * 4, start=40, arrivals=3)
    covered = behind(evening[-1], kind)
    assert len(covered.numbers) < len(evening[-1].numbers) - 5
    _, told = readings([*evening, evening[-1], *[covered] * 5, evening[-1], morning])
    assert new(told) == [*[picture.new for picture in evening], *[0] * 7, morning.new]
    assert told[-1].present == len(morning.numbers)


@pytest.mark.parametrize(
    ("every_s", "fed", "pictures"),
    [(60.0, False, 1440), (3600.0, False, 24), (7200.0, False, 24), (0.0, False, 86_400), (60.0, True, 24)],
)
def test_a_hidden_insect_is_remembered_for_the_pictures_of_a_day(every_s: float, pictures: int, *, fed: bool) -> None:
    assert forgotten_after(CameraTable(kind="folder", mode="trap", every_s=every_s, fed=fed)) == pictures


def behind_grass(image: Image) -> tuple[Image, Bools]:
    """With sunlit blades of grass before the half of it; and where they are (h, w)."""
    grass, over = np.full_like(image, (40, 110, 60)), np.zeros(image.shape[:2], np.uint8)
    for x in range(-1300, 1300, 40):
        cv2.line(grass, (x, 0), (x + 972, 972), (130, 245, 200), 9)
    cv2.ellipse(over, (650, 300), (800, 360), 0, 0, 360, 255, cv2.FILLED)
    return np.where(over[..., None] > 0, grass, image), over > 0


def test_a_card_half_behind_grass_in_the_sun_is_known_and_counts_what_comes_to_the_rest() -> None:
    rows = np.array([(x, y) for x in range(100, 1250, 150) for y in (100, 550, 700, 850)])
    lie = (rows + np.random.default_rng(4).integers(-25, 26, rows.shape)).tolist()
    card, _ = read_card(Card.none(), crosses(*lie), np.ones(32, np.bool_), marked(*lie))
    told = []
    for came in ([], [(620, 780)]):
        image, over = behind_grass(marked(*lie, *came))
        free = [(x, y) for x, y in [*lie, *came] if not over[max(0, y - 25) : y + 25, x].any()]
        card, reading = read_card(card, crosses(*free), np.ones(len(free), np.bool_), image)
        told.append((reading.verdict, len(reading.new)))
    assert told == [("matched", 0), ("matched", 1)]


def test_an_insect_that_lands_beside_a_place_that_has_long_been_bare_is_new() -> None:
    """It looks like the one that fell there."""
    before, after = [*STAY, (600, 200)], [*STAY, (680, 200)]
    _, told = told_of(*[(at, at, True) for at in (*[before] * 2, *[STAY] * 3, *[after] * 2)])
    assert new(told) == [0] * 5 + [1, 0]
    assert {reading.verdict for reading in told[1:]} == {"matched"}
    assert [reading.covered for reading in told[3:5]] == pytest.approx([0.8 * told[0].covered] * 2, rel=0.01)


def test_what_lands_where_something_has_long_gone_is_new() -> None:
    """Places of each morning's dew, which the model may take for insects, would make the card blind."""
    wet = [*STAY, (600, 200)]
    pictures = (*[STAY] * 2, *[wet] * 3, *[STAY] * 11)
    card, told = told_of(*[(at, at, True) for at in pictures], forgotten_after=12)
    assert new(told) == [0, 0, 1, *[0] * 13]
    for bare, is_new in ((0, 0), (3, 1)):  # pictures more
        come = [STAY] * bare + [wet]
        after, told = told_of(*[(at, at, True) for at in come], card=card, forgotten_after=12)
        assert new(told) == [*[0] * bare, is_new]
        assert len(after.insects) == len(wet)


def test_a_card_that_was_changed_for_one_of_the_same_print_hides_newcomers_for_a_quarter_of_the_time_alone() -> None:
    lie = [*STAY, (600, 200), (600, 700)]
    card, told = told_of(*[(at, at, True) for at in ([], lie, lie, *[[]] * 29)], forgotten_after=120)
    assert new(told) == [0, len(lie), *[0] * 30]
    assert told[3].verdict == "changed"
    for bare, is_new in ((0, 0), (3, 1)):  # pictures more
        come = [*[[]] * bare, STAY[:1]]
        _, told = told_of(*[(at, at, True) for at in come], card=card, forgotten_after=120)
        assert new(told) == [*[0] * bare, is_new]


def test_of_more_places_than_are_remembered_those_that_have_long_been_bare_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.trap.reading.MOST_GONE", 2)
    first, second, third = [(600, 200), (600, 450), (600, 700)]
    shown = [[], [*STAY, first, second, third], [*STAY, second, third], [*STAY, third], *[STAY] * 3]
    _, told = told_of(*[(at, at, True) for at in (*shown, [*STAY, second, third], [*STAY, first, second, third])])
    assert new(told) == [0, len(shown[1]), *[0] * 6, 1]


@pytest.mark.parametrize("forgotten_after", [24, 1440])
def test_a_card_whose_insects_go_within_two_pictures_is_changed_once(forgotten_after: int) -> None:
    lie, card, told = [(x, y) for y in (200, 450, 700, 900) for x in range(150, 1200, 180)], Card.none(), []
    for places in ([], lie, lie, lie[:11], lie[:4], lie[:4]):
        found, sure = crosses(*places), np.ones(len(places), np.bool_)
        card, reading = read_card(card, found, sure, marked(*places), forgotten_after=forgotten_after)
        told.append(reading.verdict)
    assert told[3:] == ["changed", "matched", "matched"]


def test_insects_that_fell_one_by_one_make_no_new_card() -> None:
    """In the end more places are bare than insects are left."""
    lie = [(x, y) for y in (200, 700) for x in range(150, 1200, 130)]
    pictures = [lie[: len(lie) - fallen // 2] for fallen in range(2 * len(lie) - 12)]
    _, told = told_of(*[(at, at, True) for at in pictures])
    assert {reading.verdict for reading in told[1:]} == {"matched"}
    assert told[-1].present == pytest.approx(len(pictures[-1]), abs=1)


def test_an_insect_of_which_the_model_is_unsure_counts_in_the_second_picture_that_shows_it() -> None:
    more = [*STAY, (600, 600)]
    card, told = told_of((STAY, STAY, True), (more, [(600, 600)], False), (more, [], True), (more, more, True))
    assert new(told) == [0, 0, 0, 1]
    assert [reading.present for reading in told] == [4, 4, 4, 5]
    assert len(card.insects) == 5


@pytest.mark.parametrize("looks", [(0.3, 0.3, 0.9), (None, 0.3, 0.9), (None, 0.3, 0.3)], ids=str)
def test_what_lay_there_from_the_start_is_never_new_however_unsure_the_model_was_of_it(
    looks: tuple[float | None, ...],
) -> None:
    card, told = Card.none(), []
    for confidence in looks:
        found = crosses(*STAY) if confidence is None else crosses(*STAY, (600, 600))
        sure = np.arange(len(found)) < (5 if confidence == 0.9 else 4)
        card, reading = read_card(card, found, sure, marked(*STAY, (600, 600)))
        told.append(reading)
    assert new(told) == [0, 0, 0]
    assert reading.present == (5 if looks[-1] == 0.9 else 4)


@pytest.mark.parametrize(("hung", "left", "verdict"), [(5, 2, "matched"), (6, 2, "changed"), (6, 3, "matched")])
def test_a_card_of_which_most_insects_are_gone_at_once_is_another_unless_there_were_few(
    hung: int, left: int, verdict: str
) -> None:
    lie = [*STAY, (600, 200), (600, 700)][:hung]
    bare = lie[:left], lie[:left], True
    _, told = told_of((lie, lie, True), bare, bare)
    assert [reading.verdict for reading in told] == ["first", verdict, "matched"], "the second hour it hung"


def test_what_fell_before_does_not_count_among_the_insects_of_which_most_are_gone_at_once() -> None:
    lie = [(x, y) for x in range(150, 1200, 260) for y in (150, 650)]
    _, told = told_of(*[(left, left, True) for left in (lie, lie[:6], lie[:6], lie[:2])])
    assert [reading.verdict for reading in told] == ["first", "matched", "matched", "changed"]


def test_a_card_that_lost_half_of_its_insects_is_another_when_the_rest_is_gone_in_the_next_picture() -> None:
    lie = [(x, y) for x in range(150, 1200, 260) for y in (150, 650)]
    _, told = told_of(*[(left, left, True) for left in (lie, lie[:5], [], [])])
    assert [reading.verdict for reading in told] == ["first", "matched", "changed", "matched"]


def test_an_insect_of_which_the_model_was_unsure_and_that_is_gone_is_forgotten() -> None:
    more = [*STAY, (600, 600)]
    card, told = told_of((STAY, STAY, True), (more, [*STAY, (600, 600)], False), (STAY, STAY, True))
    assert sum(new(told)) == 0
    assert len(card.insects) == 4


def test_a_card_turned_by_a_quarter_keeps_the_sides_of_its_insects() -> None:
    upright = cards.drawn_ground(np.random.default_rng(3))
    centres = np.array([(500, 200), (600, 700), (700, 300), (450, 500), (800, 600)])
    for x, y in centres.tolist():
        cv2.rectangle(upright, (x - 30, y - 10), (x + 30, y + 10), (30, 30, 40), cv2.FILLED)
    quarter = cv2.getRotationMatrix2D((648, 486), 90, 1.0)
    turned, half = cv2.warpAffine(upright, quarter, (1296, 972), borderValue=(60, 200, 210)), np.array([35, 14])
    moved = applied(quarter, centres)
    sure = np.ones(5, np.bool_)
    lying, standing = (
        Detections(
            np.hstack([at - sides, at + sides]).astype(np.float32), np.full(5, 0.9, np.float32), np.zeros(5, int)
        )
        for at, sides in ((centres, half), (moved, half[::-1]))
    )
    card, _ = read_card(Card.none(), lying, sure, upright)
    card, reading = read_card(card, standing, sure, turned)
    assert (reading.verdict, len(reading.new), len(card.insects)) == ("matched", 0, 5)
    assert card.insects.xyxy[:, 2:] - card.insects.xyxy[:, :2] == pytest.approx(np.tile(2 * half, (5, 1)), abs=1)


def test_a_card_that_is_pushed_on_and_on_counts_what_comes_and_is_no_larger_than_its_picture() -> None:
    """As on a roll: nothing of the first picture is in view at the end."""
    chance = np.random.default_rng(5)
    roll = np.clip(np.array([60, 200, 210]) + chance.normal(0, 3, (972, 3400, 1)), 0, 255).astype(np.uint8)
    lie = [
        (x + int(chance.integers(60)), y + int(chance.integers(60))) for x in range(60, 3300, 120) for y in (150, 600)
    ]
    card, told = Card.none(), []
    for left in range(0, 2000, 400):
        for arrived in ([], [(left + 1200, 400)]):  # where the last push brought new card into view
            lie += arrived
            for x, y in lie:
                cv2.drawMarker(roll, (x, y), (30, 30, 40), cv2.MARKER_TILTED_CROSS, 30, 9)
            found = crosses(*[(x - left, y) for x, y in lie if 20 < x - left < 1276])
            sure = np.ones(len(found), np.bool_)
            card, reading = read_card(card, found, sure, np.ascontiguousarray(roll[:, left : left + 1296]))
            told.append(reading)
            assert card.places is not None
            assert card.places.last.shape == (972, 1296)
    assert told[-1].present == pytest.approx(len(found), abs=1)
    assert new(told) == [0, 1] * 5
    assert [reading.verdict for reading in told[1:]] == ["matched"] * 9


def test_the_part_of_a_card_that_is_kept_follows_the_picture_and_shifts_what_lies_there() -> None:
    chance = np.random.default_rng(1)
    seen = chance.normal(0, 9, (90, 120)).astype(np.float32)
    places = Places(seen, seen * 2, chance.random((90, 120)) > 0.5, unmoved())
    followed, shift = places.around(np.array([[1.0, 0, -30], [0, 1.0, 12]]), (120, 90))
    assert shift.tolist() == followed.lies.tolist() == [[1, 0, 30], [0, 1, -12]]
    for before, now in ((places.first, followed.first), (places.last, followed.last), (places.ever, followed.ever)):
        assert now.shape == (90, 120)
        assert (now[:78, 30:] == before[12:, :90]).all()
        assert not now[78:].any()
        assert not now[:, :30].any()
    quarter, _ = places.around(np.array([[0, 1.0, 15], [-1.0, 0, 105]]), (120, 90))
    assert quarter.last.shape == (120, 90)
    assert (quarter.last[15:105] == places.last[:, 15:105]).all()
    within = np.array([[1.0, 0, 8], [0, 1.0, -8]])
    assert places.around(within, (120, 90))[0] is places


def read_in(region: Region, pictures: list[Picture], card: Card) -> tuple[Card, list[Reading]]:
    told = []
    for picture in pictures:
        found, sure = cards.detected(picture, np.random.default_rng(5))
        inside = region.holds(found.xyxy, 1296, 972)
        card, reading = read_card(card, found.where(inside), sure[inside], picture.image, region)
        told.append(reading)
    return card, told


def count_in(region: Region, picture: Picture) -> int:
    return int(region.holds(picture.xyxy, 1296, 972).sum())


def arrived_in(region: Region, before: Picture, now: Picture) -> int:
    came = ~np.isin(now.numbers, before.numbers)
    return int((came & region.holds(now.xyxy, 1296, 972)).sum())


@pytest.mark.parametrize("seed", range(3))
def test_a_region_that_grows_brings_nothing_new_with_it_and_counts_there_from_the_next_picture_on(seed: int) -> None:
    *before, grown, last = shown(seed, [Pose()] * 8, start=20, arrivals=5)
    card, _ = read_in(LEFT_HALF, before, Card.none())
    _, told = read_in(EVERYTHING, [grown, last], card)
    assert arrived_in(EVERYTHING, before[0], grown) - arrived_in(LEFT_HALF, before[0], grown) > 5
    assert new(told) == [arrived_in(LEFT_HALF, before[-1], grown), last.new]
    assert [reading.present for reading in told] == [count_in(EVERYTHING, one) for one in (grown, last)]


@pytest.mark.parametrize("seed", range(3))
def test_a_region_that_shrinks_tells_of_what_lies_inside_and_growing_again_brings_nothing_new(seed: int) -> None:
    first, *before, shrunk, meanwhile, grown, last = shown(seed, [Pose()] * 8, start=20, arrivals=5)
    card, _ = read_in(EVERYTHING, [first, *before], Card.none())
    card, told = read_in(LEFT_HALF, [shrunk, meanwhile], card)
    assert new(told) == [arrived_in(LEFT_HALF, a, b) for a, b in ((before[-1], shrunk), (shrunk, meanwhile))]
    assert [reading.present for reading in told] == [count_in(LEFT_HALF, one) for one in (shrunk, meanwhile)]
    _, alone = read_in(LEFT_HALF, [meanwhile], Card.none())
    assert told[-1].covered == pytest.approx(alone[0].covered, rel=0.05)
    _, told = read_in(EVERYTHING, [grown, last], card)
    assert new(told) == [arrived_in(LEFT_HALF, meanwhile, grown), last.new]


def test_an_insect_that_came_beside_the_region_is_not_new_when_the_region_grows_over_it() -> None:
    """Its dark head lies where the region was, its middle beyond."""
    came = marked(*STAY)
    cv2.rectangle(came, (637, 482), (646, 518), (30, 30, 40), cv2.FILLED)
    cv2.line(came, (647, 500), (672, 500), (60, 150, 160), 3)
    inside = crosses(*[place for place in STAY if place[0] < 648])
    card, _ = read_card(Card.none(), inside, np.ones(2, np.bool_), marked(*STAY), LEFT_HALF)
    _, reading = read_card(card, crosses(*STAY, (654, 500)), np.ones(5, np.bool_), came)
    assert (reading.verdict, len(reading.new), reading.present) == ("matched", 0, 5)


def test_an_insect_at_the_border_of_the_region_counts_once_also_when_the_card_trembles() -> None:
    """With its middle inside it counts; then it trembles out and in again, and its box is found 3 px off."""
    card, told = Card.none(), []
    empty, full = marked(*STAY), marked(*STAY, (647, 500))
    inside = [at for at in STAY if at[0] < 648]
    for image, right_px, found in (
        (empty, 0, inside),
        (full, 0, [*inside, (647, 500)]),
        (np.roll(full, 7, axis=1), 7, inside),
        (full, 0, [*inside, (644, 500)]),
    ):
        at = crosses(*[(x + right_px, y) for x, y in found])
        card, reading = read_card(card, at, np.ones(len(at), np.bool_), image, LEFT_HALF)
        told.append(reading)
    assert new(told) == [0, 1, 0, 0]


def test_an_insect_that_the_edge_of_the_picture_cuts_counts_once_when_the_card_is_moved_and_put_back() -> None:
    empty, full = marked(*STAY), marked(*STAY, (10, 500))
    away = cv2.warpAffine(full, np.array([[1.0, 0, -20], [0, 1.0, 0]]), (1296, 972), borderMode=cv2.BORDER_REPLICATE)
    card, told = Card.none(), []
    for image, found in (
        (empty, crosses(*STAY).xyxy),
        (full, crosses(*STAY, (10, 500)).xyxy.clip(min=0)),
        (away, crosses(*[(x - 20, y) for x, y in STAY]).xyxy),
        (full, crosses(*STAY, (10, 500)).xyxy.clip(min=[7, 0, 0, 0])),
    ):
        n = len(found)
        detections = Detections(found.astype(np.float32), np.full(n, 0.9, np.float32), np.zeros(n, np.int64))
        card, reading = read_card(card, detections, np.ones(n, np.bool_), image)
        told.append(reading)
    assert new(told) == [0, 1, 0, 0]


def test_an_insect_that_the_edge_cuts_covers_the_card_also_when_it_trembles() -> None:
    lie, covered, card = [*STAY, (10, 500)], [], Card.none()
    for right_px in (0, 6):
        image = cv2.warpAffine(marked(*lie), np.array([[1.0, 0, right_px], [0, 1.0, 0]]), (1296, 972))
        found = crosses(*[(x + right_px, y) for x, y in lie])
        found = replace(found, xyxy=found.xyxy.clip(min=0))
        card, reading = read_card(card, found, np.ones(5, np.bool_), image)
        covered.append(reading.covered)
    assert reading.verdict == "matched"
    assert covered[1] == pytest.approx(covered[0], rel=0.01)


def test_an_insect_that_was_overlooked_while_the_edge_cut_it_is_not_new_once_the_card_shows_all_of_it() -> None:
    whole = marked(*STAY, (22, 500))
    cut = cv2.warpAffine(whole, np.array([[1.0, 0, -20], [0, 1.0, 0]]), (1296, 972), borderMode=cv2.BORDER_REPLICATE)
    card, _ = read_card(Card.none(), crosses(*[(x - 20, y) for x, y in STAY]), np.ones(4, np.bool_), cut)
    _, reading = read_card(card, crosses(*STAY, (22, 500)), np.ones(5, np.bool_), whole)
    assert (reading.verdict, len(reading.new), reading.present) == ("matched", 0, 5)


def test_a_false_detection_where_something_lay_that_was_overlooked_and_has_gone_is_no_insect() -> None:
    _, told = told_of(([*STAY, (600, 600)], STAY, True), (STAY, [*STAY, (600, 600)], True))
    assert (new(told), told[-1].present) == ([0, 0], 4)


def test_what_comes_into_the_region_because_the_card_was_moved_is_not_new() -> None:
    pictures = shown(6, [Pose()] * 6 + [Pose(-15, 0, 0)] * 3, start=20, arrivals=5)
    _, told = read_in(LEFT_HALF, pictures, Card.none())
    assert count_in(LEFT_HALF, pictures[6]) > count_in(LEFT_HALF, pictures[5])
    assert new(told)[6] <= arrived_in(LEFT_HALF, pictures[5], pictures[6])
    assert new(told)[7:] == [arrived_in(LEFT_HALF, pictures[k - 1], pictures[k]) for k in (7, 8)]


def test_boxes_that_overlap_cover_the_card_once() -> None:
    boxes = crosses(*STAY)
    twice = Detections(
        np.concatenate([boxes.xyxy, boxes.xyxy + np.array([10, 0, 10, 0], np.float32)]),
        np.full(8, 0.9, np.float32),
        np.zeros(8, np.int64),
    )
    _, reading = read_card(Card.none(), twice, np.ones(8, np.bool_), marked(*STAY))
    assert reading.covered == pytest.approx(0.56 * 4 * 50 * 40 / (972 * 1296), rel=0.01)


def test_a_place_is_the_same_while_its_structure_differs_by_less_than_six_tenths() -> None:
    bare, thing = np.zeros((40, 40), np.float32), np.zeros((40, 40), np.float32)
    thing[10:20, 10:20] = 40
    box = np.array([[10, 10, 20, 20], [25, 25, 35, 35], [-9, -9, 3, 3]], np.float32)
    assert structure(thing, box).tolist() == [40, 0, 0]
    assert is_same(thing, bare, box).tolist() == [False, True, True]
    assert is_same(thing * 0.2, bare, box).tolist() == [False, True, True]  # 8 grey levels
    assert is_same(thing * 0.125, bare, box).all()
    assert is_same(thing, thing * 0.5, box).all()
    assert is_same(thing, thing * 0.3, box).tolist() == [False, True, True]


def test_a_box_is_in_view_from_six_tenths_of_it_on() -> None:
    view = np.zeros((40, 40), np.bool_)
    view[:, :20] = True
    boxes = np.array([[14, 0, 24, 10], [15, 0, 25, 10], [25, 0, 35, 10], [-30, 0, 10, 10]], np.float32)
    assert in_view(view, boxes).tolist() == [True, False, False, False]


def test_what_comes_into_view_later_is_known_by_its_first_look_and_what_left_by_its_last() -> None:
    one, other = np.full((2, 2), 1, np.float32), np.full((2, 2), 5, np.float32)
    left = np.array([[True, False], [True, False]])
    places = Places(one, one, left, unmoved()).seen(other, ~left, ~left, unmoved())
    assert places.first.tolist() == places.last.tolist() == [[1, 5], [1, 5]]
    assert places.ever.all()
    later = places.seen(one * 9, left, left, unmoved())
    assert (later.first.tolist(), later.last.tolist()) == ([[1, 5], [1, 5]], [[9, 5], [9, 5]])


def test_a_card_lies_where_it_lay_until_it_is_moved_further_than_a_mount_trembles() -> None:
    everywhere = np.ones((2, 2), np.bool_)
    places = Places(*[np.zeros((2, 2), np.float32)] * 2, everywhere, unmoved())
    for off_px, lies_px in ((6, 0), (-6, 0), (9, 9), (3, 9), (0, 0)):
        move = np.array([[1.0, 0, off_px], [0, 1.0, 0]])
        places = places.seen(places.last, everywhere, everywhere, move)
        assert places.lies[0, 2] == lies_px


def test_a_card_is_like_itself_in_half_the_light_and_unlike_another() -> None:
    card, other = relief(marked(*STAY)), relief(marked(light=0.9)[::-1, ::-1].copy())
    assert likeness(card, relief(marked(*STAY, light=0.5)), unmoved()) > 0.95
    assert likeness(card, other, unmoved()) < 0.25
    away = np.array([[1.0, 0, 700], [0, 1.0, 0]])
    assert likeness(card, card, away) == 0  # a strip that fits by chance is no card


def test_a_card_of_which_half_is_in_view_is_not_told_by_one_insect_while_most_of_what_marks_it_is_not() -> None:
    image = dotted(np.array([(900, 400)]))
    cv2.rectangle(image, (60, 300), (260, 600), (30, 30, 40), 9)
    back = np.array([[1.0, 0, 400], [0, 1.0, 0]])
    aside = cv2.warpAffine(image, unmoved() * 2 - back, (1296, 972), borderMode=cv2.BORDER_REPLICATE)
    assert likeness(relief(image), relief(aside), back) == 0


def test_a_card_of_which_less_than_half_is_in_view_is_not_told_by_insects_that_all_are() -> None:
    image = np.full((972, 1296, 3), (60, 200, 210), np.uint8)
    cv2.rectangle(image, (1000, 300), (1200, 600), (30, 30, 40), 9)
    back = np.array([[1.0, 0, 700], [0, 1.0, 0]])
    aside = cv2.warpAffine(image, unmoved() * 2 - back, (1296, 972), borderMode=cv2.BORDER_REPLICATE)
    assert likeness(relief(image), relief(aside), back, 0.1) > 0.95
    assert likeness(relief(image), relief(aside), back) == 0


@pytest.mark.parametrize("degrees", [0, 3, 15, 88, 92, 178, 183, 269])
def test_a_card_is_found_to_a_tenth_of_a_px_however_it_was_turned(degrees: int) -> None:
    poses = [Pose(), Pose(1.5, -1.2, degrees)]
    before, now = shown(3, poses, start=40)
    marks = [(picture.xyxy[:, :2] + picture.xyxy[:, 2:]).astype(np.float64) / 2 for picture in (before, now)]
    move = registered(relief(before.image), relief(now.image), marks[0], marks[1], unmoved())
    assert move is not None
    corners = np.array([[0, 0], [1296, 0], [0, 972], [1296, 972]], np.float64)
    card = applied(cv2.invertAffineTransform(poses[1].matrix()), corners)
    assert applied(move, corners) == pytest.approx(applied(poses[0].matrix(), card), abs=0.12)


def test_a_picture_whose_structure_is_gone_at_half_its_size_is_read_like_any_other() -> None:
    """As a mesh of a px: the correlation that refines the map has nothing to go by there."""
    y, x = np.mgrid[0:972, 0:1296]
    mesh = np.where((x + y)[..., None] % 2 == 0, 90, 170).astype(np.uint8).repeat(3, 2)
    card = Card.none()
    for _ in range(2):
        card, reading = read_card(card, no_detections(), np.empty(0, np.bool_), mesh)
    assert reading.verdict == "matched"


def test_a_bare_card_lies_where_it_lay() -> None:
    bare, nothing = relief(bare_floor().image), np.empty((0, 2))
    quarter = np.array([[0, 1.0, 0], [-1.0, 0, 972]])
    assert registered(bare, bare, nothing, nothing, quarter) is quarter


def test_a_card_with_one_insect_is_not_bare_even_if_it_is_pale() -> None:
    for colour, is_nothing in (((60, 190, 200), True), ((50, 150, 160), False), ((25, 25, 30), False)):
        image = np.full((972, 1296, 3), (60, 190, 200), np.uint8)
        cv2.ellipse(image, (600, 400), (12, 8), 30, 0, 360, colour, cv2.FILLED)
        assert is_bare(relief(image)) is is_nothing


def dotted(dots: np.ndarray, radius_px: int = 14) -> Image:
    """A card without writing, with a dot at each of the (n, 2)."""
    image = np.full((972, 1296, 3), (60, 200, 210), np.uint8)
    for x, y in dots.astype(int).tolist():
        cv2.circle(image, (x, y), radius_px, (30, 30, 40), cv2.FILLED)
    return image


def strewn(number: int, seed: int = 2) -> np.ndarray:
    """(number, 2) places all over a picture, none within 60 px of another."""
    chance = np.random.default_rng(seed)
    cells = np.array([(x, y) for x in range(150, 1150, 90) for y in range(150, 830, 90)], np.float64)
    chance.shuffle(cells)
    return cells[:number] + chance.integers(-14, 15, (number, 2))


def crooked(image: Image, dots: np.ndarray, right_px: float = 30.4) -> tuple[Image, np.ndarray]:
    """The card, and where its dots lie, when it was knocked: by 4 degrees, and aside."""
    turn = cv2.getRotationMatrix2D((648, 486), 4.0, 1.0)
    turn[:, 2] += right_px, -22
    return cv2.warpAffine(image, turn, (1296, 972), borderValue=(60, 200, 210)), applied(turn, dots)


def found_at(dots: np.ndarray) -> Detections:
    """Those of the dots (n, 2) that are in view."""
    return crosses(*[(round(x), round(y)) for x, y in dots.tolist() if 20 < x < 1276 and 20 < y < 952])


def test_of_sixty_insects_without_writing_the_six_that_are_found_tell_how_the_card_was_moved() -> None:
    """In rows: of the sixty, 18 to 64 pairs lie as far apart as two of the six."""
    dots = strewn(60)
    image = dotted(dots, 5)
    now, moved = crooked(image, dots)
    move = registered(relief(image), relief(now), dots, moved[-6:], unmoved())
    assert move is not None
    assert applied(move, moved) == pytest.approx(dots, abs=1)


def test_a_card_without_writing_from_which_most_insects_fell_is_known_by_those_that_are_left() -> None:
    dots = strewn(70)
    left = dots[-6:]
    now, moved = crooked(dotted(left, 6), left)
    card, _ = read_card(Card.none(), found_at(dots), np.ones(70, np.bool_), dotted(dots, 6))
    for image, found in (*[(dotted(left, 6), left)] * 2, (now, moved)):
        card, reading = read_card(card, found_at(found), np.ones(6, np.bool_), image)
    assert (reading.verdict, len(reading.new), reading.present) == ("matched", 0, 6)


def test_a_card_without_writing_of_which_a_part_is_left_in_view_is_no_catch() -> None:
    dots = strewn(40)
    now, moved = crooked(dotted(dots, 6), dots, right_px=700.4)
    card, _ = read_card(Card.none(), found_at(dots), np.ones(40, np.bool_), dotted(dots, 6))
    for _ in range(RESTART_AFTER):
        card, reading = read_card(card, found_at(moved), np.ones(len(found_at(moved)), np.bool_), now)
    assert 4 < len(found_at(moved)) < 20
    assert (reading.verdict, len(reading.new)) == ("restarted", 0)


def test_four_insects_at_the_edge_that_lie_as_four_of_another_card_by_chance_hide_no_catch() -> None:
    strip = np.array([(30, 200), (50, 420), (25, 610), (60, 800)], np.float64)
    before, fresh = np.vstack([strip, strewn(24)]), np.vstack([strip + np.array([1216, 0]), strewn(2, seed=9)])
    found = crosses(*fresh.astype(int).tolist())
    card, _ = read_card(Card.none(), crosses(*before.astype(int).tolist()), np.ones(28, np.bool_), dotted(before))
    for _ in range(RESTART_AFTER):
        card, reading = read_card(card, found, np.ones(6, np.bool_), dotted(fresh))
    assert (reading.verdict, len(reading.new)) == ("changed", 6)


def test_a_card_without_writing_is_known_by_the_pattern_of_its_insects() -> None:
    """Round dots, all alike: no point looks different from any other, only their places tell."""
    chance = np.random.default_rng(2)
    dots = chance.uniform([150, 150], [1150, 820], (6, 2))
    turn = cv2.getRotationMatrix2D((648, 486), 4.0, 1.0)
    turn[:, 2] += 30, -22
    image = dotted(dots)
    now = cv2.warpAffine(image, turn, (1296, 972), borderValue=(60, 200, 210))
    moved = applied(turn, dots)
    move = registered(relief(image), relief(now), dots, moved, unmoved())
    assert move is not None
    assert applied(move, moved) == pytest.approx(dots, abs=1)
    nobody = np.empty((0, 2))
    assert registered(relief(image), relief(now), nobody, nobody, unmoved()) is None
    stays = registered(relief(image), relief(now), nobody, nobody, move)  # as it lay a picture ago
    assert stays is not None
    assert applied(stays, moved) == pytest.approx(dots, abs=1)


RULED_INSECTS = np.random.default_rng(3).uniform([150, 150], [1000, 820], (14, 2)).astype(int)


def ruled(right_px: int) -> Relief:
    """A card ruled in squares of 90 px, its insects pushed by so much."""
    image = np.full((972, 1296, 3), (60, 200, 210), np.uint8)
    image[::90] = image[:, ::90] = (60, 120, 130)
    for x, y in RULED_INSECTS.tolist():
        cv2.ellipse(image, (x + right_px, y), (16, 10), x * 7 % 180, 0, 360, (30, 30, 40), cv2.FILLED)
    return relief(image)


def test_a_card_ruled_in_squares_that_is_pushed_by_one_of_them_lies_where_its_insects_say() -> None:
    """Its lines fit as well as before: more than nothing, and not as surely as all of it."""
    marks = RULED_INSECTS.astype(np.float64), RULED_INSECTS + np.array([90.0, 0])
    move = registered(ruled(0), ruled(90), *marks, unmoved())
    assert move is not None
    assert move == pytest.approx(np.array([[1, 0, -90], [0, 1, 0]]), abs=0.1)


def test_a_ruled_card_that_surely_lies_where_it_lay_is_moved_by_no_pattern_that_fits_a_square_aside() -> None:
    marks = RULED_INSECTS.astype(np.float64), RULED_INSECTS + np.array([90.0, 0])
    move = registered(ruled(0), ruled(0), *marks, unmoved())
    assert move is not None
    assert move == pytest.approx(unmoved(), abs=0.1)


@pytest.mark.parametrize(("zoom", "degrees", "is_known"), [(1.05, 0, True), (1.12, 0, False), (1, 35, False)])
def test_what_is_larger_by_a_tenth_or_hangs_askew_by_35_degrees_is_another_scene(
    zoom: float, degrees: float, *, is_known: bool
) -> None:
    lie = np.random.default_rng(4).integers([60, 60], [1230, 910], (24, 2))
    nearer = cv2.getRotationMatrix2D((648, 486), degrees, zoom)
    now = cv2.warpAffine(marked(*lie.tolist()), nearer, (1296, 972), borderMode=cv2.BORDER_REPLICATE)
    marks = lie.astype(np.float64), applied(nearer, lie.astype(np.float64))
    assert (registered(relief(marked(*lie.tolist())), relief(now), *marks, unmoved()) is not None) is is_known


def test_a_part_is_believed_of_the_card_itself_and_not_of_another_with_the_same_print() -> None:
    lie, others = np.random.default_rng(4).integers([60, 60], [1230, 910], (2, 24, 2)).tolist()
    aside = np.array([[1.0, 0, 500], [0, 1.0, 0]])
    for places, is_believed in ((lie, True), (others, False)):
        image = cv2.warpAffine(marked(*places), aside, (1296, 972), borderMode=cv2.BORDER_REPLICATE)
        marks = np.array(lie, np.float64), applied(aside, np.array(places, np.float64))
        assert (part(relief(marked(*lie)), relief(image), *marks) is not None) is is_believed


@pytest.mark.parametrize(("share", "is_full"), [(0.58, False), (0.61, True)])
def test_a_card_is_full_from_a_third_of_it_on_that_lies_under_insects(share: float, *, is_full: bool) -> None:
    """Of a box 56 % are insect."""
    boxes = Detections(np.array([[0, 0, 1296, 972 * share]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64))
    _, reading = read_card(Card.none(), boxes, np.ones(1, np.bool_), marked())
    assert reading.saturated is is_full


def test_a_full_card_says_that_it_no_longer_catches_in_proportion() -> None:
    picture = shown(10, [Pose()], start=40)[0]
    assert not readings([picture])[1][0].saturated
    grid = [(x, y, x + 80, y + 80) for x in range(0, 1216, 90) for y in range(0, 892, 90)]
    full = Picture(picture.image, np.arange(len(grid)), np.array(grid, np.float32), 0)
    assert readings([full])[1][0].saturated


@pytest.mark.parametrize(("insects", "is_full"), [(999, False), (1000, True)])
def test_a_card_is_full_from_a_thousand_insects_on_of_which_a_detector_tells_no_more(
    insects: int, *, is_full: bool
) -> None:
    corners = np.array([(x, y) for x in range(0, 1280, 30) for y in range(0, 960, 30)][:insects], np.float32)
    boxes = Detections(np.hstack([corners, corners + 8]), np.ones(insects, np.float32), np.zeros(insects, np.int64))
    _, reading = read_card(Card.none(), boxes, np.ones(insects, np.bool_), marked())
    assert (reading.present, reading.saturated) == (insects, is_full)


def test_a_card_that_fills_half_of_the_picture_is_full_at_half_as_many() -> None:
    picture = shown(10, [Pose()], start=40)[0]
    grid = [(x, y, x + 80, y + 80) for x in range(0, 600, 90) for y in range(0, 892, 90)]
    boxes = Detections(np.array(grid, np.float32), np.full(len(grid), 0.9, np.float32), np.zeros(len(grid), np.int64))
    sure = np.ones(len(grid), np.bool_)
    _, whole = read_card(Card.none(), boxes, sure, picture.image)
    _, half = read_card(Card.none(), boxes, sure, picture.image, LEFT_HALF)
    assert (whole.saturated, half.saturated) == (False, True)
    assert half.covered == pytest.approx(2 * whole.covered, rel=0.01)


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
    card, verdicts = Card.none(), []
    nothing = no_detections()
    for path in sorted(cutouts.CARD_SERIES.glob("*.jpg")):
        card, reading = read_card(card, nothing, np.empty(0, np.bool_), cv2.imread(str(path)))
        verdicts.append(reading.verdict)
    assert verdicts == ["first", "matched", "matched", "matched", "matched"]


def test_a_node_that_was_off_counts_what_came_meanwhile_and_nothing_twice(tmp_path: Path) -> None:
    evening, morning = shown(31, [Pose(), Pose(0.4, 0, 0.5)], start=20, arrivals=6)
    card, _ = readings([evening])
    taken = SetClock().now()
    save_card(tmp_path / "card.npz", "a", Kept(card, taken))
    loaded = load_card(tmp_path / "card.npz", "a")
    assert loaded is not None
    kept, seen, _ = loaded
    assert seen == taken
    _, told = readings([morning, morning], card=kept)
    assert new(told) == [morning.new, 0]
    assert morning.new > 0


def test_a_card_that_nobody_has_looked_at_since_is_not_written_again(tmp_path: Path) -> None:
    path, taken = tmp_path / "card.npz", SetClock().now()
    files = []
    for seen in (taken, taken, replace(taken, monotonic_s=taken.monotonic_s + 60.0)):
        save_card(path, "a", Kept(Card.none(), seen))
        files.append(path.stat().st_ino)
    assert files[0] == files[1] != files[2]


def test_a_card_that_cannot_be_read_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "card.npz"
    path.symlink_to("/proc/self/mem")  # a file whose reading ends as a bad sector's: EIO
    save_card(path, "a", Kept(Card.none()))
    assert load_card(path, "a") is not None


@pytest.mark.parametrize("is_out", [False, True], ids=["hangs", "is taken out"])
def test_another_model_counts_what_came_meanwhile_and_nothing_that_the_former_one_overlooked(
    tmp_path: Path, *, is_out: bool
) -> None:
    evening, night, morning = shown(31, [Pose(), Pose(0.3, 0, 0.3), Pose(0.4, 0, 0.5)], start=20, arrivals=6)
    card, _ = readings([evening])
    found, sure = cards.detected(night, np.random.default_rng(5))
    came = ~np.isin(night.numbers, evening.numbers)
    sure[came] = False
    came[np.flatnonzero(came)[0]] = False  # one is seen unsurely, the others not at all
    card, _ = read_card(card, found.where(~came), sure[~came], night.image)
    if is_out:
        card, _ = readings([bare_floor(), bare_floor()], card=card)
    save_card(tmp_path / "card.npz", "a", Kept(card))
    loaded = load_card(tmp_path / "card.npz", "b")
    assert loaded is not None
    found, sure = cards.detected(morning, np.random.default_rng(5))
    _, reading = read_card(loaded.card, replace(found, class_id=found.class_id + 1), sure, morning.image)
    assert (reading.new.tolist(), reading.present) == ([1] * morning.new, len(morning.numbers))
    assert (night.new, morning.new) == (2, 3)


def test_a_node_that_restarts_while_the_card_is_out_knows_it_again(tmp_path: Path) -> None:
    before, after = shown(8, [Pose(), Pose(1, 1, 0.5)])
    card, _ = readings([before, bare_floor(), bare_floor()])
    save_card(tmp_path / "card.npz", "a", Kept(card))
    loaded = load_card(tmp_path / "card.npz", "a")
    assert loaded is not None
    _, told = readings([bare_floor(), after], card=loaded.card)
    assert new(told) == [0, 0]
    assert told[-1].present == len(before.numbers)


def test_a_kept_card_comes_back_as_it_was_to_a_grey_level(tmp_path: Path) -> None:
    before, after = shown(33, [Pose(), Pose(0.3, 0, 0.2)], start=12, arrivals=3)
    image = np.random.default_rng(1).integers(0, 255, before.image.shape, np.uint8)
    hand = Picture(image, np.empty(0, np.int64), np.empty((0, 4), np.float32), 0)
    card, _ = readings([before, after, hand])
    assert card.places is not None
    strong = card.places.last.copy()
    strong[0, :2] = 400, -400
    card = replace(card, places=replace(card.places, last=strong))
    save_card(tmp_path / "card.npz", "a", Kept(card))
    loaded = load_card(tmp_path / "card.npz", "a")
    assert loaded is not None
    kept, seen, _ = loaded
    assert (kept.unmatched, kept.former, seen) == (1, None, None)
    for name in ("xyxy", "look", "bare", "waiting"):
        assert (getattr(kept.insects, name) == getattr(card.insects, name)).all()
    assert kept.places is not None
    assert np.abs(kept.places.last - strong.clip(-254, 254)).max() <= 1
    assert (kept.places.ever == card.places.ever).all()
    assert (kept.places.lies == card.places.lies).all()


def test_a_node_that_restarts_after_the_card_was_moved_counts_on_where_it_lies_now(tmp_path: Path) -> None:
    *before, moved, after = shown(2, [Pose()] * 2 + [Pose(0, 0, 90)] * 2, start=20, arrivals=4)
    card, _ = readings([*before, moved])
    save_card(tmp_path / "card.npz", "a", Kept(card))
    loaded = load_card(tmp_path / "card.npz", "a")
    assert loaded is not None
    assert loaded.card.places is not None
    assert loaded.card.places.lies[:, :2] == pytest.approx(np.array([[0, -1], [1, 0]]), abs=0.01)
    assert np.array_equal(loaded.card.region, np.ones((972, 1296), np.bool_))
    _, told = readings([after], card=loaded.card)
    assert new(told) == [after.new]
    assert after.new > 2


def kept_columns(path: Path) -> dict[str, np.ndarray]:
    with np.load(BytesIO(path.read_bytes()[32:])) as kept:
        return {name: kept[name] for name in kept.files}


def write_columns(path: Path, columns: dict[str, np.ndarray]) -> None:
    content = BytesIO()
    np.savez_compressed(content, **columns)
    path.write_bytes(sha256(content.getvalue()).digest() + content.getvalue())


def test_a_kept_card_that_lacks_what_this_version_keeps_begins_anew(tmp_path: Path) -> None:
    card, _ = readings(shown(32, [Pose()]))
    save_card(tmp_path / "card.npz", "a", Kept(card))
    columns = kept_columns(tmp_path / "card.npz")
    del columns["lies"]
    write_columns(tmp_path / "card.npz", columns)
    assert load_card(tmp_path / "card.npz", "a") is None


@pytest.mark.parametrize(("wrote", "insects"), [(("model",), 5), ((), 4)])
def test_a_card_that_a_former_version_kept_comes_back_and_without_its_model_as_one_of_another(
    wrote: tuple[str, ...], insects: int, tmp_path: Path
) -> None:
    """It wrote a number of pictures, and at first no model."""
    more = [*STAY, (600, 600)]
    card, _ = told_of((STAY, STAY, True), (more, more, False))
    save_card(tmp_path / "card.npz", "a", Kept(replace(card, unmatched=1)))
    columns = {**kept_columns(tmp_path / "card.npz"), "numbers": np.array([7, 1])}
    for name in {"model", "unmatched"}.difference(wrote):
        del columns[name]
    write_columns(tmp_path / "card.npz", columns)
    loaded = load_card(tmp_path / "card.npz", "a")
    assert loaded is not None
    assert (len(card.insects), len(loaded.card.insects), loaded.card.unmatched) == (5, insects, 1)


def test_a_kept_card_without_a_picture_comes_back_as_nothing_seen_yet(tmp_path: Path) -> None:
    save_card(tmp_path / "card.npz", "a", Kept(Card.none()))
    loaded = load_card(tmp_path / "card.npz", "a")
    assert loaded is not None
    assert (loaded.card.places, len(loaded.card.insects)) == (None, 0)


def test_a_kept_card_that_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "card.npz").mkdir()
    assert load_card(tmp_path / "card.npz", "a") is None


def test_a_kept_card_that_is_damaged_begins_anew(tmp_path: Path) -> None:
    card, _ = readings(shown(32, [Pose()]))
    save_card(tmp_path / "card.npz", "a", Kept(card))
    assert load_card(tmp_path / "none.npz", "a") is None
    whole = (tmp_path / "card.npz").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", whole[:5000] + bytes(50) + whole[5050:]):
        (tmp_path / "card.npz").write_bytes(damaged)
        assert load_card(tmp_path / "card.npz", "a") is None
