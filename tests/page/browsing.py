"""Debian's Chromium in front of a real app on a real port, as a phone or a desk shows it."""

import importlib.resources
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from edge.page import create_app, serve
from tests.page.scenes import Scene

CHROMIUM = Path("/usr/bin/chromium")
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

    def is_wider_than_the_screen(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def violations(self) -> list[str]:
        """axe-core's findings."""
        axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
        self.page.evaluate(axe)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:120]}" for v in found]


@contextmanager
def visiting(browser: Browser, scene: Scene, view: View) -> Iterator[Visit]:
    """A visitor of the node in that scene; requests to any other host fail, as in the field."""
    app = create_app(scene.store, scene.board, scene.config, scene.clock)
    server = serve(app, "127.0.0.1", 0)
    context = browser.new_context(
        viewport={"width": view.width_px, "height": 844 if view.is_phone else 800},
        device_scale_factor=1,
        is_mobile=view.is_phone,
        has_touch=view.is_phone,
        locale=view.language,
        color_scheme="dark" if view.theme == "dark" else "light",
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
