"""The pages in a real browser: each state on phone and desk, in both languages, by day and by night."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from operator import mul
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest
from flask import Response, request
from playwright.sync_api import Browser

from edge.languages import LANGUAGES
from edge.page import create_app, serve
from edge.page.trust import Role
from edge.status import StatusBoard
from edge.taxa import taxa
from tests.page.browsing import NEEDS_CHROMIUM, View, logged_in, skip_without_font, visiting
from tests.page.conftest import answer_through
from tests.page.scenes import BUG, SCENES, Scene, broker_away, interval, picture_of, seen, sighting, standing, well
from tests.waiting import wait_until

pytestmark = NEEDS_CHROMIUM
# Together they show each element, in each tone, that the other states show; a look of axe's takes most of the time here
KINDS_OF_STATE = (
    "first-minutes",
    "nothing-seen",
    "broker-away",
    "over-the-level",
    "done",
    "camera-missing-over-the-level",
    "safe-mode",
)
SHOWN = {"now": "/", "live": "/live", "node": "/node"}
LUMA = (0.2126, 0.7152, 0.0722)
BAR_COLOURS = """[
    [".panel", "backgroundColor"], [".counted", "fill"], [".range", "stroke"],
].map(([what, part]) => getComputedStyle(document.querySelector(what))[part].match(/[\\d.]+/g).map(Number))"""
ENDS_OF_WORDS = """all => all.map((one) => {
    const words = document.createRange();
    words.selectNodeContents(one);
    const { left, right } = words.getBoundingClientRect();
    return [one.textContent, left, right];
})"""
OVERPRINTED = """[...document.querySelectorAll(".brand span, .who, .languages, .tabs a")].flatMap((one, n, all) => {
    const a = one.getBoundingClientRect();
    return all.slice(n + 1).filter((other) => {
        const b = other.getBoundingClientRect();
        return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    }).map((other) => `${one.textContent} / ${other.textContent}`);
})"""


@pytest.mark.parametrize("name", SCENES)
def test_each_state_fits_the_screen(name: str, browser: Browser, scene: Scene) -> None:
    SCENES[name](scene)
    with visiting(browser, scene, View()) as visit:
        visit.go_as(View(language="zh"), "/")
        assert not visit.is_wider_than_the_screen()
        visit.go("/?lang=en")
        for width_px in (390, 1280):
            visit.page.set_viewport_size({"width": width_px, "height": 800})
            assert not visit.is_wider_than_the_screen(), width_px
        assert visit.complaints == []
        assert visit.foreign == []


@pytest.mark.parametrize("name", KINDS_OF_STATE)
def test_each_kind_of_state_keeps_nobody_out_by_day_by_night_and_on_a_desk(
    name: str, browser: Browser, scene: Scene
) -> None:
    SCENES[name](scene)
    with visiting(browser, scene, View()) as visit:
        visit.go_as(View(language="zh"), "/")
        for width_px, theme in ((390, "dark"), (390, "light"), (1280, "light"), (1280, "dark")):
            visit.page.set_viewport_size({"width": width_px, "height": 800})
            visit.page.emulate_media(color_scheme=theme)
            assert visit.is_for_everybody()


@pytest.mark.parametrize("view", [View(390, "zh", "dark"), View(1280, "en", "light")], ids=str)
def test_the_other_pages_fit_the_screen_and_keep_nobody_out(view: View, browser: Browser, scene: Scene) -> None:
    broker_away(scene)
    picture = scene.store.latest_sightings(3)[-1].record.picture
    with visiting(browser, scene, view) as visit:
        for address in ("/live", "/node", "/seen", f"/seen/{picture}", "/no-such-page"):
            visit.go_as(view, address)
            assert not visit.is_wider_than_the_screen(), address
            assert visit.violations() == [], address
            visit.go_as(View(view.width_px, {"zh": "en", "en": "zh"}[view.language]), address)
            assert not visit.is_wider_than_the_screen(), address
        assert visit.foreign == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_four_tones_are_legible_by_day_and_by_night(theme: str, browser: Browser, scene: Scene) -> None:
    seen(scene)
    with visiting(browser, scene, View(theme=theme)) as visit:
        visit.go("/node")
        for tone in ("calm", "look", "stop", "wait"):
            visit.page.evaluate(
                f"document.querySelectorAll('.pill, .card').forEach(e => e.classList.replace('calm', '{tone}'))"
            )
            assert visit.violations() == [], tone
            visit.page.evaluate(
                f"document.querySelectorAll('.pill, .card').forEach(e => e.classList.replace('{tone}', 'calm'))"
            )


def test_whatever_can_be_touched_is_48_px_high_and_all_text_at_least_16_px(browser: Browser, scene: Scene) -> None:
    seen(scene)
    with visiting(browser, scene, View()) as visit:
        for address in SHOWN.values():
            visit.go(address)
            touchable = "[...document.querySelectorAll('a:not(.skip), summary, button')]"
            visit.page.click(".languages summary")
            heights = visit.page.evaluate(f"{touchable}.map(e => e.getBoundingClientRect().height)")
            assert min(heights) >= 48
            sizes = visit.page.evaluate(  # a drawing shows its own smaller than they are written there
                "[...document.querySelectorAll('body *')].filter(e => e.textContent.trim())"
                ".map(e => parseFloat(getComputedStyle(e).fontSize) * (e.matches('text') ? e.getScreenCTM().a : 1))"
            )
            assert min(sizes) >= 16


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_parts_of_a_bar_are_told_apart_in_the_sun(theme: str, browser: Browser, scene: Scene) -> None:
    seen(scene)
    with visiting(browser, scene, View(theme=theme)) as visit:
        visit.go("/")
        sheet, counted, likely = visit.page.evaluate(BAR_COLOURS)
    assert min(contrast(counted, sheet), contrast(likely, sheet)) >= 3  # WCAG 1.4.11


def contrast(one: list[float], other: list[float]) -> float:
    """Of two colours of 0..255, as WCAG 2.2 reckons it: 1 to 21."""
    darker, lighter = sorted(0.05 + sum(map(mul, LUMA, map(linear, colour))) for colour in (one, other))
    return lighter / darker


def linear(channel: float) -> float:
    share = channel / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def test_an_open_page_follows_the_node_and_keeps_what_the_reader_opened_and_moved_on_a_phone_of_2020(
    browser: Browser, scene: Scene
) -> None:
    seen(scene)
    wide = dict.fromkeys([one.scientific_name for one in taxa()[:20]], 5000)
    scene.store.commit([interval(scene.before(hours=1), wide)])
    with visiting(browser, scene, View()) as visit:
        visit.page.add_init_script("delete Element.prototype.replaceChildren;")  # Chrome 85
        visit.page.add_init_script("delete Element.prototype.scrollTo;")  # Safari 14
        visit.page.clock.install()
        visit.go("/")
        visit.page.click("#figures summary")
        visit.page.eval_on_selector(".scroll", "table => { table.scrollLeft = 300; }")
        visit.page.evaluate("getSelection().selectAllChildren(document.getElementById('days'))")
        scene.store.commit([sighting(scene.before(seconds=1), count=8)], picture_of("planthopper.jpg"))
        visit.page.clock.run_for(21_000)
        visit.page.wait_for_selector("h1:has-text('Brown planthopper: 8')")
        assert visit.page.evaluate("String(getSelection())") == "Last 14 days"  # the same node: a screen reader's place
        scene.store.commit([interval(scene.before(days=back, hours=3), {}) for back in (13, 7, 6)])
        visit.page.clock.run_for(20_000)
        visit.page.wait_for_selector("text=without data", state="detached")  # and so the whole panel is another one
        assert visit.page.evaluate("document.getElementById('figures').open")
        assert visit.page.eval_on_selector(".scroll", "table => table.scrollLeft") == 300
        assert visit.complaints == []


@pytest.mark.parametrize(
    ("address", "every_s", "control"),
    [
        ("/", 20, ".rows li:nth-child(2) a"),
        ("/", 20, "#figures summary"),
        ("/", 20, "#figures .scroll"),
        ("/", 20, ".note a[href='/log-in?next=/']"),  # one of the same name stands before it
        ("/node", 10, "main a"),
    ],
)
def test_whoever_reads_by_keyboard_keeps_the_place_when_the_page_is_fresh(
    address: str, every_s: int, control: str, browser: Browser, scene: Scene
) -> None:
    seen(scene)
    scene.board.show(alerts=(standing(scene, 14, "act"), standing(scene, 12, "act", BUG)))
    with visiting(browser, scene, View()) as visit:
        visit.page.clock.install()
        visit.go(address)
        visit.page.eval_on_selector_all("details", "parts => { for (const part of parts) part.open = true; }")
        visit.page.focus(control)
        visit.page.eval_on_selector("h1", "before => { before.id = 'before'; }")
        high = visit.page.evaluate("scrollY")
        visit.page.clock.run_for(1000 * every_s + 1000)
        visit.page.wait_for_selector("#before", state="detached")
        assert visit.page.eval_on_selector(control, "one => one === document.activeElement")
        assert visit.page.evaluate("scrollY") == high


@pytest.mark.parametrize("status", [None, 200, 502])
def test_a_page_whose_node_is_gone_says_so_also_where_another_machine_answers_in_its_place(
    status: int | None, browser: Browser, scene: Scene
) -> None:
    seen(scene)
    with visiting(browser, scene, View()) as visit:
        visit.page.clock.install()
        visit.go("/")
        visit.node_goes()
        with stranger(visit.root, status) if status else nullcontext():
            visit.page.clock.run_for(21_000)
            visit.page.wait_for_selector("#away:has-text('No connection to the node')")
        assert visit.page.inner_text("#away").endswith("Jul 1, 2026, 4:30\u202fPM")
        assert visit.page.inner_text("h1") == "Brown planthopper: 5"


@contextmanager
def stranger(root: str, status: int) -> Iterator[None]:
    """Another web server at this address: the Wi-Fi's own page, or a proxy's."""

    class Words(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b'<title>Wi-Fi</title><main id="main">Pay here</main>')

    with ThreadingHTTPServer(("127.0.0.1", urlsplit(root).port or 0), Words) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def test_a_kept_page_is_shown_with_its_age_when_the_node_is_out_of_reach(browser: Browser, scene: Scene) -> None:
    seen(scene)
    with visiting(browser, scene, View()) as visit:
        visit.page.clock.install()
        visit.go("/")
        visit.page.evaluate("navigator.serviceWorker.ready")
        wait_until(lambda: visit.page.evaluate("navigator.serviceWorker.controller !== null"), within_s=10)
        visit.go("/")
        visit.node_goes()
        visit.page.reload()
        visit.page.wait_for_selector("#away:has-text('No connection to the node')")
        visit.page.clock.run_for(21_000)  # its own look for what is new, answered by the worker, tells nothing
        assert visit.page.inner_text("#away").endswith("Jul 1, 2026, 4:30\u202fPM")
        assert visit.page.inner_text("h1") == "Brown planthopper: 5"


def test_the_live_picture_moves_at_most_twice_a_second_and_rests_while_hidden(browser: Browser, scene: Scene) -> None:
    seen(scene)
    with logged_in(browser, scene, View(), Role.TECHNICIAN) as visit:
        visit.page.add_init_script(
            "const fetched = fetch; window.asked = [];"
            "window.fetch = (...all) => { asked.push(Date.now()); return fetched(...all); }"
        )
        visit.page.clock.install()
        visit.go("/live")
        for _ in range(300):
            visit.page.clock.run_for(100)
            asked = visit.page.evaluate("asked")
            if len(asked) > 4:
                break
        assert min(later - earlier for earlier, later in pairwise(asked)) >= 500
        assert "Best so far" in visit.page.inner_text("#sharpness-best")
        visit.page.evaluate("Object.defineProperty(document, 'hidden', {value: true})")
        visit.page.clock.run_for(500)
        rested = visit.page.evaluate("asked.length")
        visit.page.clock.run_for(10_000)
        assert visit.page.evaluate("asked.length") == rested
        assert visit.complaints == []


@dataclass
class Line:
    """What a phone waits for when it asks for the next picture."""

    answer: Event = field(default_factory=Event)
    rest: Event = field(default_factory=Event)

    def brings(self, jpeg: bytes) -> Iterator[bytes]:
        yield jpeg[:1000]
        self.rest.wait(30)
        yield jpeg[1000:]


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """The page's first picture is there at once; those that its script asks for come as the test says."""
    weak = Line()

    def late(answer: Response) -> Response:
        if request.path == "/live.jpg" and request.headers["Sec-Fetch-Dest"] == "empty":
            weak.answer.wait(30)
            answer.response = weak.brings(answer.get_data())
        return answer

    answer_through(late, monkeypatch)
    yield weak
    weak.answer.set()
    weak.rest.set()


def test_a_live_picture_that_takes_20_s_is_shown_with_its_age_and_a_node_that_does_not_answer_for_8_s_is_told_as_gone(
    browser: Browser, scene: Scene, line: Line
) -> None:
    seen(scene)
    with visiting(browser, scene, View()) as visit:
        visit.page.add_init_script(
            "const fetched = fetch; window.answers = 0;"
            "window.fetch = async (...all) => { const answer = await fetched(...all); answers += 1; return answer; }"
        )
        visit.page.clock.install()
        visit.go("/live")
        visit.page.clock.run_for(600)
        line.answer.set()
        wait_until(lambda: visit.page.evaluate("answers") == 1, within_s=10)
        line.answer.clear()  # the next one does not come before this one was looked at
        visit.page.clock.run_for(20_000)
        assert visit.page.locator("#away").is_hidden()
        line.rest.set()
        visit.page.wait_for_selector("#live[src^='blob:']")
        age = re.search(r"(\d+) seconds ago", visit.page.inner_text("#live-age"))
        assert age is not None
        assert 32 <= int(age[1]) < 60  # it was 12 s old when it was asked for
        visit.page.clock.run_for(9_000)
        visit.page.wait_for_selector("#away:has-text('No connection to the node')")
        line.answer.set()


def test_a_lost_connection_is_written_once_however_often_the_node_is_asked(browser: Browser, scene: Scene) -> None:
    seen(scene)
    with visiting(browser, scene, View()) as visit:
        visit.page.clock.install()
        visit.go("/live")
        visit.node_goes()
        visit.page.clock.run_for(4_000)
        visit.page.wait_for_selector("#away:has-text('No connection to the node')")
        visit.page.evaluate(
            "window.written = window.asked = 0; const fetched = fetch;"
            "window.fetch = (...all) => { asked += 1; return fetched(...all); };"
            "new MutationObserver(all => { written += all.length; }).observe(document.getElementById('away'),"
            " {childList: true, characterData: true, subtree: true});"
        )
        for _ in range(100):
            visit.page.clock.run_for(1_000)
            if visit.page.evaluate("asked") > 2:
                break
        assert visit.page.evaluate("[asked > 2, written]") == [True, 0]  # a screen reader speaks what is written


def test_an_old_phone_is_told_no_lost_connection(browser: Browser, scene: Scene) -> None:
    seen(scene)
    with visiting(browser, scene, View()) as visit:
        visit.page.add_init_script("delete AbortSignal.timeout; delete Navigator.prototype.serviceWorker;")
        visit.page.add_init_script("delete Intl.RelativeTimeFormat;")
        visit.go("/live")
        visit.page.wait_for_selector("#live[src^='blob:']")
        assert visit.page.locator("#away").is_hidden()


def test_a_live_picture_that_is_there_no_longer_makes_way_for_what_the_node_says(
    browser: Browser, scene: Scene
) -> None:
    seen(scene)
    with visiting(browser, scene, View()) as visit:
        visit.go("/live")
        visit.node_goes()
        again = create_app(scene.store, StatusBoard(scene.clock.now()), scene.config, scene.clock)
        with closing(serve(again, "127.0.0.1", urlsplit(visit.root).port or 0)):
            visit.page.wait_for_selector("text=No picture yet")


def test_an_open_live_page_says_that_the_camera_went_and_that_it_is_back(browser: Browser, scene: Scene) -> None:
    seen(scene)
    with visiting(browser, scene, View()) as visit:
        visit.go("/live")
        visit.page.wait_for_selector("#live[src^='blob:']")
        camera = scene.board.snapshot().camera
        scene.board.show(camera=replace(camera, state="missing"))
        visit.page.wait_for_selector("text=The camera does not answer.")
        assert visit.page.locator(".pill:visible").count() == 0
        scene.board.show(camera=camera)
        visit.page.wait_for_selector(".pill:visible")
        assert visit.page.locator("text=The camera does not answer.").count() == 0


def test_reading_works_without_scripts(browser: Browser, scene: Scene) -> None:
    seen(scene)
    with visiting(browser, scene, View(scripts=False)) as visit:
        for address in SHOWN.values():
            visit.go(address)
            assert visit.page.inner_text("h1"), address
            assert visit.page.locator("figure img, figure image, .part").first.is_visible(), address


def test_each_language_fits_a_phone(browser: Browser, scene: Scene) -> None:
    broker_away(scene)
    with visiting(browser, scene, View()) as visit:
        for language in LANGUAGES:
            visit.go(f"/?lang={language}")
            assert not visit.is_wider_than_the_screen(), language
            assert visit.violations() == [], language


def test_at_no_width_is_anything_in_the_head_printed_over_another(browser: Browser, scene: Scene) -> None:
    scene.configure(node={"node": "north-dyke-of-the-seventh-irrigation-canal"})
    with visiting(browser, scene, View(1280)) as visit:
        for language in LANGUAGES:
            visit.go(f"/?lang={language}")
            for width_px in (896, 1024, 1280):
                visit.page.set_viewport_size({"width": width_px, "height": 800})
                assert visit.page.evaluate(OVERPRINTED) == [], (language, width_px)


def test_each_sightings_link_says_whose_picture_it_leads_to(browser: Browser, scene: Scene) -> None:
    seen(scene)
    with visiting(browser, scene, View()) as visit:
        visit.go("/")
        tree = visit.page.context.new_cdp_session(visit.page).send("Accessibility.getFullAXTree")["nodes"]
    spoken = [
        one["name"]["value"] for one in tree if one.get("role", {}).get("value") in ("link", "DisclosureTriangle")
    ]
    assert [name for name in spoken if name.startswith("Picture")] == [
        "Picture: Brown planthopper · 4:18\u202fPM",
        "Picture: Brown planthopper · 1:30\u202fPM",
        "Picture: Slender rice bug · 11:30\u202fAM",
    ]
    assert "Day by day in figures" in spoken  # without the sign before it


@pytest.mark.parametrize("text_px", [24, 32])  # of 16
@pytest.mark.parametrize("width_px", [360, 390])
def test_whoever_needs_large_text_reads_the_answer_on_the_first_screen_and_each_sighting_on_one(
    text_px: int, width_px: int, browser: Browser, scene: Scene
) -> None:
    seen(scene)
    for language in ("zh", "sw"):
        with visiting(browser, scene, View(width_px, language)) as visit:
            visit.go_with_text(text_px, "/")
            assert not visit.is_wider_than_the_screen()
            first_line = visit.page.evaluate("document.querySelector('h1').getClientRects()[0].top") + 3 * text_px
            assert first_line < visit.page.evaluate("document.querySelector('.tabs').getBoundingClientRect().top")
            assert visit.page.evaluate("document.querySelector('.top').offsetHeight") < 0.4 * 844
            heights = visit.page.evaluate("[...document.querySelectorAll('.rows li')].map(e => e.offsetHeight)")
            assert len(heights) == 3
            assert max(heights) < 844


@pytest.mark.parametrize("width_px", [320, 360, 1280])
def test_the_menu_of_languages_can_be_read_whole_in_any_size_of_text(
    width_px: int, browser: Browser, scene: Scene
) -> None:
    seen(scene)
    with visiting(browser, scene, View(width_px)) as visit:
        for language in ("en", "hi"):
            for text_px in (16, 24, 32):
                visit.go_with_text(text_px, f"/?lang={language}")
                visit.page.click(".languages summary")
                assert not visit.is_wider_than_the_screen(), (language, text_px)
                words = visit.page.eval_on_selector_all(".languages li a", ENDS_OF_WORDS)
                assert len(words) == len(LANGUAGES)
                cut = [name for name, left, right in words if left < 0 or right > width_px]
                assert cut == [], (language, text_px)


@pytest.mark.parametrize("width_px", [320, 390])
def test_the_long_label_of_a_model_of_ones_own_breaks_and_no_letter_of_it_is_cut(
    width_px: int, browser: Browser, scene: Scene
) -> None:
    well(scene)
    labels = [f"Spodoptera_frugiperda_{stage}_third_instar" for stage in ("larva", "nymph")]
    scene.store.commit([interval(scene.before(hours=1), dict.fromkeys(labels, 9))])
    scene.store.commit([sighting(scene.before(minutes=2), labels[0])], picture_of("planthopper.jpg"))
    scene.board.show(alerts=tuple(standing(scene, 14, "act", label) for label in labels))
    with visiting(browser, scene, View(width_px)) as visit:
        visit.go("/")
        for place in ("h1", ".note h2", "figcaption", ".bars h3", ".rows .name"):
            assert visit.page.locator(place, has_text="Spodoptera_frugiperda").count() >= 1, place
        assert not visit.is_wider_than_the_screen()
        cut = "all => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)"
        assert visit.page.eval_on_selector_all("main :is(h1, h2, h3, p, figcaption)", cut) == []


def test_no_part_of_the_first_page_is_lost_on_paper(browser: Browser, scene: Scene) -> None:
    seen(scene)
    with visiting(browser, scene, View(1280)) as visit:
        visit.go("/")
        visit.page.emulate_media(media="print")
        # Firefox alone breaks no grid across sheets
        shown = visit.page.eval_on_selector_all(
            "main, .columns, .column", "all => all.map((one) => getComputedStyle(one).display)"
        )
        assert shown == ["block"] * 4


def test_a_language_is_chosen_with_two_touches_and_stays(browser: Browser, scene: Scene) -> None:
    seen(scene)
    with visiting(browser, scene, View()) as visit:
        visit.go("/")
        visit.page.click(".languages summary")
        visit.page.click(".languages a:has-text('简体中文')")
        assert "褐飞虱" in visit.page.inner_text("h1")
        visit.page.click(".tabs a:has-text('设备')")
        assert visit.page.inner_text("h1") == "本设备已就绪。"


@pytest.mark.parametrize(
    ("page", "view"),
    [
        ("now", View()),
        ("now", View(language="zh")),
        ("now", View(theme="dark")),
        ("now", View(language="zh", theme="dark")),
        ("now", View(width_px=1280)),
        ("live", View()),
        ("node", View()),
    ],
    ids=str,
)
def test_the_pages_look_like_their_committed_screens(page: str, view: View, browser: Browser, scene: Scene) -> None:
    skip_without_font(view.language)
    seen(scene)
    with visiting(browser, scene, view) as visit:
        visit.go(SHOWN[page])
        assert visit.looks_like(page, view)
