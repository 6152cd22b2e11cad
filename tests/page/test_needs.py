"""Which address asks for whom: a route without a row here fails, and so does one that lets in somebody else."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from edge.page.access import need_of
from edge.page.server import BODY_BYTES
from edge.page.trust import Role
from tests.page.scenes import Scene, seen
from tests.page.visitors import as_role, person, token_on

NOBODY, READER, FARMER, TECHNICIAN = Role
SET_UP = ("region", "scale", "model", "clock", "care", "server", "hand")
NEEDS = {
    "GET /": READER,
    "GET /seen": READER,
    "GET /seen/<name>": READER,
    "GET /node": READER,
    "GET /live": READER,
    "GET /live.jpg": READER,
    "GET /board.pdf": READER,
    "GET /pictures/<name>": READER,
    "GET /api/v1/state": READER,
    "GET /api/v1/health": READER,
    "GET /api/v1/days": READER,
    "GET /api/v1/days.csv": READER,
    "GET /api/v1/records": READER,
    "GET /api/v1/openapi.json": READER,
    "GET /manifest.webmanifest": NOBODY,
    "GET /sw.js": NOBODY,
    "GET /healthz": NOBODY,
    "GET /metrics": NOBODY,  # loopback, or a token of its own: tests/page/test_metrics.py
    "GET /static/<path:filename>": NOBODY,
    "GET /log-in": NOBODY,
    "POST /log-in": NOBODY,
    "GET /claim": NOBODY,
    "POST /claim": NOBODY,
    "GET /account": READER,
    "POST /account": READER,
    "GET /review": FARMER,
    "POST /review": FARMER,
    "POST /review/undo": FARMER,
    "GET /review/<picture>/<box>": FARMER,
    "GET /photo": FARMER,
    "POST /photo": FARMER,
    "GET /photo/<name>": FARMER,
    "GET /photo/<name>.jpg": FARMER,
    "POST /photo/<name>/ask": FARMER,
    "GET /questions/<name>.jpg": FARMER,
    "GET /questions/<name>/delete": FARMER,
    "POST /questions/<name>/delete": FARMER,
    "POST /done": FARMER,
    "POST /done/undo": FARMER,
    "GET /people": TECHNICIAN,
    "POST /people": TECHNICIAN,
    "POST /people/remove": TECHNICIAN,
    "GET /audit": TECHNICIAN,
    "GET /support.zip": TECHNICIAN,
    "GET /set-up": TECHNICIAN,
    "POST /set-up/finish": TECHNICIAN,
    "POST /set-up/focus": TECHNICIAN,
    "POST /set-up/undo": TECHNICIAN,
    **{f"{method} /set-up/{step}": TECHNICIAN for method in ("GET", "POST") for step in SET_UP},
    "GET /settings": TECHNICIAN,
    "POST /settings": TECHNICIAN,
    "POST /settings/undo": TECHNICIAN,
    "GET /levels": TECHNICIAN,
    **{f"POST /levels{what}": TECHNICIAN for what in ("", "/delete", "/none")},
    "POST /log-out": NOBODY,  # last, as it ends the session
}


@pytest.fixture
def closed(scene: Scene) -> Flask:
    """A page that only people with a name may read."""
    seen(scene)
    scene.configure(page={"open_to_read": False})
    return scene.app()


def test_a_node_closed_to_readers_leaves_no_page_in_a_phone(closed: Flask, scene: Scene) -> None:
    answer = as_role(closed.test_client(), scene, Role.FARMER).get("/")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


def test_a_script_that_may_not_read_is_told_so_and_gets_no_page_to_log_in(closed: Flask, scene: Scene) -> None:
    person(scene, Role.TECHNICIAN)
    answer = closed.test_client().get("/api/v1/state")
    assert (answer.status_code, answer.json) == (401, {"error": "log in first: this node is not open to read"})


def routes(app: Flask) -> dict[str, str]:
    """`GET /address` -> endpoint, of all there are."""
    return {
        f"{method} {rule.rule}": rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_has_a_row_and_every_row_a_route(closed: Flask) -> None:
    assert routes(closed).keys() == NEEDS.keys()


@pytest.mark.parametrize("role", [NOBODY, READER, FARMER, TECHNICIAN])
def test_a_route_lets_in_whom_its_row_says_and_nobody_else(role: Role, closed: Flask, scene: Scene) -> None:
    client = as_role(closed.test_client(), scene, role)
    for route, need in NEEDS.items():
        assert is_let_in(client, route) == (role >= need), f"{route} by {role.name}"


def is_let_in(client: FlaskClient, route: str) -> bool:
    """Sent with a token from the log-in form, so that only the role can be the reason to turn it away."""
    method, address = route.split()
    token = token_on(client, "/log-in") if method == "POST" else ""
    sent = {"csrf": token} if method == "POST" else None
    answer = client.open(address, method=method, data=sent, buffered=True)
    was_sent_away = answer.location is not None and answer.location.startswith("/log-in?")
    return answer.status_code not in (401, 403) and not was_sent_away


def test_a_view_that_declares_nothing_asks_for_a_technician(closed: Flask) -> None:
    closed.view_functions["pages.now"] = lambda: "open by mistake"
    assert need_of(closed, "pages.now").role is TECHNICIAN


def test_no_view_takes_more_than_the_server_lets_through(closed: Flask) -> None:
    sizes = {route: need_of(closed, endpoint).body_bytes for route, endpoint in routes(closed).items()}
    assert max(sizes.values()) <= BODY_BYTES, sizes


def test_files_of_the_page_hold_nothing_of_the_node() -> None:
    static = Path(__file__).parent.parent.parent / "edge" / "page" / "static"
    assert {file.suffix for file in static.iterdir()} <= {".css", ".js", ".svg", ".png", ".webp"}
