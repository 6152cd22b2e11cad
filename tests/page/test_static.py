"""What the browsers read as it stands: they are as old as the phones they came with."""

import re
import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

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
    r"\.submitter\b": 81,
    r"\ballSettled\(": 76,
    r"\b(fromEntries|matchAll)\(": 73,
    r"\b(globalThis|queueMicrotask)\b": 71,
    r"\.flat(Map)?\(": 69,
    r"calc\([^;]*\benv\(": 69,
    r"(?m)^(?!@supports).*--[\w-]+\s*:\s*(clamp|min|max)\(": 79,  # of what a variable holds nothing takes its place
    r"\.at\(": 92,
    r"\brandomUUID\(": 92,
    r"\bhasOwn\(": 93,
    r"\bfindLast": 97,
    r"\bstructuredClone\(": 98,
    r"\bAbortSignal\.\w+\(": 103,
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_asks_for_no_browser_newer_than_spring_2018(file: Path) -> None:
    text = file.read_text("utf-8")
    found = {hit[0]: f"from Chrome {since} on" for name, since in NEWER.items() if (hit := re.search(name, text))}
    assert not found, f"{file.name} has {found}; pages are read from Chrome 66 on"


PARSED = """
const { parse } = require("internal/deps/acorn/acorn/dist/acorn"), { readFileSync } = require("fs");
for (const file of process.argv.slice(1)) {
  const ecmaVersion = file.endsWith("/waiting.js") ? 5 : 2019; // the one is for engines that cannot read the others
  try { parse(readFileSync(file, "utf8"), { ecmaVersion }); } catch (why) { console.log(`${file}: ${why.message}`); }
}"""  # with the parser that Playwright's Node.js brings for its own command line


def test_a_script_has_no_word_that_switches_it_off_in_an_old_browser() -> None:
    node, _ = compute_driver_executable()
    scripts = [str(one) for one in FILES if one.suffix == ".js"]
    command = [node, "--expose-internals", "-e", PARSED, *scripts]
    assert subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout == ""
