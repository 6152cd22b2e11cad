from collections.abc import Iterator

import pytest

from tests.cameras.sources import NetworkCamera, network_camera


@pytest.fixture
def source() -> Iterator[NetworkCamera]:
    with network_camera() as camera:
        yield camera


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera that failed is opened again soon, and a device that hangs is soon given up."""
    monkeypatch.setattr("edge.cameras.opening.FIRST_WAIT_S", 0.1)
    monkeypatch.setattr("edge.cameras.opening.LONGEST_WAIT_S", 0.4)
    monkeypatch.setattr("edge.cameras.reader.JOIN_S", 0.3)
