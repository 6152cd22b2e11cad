"""People in front of the page: accounts made through the store, logged in through the form."""

import re
from html import unescape

from argon2 import PasswordHasher
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from edge.page.trust import Role
from edge.store import Account
from tests.page.scenes import Scene

PASSWORD = "a long enough one"  # noqa: S105
# Its check takes 1 ms, not 30: what a password costs whoever is made on the page, test_trust.py holds
HASH = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
# A browser reads a backslash as a slash and drops a tab, and what begins with two slashes is another server's.
ELSEWHERE = ("/\\evil.example/x", "/\t/evil.example/x", "//evil.example/x")
TOKEN = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


def person(scene: Scene, role: Role, name: str = "") -> str:
    """An account of that role; its name."""
    name = name or role.name.lower()
    scene.store.accounts.put(Account(name=name, role=role.name.lower(), hash=HASH), scene.clock.utc)
    return name


def token_on(client: FlaskClient, address: str) -> str:
    """The token in a form there."""
    found = TOKEN.search(client.get(address).text)
    assert found, f"no form on {address}"
    return found[1]


def form_on(page: str, action: str) -> dict[str, str]:
    """What a browser sends of the form that goes to `action`, as it stands there."""
    form, stands = page.partition(f'action="{action}"')[2].partition("</form>")[0], {}
    for tag in re.findall("<input ([^>]*)>", form):
        told = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if told.get("type") != "checkbox":
            stands[told["name"]] = unescape(told.get("value", ""))
        elif tag.endswith(" checked"):
            stands[told["name"]] = "on"
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"(.*?)</select>', form, re.DOTALL):
        stands[name] = re.findall(r'<option value="([^"]*)" selected', options)[0]
    return stands


def headline(page: str) -> str:
    """The big sentence."""
    return page.partition('<h1 id="headline">')[2].partition("</h1>")[0]


def post(client: FlaskClient, address: str, form_at: str, **fields: str) -> TestResponse:
    """Fill in and send a form that stands on the page `form_at`."""
    return client.post(address, data={"csrf": token_on(client, form_at), **fields})


def log_in(client: FlaskClient, name: str, password: str = PASSWORD) -> TestResponse:
    return post(client, "/log-in", "/log-in", name=name, password=password)


def on_another_page(technician: FlaskClient) -> FlaskClient:
    """The same phone, which does not wait for the answer to a form before it sends the next one."""
    other, cookie = technician.application.test_client(), technician.get_cookie("fieldeye")
    assert cookie is not None
    other.set_cookie("fieldeye", cookie.value)
    return other


def as_role(client: FlaskClient, scene: Scene, role: Role) -> FlaskClient:
    """The same browser, logged in with an account of that role; Role.NOBODY: not logged in on a claimed node."""
    person(scene, Role.TECHNICIAN)
    if role is not Role.NOBODY:
        assert log_in(client, person(scene, role)).status_code == 303
    return client


def technician_of(scene: Scene, restarts: list[str]) -> FlaskClient:
    """On a page that may ask the node to begin anew, which goes into `restarts`."""
    app = scene.app(begin_again=lambda: restarts.append("again"))
    return as_role(app.test_client(), scene, Role.TECHNICIAN)


def swahili_link(page: str) -> str:
    """Where the menu of languages leads, without what follows the path."""
    (link,) = re.findall(r'href="([^"]*)\?lang=sw"', page)
    return str(link)
