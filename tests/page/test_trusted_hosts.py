"""Who is answered, and what every answer tells the browser."""

import re
import socket

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from edge.config import CameraTable, NodeConfig, NodeTable, PageTable
from edge.page.trusted_hosts import is_allowed, own_names
from tests.page.scenes import HOPPER, Scene, seen, sighting, well
from tests.page.visitors import ELSEWHERE, swahili_link

NAMES = frozenset({"localhost", "north-dyke"})
ADDRESSES = (
    "/",
    "/node",
    "/live",
    "/live.jpg",
    "/healthz",
    "/static/page.css",
    "/pictures/nothing",
    "/no-such-page",
    "/sw.js",
    "/api/v1/state",
)


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8080", "127.0.0.1:8080", "192.168.4.1", "10.0.0.7:80", "172.16.3.4",
        "169.254.2.2", "100.101.102.103:8080", "[::1]:8080", "[fe80::1]", "[fd00::7]:8080", "[2408:8207:1::5]:8080",
        "north-dyke", "North-Dyke:8080", "north-dyke.local", "fieldeye.local.",
    ],
)  # fmt: skip
def test_the_node_answers_to_its_own_names_addresses_of_no_public_network_and_those_of_ipv6(host: str) -> None:
    assert is_allowed(host, NAMES)


def test_the_node_answers_to_the_names_of_itself_its_board_and_its_page_however_they_are_written() -> None:
    node, page = NodeTable(site="s", node="North-Dyke"), PageTable(host="Node-7.Farm.example")
    names = own_names(NodeConfig(node=node, camera=CameraTable(kind="folder"), page=page))
    for host in ("north-dyke", "node-7.farm.example:8080", socket.gethostname()):
        assert is_allowed(host, names)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "8.8.8.8", "100.128.0.1", "local", "",
        "x.local.evil",
    ],
)  # fmt: skip
def test_a_foreign_name_is_refused_because_it_may_be_rebound_to_the_node(host: str) -> None:
    assert not is_allowed(host, NAMES)


@given(st.text())
def test_no_host_header_breaks_the_guard_and_only_ours_pass(host: str) -> None:
    if is_allowed(host, NAMES):
        assert any(sign in host.lower() for sign in ("localhost", "north-dyke", ".local", ":", "."))


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_request_under_a_foreign_name_gets_a_sentence_and_no_data(
    address: str, client: FlaskClient, scene: Scene
) -> None:
    seen(scene)
    answer = client.get(address, headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert "planthopper" not in answer.text
    assert "address" in answer.text


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_forbids_inline_and_foreign_content_framing_and_guessing(
    address: str, client: FlaskClient
) -> None:
    headers = client.get(address, buffered=True).headers
    policy = headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("address", ["/node/x/y", "/node" + "/x" * 15_000])
def test_a_form_to_no_address_leads_to_the_first_page_at_once(address: str, client: FlaskClient) -> None:
    """The nearest page above a path of 30 kB was sought for seconds."""
    assert 'href="/?lang=sw"' in client.post(address).text


@pytest.mark.parametrize("path", ELSEWHERE)
def test_a_language_is_chosen_at_this_server_whatever_path_was_asked_for(path: str, client: FlaskClient) -> None:
    page = client.get("/", environ_overrides={"PATH_INFO": path}).text
    assert re.match(r"/[a-z%]", swahili_link(page))


def test_no_address_of_a_form_takes_a_path_of_any_depth(client: FlaskClient) -> None:
    """From there the page above is sought step by step."""
    rules = [rule for rule in client.application.url_map.iter_rules() if "POST" in (rule.methods or ())]
    assert rules
    assert not [rule.rule for rule in rules if "path:" in rule.rule]


def test_a_label_that_is_markup_is_shown_as_text(client: FlaskClient, scene: Scene) -> None:
    well(scene)
    evil = "<script>alert(1)</script>"
    scene.store.commit([sighting(scene.before(minutes=1), evil)])
    scene.board.show(problem="<img src=x onerror=alert(2)>")
    for address in ("/", "/node"):
        page = client.get(address).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in client.get("/").text


def test_pages_hold_no_inline_script_or_style_and_never_call_themselves_a_forecast(
    client: FlaskClient, any_scene: str
) -> None:
    for address in ("/", "/?lang=zh", "/node", "/live"):
        page = client.get(address).text
        assert "style=" not in page, any_scene
        assert "<style" not in page
        assert page.count("<script") == page.count('<script src="/static/')
        assert " on" + "click" not in page
        assert "forecast" not in page.lower()
        assert "预报" not in page


@pytest.mark.parametrize("name", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "a%00b", "x" * 400, HOPPER])
def test_a_picture_that_is_none_is_not_found(name: str, client: FlaskClient) -> None:
    assert client.get(f"/pictures/{name}").status_code == 404


def test_a_stored_picture_is_served_as_it_was_kept(client: FlaskClient, scene: Scene) -> None:
    jpeg = b"\xff\xd8 not decoded on the way \xff\xd9"
    scene.store.commit([sighting(scene.before(minutes=1))], jpeg)
    name = scene.store.latest_sightings(1)[0].record.picture
    answer = client.get(f"/pictures/{name}")
    assert answer.data == jpeg
    assert answer.mimetype == "image/jpeg"
