"""What the page says of a trap: what is new in the night, how much lies on its card, and when a zero says nothing."""

from dataclasses import replace
from datetime import date
from functools import partial

import msgspec
import pytest
from flask.testing import FlaskClient

from edge.clock import Instant
from edge.counts import Interval, NoData, TaxonCount
from edge.page.set_up.visit import Visit, change
from edge.status import StatusBoard
from tests.page.scenes import HOPPER, Scene, interval, picture_of, sighting, trap_hour, well
from tests.page.visitors import headline

FULL = "The sticky card is full: what it catches no longer tells how many there are."
NOT_KNOWN = "The sticky card is new or was moved: counting goes on once two pictures show it."
BARE = "No insect that hung here is in view any more: is the card still there?"


@pytest.fixture
def trap(scene: Scene) -> FlaskClient:
    """A browser on a trap at 16:30, whose running night began at noon."""
    well(scene)
    lies(scene, 60)
    return trap_page(scene)


def trap_page(scene: Scene, *, fed: bool = False) -> FlaskClient:
    scene.configure(camera={"mode": "trap", "fed": fed})
    return scene.app().test_client()


def lies(scene: Scene, on_card: int, hung: Instant | None = None) -> None:
    scene.board.show(camera=replace(scene.board.snapshot().camera, on_card=on_card, hung=hung))


def unmatched(scene: Scene, pictures: int) -> None:
    """Since the start no picture showed a card that is known."""
    camera = replace(scene.board.snapshot().camera, frames=pictures, looked=0)
    scene.board.show(camera=replace(camera, skipped={"unmatched": pictures}, last_skip="unmatched"))


def unmatched_hour(start: Instant, pictures: int = 1) -> Interval:
    """An hour of a trap whose pictures showed no card that is known."""
    skipped, why = (("unmatched", pictures),), NoData("unmatched")
    return replace(interval(start, None), mode="trap", unit="new", skipped=skipped, counts=why)


def word_of(page: str) -> str:
    """Beside the colour of the big sentence."""
    return page.partition("<h1")[0].rpartition("</svg>")[2].partition("</p>")[0]


def test_what_is_new_in_the_night_is_said_first_and_what_lies_on_the_card_beside_it(
    trap: FlaskClient, scene: Scene
) -> None:
    scene.store.commit([sighting(scene.before(hours=2.5), HOPPER, 40)], picture_of("planthopper.jpg"))
    scene.store.commit([trap_hour(scene.before(hours=back), caught) for back, caught in ((20, 9), (3, 1))])
    page = trap.get("/").text
    assert headline(page) == "Brown planthopper: 1 tonight so far"
    assert "night of Jul 1 so far: 1" in page
    assert "Go and look at ten plants at the edge of the field today: a catch says that it flies." in page
    assert "60 insects lay on the card at the last look" in page
    assert "Brown planthopper: 40 on the card · clearly recognised" in page
    assert "plants in front of the camera" not in page


@pytest.mark.parametrize(
    ("caught", "headline_words"), [(True, "Insects: 6 tonight so far"), (False, "Insects: new on")]
)
def test_a_catch_of_which_only_the_class_is_known_is_no_pest_yet_and_asks_which_insects_they_are(
    trap: FlaskClient, scene: Scene, caught: bool, headline_words: str
) -> None:
    scene.store.commit([sighting(scene.before(hours=2.5), "Insecta", 60)], picture_of("planthopper.jpg"))
    if caught:
        one = replace(
            trap_hour(scene.before(hours=3), 6), counts=(TaxonCount(label="Insecta", eppo="", count=6, low=4, high=9),)
        )
        scene.store.commit([one])
    page = trap.get("/").text
    assert headline(page).startswith(headline_words)
    assert (word_of(page), '<section class="card wait"' in page) == ("Look at it", True)
    assert "Look at the card: which insects are they?" in page
    assert "it flies" not in page
    assert ("Likely between 4 and 9" in page) is caught
    assert "plaga" not in trap.get("/?lang=es").text.partition("</section>")[0]


def test_of_a_card_that_is_not_known_nobody_says_how_many_lie_on_it(trap: FlaskClient, scene: Scene) -> None:
    unmatched(scene, 1)
    page = trap.get("/").text
    assert headline(page) == NOT_KNOWN
    assert "Look at the trap. If somebody has hung up a new card, all is well." in page
    assert "60 insects lay on the card at the last look" not in page


@pytest.mark.parametrize(
    ("pictures", "age_s", "word", "is_ready"),
    [
        (1, 0, "One moment", True),
        (3, 0, "One moment", True),
        (4, 0, "Look at it", False),
        (1, 3600, "No data", False),
    ],
)
def test_a_trap_is_ready_after_the_first_pictures_of_its_card_and_not_where_no_more_know_it_or_none_come(
    trap: FlaskClient, scene: Scene, pictures: int, age_s: float, word: str, is_ready: bool
) -> None:
    unmatched(scene, pictures)
    scene.board.show(model=replace(scene.board.snapshot().model, name="cards"))
    scene.clock.advance(age_s)
    page, part_by_part = trap.get("/").text, trap.get("/node").text
    assert word_of(page) == word
    assert ("The node is well." in page, "This node is ready." in part_by_part) == (is_ready, is_ready)
    assert (headline(page) in part_by_part) != is_ready


@pytest.mark.parametrize(("model", "is_told"), [("pests", False), ("cards", True)])
def test_what_another_model_saw_before_the_camera_looked_at_a_card_is_no_catch(
    model: str, is_told: bool, trap: FlaskClient, scene: Scene
) -> None:
    """Eight fruit flies on a plant were "new on the card" of a node that had just been made a trap."""
    scene.board.show(model=replace(scene.board.snapshot().model, name="cards"))
    scene.store.commit(
        [sighting(scene.before(minutes=5), "Tephritidae", 8, model=f"{model}@0.1.0")], picture_of("rice_bug.jpg")
    )
    page = trap.get("/").text
    assert ("Fruit flies" in headline(page), "8 on the card" in page) == (is_told, is_told)


def test_a_trap_that_sleeps_between_pictures_is_to_be_looked_at_once_four_in_a_row_know_no_card(scene: Scene) -> None:
    words = []
    for start in "cdef":
        scene.clock.advance(86_400)
        scene.clock.boot_id, scene.clock.mono_s = start * 36, 100.0
        scene.board = StatusBoard(scene.clock.now())
        well(scene)
        unmatched(scene, 1)
        words.append(word_of(trap_page(scene).get("/").text))
        scene.store.commit([unmatched_hour(scene.before())])
    assert words == [*["One moment"] * 3, "Look at it"]


@pytest.mark.parametrize(("nights", "word"), [("cu", "One moment"), ("uucuu", "One moment"), ("cuuuu", "Look at it")])
def test_a_card_changed_on_a_trap_that_is_awake_for_long_is_no_fault_until_four_pictures_in_a_row_do_not_know_it(
    trap: FlaskClient, scene: Scene, nights: str, word: str
) -> None:
    """Of one picture a night: c was counted, u not."""
    scene.clock.advance(30 * 86_400)
    well(scene)
    for back, night in zip(reversed(range(len(nights))), nights, strict=True):
        start = scene.before(days=back, hours=2)
        scene.store.commit([trap_hour(start, 1) if night == "c" else unmatched_hour(start)])
    camera = replace(scene.board.snapshot().camera, looked=30, skipped={"unmatched": nights.count("u")})
    scene.board.show(camera=replace(camera, last_skip="unmatched"))
    assert word_of(trap.get("/").text) == word


@pytest.mark.parametrize(("fed", "hours"), [(False, 0.5), (True, 3.0)])
def test_a_picture_that_shows_no_known_card_is_one_also_once_it_is_committed(
    scene: Scene, fed: bool, hours: float
) -> None:
    """That of a fed folder may be older than the start, an hour ago."""
    well(scene)
    unmatched(scene, 2)
    scene.store.commit([unmatched_hour(scene.before(hours=hours), 2)])
    assert word_of(trap_page(scene, fed=fed).get("/").text) == "One moment"


def test_a_night_with_nothing_new_is_calm_however_many_hang_there(trap: FlaskClient, scene: Scene) -> None:
    scene.store.commit([sighting(scene.before(hours=19), HOPPER, 60)], picture_of("planthopper.jpg"))
    nothing_new = [replace(trap_hour(scene.before(hours=back), 1), counts=()) for back in (19, 3)]
    scene.store.commit([trap_hour(scene.before(hours=44), 9), *nothing_new])
    page = trap.get("/").text
    assert headline(page) == "Nothing new on the card tonight so far."
    assert "All quiet" in page
    assert "New on the trap, each night: 0 on Jun 30, 9 on Jun 29" in page
    assert "Last seen: Brown planthopper, 19 hours ago" in page
    scene.store.commit([sighting(scene.before(), HOPPER, 61)], picture_of("planthopper.jpg"))
    assert headline(trap.get("/").text) == "Brown planthopper: new on the card"


def test_the_night_that_is_over_stays_until_the_next_one_has_a_catch_or_is_over_itself(
    trap: FlaskClient, scene: Scene
) -> None:
    scene.store.commit([trap_hour(scene.before(hours=back), 9) for back in (20, 10)])
    assert headline(trap.get("/").text) == "Brown planthopper: 18 last night"
    scene.store.commit([replace(trap_hour(scene.before(hours=3), 1), counts=())])
    assert headline(trap.get("/").text) == "Brown planthopper: 18 last night"
    scene.clock.advance(16 * 3600)  # the next morning
    well(scene)
    assert headline(trap.get("/").text) == "Nothing new on the card last night."
    scene.clock.advance(24 * 3600)  # it was off since then
    well(scene)
    assert headline(trap.get("/").text) == "Nothing new on the card since the start."


@pytest.mark.parametrize(
    ("hours_later", "nights", "words"),
    [
        (15, 1, "last night"),
        (15, 3, "in the last 3 nights"),
        (22, 3, "in the last 3 nights"),
        (33, 3, "in the 3 nights up to Jul 1"),
    ],
)
def test_a_catch_of_several_nights_is_told_with_all_of_them(
    trap: FlaskClient, scene: Scene, hours_later: float, nights: int, words: str
) -> None:
    scene.clock.advance(15 * 3600)  # 7:30 of July 2
    scene.store.commit([trap_hour(scene.before(hours=1), 43, nights=nights)])
    scene.clock.advance((hours_later - 15) * 3600)
    well(scene)
    page = trap.get("/").text
    assert headline(page) == f"Brown planthopper: 43 {words}"
    assert ("New on the trap: 14.3 a night on average" in page) == (nights == 3)


def test_the_last_day_of_a_trap_that_nobody_feeds_is_told_with_the_nights_of_its_catch(scene: Scene) -> None:
    well(scene)
    scene.store.commit([trap_hour(scene.before(hours=30), 42, nights=3)])
    scene.board.show(camera=replace(scene.board.snapshot().camera, last_frame=scene.before(hours=30)))
    told = "Last day with pictures, Jun 29: Brown planthopper: 42 in 3 nights"
    assert told in trap_page(scene, fed=True).get("/").text


def test_a_zero_of_several_nights_is_one_of_all_of_them(trap: FlaskClient, scene: Scene) -> None:
    scene.store.commit([replace(trap_hour(scene.before(hours=2), 0, nights=3), counts=())])
    assert headline(trap.get("/").text) == "Nothing new on the card in the last 3 nights."


def test_before_anything_was_counted_what_is_new_is_said_without_a_number(trap: FlaskClient, scene: Scene) -> None:
    page = trap.get("/").text
    assert headline(page) == "Nothing new on the card since the start."
    assert "Nothing was seen." not in page
    scene.store.commit([sighting(scene.before(hours=2), HOPPER, 61)], picture_of("planthopper.jpg"))
    dark = replace(interval(scene.before(hours=1.5), None), mode="trap", unit="new")
    for told in ([], [dark]):
        scene.store.commit(told)
        assert headline(trap.get("/").text) == "Brown planthopper: new on the card"
    scene.store.commit([replace(interval(scene.before(), None), mode="trap", unit="new")])
    assert headline(trap.get("/").text) == "Brown planthopper: new on the card", "no data tells none"
    scene.store.commit([trap_hour(scene.before(hours=1), 1)])
    assert headline(trap.get("/").text) == "Brown planthopper: 1 tonight so far"


@pytest.mark.parametrize(("caught", "first"), [(0, FULL), (4, "Brown planthopper: 4 tonight so far")])
def test_a_full_card_is_said_until_it_is_changed(trap: FlaskClient, scene: Scene, caught: int, first: str) -> None:
    hour = trap_hour(scene.before(hours=2), caught)
    scene.store.commit([replace(hour, counts=hour.counts if caught else (), saturated=True)])
    page, part_by_part = trap.get("/").text, trap.get("/node").text
    assert headline(page) == first
    assert page.count("Change the card.") == 1  # once, in the big sentence or in a note
    assert "Nothing to do" not in page
    assert FULL in part_by_part
    assert "This node is ready." not in part_by_part
    scene.store.commit([trap_hour(scene.before(hours=1), 1)])
    assert FULL not in trap.get("/").text + trap.get("/node").text
    scene.store.commit([replace(trap_hour(scene.before(), 1), saturated=True)])
    for put_in, is_full in ((date(2026, 6, 30), True), (date(2026, 7, 1), False)):
        change(scene.store, partial(msgspec.structs.replace, card=put_in))
        assert (FULL in trap.get("/node").text) == is_full


@pytest.mark.parametrize(
    ("caught", "hung", "is_asked"), [(0, False, False), (5, False, False), (6, False, True), (0, True, True)]
)
def test_a_card_whose_insects_are_all_gone_is_asked_for_until_somebody_says_that_it_is_new(
    trap: FlaskClient, scene: Scene, caught: int, hung: bool, is_asked: bool
) -> None:
    before = trap_hour(scene.before(hours=30), caught)
    scene.store.commit([replace(before, counts=before.counts if caught else ())])
    scene.store.commit([replace(trap_hour(scene.before(hours=2), 1), counts=())])
    assert BARE not in trap.get("/").text
    lies(scene, 0, scene.before(hours=1) if hung else None)
    page = trap.get("/").text
    assert (headline(page) == BARE, "Nothing to do" in page) == (is_asked, not is_asked)
    assert (BARE in trap.get("/node").text) == is_asked
    change(scene.store, lambda _: Visit(card=date(2026, 7, 1)))
    assert BARE not in trap.get("/").text
