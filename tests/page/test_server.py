"""The page on a real port."""

import re
import socket
import time
from http.client import HTTPConnection
from threading import Thread

import pytest

from edge.errors import FieldeyeError
from edge.page import PageServer, create_app, serve
from tests.page.scenes import Scene, seen


def served(scene: Scene) -> PageServer:
    return serve(create_app(scene.store, scene.board, scene.config, scene.clock), "127.0.0.1", 0)


def get(server: PageServer, address: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request("GET", address)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_free_port_is_bound_and_told(scene: Scene) -> None:
    server = served(scene)
    try:
        assert server.url == f"http://127.0.0.1:{server.port}/"
        assert get(server, "/healthz") == (200, b'{"ok":true}\n')
    finally:
        server.close()


def test_closing_takes_less_than_a_second_frees_the_port_and_may_be_repeated(scene: Scene) -> None:
    server = served(scene)
    kept_open = socket.create_connection(("127.0.0.1", server.port))
    begun = time.monotonic()
    server.close()
    server.close()
    assert time.monotonic() - begun < 1
    kept_open.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)


def test_a_port_in_use_is_named_with_a_remedy(scene: Scene) -> None:
    server = served(scene)
    try:
        with pytest.raises(FieldeyeError, match=rf"port {server.port} on 127\.0\.0\.1 is used.*node\.toml"):
            serve(create_app(scene.store, scene.board, scene.config, scene.clock), "127.0.0.1", server.port)
    finally:
        server.close()


def test_an_address_of_another_machine_is_refused_with_a_sentence(scene: Scene) -> None:
    with pytest.raises(FieldeyeError, match=r"port 0 on 192\.0\.2\.1 cannot be opened"):
        serve(create_app(scene.store, scene.board, scene.config, scene.clock), "192.0.2.1", 0)


def test_the_first_load_of_the_farmers_page_is_under_150_kb(scene: Scene) -> None:
    seen(scene)
    server = served(scene)
    try:
        _, page = get(server, "/")
        shown = set(re.findall(r'(?:<image href|<link [^>]*href|src)="([^"]+)"', page.decode()))
        assert len(shown) == 7  # two icons, manifest, sheet, script, photograph, picture for comparison
        total = len(page) + sum(len(get(server, part)[1]) for part in shown)
        assert total < 150_000, total
    finally:
        server.close()


def test_phones_reading_at_once_are_all_answered(scene: Scene) -> None:
    seen(scene)
    server = served(scene)
    answers: list[int] = []
    phones = [Thread(target=lambda: answers.append(get(server, "/")[0])) for _ in range(20)]
    try:
        for phone in phones:
            phone.start()
        for phone in phones:
            phone.join(20)
    finally:
        server.close()
    assert answers == [200] * 20


def test_what_is_too_large_to_be_a_question_is_refused(scene: Scene) -> None:
    server = served(scene)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request("POST", "/", body=b"x" * 70_000)
        assert connection.getresponse().status == 413
    finally:
        connection.close()
        server.close()
