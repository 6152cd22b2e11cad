"""A rendered fleet of two nodes, once for all tests that only read it."""

from pathlib import Path

import pytest

from tests.firmware.fleets import SITE, entry, put_fleet, run_render


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder OUT of the fleet valley with the nodes a and b; the key store is beside, `keys`."""
    folder = tmp_path_factory.mktemp("fleet")
    done = run_render(put_fleet(folder, SITE + entry("a") + entry("b")), folder / "out")
    assert done.returncode == 0, done.stderr
    return folder / "out"
