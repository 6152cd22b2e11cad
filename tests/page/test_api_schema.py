"""schemathesis asks what the page's own document allows, and much that it does not."""

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from edge.page.api.openapi import document
from tests.page.scenes import SCENES, Scene

QUICK = settings(
    max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("name", ["first-minutes", "seen"])
@pytest.mark.parametrize("path", document()["paths"])
def test_no_question_makes_the_page_fail_and_each_answer_is_as_described(path: str, name: str, scene: Scene) -> None:
    SCENES[name](scene)
    app = scene.app()
    described = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)

    @QUICK
    @given(case=described[path]["GET"].as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE))
    def as_allowed(case: schemathesis.Case) -> None:
        case.call_and_validate()

    @QUICK
    @given(case=described[path]["GET"].as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
    def otherwise(case: schemathesis.Case) -> None:
        case.call_and_validate()

    as_allowed()
    if path == "/api/v1/records":  # the only one that takes anything
        otherwise()


def test_the_documents_patterns_are_of_the_language_that_readers_of_json_schema_know() -> None:
    assert r"\\Z" not in json.dumps(document())
