"""A library of an extra that is not installed: one sentence says which and how to get it, whatever was asked."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from edge.cli import PLATFORM_COMMANDS
from edge.config import StoreTable
from edge.store import Store
from firmware_config.verbs import VERBS
from tests.firmware.fleets import run_render

ROOT = Path(__file__).parents[2]
FIELDEYE = ["-c", "import sys; from edge.cli import main; sys.exit(main(sys.argv[1:]))"]
PLATFORM = ["-c", "import sys; from edge.cli import platform_main; sys.exit(platform_main(sys.argv[1:]))"]
HELPED = """
from contextlib import suppress
from edge.cli import PLATFORM_COMMANDS, platform_main
for verb in PLATFORM_COMMANDS:
    with suppress(SystemExit):
        raise ValueError(platform_main([verb, "--help"]))
"""
NOT_OF_THE_NODE = {"psycopg", "pyarrow", "pika", "weasyprint"}  # the extra [platform]
BENCH = ["-m", "firmware_config"]
INSTALL = f"in the repository's folder run: {shlex.quote(sys.executable)} -m pip install"
DATABASE = ["--database", "postgresql://nobody@127.0.0.1/none"]
NODE = """
[node]
site = "s"
node = "n"
[camera]
kind = "folder"
[store]
folder = "{folder}"
"""
SENSOR = """
from edge.climate import open_climate
from edge.config import ClimateTable
from edge.errors import ConfigError
try:
    open_climate(ClimateTable(kind="sht3x"))
except ConfigError as why:
    print(why)
"""


def python_without(hidden: str | Collection[str], folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """This Python where `hidden`, a library or a folder of `edge`, or some, are not there; run in `folder`."""
    away = {hidden} if isinstance(hidden, str) else hidden
    seen = folder / "seen"
    (seen / "edge").mkdir(parents=True)
    for packages in [*(Path(place) for place in sys.path if place.endswith("-packages")), ROOT, ROOT / "edge"]:
        into = seen / "edge" if packages.name == "edge" else seen
        for one in packages.iterdir():
            if one.name not in away and not (into / one.name).exists():
                (into / one.name).symlink_to(one)
    return subprocess.run(
        [sys.executable, "-S", *words], cwd=folder, env={**os.environ, "PYTHONPATH": str(seen)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def told(folder: Path, hidden: str, *words: str) -> str:
    """What it says before it ends as wrong use."""
    ended = python_without(hidden, folder, *words)
    assert (ended.returncode, ended.stdout) == (2, "")
    return ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["tell", *DATABASE],
        ["desk", *DATABASE],
        ["site", "farm-3", *DATABASE],
        ["report", *DATABASE, "--area", "33", "--week", "28"],
        ["ingest", *DATABASE, "--broker", "127.0.0.1:1"],
        ["export", *DATABASE, "--format", "csv", "--out", "week.csv"],
    ],
    ids=lambda words: words[0],
)
def test_a_platform_verb_without_its_library_says_how_to_get_it(words: list[str], tmp_path: Path) -> None:
    says = f"{words[0]} needs psycopg; {INSTALL} -e '.[platform]'"
    assert told(tmp_path, "psycopg", *PLATFORM, *words) == f"fieldeye-platform: {says}\n"


def test_each_platform_verb_explains_itself_where_only_the_node_is_installed(tmp_path: Path) -> None:
    ended = python_without(NOT_OF_THE_NODE, tmp_path, "-c", HELPED)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("options:") == len(PLATFORM_COMMANDS)


@pytest.mark.parametrize(
    ("program", "name", "source"),
    [(PLATFORM, "fieldeye-platform", ["--ledger", "ledger"]), (FIELDEYE, "fieldeye", ["--config", "node.toml"])],
    ids=["platform", "node"],
)
def test_a_format_without_its_library_says_how_to_get_it(
    program: list[str], name: str, source: list[str], tmp_path: Path
) -> None:
    (tmp_path / "ledger").touch()
    (tmp_path / "node.toml").write_text(NODE.format(folder=tmp_path / "state"))
    Store(StoreTable(folder=str(tmp_path / "state")), "n").close()
    says = f"export --format parquet needs pyarrow; {INSTALL} -e '.[platform]'"
    words = ["export", *source, "--format", "parquet", "--out", "x"]
    assert told(tmp_path, "pyarrow", *program, *words) == f"{name}: {says}\n"


def test_a_label_without_its_libraries_says_how_to_get_them(tmp_path: Path) -> None:
    says = f"label needs segno; {INSTALL} -e '.[provision]'"
    assert told(tmp_path, "segno", *FIELDEYE, "label", "--out", "x.pdf") == f"fieldeye: {says}\n"


def test_a_sensor_without_its_driver_says_how_to_get_it_and_what_a_node_from_a_card_has(tmp_path: Path) -> None:
    ended = python_without("sensirion_i2c_sht3x", tmp_path, "-c", SENSOR)
    says = f"{INSTALL} -e '.[sensors]'; on a node from a card take kind mqtt"
    assert ended.stdout == f"climate.kind sht3x needs sensirion_i2c_sht3x; {says}\n"


def test_the_bench_s_commands_explain_themselves_without_their_libraries_and_name_one_that_is_wanted(
    tmp_path: Path,
) -> None:
    says = f"render needs cryptography; {INSTALL} -e '.[provision]'"
    assert told(tmp_path, "cryptography", *BENCH, "render", "fleet.toml", "out") == f"firmware_config: {says}\n"
    helped = python_without("cryptography", tmp_path / "help", *BENCH, "render", "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "FLEET.toml" in helped.stdout


@pytest.mark.parametrize(
    "why",
    [
        ImportError("cannot import name 'make'", name="segno.encoder"),
        ImportError("no libcairo"),
        ModuleNotFoundError("No module named 'segno.encoder'", name="segno.encoder"),
    ],
    ids=["another's file", "nothing of its own", "without a file of its own"],
)
def test_a_library_of_the_bench_that_does_not_load_is_installed_again(
    why: ImportError, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = f"render needs a library that loads ({why}); {INSTALL} --force-reinstall -e '.[provision]'"
    assert render_that_raises(why, monkeypatch) == f"firmware_config: {says}\n"


@pytest.mark.parametrize("name", ["edge", "edge.label", "firmware_config", "firmware_config.verbs"])
def test_a_name_that_a_file_of_ours_lacks_is_nothing_to_install_on_the_bench(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ImportError, match="no Label"):
        render_that_raises(ImportError("no Label", name=name), monkeypatch)


def test_a_library_of_the_bench_that_finds_no_other_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    says = "cannot load library 'libcairo.so.2'; mend that, and run it again"
    why = OSError("cannot load library 'libcairo.so.2'")
    assert render_that_raises(why, monkeypatch) == f"firmware_config: {says}\n"


def render_that_raises(why: Exception, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the bench says before it ends as wrong use."""

    def fail(*_: object) -> None:
        raise why

    monkeypatch.setitem(VERBS, "render", fail)
    ended = run_render("fleet.toml", "out")
    assert (ended.returncode, ended.stdout) == (2, "")
    return ended.stderr


def test_a_file_of_ours_that_is_not_there_is_a_fault_and_nothing_to_install(tmp_path: Path) -> None:
    ended = python_without("platform", tmp_path, *PLATFORM, "ingest", "--help")
    assert ended.returncode == 1
    assert "a fault in fieldeye: ModuleNotFoundError: No module named 'edge.platform'" in ended.stderr


@pytest.mark.parametrize("page", ["README.md", "docs/platform.md", "firmware_config/README.md"])
def test_what_the_pages_install_leaves_the_repository_s_folder_as_what_runs(page: str) -> None:
    """Without -e a copy of it takes the place of what make installed, and stays as it is after each `git pull`."""
    assert set(re.findall(r"(\S+) '\.\[", (ROOT / page).read_text())) <= {"-e", "`-e"}


@pytest.mark.parametrize("page", ["README.md", "docs/counting.md", "docs/platform.md", "firmware_config/README.md"])
def test_what_the_pages_install_goes_into_the_environment_that_make_made(page: str) -> None:
    """Debian's own pip refuses (externally-managed-environment), and another Python's fills another environment."""
    assert set(re.findall(r"([^\s`]*pip) install -e '", (ROOT / page).read_text())) == {".venv/bin/pip"}
