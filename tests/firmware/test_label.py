"""The label, read as a phone reads it."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from tests.codes import codes_on

SVG = "{http://www.w3.org/2000/svg}"
PX_A_MODULE, QUIET = 6, 4


@pytest.fixture
def label(rendered: Path) -> ET.Element:
    return ET.parse(rendered / "labels/a.svg").getroot()  # noqa: S314  our own file


def test_the_first_code_joins_the_nodes_own_wifi(label: ET.Element, rendered: Path) -> None:
    password = (rendered.parent / "keys/nodes/a/hotspot-password").read_text().strip()
    assert read_code(label, 0) == f"WIFI:T:WPA;S:fieldeye-a;P:{password};;"


def test_the_second_code_opens_the_page(label: ET.Element) -> None:
    assert read_code(label, 1) == "http://10.42.0.1:8080/"


def test_what_the_codes_say_stands_in_words_too(label: ET.Element, rendered: Path) -> None:
    words = "\n".join(element.text or "" for element in label.iter(f"{SVG}text"))
    for name in ("claim-code", "hotspot-password"):
        assert (rendered.parent / f"keys/nodes/a/{name}").read_text().strip() in words
    assert "valley / a" in words


def read_code(label: ET.Element, number: int) -> str:
    """Paint the squares of the path and let a phone's reader read them."""
    squares = re.findall(r"M(\d+) (\d+)h1v1h-1z", list(label.iter(f"{SVG}path"))[number].get("d") or "")
    side = max(int(x) for x, _ in squares) + 1 + 2 * QUIET
    picture = np.full((side, side), 255, np.uint8)
    for x, y in squares:
        picture[int(y) + QUIET, int(x) + QUIET] = 0
    [words] = codes_on(np.kron(picture, np.ones((PX_A_MODULE, PX_A_MODULE), np.uint8)))
    return words
