"""A desk on a database of three nodes."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from edge.platform.desk import create_app
from tests.platform.conftest import filled
from tests.platform.desk.visitors import log_in, three_nodes
from tests.platform.fleet import Fleet
from tests.platform.postgres import Postgres


@pytest.fixture(scope="module")
def template(postgres: Postgres) -> Iterator[tuple[str, Fleet]]:
    """Made once: to keep its people's passwords takes long."""
    with filled(postgres, three_nodes) as made:
        yield made


@pytest.fixture
def client(fleet: Fleet, url: str) -> FlaskClient:
    return create_app(url).test_client()


@pytest.fixture(scope="module")
def still(still_url: str) -> FlaskClient:
    """Logged in as the township."""
    client = create_app(still_url).test_client()
    assert log_in(client) == 302
    return client
