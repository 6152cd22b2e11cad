"""A node and the fleet that signs for it."""

import ensurepip
import zipfile
from pathlib import Path

import pytest

from tests.updates.bundles import SLOTS, Begun, Bench

WHEELS = (Path("/usr/share/python-wheels"), Path(ensurepip.__path__[0]) / "_bundled")


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of the slots, whose pip is compiled once: run from its wheel it is compiled anew for each slot."""
    folder = tmp_path_factory.mktemp("pip")
    with zipfile.ZipFile(next(wheel for place in WHEELS for wheel in place.glob("pip-*.whl"))) as whole:
        whole.extractall(folder)
    (folder / "sitecustomize.py").write_text("import pip\n")  # what is imported already is not taken from the wheel
    path = folder / "slots"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}" exec "{SLOTS}" "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def bench(tmp_path: Path, script: Path) -> Bench:
    """Slots that are empty."""
    return Bench(tmp_path, script)


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """What benches begin with, each made once."""
    return Begun(tmp_path_factory.mktemp("begun"))
