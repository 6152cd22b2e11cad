"""A page behind somebody else's TLS: which names it answers to, and whom it believes who has asked."""

import json
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPMessage, HTTPSConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from edge.page import PageServer, serve
from edge.page.trust import Role
from tests.page.scenes import Scene, seen
from tests.page.visitors import PASSWORD, TOKEN, log_in, person
from tests.ports import free_port
from tests.waiting import wait_until

CADDY = shutil.which("caddy")
DOCUMENT = (Path(__file__).parents[2] / "docs" / "page.md").read_text("utf-8")
PROXY, PHONE, OTHER_PHONE = "127.0.0.1", "127.0.0.2", "127.0.0.3"  # a machine may ask from any of its addresses
AFAR = "192.168.4.20"
NAME, OTHER_NAME, FOREIGN = "farm.example", "paddy-3.lan", "evil.example"
FORGED = {"X-Forwarded-For": PROXY, "X-Forwarded-Proto": "https", "X-Forwarded-Host": NAME}
TOO_MANY = 7


class Phone:
    """Asks from an address of its own and keeps its cookies, as a browser does."""

    def __init__(self, line: HTTPConnection, **headers: str) -> None:
        self._line, self._headers, self.cookies = line, headers, dict[str, str]()

    def ask(self, address: str, **form: str) -> tuple[int, HTTPMessage, str]:
        headers = self._headers | {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        form_type = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        with closing(self._line) as line:
            line.request("POST" if form else "GET", address, urlencode(form) if form else None, headers | form_type)
            answer = line.getresponse()
            text = answer.read().decode("utf-8", "replace")
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, answer.headers, text

    def log_in(self, password: str = PASSWORD) -> tuple[int, HTTPMessage, str]:
        (token,) = set(TOKEN.findall(self.ask("/log-in")[2]))
        return self.ask("/log-in", csrf=token, name="technician", password=password)


@pytest.fixture
def node(scene: Scene) -> Iterator[PageServer]:
    """Its page, which knows a proxy and what that is called."""
    seen(scene)
    person(scene, Role.TECHNICIAN)
    scene.configure(page={"names": ("Farm.Example.", OTHER_NAME), "proxy": PROXY})
    with closing(serve(scene.app(), PROXY, 0)) as server:
        yield server


def phone(node: PageServer, address: str, **headers: str) -> Phone:
    """One that asks the node itself."""
    return Phone(HTTPConnection(PROXY, node.port, timeout=60, source_address=(address, 0)), **headers)


def forwarded(node: PageServer, address: str, name: str = NAME) -> Phone:
    """One whose request the proxy sends on, with what it says of it behind what the phone itself has claimed."""
    said = {"X-Forwarded-For": f"6.6.6.6, {address}", "X-Forwarded-Proto": "https", "X-Forwarded-Host": name}
    return phone(node, PROXY, **said)


def noted(scene: Scene) -> set[tuple[str, str]]:
    return {(entry.who.rpartition(" ")[2], entry.outcome) for entry in scene.store.audit_trail()}


@pytest.mark.parametrize(
    ("host", "status"),
    [(NAME, 200), ("FARM.example:8443", 200), (OTHER_NAME, 200), (FOREIGN, 421), ("x.farm.example", 421), ("", 421)],
)
def test_a_node_answers_to_the_names_in_its_configuration_asked_directly_or_by_way_of_its_proxy_and_to_no_other(
    host: str, status: int, node: PageServer
) -> None:
    direct = phone(node, PHONE, Host=host).ask("/")
    asked = [direct, *([forwarded(node, PHONE, host).ask("/")] if host else [])]
    assert [told for told, _, _ in asked] == [status] * len(asked)
    assert ("planthopper" in direct[2], "page.names" in direct[2]) == (status == 200, status == 421)


def test_behind_its_proxy_each_phone_waits_for_its_own_wrong_passwords_and_gets_a_cookie_for_https_alone(
    node: PageServer, scene: Scene
) -> None:
    guesser, owner = (forwarded(node, address) for address in (PHONE, OTHER_PHONE))
    _are_told_apart(guesser, owner, scene)
    assert forwarded(node, AFAR).ask("/metrics")[0] == 401  # though the proxy is on this machine
    assert phone(node, PROXY).ask("/metrics")[0] == 200


def test_what_a_phone_claims_of_itself_is_ignored_where_it_asks_the_node_directly(
    node: PageServer, scene: Scene
) -> None:
    assert phone(node, PHONE, Host=FOREIGN, **FORGED).ask("/")[0] == 421
    status, headers, _ = phone(node, PHONE, **FORGED).log_in()
    assert (status, noted(scene)) == (303, {(PHONE, "done")})
    assert [cookie for cookie in headers.get_all("Set-Cookie", []) if "Secure" in cookie] == []


@pytest.mark.parametrize(
    ("proxy", "peer", "is_believed"),
    [
        ((), PROXY, False), ("::1", PROXY, False), ("127.0.0.11", PROXY, False), (PROXY, PROXY, True),
        (("10.0.0.9", PROXY), PROXY, True), ("FD00:0::7", "fd00::7", True),
    ],
)  # fmt: skip
def test_nobody_is_believed_but_each_address_in_the_configuration_however_it_is_written(
    proxy: str | tuple[str, ...], peer: str, is_believed: bool, scene: Scene
) -> None:
    person(scene, Role.TECHNICIAN)
    scene.configure(page={"proxy": proxy})
    client = scene.app().test_client()
    client.environ_base |= {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": AFAR}
    assert log_in(client, "technician").status_code == 303
    assert noted(scene) == {(AFAR if is_believed else peer, "done")}


@pytest.mark.skipif(CADDY is None, reason="Caddy is not installed")
def test_behind_the_caddy_of_the_guide_each_phone_is_told_apart_and_none_can_be_another(
    node: PageServer, scene: Scene, tmp_path: Path
) -> None:
    with caddy(node, tmp_path) as port:
        forged = {"X-Forwarded-For": AFAR, "X-Forwarded-Proto": "http", "X-Forwarded-Host": FOREIGN}
        guesser, owner = (through(port, tmp_path, address, **forged) for address in (PHONE, OTHER_PHONE))
        _are_told_apart(guesser, owner, scene)
        state = json.loads(owner.ask("/api/v1/state")[2])
    assert state["node"] == scene.config.node.node


def _are_told_apart(guesser: Phone, owner: Phone, scene: Scene) -> None:
    for _ in range(TOO_MANY):
        told = guesser.log_in("x" * 12)[2]
    assert "Too many wrong attempts" in told
    status, headers, _ = owner.log_in()
    assert (status, headers["Location"]) == (303, "/")
    assert noted(scene) == {(PHONE, "refused"), (OTHER_PHONE, "done")}
    cookies = [*headers.get_all("Set-Cookie", []), *owner.ask("/?lang=sw")[1].get_all("Set-Cookie", [])]
    assert {"fieldeye", "fieldeye_device", "lang"} <= {cookie.partition("=")[0] for cookie in cookies}
    assert [cookie for cookie in cookies if "Secure" not in cookie] == []
    assert owner.ask("/people")[0] == 200


@contextmanager
def caddy(node: PageServer, folder: Path) -> Iterator[int]:
    """The Caddyfile of docs/page.md on free ports, with certificates of its own making; the port for https."""
    https, http = free_port(), free_port()
    (site,) = re.findall(r"```caddyfile\n(.*?)```", DOCUMENT, re.DOTALL)
    assert site.count("192.168.4.7:8080") == 1
    own = f"admin off\nlocal_certs\nskip_install_trust\nstorage file_system {folder}\n"
    own += f"https_port {https}\nhttp_port {http}"
    (folder / "Caddyfile").write_text(f"{{\n{own}\n}}\n{site.replace('192.168.4.7:8080', f'{PROXY}:{node.port}')}")
    command = [str(CADDY), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    with (folder / "caddy.log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            wait_until(lambda: _answers(https, folder), within_s=10)
            yield https
        finally:
            process.kill()


def _answers(port: int, folder: Path) -> bool:
    try:
        return through(port, folder, PHONE).ask("/healthz")[0] == 200
    except OSError:
        return False


class ByName(HTTPSConnection):
    """To a name that no resolver knows, on this machine."""

    def __init__(self, port: int, address: str, trusted: ssl.SSLContext) -> None:
        super().__init__(NAME, port)
        self._address, self._trusted = address, trusted

    def connect(self) -> None:
        line = socket.create_connection((PROXY, self.port), 60, (self._address, 0))
        self.sock = self._trusted.wrap_socket(line, server_hostname=NAME)


def through(port: int, folder: Path, address: str, **headers: str) -> Phone:
    """A phone that opens the proxy's address and trusts who signs its certificates."""
    trusted = ssl.create_default_context(cafile=str(folder / "pki/authorities/local/root.crt"))
    return Phone(ByName(port, address, trusted), **headers)
