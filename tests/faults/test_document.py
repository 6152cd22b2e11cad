"""docs/delivery.md names tests that exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
DOCUMENT = (TESTS.parent / "docs" / "delivery.md").read_text()
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", DOCUMENT)))


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda part: part)
def test_a_test_that_the_document_names_exists(path: str, name: str) -> None:
    assert f"def {name}(" in (TESTS / path).read_text()


def test_every_fault_has_a_row() -> None:
    rows = {int(number) for number in re.findall(r"^\| (\d+) ", DOCUMENT, re.MULTILINE)}
    assert rows >= set(range(1, 21)) - {19}
