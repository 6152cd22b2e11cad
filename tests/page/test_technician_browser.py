"""A technician with nothing but a phone: claim, checklist, region by finger, settings, in a real browser."""

import re
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from edge.calibration import load_calibration
from edge.clock import ClockState
from edge.counts import Seen
from edge.page.trust import Role
from edge.store import Entry
from tests.page.browsing import NEEDS_CHROMIUM, View, Visit, logged_in, skip_without_font, visiting
from tests.page.scenes import FRAMES, Scene, frame_of, seen
from tests.page.visitors import PASSWORD

pytestmark = NEEDS_CHROMIUM
CODE = "7KWM-3RTZ-9QHD"
PAGES = (
    *("/people", "/settings", "/levels", "/account", "/audit", "/node", "/live", "/log-in"),
    *("/set-up", *(f"/set-up/{step}" for step in ("region", "scale", "model", "clock", "care", "server", "hand"))),
)
SHOWN = {
    "claim": "/claim",
    "log-in": "/log-in",
    "set-up": "/set-up",
    "region": "/set-up/region",
    "clock": "/set-up/clock",
    "settings": "/settings",
    "people": "/people",
}

UNDER_THE_TABS = """window.reached = 0;
window.covered = [];
addEventListener("keyup", () => {
    reached += 1;
    const held = document.activeElement, tabs = document.querySelector(".tabs");
    if (tabs.contains(held) || held === document.body) return;
    const px = held.getBoundingClientRect().bottom - tabs.getBoundingClientRect().top;
    if (px >= %d) covered.push([px, held.outerHTML.slice(0, 100)]);
});"""  # what has the focus with so many px of it under them
CUT_CHOICES = """[...document.querySelectorAll("select")].flatMap((one) => [...one.options].filter((option) => {
    option.selected = true;
    return one.scrollWidth > one.clientWidth;
}).map((option) => option.text))"""
TOPS = """[...document.querySelectorAll("main :is(a, button, input, textarea)")].filter((one) => one.offsetParent)
.map((one) => [one.outerHTML, one.getBoundingClientRect().top])"""
HEAD = 4  # skip link, node, account and language come before the content
RIM_PX = 4  # a browser brings the line of a text area into view, not its rim


@pytest.fixture
def labelled(scene: Scene, tmp_path: Path) -> Scene:
    """A node that knows the code on its label and has a picture with good light."""
    secret = tmp_path / "claim-code"
    secret.write_text(CODE)
    secret.chmod(0o600)
    scene.configure(page={"claim_code_file": str(secret)})
    seen(scene)
    scene.board.show_frame(frame_of("whitefly.jpg"), [Seen("Bemisia", "", 0.9, (0.48, 0.36, 0.66, 0.74))])
    return scene


def technician(browser: Browser, scene: Scene, view: View) -> AbstractContextManager[Visit]:
    """A phone that has logged in."""
    return logged_in(browser, scene, view, Role.TECHNICIAN)


def test_from_the_label_to_a_region_drawn_by_finger_and_back_out(browser: Browser, labelled: Scene) -> None:
    with visiting(browser, labelled, View()) as visit:
        page = visit.page
        visit.go("/node")
        page.click("a:has-text('For the technician')")
        assert page.inner_text("h1") == "Claim this node"
        page.fill("#code", CODE.lower())
        page.fill("#password", PASSWORD)
        page.click("button:has-text('Claim this node')")
        assert page.inner_text("h1").endswith("steps are left.")
        page.click("#region a")
        page.wait_for_load_state()  # a busy machine runs the script late, and a finger before it draws nothing
        picture = page.locator("#draw-region").bounding_box()
        assert picture is not None
        for across, down in ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)):
            page.mouse.click(picture["x"] + across * picture["width"], picture["y"] + down * picture["height"])
        page.fill("#corners", page.input_value("#corners").replace(".", ","))  # as half the world writes them
        page.mouse.move(picture["x"] + 0.8 * picture["width"], picture["y"] + 0.8 * picture["height"])
        page.mouse.down()
        page.mouse.move(picture["x"] + 0.9 * picture["width"], picture["y"] + 0.9 * picture["height"])
        page.mouse.up()
        page.click("button:has-text('Count inside this line')")
        assert "of the picture are counted." in page.inner_text("#region")
        known = load_calibration(Path(labelled.config.store.folder), 0)
        assert known is not None
        corners = np.array(known.region.corners)
        assert np.abs(corners - [(0.2, 0.2), (0.8, 0.2), (0.9, 0.9), (0.2, 0.8)]).max() < 0.02
        page.click(".who")
        page.click("button:has-text('Log out')")
        visit.go("/set-up")
        assert page.inner_text("h1") == "Log in"
        assert visit.complaints == []
        assert visit.foreign == []


@pytest.mark.parametrize(
    ("width_px", "height_px", "text_px"), [(390, 844, 16), (844, 390, 16), (844, 390, 32), (1280, 800, 16)]
)
def test_the_picture_of_the_region_leaves_room_to_swipe_and_its_line_lies_on_it(
    width_px: int, height_px: int, text_px: int, browser: Browser, labelled: Scene
) -> None:
    with technician(browser, labelled, View(width_px)) as visit:
        visit.page.set_viewport_size({"width": width_px, "height": height_px})
        visit.go("/set-up/region")
        visit.page.evaluate(f"document.documentElement.style.fontSize = '{text_px}px'")
        line, picture = (visit.page.locator(one).bounding_box() for one in ("#draw-region", ".region img"))
        assert line is not None
        assert line == picture
        assert line["height"] < height_px - 120  # the tabs, and a finger's room
        assert line["width"] > 200


def test_a_stations_level_is_entered_marked_and_deleted_on_a_phone_without_scripts(
    browser: Browser, labelled: Scene
) -> None:
    labels = ("Delphacidae", "Thripidae", "Bemisia")
    model = replace(labelled.board.snapshot().model, labels=labels, precisions=dict.fromkeys(labels, 0.9))
    labelled.board.show(model=model)
    with technician(browser, labelled, View(scripts=False)) as visit:
        page = visit.page
        visit.go("/set-up")
        page.click("#levels a")
        page.select_option("#label", label="Planthoppers")
        page.fill("#act_at", "0")
        page.click("button:has-text('Keep this level')")
        assert page.input_value("#label") == "Delphacidae"
        assert page.inner_text(".is-wrong label") == "Act from"
        page.fill("#act_at", "10")
        page.fill("#source", "Yuhang plant protection station, 2026")
        page.click("button:has-text('Keep this level')")
        page.click("main a:has-text('Action levels')")
        assert "Planthoppers: 10 on one picture" in page.inner_text("section.panel")
        page.click("button:has-text('Delete')")
        visit.go("/levels")
        assert "None yet." in page.inner_text("section.panel")
        assert not visit.is_wider_than_the_screen()


def test_why_a_region_is_refused_stands_above_the_tabs(browser: Browser, labelled: Scene) -> None:
    with technician(browser, labelled, View()) as visit:
        visit.go("/set-up/region")
        visit.page.fill("#corners", "1 2")
        visit.page.click("button:has-text('Count inside this line')")
        expect(visit.page.locator("#corners")).to_be_focused()
        words, tabs = (visit.page.locator(one).bounding_box() for one in (".wrong", ".tabs"))
        assert words is not None
        assert tabs is not None
        assert 0 <= words["y"] < words["y"] + words["height"] <= tabs["y"]
        assert visit.violations() == []


def test_two_taps_claim_a_node_once_and_leave_its_technician_logged_in(
    browser: Browser, labelled: Scene, slow_posts: list[str]
) -> None:
    with visiting(browser, labelled, View()) as visit:
        visit.go("/claim")
        visit.page.fill("#code", CODE)
        visit.tap_twice("form button.full")
        visit.page.wait_for_selector("h1:has-text('steps are left.')")
        assert slow_posts == ["/claim"]


def test_a_wrong_setting_is_marked_and_the_phones_time_zone_is_one_touch(browser: Browser, labelled: Scene) -> None:
    with technician(browser, labelled, View()) as visit:
        page = visit.page
        visit.go("/settings")
        page.fill("[name='node.area_code']", "1234")
        page.click("[data-phone='zone'] button")
        assert page.input_value("[name='node.time_zone']") == page.evaluate(
            "Intl.DateTimeFormat().resolvedOptions().timeZone"
        )
        page.click("button:has-text('Keep these settings')")
        assert "This cannot be used." in page.inner_text(".is-wrong")
        expect(page.locator(".is-wrong input")).to_be_focused()
        expect(page.locator(".wrong")).to_be_in_viewport()
        page.fill("[name='node.area_code']", "110105001002")
        page.click("button:has-text('Keep these settings')")
        assert page.inner_text("h1").startswith("This is a demonstration")


def test_a_phone_is_served_by_what_its_engine_can(browser: Browser, labelled: Scene) -> None:
    labelled.clock.state = ClockState.UNSYNCED
    with technician(browser, labelled, View()) as visit:
        page = visit.page
        page.route("**/page.js*", lambda route: route.fulfill(body="of + tomorrow ?", content_type="text/javascript"))
        visit.go("/set-up/clock")  # without a script that runs
        expect(page.locator("#typed")).to_be_visible()
        by_phone = page.locator("button:has-text('Set the clock by this phone')")
        expect(by_phone).to_be_hidden()
        visit.go("/photo")
        page.check("input[value=pests]")
        visit.send_photograph(FRAMES / "rice_bug.jpg")
        page.wait_for_selector("#headline", timeout=60_000)
        page.unroute("**/page.js*")
        page.clock.set_fixed_time(datetime(2026, 7, 2, 18, 30))  # noqa: DTZ001  as the phone shows it
        visit.go("/set-up/clock")
        expect(page.locator("#typed")).to_be_hidden()
        expect(page.locator("[data-phone-time]")).to_have_text("Jul 2, 2026, 6:30 PM")
        expect(by_phone).to_be_visible()
        page.add_init_script("delete window.PointerEvent;")  # Safari 13
        visit.go("/set-up/region")
        expect(page.locator("#by-finger")).to_be_hidden()


@pytest.mark.parametrize(("address", "follows"), [("/live", "**/live.jpg"), ("/node", "**/node")])
def test_a_page_that_lies_forgotten_does_not_keep_the_node_awake(
    address: str, follows: str, browser: Browser, labelled: Scene
) -> None:
    with technician(browser, labelled, View()) as visit:
        visit.page.clock.install()
        visit.go(address)
        assert labelled.board.is_visited(labelled.clock.monotonic_s())
        labelled.clock.advance(600)
        with visit.page.expect_response(follows, timeout=30_000):
            visit.page.clock.fast_forward(10_000)  # the page's own script asks
        assert not labelled.board.is_visited(labelled.clock.monotonic_s())
        visit.page.reload()
        assert labelled.board.is_visited(labelled.clock.monotonic_s())


def test_each_page_of_the_technician_fits_the_screen_and_keeps_nobody_out(browser: Browser, labelled: Scene) -> None:
    source = "rtsp://192.168.1.64:554/cam/realmonitor?channel=1&subtype=00_authbasic=YWRtaW46cGFzc3dvcmQ"
    labelled.store.note_audit(
        Entry(utc=labelled.clock.utc, who="technician", what=f"setting camera.source: – → {source}", outcome="done")
    )
    with technician(browser, labelled, View(language="zh")) as visit:
        for address in PAGES:
            visit.go(address)
            for width_px, theme in ((390, "dark"), (1280, "light")):
                visit.page.set_viewport_size({"width": width_px, "height": 844})
                visit.page.emulate_media(color_scheme=theme)
                assert not visit.is_wider_than_the_screen(), (address, width_px)
                assert visit.violations() == [], (address, theme)
                heights = visit.page.evaluate(
                    "[...document.querySelectorAll('main :is(.button, select, .radio, "
                    "input:not([type=hidden], [type=checkbox], [type=radio]))')]"
                    ".filter(e => e.offsetParent).map(e => e.getBoundingClientRect().height)"
                )
                assert min([48, *heights]) >= 48, address
        assert visit.complaints == []
        assert visit.foreign == []


def test_no_page_of_a_technician_who_needs_large_text_slides_sideways(browser: Browser, labelled: Scene) -> None:
    with technician(browser, labelled, View(320)) as visit:
        for address in PAGES:
            visit.go_with_text(32, address)
            assert not visit.is_wider_than_the_screen(), address


def test_each_title_and_each_choice_of_the_settings_can_be_read_whole_on_a_phone(
    browser: Browser, labelled: Scene
) -> None:
    with technician(browser, labelled, View()) as visit:
        for language in ("en", "es", "fr", "pt", "id"):
            visit.go(f"/settings?lang={language}")
            assert visit.page.locator("option").count() > 10
            assert visit.page.evaluate(CUT_CHOICES) == [], language
        # WebKit lays a title over the rim of a grid, no other engine does
        shown = visit.page.eval_on_selector_all("fieldset", "all => all.map((one) => getComputedStyle(one).display)")
    assert set(shown) == {"block"}


@pytest.mark.parametrize(
    ("width_px", "height_px", "addresses"),
    [(390, 844, ("/settings", "/set-up/clock", "/set-up/hand")), (640, 400, ("/", "/photo", "/review", *PAGES))],
    ids=["a phone, where a page is long", "a desk at 200 %"],
)
def test_nothing_that_the_keyboard_reaches_lies_under_the_tabs(
    width_px: int, height_px: int, addresses: tuple[str, ...], browser: Browser, labelled: Scene
) -> None:
    with technician(browser, labelled, View(width_px)) as visit:
        visit.page.set_viewport_size({"width": width_px, "height": height_px})
        for address in addresses:
            visit.go(address)
            visit.page.evaluate(UNDER_THE_TABS % RIM_PX)
            controls = visit.page.locator("main :is(a, button, summary, input, select, textarea):visible").count()
            for _ in range(controls + HEAD):
                visit.page.keyboard.press("Tab")
            assert visit.page.evaluate("[reached, covered]") == [controls + HEAD, []], address


@pytest.mark.usefixtures("slow_pictures")
@pytest.mark.parametrize("address", ["/live", "/set-up/model", "/set-up/region", "/set-up/scale", "/set-up/hand"])
def test_nothing_moves_under_a_finger_when_a_picture_comes_late(
    address: str, browser: Browser, labelled: Scene
) -> None:
    with technician(browser, labelled, View()) as visit:
        visit.page.goto(visit.root + address, wait_until="domcontentloaded")
        assert not visit.page.evaluate("[...document.querySelectorAll('.photo img')].some((one) => one.complete)")
        before = visit.page.evaluate(TOPS)
        visit.page.evaluate(
            "Promise.all([...document.querySelectorAll('.photo img')]"
            ".map((one) => { one.loading = 'eager'; return one.decode(); }))"
        )
        assert visit.page.evaluate(TOPS) == before
        assert before


@pytest.mark.parametrize("address", ["/claim", "/account"])
@pytest.mark.parametrize("width_px", [320, 390])
def test_whoever_needs_large_text_reads_the_whole_of_a_proposed_password(
    width_px: int, address: str, browser: Browser, labelled: Scene
) -> None:
    with (visiting if address == "/claim" else technician)(browser, labelled, View(width_px)) as visit:
        visit.go_with_text(32, address)
        proposal = visit.page.locator("input#password").input_value()
        shown = visit.page.locator("main p", has_text=re.compile(f"^{proposal}$"))
        expect(shown).to_be_visible()
        assert shown.evaluate("(one) => one.scrollWidth <= one.clientWidth")
        assert not visit.is_wider_than_the_screen()


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("claim", View()),
        ("set-up", View()),
        ("set-up", View(language="zh", theme="dark")),
        ("region", View()),
        ("settings", View(width_px=1280)),
        ("log-in", View()),
        ("clock", View()),
        ("people", View(language="zh", theme="dark")),
    ],
    ids=str,
)
def test_the_technicians_pages_look_like_their_committed_screens(
    name: str, view: View, browser: Browser, labelled: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_font(view.language)
    monkeypatch.setattr(import_module("edge.page.accounts.people"), "proposed", lambda: "AT5B-YMHH-9Q6D-AXGH")
    if name == "clock":
        labelled.clock.state = ClockState.UNSYNCED
    with (visiting if name == "claim" else technician)(browser, labelled, view) as visit:
        visit.page.clock.set_fixed_time(datetime(2026, 7, 1, 16, 30))  # noqa: DTZ001  a phone that agrees
        visit.go(SHOWN[name])
        assert visit.looks_like(name, view)
