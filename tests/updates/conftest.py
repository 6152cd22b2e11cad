"""A node and the fleet that signs for it."""

from pathlib import Path

import pytest

from tests.updates.bundles import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Slots that are empty."""
    return Bench(tmp_path)
