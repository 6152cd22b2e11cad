"""What holds for each page of the desk: its way to the others, its language, its words when it cannot be shown."""

import hashlib
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from edge.platform.decode import Message
from edge.wire import ImageHeader, image_properties
from tests.page.visitors import ELSEWHERE, swahili_link
from tests.platform.desk.visitors import log_in
from tests.platform.fleet import Fleet
from tests.ports import free_port
from tests.waiting import next_line


@pytest.mark.parametrize("page", ["/", "/alerts", "/nodes", "/questions"])
def test_each_page_leads_to_the_others_and_out(still: FlaskClient, page: str) -> None:
    told = still.get(page).text
    assert [other for other in ("/", "/alerts", "/nodes", "/questions") if f'<a href="{other}"' not in told] == []
    assert 'action="/log-out"' in told


def test_a_stranger_is_shown_no_menu(still: FlaskClient) -> None:
    told = still.application.test_client().get("/log-in").text
    assert ("<nav" in told, "/log-out" in told) == (False, False)


@pytest.mark.parametrize(
    ("page", "code", "says"),
    [
        ("/nowhere", 404, "这里没有这个页面。"),
        ("/log-out", 405, "请稍后再试"),
        ("/questions/1/a%00b.jpg", 400, "请稍后再试"),
    ],
)
def test_what_cannot_be_shown_is_said_in_the_readers_language(
    still: FlaskClient, page: str, code: int, says: str
) -> None:
    answer = still.get(page, headers={"Accept-Language": "zh"})
    assert (answer.status_code, says in answer.text) == (code, True)


@pytest.mark.parametrize("path", ELSEWHERE)
def test_a_language_is_chosen_at_this_desk_whatever_path_was_asked_for(still: FlaskClient, path: str) -> None:
    page = still.get("/", environ_overrides={"PATH_INFO": path}).text
    assert re.match(r"/[a-z%]", swahili_link(page))


REFUSED = {  # and by how it is answered
    b"POST /log-in HTTP/1.1\r\nContent-Length: 1000000000": b"413 ",  # each stranger could lay that on the desk's disk
    b"POST /log-in HTTP/1.1\r\nContent-Length: " + b"9" * 5000: b"400 ",
    b"GET http://[::1 HTTP/1.1": b"400 ",
}


def test_what_is_too_large_for_a_form_or_no_request_is_refused_before_it_comes_without_a_traceback(
    still_url: str,
) -> None:
    port = free_port()
    run = (
        f"from edge.cli import platform_main; platform_main(['desk', '--database', {still_url!r}, '--port', '{port}'])"
    )
    desk = subprocess.Popen([sys.executable, "-c", run], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert next_line(desk) == f"http://127.0.0.1:{port}\n"
        for head, answer in REFUSED.items():
            with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
                line.sendall(head + b"\r\nHost: desk\r\n\r\n")
                assert line.recv(100).startswith(b"HTTP/1.1 " + answer)
    finally:
        desk.kill()
        _, logged = desk.communicate()
    assert logged == ""


def test_words_of_nodes_and_people_cannot_become_script(client: FlaskClient, fleet: Fleet) -> None:
    header = ImageHeader(kind="question", id="00000000-q2", bytes=3, note="<script>alert(1)</script>")
    told = Message("fieldeye/v1/s/a/image", b"abc", properties=image_properties(header))
    fleet.registry.note([told])
    log_in(client)
    answer = client.get("/questions")
    assert "&lt;script&gt;" in answer.text
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"""(src|href)=["'](https?:)?//""", answer.text)


VENDOR = Path(__file__).parents[3] / "edge/platform/desk/static/vendor"


def test_vendored_libraries_are_what_was_published() -> None:
    for line in (VENDOR / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name
    assert {path.name for path in VENDOR.glob("*.LICENSE")} == {"leaflet.LICENSE", "uplot.LICENSE"}
