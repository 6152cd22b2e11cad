"""Debian's Chromium in front of a real app on a real port, as a phone or a desk shows it."""

import importlib.resources
import os
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from edge.boxes import Image
from edge.page import create_app, serve
from edge.page.trust import Role, digest
from tests.page.scenes import Scene
from tests.page.visitors import person
from tests.ports import free_port

SHELL = Path("/usr/bin/chromium-headless-shell")  # the same Chromium without windows, for half the work
CHROMIUM = SHELL if SHELL.exists() else Path("/usr/bin/chromium")
NEEDS_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is missing: apt install chromium"),
]
SCREENS = Path(__file__).parent.parent.parent / "docs" / "screens"
REDRAW = "FIELDEYE_REDRAW_SCREENS" in os.environ  # write docs/screens anew instead of comparing
DIFFERENT = 9.0  # mean difference of grey levels on a coarse picture; another font stays below, another layout does not
# Nothing is downloaded or looked up on a machine without the internet
FLAGS = [
    "--no-sandbox",  # needed as root; a user namespace is the sandbox otherwise
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
OWN = re.compile(r"^(http://127\.0\.0\.1:|blob:http://127\.0\.0\.1:|data:)")


@dataclass(frozen=True)
class View:
    """How a visitor looks at the page."""

    width_px: int = 390
    language: str = "en"
    theme: str = "light"
    scripts: bool = True

    @property
    def is_phone(self) -> bool:
        return self.width_px < 600

    def __str__(self) -> str:
        return f"{self.width_px}-{self.language}-{self.theme}"


@dataclass
class Visit:
    """An open page with what went wrong on it."""

    page: Page
    root: str
    node_goes: Callable[[], None]  # switches the node off
    complaints: list[str]
    foreign: list[str]

    def go(self, address: str) -> None:
        self.page.goto(self.root + address, wait_until="load")

    def go_as(self, view: View, address: str) -> None:
        """The same page in another language and light."""
        self.page.emulate_media(color_scheme="dark" if view.theme == "dark" else "light")
        self.go(f"{address}?lang={view.language}")

    def go_with_text(self, text_px: int, address: str) -> None:
        """In a browser that its owner has set to larger text than the 16 px with which it came."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Page.setFontSizes", {"fontSizes": {"standard": text_px}})
        self.go(address)
        shown = self.page.evaluate("getComputedStyle(document.documentElement).fontSize")
        assert shown == f"{text_px}px"

    def send_photograph(self, file: Path) -> None:
        """With the form that is open."""
        self.page.set_input_files("#photo", file)
        self.page.click("#photo-form button.full")

    def tap_twice(self, button: str) -> None:
        """The second time while the first is on its way."""
        self.page.eval_on_selector(button, "one => { one.click(); setTimeout(() => one.click(), 200); }")

    def is_wider_than_the_screen(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def is_for_everybody(self) -> bool:
        """Nothing sticks out, nobody is kept out, nothing comes from elsewhere."""
        self.page.wait_for_load_state("load")  # what a click asked for may be there without its style sheet
        assert not self.is_wider_than_the_screen(), self.page.url
        found = self.violations()
        assert not found, (self.page.url, found)
        return not self.complaints and not self.foreign

    def looks_like(self, name: str, view: View) -> bool:
        """What the screen shows, against the committed picture of that name and view."""
        committed = SCREENS / f"{name}-{str(view).removesuffix('-light')}.png"
        shot = self.page.screenshot(animations="disabled")
        if REDRAW:
            committed.write_bytes(shot)
        drawn = cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_GRAYSCALE)
        difference = _coarse_difference(np.asarray(drawn, np.uint8), committed)
        assert difference < DIFFERENT, (name, difference)
        return True

    def violations(self) -> list[str]:
        return violations_on(self.page)


@contextmanager
def visiting(browser: Browser, scene: Scene, view: View) -> Iterator[Visit]:
    """A visitor of the node in that scene; requests to any other host fail, as in the field."""
    app = create_app(scene.store, scene.board, scene.config, scene.clock)
    server = serve(app, "127.0.0.1", free_port())  # which is its own also while it is away
    context = browser.new_context(
        viewport={"width": view.width_px, "height": 844 if view.is_phone else 800},
        device_scale_factor=1,
        is_mobile=view.is_phone,
        has_touch=view.is_phone,
        locale=view.language,
        color_scheme="dark" if view.theme == "dark" else "light",
        reduced_motion="reduce",  # a button half-way between two colours has the contrast of neither
        java_script_enabled=view.scripts,
    )
    visit = Visit(context.new_page(), server.url.rstrip("/"), server.close, [], [])
    visit.page.on("request", lambda r: None if OWN.match(r.url) else visit.foreign.append(r.url))
    visit.page.on("console", lambda m: visit.complaints.append(m.text) if m.type in ("error", "warning") else None)
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    try:
        yield visit
    finally:
        context.close()
        server.close()


@contextmanager
def logged_in(browser: Browser, scene: Scene, view: View, role: Role) -> Iterator[Visit]:
    """A visitor with an account of that role; Role.NOBODY: without one."""
    with visiting(browser, scene, view) as visit:
        if role is not Role.NOBODY:
            token = secrets.token_urlsafe(32)
            scene.store.accounts.begin(digest(token), person(scene, role), scene.clock.utc)
            visit.page.context.add_cookies([{"name": "fieldeye", "value": token, "url": visit.root}])
        yield visit


def violations_on(page: Page) -> list[str]:
    """axe-core's findings; to bring here what else it says takes as long as the look."""
    if not page.evaluate("'axe' in window"):
        axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js")
        page.evaluate(axe.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((told) => told.violations)")
    return [f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:120]}" for v in found]


def skip_without_font(language: str) -> None:
    """Boxes in place of letters are compared with nothing."""
    fonts = subprocess.run(["fc-list", f":lang={language}"], capture_output=True, text=True, check=True)
    if not fonts.stdout:
        pytest.skip(f"no font for {language}: apt install fonts-noto-cjk")


def _coarse_difference(drawn: Image, committed: Path) -> float:
    """Mean difference in grey levels, 0..255, of two pictures (H, W) at a thirteenth of their size."""
    before = cv2.imread(str(committed), cv2.IMREAD_GRAYSCALE)
    assert before is not None, f"{committed.name} is missing: FIELDEYE_REDRAW_SCREENS=1 pytest tests/page"
    assert before.shape == drawn.shape
    small = [cv2.resize(image, None, fx=1 / 13, fy=1 / 13, interpolation=cv2.INTER_AREA) for image in (before, drawn)]
    return float(cv2.absdiff(*small).mean())
