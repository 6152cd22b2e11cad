"""A technician's phone in the node's own network: claims the node and calibrates it in a real Chromium."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.page.browsing import CHROMIUM, FLAGS

ADDRESS = "http://127.0.0.1:8080"
PASSWORD = "orchard-gate-at-dawn"  # noqa: S105
PATIENT_MS = 120_000  # on a busy machine


@contextmanager
def phone(network: list[str], folder: Path) -> Iterator[Page]:
    """A browser whose network is that of a command that follows `network`."""
    program = folder / "chromium"
    program.write_text(f'#!/bin/sh\nexec {" ".join(network)} {CHROMIUM} "$@"\n')
    program.chmod(0o755)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS, timeout=PATIENT_MS)
        page = chromium.new_page(viewport={"width": 390, "height": 844}, locale="en", has_touch=True)
        page.set_default_timeout(PATIENT_MS)
        yield page
        chromium.close()


def claim(page: Page, code: str) -> str:
    """With the code on the label; what the page says then."""
    page.goto(f"{ADDRESS}/node")
    page.click("a:has-text('For the technician')")
    page.fill("#code", code)
    page.fill("#password", PASSWORD)
    page.click("button:has-text('Claim this node')")
    page.wait_for_selector("#scale")
    return page.inner_text("h1")


def calibrate(page: Page, side_mm: float) -> str:
    """By the board before the camera, for the whole picture; what the page says of the scale then."""
    page.goto(f"{ADDRESS}/set-up/scale")
    page.fill("[name=side]", str(side_mm))
    page.click("button:has-text('Measure on this picture')")
    page.wait_for_url("**/set-up#scale")
    said = " ".join(page.inner_text("#scale").split())
    page.goto(f"{ADDRESS}/set-up/region")
    page.click("button:has-text('The whole picture counts')")
    page.wait_for_url("**/set-up#region")
    return said
