"""The county desk in a real browser: it draws, fits phone and screen, keeps nobody out and asks no other server."""

import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import cos, exp, sin
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pytest
from msgspec.structs import replace as replaced
from playwright.sync_api import Browser, Locator, Page, Route
from werkzeug.serving import make_server

from edge.counts import Level
from edge.platform.areas.hull import Point
from edge.platform.areas.population import keep_threshold
from edge.platform.database import Database
from edge.platform.decode import Message
from edge.platform.desk import create_app
from edge.platform.desk.people import add_person
from edge.wire import Health, ImageHeader, ModelInfo, StandingAlert, StoreHealth, encode_message, image_properties
from tests.page.browsing import CHROMIUM, FLAGS, violations_on
from tests.platform.conftest import filled
from tests.platform.fleet import BLAST, Fleet
from tests.platform.postgres import Postgres
from tests.records import APHID, MOTH, count
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is missing: apt install chromium"),
]
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REDRAW = "FIELDEYE_REDRAW_SCREENS" in os.environ
PASSWORD = "a long password"  # noqa: S105
PAGES = {
    "map": "/?first=2026-07-08&last=2026-07-14",
    "alerts": "/alerts",
    "nodes": "/nodes",
    "questions": "/questions",
}
AXE_LOOKS = {(390, "dark"), (1280, "light")}  # each width, light and language once: a look takes half a second
PESTS = ModelInfo(name="pests", version="2026.11.28", sha256="0" * 64)
TAKEN_BACK = "2026-07-14T03:20:11Z the new venv ended badly 3 times, so the former runs again"
BORDER = [Point(30.03 + 0.09 * sin(n / 12), 120.08 + (0.1 + 0.012 * cos(n / 3)) * cos(n / 12)) for n in range(76)]


@pytest.fixture(scope="module")
def root(postgres: Postgres) -> Iterator[str]:
    """A county with twenty nodes, three weeks and a question, served on loopback."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # its lines would come when their test is long over
    with filled(postgres, county) as (name, _):
        server = make_server("127.0.0.1", 0, create_app(postgres.url(name), [BORDER]), threaded=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def county(database: Database) -> None:
    for name in ("plant protection", "Li"):
        add_person(database, name, PASSWORD, "330106")
    keep_threshold(database, MOTH[0], "new", 12, 25, "the station")
    fleet = Fleet(database)
    for n in range(20):
        node = f"paddy-{n + 1:02}"
        code = f"330106{n % 4 + 11:03}001"
        fleet.place(
            node, area_code=code, latitude_deg=30 + n % 5 / 60, longitude_deg=120.03 + n // 5 / 35, models=[PESTS]
        )
        for night in range(14):
            if (n, night) not in {(3, 12), (3, 13), (7, 10)} and n != 19:
                many = round(2 + 30 * exp(-((night - 12) ** 2) / 30) * (n % 7) / 4)
                moths = (count(MOTH, many, many * 8 // 10, many * 13 // 10 + 2),) if n % 7 else ()
                area_mm2 = 500_000 if n < 3 else None
                fleet.counts(node, night, *moths, replace(count(APHID, 3 + n, 2, 40), stage="adult"), area_mm2=area_mm2)
    fleet.counts("paddy-01", -9, count(BLAST, 30), unit="affected_frames", frames=200)  # 22 June
    fleet.sum_up()
    health = Health(utc=datetime.now(UTC), clock="synced", session=1, uptime_s=9, battery_share=0.34,
                    store=StoreHealth(waiting=0, last_seq=28), problem="the model file is damaged",
                    alerts=[standing("act", 31.0), standing("look", 12.5, who="Li")])  # fmt: skip
    jpeg = (ROOT / "edge/cli/demo_pictures/06-rice-bug.jpg").read_bytes()
    header = ImageHeader(
        kind="question", id="00000000-q1", bytes=len(jpeg), utc=datetime(2026, 7, 14, 9, tzinfo=UTC), who="Li",
        guess="Leptocorisa", note="What eats my rice? It came two days ago.",
    )  # fmt: skip
    taken_back = replaced(health, problem=None, alerts=[], last_update=TAKEN_BACK)
    beside = replaced(health, problem=None, alerts=[standing("act", 14.0)])  # in the same township
    told = [
        Message(f"fieldeye/v1/s/paddy-{n}/health", encode_message(one))
        for n, one in (("04", health), ("07", taken_back), ("08", beside))
    ]
    for first in range(0, len(jpeg), 60_000):
        part = header if first == 0 else ImageHeader(kind="question", id=header.id, bytes=len(jpeg), offset=first)
        told.append(
            Message("fieldeye/v1/s/paddy-02/image", jpeg[first : first + 60_000], properties=image_properties(part))
        )
    fleet.registry.note(told)


def standing(level: Level, value: float, who: str = "") -> StandingAlert:
    since = datetime(2026, 7, 14, 9, 30, tzinfo=UTC)
    unit = "adults/trap/night" if level == "act" else "insects/leaf"
    label = MOTH[0] if level == "act" else APHID[0]
    done = since + timedelta(hours=2) if who else None
    return StandingAlert(
        label=label, unit=unit, level=level, since=since, value=value, start_at=10.0, who=who, done=done
    )


@pytest.fixture(scope="module")
def page(root: str, browser: Browser) -> Iterator[Page]:
    """Logged in, with what went wrong in `page.complaints`."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{root}/log-in")
    log_in(page)
    yield page
    page.close()


def log_in(page: Page, name: str = "plant protection") -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()
    page.wait_for_load_state("load")  # before it a draft does not stand in its form again


def send(page: Page, says: str) -> None:
    """The answer that is written, until its page is there with its style sheet, which keeps lines, and its script."""
    page.get_by_role("button", name="Send").click()
    page.locator("h1, [role=alert], .answer", has_text=says).wait_for()
    page.wait_for_load_state("load")


def open_map(page: Page, root: str, told: dict[str, Any] | None = None) -> None:
    """Until map and chart are drawn, of `told` in place of what the desk says."""
    if told is not None:
        page.route("**/api/map*", lambda route: route.fulfill(json=told))
    page.goto(root + PAGES["map"], wait_until="load")
    page.wait_for_selector("body[data-drawn]", timeout=20_000)
    page.unroute("**/api/map*")


def what_is_drawn(page: Page, root: str) -> dict[str, Any]:
    return dict(page.request.get(root + PAGES["map"].replace("/?", "/api/map?")).json())


@pytest.mark.parametrize(
    ("width_px", "language", "scheme"),
    [(390, "en", "light"), (390, "zh", "dark"), (1280, "en", "light"), (1280, "zh", "dark")],
)
@pytest.mark.parametrize("name", PAGES)
def test_each_page_fits_keeps_nobody_out_and_asks_no_other_server(
    page: Page, root: str, name: str, width_px: int, language: str, scheme: Literal["light", "dark"]
) -> None:
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda told: wrong.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.set_viewport_size({"width": width_px, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{root}{PAGES[name]}{'&' if '?' in PAGES[name] else '?'}lang={language}", wait_until="load")
    if name == "map":
        page.wait_for_selector("body[data-drawn]", timeout=20_000)
        assert page.get_by_role("button", name={"en": "Zoom in", "zh": "放大"}[language]).count() == 1
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    if (width_px, scheme) in AXE_LOOKS:
        assert violations_on(page) == []
    assert wrong == []
    assert [url for url in asked if not url.startswith((root, "data:"))] == []
    screen = f"screens/desk-{name}-{width_px}{'-zh-dark' if language == 'zh' else ''}.png"
    if REDRAW and screen in (DOCS / "platform.md").read_text("utf-8"):
        page.screenshot(path=DOCS / screen)


def test_a_label_of_one_long_word_does_not_make_the_alerts_wider_than_a_phone(page: Page, root: str) -> None:
    page.set_viewport_size({"width": 320, "height": 900})
    page.goto(root + PAGES["alerts"], wait_until="load")
    for what in ("h2", ".about"):
        page.locator(what).first.evaluate("one => { one.textContent = 'Spodoptera_frugiperda_larva_third_instar'; }")
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


@pytest.fixture(autouse=True)
def in_english(request: pytest.FixtureRequest) -> Iterator[None]:
    """The next test finds the desk as the first did."""
    yield
    page = request.getfixturevalue("page")
    page.wait_for_load_state("load")  # before it a draft that was sent still lies in the tab
    page.emulate_media(media="screen", color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto("about:blank")  # or what is still on its way would set the cookie again
    page.context.clear_cookies(name="lang")


def test_who_is_logged_in_need_not_log_in_again_for_a_link_in_a_message(page: Page, root: str) -> None:
    message = f'<a href="{root}/alerts?start=0">look</a>'
    page.route("http://mail.example/**", lambda route: route.fulfill(body=message, content_type="text/html"))
    page.goto("http://mail.example/")
    page.get_by_text("look").click()
    page.get_by_role("button", name="Log out").wait_for()
    assert page.url == f"{root}/alerts?start=0"
    page.unroute("http://mail.example/**")


def test_the_map_draws_a_dot_a_node_and_the_chart_a_line(page: Page, root: str) -> None:
    open_map(page, root)
    told = what_is_drawn(page, root)
    assert len(told["places"]) == 20
    assert [place[3] for place in told["places"] if place[0].endswith("/paddy-20")] == [None]
    assert page.locator("#map path.leaflet-interactive").count() == 20
    assert page.locator("#chart canvas").count() == 1
    dots = page.locator("#map path").evaluate_all("dots => dots.map((dot) => dot.getAttribute('tabindex'))")
    assert set(dots) == {"-1"}, "each would be a stop of the keyboard without a name"


def test_a_place_without_a_pest_is_a_smaller_dot_than_any_with_one(page: Page, root: str) -> None:
    """Red and green of one size were the same to one man in twelve."""
    told = what_is_drawn(page, root)
    fewest = min((place for place in told["places"] if place[3]), key=lambda place: float(place[3]))
    fewest[3] = 1
    open_map(page, root, told)
    radii = {
        colour: page.locator(f'#map path[stroke="var(--{colour})"].leaflet-interactive').evaluate_all(
            "dots => dots.map((dot) => dot.getBBox().width / 2)"
        )
        for colour in ("green", "seen", "red")
    }
    assert len(radii["green"]) == 3
    assert len(radii["red"]) == len([place for place in told["places"] if place[4]]) > 0
    assert max(radii["green"]) < min(radii["seen"]) < min(radii["red"])


def test_five_hundred_places_are_small_dots_each_of_which_a_finger_finds(page: Page, root: str) -> None:
    """Each as large as one of twenty, they were one red blob."""
    told = what_is_drawn(page, root)
    told["places"] = [[f"s/n{n}", 30 + n // 25 / 50, 120 + n % 25 / 50, n % 100 if n else None] for n in range(500)]
    page.set_viewport_size({"width": 390, "height": 900})
    open_map(page, root, told)
    dots = page.locator("#map path.leaflet-interactive")
    radii = dots.evaluate_all("dots => dots.map((dot) => dot.getBBox().width / 2)")
    assert len(radii) == 500
    assert max(radii) <= 8
    assert min(radii) > 0
    page.locator("#map").scroll_into_view_if_needed()
    box = dots.first.bounding_box()  # of n0, at the lower left
    assert box is not None
    page.mouse.click(box["x"] - 8, box["y"] + box["height"] / 2)
    assert page.locator("#map .leaflet-tooltip").all_inner_texts() == ["s/n0: no data"]


@pytest.mark.parametrize(("right_px", "down_px"), [(7, 0), (-17, -17)])
def test_a_tap_on_a_dot_opens_that_one_also_at_its_rim_and_where_the_middle_of_another_is_nearer(
    page: Page, root: str, right_px: int, down_px: int
) -> None:
    told = what_is_drawn(page, root)
    told["outlines"] = []
    told["places"] = [["s/large", 30.0, 120.0, 100], ["s/small", 30.0, 120.004, 0], ["s/far", 30.06, 120.06, 5]]
    page.set_viewport_size({"width": 390, "height": 900})
    open_map(page, root, told)
    page.locator("#map").scroll_into_view_if_needed()
    large = page.locator("#map path.leaflet-interactive").first
    box = large.bounding_box()  # with the middle of the small one 12 px to the right of its own
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2 + right_px, box["y"] + box["height"] / 2 + down_px)
    tips = page.locator("#map .leaflet-tooltip").evaluate_all(
        "tips => tips.map((tip) => [tip.style.opacity, tip.textContent])"
    )
    assert [tip for tip in tips if tip[0] != "0"] == [["0.9", "s/large: 100"]], "others fade"


@pytest.mark.parametrize("width_px", [390, 1280])
def test_neither_the_maps_buttons_nor_its_scale_cover_a_dot(page: Page, root: str, width_px: int) -> None:
    """The place in the upper left could not be seen, nor tapped."""
    corners = [(latitude, longitude) for latitude in (30.0, 30.06) for longitude in (120.0, 120.06)]
    places = [[f"s/n{n}", *corner, 9] for n, corner in enumerate(corners)]
    page.set_viewport_size({"width": width_px, "height": 900})
    open_map(page, root, what_is_drawn(page, root) | {"outlines": [], "places": places})
    covered = page.evaluate("""() => {
        const [dots, controls] = ["path.leaflet-interactive", ".leaflet-control"].map((each) =>
            [...document.querySelectorAll(`#map ${each}`)].map((one) => one.getBoundingClientRect()));
        return controls.map((one) => dots.filter((dot) =>
            dot.left < one.right && dot.right > one.left && dot.top < one.bottom && dot.bottom > one.top).length);
    }""")
    assert covered == [0, 0]


def test_a_level_from_the_threshold_on_is_as_red_as_the_places_that_have_reached_it(page: Page, root: str) -> None:
    page.goto(root + PAGES["map"], wait_until="load")
    level, place = page.locator(".figures li", has_text="go and look"), page.locator("td.act").first
    colours = [one.evaluate("one => getComputedStyle(one).color") for one in (level, place)]
    assert colours[0] == colours[1]


@pytest.mark.parametrize(("value", "says"), [(0.04, "0.04"), (0.96, "0.96"), (0, "0"), (12.34, "12.3")])
def test_a_mean_shortly_above_nothing_is_no_zero_on_the_map(page: Page, root: str, value: float, says: str) -> None:
    told = what_is_drawn(page, root) | {"outlines": [], "places": [["s/one", 30.0, 120.0, value]]}
    open_map(page, root, told)
    page.locator("#map path.leaflet-interactive").click()
    assert page.locator("#map .leaflet-tooltip").inner_text() == f"s/one: {says}"


def test_the_charts_legend_draws_a_dot_a_line_and_the_threshold(page: Page, root: str) -> None:
    open_map(page, root)
    _, dot, line, threshold = page.locator("#chart .u-marker").evaluate_all(
        """marks => marks.map((mark) => {
            const { width, height } = mark.getBoundingClientRect(), style = getComputedStyle(mark);
            const full = parseFloat(style.borderTopWidth) * 2 / height;
            return [width / height, style.borderTopLeftRadius, full, style.borderTopStyle];
        })"""
    )
    assert dot[:3] == [1, "50%", 1], "round, and full of its border, which forced colours leave"
    assert line[0] > 4
    assert (line[1:], threshold[1:]) == (["0px", 1, "solid"], ["0px", 1, "dashed"])
    assert page.locator("#chart .u-series").last.inner_text() == "threshold12"


def test_where_the_chart_cannot_be_drawn_its_table_is_open(page: Page, root: str) -> None:
    page.route("**/uplot.js", lambda route: route.fulfill(body="of + tomorrow ?", content_type="text/javascript"))
    page.goto(root + PAGES["map"], wait_until="load")
    page.locator("section details th").first.wait_for()
    assert page.locator("#chart").is_hidden()
    page.unroute("**/uplot.js")


@pytest.mark.parametrize("what", ["a sentence", "nothing"])
def test_a_map_that_the_desk_cannot_draw_now_says_so_and_the_charts_table_is_open(
    page: Page, root: str, what: str
) -> None:
    refusal = "<!doctype html><p>The desk cannot answer this now."
    page.route(
        "**/api/map*",
        lambda route: route.fulfill(status=503, body=refusal) if what == "a sentence" else route.abort(),
    )
    page.goto(root + PAGES["map"], wait_until="load")
    page.locator("section details th").first.wait_for()
    page.unroute("**/api/map*")
    assert page.locator("#map").inner_text().startswith("The desk cannot answer this now. Try again soon")
    assert page.locator("#chart").is_hidden()


def test_a_dot_of_a_disease_tells_the_share_of_the_frames(page: Page, root: str) -> None:
    page.goto(f"{root}/?first=2026-06-22&last=2026-06-22", wait_until="load")
    page.wait_for_selector("body[data-drawn]", timeout=20_000)
    page.locator('#map path.leaflet-interactive[stroke="var(--seen)"]').hover(force=True)
    assert page.locator("#map .leaflet-tooltip").inner_text() == "s/paddy-01: 15 %"


def test_on_a_phone_the_pest_the_counts_of_places_and_the_charts_legend_are_in_sight(page: Page, root: str) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{root}/?taxon={APHID[0]}|adult|new&first=2026-07-08&last=2026-07-14")
    whole = page.get_by_text("Green peach aphid (Myzus persicae), adult", exact=True).locator("visible=true")
    assert whole.count() == 1, "its choice shows the first letters, of larvae the same"
    open_map(page, root)
    assert page.locator(".few").evaluate_all("boxes => boxes.map((box) => box.scrollWidth - box.clientWidth)") == [0, 0]
    assert page.locator("#chart").evaluate("box => box.scrollHeight <= box.clientHeight")


def test_on_a_phone_how_each_node_is_and_in_which_area_are_in_sight(page: Page, root: str) -> None:
    page.set_viewport_size({"width": 360, "height": 900})
    page.goto(root + PAGES["nodes"], wait_until="load")
    assert page.locator(".few").evaluate("box => box.scrollWidth - box.clientWidth") == 0


def test_on_a_phone_a_nodes_name_breaks_behind_its_site_alone(page: Page, root: str) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(root + PAGES["nodes"], wait_until="load")
    lines = page.locator("tbody th").first.evaluate(
        """cell => ["330106000000/", "greenhouse00001"].map((words, n) => {
            const part = [...cell.childNodes].filter((one) => one.nodeType === Node.TEXT_NODE)[n];
            part.data = words;
            const all = document.createRange();
            all.selectNodeContents(part);
            return all.getClientRects().length;
        })"""
    )
    assert lines == [1, 1]
    assert page.locator(".few").evaluate("box => box.scrollWidth - box.clientWidth") == 0


def test_a_table_that_is_wider_than_a_phone_has_a_shadow_at_its_right_until_it_is_scrolled_there(
    page: Page, root: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(root + PAGES["map"], wait_until="load")
    box = page.get_by_role("region", name="Nights")
    assert box.evaluate("box => box.scrollWidth - box.clientWidth") > 0
    paper, shadow = page.evaluate("getComputedStyle(document.body).backgroundColor"), right_edge(page, box)
    assert shadow != paper
    box.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    assert right_edge(page, box) == paper


def right_edge(page: Page, box: Locator) -> str:
    """The colour of its last pixel, at the top."""
    box.scroll_into_view_if_needed()
    png = np.frombuffer(box.screenshot(), np.uint8)
    blue, green, red = cv2.imdecode(png, cv2.IMREAD_COLOR)[2, -1].tolist()
    return f"rgb({red}, {green}, {blue})"


def test_a_group_of_alerts_says_of_how_many_nodes_each_level_is(page: Page, root: str) -> None:
    page.goto(root + PAGES["alerts"], wait_until="load")
    assert page.locator(".alert > p").first.inner_text() == "act (2 nodes)"


def test_paper_is_light_and_has_no_buttons_whatever_the_screen_was(page: Page, root: str) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(root + PAGES["map"], wait_until="load")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 31, 27)"
    assert not page.get_by_role("button", name="Show").is_visible()
    assert not page.locator("header").is_visible()
    columns = page.locator(".two").evaluate("box => getComputedStyle(box).gridTemplateColumns")
    assert len(columns.split()) == 1, "a half of the paper would cut the newest nights off the chart"
    page.goto(root + PAGES["alerts"], wait_until="load")
    assert page.get_by_text("s/paddy-08, since").is_visible(), "who goes out with it sees where to"


def test_a_name_that_is_written_from_the_right_leaves_the_number_of_nodes_behind_it(page: Page, root: str) -> None:
    page.goto(root + PAGES["alerts"], wait_until="load")
    assert page.locator(".alert h2 a").first.evaluate(
        """name => {
            name.textContent = "\u0642\u06d5\u0634\u0642\u06d5\u0631 (330106014)";
            const nodes = document.createRange();
            nodes.selectNodeContents(name.nextSibling);
            return nodes.getBoundingClientRect().left >= name.getBoundingClientRect().right - 1;
        }"""
    )


INKS = """() => {
    const canvas = document.querySelector("#chart canvas"), wide = 45 * devicePixelRatio;
    const { data } = canvas.getContext("2d").getImageData(0, 0, wide, canvas.height - 60 * devicePixelRatio);
    const solid = Array.from({ length: data.length / 4 }, (_, n) => n * 4).filter((n) => data[n + 3] === 255);
    return [...new Set(solid.map((n) => data.slice(n, n + 3).join()))];
}"""  # colours of the figures beside the chart
LIGHT, DARK = "239,242,234", "27,31,27"


def test_a_chart_of_a_dark_screen_is_printed_in_dark_ink(page: Page, root: str) -> None:
    page.emulate_media(color_scheme="dark")
    open_map(page, root)
    assert LIGHT in page.evaluate(INKS)
    page.evaluate(f"addEventListener('beforeprint', () => queueMicrotask(() => (window.printed = ({INKS})())))")
    page.pdf()
    printed = page.evaluate("window.printed")
    assert DARK in printed
    assert LIGHT not in printed
    assert LIGHT in page.evaluate(INKS)


def test_the_menu_of_languages_opens_over_the_map(page: Page, root: str) -> None:
    page.goto(root + PAGES["map"], wait_until="load")
    page.locator(".languages summary").click()
    page.get_by_role("link", name="Español").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Condado 330106"


@pytest.fixture(scope="module")
def large(browser: Browser) -> Iterator[Browser]:
    """As somebody set it who needs text of twice the size."""
    sized = [*FLAGS, "--blink-settings=defaultFontSize=32"]
    with browser.browser_type.launch(executable_path=CHROMIUM, args=sized) as one:
        yield one


@pytest.mark.parametrize("width_px", [320, 390, 1280])
def test_text_is_as_large_as_the_browser_is_set_to_and_the_menu_of_languages_on_the_screen(
    page: Page, root: str, browser: Browser, large: Browser, width_px: int
) -> None:
    for one, text_px in ((browser, 16), (large, 32)):
        with one.new_context(
            storage_state=page.context.storage_state(), viewport={"width": width_px, "height": 844}
        ) as context:
            sized = context.new_page()
            sized.goto(f"{root}/nodes?lang=id", wait_until="load")
            assert sized.locator("td").first.evaluate("cell => parseFloat(getComputedStyle(cell).fontSize)") == text_px
            sized.locator(".languages summary").click()
            box = sized.locator(".languages ul").bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width_px
            assert not sized.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


@pytest.mark.parametrize("name", ["map", "questions"])
def test_a_phone_does_not_zoom_in_where_somebody_writes(page: Page, root: str, name: str) -> None:
    page.goto(root + PAGES[name], wait_until="load")
    sizes_px = page.locator("input:not([type=hidden]), select, textarea").evaluate_all(
        "all => all.map((one) => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(sizes_px) >= 16  # below it an iPhone does


def test_a_long_choice_of_a_taxon_makes_no_page_wider(page: Page, root: str) -> None:
    page.goto(root + PAGES["map"], wait_until="load")
    # WebKit alone lets the words of a choice stick out of what shows them
    assert page.get_by_label("Taxon").evaluate("one => getComputedStyle(one).contain") == "paint"


def test_a_long_name_of_a_node_leaves_how_the_nodes_are_and_when_they_were_heard_on_a_phone(
    page: Page, root: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{root}/nodes", wait_until="load")
    page.locator("tbody th").first.evaluate(
        "cell => { cell.firstChild.data = 'livramento-experimental-farm/north-dyke-canal-7'; }"
    )
    box = page.get_by_role("columnheader", name="how it is").bounding_box()
    assert box is not None
    assert box["x"] < 250
    heard = page.locator(".phone", has_text="20").first.bounding_box()
    assert heard is not None
    assert heard["x"] + heard["width"] < box["x"], "under the name"


def test_menu_and_figures_stand_apart_where_a_browser_knows_no_gaps_of_flex(page: Page, root: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(root + PAGES["map"], wait_until="load")
    page.evaluate("document.querySelectorAll('header, nav, .figures').forEach((one) => { one.style.gap = 'normal'; })")
    apart = page.evaluate("""['header > *', 'nav a', '.figures li'].map((each) => {
        const boxes = [...document.querySelectorAll(each)].map((one) => one.getBoundingClientRect());
        const gap = (box, n) => (box.top === boxes[n].top ? box.left - boxes[n].right : Infinity); // next line
        return Math.min(...boxes.slice(1).map(gap));
    })""")
    assert min(apart) >= 15


def test_a_long_link_in_a_question_or_an_answer_makes_no_page_wider(page: Page, root: str) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{root}/questions", wait_until="load")
    page.locator(".question p").first.evaluate("one => { one.textContent = 'https://example.org/' + 'x'.repeat(60); }")
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_filters_change_what_is_shown(page: Page, root: str) -> None:
    page.goto(root + PAGES["map"], wait_until="load")
    page.get_by_label("Area code").fill("330106012")
    page.get_by_label("Taxon").select_option(label=_aphid(page))
    page.get_by_role("button", name="Show").click()
    page.wait_for_selector("body[data-drawn]", timeout=20_000)
    assert page.get_by_role("heading", level=1).inner_text() == "Township 330106012"
    assert page.locator("#map path.leaflet-interactive").count() == 5


def _aphid(page: Page) -> str:
    labels = page.get_by_label("Taxon").locator("option").all_inner_texts()
    return next(label for label in labels if "Myzus" in label)


def test_an_answer_is_written_with_the_keyboard(page: Page, root: str) -> None:
    page.goto(f"{root}/questions", wait_until="load")
    page.get_by_label("Answer", exact=True).focus()
    page.keyboard.type("A rice bug. Sweep twenty times and call us above ten.")
    page.keyboard.press("Tab")
    page.keyboard.type("Leptocorisa")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=On its way to the node")
    assert page.get_by_text("A rice bug. Sweep twenty times").count() == 1


def test_what_is_written_outlasts_another_page_and_a_log_in_that_ended_until_it_is_sent(
    page: Page, root: str, browser: Browser
) -> None:
    with browser.new_context(storage_state=page.context.storage_state()) as context:
        own = context.new_page()
        own.goto(f"{root}/questions", wait_until="load")
        own.locator("textarea").fill("1. Sweep twenty times\n2. Call us above ten")
        own.goto(f"{root}/alerts", wait_until="load")
        own.goto(f"{root}/questions", wait_until="load")
        context.clear_cookies(name="session")
        send(own, "You are logged out and nothing was sent")
        own.get_by_role("link", name="Log in").click()
        log_in(own)
        send(own, "Sweep twenty times\n2. Call us above ten")
        assert "1. Sweep twenty times\n2. Call us above ten" in own.locator(".answer").inner_text()
        assert own.locator("textarea").input_value() == "", "it was sent"


def test_what_is_written_before_a_slow_line_has_brought_the_script_stays_and_is_kept(
    page: Page, root: str, browser: Browser
) -> None:
    with browser.new_context(storage_state=page.context.storage_state()) as context:
        own, on_its_way = context.new_page(), list[Route]()
        own.goto(f"{root}/questions", wait_until="load")
        own.locator("textarea").fill("A draft of before")
        own.route("**/questions.js", lambda route: on_its_way.append(route))  # noqa: PLW0108  Playwright needs room in it
        own.goto(f"{root}/questions", wait_until="commit")
        own.locator("textarea").fill("Sweep at once")
        wait_until(lambda: own.evaluate("document.readyState") == "interactive" and on_its_way != [], within_s=10)
        on_its_way[0].continue_()
        own.wait_for_load_state("load")
        assert own.locator("textarea").input_value() == "Sweep at once"
        own.unroute("**/questions.js")
        own.goto(f"{root}/questions", wait_until="load")
        assert own.locator("textarea").input_value() == "Sweep at once"


@pytest.mark.parametrize("was_sent", [False, True])
def test_what_was_written_before_a_colleagues_answer_stands_beside_it_and_is_kept_only_when_sent_once_more(
    page: Page, root: str, browser: Browser, was_sent: bool
) -> None:
    mine, colleagues = f"Sweep twenty times {was_sent}", f"A rice bug {was_sent}"
    with browser.new_context(storage_state=page.context.storage_state()) as context:
        own = context.new_page()
        own.goto(f"{root}/questions", wait_until="load")
        own.locator("textarea").fill(mine)
        if was_sent:
            context.clear_cookies(name="session")
            send(own, "You are logged out and nothing was sent")
            own.get_by_role("link", name="Log in").click()
            log_in(own)
        page.goto(f"{root}/questions", wait_until="load")
        page.locator("textarea").fill(colleagues)
        send(page, colleagues)
        for says in ("answered meanwhile", mine):
            own.goto(f"{root}/questions", wait_until="load")
            assert colleagues in own.locator(".answer").inner_text()
            assert own.locator("textarea").input_value() == mine
            send(own, says)
        assert own.locator("textarea").input_value() == "", "it was sent"


@pytest.mark.usefixtures("page")
def test_what_is_written_stands_there_for_its_writer_alone(root: str, browser: Browser) -> None:
    mine = "What I would tell nobody yet"
    with browser.new_context() as context:
        own = context.new_page()
        for name, stands in (("Li", ""), ("plant protection", ""), ("Li", mine)):
            own.goto(f"{root}/log-in")
            log_in(own, name)
            own.goto(f"{root}/questions", wait_until="load")
            assert own.locator("textarea").input_value() == stands
            if name == "Li":
                own.locator("textarea").fill(mine)
