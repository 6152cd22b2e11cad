"""Bundles that come in pieces: over MQTT, and over HTTP from a real server that breaks off."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import UpdateError
from edge.updates.fetch import fetch_all
from edge.updates.inbox import Inbox, Request

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@given(cuts=st.lists(st.integers(0, len(CONTENT)), max_size=6), repeats=st.booleans())
def test_any_pieces_in_order_become_the_bundle_also_when_each_comes_twice(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], repeats: bool
) -> None:
    folder = tmp_path_factory.mktemp("inbox")
    places = sorted({0, *cuts, len(CONTENT)})
    for begin, end in pairwise(places):
        for _ in range(1 + repeats):
            have = Inbox(folder).add(SHA256, len(CONTENT), begin, CONTENT[begin:end])
        assert have == end
    assert (folder / f"{SHA256}.update").read_bytes() == CONTENT


def test_a_piece_from_further_on_is_not_taken_and_the_answer_says_where_to_go_on(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    assert inbox.add(SHA256, len(CONTENT), 0, CONTENT[:100]) == 100
    assert inbox.add(SHA256, len(CONTENT), 200, CONTENT[200:300]) == 100
    assert inbox.add(SHA256, len(CONTENT), 0, b"") == 100


def test_pieces_that_do_not_make_the_announced_bundle_are_dropped(tmp_path: Path) -> None:
    assert Inbox(tmp_path).add(SHA256, 5, 0, b"other") == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size_bytes", [0, -1, 10**12, 3])
def test_a_size_that_cannot_be_is_refused(tmp_path: Path, size_bytes: int) -> None:
    with pytest.raises(UpdateError, match="announced"):
        Inbox(tmp_path).add(SHA256, size_bytes, 0, b"more")


def test_another_bundle_drops_the_half_that_is_there(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.add(SHA256, len(CONTENT), 0, CONTENT[:100])
    inbox.add("0" * 64, 10, 0, b"12345")
    assert [path.stem for path in tmp_path.iterdir()] == ["0" * 64]


class Server(ThreadingHTTPServer):
    """Serves CONTENT; breaks off after `most_bytes` an answer; knows ranges or not."""

    most_bytes, ranges = len(CONTENT), True
    begins: tuple[int, ...] = ()


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range") if self.server.ranges else None
        begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.server.begins = (*self.server.begins, begin)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(CONTENT) - begin))
        self.end_headers()
        self.wfile.write(CONTENT[begin : begin + self.server.most_bytes])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), _Handler) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def asked(server: Server, folder: Path, sha256: str = SHA256) -> Inbox:
    inbox = Inbox(folder)
    url = f"http://127.0.0.1:{server.server_port}/x.update"
    inbox.ask_for(Request(url=url, sha256=sha256, bytes=len(CONTENT)))
    return inbox


@pytest.mark.parametrize("ranges", [True, False])
def test_a_transfer_that_breaks_off_goes_on_where_it_was(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.most_bytes, server.ranges = 100_000, ranges
    inbox = asked(server, tmp_path)
    with pytest.raises(UpdateError, match="rest is tried again"):
        fetch_all(inbox)
    assert inbox.have_bytes(SHA256, len(CONTENT)) == 100_000
    server.most_bytes = len(CONTENT)
    assert fetch_all(Inbox(tmp_path)) == 1
    assert server.begins == (0, 100_000 if ranges else 0)
    assert [path.name for path in tmp_path.iterdir()] == [f"{SHA256}.update"]


@pytest.mark.parametrize("ending", [".update", ".part"])  # .part: the power went before it was checked
def test_a_bundle_that_is_here_is_not_fetched_again(server: Server, tmp_path: Path, ending: str) -> None:
    (tmp_path / f"{SHA256}{ending}").write_bytes(CONTENT)
    assert fetch_all(asked(server, tmp_path)) == 1
    assert server.begins == ()
    assert [path.name for path in tmp_path.iterdir()] == [f"{SHA256}.update"]


def test_another_file_than_was_announced_is_not_kept(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="another file"):
        fetch_all(asked(server, tmp_path, "0" * 64))
    assert not list(tmp_path.glob("*.update"))
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "https:///x", "x"])
def test_only_http_is_fetched(tmp_path: Path, url: str) -> None:
    with pytest.raises(UpdateError, match="url must begin"):
        Inbox(tmp_path).ask_for(Request(url=url, sha256=SHA256, bytes=1))
