"""A node and the fleet that signs for it."""

from pathlib import Path

import pytest

from tests.updates.bundles import Begun, Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Slots that are empty."""
    return Bench(tmp_path)


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """What benches begin with, each made once."""
    return Begun(tmp_path_factory.mktemp("begun"))
