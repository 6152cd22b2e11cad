"""Bundles that come in pieces: over MQTT, and over HTTP from a real server that breaks off."""

import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer, ThreadingTCPServer
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import UpdateError
from edge.updates.fetch import fetch_all
from edge.updates.inbox import COMING_S, MOST_DAYS, Inbox, Request
from edge.updates.slots import Places, said
from tests.faults.small_disk import left_by_a_power_cut, run_on_small_disk
from tests.waiting import wait_until

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
BLOCK = 65_536  # fetched at once
LOG_IN = b"<html>Welcome! Please top up your card.</html>" * 60
HTML = {"Content-Type": "text/html"}
BINARY = {"Content-Type": "application/octet-stream"}


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
    assert inbox.add("0" * 64, 10, 0, b"") == 0
    assert [path.stem for path in tmp_path.iterdir()] == [SHA256], "who asks how much is here sends nothing yet"


def test_pieces_that_do_not_make_the_announced_bundle_are_dropped(tmp_path: Path) -> None:
    assert Inbox(tmp_path).add(SHA256, 5, 0, b"other") == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size_bytes", [0, -1, 10**12, 3])
def test_a_size_that_cannot_be_is_refused(tmp_path: Path, size_bytes: int) -> None:
    with pytest.raises(UpdateError, match="announced"):
        Inbox(tmp_path).add(SHA256, size_bytes, 0, b"more")


def test_another_bundle_drops_a_half_that_has_stopped(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.add(SHA256, len(CONTENT), 0, CONTENT[:100])
    age(tmp_path / f"{SHA256}.part", COMING_S + 1)
    inbox.add("0" * 64, 10, 0, b"12345")
    assert [path.stem for path in tmp_path.iterdir()] == ["0" * 64]


def test_of_two_senders_the_second_is_refused_until_the_first_has_stopped(tmp_path: Path) -> None:
    """Each dropped the other's half for ever."""
    inbox = Inbox(tmp_path)
    inbox.add(SHA256, len(CONTENT), 0, CONTENT[:100])
    with pytest.raises(UpdateError, match="another bundle is coming in; stop its sender"):
        inbox.add("0" * 64, 10, 0, b"12345")
    with pytest.raises(UpdateError, match="another bundle is coming in; stop its sender"):
        inbox.ask_for(Request(url="http://127.0.0.1:1/x", sha256="0" * 64, bytes=10))
    assert inbox.add(SHA256, len(CONTENT), 100, CONTENT[100:200]) == 200


def test_an_inbox_that_cannot_be_used_is_told_to_whoever_sends_or_asks(tmp_path: Path) -> None:
    (taken := tmp_path / "inbox").write_text("in the place of the folder")
    with pytest.raises(UpdateError, match="/inbox: takes no bundle"):
        Inbox(taken).add(SHA256, 10, 0, b"12345")
    with pytest.raises(UpdateError, match="/inbox: takes no bundle"):
        Inbox(taken).ask_for(Request(url="http://127.0.0.1:1/x", sha256=SHA256, bytes=10))


NO_ROOM = """
import os, pathlib
from edge.errors import UpdateError
from edge.updates.inbox import Inbox, Request
inbox = Inbox(pathlib.Path(os.environ["DISK"]) / "inbox")
for ask in (
    lambda: inbox.add("0" * 64, 9_000_000, 0, b"12345"),
    lambda: inbox.ask_for(Request(url="http://127.0.0.1:1/x", sha256="0" * 64, bytes=9_000_000)),
):
    try:
        print(ask())
    except UpdateError as why:
        print(why)
print(len(os.listdir(os.environ["DISK"] + "/inbox")))
"""


def test_a_bundle_for_which_the_card_has_no_room_does_not_even_begin() -> None:
    *said, files = run_on_small_disk("-c", NO_ROOM, size="64m").splitlines()
    sentence = "/inbox: 67 MB are free, and this bundle needs 77; make room on the memory card, then send it again"
    assert [sentence in line for line in said] == [True, True]
    assert files == "0"


IN_ITS_PLACE = """
import os, pathlib
from edge.updates.inbox import COMING_S, Inbox, Request
folder = pathlib.Path(os.environ["DISK"]) / "inbox"
Inbox(folder).add("0" * 64, 4_500_000, 0, bytes(4_000_000))
os.utime(folder / ("0" * 64 + ".part"), (COMING_S, COMING_S))
Inbox(folder).ask_for(Request(url="http://127.0.0.1:1/x", sha256="1" * 64, bytes=4_500_000))
print(len(os.listdir(folder)))
"""


def test_the_half_that_makes_way_for_a_bundle_takes_no_room_from_it() -> None:
    assert run_on_small_disk("-c", IN_ITS_PLACE, size="64m") == "1\n", "67 MB, of which it needs 64"


HARDLY_ANY_ROOM = """
import os, pathlib
from edge.updates.inbox import Inbox
print(Inbox(pathlib.Path(os.environ["DISK"]) / "inbox").add("0" * 64, 2000, 0, b"sealed"))
"""


def test_a_rotated_password_comes_to_a_card_with_hardly_any_room() -> None:
    """It needed the 50 MB that a bundle of software leaves for pictures."""
    assert run_on_small_disk("-c", HARDLY_ANY_ROOM, size="1m") == "6\n"


ARRIVED = f"""
import os
from pathlib import Path
from edge.updates.inbox import Inbox
(disk := Path(os.environ["DISK"])).joinpath("inbox").mkdir()
(disk / "kept").symlink_to("inbox/{hashlib.sha256(b"a bundle").hexdigest()}.update")
for place in (disk / "inbox", disk):
    os.fsync(os.open(place, os.O_RDONLY))
Inbox(disk / "inbox").add("{hashlib.sha256(b"a bundle").hexdigest()}", 8, 0, b"a bundle")
"""


def test_a_bundle_that_is_whole_is_there_after_a_power_cut_since_its_sender_has_gone() -> None:
    """It lay as a part, which nobody asks for, on a card that writes its journal each half hour."""
    assert left_by_a_power_cut("commit=1800", "-c", ARRIVED) == "a bundle"


HALF_CAME = """
import os
from pathlib import Path
from edge.updates import inbox
inbox.ROOM_BYTES = 0
(disk := Path(os.environ["DISK"])).joinpath("inbox").mkdir()
(disk / "kept").symlink_to("inbox/" + "0" * 64 + ".part")
for place in (disk / "inbox", disk):
    os.fsync(os.open(place, os.O_RDONLY))
for begin in range(0, 1_200_000, 100_000):
    inbox.Inbox(disk / "inbox").add("0" * 64, 1_300_000, begin, b"x" * 100_000)
"""


def test_a_power_cut_takes_no_more_than_a_megabyte_of_a_bundle_that_is_coming() -> None:
    """A node that is awake for minutes, on a metered line, would begin anew each time."""
    assert left_by_a_power_cut("commit=1800", "-c", HALF_CAME) == "x" * 1_100_000


def pictures_take_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no card had room for any bundle."""
    monkeypatch.setattr("edge.updates.inbox.COPIES", 10**15)


def test_a_bundle_that_finds_no_room_drops_none_that_is_coming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox(tmp_path)
    inbox.ask_for(coming := Request(url="http://127.0.0.1:1/x", sha256=SHA256, bytes=len(CONTENT)))
    inbox.add(SHA256, len(CONTENT), 0, CONTENT[:1000])
    pictures_take_the_room(monkeypatch)
    with pytest.raises(UpdateError, match="make room on the memory card"):
        inbox.ask_for(Request(url="http://127.0.0.1:1/y", sha256="0" * 64, bytes=10))
    with pytest.raises(UpdateError, match="make room on the memory card"):
        inbox.add("0" * 64, 10, 0, b"12345")
    assert inbox.requests() == [coming]
    assert inbox.have_bytes(SHA256, len(CONTENT)) == 1000


@pytest.mark.parametrize("here_bytes", [1000, len(CONTENT)])
def test_a_bundle_that_is_here_by_half_or_waits_may_be_asked_for_again_on_a_card_without_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here_bytes: int
) -> None:
    inbox = Inbox(tmp_path)
    inbox.add(SHA256, len(CONTENT), 0, CONTENT[:here_bytes])
    pictures_take_the_room(monkeypatch)
    inbox.ask_for(again := Request(url="http://127.0.0.1:1/x", sha256=SHA256, bytes=len(CONTENT)))
    assert inbox.requests() == [again]


FULL = """
import os, pathlib
from edge.errors import UpdateError
from edge.updates.inbox import Inbox
disk, sha256 = pathlib.Path(os.environ["DISK"]), "0" * 64
inbox = Inbox(disk / "inbox")
print(inbox.add(sha256, 4_000_000, 0, bytes(1_000_000)))
with (disk / "pictures").open("wb") as pictures:
    try:
        while True:
            pictures.write(bytes(65_536))
            pictures.flush()
    except OSError:
        pass
try:
    print(inbox.add(sha256, 4_000_000, 1_000_000, bytes(1_000_000)))
except UpdateError as why:
    print(why)
print(len(os.listdir(disk / "inbox")))
"""


def test_a_bundle_that_comes_while_the_card_fills_up_gives_its_room_back() -> None:
    """It stayed, and pictures and records had none."""
    begun, said, files = run_on_small_disk("-c", FULL, size="64m").splitlines()
    assert (begun, files) == ("1000000", "0")
    assert "takes no bundle (No space left on device); make room on the memory card" in said


def age(path: Path, by_s: float) -> None:
    """As if it had been written so long ago."""
    then_s = path.stat().st_mtime - by_s
    os.utime(path, (then_s, then_s))


class Server(ThreadingHTTPServer):
    """Serves CONTENT, or refuses with `code`; breaks off after `most_bytes` an answer; knows ranges or not.

    `instead`: status, headers and body that come in place of all that.
    """

    most_bytes, ranges, code = len(CONTENT), True, 200
    instead: tuple[int, dict[str, str], bytes] | None = None
    begins: tuple[int, ...] = ()
    pause: Callable[[], None] | None = None
    pause_after = BLOCK


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range") if self.server.ranges else None
        begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.server.begins = (*self.server.begins, begin)
        if self.server.instead:
            self._answer(*self.server.instead)
            return
        if self.server.code != 200:
            self.send_error(self.server.code)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(CONTENT) - begin))
        self.end_headers()
        content = CONTENT[begin : begin + self.server.most_bytes]
        self.wfile.write(content[: self.server.pause_after])
        if self.server.pause:
            self.server.pause()
        self.wfile.write(content[self.server.pause_after :])

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(200 if self.path == "/log-in" else status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), _Handler) as running:
        Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


def asked(server: Server, folder: Path, sha256: str = SHA256, url: str = "http://127.0.0.1:{port}/x.update") -> Inbox:
    inbox = Inbox(folder)
    url = url.format(port=server.server_port)
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


@pytest.mark.parametrize("instead", [None, (200, {}, CONTENT + b"w")], ids=["as long", "longer, unsized"])
def test_another_file_than_was_announced_is_not_kept(
    server: Server, tmp_path: Path, instead: tuple[int, dict[str, str], bytes] | None
) -> None:
    server.instead = instead
    inbox = asked(server, tmp_path, "0" * 64)
    with pytest.raises(UpdateError, match="another file"):
        fetch_all(inbox)
    assert inbox.requests() == []
    assert not list(tmp_path.glob("*.update"))
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("here_bytes", [0, 1000])
@pytest.mark.parametrize(
    ("status", "headers"),
    [(200, {"Content-Length": str(len(LOG_IN))}), (200, HTML), (302, HTML | {"Location": "/log-in"})],
    ids=["sized", "unsized", "elsewhere"],
)
def test_the_page_of_a_network_that_wants_a_log_in_becomes_no_part_of_a_bundle(
    server: Server, tmp_path: Path, status: int, headers: dict[str, str], here_bytes: int
) -> None:
    """The rest was fetched behind it, dropped with it, and asked for no more."""
    inbox = asked(server, tmp_path)
    inbox.add(SHA256, len(CONTENT), 0, CONTENT[:here_bytes])
    server.instead = status, headers, LOG_IN
    with pytest.raises(UpdateError, match="a network's page to log in; what came is kept, the rest is tried again"):
        fetch_all(inbox)
    assert inbox.have_bytes(SHA256, len(CONTENT)) == here_bytes
    server.instead, server.begins = None, ()
    assert fetch_all(inbox) == 1
    assert server.begins == (here_bytes,)


@pytest.mark.parametrize(
    "headers",
    [{}, HTML | {"Content-Length": str(len(CONTENT))}, BINARY | {"Content-Length": str(len(CONTENT))}],
    ids=["unsized", "as HTML", "as it is"],
)
def test_a_server_may_call_a_bundle_html_or_what_it_is_or_not_say_its_length(
    server: Server, tmp_path: Path, headers: dict[str, str]
) -> None:
    server.instead = 200, headers, CONTENT
    assert fetch_all(asked(server, tmp_path)) == 1


@pytest.mark.parametrize("here_bytes", [0, 1000])
def test_a_file_that_is_longer_than_was_announced_is_given_up_at_once(
    server: Server, tmp_path: Path, here_bytes: int
) -> None:
    """It was fetched every five minutes for a week, and kept a solar node awake."""
    inbox = asked(server, tmp_path)
    inbox.add(SHA256, len(CONTENT), 0, CONTENT[:here_bytes])
    server.instead = 200, BINARY | {"Content-Length": str(len(CONTENT) + 1)}, CONTENT + b"w"
    with pytest.raises(UpdateError, match="is another file than was announced; tell the node of the right one"):
        fetch_all(inbox)
    assert inbox.requests() == []


@pytest.mark.parametrize("kind", ["application/xhtml+xml", "text/plain"])
def test_what_may_be_a_page_that_is_longer_than_a_small_bundle_is_tried_again(
    server: Server, tmp_path: Path, kind: str
) -> None:
    """A rotated password is shorter than any page to log in."""
    inbox = asked(server, tmp_path)
    server.instead = 200, {"Content-Length": str(len(CONTENT) + 1), "Content-Type": kind}, CONTENT + b"w"
    with pytest.raises(UpdateError, match="or a network's page to log in; what came is kept, the rest is tried again"):
        fetch_all(inbox)
    server.instead = None
    assert fetch_all(inbox) == 1


def test_a_server_may_send_only_a_part_of_the_rest_at_a_time(server: Server, tmp_path: Path) -> None:
    """It never got further."""
    inbox = asked(server, tmp_path)
    inbox.add(SHA256, len(CONTENT), 0, CONTENT[:1000])
    server.instead = 206, {"Content-Length": "500"}, CONTENT[1000:1500]
    with pytest.raises(UpdateError, match=f"ended after 1500 of {len(CONTENT)} bytes; the rest is tried again"):
        fetch_all(inbox)
    server.instead = None
    assert fetch_all(inbox) == 1
    assert server.begins == (1000, 1500)


def test_what_began_with_something_else_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    """The right file was given up as another one."""
    inbox = asked(server, tmp_path)
    inbox.add(SHA256, len(CONTENT), 0, LOG_IN)
    with pytest.raises(UpdateError, match="what came at several times does not fit; it is fetched anew"):
        fetch_all(inbox)
    assert fetch_all(inbox) == 1
    assert server.begins == (len(LOG_IN), 0)


def test_another_file_that_never_comes_in_one_go_is_fetched_anew_only_once(server: Server, tmp_path: Path) -> None:
    inbox, announced = asked(server, tmp_path, "0" * 64), ("0" * 64, len(CONTENT))
    for sentence in ("it is fetched anew", "is another file than was announced"):
        inbox.add(*announced, 0, CONTENT[:1000])
        with pytest.raises(UpdateError, match=sentence):
            fetch_all(inbox)
    assert inbox.requests() == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/x",
        "https:///x",
        "x",
        "http://me:secret@host/x",
        "https://files..example/x",
        f"https://{'x' * 64}.example/x",
        "https://host/a b",
        "https://host/\N{LATIN SMALL LETTER U WITH DIAERESIS}",
        "http://host:0/x",
        "http://host:eighty/x",
        "http://[::1/x",
    ],
)
def test_only_http_is_fetched_and_without_a_password_that_health_would_tell(tmp_path: Path, url: str) -> None:
    with pytest.raises(UpdateError, match="url must begin"):
        Inbox(tmp_path).ask_for(Request(url=url, sha256=SHA256, bytes=1))


def test_a_bundle_that_somebody_sends_while_it_is_fetched_comes_whole(server: Server, tmp_path: Path) -> None:
    """What was fetched after the sender's piece was added in a wrong place, and the whole was dropped."""
    inbox = asked(server, tmp_path)

    def send_a_piece() -> None:
        server.pause = None
        wait_until(lambda: inbox.have_bytes(SHA256, len(CONTENT)) == BLOCK, within_s=10)
        inbox.add(SHA256, len(CONTENT), BLOCK, CONTENT[BLOCK : BLOCK + 1000])

    server.pause = send_a_piece
    with pytest.raises(UpdateError, match="somebody else sends it as well; the rest is tried again"):
        fetch_all(inbox)
    assert fetch_all(inbox) == 1
    assert server.begins == (0, BLOCK + 1000)
    assert [path.name for path in tmp_path.iterdir()] == [f"{SHA256}.update"]


@pytest.mark.parametrize("pause_after", [0, BLOCK])
def test_a_bundle_that_is_being_fetched_gives_way_to_another_that_is_asked_for(
    server: Server, tmp_path: Path, pause_after: int
) -> None:
    """It was refused until the wrong one was here, or its server had been silent for a minute."""
    inbox = asked(server, tmp_path)
    another = Request(url="http://127.0.0.1:1/x.update", sha256="0" * 64, bytes=10)

    def ask_for_another() -> None:
        wait_until(lambda: inbox.have_bytes(SHA256, len(CONTENT)) == pause_after, within_s=10)
        inbox.ask_for(another)

    server.pause, server.pause_after = ask_for_another, pause_after
    assert fetch_all(inbox) == 0
    assert inbox.requests() == [another]
    assert [path.stem for path in tmp_path.iterdir()] == [another.sha256]


def test_a_bundle_that_is_being_fetched_gives_way_to_one_that_is_sent(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.ask_for(Request(url="http://127.0.0.1:1/x.update", sha256=SHA256, bytes=len(CONTENT)))
    inbox.add(SHA256, len(CONTENT), 0, CONTENT[:100])
    assert inbox.add("0" * 64, 10, 0, b"12345") == 5
    assert inbox.requests() == []


def flip_a_bit(request: Path) -> None:
    request.write_bytes(request.read_bytes().replace(b"http", b"\xe8ttp"))


def lead_nowhere(request: Path) -> None:
    request.unlink()
    request.symlink_to("nowhere")


@pytest.mark.parametrize("spoil", [flip_a_bit, lead_nowhere])
def test_a_request_that_cannot_be_read_is_dropped(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """A node would stay awake for it."""
    inbox = Inbox(tmp_path)
    inbox.ask_for(Request(url="http://127.0.0.1:1/x.update", sha256=SHA256, bytes=len(CONTENT)))
    (kept,) = tmp_path.iterdir()
    spoil(kept)
    assert inbox.requests() == []
    assert [*tmp_path.iterdir()] == []


class _Ftp(StreamRequestHandler):
    """Gives any file; data comes by another connection to the same port."""

    server: TCPServer

    def handle(self) -> None:
        port = self.server.server_address[1]
        answers = {b"USER": b"230", b"PASV": b"227 (127,0,0,1,%d,%d)" % divmod(port, 256), b"RETR": b"150"}
        self.wfile.write(b"220 \r\n")
        for line in self.rfile:
            self.wfile.write(answers.get(line[:4], b"200") + b" \r\n")


@pytest.fixture
def ftp() -> Iterator[int]:
    with ThreadingTCPServer(("127.0.0.1", 0), _Ftp) as running:
        running.daemon_threads = True
        Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running.server_address[1]
        running.shutdown()


@pytest.mark.parametrize(
    "place",
    ["http://files..example/x", "http://[::1/x", f"http://127.0.0.1:{10**20}/x", "ftp://127.0.0.1:{ftp}/x"],
    ids=["no host", "no address", "no port", "not http"],
)
def test_a_server_that_sends_to_an_impossible_place_is_told_and_given_up_after_a_week(
    server: Server, tmp_path: Path, ftp: int, place: str
) -> None:
    """Health said nothing of it, and the node stayed awake for it until its battery was empty."""
    server.instead = (302, {"Location": place.format(ftp=ftp), "Content-Length": "0"}, b"")
    inbox = asked(server, tmp_path)
    with pytest.raises(UpdateError, match="the rest is tried again"):
        fetch_all(inbox)
    assert "/x.update: " in told(tmp_path)
    age(tmp_path / f"{SHA256}.fetch", (MOST_DAYS + 1) * 86_400)
    with pytest.raises(UpdateError, match="nothing of it came for 7 days"):
        fetch_all(inbox)
    assert inbox.requests() == []


class _Talker(StreamRequestHandler):
    """Says something else than a bundle."""

    says = b""

    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(self.says + b"no" * 9000 + b"\r\n\r\n")


@pytest.mark.parametrize("says", [b"\x15\x03\x01\x00", b"HTTP/1.1 503 \x00"], ids=["another service", "a long reason"])
def test_of_what_another_service_or_a_talkative_server_says_health_tells_one_short_line(
    tmp_path: Path, says: bytes
) -> None:
    """Each health told up to 64 kB of it, and of one with a NUL in it the platform took nothing."""
    talker = type("Talker", (_Talker,), {"says": says})
    with ThreadingTCPServer(("127.0.0.1", 0), talker) as running:
        Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        inbox = Inbox(tmp_path)
        url = f"http://127.0.0.1:{running.server_address[1]}/x.update"
        inbox.ask_for(Request(url=url, sha256=SHA256, bytes=len(CONTENT)))
        with pytest.raises(UpdateError, match=r"/x\.update: (no){100}; what came is kept, the rest is tried again"):
            fetch_all(inbox)
        running.shutdown()
    assert told(tmp_path).isprintable()


@pytest.mark.parametrize(("code", "stays"), [(400, False), (403, False), (404, False), (410, False), (503, True)])
def test_an_address_that_gives_nothing_is_told_and_given_up_where_waiting_does_not_mend_it(
    server: Server, tmp_path: Path, code: int, stays: bool
) -> None:
    server.code = code
    inbox = asked(server, tmp_path)
    with pytest.raises(UpdateError):
        fetch_all(inbox)
    assert (bool(inbox.requests()), inbox.is_coming(datetime.now(UTC))) == (stays, stays)
    assert f"/x.update: {'Service Unavailable' if stays else f'gives nothing ({code} '}" in told(tmp_path)


def test_what_is_told_of_one_attempt_after_another_is_written_once(server: Server, tmp_path: Path) -> None:
    """Each five minutes for a week would wear the card."""
    server.code, inbox, written = 503, asked(server, tmp_path), set()
    for _ in range(2):
        with pytest.raises(UpdateError):
            fetch_all(inbox)
        written.add((tmp_path / "said").stat().st_mtime_ns)
    assert len(written) == 1


def test_no_bundle_waits_for_one_that_was_given_up_half_way(server: Server, tmp_path: Path) -> None:
    """It was refused for a minute, as if somebody sent the half, which is kept for who tells of it again."""
    inbox = asked(server, tmp_path)
    inbox.add(SHA256, len(CONTENT), 0, CONTENT[:1000])
    server.code = 404
    with pytest.raises(UpdateError, match="gives nothing"):
        fetch_all(inbox)
    assert inbox.have_bytes(SHA256, len(CONTENT)) == 1000
    inbox.ask_for(another := Request(url="http://127.0.0.1:1/x.update", sha256="0" * 64, bytes=10))
    assert inbox.requests() == [another]


def test_a_bundle_for_which_no_room_is_left_is_given_up_before_it_is_fetched(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = asked(server, tmp_path)
    pictures_take_the_room(monkeypatch)
    with pytest.raises(UpdateError, match="make room on the memory card, then send it again"):
        fetch_all(inbox)
    assert (server.begins, inbox.requests()) == ((), [])
    assert "make room on the memory card" in told(tmp_path)


def test_a_bundle_of_which_a_part_came_is_fetched_though_pictures_took_room_meanwhile(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = asked(server, tmp_path)
    inbox.add(SHA256, len(CONTENT), 0, CONTENT[:1000])
    pictures_take_the_room(monkeypatch)
    assert fetch_all(inbox) == 1


def told(inbox: Path) -> str:
    """What health says of it, on a node where nothing was installed yet."""
    return said(Places(opt=inbox / "opt", inbox=inbox))


@pytest.mark.parametrize(
    ("asked_days", "piece_days", "stays"),
    [
        (MOST_DAYS - 1, None, True),
        (MOST_DAYS + 1, None, False),
        (MOST_DAYS + 1, MOST_DAYS - 1, True),
        (MOST_DAYS + 2, MOST_DAYS + 1, False),
        (MOST_DAYS - 1, MOST_DAYS + 1, True),
    ],
)
def test_that_of_which_nothing_came_for_a_week_is_given_up_and_told(
    server: Server, tmp_path: Path, asked_days: float, piece_days: float | None, stays: bool
) -> None:
    server.code = 503
    inbox = asked(server, tmp_path)
    age(tmp_path / f"{SHA256}.fetch", asked_days * 86_400)
    if piece_days is not None:
        inbox.add(SHA256, len(CONTENT), 0, CONTENT[:10])
        age(tmp_path / f"{SHA256}.part", piece_days * 86_400)
    with pytest.raises(UpdateError):
        fetch_all(inbox)
    assert bool(inbox.requests()) == stays
    sentence = "Service Unavailable" if stays else "nothing of it came for 7 days; tell the node of it again"
    assert sentence in told(tmp_path)


def test_what_was_asked_for_before_the_clock_was_set_is_given_a_week_from_the_first_failure_afterwards(
    server: Server, tmp_path: Path
) -> None:
    """A board that had woken in the past gave it up at once, with "nothing of it came for 7 days"."""
    server.code, request = 503, tmp_path / f"{SHA256}.fetch"
    inbox, url = Inbox(tmp_path), f"http://127.0.0.1:{server.server_port}/x.update"
    inbox.ask_for(Request(url=url, sha256=SHA256, bytes=len(CONTENT), is_undated=True))
    for days in (40, MOST_DAYS - 1):
        age(request, days * 86_400)
        with pytest.raises(UpdateError, match="Service Unavailable"):
            fetch_all(inbox)
    age(request, 2 * 86_400)
    with pytest.raises(UpdateError, match="nothing of it came for 7 days"):
        fetch_all(inbox)
    assert inbox.requests() == []


def test_a_bundle_that_comes_slowly_comes_however_long_it_takes(server: Server, tmp_path: Path) -> None:
    """A node that is awake for minutes, on a slow line, lost at day 7 what had come."""
    server.most_bytes = len(CONTENT) // 9
    inbox = asked(server, tmp_path)
    for _day in range(9):
        for path in tmp_path.iterdir():
            age(path, 86_400)
        with pytest.raises(UpdateError, match="ended after"):
            fetch_all(inbox)
    for path in tmp_path.iterdir():
        age(path, 86_400)
    assert fetch_all(inbox) == 1


def test_what_is_told_of_an_address_holds_no_signature(server: Server, tmp_path: Path) -> None:
    server.code = 404
    with pytest.raises(UpdateError):
        fetch_all(asked(server, tmp_path, url="http://127.0.0.1:{port}/x?signature=secret"))
    assert told(tmp_path).startswith(f"http://127.0.0.1:{server.server_port}/x: gives nothing")


def test_what_could_not_be_fetched_stands_behind_the_last_update_until_it_is_asked_for_anew(
    server: Server, tmp_path: Path
) -> None:
    server.code = 404
    with pytest.raises(UpdateError):
        fetch_all(asked(server, tmp_path))
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt/said").write_text("number 2, runs well\n")
    assert told(tmp_path).startswith("number 2, runs well; http://127.0.0.1")
    assert "404" in told(tmp_path)
    asked(server, tmp_path)
    assert told(tmp_path) == "number 2, runs well"
