"""`make` on a fresh machine: what was cut off is made whole, what is missing installed by name; then it is quiet."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pip
import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent
NEED = ROOT / ".ci" / "need"
OF_MAKE_TEST = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in OF_MAKE_TEST} | {"LC_ALL": "C.UTF-8"}
NOTHING_TO_FETCH = "QUIET_PIP=.venv/bin/python -m pip --version #"
TELLS_WHERE_IT_UNPACKS = "QUIET_PIP=.venv/bin/python -c 'import tempfile; print(tempfile.gettempdir())' #"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh one, as far as make looks at it."""
    fresh = tmp_path / "a clone"
    shutil.copytree(ROOT / ".ci", fresh / ".ci")
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, fresh)
    return fresh


def words(*more: str) -> list[str]:
    return ["make", f"PYTHON={sys.executable}", *more]


def made(clone: Path, *more: str) -> str:
    """What make says, on either way out."""
    done = subprocess.run(words(*more), cwd=clone, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def environment(clone: Path, **programs: str) -> None:
    """One in which nothing is missing: name and script of each program."""
    (clone / ".venv/bin").mkdir(parents=True)
    for name, script in programs.items():
        program(clone / ".venv/bin" / name, script)
    for done in (".node", ".tests", ".dev"):
        (clone / ".venv" / done).touch()


def test_an_environment_whose_making_was_cut_off_is_made_whole_keeps_what_it_holds_and_then_make_is_quiet(
    clone: Path,
) -> None:
    """As one is that somebody made without pip and linked to."""
    cut_off = subprocess.Popen(words("install", NOTHING_TO_FETCH), cwd=clone, env=ENVIRONMENT, start_new_session=True)
    wait_until((clone / ".venv/bin/python").exists, within_s=10)
    os.killpg(cut_off.pid, signal.SIGKILL)
    cut_off.wait()
    assert not (clone / ".venv/bin/pip").exists()
    (clone / ".venv").rename(clone / "own")
    (clone / ".venv").symlink_to("own")
    (own,) = (clone / "own/lib").glob("python*/site-packages")
    (own / "theirs.py").touch()
    assert "pip" in made(clone, "install", NOTHING_TO_FETCH)
    assert (own / "theirs.py").exists()
    assert made(clone, "install", NOTHING_TO_FETCH) == "make: Nothing to be done for 'install'.\n"


def test_picamera2_that_comes_after_the_environment_is_seen_by_it_too(clone: Path, tmp_path: Path) -> None:
    environment(clone, python="")
    settings, come = clone / ".venv/pyvenv.cfg", tmp_path / "picamera2"
    settings.write_text("home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.13.5\n")
    nothing = "make: Nothing to be done for 'install'.\n"
    assert made(clone, "install", f"PICAMERA2={come}") == nothing
    come.mkdir()
    assert "picamera2" in made(clone, "install", f"PICAMERA2={come}")
    assert settings.read_text() == "home = /usr/bin\ninclude-system-site-packages = true\nversion = 3.13.5\n"
    assert made(clone, "install", f"PICAMERA2={come}") == nothing


def test_pip_unpacks_beside_the_environment_and_leaves_nothing_there(clone: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone / ".venv"], check=True)
    (packages,) = (clone / ".venv/lib").glob("python*/site-packages")
    (packages / "pip").symlink_to(Path(pip.__file__).parent)  # one of its own, as above, takes four seconds to make
    unpacked = made(clone, ".venv/.dev", TELLS_WHERE_IT_UNPACKS).splitlines()
    assert [line for line in unpacked if line.startswith("/")] == [str(clone / ".venv/tmp")] * 4
    assert not (clone / ".venv/tmp").exists()


def test_what_only_makes_tests_quick_is_asked_for_and_they_run_without_it(clone: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    environment(clone, python="", pytest="echo ran")
    program(tmp_path / "need", f'echo "$@" >>{asked}; [ "$1" != --wanted ]')
    assert made(clone, "test", f"NEED={tmp_path / 'need'}") == "ran\n"
    assert asked.read_text().splitlines()[1:] == ["--wanted chromium-headless-shell", "chromium", "--wanted eatmydata"]


def test_tests_of_the_node_want_nothing_of_training(clone: Path, tmp_path: Path) -> None:
    environment(clone, python="", pytest='printf "%s " "$@"')
    (clone / ".venv/.dev").unlink()
    assert made(clone, "test-node", "NEED=true").endswith("--ignore tests/training ")
    assert not (clone / ".venv/.dev").exists()


def test_tests_do_not_begin_without_what_they_need(clone: Path) -> None:
    environment(clone, python="", pytest="echo ran")
    done = subprocess.run(words("test", "NEED=false"), cwd=clone, env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode != 0
    assert b"ran" not in done.stdout


def test_a_soak_of_hours_finds_the_folder_of_its_report(clone: Path) -> None:
    environment(clone, python='echo flat >"$4"')
    made(clone, "soak")
    assert (clone / "build/soak.md").read_text() == "flat\n"


def test_sentences_find_the_folder_of_their_templates(clone: Path) -> None:
    writes_its_verb = 'set -e; for word; do case $word in *.pot) echo "$2" >>"$word" ;; esac; done'
    environment(clone, python="", pybabel=writes_its_verb)
    assert made(clone, "words") == ""
    told = {path.name: path.read_text() for path in (clone / "build").iterdir()}
    assert told == dict.fromkeys(("page.pot", "desk.pot", "languages.pot"), "extract\nupdate\n")


def test_where_python_is_missing_what_makes_environments_is_wanted_with_it(tmp_path: Path) -> None:
    (tmp_path / "bash").symlink_to("/bin/bash")
    done = subprocess.run([NEED, "--python", "python3"], env={"PATH": str(tmp_path)}, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"need: python3 python3-venv is missing" in done.stderr


def test_apt_asks_nothing_under_a_sudo_that_clears_the_environment(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    program(tmp_path / "id", "echo 1000")
    program(tmp_path / "sudo", f'shift; exec /usr/bin/env -i PATH={tmp_path}:/usr/bin:/bin "$@"')
    program(tmp_path / "apt-get", f'echo "$DEBIAN_FRONTEND $*" >>{asked}')
    subprocess.run([NEED, "a-new-program"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, check=True)
    assert asked.read_text() == "noninteractive -qq install -y --no-install-recommends a-new-program\n"
