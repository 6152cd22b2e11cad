"""What the browsers read as it stands: they are as old as the phones they came with."""

import re
from pathlib import Path

import pytest

EDGE = Path(__file__).parent.parent.parent / "edge"
FILES = [
    one
    for folder in (EDGE / "page" / "static", EDGE / "platform" / "desk" / "static")
    for one in sorted(folder.iterdir())
    if one.suffix in (".css", ".js")
]
NEWER = {  # what would break the use, and not only the looks; the Chrome that has it first
    r"(?<![\w-])inset[\w-]*\s*:": 87,
    r"\breplaceChildren\(": 86,
    r"\breplaceAll\(": 85,
    r"\bPromise\.any\(": 85,
    r"(\?\?|\|\||&&)=": 85,
    r"\.submitter\b": 81,
    r"\.at\(": 92,
    r"\brandomUUID\(": 92,
    r"\bhasOwn\(": 93,
    r"\bfindLast": 97,
    r"\bstructuredClone\(": 98,
    r"\bAbortSignal\.\w+\(": 103,
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_asks_for_no_browser_newer_than_early_2020(file: Path) -> None:
    text = file.read_text("utf-8")
    found = {hit[0]: f"from Chrome {since} on" for name, since in NEWER.items() if (hit := re.search(name, text))}
    assert not found, f"{file.name} has {found}; pages are read from Chrome 80 on"
