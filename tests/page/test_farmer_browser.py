"""A farmer with nothing but a phone: what to do and that it is done, what is this, and was the node right?"""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image
from playwright.sync_api import Browser, expect

from edge.advice import key_of
from edge.annotations import annotate
from edge.counts import Seen
from edge.page import serve
from edge.page.trust import Role
from edge.photographs import MOST_PX, MOST_UPLOAD_BYTES
from edge.store import Answer as Reply
from edge.store import Deed, kept_decisions
from tests.page.browsing import NEEDS_CHROMIUM, View, Visit, logged_in, skip_without_font, visiting
from tests.page.scenes import (
    BUG,
    FRAMES,
    HOPPER,
    Scene,
    done,
    first_minutes,
    low_battery,
    over_the_level,
    picture_of,
    seen,
    sighting,
    standing,
    well,
)
from tests.page.visitors import PASSWORD, person

pytestmark = NEEDS_CHROMIUM
PHONE, DESK = View(), View(width_px=1280, language="zh", theme="dark")
BOXES = [Seen(HOPPER, "", 0.9, (0.42, 0.35, 0.62, 0.55)), Seen(BUG, "", 0.55, (0.1, 0.6, 0.3, 0.8))]


def farmer(browser: Browser, scene: Scene, view: View) -> AbstractContextManager[Visit]:
    """A phone that has logged in."""
    return logged_in(browser, scene, view, Role.FARMER)


def to_check(scene: Scene) -> None:
    """Two boxes on a picture of last night."""
    well(scene)
    jpeg = annotate(picture_of("brown_planthopper_nymph.jpg"), BOXES)
    scene.store.commit([sighting(scene.before(hours=7), HOPPER, 1)], jpeg)


def answered(scene: Scene) -> None:
    """A question that the station has answered, and one that waits."""
    seen(scene)
    asked = scene.store.ask_station(scene.before(hours=5), picture_of("whitefly.jpg"), who="farmer", note="ten plants")
    text = "Whiteflies. Hang up yellow cards and look again in three days."
    reply = Reply(utc=scene.before(hours=1).utc, who="Station Ningbo", text=text, label="Aleyrodidae")
    scene.store.answer_question(asked.id, reply)
    scene.store.ask_station(scene.before(minutes=9), picture_of("rice_bug_on_weed.jpg"), who="farmer", note="")


def test_whoever_has_done_it_logs_in_and_says_so_with_two_touches(browser: Browser, scene: Scene) -> None:
    over_the_level(scene)
    name = person(scene, Role.FARMER)
    with visiting(browser, scene, PHONE) as visit:
        page = visit.page
        visit.go("/")
        page.click("text=Log in to say that it is done")
        page.fill("#name", name)
        page.fill("#password", PASSWORD)
        page.click("form button.full")
        page.click("button:has-text('Done')")
        page.wait_for_selector("text=Done by farmer, just now")
        assert page.inner_text("h1") == "Brown planthopper: 14 yesterday"
        assert visit.is_for_everybody()


def test_a_photograph_gets_an_answer_and_a_question_reaches_the_queue(browser: Browser, scene: Scene) -> None:
    answered(scene)
    with farmer(browser, scene, PHONE) as visit:
        page = visit.page
        for view in (DESK, PHONE):
            visit.go_as(view, "/photo")
            assert is_for_everybody_as_well(visit)
        page.check("input[value=pests]")
        visit.send_photograph(FRAMES / "rice_bug.jpg")
        page.wait_for_selector("#headline", timeout=60_000)
        for language, says in (("zh", "稻缘蝽"), ("en", "Rice bugs")):
            visit.go(f"{urlsplit(page.url).path}?lang={language}")
            assert page.inner_text("h1") == says
            assert page.locator(".photo .box").count() >= 1
            assert is_for_everybody_as_well(visit)
        page.fill("#note", "since Monday")
        page.click("form button.full")
        page.wait_for_selector(".asked li:nth-child(3)")
        assert scene.store.questions()[0].note == "since Monday"


def is_for_everybody_as_well(visit: Visit) -> bool:
    """On a desk by night, and on this phone by day."""
    for view in (DESK, PHONE):
        visit.page.set_viewport_size({"width": view.width_px, "height": 844})
        visit.page.emulate_media(color_scheme="dark" if view is DESK else "light")
        assert visit.is_for_everybody()
    return True


def test_an_answer_keeps_its_lines_a_long_word_breaks_and_a_round_choice_stays_round_beside_a_long_sentence(
    browser: Browser, scene: Scene
) -> None:
    link = f"https://example.org/{'a' * 40}"
    asked = scene.store.ask_station(scene.before(hours=5), picture_of("whitefly.jpg"), who="farmer", note=link)
    text = f"1. Hang up yellow cards.\n2. Look again in three days.\n{link}"
    reply = Reply(utc=scene.before(hours=1).utc, who="Station Ningbo", text=text, label="Aleyrodidae")
    scene.store.answer_question(asked.id, reply)
    with farmer(browser, scene, View(320, "sw")) as visit:
        visit.go("/photo")
        assert not visit.is_wider_than_the_screen()
        assert visit.page.inner_text("blockquote") == text
        sizes = visit.page.evaluate(
            "[...document.querySelectorAll('[type=radio]')].map(e => [e.offsetWidth, e.offsetHeight])"
        )
        assert sizes == [[24, 24]] * 4


@pytest.mark.parametrize(("width_px", "text_px"), [(320, 20), (320, 32), (390, 24), (390, 32)])
def test_who_needs_large_text_reads_how_each_question_stands_on_one_screen(
    width_px: int, text_px: int, browser: Browser, scene: Scene
) -> None:
    answered(scene)
    with farmer(browser, scene, View(width_px)) as visit:
        for language in ("en", "hi", "sw"):
            visit.go_with_text(text_px, f"/photo?lang={language}")
            assert not visit.is_wider_than_the_screen(), language
            heights = visit.page.evaluate("[...document.querySelectorAll('.asked .pill')].map(e => e.offsetHeight)")
            assert len(heights) == 2
            assert max(heights) < 844, language  # no column of single letters


def test_two_taps_send_a_photograph_once_and_ask_the_station_once(
    browser: Browser, scene: Scene, slow_posts: list[str]
) -> None:
    well(scene)
    with farmer(browser, scene, PHONE) as visit:
        visit.go("/photo")
        visit.page.check("input[value=pests]")
        visit.page.set_input_files("#photo", FRAMES / "rice_bug.jpg")
        visit.tap_twice("#photo-form button.full")
        visit.page.wait_for_selector("#headline", timeout=60_000)
        visit.page.wait_for_load_state()  # before it no script holds the second tap back
        visit.tap_twice("form button.full")
        visit.page.wait_for_selector(".asked li")
        assert len(scene.store.questions()) == 1
        assert [address.rpartition("/")[2] for address in slow_posts] == ["photo", "ask"]


def test_another_photograph_goes_at_once_after_one_that_was_stopped_on_its_way(browser: Browser, scene: Scene) -> None:
    well(scene)
    with farmer(browser, scene, PHONE) as visit:
        page = visit.page
        visit.go("/photo")
        page.check("input[value=pests]")
        page.route("**/photo", lambda on_its_way: on_its_way.abort("aborted"))  # as by the browser's cross
        with page.expect_event("requestfailed"):
            visit.send_photograph(FRAMES / "whitefly.jpg")
        page.unroute("**/photo")
        visit.send_photograph(FRAMES / "rice_bug.jpg")
        page.wait_for_selector("h1:has-text('Rice bugs')", timeout=60_000)


@pytest.mark.parametrize(("who_did_it", "still_held"), [("the other", True), ("this", False)])
def test_a_button_under_the_finger_never_becomes_another_ones(
    who_did_it: str, *, still_held: bool, browser: Browser, scene: Scene
) -> None:
    over_the_level(scene)
    scene.board.show(alerts=(standing(scene, 14, "act"), standing(scene, 12, "act", BUG)))
    hopper, bug = (key_of(one) for one in scene.board.snapshot().alerts)
    with farmer(browser, scene, PHONE) as visit:
        visit.page.clock.install()
        visit.go("/")
        visit.page.focus(".note .deed button")
        scene.store.decisions.do(hopper if who_did_it == "the other" else bug, Deed("Mei", scene.clock.utc))
        visit.page.clock.run_for(21_000)
        visit.page.wait_for_selector("text=Done by Mei")
        held = visit.page.evaluate("document.activeElement.form?.elements.key.value")
        assert held == (bug if still_held else None)


def test_a_button_under_the_finger_goes_with_its_warning(browser: Browser, scene: Scene) -> None:
    over_the_level(scene)
    scene.board.show(alerts=(standing(scene, 14, "act"), standing(scene, 12, "act", BUG)))
    with farmer(browser, scene, PHONE) as visit:
        visit.page.clock.install()
        visit.go("/")
        visit.page.focus(".note .deed button")
        key = visit.page.input_value(".note [name=key]")
        scene.board.show(alerts=(standing(scene, 14, "act"), standing(scene, 12, "act", "Bemisia")))
        visit.page.clock.run_for(21_000)
        expect(visit.page.locator(".note [name=key]")).not_to_have_value(key)
        expect(visit.page.locator(".note .deed button")).not_to_be_focused()


def test_that_nothing_was_noted_is_said_as_long_as_the_page_stands(browser: Browser, scene: Scene) -> None:
    over_the_level(scene)
    with farmer(browser, scene, PHONE) as visit:
        visit.page.clock.install()
        visit.go("/")
        scene.board.show(alerts=(standing(scene, 30, "act"),))
        visit.page.click("button:has-text('Done')")
        said = visit.page.locator("main [role=status]")
        expect(said).to_contain_text("Nothing was noted.")
        scene.board.show(alerts=(standing(scene, 30, "act"), standing(scene, 12, "act", BUG)))
        visit.page.clock.run_for(21_000)
        expect(visit.page.locator(".note .deed button")).to_be_visible()  # the page is fresh
        expect(said).to_contain_text("Nothing was noted.")


def test_a_large_photograph_is_made_smaller_before_it_is_sent(browser: Browser, scene: Scene, tmp_path: Path) -> None:
    well(scene)
    image = cv2.imread(str(FRAMES / "rice_bug.jpg"))
    cv2.imwrite(str(tmp_path / "large.png"), np.asarray(cv2.resize(image, (4000, 4000)), np.uint8))
    assert MOST_PX[b"\x89PNG"] < 4000 * 4000  # as it is, the node would not take it
    with farmer(browser, scene, PHONE) as visit:
        visit.go("/photo")
        visit.page.check("input[value=pests]")
        visit.send_photograph(tmp_path / "large.png")
        visit.page.wait_for_selector("#headline", timeout=60_000)
        assert visit.page.inner_text("h1") == "Rice bugs"


def test_a_phone_that_would_lay_a_photograph_on_its_side_sends_it_as_it_is(browser: Browser, scene: Scene) -> None:
    with farmer(browser, scene, PHONE) as visit:
        visit.page.add_init_script("CSS.supports = (name) => name !== 'image-orientation';")  # Chrome 81
        visit.page.add_init_script("createImageBitmap = () => { sessionStorage.drawn = 'without its EXIF'; };")
        visit.go("/photo")
        visit.send_photograph(FRAMES / "rice_bug.jpg")
        visit.page.wait_for_url("**/photo/*")
        assert visit.page.evaluate("sessionStorage.drawn") is None


def test_a_webp_on_its_side_is_turned_by_the_node(browser: Browser, scene: Scene, tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    upright = Image.open(FRAMES / "rice_bug.jpg").resize((480, 640))
    upright.rotate(90, expand=True).save(tmp_path / "turned.webp", exif=turned)
    with farmer(browser, scene, PHONE) as visit:
        visit.go("/photo")
        visit.send_photograph(tmp_path / "turned.webp")
        visit.page.wait_for_selector("#headline", timeout=60_000)
        assert visit.page.get_attribute(".photo svg", "viewBox") == "0 0 480 640"


def test_a_photograph_is_answered_without_scripts(browser: Browser, scene: Scene) -> None:
    well(scene)
    with farmer(browser, scene, View(scripts=False)) as visit:
        visit.go("/photo")
        visit.page.check("input[value=pests]")
        visit.send_photograph(FRAMES / "rice_bug.jpg")
        visit.page.wait_for_selector("#headline", timeout=60_000)
        assert visit.page.inner_text("h1") == "Rice bugs"


def test_a_photograph_that_is_too_large_is_refused_in_the_readers_words(
    browser: Browser, scene: Scene, tmp_path: Path
) -> None:
    well(scene)
    (tmp_path / "large.heic").write_bytes(bytes(MOST_UPLOAD_BYTES + 1_000_000))
    with farmer(browser, scene, View(language="zh")) as visit:
        visit.go("/photo")
        visit.send_photograph(tmp_path / "large.heic")
        expect(visit.page.locator("#photo-wrong")).to_have_text("照片太大。请把手机相机设为较小的尺寸再试。")


@pytest.mark.parametrize("side_px", [100, 1200], ids=["as small as a form", "larger"])
def test_whoever_is_logged_out_meanwhile_logs_in_and_comes_back_to_the_photographs(
    side_px: int, browser: Browser, scene: Scene, tmp_path: Path
) -> None:
    well(scene)
    noise = np.random.default_rng(1).integers(0, 256, (side_px, side_px, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "noise.jpg"), noise)
    with farmer(browser, scene, PHONE) as visit:
        visit.go("/photo")
        scene.store.accounts.remove("farmer")
        name = person(scene, Role.FARMER)
        visit.send_photograph(tmp_path / "noise.jpg")
        expect(visit.page.locator(".note")).to_contain_text("nothing was sent")
        visit.page.fill("[name=name]", name)
        visit.page.fill("[name=password]", "wrong")
        visit.page.click("main button.full")
        expect(visit.page.locator(".note")).to_have_count(0)
        expect(visit.page.locator("[name=password]")).to_be_focused()
        expect(visit.page.locator("[name=password]")).to_have_accessible_description(
            "Name and password do not belong together."
        )
        visit.page.fill("[name=password]", PASSWORD)
        visit.page.click("main button.full")
        expect(visit.page.locator("#photo")).to_be_visible()


def test_a_photograph_that_a_restart_has_lost_is_said_to_be_lost(browser: Browser, scene: Scene) -> None:
    well(scene)
    with farmer(browser, scene, PHONE) as visit:
        visit.page.clock.install(time=0)
        visit.page.clock.pause_at(1000)
        visit.go("/photo")
        visit.send_photograph(FRAMES / "rice_bug.jpg")
        visit.page.wait_for_selector("text=The node looks at your photograph.")
        visit.node_goes()
        again = scene.app()
        with closing(serve(again, "127.0.0.1", urlsplit(visit.root).port or 0)):
            lost = visit.page.locator("h1:has-text('This photograph is no longer kept.')")
            for _ in range(10):  # what it asks on the old node's connection may be lost, and it asks again
                visit.page.clock.run_for(2000)
                with suppress(AssertionError):
                    expect(lost).to_be_visible(timeout=2000)
                    break
            expect(lost).to_be_visible()
            assert visit.page.locator("#away").is_hidden()


@pytest.mark.parametrize("language", ["sw", "hi"])
def test_who_needs_large_text_says_on_the_screen_that_it_is_done(language: str, browser: Browser, scene: Scene) -> None:
    over_the_level(scene)
    with farmer(browser, scene, View(320, language)) as visit:
        for address in ("/node", "/"):
            visit.go_with_text(32, address)
            assert not visit.is_wider_than_the_screen(), address
        heights = visit.page.locator(".card button").evaluate_all("all => all.map(e => e.offsetHeight)")
        assert len(heights) == 1
        assert max(heights) < 4 * 48  # no column of single letters


def test_the_two_ways_on_from_what_is_for_the_technician_stand_apart(browser: Browser, scene: Scene) -> None:
    with farmer(browser, scene, PHONE) as visit:
        visit.go("/audit")
        first, log_in = (visit.page.locator("main .button").nth(n).bounding_box() for n in (0, 1))
    assert first is not None
    assert log_in is not None
    assert log_in["y"] >= first["y"] + first["height"] + 8


def test_a_box_is_confirmed_taken_back_and_given_another_name(browser: Browser, scene: Scene) -> None:
    to_check(scene)
    scene.board.show(model=replace(scene.board.snapshot().model, labels=(HOPPER, BUG)))
    with farmer(browser, scene, PHONE) as visit:
        page = visit.page
        visit.go_as(View(language="zh"), "/review")
        assert is_for_everybody_as_well(visit)
        boxes = page.get_by_role("list").get_by_role("listitem")  # so that a screen reader says: 1 of 2
        for box, form in zip(boxes.all(), page.locator(".check").all(), strict=True):
            words = f"{form.locator('h2').inner_text()} {form.locator('.soft').inner_text()}"
            expect(box.get_by_role("form")).to_have_accessible_name(words)
        page.click("button[value=yes] >> nth=0")
        page.wait_for_selector(".undo")
        assert is_for_everybody_as_well(visit)
        page.click(".undo button")
        expect(page.locator(".check")).to_have_count(2)
        page.click("button[value=other] >> nth=0")
        page.wait_for_selector(f".choose[value='{BUG}']")  # before anybody searches
        assert is_for_everybody_as_well(visit)
        page.fill("#name", "Sogatella")
        page.click("form[role=search] button")
        page.wait_for_selector(".choose[value='Sogatella furcifera']")
        assert is_for_everybody_as_well(visit)
        page.click(".choose >> nth=0")
        page.wait_for_selector(".undo")
        (decided,) = kept_decisions(Path(scene.config.store.folder)).values()
        (decision,) = decided.values()
        assert (decision.label, decision.who) == ("Sogatella furcifera", "farmer")


@pytest.mark.parametrize(
    ("name", "make", "address", "view"),
    [
        ("act", over_the_level, "/", PHONE),
        ("act", over_the_level, "/", DESK),
        ("done", done, "/", View(language="zh")),
        ("first", first_minutes, "/", PHONE),
        ("battery", low_battery, "/", View(language="zh", theme="dark")),
        ("review", to_check, "/review", DESK),
        ("review", to_check, "/review", PHONE),
        ("photo", answered, "/photo", View(language="zh", theme="dark")),
    ],
    ids=lambda value: str(value) if isinstance(value, str | View) else "",
)
def test_the_farmers_pages_look_like_their_committed_screens(
    name: str, make: Callable[[Scene], None], address: str, view: View, browser: Browser, scene: Scene
) -> None:
    skip_without_font(view.language)
    make(scene)
    with farmer(browser, scene, view) as visit:
        visit.go_as(view, address)
        assert visit.looks_like(name, view)
