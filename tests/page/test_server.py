"""The page on a real port."""

import gc
import re
import resource
import secrets
import select
import socket
import sqlite3
import stat
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from types import FrameType

import pytest

from edge.board import BoardReading, read_board
from edge.errors import FieldeyeError, ThreadStuckError
from edge.page import PageServer, serve
from edge.page.access import needs
from edge.page.server import DROPPED_BYTES, address_of
from edge.page.trust import Role, digest
from tests.network import by_ipv6
from tests.page.scenes import Scene, seen, well
from tests.page.visitors import TOKEN, person
from tests.slow_card import stalled_commits
from tests.waiting import wait_until


def served(scene: Scene) -> PageServer:
    return serve(scene.app(), "127.0.0.1", 0)


def get(server: PageServer, address: str, host: str = "127.0.0.1") -> tuple[int, bytes]:
    connection = HTTPConnection(host, server.port, timeout=60)
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


@pytest.mark.parametrize(
    ("host", "shown"), [("", "127.0.0.1"), ("192.168.4.7", "192.168.4.7"), ("fd00::7", "[fd00::7]")]
)
def test_the_address_that_is_told_can_be_typed_into_a_browser_on_this_machine(host: str, shown: str) -> None:
    assert address_of(host, 8080) == f"http://{shown}:8080/"


def test_closing_does_not_wait_for_an_open_connection_frees_the_port_and_may_be_repeated(scene: Scene) -> None:
    before = set(threading.enumerate())
    server = served(scene)
    kept_open = socket.create_connection(("127.0.0.1", server.port))
    server.close()  # raises if it takes more than STOP_S
    server.close()
    kept_open.close()
    # A node begins again, with a page of its own, each time settings are changed.
    wait_until(lambda: before.issuperset(threading.enumerate()), within_s=10)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)


def test_closing_while_a_phone_is_answered_writes_into_nothing_that_is_closed(scene: Scene) -> None:
    """An answer wakes the loop with what the closing thread has just asked for, before that one has woken it itself."""
    server = served(scene)
    (loop,) = [one for one in threading.enumerate() if one.name == "page"]
    phone = socket.create_connection(("127.0.0.1", server.port))

    def meanwhile(frame: FrameType, _event: str, _given: object) -> None:
        if frame.f_code.co_name == "_physical_pull":
            phone.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
            loop.join(60)

    traced = sys.gettrace()
    sys.settrace(meanwhile)
    try:
        server.close()
    finally:
        sys.settrace(traced)
        phone.close()
    assert not loop.is_alive()


def test_closing_does_not_wait_until_a_quiet_loop_turns(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.page.server.WAKE_S", 600.0)
    served(scene).close()


def test_a_page_that_does_not_stop_is_told_and_may_be_closed_again_once_it_does(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = Event()
    server = serve(scene.app(), "127.0.0.1", 0, guard=lambda work: (work(), goes_on.wait(60))[0])
    monkeypatch.setattr("edge.page.server.STOP_S", 0.1)
    with pytest.raises(ThreadStuckError, match=f"the page on port {server.port} did not stop .*; restart the node"):
        server.close()
    goes_on.set()
    monkeypatch.undo()
    server.close()


def test_a_port_in_use_is_named_with_a_remedy(scene: Scene) -> None:
    server = served(scene)
    try:
        with pytest.raises(FieldeyeError, match=rf"port {server.port} on 127\.0\.0\.1 is used.*node\.toml"):
            serve(scene.app(), "127.0.0.1", server.port)
    finally:
        server.close()


@by_ipv6
def test_a_page_on_both_kinds_of_address_answers_by_both_and_knows_its_own_machine(scene: Scene) -> None:
    """By IPv4 it was not there, as doctor and support bundle found, and metrics ask this machine for no token."""
    with closing(serve(scene.app(), "::", 0)) as server:
        assert server.url == f"http://127.0.0.1:{server.port}/"
        assert [get(server, "/metrics", host)[0] for host in ("127.0.0.1", "::1")] == [200, 200]


@by_ipv6
def test_who_guesses_by_ipv4_on_a_page_for_both_waits_under_that_address(scene: Scene) -> None:
    person(scene, Role.TECHNICIAN)
    server = serve(scene.app(), "::", 0)
    with closing(server), closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as guesser:
        guesser.request("GET", "/log-in")
        form = guesser.getresponse()
        token, cookie = TOKEN.findall(form.read().decode())[0], str(form.getheader("Set-Cookie"))
        kind = "application/x-www-form-urlencoded"
        guesser.request("POST", "/log-in", f"name=a&password=b&csrf={token}", {"Cookie": cookie, "Content-Type": kind})
        assert guesser.getresponse().status == 400
    assert scene.store.accounts.failures("127.0.0.1", scene.clock.utc)[0] == 1


def test_an_address_of_another_machine_is_refused_with_a_sentence(scene: Scene) -> None:
    with pytest.raises(FieldeyeError, match=r"port 0 on 192\.0\.2\.1 cannot be opened"):
        serve(scene.app(), "192.0.2.1", 0)


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


def test_phones_reading_at_once_are_all_answered_and_fill_no_log(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    seen(scene)
    server = served(scene)
    answers: list[int] = []
    phones = [Thread(target=lambda: answers.append(get(server, "/")[0])) for _ in range(20)]
    try:
        for phone in phones:
            phone.start()
        for phone in phones:
            phone.join(60)
    finally:
        server.close()
    assert answers == [200] * 20
    assert caplog.messages == []


def test_a_phone_that_waits_for_the_card_keeps_no_other_waiting(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    well(scene)
    app, waits, goes_on = scene.app(), Event(), Event()

    def held_once(folder: Path) -> BoardReading:
        if not waits.is_set():
            waits.set()
            goes_on.wait(60)
        return read_board(folder)

    def status() -> int:
        return app.test_client().get("/node").status_code

    monkeypatch.setattr("edge.page.glance.read_board", held_once)
    with ThreadPoolExecutor(2) as phones:
        first = phones.submit(status)
        try:
            assert waits.wait(60)
            assert phones.submit(status).result(30) == 200
        finally:
            goes_on.set()
        assert first.result(60) == 200


def test_what_is_too_large_to_be_a_question_is_refused(scene: Scene) -> None:
    server = served(scene)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("POST", "/", body=b"x" * 70_000)
        assert connection.getresponse().status == 413
    finally:
        connection.close()
        server.close()


def asked(server: PageServer, lines: str, body: bytes = b"") -> str:
    """First line of the answer to these header lines and what is sent of a body."""
    with line_to(server) as line:
        line.sendall(f"POST {lines}\r\nHost: localhost\r\n\r\n".encode() + body)
        return line.recv(4096).decode().partition("\r\n")[0]


def cookie_of(scene: Scene, role: Role) -> str:
    token = secrets.token_urlsafe(32)
    scene.store.accounts.begin(digest(token), person(scene, role), scene.clock.utc)
    return f"Cookie: fieldeye={token}"


@pytest.fixture
def impatient(scene: Scene) -> Iterator[PageServer]:
    app = scene.app()
    with closing(serve(app, "127.0.0.1", 0, patience_s=1)) as server:
        yield server


HEAD = "POST /log-in HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "begin", ["GET / HTTP/1.1\r\nX: ", HEAD + "Content-Length: 60000\r\n\r\n"], ids=["head", "body"]
)
def test_who_sends_a_request_byte_by_byte_holds_no_place_for_long(begin: str, impatient: PageServer) -> None:
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=0.05) as line:
        line.sendall(begin.encode())
        wait_until(lambda: is_closed_though_fed(line, b"x"), within_s=20)


@pytest.mark.parametrize(
    ("head", "piece", "answer"),
    [
        (HEAD, b"x" * 1000, b"HTTP/1.1 400 BAD REQUEST"),  # taken in, and then its token is missing
        (HEAD.replace("/log-in", "/photo"), b"x" * 20_000, b"HTTP/1.1 303 See Other"),  # to where one logs in
    ],
    ids=["form", "photograph that is not taken in"],
)
def test_what_takes_longer_on_a_slow_phone_is_answered(
    head: str, piece: bytes, answer: bytes, impatient: PageServer
) -> None:
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=0.05) as line:
        line.sendall(f"{head}Content-Length: {60 * len(piece)}\r\n\r\n".encode())
        assert not any(is_closed_though_fed(line, piece) for _ in range(59))  # 20 kB/s or more for three seconds
        line.settimeout(60)
        line.sendall(piece)
        assert line.recv(4096).startswith(answer)


def is_closed_though_fed(line: socket.socket, more: bytes) -> bool:
    """After a twentieth of a second."""
    try:
        line.sendall(more)
        return line.recv(4096) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_of_requests_sent_at_once_the_first_is_answered(scene: Scene) -> None:
    """All were, into memory: 199 pictures for each connection that did not read."""
    with closing(served(scene)) as server, line_to(server) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
        told = line.makefile("rb").read()
    assert (told.count(b"HTTP/1.1 200 OK"), told.count(b"Connection: close")) == (1, 1)


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b"GET http://[::1 HTTP/1.1", b"HTTP/1.1 400 Bad Request"),
        (b"GET / HTTP/1.1\r\nno header", b"HTTP/1.0 400 Bad Request"),
        (b"POST /photo HTTP/1.1\r\nCookie: fieldeye=\xff\xfe", b"HTTP/1.1 403 FORBIDDEN"),
    ],
)
def test_an_address_a_header_and_a_cookie_that_cannot_be_read_are_answered(
    head: bytes, answer: bytes, scene: Scene
) -> None:
    with closing(served(scene)) as server, line_to(server) as line:
        line.sendall(head + b"\r\nHost: localhost\r\n\r\n")
        assert line.recv(4096).startswith(answer + b"\r\n")


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PLACES", 3), ("QUIET_S", 0.05), ("STALLED_S", 0.2), ("WAKE_S", 0.05)):
        monkeypatch.setattr(f"edge.page.server.{name}", value)


@pytest.mark.parametrize(
    "begin",
    ["GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET / HTTP/1.1\r\nX: ", HEAD + "Content-Length: 9\r\n\r\n"],
    ids=["nothing more", "head", "body"],
)
@pytest.mark.usefixtures("crowded")
def test_who_keeps_a_connection_makes_way_for_the_next_phone(begin: str, scene: Scene) -> None:
    app = scene.app()
    with closing(serve(app, "127.0.0.1", 0, patience_s=600)) as server, ExitStack() as lines:
        for _ in range(5):
            lines.enter_context(line_to(server)).sendall(begin.encode())
        assert get(server, "/healthz")[0] == 200


@pytest.mark.parametrize("again", ["GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "\r\n\r\n"])
@pytest.mark.usefixtures("crowded")
def test_a_machine_that_asks_in_all_places_without_end_shuts_no_phone_out(
    again: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty lines did with two hundred line ends a second: none was ever quiet for half a second."""
    monkeypatch.setattr("edge.page.server.QUIET_S", 600)  # as if they asked on and on
    monkeypatch.setattr("edge.page.server.HELD_S", 0.05)
    app = scene.app()
    with closing(serve(app, "127.0.0.1", 0, patience_s=600)) as server, ExitStack() as lines:
        for _ in range(5):
            lines.enter_context(line_to(server)).sendall(again.encode())
        assert get(server, "/healthz")[0] == 200


@pytest.mark.usefixtures("crowded")
def test_phones_in_all_places_keep_their_lines_while_nobody_waits_for_one(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a browser sends on a line that is just being closed is lost."""
    monkeypatch.setattr("edge.page.server.QUIET_S", 600)  # as if they asked on and on
    monkeypatch.setattr("edge.page.server.HELD_S", 0)
    with closing(serve(scene.app(), "127.0.0.1", 0)) as server, ExitStack() as lines:
        phones = [HTTPConnection("127.0.0.1", server.port, timeout=60) for _ in range(3)]
        for phone in phones:
            phone.connect()
            lines.callback(phone.close)
            phone.auto_open = 0
        for phone in phones * 5:
            phone.request("GET", "/healthz")
            assert phone.getresponse().read() == b'{"ok":true}\n'


@pytest.mark.usefixtures("crowded")
def test_who_waits_for_an_answer_keeps_the_line_in_a_crowd(scene: Scene) -> None:
    app, waits, goes_on = scene.app(), Event(), Event()
    app.get("/slow")(needs(Role.NOBODY)(lambda: str((waits.set(), goes_on.wait(60)))))
    with closing(serve(app, "127.0.0.1", 0)) as server, line_to(server) as phone, ExitStack() as lines:
        phone.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert waits.wait(20)
        for _ in range(5):
            lines.enter_context(line_to(server))
        assert get(server, "/healthz")[0] == 200
        goes_on.set()
        assert phone.recv(4096).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.usefixtures("crowded")
def test_who_hardly_reads_an_answer_makes_way(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.page.server.PLACES", 1)
    monkeypatch.setattr("edge.page.server.SLOWEST_BYTES_S", 100_000_000)
    app, size, read = scene.app(), 20_000_000, [0]
    app.get("/large")(needs(Role.NOBODY)(lambda: bytes(size)))

    def is_cut_off() -> bool:
        more = len(line.recv(20_000))
        read[0] += more
        return not more

    with closing(serve(app, "127.0.0.1", 0)) as server, line_to(server) as line:
        line.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(is_cut_off, within_s=5, every_s=0.001)
    assert read[0] < size


REFUSED = "HTTP/1.1 413 Request Entity Too Large"
PHOTO = "POST /photo HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize("address", ["/log-in", "/photo/../log-in", "/no-such-page"])
def test_nobody_unknown_makes_the_node_take_in_a_photograph(address: str, scene: Scene) -> None:
    """The answer comes at the header: not a byte of the body was waited for."""
    server = served(scene)
    try:
        for cookie in ("X: 1", "Cookie: fieldeye=made-up", cookie_of(scene, Role.READER)):
            told = asked(server, f"{address} HTTP/1.1\r\n{cookie}\r\nContent-Length: 7000000")
            assert told == REFUSED, cookie
        chunk = b"20000\r\n" + b"x" * 0x20000 + b"\r\n"  # never ends
        assert asked(server, f"{address} HTTP/1.1\r\nTransfer-Encoding: chunked", chunk) == REFUSED
    finally:
        server.close()


@pytest.mark.parametrize(
    ("role", "size", "place"),
    [
        (Role.NOBODY, 100_000, "/log-in?next=/photo&unsent=1"),  # logged out since the form was loaded
        (Role.NOBODY, 300_000, "/log-in?next=/photo&unsent=1"),
        (Role.READER, 300_000, "/log-in?next=/photo&unsent=1"),
        (Role.FARMER, 9_000_000, "/photo?wrong=too_large"),
    ],
)
def test_a_photograph_that_is_not_taken_in_leads_to_a_page_in_the_readers_language(
    role: Role, size: int, place: str, scene: Scene
) -> None:
    person(scene, Role.TECHNICIAN)
    cookie = "fieldeye=gone" if role is Role.NOBODY else cookie_of(scene, role).removeprefix("Cookie: ")
    server = served(scene)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("POST", "/photo", bytes(size), {"Cookie": cookie})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Location")) == (303, place)
    finally:
        connection.close()
        server.close()


def test_a_photograph_that_waits_for_the_card_stops_nobody_elses_page(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, farmers = served(scene), cookie_of(scene, Role.FARMER)
    scene.clock.advance(360)  # so that the card is told that the session is in use
    with closing(server), line_to(server) as photograph:
        with stalled_commits(monkeypatch) as is_waiting:
            photograph.sendall(f"{PHOTO}{farmers}\r\nContent-Length: 100000\r\n\r\n".encode() + bytes(100_000))
            assert is_waiting.wait(20)
            with line_to(server, within_s=20) as other:
                other.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert other.recv(4096).startswith(b"HTTP/1.1 200 OK")
        assert photograph.recv(4096).startswith(b"HTTP/1.1 400 BAD REQUEST")  # its token is missing


def test_three_forms_that_wait_for_the_card_stop_no_reader(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """So they do after three taps on a button that does not answer."""
    server = served(scene)
    phones = [HTTPConnection("127.0.0.1", server.port, timeout=60) for _ in range(3)]
    with closing(server), ExitStack() as opened:
        forms = []
        for phone in phones:
            opened.enter_context(closing(phone))
            name, _, cookie = cookie_of(scene, Role.FARMER).partition(": ")
            phone.request("GET", "/account", headers={name: cookie})
            forms.append(("csrf=" + TOKEN.findall(phone.getresponse().read().decode())[0], {name: cookie}))
        with stalled_commits(monkeypatch) as is_waiting:
            for phone, (form, cookies) in zip(phones, forms, strict=True):
                phone.request("POST", "/log-out", form, cookies | {"Content-Type": "application/x-www-form-urlencoded"})
            assert is_waiting.wait(20)
            assert get(server, "/")[0] == 200
            assert not any(select.select([phone.sock for phone in phones], [], [], 0)[0])
        assert [phone.getresponse().status for phone in phones] == [303] * 3


@pytest.mark.parametrize(("role", "hours"), [(Role.TECHNICIAN, 13), (Role.FARMER, 0.1)])
def test_somebody_who_loads_a_page_again_while_the_card_is_told_of_the_session_stops_nobody_else(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, role: Role, hours: float
) -> None:
    """It has run out, or is in use: either is kept, by one of the three who answer, once the answer is given."""
    server, cookie = served(scene), cookie_of(scene, role)
    scene.clock.advance(hours * 3600)
    with closing(server), ExitStack() as opened, stalled_commits(monkeypatch) as is_waiting:
        lines = [opened.enter_context(line_to(server, within_s=20)) for _ in range(4)]
        for line, who in zip(lines, (cookie, cookie, cookie, "DNT: 1"), strict=True):
            line.sendall(f"GET / HTTP/1.1\r\nHost: localhost\r\n{who}\r\n\r\n".encode())
        assert is_waiting.wait(20)
        for line in lines:
            assert line.recv(100_000).startswith(b"HTTP/1.1 200 OK")
        for line in lines:  # on which a phone may ask for more
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            wait_until(lambda line=line: b'{"ok":' in line.recv(100_000), within_s=20)


def test_a_session_that_has_run_out_brings_no_photograph(scene: Scene) -> None:
    server, technicians = served(scene), cookie_of(scene, Role.TECHNICIAN)
    scene.clock.advance(13 * 3600)
    with closing(server):
        told = asked(server, f"/photo HTTP/1.1\r\n{technicians}\r\nContent-Length: 200000", bytes(200_000))
    assert told == "HTTP/1.1 303 See Other"  # at its header: the view behind it says SEE OTHER


def test_a_photograph_that_comes_while_the_card_does_not_tell_who_sends_it_takes_the_page_from_nobody(
    scene: Scene, tmp_path: Path
) -> None:
    """It is asked in the loop that serves all."""
    server, farmers = served(scene), cookie_of(scene, Role.FARMER)
    with closing(sqlite3.connect(tmp_path / "accounts.sqlite")) as db, db:
        db.execute("DROP TABLE session")
    with closing(server):
        told = asked(server, f"/photo HTTP/1.1\r\n{farmers}\r\nContent-Length: 200000", bytes(200_000))
        assert told == "HTTP/1.1 303 See Other"
        assert get(server, "/healthz")[0] == 200


def test_what_is_not_taken_in_is_kept_nowhere_while_it_comes(scene: Scene) -> None:
    server, farmers = served(scene), cookie_of(scene, Role.FARMER)
    most, ended, before = 6_000_000, 1_000_000, held_bytes()
    with closing(server), line_to(server) as unknown, line_to(server) as known:
        for line, cookie in ((unknown, "Cookie: fieldeye=made-up"), (known, farmers)):
            line.sendall(f"{PHOTO}{cookie}\r\nContent-Length: {most + ended}\r\n\r\n".encode() + bytes(most))
        wait_until(lambda: held_bytes() - before >= most, within_s=20)
        assert held_bytes() - before == most  # the farmer's alone, which was sent after the other
        unknown.sendall(bytes(ended))
        assert unknown.recv(4096).startswith(b"HTTP/1.1 303 See Other")


def test_who_sends_without_end_what_is_not_taken_in_is_cut_off(impatient: PageServer) -> None:
    with line_to(impatient) as line:
        line.sendall(f"{PHOTO}Content-Length: {DROPPED_BYTES + 1}\r\n\r\n".encode())
        assert line.recv(4096).startswith(b"HTTP/1.1 303 See Other")
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=0.05) as line:
        line.sendall(f"{PHOTO}Content-Length: 7000000\r\n\r\n".encode())
        wait_until(lambda: is_closed_though_fed(line, bytes(200)), within_s=20)  # 4 kB/s: enough for a farmer


def line_to(server: PageServer, within_s: float = 60) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=within_s)


def held_bytes() -> int:
    """In this process's files without a name, where waitress keeps a body."""
    held = 0
    for opened in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            file = opened.stat()
            held += file.st_size if stat.S_ISREG(file.st_mode) and not file.st_nlink else 0
    return held


@pytest.mark.parametrize("who_goes", ["phone", "page"])
def test_the_file_of_a_photograph_that_breaks_off_is_closed_with_its_line(who_goes: str, scene: Scene) -> None:
    server, farmers, before = served(scene), cookie_of(scene, Role.FARMER), held_bytes()
    gc.collect()  # what the tests before left behind is not told here: since 3.13 Python closes a database aloud
    with warnings.catch_warnings(record=True) as told, line_to(server) as phone:
        warnings.simplefilter("always", ResourceWarning)  # Python's own, where it had to close what nobody did
        phone.sendall(f"{PHOTO}{farmers}\r\nContent-Length: 2000000\r\n\r\n".encode() + bytes(1_000_000))
        wait_until(lambda: held_bytes() - before >= 1_000_000, within_s=20)
        if who_goes == "phone":
            phone.close()
            wait_until(lambda: held_bytes() == before, within_s=20)
        server.close()
        gc.collect()
    assert [str(one.message) for one in told] == []


def test_a_photograph_for_which_the_disk_has_no_room_takes_the_page_from_nobody(scene: Scene) -> None:
    server, farmers = served(scene), cookie_of(scene, Role.FARMER)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_001, limits[1]))  # of a file; some bytes wait for its end in vain
    try:
        with line_to(server, 20) as phone, suppress(ConnectionError):  # the page hangs up
            phone.sendall(f"{PHOTO}{farmers}\r\nContent-Length: 3000000\r\n\r\n".encode() + bytes(2_000_000))
            phone.recv(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert get(server, "/log-in")[0] == 200
    server.close()


def test_a_farmers_photograph_is_taken_in_and_nothing_else_of_that_size(scene: Scene) -> None:
    server, cookie = served(scene), cookie_of(scene, Role.FARMER)
    part = b'--part\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    body = part + b"x" * 1_000_000 + b"\r\n--part--\r\n"
    length = f"{cookie}\r\nContent-Length: {len(body)}"
    try:
        told = asked(server, f"/photo HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=part\r\n{length}", body)
        assert told == "HTTP/1.1 400 BAD REQUEST"  # taken in, and then its token is missing
        assert asked(server, f"/done HTTP/1.1\r\n{length}") == REFUSED
    finally:
        server.close()
