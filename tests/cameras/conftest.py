from collections.abc import Iterator

import pytest

from tests.cameras.sources import NetworkCamera, network_camera


@pytest.fixture
def source() -> Iterator[NetworkCamera]:
    with network_camera() as camera:
        yield camera
