"""What the documents promise is there."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge.advice import defaults
from edge.advice.degree_days import species
from edge.cli import COMMANDS, EXTRAS, PLATFORM_COMMANDS, main
from edge.config import parse_config
from tests.test_architecture import EDGE, ORDER

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = sorted(p for p in ROOT.rglob("*.md") if not {".venv", "build", "runs", "node_modules"} & set(p.parts))
PRESENT = [path for path in DOCUMENTS if path.name != "LOG.md"]  # that one is history: it names files of its commits
FOLDERS = ("edge", "training", "firmware_config", "models", "docs", "tests", "benchmarks")
PYTHON = {path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
TARGETS = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def blocks(language: str) -> list[str]:
    """Fenced blocks of the README in that language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_each_make_word_of_the_readme_is_a_target() -> None:
    words = set(re.findall(r"`?make ([a-z][a-z0-9-]*)", README)) - {"a"}
    assert words
    assert words <= TARGETS


def test_each_command_of_the_readme_exists_and_each_that_exists_is_named() -> None:
    assert set(re.findall(r"`fieldeye ([a-z-]+)", README)) <= set(COMMANDS)
    named = set(re.findall(r"fieldeye ([a-z-]+)", README))
    assert not set(COMMANDS) - named, "a command that the README does not name"
    assert set(re.findall(r"fieldeye-platform ([a-z]+)", README)) == set(PLATFORM_COMMANDS)


def test_the_readme_names_what_needs_more_than_a_node_has() -> None:
    (told,) = re.findall(r"^Some need libraries that no node has: .*?\n\n", README, re.DOTALL | re.MULTILINE)
    for asks, command in {"fieldeye label": "fieldeye label", "--format parquet": "fieldeye export"}.items():
        assert asks in told
        assert f"'.[{EXTRAS[command]}]'" in told


def test_the_example_configuration_is_one() -> None:
    (example,) = blocks("toml")
    assert parse_config(example, "README.md").camera.kind == "picamera"


def test_the_json_example_is_what_its_command_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Boxes to a pixel, the confidence to a hundredth: the rest of them and the time are the machine's."""
    (console,) = blocks("console")
    command, shown = console.splitlines()
    monkeypatch.chdir(ROOT)
    assert main(command.removeprefix("$ fieldeye ").split()) == 0
    told, readme = json.loads(capsys.readouterr().out), json.loads(shown)
    (found,), (promised,) = told.pop("detections"), readme.pop("detections")
    assert found.pop("xyxy") == pytest.approx(promised.pop("xyxy"), abs=1)
    assert found.pop("confidence") == pytest.approx(promised.pop("confidence"), abs=0.01)
    assert found == promised
    assert told | {"ms": 0} == readme | {"ms": 0}


def test_the_layout_in_the_readme_is_the_order_that_the_architecture_test_holds() -> None:
    layout = next(block for block in README.split("```")[1::2] if block.startswith("\nerrors "))
    names = [word.rstrip("/") for line in layout.splitlines() for word in line.split("  ")[0].split()]
    order = [name for name in ORDER if name not in {"__init__", "__main__"} and _exists(name)]
    assert names == order


def test_the_packaged_levels_and_heat_sums_are_as_many_as_is_told() -> None:
    told = (ROOT / "docs" / "counting.md").read_text("utf-8")
    assert f"the {len(defaults())} rows of `edge/thresholds.csv`" in told
    assert f"`edge/degree_days.csv` ({len(species())} species)" in told


def _exists(name: str) -> bool:
    return (EDGE / f"{name}.py").exists() or (EDGE / name).is_dir()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    links = [*re.findall(r"\]\(([^)#\s]+)\)", text), *re.findall(r'src="([^"]+)"', text)]
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("path", PRESENT, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_modules_and_make_words_in_code_are_there(path: Path) -> None:
    code = "\n".join(re.findall(r"```.*?```|`[^`]+`", path.read_text("utf-8"), re.DOTALL))
    files = re.findall(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./-]*", code)
    modules = re.findall(rf"python3? -m ((?:{'|'.join(FOLDERS)})[\w.]*)", code)
    assert [name for name in files if not (ROOT / name).exists()] == []
    assert [name for name in re.findall(r"(?<![\w./>-])[\w-]+\.py\b", code) if name not in PYTHON] == []
    assert [name for name in modules if find_spec(name) is None] == []
    assert set(re.findall(r"\bmake ([a-z][a-z0-9-]*)", code)) <= TARGETS


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_documents_name_no_machine_and_never_call_an_observation_a_forecast(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"/work/|/tmp/team|/root/", text)
    assert "@FIGURES@" not in text


def test_the_steps_on_the_bench_run_the_python_that_has_what_they_need() -> None:
    """A fresh Debian 13 has no `python`, and its `python3` no pip."""
    bench, guide = ((ROOT / name).read_text("utf-8") for name in ("firmware_config/README.md", "docs/zh.md"))
    assert 0 < bench.find("make install\n") < bench.find("source .venv/bin/activate") < bench.find("pip install")
    assert bench.find("pip install") < bench.find("   python -m firmware_config")
    assert not re.search(r"^ *(python|pip|firmware_config/bundle\.sh) ", guide, re.MULTILINE)


def test_a_key_store_in_the_repositorys_folder_is_not_committed_by_accident() -> None:
    """The guides run the commands there."""
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {"/fleet.toml", "/*-password", "/keys/", "/out/"} <= set(ignored)


def test_the_chinese_guide_quotes_the_page_as_it_speaks() -> None:
    catalogue = (ROOT / "edge/page/translations/zh/LC_MESSAGES/messages.po").read_text("utf-8")
    quoted = set(re.findall("“([^”]+)”", (ROOT / "docs/zh.md").read_text("utf-8")))
    assert quoted
    assert [words for words in quoted if f'msgstr "{words}"' not in catalogue] == []
