"""What the farmer's page says in each state of the node."""

import pytest
from flask.testing import FlaskClient

from tests.page.scenes import HEADLINES, SCENES, Scene


@pytest.mark.parametrize("name", SCENES)
def test_each_state_is_said_in_its_own_headline(name: str, scene: Scene, client: FlaskClient) -> None:
    SCENES[name](scene)
    page = client.get("/").text
    assert f'<h1 id="headline">{HEADLINES[name]}</h1>' in page
